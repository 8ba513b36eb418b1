//! Outbox relay: publishes an owner's outbox to its topic at a broker, in commit order. One process per owner does it at a
//! time; its place is kept like a consumer's, so that what died in between is published again rather than lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_bus::{Acknowledgement, Broker, Log, OutboxOffset, Publisher, TopicEnds};
use souk_db::{Db, RowExt, Tx};
use souk_kernel::Problem;
use souk_runtime::Tasks;
use uuid::Uuid;

use crate::cursor::{Cursor, Stop};

/// Name of the relay's cursor.
const NAME: &str = "relay";
/// Reads under way to the broker at once: enough to hide its answer's delay, few enough to stop soon.
const UNDER_WAY: usize = 6;
/// Polling interval without notifications: covers lost ones.
const IDLE: Duration = Duration::from_millis(1000);
/// Between two looks whether the broker still has what it was given.
const CHECK: Duration = Duration::from_secs(5);
/// Pause after a failure; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause while the broker is down.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

// Where partitions of the topic ended at least, for each cluster: the fence around a broker that lost what it had taken.
const ENDS: &str = "select source, seq from consumer_cursor where consumer = $1";
const NOTE_ENDS: &str = "insert into consumer_cursor (consumer, source, seq, holder, lease_until)
    select $1, partition::text, ends, $2, now() from unnest($3::int[], $4::bigint[]) as e (partition, ends)
    on conflict (consumer, source) do update set seq = excluded.seq";
const FORGET_ENDS: &str = "delete from consumer_cursor where consumer like 'relay:%'";

/// Publishes the outbox of `schema`, which is `db`'s, until the process stops.
pub fn run_relay(tasks: &Tasks, db: &Db, schema: &'static str, broker: &Arc<dyn Broker>) {
    let relay = Relay {
        db: db.clone(),
        log: Log::new(db),
        broker: broker.clone(),
        tasks: tasks.clone(),
        schema,
        holder: souk_kernel::Ids::random().v4(),
    };
    tasks.spawn(NAME, relay.run());
}

struct Relay {
    db: Db,
    log: Log,
    broker: Arc<dyn Broker>,
    tasks: Tasks,
    schema: &'static str,
    holder: Uuid,
}

/// A relay that has the lease and a topic.
struct Session {
    cursor: Cursor,
    publisher: Box<dyn Publisher>,
    /// As recorded.
    ends: TopicEnds,
    /// Everything up to here is under way.
    read: OutboxOffset,
    under_way: VecDeque<(OutboxOffset, usize, Acknowledgement)>,
    checked: Instant,
}

impl Relay {
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        while !self.tasks.stopping() {
            match self.open().await {
                Ok(Some(mut session)) => {
                    pause = FIRST_PAUSE;
                    match self.publish(&mut session).await {
                        Ok(()) => return,
                        Err(Stop::Lost) => {
                            tracing::warn!(schema = self.schema, "the relay begins again");
                            continue;
                        }
                        Err(Stop::Problem(problem)) => self.complain("the relay stopped, will go on", &problem),
                    }
                }
                Ok(None) => {
                    self.tasks.pause(IDLE).await;
                    continue;
                }
                Err(problem) => self.complain("the relay cannot start, will try again", &problem),
            }
            self.tasks.pause(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Takes the lease, then looks whether the topic has what it was given; none while another process has the lease.
    async fn open(&self) -> Result<Option<Session>, Problem> {
        let Some(mut cursor) = Cursor::acquire(&self.db, NAME, self.schema, self.holder).await? else {
            return Ok(None);
        };
        let publisher = self.broker.publisher(self.schema).await?;
        let mut ends = TopicEnds::new();
        for row in self.db.primary().query(ENDS, &[&key(publisher.cluster())]).await? {
            let partition: String = row.get_col("source")?;
            ends.insert(partition.parse().map_err(Problem::internal)?, row.get_col("seq")?);
        }
        let began = cursor.offset != OutboxOffset::START;
        if began && (ends.is_empty() || publisher.has_lost(&ends).await?) {
            tracing::warn!(schema = self.schema, "the broker lost events: publishing all that are kept again");
            ends.clear();
            self.begin_again(&mut cursor).await?;
        }
        let read = cursor.offset;
        Ok(Some(Session { cursor, publisher, ends, read, under_way: VecDeque::new(), checked: Instant::now() }))
    }

    /// Forgets what any broker was given.
    async fn begin_again(&self, cursor: &mut Cursor) -> Result<(), Problem> {
        let tx = self.db.begin().await?;
        tx.execute(FORGET_ENDS, &[]).await?;
        let advanced = cursor.advance(&tx, OutboxOffset::START).await;
        advanced.map_err(|stop| match stop {
            Stop::Problem(problem) => problem,
            Stop::Lost => Problem::unavailable("events_unavailable", "another process relays now"),
        })?;
        tx.commit().await?;
        cursor.offset = OutboxOffset::START;
        Ok(())
    }

    /// Publishes until the process stops (Ok), the lease or the topic is lost, or something fails.
    async fn publish(&self, session: &mut Session) -> Result<(), Stop> {
        let mut wakes = self.log.wakes(&[self.schema]);
        while !self.tasks.stopping() {
            wakes.seen();
            if session.under_way.len() < UNDER_WAY && self.send(session).await? {
                wakes.found();
                continue;
            }
            if self.settle(session).await? {
                continue;
            }
            if wakes.look_again_soon().await {
                continue;
            }
            self.check(session).await?;
            tokio::select! {
                () = self.tasks.token().cancelled() => break,
                _ = wakes.wait(IDLE) => {}
            }
        }
        while self.settle(session).await? {}
        session.cursor.hand_back().await?;
        Ok(())
    }

    /// Puts the next events under way; false when there are none.
    async fn send(&self, session: &mut Session) -> Result<bool, Stop> {
        let rows = self.log.read_all(self.schema, session.read).await?;
        let Some((end, _)) = rows.last() else { return Ok(false) };
        let end = *end;
        let events: Vec<_> = rows.into_iter().map(|(_, event)| event).collect();
        let acknowledgement = session.publisher.send(&events).await?;
        session.under_way.push_back((end, events.len(), acknowledgement));
        session.read = end;
        Ok(true)
    }

    /// Waits for the oldest events under way and records that they are safe; false when there are none.
    async fn settle(&self, session: &mut Session) -> Result<bool, Stop> {
        let Some((end, events, acknowledgement)) = session.under_way.pop_front() else { return Ok(false) };
        let ends = acknowledgement.await?;
        let shrunk = |(partition, end): (&i32, &i64)| session.ends.get(partition).is_some_and(|known| end <= known);
        if ends.iter().any(shrunk) {
            // They stand in a topic that began anew.
            return Err(Stop::Lost);
        }
        let tx = self.db.begin().await?;
        session.cursor.advance(&tx, end).await?;
        self.note(&tx, session.publisher.cluster(), &ends).await?;
        tx.commit().await?;
        session.cursor.offset = end;
        session.ends.extend(ends);
        metrics::counter!("souk_events_relayed", "schema" => self.schema).increment(events as u64);
        Ok(true)
    }

    async fn note(&self, tx: &Tx, cluster: &str, ends: &TopicEnds) -> Result<(), Problem> {
        let partitions: Vec<i32> = ends.keys().copied().collect();
        let ends: Vec<i64> = ends.values().copied().collect();
        tx.execute(NOTE_ENDS, &[&key(cluster), &self.holder, &partitions, &ends]).await?;
        Ok(())
    }

    /// Keeps the lease, and looks now and then whether the broker still has what it was given: when no event is written,
    /// nothing else would tell.
    async fn check(&self, session: &mut Session) -> Result<(), Stop> {
        session.cursor.renew().await?;
        if session.checked.elapsed() < CHECK {
            return Ok(());
        }
        session.checked = Instant::now();
        match session.publisher.has_lost(&session.ends).await? {
            true => Err(Stop::Lost),
            false => Ok(()),
        }
    }

    fn complain(&self, what: &str, problem: &Problem) {
        let internal = problem.internal_detail().unwrap_or_default();
        if let Some(unsaid) = crate::trouble::to_be_said("relay", problem) {
            tracing::warn!(schema = self.schema, code = %problem.code, internal, unsaid, "{what}");
        }
    }
}

/// Name of the ends in a cluster.
fn key(cluster: &str) -> String {
    format!("relay:{cluster}")
}
