//! Reading events: each has its effect once, in order per aggregate, and a poison event stops nobody but its own key.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::value::RawValue;
use souk_bus::{Envelope, Log, MAX_READ, Position};
use souk_db::{Db, DbError, Row, RowExt, Tx};
use souk_kernel::Problem;
use souk_modules::Tasks;
use uuid::Uuid;

/// Tries of one event before it is parked (PROMISES: poison message).
pub const MAX_TRIES: u32 = 5;
/// How long another process waits before it takes over from a reader that died.
const LEASE_SECONDS: f64 = 10.0;
/// Polling when nobody wakes us: covers lost notifications.
const IDLE: Duration = Duration::from_millis(1000);
/// After a wake-up the event may hide behind a transaction that is still running: look again soon.
const SOON: [Duration; 3] = [Duration::from_millis(5), Duration::from_millis(20), Duration::from_millis(80)];
/// Pause after a batch that was not full: what comes meanwhile shares the next one, and its commit.
const GATHER: Duration = Duration::from_millis(50);
/// First pause after a failure; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between tries while something that is needed is down.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Events of one owner that a consumer wants.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The owner's schema.
    pub schema: &'static str,
    /// Event types.
    pub types: &'static [&'static str],
}

/// Something that reacts to events.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Names the consumer group: `cart.orders`. Its cursor and inbox rows are kept under it.
    fn name(&self) -> &'static str;
    /// What it reads.
    fn sources(&self) -> &'static [Source];
    /// Applies a batch, in order, within the transaction that also records that it was applied. An error rolls the batch
    /// back; it is then tried event by event. `unavailable` and `timeout` are waited out, everything else counts as a
    /// try.
    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem>;
    /// Called after the commit of a batch: effects in memory, such as purging a cache.
    async fn applied(&self, _events: &[Envelope]) {}
}

/// Runs `consumer` until the process stops: one loop per source. `db` is the consumer's own service.
pub fn run_consumer(tasks: &Tasks, db: &Db, consumer: Arc<dyn Consumer>) {
    for source in consumer.sources() {
        let reader = Reader {
            consumer: consumer.clone(),
            source: *source,
            db: db.clone(),
            log: Log::new(db),
            tasks: tasks.clone(),
            holder: souk_kernel::Ids::random().v4(),
        };
        tasks.spawn(consumer.name(), reader.run());
    }
}

const ACQUIRE: &str = "insert into consumer_cursor as c (consumer, source, holder, lease_until)
    values ($1, $2, $3, now() + make_interval(secs => $4))
    on conflict (consumer, source) do update
        set holder = $3, lease_until = excluded.lease_until, epoch = c.epoch + 1
        where c.lease_until < now() or c.holder = $3
    returning c.xid::text as xid, c.seq, c.epoch";
const RENEW: &str = "update consumer_cursor set lease_until = now() + make_interval(secs => $4)
    where consumer = $1 and source = $2 and epoch = $3";
const ADVANCE: &str = "update consumer_cursor
    set xid = $4::text::xid8, seq = $5, lease_until = now() + make_interval(secs => $6)
    where consumer = $1 and source = $2 and epoch = $3";
const HAND_BACK: &str =
    "update consumer_cursor set lease_until = now() where consumer = $1 and source = $2 and epoch = $3";
const RECEIVE: &str = "insert into inbox (consumer, event_id) select $1, unnest($2::uuid[])
    on conflict do nothing returning event_id";
const PARKED: &str = "select distinct aggregate from dead_letter where consumer = $1 and aggregate = any($2)";
// An event that joins others of its aggregate which are about to be replayed goes with them.
const PARK: &str = "insert into dead_letter
        (consumer, event_id, source, type, aggregate, version, time, traceparent, data, error, replay_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::json, $10,
        (select max(replay_at) from dead_letter where consumer = $1 and aggregate = $5))
    on conflict do nothing";
const ANY_PARKED: &str = "select exists (select from dead_letter where consumer = $1) as any";
const TO_REPLAY: &str = "select event_id, source, type, aggregate, version, time, traceparent, data::text as data
    from dead_letter where consumer = $1 and source = $2 and replay_at <= now() order by time, version limit 100";
const REPLAYED: &str = "delete from dead_letter where consumer = $1 and event_id = $2";
const REPLAY_FAILED: &str = "update dead_letter set replay_at = null, error = $3
    where consumer = $1 and aggregate = $2";

struct Reader {
    consumer: Arc<dyn Consumer>,
    source: Source,
    db: Db,
    log: Log,
    tasks: Tasks,
    holder: Uuid,
}

/// The right to read for the group, until another process takes it.
struct Lease {
    position: Position,
    epoch: i64,
    any_parked: bool,
}

/// Somebody else reads now.
struct LeaseLost;

enum Stop {
    Problem(Problem),
    LeaseLost,
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Stop::Problem(problem)
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Stop::Problem(error.into())
    }
}

impl From<LeaseLost> for Stop {
    fn from(_: LeaseLost) -> Self {
        Stop::LeaseLost
    }
}

impl Reader {
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        while !self.tasks.stopping() {
            match self.acquire().await {
                Ok(Some(lease)) => match self.read(lease).await {
                    Ok(()) => return,
                    Err(Stop::LeaseLost) => tracing::warn!(consumer = self.name(), "another process reads now"),
                    Err(Stop::Problem(problem)) => {
                        self.complain("consumer stopped, will go on", &problem);
                        self.tasks.pause(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                        continue;
                    }
                },
                Ok(None) => {}
                Err(problem) => self.complain("consumer cannot start, will try again", &problem),
            }
            pause = FIRST_PAUSE;
            self.tasks.pause(IDLE).await;
        }
    }

    async fn acquire(&self) -> Result<Option<Lease>, Problem> {
        let lease = LEASE_SECONDS;
        let rows = self.db.write_returning(ACQUIRE, &[&self.name(), &self.source.schema, &self.holder, &lease]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let xid: String = row.get_col("xid")?;
        let position = Position { xid: xid.parse().map_err(Problem::internal)?, seq: row.get_col("seq")? };
        let parked = self.db.primary().query_one(ANY_PARKED, &[&self.name()]).await?;
        Ok(Some(Lease { position, epoch: row.get_col("epoch")?, any_parked: parked.get_col("any")? }))
    }

    /// Reads until the process stops (Ok), the lease is lost or something fails.
    async fn read(&self, mut lease: Lease) -> Result<(), Stop> {
        let mut wakes = self.log.wakes(&[self.source.schema]);
        let mut quiet = 0;
        while !self.tasks.stopping() {
            wakes.seen();
            let batch = self.log.read(self.source.schema, self.source.types, lease.position, MAX_READ).await?;
            if !batch.is_empty() {
                quiet = 0;
                let full = batch.len() as i64 >= MAX_READ;
                self.take(&mut lease, batch).await?;
                if !full {
                    self.tasks.pause(GATHER).await;
                }
                continue;
            }
            if let Some(soon) = SOON.get(quiet) {
                quiet += 1;
                self.tasks.pause(*soon).await;
                continue;
            }
            if lease.any_parked {
                self.replay(&mut lease).await?;
            }
            self.renew(&lease).await?;
            tokio::select! {
                () = self.tasks.token().cancelled() => break,
                woken = wakes.wait(IDLE) => if woken { quiet = 0 },
            }
        }
        self.db.write_one(HAND_BACK, &[&self.name(), &self.source.schema, &lease.epoch]).await?;
        Ok(())
    }

    /// Applies a batch in one transaction; if that fails, event by event.
    async fn take(&self, lease: &mut Lease, batch: Vec<(Position, Envelope)>) -> Result<(), Stop> {
        let Some(end) = batch.last().map(|(position, _)| *position) else { return Ok(()) };
        if !lease.any_parked {
            let events: Vec<Envelope> = batch.iter().map(|(_, event)| event.clone()).collect();
            match self.apply(lease, events, end).await {
                Ok(()) => return Ok(()),
                Err(Stop::LeaseLost) => return Err(Stop::LeaseLost),
                Err(Stop::Problem(problem)) => self.complain("batch failed, going on event by event", &problem),
            }
        }
        for (position, event) in batch {
            if self.tasks.stopping() {
                return Ok(());
            }
            self.take_one(lease, position, event).await?;
        }
        Ok(())
    }

    async fn take_one(&self, lease: &mut Lease, position: Position, event: Envelope) -> Result<(), Stop> {
        if lease.any_parked && self.is_parked(&event).await? {
            return self.park(lease, position, &event, "an earlier event of this aggregate is parked").await;
        }
        let (mut tries, mut pause) = (1, FIRST_PAUSE);
        loop {
            let problem = match self.apply(lease, vec![event.clone()], position).await {
                Ok(()) => return Ok(()),
                Err(Stop::LeaseLost) => return Err(Stop::LeaseLost),
                Err(Stop::Problem(problem)) => problem,
            };
            self.complain("event failed", &problem);
            // What is down comes back; only what fails by itself is poison.
            let outage = matches!(problem.kind, souk_kernel::Kind::Unavailable | souk_kernel::Kind::Timeout);
            if !outage && tries >= MAX_TRIES {
                metrics::counter!("souk_dead_letters", "consumer" => self.name()).increment(1);
                let reason = problem.internal_detail().map_or_else(|| problem.to_string(), str::to_owned);
                lease.any_parked = true;
                return self.park(lease, position, &event, &reason).await;
            }
            tries += u32::from(!outage);
            self.renew(lease).await?;
            if !self.tasks.pause(pause).await {
                return Ok(());
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn apply(&self, lease: &mut Lease, events: Vec<Envelope>, end: Position) -> Result<(), Stop> {
        let mut tx = self.db.begin().await?;
        let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        let rows = tx.query(RECEIVE, &[&self.name(), &ids]).await?;
        let fresh = rows.iter().map(|row| row.get_col("event_id")).collect::<Result<Vec<Uuid>, _>>()?;
        let events: Vec<Envelope> = match fresh.len() == events.len() {
            true => events,
            false => events.into_iter().filter(|event| fresh.contains(&event.id)).collect(),
        };
        if !events.is_empty() {
            self.consumer.apply(&mut tx, &events).await?;
        }
        self.advance(&mut tx, lease, end).await?;
        tx.commit().await?;
        lease.position = end;
        self.consumer.applied(&events).await;
        metrics::counter!("souk_events_applied", "consumer" => self.name()).increment(events.len() as u64);
        Ok(())
    }

    async fn advance(&self, tx: &mut Tx, lease: &Lease, end: Position) -> Result<(), Stop> {
        let (xid, seconds) = (end.xid.to_string(), LEASE_SECONDS);
        let moved =
            tx.execute(ADVANCE, &[&self.name(), &self.source.schema, &lease.epoch, &xid, &end.seq, &seconds]).await?;
        if moved == 1 { Ok(()) } else { Err(Stop::LeaseLost) }
    }

    async fn renew(&self, lease: &Lease) -> Result<(), Stop> {
        let seconds = LEASE_SECONDS;
        let moved = self.db.write_one(RENEW, &[&self.name(), &self.source.schema, &lease.epoch, &seconds]).await?;
        if moved == 1 { Ok(()) } else { Err(Stop::LeaseLost) }
    }

    async fn is_parked(&self, event: &Envelope) -> Result<bool, Stop> {
        let rows = self.db.primary().query(PARKED, &[&self.name(), &vec![event.aggregate]]).await?;
        Ok(!rows.is_empty())
    }

    async fn park(&self, lease: &mut Lease, position: Position, event: &Envelope, error: &str) -> Result<(), Stop> {
        let mut tx = self.db.begin().await?;
        tx.execute(
            PARK,
            &[
                &self.name(),
                &event.id,
                &event.source,
                &event.event_type,
                &event.aggregate,
                &event.version,
                &event.time,
                &event.traceparent,
                &event.data.get(),
                &error,
            ],
        )
        .await?;
        self.advance(&mut tx, lease, position).await?;
        tx.commit().await?;
        lease.position = position;
        Ok(())
    }

    /// Applies parked events that an operator asked for again, in order; a failure parks its aggregate again.
    async fn replay(&self, lease: &mut Lease) -> Result<(), Stop> {
        let rows = self.db.primary().query(TO_REPLAY, &[&self.name(), &self.source.schema]).await?;
        for row in &rows {
            let event = self.parked_event(row)?;
            let result = async {
                let mut tx = self.db.begin().await?;
                tx.query(RECEIVE, &[&self.name(), &vec![event.id]]).await?;
                self.consumer.apply(&mut tx, std::slice::from_ref(&event)).await?;
                tx.execute(REPLAYED, &[&self.name(), &event.id]).await?;
                tx.commit().await?;
                Ok::<(), Problem>(())
            };
            match result.await {
                Ok(()) => self.consumer.applied(std::slice::from_ref(&event)).await,
                Err(problem) => {
                    self.complain("replay failed", &problem);
                    self.db.write_one(REPLAY_FAILED, &[&self.name(), &event.aggregate, &problem.to_string()]).await?;
                    break;
                }
            }
        }
        let parked = self.db.primary().query_one(ANY_PARKED, &[&self.name()]).await?;
        lease.any_parked = parked.get_col("any")?;
        Ok(())
    }

    fn parked_event(&self, row: &Row) -> Result<Envelope, Stop> {
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
            data: RawValue::from_string(data).map_err(Problem::internal)?,
        })
    }

    fn complain(&self, what: &str, problem: &Problem) {
        tracing::warn!(
            consumer = self.name(),
            source = self.source.schema,
            code = %problem.code,
            internal = problem.internal_detail().unwrap_or_default(),
            "{what}"
        );
    }

    fn name(&self) -> &'static str {
        self.consumer.name()
    }
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
