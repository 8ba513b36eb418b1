//! What is true of a payment whatever the network does. Pure.

mod books;
mod refund;
mod standing;

pub use books::Line;
pub use refund::{Known, RefundRefused, RefundState, decide_refund};
pub use standing::{Contradiction, Fact, Hold, Learned, Standing};
