//! Domain model: what is true of a payment whatever the network does. Pure.

mod ledger;
mod payment;
mod refund;

pub use ledger::Line;
pub use payment::{Applied, Hold, Mismatch, PaymentState, ProviderReport};
pub use refund::{PriorRefund, RefundError, RefundState, decide_refund};
