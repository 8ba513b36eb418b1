//! Process runtime, for any role: tasks that are drained, batched work, readiness, circuit breakers, and logs that are not
//! flooded. Roles and services are `souk-module`'s.

mod abandon;
mod batcher;
mod circuit_breaker;
mod log_throttle;
mod opaque;
pub mod private;
mod readiness;
mod tasks;

#[doc(hidden)]
pub use abandon::{abandon_everywhere, abandoned_after};
pub use batcher::{Batch, Batcher};
pub use circuit_breaker::{CallRejected, CircuitBreaker};
pub use log_throttle::{LogThrottle, should_log};
pub use opaque::Opaque;
pub use readiness::{Readiness, ReadyCheck};
pub use tasks::Tasks;
