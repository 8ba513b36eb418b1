//! Dead letters, events that failed too often, with those of the same aggregate behind them: parked by the consumer's
//! reader, shown to operators, applied again when they ask for it.

use jiff::Timestamp;
use serde_json::value::RawValue;
use souk_bus::Envelope;
use souk_db::{Db, DbError, Row, RowExt, Tx};
use souk_kernel::Problem;
use uuid::Uuid;

const PARKED: &str = "select exists (select from dead_letter where consumer = $1 and aggregate = $2) as any";
// An event that joins others of its aggregate which are about to be replayed goes with them. One that has had its effect
// is not parked: a log may show an event twice.
const PARK: &str = "insert into dead_letter
        (consumer, event_id, source, type, aggregate, version, time, traceparent, tracestate, data, error, replay_at)
    select $1::text, $2::uuid, $3::text, $4::text, $5::uuid, $6::bigint, $7::timestamptz, $8::text, $11::text,
        $9::text::json, $10::text,
        (select max(replay_at) from dead_letter where consumer = $1 and aggregate = $5)
    where not exists (select from inbox where consumer = $1 and event_id = $2)
    on conflict do nothing";
const ANY_PARKED: &str = "select exists (select from dead_letter where consumer = $1) as any";
const TO_REPLAY: &str =
    "select event_id, source, type, aggregate, version, time, traceparent, tracestate, data::text as data
    from dead_letter where consumer = $1 and source = $2 and replay_at <= now() order by time, version limit 100";
const REPLAYED: &str = "delete from dead_letter where consumer = $1 and event_id = $2";
const REPLAY_FAILED: &str = "update dead_letter set replay_at = null, error = $3
    where consumer = $1 and aggregate = $2";
/// True when anything of `consumer` is parked.
pub(crate) async fn any_parked(db: &Db, consumer: &str) -> Result<bool, Problem> {
    Ok(db.primary().query_one(ANY_PARKED, &[&consumer]).await?.get_col("any")?)
}

/// True when something of the same aggregate as `event` is parked.
pub(crate) async fn is_parked(db: &Db, consumer: &str, event: &Envelope) -> Result<bool, Problem> {
    Ok(db.primary().query_one(PARKED, &[&consumer, &event.aggregate]).await?.get_col("any")?)
}

/// Parks `event` when `tx` commits.
pub(crate) async fn park(tx: &Tx, consumer: &str, event: &Envelope, error: &str) -> Result<(), DbError> {
    let Envelope { id, source, event_type, aggregate, version, time, traceparent, tracestate, data } = event;
    let data = data.get();
    let parameters: [&(dyn souk_db::ToSql + Sync); 11] =
        [&consumer, id, source, event_type, aggregate, version, time, traceparent, &data, &error, tracestate];
    tx.execute(PARK, &parameters).await?;
    Ok(())
}

/// The oldest 100 that an operator wants applied again.
pub(crate) async fn to_replay(db: &Db, consumer: &str, source: &str) -> Result<Vec<Envelope>, Problem> {
    let rows = db.primary().query(TO_REPLAY, &[&consumer, &source]).await?;
    rows.iter().map(parked_event).collect()
}

/// Removes `event` when `tx` commits: it has been applied.
pub(crate) async fn replayed(tx: &Tx, consumer: &str, event: &Envelope) -> Result<(), DbError> {
    tx.execute(REPLAYED, &[&consumer, &event.id]).await?;
    Ok(())
}

/// Leaves the aggregate of `event` parked until an operator asks again.
pub(crate) async fn replay_failed(db: &Db, consumer: &str, event: &Envelope, error: &str) -> Result<(), Problem> {
    db.write_one(REPLAY_FAILED, &[&consumer, &event.aggregate, &error]).await?;
    Ok(())
}

fn parked_event(row: &Row) -> Result<Envelope, Problem> {
    let time: Timestamp = row.get_col("time")?;
    let data: String = row.get_col("data")?;
    Ok(Envelope {
        id: row.get_col("event_id")?,
        source: row.get_col("source")?,
        event_type: row.get_col("type")?,
        aggregate: row.get_col("aggregate")?,
        version: row.get_col("version")?,
        time,
        traceparent: row.get_col("traceparent")?,
        tracestate: row.get_col("tracestate")?,
        data: RawValue::from_string(data).map_err(Problem::internal)?,
    })
}

const LIST_DEAD: &str =
    "select consumer, event_id, aggregate, type, error from dead_letter order by parked_at limit 500";
const ASK_REPLAY: &str = "update dead_letter set replay_at = now() where consumer = $1 and aggregate = $2";

/// An operator's view on a service's parked events.
pub struct DeadLetters {
    db: Db,
}

/// A parked event.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DeadLetter {
    /// Whose.
    pub consumer: String,
    /// Which event.
    pub event_id: Uuid,
    /// Its aggregate, which is parked as a whole.
    pub aggregate: Uuid,
    /// Its type.
    pub event_type: String,
    /// Why it failed.
    pub error: String,
}

impl DeadLetters {
    /// Those in `db`'s schema.
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone() }
    }

    /// The oldest 500.
    pub async fn list(&self) -> Result<Vec<DeadLetter>, Problem> {
        let rows = self.db.primary().query(LIST_DEAD, &[]).await?;
        let decode = |row: &Row| {
            Ok::<_, DbError>(DeadLetter {
                consumer: row.get_col("consumer")?,
                event_id: row.get_col("event_id")?,
                aggregate: row.get_col("aggregate")?,
                event_type: row.get_col("type")?,
                error: row.get_col("error")?,
            })
        };
        Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
    }

    /// Has all parked events of an aggregate applied again, in order, by the consumer's reader. Returns how many.
    pub async fn replay(&self, consumer: &str, aggregate: Uuid) -> Result<u64, Problem> {
        Ok(self.db.write_one(ASK_REPLAY, &[&consumer, &aggregate]).await?)
    }
}
