//! Identity: who a user is, how they prove it, and where they live.
//!
//! Owns schema `identity`: customers, staff, credentials, sessions with their refresh tokens, known devices, links sent by
//! mail, addresses, signing keys. Calls no other role. Emits `identity.customer_registered.v1`, `identity.link_requested.v1`,
//! `identity.login_attempts.v1`, `identity.email_change_requested.v1` and `identity.email_changed.v1`. Consumes nothing. Called by: gateway (REST, keys, sessions), storefront (sessions), the
//! command line (staff).
//!
//! All expiry is judged by the database's clock, access tokens included: they are issued at its `now()`.

mod domain;
mod email_change;
mod error;
mod hasher;
mod http;
mod keys;
mod links;
mod module;
mod schedules;
mod service;
mod sign_in;
#[doc(hidden)]
pub mod store;
mod token_pair;

use std::sync::Arc;

use souk_db::{Db, Migrations};
use souk_flow::Consumer;
use souk_kernel::{Clock, Ids, Secret};
use souk_redis::Redis;
use souk_runtime::Tasks;

pub use http::{operations, routes};
pub use module::SPEC;
pub use schedules::schedules;
pub use service::IdentityService;

/// Tables of this service.
pub const MIGRATIONS: Migrations = Migrations {
    schema: "identity",
    files: &[
        souk_flow::TABLES,
        ("0001_init", include_str!("../migrations/0001_init.sql")),
        ("0002_devices_and_links", include_str!("../migrations/0002_devices_and_links.sql")),
        souk_idempotency::TABLE,
        souk_flow::TRACE_CONTEXT,
        ("0007_email_change", include_str!("../migrations/0007_email_change.sql")),
    ],
};

/// What the service needs.
pub struct IdentityDeps {
    /// Its schema.
    pub db: Db,
    /// Where its background work runs.
    pub tasks: Tasks,
    /// The time in ids; nothing expires by it.
    pub clock: Clock,
    /// Where ids come from.
    pub ids: Ids,
    /// Seals the private signing keys in the database; the same for all instances, and not kept in the database.
    pub key_encryption_key: Secret<[u8; 32]>,
    /// Where live sessions are looked up first; without it PostgreSQL is asked every time.
    pub redis: Option<Redis>,
}

/// What the worker role reads: nothing.
pub fn consumers(_service: &Arc<IdentityService>) -> Vec<Arc<dyn Consumer>> {
    Vec::new()
}
