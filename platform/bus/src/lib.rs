//! The event log as consumers see it: envelopes in order, from a position on. Default: the owners' outbox tables in
//! PostgreSQL, read directly (ARCHITECTURE 4). Consumers cannot tell it from a broker.

mod envelope;
mod log;
mod position;

pub use envelope::Envelope;
pub use log::{Log, MAX_READ, Wakes, channel};
pub use position::Position;
