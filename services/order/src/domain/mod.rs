//! What an order is and may become. Pure: no clock, no randomness, no database.

mod place;
mod status;

pub use place::{Placement, place};
pub use status::{Cancelling, Transition, apply, cancelling};
