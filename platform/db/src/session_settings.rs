//! Session settings: the login role of a schema, its search path and its timeouts, as every connection of a service has them.
//!
//! They go into the start packet, which costs no round trip; for connections that a pooler makes, the migrator sets them on the
//! role.

use std::time::Duration;

use crate::DbError;

/// Above every well-behaved statement (p95 < 50 ms), below every caller's patience.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// A transaction that is not gone on with holds locks and stalls every reader of the outbox: the server ends it.
pub(crate) const IDLE_IN_TRANSACTION_SECONDS: u64 = 30;
/// PostgreSQL cuts names at 63 bytes; the role's name has five more than the schema's.
const MAX_SCHEMA_BYTES: usize = 58;

/// Settings of a connection, as the start packet's `options`.
pub(crate) fn connection_settings(schema: &str, statement_timeout: Duration) -> String {
    // Statements are few, prepared and made for their indexes; left to itself, PostgreSQL goes on planning those that take
    // arrays anew at every execution, a fifth of what a checkout costs it.
    format!(
        "-c search_path={schema} -c statement_timeout={} -c idle_in_transaction_session_timeout={}s -c timezone=UTC \
         -c plan_cache_mode=force_generic_plan",
        statement_timeout.as_millis(),
        IDLE_IN_TRANSACTION_SECONDS,
    )
}

/// The login role of a schema.
pub(crate) fn role_of(schema: &str) -> String {
    format!("souk_{schema}")
}

/// Names that go into SQL text as identifiers: ours, never a client's, and checked all the same.
pub(crate) fn check_identifier(name: &str) -> Result<(), DbError> {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let rest = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if first && rest && name.len() <= MAX_SCHEMA_BYTES {
        return Ok(());
    }
    Err(DbError::Other(format!("{name:?} is not a usable name: lower-case letters, digits and underscores, please")))
}
