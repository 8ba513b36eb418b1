//! Event consumer: each event has its effect once, in order per aggregate, and a poison event stops its own key only. Which
//! log events come from, its [`Feed`] knows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use souk_bus::{Envelope, EventLog, MAX_READ, Source};
use souk_db::{Db, RowExt, Tx};
use souk_kernel::{Kind, Problem};
use souk_runtime::Tasks;
use souk_trace::{Span, scope};
use uuid::Uuid;

use crate::cursor::Stop;
use crate::dead_letter;
use crate::feed::{Feed, Mark};
use crate::trace_context;

/// Tries of one event before it is parked (PROMISES: poison message).
pub const MAX_TRIES: u32 = 5;
/// Between two looks whether the process that reads has died.
const TAKE_OVER: Duration = Duration::from_millis(1000);
/// Pause after a batch that was not full: what comes meanwhile shares the next one, and its commit.
const GATHER: Duration = Duration::from_millis(50);
/// First pause after a failure; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between tries while something that is needed is down.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Between two measurements of the lag, which counts rows.
const MEASURE: Duration = Duration::from_secs(15);

/// Something that reacts to events.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Names the consumer group: `cart.orders`. Its cursor and inbox rows are kept under it.
    fn name(&self) -> &'static str;
    /// What it reads.
    fn sources(&self) -> &'static [Source];
    /// Effects outside of PostgreSQL: made before the transaction that records them, which would otherwise stay open while
    /// another engine thinks, and stall every reader of the log. May be made again for the same events, also after newer
    /// ones; must be right all the same. Errors count as those of [`Consumer::apply`].
    async fn before(&self, _events: &[Envelope]) -> Result<(), Problem> {
        Ok(())
    }
    /// Applies a batch, in order, within the transaction that also records that it was applied. An error rolls the batch
    /// back; it is then tried event by event. `unavailable` and `timeout` are waited out, everything else counts as a
    /// try.
    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem>;
    /// Called after the commit of a batch: effects in memory, such as purging a cache.
    async fn applied(&self, _events: &[Envelope]) {}
}

/// Runs `consumer` on `events` until the process stops: one loop per source. `db` is the consumer's own service.
pub fn run_consumer(tasks: &Tasks, db: &Db, events: &EventLog, consumer: Arc<dyn Consumer>) {
    for source in consumer.sources() {
        let reader = Reader {
            consumer: consumer.clone(),
            source: *source,
            db: db.clone(),
            events: events.clone(),
            tasks: tasks.clone(),
            holder: souk_kernel::Ids::random().v4(),
        };
        tasks.spawn(consumer.name(), reader.run());
    }
}

const RECEIVE: &str = "insert into inbox (consumer, event_id) select $1, unnest($2::uuid[])
    on conflict do nothing returning event_id";

struct Reader {
    consumer: Arc<dyn Consumer>,
    source: Source,
    db: Db,
    events: EventLog,
    tasks: Tasks,
    holder: Uuid,
}

/// What a reader knows while its feed is open.
struct Session {
    feed: Feed,
    any_parked: bool,
    /// Of the feed when `any_parked` was looked up.
    generation: u64,
    measured: Instant,
}

impl Reader {
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        while !self.tasks.stopping() {
            match self.open().await {
                Ok(Some(session)) => match self.read(session).await {
                    Ok(()) => return,
                    Err(Stop::Lost) => tracing::warn!(consumer = self.name(), "the feed was lost, opening it again"),
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
            self.tasks.pause(TAKE_OVER).await;
        }
    }

    async fn open(&self) -> Result<Option<Session>, Problem> {
        let feed = Feed::open(&self.events, &self.db, self.name(), self.source, self.holder).await?;
        let Some(feed) = feed else { return Ok(None) };
        let any_parked = dead_letter::any_parked(&self.db, self.name()).await?;
        Ok(Some(Session { generation: feed.generation(), feed, any_parked, measured: Instant::now() }))
    }

    /// Reads until the process stops (Ok), the feed is lost or something fails.
    async fn read(&self, mut session: Session) -> Result<(), Stop> {
        while !self.tasks.stopping() {
            let batch = tokio::select! {
                () = self.tasks.token().cancelled() => break,
                batch = session.feed.next() => batch?,
            };
            if session.generation != session.feed.generation() {
                session.generation = session.feed.generation();
                session.any_parked = dead_letter::any_parked(&self.db, self.name()).await?;
            }
            self.measure(&mut session).await?;
            if batch.is_empty() {
                if session.any_parked {
                    self.replay(&mut session).await?;
                }
                session.feed.keep().await?;
                continue;
            }
            let full = batch.len() as i64 >= MAX_READ;
            self.take(&mut session, batch).await?;
            if !full {
                self.tasks.pause(GATHER).await;
            }
        }
        session.feed.close().await?;
        Ok(())
    }

    /// Applies a batch in one transaction; if that fails, event by event.
    async fn take(&self, session: &mut Session, batch: Vec<(Mark, Envelope)>) -> Result<(), Stop> {
        if !session.any_parked {
            let (marks, events): (Vec<Mark>, Vec<Envelope>) = batch.iter().cloned().unzip();
            match self.apply(session, events, &marks).await {
                Ok(()) => return Ok(()),
                Err(Stop::Lost) => return Err(Stop::Lost),
                Err(Stop::Problem(problem)) => self.complain("batch failed, going on event by event", &problem),
            }
        }
        for (mark, event) in batch {
            if self.tasks.stopping() {
                return Ok(());
            }
            self.take_one(session, mark, event).await?;
        }
        Ok(())
    }

    async fn take_one(&self, session: &mut Session, mark: Mark, event: Envelope) -> Result<(), Stop> {
        if session.any_parked && dead_letter::is_parked(&self.db, self.name(), &event).await? {
            return self.park(session, mark, &event, "an earlier event of this aggregate is parked").await;
        }
        let (mut tries, mut pause) = (1, FIRST_PAUSE);
        loop {
            let problem = match self.apply(session, vec![event.clone()], &[mark]).await {
                Ok(()) => return Ok(()),
                Err(Stop::Lost) => return Err(Stop::Lost),
                Err(Stop::Problem(problem)) => problem,
            };
            self.complain("event failed", &problem);
            // What is down comes back; only what fails by itself is poison.
            let outage = matches!(problem.kind, Kind::Unavailable | Kind::Timeout);
            if !outage && tries >= MAX_TRIES {
                metrics::counter!("souk_dead_letters", "consumer" => self.name()).increment(1);
                let reason = problem.internal_detail().map_or_else(|| problem.to_string(), str::to_owned);
                session.any_parked = true;
                return self.park(session, mark, &event, &reason).await;
            }
            tries += u32::from(!outage);
            session.feed.keep().await?;
            if !self.tasks.pause(pause).await {
                return Ok(());
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn apply(&self, session: &mut Session, events: Vec<Envelope>, marks: &[Mark]) -> Result<(), Stop> {
        let mut spans = trace_context::consumed(&self.events, self.name(), self.source, &events);
        let place = spans.first().and_then(Span::trace);
        let applied = scope(place, self.apply_here(session, events, marks)).await;
        if let Err(Stop::Problem(problem)) = &applied {
            spans.iter_mut().for_each(|span| span.fail(problem.code.clone()));
        }
        applied
    }

    async fn apply_here(&self, session: &mut Session, events: Vec<Envelope>, marks: &[Mark]) -> Result<(), Stop> {
        self.consumer.before(&events).await?;
        let mut tx = self.db.begin().await?;
        let fresh = self.receive(&mut tx, &events).await?;
        let events: Vec<Envelope> = match fresh.len() == events.len() {
            true => events,
            false => events.into_iter().filter(|event| fresh.contains(&event.id)).collect(),
        };
        if !events.is_empty() {
            self.consumer.apply(&mut tx, &events).await?;
        }
        session.feed.record(&tx, marks).await?;
        tx.commit().await?;
        session.feed.recorded(marks);
        self.consumer.applied(&events).await;
        metrics::counter!("souk_events_applied", "consumer" => self.name()).increment(events.len() as u64);
        Ok(())
    }

    /// Notes that `events` have had their effect when `tx` commits; returns which of them have not had it before.
    async fn receive(&self, tx: &mut Tx, events: &[Envelope]) -> Result<Vec<Uuid>, Problem> {
        let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        let rows = tx.query(RECEIVE, &[&self.name(), &ids]).await?;
        Ok(rows.iter().map(|row| row.get_col("event_id")).collect::<Result<_, _>>()?)
    }

    async fn park(&self, session: &mut Session, mark: Mark, event: &Envelope, error: &str) -> Result<(), Stop> {
        let tx = self.db.begin().await?;
        dead_letter::park(&tx, self.name(), event, error).await?;
        session.feed.record(&tx, &[mark]).await?;
        tx.commit().await?;
        session.feed.recorded(&[mark]);
        Ok(())
    }

    /// Applies parked events that an operator asked for again, in order; a failure parks its aggregate again.
    async fn replay(&self, session: &mut Session) -> Result<(), Stop> {
        for event in dead_letter::to_replay(&self.db, self.name(), self.source.schema).await? {
            let result = async {
                self.consumer.before(std::slice::from_ref(&event)).await?;
                let mut tx = self.db.begin().await?;
                // Several processes may read a broker's log, and replay.
                if !self.receive(&mut tx, std::slice::from_ref(&event)).await?.is_empty() {
                    self.consumer.apply(&mut tx, std::slice::from_ref(&event)).await?;
                }
                dead_letter::replayed(&tx, self.name(), &event).await?;
                tx.commit().await?;
                Ok::<(), Problem>(())
            };
            let mut spans =
                trace_context::consumed(&self.events, self.name(), self.source, std::slice::from_ref(&event));
            let result = scope(spans.first().and_then(Span::trace), result).await;
            if let Err(problem) = &result {
                spans.iter_mut().for_each(|span| span.fail(problem.code.clone()));
            }
            match result {
                Ok(()) => self.consumer.applied(std::slice::from_ref(&event)).await,
                Err(problem) => {
                    self.complain("replay failed", &problem);
                    dead_letter::replay_failed(&self.db, self.name(), &event, &problem.to_string()).await?;
                    break;
                }
            }
        }
        session.any_parked = dead_letter::any_parked(&self.db, self.name()).await?;
        Ok(())
    }

    async fn measure(&self, session: &mut Session) -> Result<(), Problem> {
        if session.measured.elapsed() < MEASURE {
            return Ok(());
        }
        session.measured = Instant::now();
        let behind = session.feed.behind().await?;
        let labels = [("consumer", self.name()), ("source", self.source.schema)];
        metrics::gauge!("souk_events_behind", &labels).set(behind as f64);
        Ok(())
    }

    fn complain(&self, what: &str, problem: &Problem) {
        let Some(unsaid) = crate::trouble::to_be_said("consumer", problem) else { return };
        let internal = problem.internal_detail().unwrap_or_default();
        let source = self.source.schema;
        tracing::warn!(consumer = self.name(), source, code = %problem.code, internal, unsaid, "{what}");
    }

    fn name(&self) -> &'static str {
        self.consumer.name()
    }
}
