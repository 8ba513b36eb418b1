//! Event log as consumers see it: envelopes in order, from an offset on. Default: the owners' outbox tables in PostgreSQL,
//! read directly (ARCHITECTURE 4); else the topics of a broker that relays fill from those tables ([`Broker`]; souk-kafka is
//! one). Consumers cannot tell ([`EventLog`] is what they are given, souk-flow what reads it for them).

mod broker;
mod envelope;
mod log;
mod outbox_offset;

use std::sync::Arc;

pub use broker::{Acknowledgement, Broker, GroupReader, Publisher, TailReader, TopicEnds, TopicOffset};
pub use envelope::Envelope;
pub use log::{Log, MAX_READ, MAX_RELAY, Wakes, channel};
pub use outbox_offset::OutboxOffset;

/// Which log a process reads.
#[derive(Clone, Default)]
pub enum EventLog {
    /// The owners' outbox tables.
    #[default]
    Postgres,
    /// Topics of a broker.
    Broker(Arc<dyn Broker>),
}

/// Events of one owner that a reader wants.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The owner's schema.
    pub schema: &'static str,
    /// Event types.
    pub types: &'static [&'static str],
}
