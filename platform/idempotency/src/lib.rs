//! `Idempotency-Key` for the unsafe routes of a service (draft-ietf-httpapi-idempotency-key-header): the first call under a
//! key runs and its reply is kept for a day; the same call again gets that reply, byte for byte.
//!
//! A layer around a service's public router, with a table in the service's schema. A call without a key passes it with
//! one comparison. The checkout has the same promise in the transaction of its order and is not touched here.
//!
//! Kept are replies that say what became of the call: 2xx, 3xx, and 4xx other than 401, 408 and 429. After the others the
//! key is free again. A process that dies between the effect and the kept reply leaves the key taken for
//! [`LEASE_SECONDS`]; then the same call runs again, so such an effect may happen twice.

mod call;
mod reply;
mod store;

use souk_db::Db;
use souk_flow::Schedule;

pub use call::around;
pub use store::STATEMENTS;

/// The migration of a service that uses this.
pub const TABLE: (&str, &str) = ("0004_idempotent_reply", include_str!("../migrations/idempotent_reply.sql"));

/// Seconds a call has: far more than the gateway waits for any.
pub const LEASE_SECONDS: i32 = 60;
/// Hours a reply is kept.
pub const KEPT_HOURS: i32 = 24;

/// Forgets replies that are too old, every hour.
pub fn housekeeping(db: &Db) -> Schedule {
    let db = db.clone();
    Schedule::new("idempotent replies", "29 * * * *", move || {
        let db = db.clone();
        async move { Ok(store::forget(&db).await?) }
    })
}
