//! The offset of an event in its owner's outbox.

use serde::{Deserialize, Serialize};

/// Transaction id and sequence number: events are ordered by the transaction that wrote them, so that a slower
/// transaction with a lower sequence number is never skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutboxOffset {
    /// `pg_current_xact_id()` of the transaction.
    pub xid: u64,
    /// Order within it.
    pub seq: i64,
}

impl OutboxOffset {
    /// Before everything.
    pub const START: Self = Self { xid: 0, seq: 0 };
}

impl std::fmt::Display for OutboxOffset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.xid, self.seq)
    }
}
