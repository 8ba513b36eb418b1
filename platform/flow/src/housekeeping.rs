//! Retention: deletes rows that no caller can ask for any more, in batches small enough to hold no other statement up.

use souk_db::Db;

use crate::Schedule;

/// Days that events, inbox rows, ended sagas and idempotency keys are kept.
pub const KEEP_DAYS: i32 = 7;
/// Rows of one delete: short enough not to stall the readers of the log.
const CHUNK: i64 = 5_000;

const FORGET: [&str; 4] = [
    "delete from outbox where (xid, seq) in (
        select xid, seq from outbox where time < now() - make_interval(days => $1) limit $2)",
    "delete from inbox where (consumer, event_id) in (
        select consumer, event_id from inbox where at < now() - make_interval(days => $1 + 1) limit $2)",
    "delete from idempotency_key where (scope, key) in (
        select scope, key from idempotency_key where created_at < now() - make_interval(days => $1) limit $2)",
    "delete from saga where id in (
        select id from saga
        where phase in ('done', 'undone') and updated_at < now() - make_interval(days => $1) limit $2)",
];

/// The schedule every service runs, each in its own schema.
pub fn housekeeping(db: &Db) -> Schedule {
    let db = db.clone();
    Schedule::new("housekeeping", "17 * * * *", move || {
        let db = db.clone();
        async move {
            for statement in FORGET {
                while db.write_one(statement, &[&KEEP_DAYS, &CHUNK]).await? == CHUNK.unsigned_abs() {}
            }
            Ok(())
        }
    })
}
