//! Domain model: what an order is and may become. Pure: no clock, no randomness, no database.

mod from_cart;
mod request;
mod status;

pub use from_cart::{Placement, from_cart};
pub use request::{as_shown, check, receipt};
pub use status::{Cancelling, Transition, apply, cancelling};
