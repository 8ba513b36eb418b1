//! Log follower for what is kept in memory: follows the log from now on, in every process, so that caches are invalidated by
//! it. Nothing is recorded; a process that starts anew has empty memory and follows from then.

use std::time::Duration;

use souk_bus::{Envelope, EventLog, Log, MAX_READ, OutboxOffset, Source, TailReader, Wakes};
use souk_db::Db;
use souk_kernel::Problem;
use souk_runtime::Tasks;

/// Longest wait for a wake-up before the log is looked at anyway: how stale memory may get when notifications are lost.
const WAIT: Duration = Duration::from_millis(500);
/// Pause after a log that could not be read.
const PAUSE: Duration = Duration::from_millis(500);

/// Calls `see` with every batch of events written from now on, until the process stops. Returns once the place in the
/// log is known: what is read into memory after that will be corrected.
pub async fn follow(
    tasks: &Tasks,
    db: &Db,
    events: &EventLog,
    name: &'static str,
    sources: &'static [Source],
    see: impl Fn(&[Envelope]) + Send + Sync + 'static,
) -> Result<(), Problem> {
    let mut tail = Tail::from_now(db, events, sources).await?;
    let stopping = tasks.clone();
    tasks.spawn(name, async move {
        while !stopping.stopping() {
            let next = tokio::select! {
                () = stopping.token().cancelled() => return,
                next = tail.next() => next,
            };
            match next {
                Ok(events) => see(&events),
                Err(problem) => {
                    let internal = problem.internal_detail().unwrap_or_default();
                    if let Some(unsaid) = crate::trouble::to_be_said("cannot follow the log", &problem) {
                        tracing::warn!(follower = name, code = %problem.code, internal, unsaid, "cannot follow the log, will try again");
                    }
                    stopping.pause(PAUSE).await;
                }
            }
        }
    });
    Ok(())
}

/// The end of a log.
enum Tail {
    Postgres(Rows),
    Broker(Box<dyn TailReader>),
}

/// The end of owners' outbox tables.
struct Rows {
    log: Log,
    places: Vec<(Source, OutboxOffset)>,
    wakes: Wakes,
}

impl Tail {
    async fn from_now(db: &Db, events: &EventLog, sources: &'static [Source]) -> Result<Self, Problem> {
        match events {
            EventLog::Postgres => {
                let log = Log::new(db);
                let start = log.now().await?;
                let schemas: Vec<&str> = sources.iter().map(|source| source.schema).collect();
                let wakes = log.wakes(&schemas);
                let places = sources.iter().map(|source| (*source, start)).collect();
                Ok(Tail::Postgres(Rows { log, places, wakes }))
            }
            EventLog::Broker(broker) => Ok(Tail::Broker(broker.tail(sources).await)),
        }
    }

    /// Waits for events. Dropping it while it waits loses none.
    async fn next(&mut self) -> Result<Vec<Envelope>, Problem> {
        match self {
            Tail::Postgres(rows) => rows.next().await,
            Tail::Broker(tail) => tail.next().await,
        }
    }
}

impl Rows {
    async fn next(&mut self) -> Result<Vec<Envelope>, Problem> {
        loop {
            self.wakes.seen();
            for (source, place) in &mut self.places {
                let batch = self.log.read(source.schema, source.types, *place, MAX_READ).await?;
                let Some((end, _)) = batch.last() else { continue };
                *place = *end;
                self.wakes.found();
                return Ok(batch.into_iter().map(|(_, event)| event).collect());
            }
            if !self.wakes.look_again_soon().await {
                self.wakes.wait(WAIT).await;
            }
        }
    }
}
