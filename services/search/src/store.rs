//! SQL of search, what it keeps in the database itself: which one it is, the order of readings, who builds a shared index.

use std::collections::HashMap;

use souk_bus::OutboxOffset;
use souk_db::{Db, DbError, RowExt};
use souk_flow::Source;
use souk_kernel::Problem;
use uuid::Uuid;

/// A directory that was filled from another database reflects something else.
const IDENTITY: &str = "select (select system_identifier::text from pg_control_system())
        || '/' || (select oid::text from pg_database where datname = current_database()) as identity";
const READING: &str = "select nextval('reading') as reading";
const CURSORS: &str = "select source, xid::text as xid, seq from consumer_cursor where consumer = $1";
/// Events of an owner that a consumer has not applied. Over PostgreSQL the cursor leaves few to look at; over Kafka there is none,
/// and what was applied is told by the inbox, which is kept longer than the log.
macro_rules! behind {
    ($schema:literal) => {
        concat!(
            "select count(*) as behind from ",
            $schema,
            ".outbox o where (o.xid, o.seq) > ($1::text::xid8, $2) and o.type = any($3)
                and not exists (select from inbox i where i.consumer = $4 and i.event_id = o.id)
                and not exists (select from dead_letter d where d.consumer = $4 and d.event_id = o.id)"
        )
    };
}
const BEHIND: [(&str, &str); 3] =
    [("catalog", behind!("catalog")), ("pricing", behind!("pricing")), ("inventory", behind!("inventory"))];
const TAKE_LEASE: &str = "insert into build_lease as l (index_name, holder, lease_until)
    values ($1, $2, now() + make_interval(secs => $3))
    on conflict (index_name) do update set holder = excluded.holder, lease_until = excluded.lease_until
        where l.lease_until < now()";
const RENEW_LEASE: &str = "update build_lease set lease_until = now() + make_interval(secs => $3)
    where index_name = $1 and holder = $2";
const END_LEASE: &str = "delete from build_lease where index_name = $1 and holder = $2";

/// Every statement with its name, for the test that prepares them.
#[doc(hidden)]
pub fn statements() -> Vec<(&'static str, &'static str)> {
    vec![
        ("identity", IDENTITY),
        ("reading", READING),
        ("cursors", CURSORS),
        BEHIND[0],
        BEHIND[1],
        BEHIND[2],
        ("take_lease", TAKE_LEASE),
        ("renew_lease", RENEW_LEASE),
        ("end_lease", END_LEASE),
    ]
}

/// The name of this database among all databases.
pub(crate) async fn identity(db: &Db) -> Result<String, DbError> {
    db.primary().query_one(IDENTITY, &[]).await?.get_col("identity")
}

/// The number of a reading that begins now.
pub(crate) async fn reading(db: &Db) -> Result<i64, Problem> {
    let rows = db.write_returning(READING, &[]).await?;
    let row = rows.first().ok_or_else(|| Problem::internal("a sequence without a next value"))?;
    Ok(row.get_col("reading")?)
}

/// How far a consumer has read each owner's log.
pub(crate) async fn cursors(db: &Db, consumer: &str) -> Result<HashMap<String, OutboxOffset>, Problem> {
    let mut cursors = HashMap::new();
    for row in db.primary().query(CURSORS, &[&consumer]).await? {
        let xid: String = row.get_col("xid")?;
        let offset = OutboxOffset { xid: xid.parse().map_err(Problem::internal)?, seq: row.get_col("seq")? };
        cursors.insert(row.get_col("source")?, offset);
    }
    Ok(cursors)
}

/// How many events of the owners `consumer` has yet to apply, whatever carries them to it. Those parked do not count.
pub(crate) async fn behind(db: &Db, consumer: &str, sources: &[Source]) -> Result<u64, Problem> {
    let cursors = cursors(db, consumer).await?;
    let mut sum = 0;
    for Source { schema, types } in sources {
        let Some((_, sql)) = BEHIND.iter().find(|(owner, _)| owner == schema) else { continue };
        let at = cursors.get(*schema).copied().unwrap_or(OutboxOffset::START);
        let row = db.primary().query_one(sql, &[&at.xid.to_string(), &at.seq, types, &consumer]).await?;
        sum += row.get_col::<i64>("behind")?.unsigned_abs();
    }
    Ok(sum)
}

/// True when `holder` may build the index of this name, until the lease runs out.
pub(crate) async fn take_lease(db: &Db, name: &str, holder: Uuid, seconds: f64) -> Result<bool, DbError> {
    Ok(db.write_one(TAKE_LEASE, &[&name, &holder, &seconds]).await? == 1)
}

/// True when `holder` still may.
pub(crate) async fn renew_lease(db: &Db, name: &str, holder: Uuid, seconds: f64) -> Result<bool, DbError> {
    Ok(db.write_one(RENEW_LEASE, &[&name, &holder, &seconds]).await? == 1)
}

/// Lets others build.
pub(crate) async fn end_lease(db: &Db, name: &str, holder: Uuid) -> Result<(), DbError> {
    db.write_one(END_LEASE, &[&name, &holder]).await.map(drop)
}
