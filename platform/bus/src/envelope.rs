//! Event envelope: CloudEvents 1.0 attributes around the owner's fact.

use jiff::Timestamp;
use serde_json::value::RawValue;
use souk_kernel::{Event, Problem};
use uuid::Uuid;

/// An event as a consumer gets it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Unique (CloudEvents `id`).
    pub id: Uuid,
    /// Owner's schema (CloudEvents `source`).
    pub source: String,
    /// `order.placed.v1` (CloudEvents `type`).
    pub event_type: String,
    /// What it is about (CloudEvents `subject`); order holds per aggregate.
    pub aggregate: Uuid,
    /// The aggregate's version after it.
    pub version: i64,
    /// When it was written, by the database's clock.
    pub time: Timestamp,
    /// W3C trace context of the request that caused it.
    pub traceparent: Option<String>,
    /// What other vendors say about its trace.
    pub tracestate: Option<String>,
    /// The fact, still encoded.
    pub data: Box<RawValue>,
}

impl Envelope {
    /// The fact, if it is an `E`; a fact of that type that cannot be read is an error, which ends in the dead letters.
    pub fn parse<E: Event>(&self) -> Result<Option<E>, Problem> {
        if self.event_type != E::TYPE {
            return Ok(None);
        }
        let fact = serde_json::from_str(self.data.get()).map_err(|error| {
            Problem::internal(format!("event {} of type {} is unreadable: {error}", self.id, E::TYPE))
        })?;
        Ok(Some(fact))
    }
}
