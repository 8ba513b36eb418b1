//! Event log as consumers see it: envelopes in order, from an offset on. Default: the owners' outbox tables in PostgreSQL,
//! read directly (ARCHITECTURE 4); with the feature `kafka`, topics that relays fill from those tables. Consumers cannot
//! tell ([`EventLog`] is what they are given, souk-flow what reads it for them).

mod envelope;
#[cfg(feature = "kafka")]
pub mod kafka;
mod log;
mod outbox_offset;

pub use envelope::Envelope;
#[cfg(feature = "kafka")]
pub use kafka::Kafka;
pub use log::{Log, MAX_READ, MAX_RELAY, Wakes, channel};
pub use outbox_offset::OutboxOffset;

/// Which log a process reads.
#[derive(Clone, Default)]
pub enum EventLog {
    /// The owners' outbox tables.
    #[default]
    Postgres,
    /// Topics of a Kafka cluster.
    #[cfg(feature = "kafka")]
    Kafka(Kafka),
}
