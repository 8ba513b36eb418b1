//! Owns: the demo shop, a catalogue grown from a seed with a drawn picture for every product.
//! Called by `souk up --demo` and by the bench. Pure: calls nothing, emits nothing, consumes nothing.

pub mod art;
pub mod catalogue;
mod dice;

pub use catalogue::{DEFAULT_PRODUCTS, DEFAULT_SEED, MAX_PRODUCTS, categories, generate};
