//! Roles of a process: which exist, in what order they start, how their tasks end and share work, whether they are ready.
//! Knows nothing of what a role does; the binary's table (`souk/src/modules.rs`) says that.

mod abandon;
mod batcher;
mod circuit_breaker;
mod log_throttle;
pub mod private;
mod readiness;
mod role;
mod tasks;

#[doc(hidden)]
pub use abandon::{abandon_everywhere, abandoned_after};
pub use batcher::{Batch, Batcher};
pub use circuit_breaker::{CircuitBreaker, CallRejected};
pub use log_throttle::{LogThrottle, should_log};
pub use readiness::{Readiness, ReadyCheck};
pub use role::{OrderError, Role, start_order};
pub use tasks::Tasks;
