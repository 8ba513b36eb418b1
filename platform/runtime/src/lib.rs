//! Roles of a process: which exist, in what order they start, how their tasks end and share work, whether they are ready.
//! Knows nothing of what a role does; the binary's table (`souk/src/modules.rs`) says that.

mod abandon;
mod combiner;
mod order;
pub mod private;
mod ready;
mod said;
mod tasks;

#[doc(hidden)]
pub use abandon::{abandon_everywhere, abandoned_after};
pub use combiner::{Batch, Combiner};
pub use order::{OrderError, Role, start_order};
pub use ready::{Readiness, ReadyCheck};
pub use said::{Said, now_and_then};
pub use tasks::Tasks;
