//! All SQL of idempotent replies.

use souk_db::{Db, DbError, RowExt};
use uuid::Uuid;

use crate::{KEPT_HOURS, LEASE_SECONDS};

/// Rows of one delete.
const CHUNK: i64 = 5_000;

/// Takes a name that is free, too old, or held by a call that is late and asked the same.
const TAKE: &str = "
    insert into idempotent_reply as old (name, request, holder, locked_until)
    values ($1, $2, $3, now() + make_interval(secs => $4))
    on conflict (name) do update
    set request = excluded.request, holder = excluded.holder, locked_until = excluded.locked_until, reply = null,
        created_at = now()
    where old.created_at < now() - make_interval(hours => $5)
       or (old.reply is null and old.locked_until < now() and old.request = excluded.request)
    returning holder";
const FIND: &str = "select request, reply from idempotent_reply where name = $1";
const KEEP: &str = "update idempotent_reply set reply = $3 where name = $1 and holder = $2";
const FREE: &str = "delete from idempotent_reply where name = $1 and holder = $2 and reply is null";
const FORGET: &str = "
    delete from idempotent_reply where name in (
        select name from idempotent_reply where created_at < now() - make_interval(hours => $1) limit $2)";

/// Every statement, for the test that prepares them against the migrated schema.
#[doc(hidden)]
pub const STATEMENTS: &[(&str, &str)] =
    &[("TAKE", TAKE), ("FIND", FIND), ("KEEP", KEEP), ("FREE", FREE), ("FORGET", FORGET)];

/// Who has a name.
pub(crate) enum Taken {
    /// This call: it has to run.
    Now,
    /// An earlier one, for the request with this hash; with its sealed reply when it has ended.
    Before { request: Vec<u8>, reply: Option<Vec<u8>> },
}

pub(crate) async fn take(db: &Db, name: &[u8], request: &[u8], holder: Uuid) -> Result<Taken, DbError> {
    let lease = f64::from(LEASE_SECONDS);
    let taken = db.write_returning_opt(TAKE, &[&name, &request, &holder, &lease, &KEPT_HOURS]).await?;
    if taken.is_some() {
        return Ok(Taken::Now);
    }
    Ok(match db.primary().query_opt(FIND, &[&name]).await? {
        Some(row) => Taken::Before { request: row.get_col("request")?, reply: row.get_col("reply")? },
        // Freed just now: as long as the one who freed it is not done for its caller, it counts as under way.
        None => Taken::Before { request: request.to_vec(), reply: None },
    })
}

pub(crate) async fn keep(db: &Db, name: &[u8], holder: Uuid, reply: &[u8]) -> Result<(), DbError> {
    db.write_one(KEEP, &[&name, &holder, &reply]).await.map(drop)
}

pub(crate) async fn free(db: &Db, name: &[u8], holder: Uuid) -> Result<(), DbError> {
    db.write_one(FREE, &[&name, &holder]).await.map(drop)
}

pub(crate) async fn forget(db: &Db) -> Result<(), DbError> {
    while db.write_one(FORGET, &[&KEPT_HOURS, &CHUNK]).await? == CHUNK.unsigned_abs() {}
    Ok(())
}
