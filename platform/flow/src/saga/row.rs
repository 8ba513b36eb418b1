//! Saga row, as the process that runs the saga reads and writes it; each write is fenced by the lease's epoch.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_db::{Db, DbError, Row, RowExt};
use souk_kernel::Problem;

use super::{Direction, Failure, SagaKind, SagaRun};

const TURN: &str = "update saga set phase = $3, next_step = $4, step = $5, state = $6::text::json, last_error = $7,
        updated_at = now()
    where id = $1 and epoch = $2 and step <= $8";
const REST: &str = "update saga set resting = true, last_error = $4, failures = $5,
        lease_until = now() + case when woken then interval '0' else make_interval(secs => $3) end
    where id = $1 and epoch = $2 returning woken";
const LEAVE: &str = "update saga set next_step = $3, step = $4, state = $5::text::json, failures = 0,
        stuck_at = coalesce(stuck_at, now()), tasks = concat_ws(E'\\n', tasks, $6::text), updated_at = now()
    where id = $1 and epoch = $2";
const STOP: &str =
    "update saga set resting = true, last_error = $3, failures = 0, stuck_at = coalesce(stuck_at, now()),
        tasks = concat_ws(E'\\n', tasks, $3::text), lease_until = 'infinity', updated_at = now()
    where id = $1 and epoch = $2";

/// A saga that runs in this process.
pub(super) struct Running<S> {
    pub(super) saga: SagaRun,
    pub(super) state: S,
    pub(super) direction: Direction,
    /// Steps that are done or, on the way back, left to undo.
    pub(super) step: usize,
    pub(super) attempts: u32,
    /// Weight of its failures since it last got on.
    pub(super) failures: i32,
}

/// A saga as a claim returns it.
pub(super) fn decode<S: DeserializeOwned>(kind: &SagaKind, row: &Row) -> Result<Running<S>, Problem> {
    let (state, phase): (String, String) = (row.get_col("state")?, row.get_col("phase")?);
    let (next_step, number): (Option<String>, i32) = (row.get_col("next_step")?, row.get_col("step")?);
    let direction = if phase == "undo" { Direction::Undo } else { Direction::Forward };
    let attempts: i32 = row.get_col("attempts")?;
    Ok(Running {
        saga: SagaRun { id: row.get_col("id")?, epoch: row.get_col("epoch")? },
        state: serde_json::from_str(&state).map_err(Problem::internal)?,
        direction,
        step: kind.at(direction, next_step.as_deref(), number)?,
        attempts: attempts.unsigned_abs(),
        failures: row.get_col("failures")?,
    })
}

/// Writes where a saga is, and its phase; unless it is recorded as past step `no_further` already.
pub(super) async fn turn<S: Serialize>(
    db: &Db,
    kind: &SagaKind,
    running: &Running<S>,
    phase: &str,
    problem: Option<&Problem>,
    no_further: Option<usize>,
) -> Result<(), Failure> {
    let state = serde_json::to_string(&running.state).map_err(Problem::internal)?;
    let (next, number) = place(kind, running.direction, running.step);
    let error = problem.map(ToString::to_string);
    let no_further = no_further.map_or(i32::MAX, |step| kind.number(Direction::Forward, step));
    let parameters: [&(dyn souk_db::ToSql + Sync); 8] =
        [&running.saga.id, &running.saga.epoch, &phase, &next, &number, &state, &error, &no_further];
    fenced(db.write_one(TURN, &parameters).await?)
}

/// Adds a task for a person, and goes on at `step`.
pub(super) async fn leave<S: Serialize>(
    db: &Db,
    kind: &SagaKind,
    running: &Running<S>,
    step: usize,
    task: &str,
) -> Result<(), Failure> {
    let state = serde_json::to_string(&running.state).map_err(Problem::internal)?;
    let (next, number) = place(kind, running.direction, step);
    let saga = running.saga;
    fenced(db.write_one(LEAVE, &[&saga.id, &saga.epoch, &next, &number, &state, &task]).await?)
}

/// Adds a task for a person, without which the saga cannot go on.
pub(super) async fn stop(db: &Db, saga: SagaRun, task: &str) -> Result<(), DbError> {
    db.write_one(STOP, &[&saga.id, &saga.epoch, &task]).await.map(drop)
}

/// Puts a saga to rest. Whether it was woken while it still ran: then it is due at once.
pub(super) async fn rest<S>(db: &Db, running: &Running<S>, pause: Duration, why: &str) -> Result<bool, DbError> {
    let saga = running.saga;
    let parameters: [&(dyn souk_db::ToSql + Sync); 5] =
        [&saga.id, &saga.epoch, &pause.as_secs_f64(), &why, &running.failures];
    let rested = db.write_returning(REST, &parameters).await?;
    rested.first().map_or(Ok(false), |row| row.get_col("woken"))
}

fn place(kind: &SagaKind, direction: Direction, at: usize) -> (Option<&'static str>, i32) {
    (kind.next_step(direction, at), kind.number(direction, at))
}

fn fenced(written: u64) -> Result<(), Failure> {
    if written == 1 { Ok(()) } else { Err(Failure::Fenced) }
}
