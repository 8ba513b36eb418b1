//! Distributed tracing: the trace context (W3C) of what a task does now, and spans that are kept until it is known whether
//! their trace is of interest. `souk-telemetry` exports them.
//!
//! The context is ambient, bound to a future by [`scope`], so that what a request causes finds it without carrying it: log
//! lines, statements, events, calls to the outside. Where work goes to another task or process it is carried: in `Cx`, in
//! rows, in headers. Off by default; then every entry here is one load of a flag, and no context exists.

mod context;
mod scope;
mod span;
mod tail;

pub use context::Trace;
pub use scope::{Entered, Scoped, current, enter, scope};
pub use span::{Kind, Span};
pub use tail::{Finished, Tracer, Value, install, on};
