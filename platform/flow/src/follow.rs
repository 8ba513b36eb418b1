//! Following the log from now on, in every process, for what is kept in memory: caches are invalidated by it. Nothing is
//! recorded; a process that starts anew has empty memory and follows from then.

use std::time::Duration;

use souk_bus::{Envelope, Log, MAX_READ, Position};
use souk_db::Db;
use souk_kernel::Problem;
use souk_modules::Tasks;

use crate::Source;

/// Longest wait for a wake-up before the log is looked at anyway: how stale memory may get when notifications are lost.
const WAIT: Duration = Duration::from_millis(500);
/// Pause after a log that could not be read.
const PAUSE: Duration = Duration::from_millis(500);
/// After a wake-up an event may hide behind a transaction that still runs.
const SOON: [Duration; 3] = [Duration::from_millis(5), Duration::from_millis(20), Duration::from_millis(80)];

/// Calls `see` with every batch of events written from now on, until the process stops. Returns once the place in the
/// log is known: what is read into memory after that will be corrected.
pub async fn follow(
    tasks: &Tasks,
    db: &Db,
    name: &'static str,
    sources: &'static [Source],
    see: impl Fn(&[Envelope]) + Send + Sync + 'static,
) -> Result<(), Problem> {
    let log = Log::new(db);
    let start = log.now().await?;
    let (tasks, stopping) = (tasks.clone(), tasks.clone());
    tasks.spawn(name, async move {
        let mut places: Vec<(Source, Position)> = sources.iter().map(|source| (*source, start)).collect();
        let schemas: Vec<&str> = sources.iter().map(|source| source.schema).collect();
        let mut wakes = log.wakes(&schemas);
        let mut quiet = 0;
        while !stopping.stopping() {
            wakes.seen();
            match read_all(&log, &mut places, &see).await {
                Ok(0) => {}
                Ok(_) => {
                    quiet = 0;
                    continue;
                }
                Err(problem) => {
                    let internal = problem.internal_detail().unwrap_or_default();
                    tracing::warn!(follower = name, code = %problem.code, internal, "cannot follow the log, will try again");
                    stopping.pause(PAUSE).await;
                    continue;
                }
            }
            if let Some(soon) = SOON.get(quiet) {
                quiet += 1;
                stopping.pause(*soon).await;
                continue;
            }
            tokio::select! {
                () = stopping.token().cancelled() => {}
                woken = wakes.wait(WAIT) => if woken { quiet = 0 },
            }
        }
    });
    Ok(())
}

async fn read_all(log: &Log, places: &mut [(Source, Position)], see: &impl Fn(&[Envelope])) -> Result<usize, Problem> {
    let mut seen = 0;
    for (source, place) in places {
        let batch = log.read(source.schema, source.types, *place, MAX_READ).await?;
        let Some((last, _)) = batch.last() else { continue };
        let end = *last;
        let events: Vec<Envelope> = batch.into_iter().map(|(_, event)| event).collect();
        see(&events);
        seen += events.len();
        *place = end;
    }
    Ok(seen)
}
