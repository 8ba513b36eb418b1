//! Demo shop: a catalogue grown from a seed with a drawn picture for every product. Called by `souk up --demo`, `souk import
//! demo` and the bench; writes through the importer, emits and consumes nothing. Production builds do not link it.

pub mod catalogue;
mod pictures;
mod seed;

pub use catalogue::{DEFAULT_PRODUCTS, DEFAULT_SEED, MAX_PRODUCTS, categories, generate};
pub use pictures::picture_at;
pub use seed::fill;
