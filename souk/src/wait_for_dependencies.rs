//! Dependency checks, for engines that are not there: at the start waited for until they are, and later watched, so that
//! `/readyz` says when the database is away. What would not pass by itself (a wrong password, tables that are missing) is
//! not waited for.

use std::time::{Duration, Instant};

use rand::RngExt;
use souk_db::{Db, DbError, MigrateError};
use souk_kernel::{Kind, Problem};
use souk_postgres::Health;
use souk_runtime::{LogThrottle, Readiness, ReadyCheck, Tasks};
use tokio_util::sync::CancellationToken;

use crate::stores::Stores;

/// Pause after the first try; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause: an engine that comes is used within this and a connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Between two questions to a database that should be there.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// It hangs when so small a question takes longer.
const ANSWER: Duration = Duration::from_secs(2);
/// Between two questions to a full database for room, which costs it some work.
const ROOM_EVERY: Duration = Duration::from_secs(3);
/// Writing 16 MiB takes no longer on a disk that works.
const ROOM_ANSWER: Duration = Duration::from_secs(5);
/// A database may be away for so long before its roles are called not ready: a failover after a dead server process is over
/// by then (PROMISES: 15 s), and as long as there is hope, "busy, try again" is a better answer than none.
const AWAY: Duration = Duration::from_secs(15);

/// One engine that a start needs.
pub struct Waiting<'a> {
    /// Tells operators.
    pub part: &'a ReadyCheck,
    /// `postgresql at 10.0.0.5:5432/souk`.
    pub engine: &'a str,
    /// Wait for it at all; else the first failure is the end.
    pub patient: bool,
}

impl Waiting<'_> {
    /// What `ask` gives, asked again as long as it fails in a way that passes.
    ///
    /// # Errors
    /// What does not pass by itself, with what to do about it.
    pub async fn until<T>(&self, mut ask: impl AsyncFnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let (started, mut pause) = (Instant::now(), FIRST_PAUSE);
        let mut said = LogThrottle::default();
        loop {
            let error = match ask().await {
                Ok(value) if !said.reset() => return Ok(value),
                Ok(value) => {
                    let seconds = started.elapsed().as_secs();
                    tracing::info!(engine = self.engine, seconds, "what was waited for is there");
                    return Ok(value);
                }
                Err(error) => error,
            };
            let Some(why) = passing(&error).filter(|_| self.patient) else {
                return Err(with_advice(error).context(self.engine.to_owned()));
            };
            self.part.not_ready(why.as_str());
            if said.should_log() {
                tracing::warn!(why, "waiting for {}", self.engine);
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Many processes that wait for one server do not all come at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..1.0))
}

/// Why it failed, when that may go away by itself.
fn passing(error: &anyhow::Error) -> Option<String> {
    for cause in error.chain() {
        if let Some(db) = of_database(cause) {
            return db.is_passing().then(|| reason(db));
        }
        if let Some(problem) = cause.downcast_ref::<Problem>() {
            let passes = matches!(problem.kind, Kind::Unavailable | Kind::Timeout);
            return passes.then(|| problem.internal_detail().unwrap_or(&problem.code).to_owned());
        }
    }
    None
}

fn of_database<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a DbError> {
    match cause.downcast_ref::<MigrateError>() {
        Some(MigrateError::Db(error) | MigrateError::Failed { error, .. }) => Some(error),
        _ => cause.downcast_ref::<DbError>(),
    }
}

fn reason(error: &DbError) -> String {
    match error {
        DbError::Unavailable(why) => why.clone(),
        other => other.to_string(),
    }
}

/// What to do about an error that stays.
fn with_advice(error: anyhow::Error) -> anyhow::Error {
    let refused = error.chain().find_map(|cause| match of_database(cause) {
        Some(DbError::Refused { code, .. }) => Some(code.clone()),
        _ => None,
    });
    let advice = match refused.as_deref() {
        Some("3D000") => "make the database, then run `souk migrate`, or correct database.url",
        Some("42501") => "give the login the right to connect, or correct database.url",
        Some(code) if code.starts_with("28") => {
            "correct the login in database.url or its password in database.passwords (`souk migrate` sets those of \
             services), or let it in (pg_hba.conf)"
        }
        Some(_) => "correct the login in database.url, its password (database.passwords), or the rights on the socket",
        None => return error,
    };
    error.context(advice)
}

/// Says how a private database server does, which is started again when it dies. The token is cancelled when that does not
/// help.
pub fn watch_server(tasks: &Tasks, stores: &mut Stores, readiness: &Readiness) -> CancellationToken {
    let lost = CancellationToken::new();
    let Some(mut health) = stores.supervise() else { return lost };
    let part = readiness.part("the private database server");
    part.ready();
    let (stopping, told) = (tasks.clone(), lost.clone());
    tasks.spawn("database server watch", async move {
        loop {
            tokio::select! {
                () = stopping.token().cancelled() => return,
                changed = health.changed() => if changed.is_err() { return },
            }
            match &*health.borrow_and_update() {
                Health::Running => part.ready(),
                Health::Restarting(why) => part.not_ready(format!("it is started again: {why}")),
                Health::Full => part.not_ready("storage_full: the disk of the database is full"),
                Health::Lost(why) => {
                    part.not_ready(format!("it cannot be started: {why}"));
                    told.cancel();
                    return;
                }
            }
        }
    });
    lost
}

/// Keeps saying whether the database answers and has room, until the process stops.
pub fn watch_database(tasks: &Tasks, db: Db, place: String, part: ReadyCheck) {
    let stopping = tasks.clone();
    tasks.spawn("database watch", async move {
        let mut answered = Instant::now();
        let (mut away, mut full) = (false, None);
        while stopping.pause(ASK_EVERY).await {
            let why = match tokio::time::timeout(ANSWER, db.ping()).await {
                Ok(Ok(())) => {
                    answered = Instant::now();
                    if is_full(&db, &mut full).await {
                        part.not_ready("storage_full: the disk of the database is full");
                        if !std::mem::replace(&mut away, true) {
                            tracing::error!(engine = place, "the disk of the database is full: nothing can be sold");
                        }
                    } else if std::mem::take(&mut away) {
                        tracing::info!(engine = place, "the database answers again");
                        part.ready();
                    }
                    continue;
                }
                Ok(Err(error)) => reason(&error),
                Err(_) => format!("no answer within {ANSWER:?}"),
            };
            if answered.elapsed() < AWAY {
                continue;
            }
            part.not_ready(why.as_str());
            if !std::mem::replace(&mut away, true) {
                tracing::warn!(engine = place, why, "the database is away");
            }
        }
    });
}

/// True while the database has no room: from the first statement refused for that until the server says otherwise. Reads
/// still work then, so asking whether it answers would not tell. `asked`: when it last said so.
async fn is_full(db: &Db, asked: &mut Option<Instant>) -> bool {
    match asked {
        Some(at) if at.elapsed() < ROOM_EVERY => return true,
        None if !souk_db::found_full_within(2 * ASK_EVERY) => return false,
        _ => {}
    }
    let full = matches!(tokio::time::timeout(ROOM_ANSWER, db.ask_for_room()).await, Ok(Err(DbError::Full(_))) | Err(_));
    *asked = full.then(Instant::now);
    full
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> anyhow::Error {
        anyhow::Error::from(DbError::Unavailable("connection refused".into())).context("database of order")
    }

    #[tokio::test]
    async fn what_passes_is_waited_for_and_told() {
        let readiness = Readiness::default();
        let part = readiness.part("postgresql at db:1/souk");
        let waiting = Waiting { part: &part, engine: "postgresql at db:1/souk", patient: true };
        let mut tries = 0;
        let asked = waiting.until(async || {
            tries += 1;
            if tries > 1 {
                assert_eq!(readiness.waiting_for(), ["postgresql at db:1/souk: connection refused"]);
            }
            if tries < 3 { Err(away()) } else { Ok(7) }
        });
        assert_eq!(asked.await.unwrap(), 7);
        assert_eq!(tries, 3);
        // Kinds of the services' own.
        let busy = anyhow::Error::from(Problem::unavailable("events_unavailable", "no broker"));
        assert_eq!(passing(&busy).as_deref(), Some("no broker"));
        assert_eq!(passing(&Problem::not_found("x").into()), None);
        assert_eq!(passing(&anyhow::anyhow!("the database lacks migration order/0001")), None);
    }

    #[test]
    fn pauses_differ_and_are_bounded() {
        for _ in 0..100 {
            let pause = jittered(LONGEST_PAUSE);
            assert!(pause <= LONGEST_PAUSE && pause >= LONGEST_PAUSE / 2, "{pause:?}");
        }
    }

    #[tokio::test]
    async fn what_stays_ends_it_with_advice_and_so_does_anything_for_who_is_in_a_hurry() {
        let readiness = Readiness::default();
        let part = readiness.part("x");
        for (code, word) in [("28P01", "database.passwords"), ("28000", "pg_hba"), ("3D000", "make the database")] {
            let waiting = Waiting { part: &part, engine: "postgresql at db:1/souk", patient: true };
            let refused = || DbError::Refused { code: code.into(), detail: "no".into() };
            let told = waiting.until(async || Err::<(), _>(refused().into())).await.unwrap_err();
            let told = format!("{told:#}");
            assert!(told.contains(word) && told.contains("postgresql at db:1/souk") && told.contains(code), "{told}");
        }
        let waiting = Waiting { part: &part, engine: "x", patient: false };
        assert!(waiting.until(async || Err::<(), _>(away())).await.is_err());
    }
}
