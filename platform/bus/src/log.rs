//! Event log on PostgreSQL: owners' outbox tables, read as a log.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::value::RawValue;
use souk_db::{Db, DbError, Row, RowExt};
use souk_kernel::Problem;
use tokio::sync::watch;

use crate::{Envelope, OutboxOffset};

/// Notification channel on which the writers of `schema` wake its readers, and only those.
pub fn channel(schema: &str) -> String {
    format!("souk_outbox_{schema}")
}

/// Events of one read: bounds memory and the length of the consumer's transaction.
pub const MAX_READ: i64 = 500;

/// After a wake-up the event may hide behind a transaction that is still running: look again soon.
const SOON: [Duration; 3] = [Duration::from_millis(5), Duration::from_millis(20), Duration::from_millis(80)];

/// Events of one read of a relay, which sends them on without a transaction.
pub const MAX_RELAY: i64 = 2000;

/// The log, read with the rights of one service.
#[derive(Clone)]
pub struct Log {
    db: Db,
}

impl Log {
    /// A reader that uses `db`'s login, which needs the right to read the owners' outboxes.
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone() }
    }

    /// Events of `types` written by `schema` after `after`, in order, at most `limit` (and [`MAX_READ`]). Stops before
    /// the oldest transaction still running, since that one may yet write lower offsets.
    pub async fn read(
        &self,
        schema: &'static str,
        types: &[&str],
        after: OutboxOffset,
        limit: i64,
    ) -> Result<Vec<(OutboxOffset, Envelope)>, Problem> {
        let xid = after.xid.to_string();
        let limit = limit.clamp(1, MAX_READ);
        let rows = self.db.primary().query(statements(schema).read, &[&xid, &after.seq, &types, &limit]).await?;
        Ok(rows.iter().map(|row| decode(schema, row)).collect::<Result<_, DbError>>()?)
    }

    /// Events of all types, like [`Log::read`], at most [`MAX_RELAY`].
    pub async fn read_all(
        &self,
        schema: &'static str,
        after: OutboxOffset,
    ) -> Result<Vec<(OutboxOffset, Envelope)>, Problem> {
        let xid = after.xid.to_string();
        let rows = self.db.primary().query(statements(schema).read_all, &[&xid, &after.seq, &MAX_RELAY]).await?;
        Ok(rows.iter().map(|row| decode(schema, row)).collect::<Result<_, DbError>>()?)
    }

    /// How many events of `types` lie after `after`: the lag.
    pub async fn behind(&self, schema: &'static str, types: &[&str], after: OutboxOffset) -> Result<u64, Problem> {
        let xid = after.xid.to_string();
        let row = self.db.primary().query_one(statements(schema).behind, &[&xid, &after.seq, &types]).await?;
        let behind: i64 = row.get_col("behind")?;
        Ok(behind.unsigned_abs())
    }

    /// The place from which on everything that is not yet visible will appear.
    pub async fn now(&self) -> Result<OutboxOffset, Problem> {
        let row = self.db.primary().query_one(NOW, &[]).await?;
        let xid: String = row.get_col("xid")?;
        Ok(OutboxOffset { xid: xid.parse().map_err(Problem::internal)?, seq: 0 })
    }

    /// The place before everything that `schema` wrote in the last `age`; [`Log::now`] when that is nothing.
    pub async fn since(&self, schema: &'static str, age: Duration) -> Result<OutboxOffset, Problem> {
        // First, so that nothing falls between the two.
        let now = self.now().await?;
        let rows = self.db.primary().query(statements(schema).since, &[&age.as_secs_f64()]).await?;
        let Some(row) = rows.first() else { return Ok(now) };
        let xid: String = row.get_col("xid")?;
        let first = OutboxOffset { xid: xid.parse().map_err(Problem::internal)?, seq: 0 };
        Ok(if first < now { first } else { now })
    }

    /// Wake-ups by the writers of `schemas`, from now on.
    pub fn wakes(&self, schemas: &[&str]) -> Wakes {
        Wakes { woken: schemas.iter().map(|schema| self.db.listen(&channel(schema))).collect(), looks: SOON.len() }
    }
}

/// Tells when to look at the log again. Keep it over a whole loop: what is written between a read and the wait is not missed.
pub struct Wakes {
    woken: Vec<watch::Receiver<u64>>,
    /// Looks since the last event or wake-up that found nothing; at first as if there had been enough, since nothing has
    /// been told yet.
    looks: usize,
}

impl Wakes {
    /// Call it before reading: only what is written from here on wakes the next wait.
    pub fn seen(&mut self) {
        self.woken.iter_mut().for_each(watch::Receiver::mark_unchanged);
    }

    /// Call it when a read found something: where that was, more may hide.
    pub fn found(&mut self) {
        self.looks = 0;
    }

    /// Waits for a moment, and is true, as long as what was written may still hide behind a transaction that is running;
    /// false when that has been looked for often enough.
    pub async fn look_again_soon(&mut self) -> bool {
        let Some(soon) = SOON.get(self.looks) else { return false };
        self.looks += 1;
        tokio::time::sleep(*soon).await;
        true
    }

    /// Waits until something was written (true), at most `timeout` (false).
    pub async fn wait(&mut self, timeout: Duration) -> bool {
        let changes = self.woken.iter_mut().map(|woken| Box::pin(woken.changed()));
        let (changed, ..) = match tokio::time::timeout(timeout, futures_util::future::select_all(changes)).await {
            Ok(first) => first,
            Err(_) => return false,
        };
        if changed.is_ok() {
            self.looks = 0;
        }
        changed.is_ok()
    }
}

const NOW: &str = "select pg_snapshot_xmin(pg_current_snapshot())::text as xid";

/// Statements over one owner's outbox.
#[derive(Clone, Copy)]
struct Statements {
    read: &'static str,
    read_all: &'static str,
    behind: &'static str,
    since: &'static str,
}

/// Made once per owner and never freed: there are as many as there are services, and statements are cached by address.
fn statements(schema: &'static str) -> Statements {
    static KNOWN: Mutex<BTreeMap<&'static str, Statements>> = Mutex::new(BTreeMap::new());
    let make = || Statements {
        read: select(schema, "and type = any($3)", "$4"),
        read_all: select(schema, "", "$3"),
        behind: String::leak(format!(
            "select count(*) as behind from \"{schema}\".outbox
             where (xid, seq) > ($1::text::xid8, $2) and type = any($3)"
        )),
        since: String::leak(format!(
            "select xid::text as xid from \"{schema}\".outbox
             where time > now() - make_interval(secs => $1) order by outbox.xid limit 1"
        )),
    };
    *KNOWN.lock().entry(schema).or_insert_with(make)
}

fn select(schema: &str, only: &str, limit: &str) -> &'static str {
    String::leak(format!(
        "select xid::text as xid, seq, id, type, aggregate, version, time, traceparent, tracestate, data::text as data
         from \"{schema}\".outbox
         where (xid, seq) > ($1::text::xid8, $2) and xid < pg_snapshot_xmin(pg_current_snapshot()) {only}
         order by outbox.xid, seq limit {limit}"
    ))
}

fn unreadable(column: &str) -> DbError {
    DbError::Column { column: column.to_owned(), detail: "not what the outbox writes".to_owned() }
}

fn decode(schema: &str, row: &Row) -> Result<(OutboxOffset, Envelope), DbError> {
    let xid: String = row.get_col("xid")?;
    let data: String = row.get_col("data")?;
    let time: Timestamp = row.get_col("time")?;
    let offset = OutboxOffset { xid: xid.parse().map_err(|_| unreadable("xid"))?, seq: row.get_col("seq")? };
    let envelope = Envelope {
        id: row.get_col("id")?,
        source: schema.to_owned(),
        event_type: row.get_col("type")?,
        aggregate: row.get_col("aggregate")?,
        version: row.get_col("version")?,
        time,
        traceparent: row.get_col("traceparent")?,
        tracestate: row.get_col("tracestate")?,
        data: RawValue::from_string(data).map_err(|_| unreadable("data"))?,
    };
    Ok((offset, envelope))
}
