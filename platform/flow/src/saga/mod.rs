//! Sagas, work over several services that ends, whatever dies on the way: forward to the goal, or back to the start.
//!
//! The saga's row is inserted together with what it is about ([`insert_sagas`]), leased to the inserting process, which
//! runs it at once; the engine's sweeper takes over the sagas of processes that died. Each step has do and undo side by
//! side, both idempotent under `{saga}/{step}`. A step that writes to the saga's own schema records progress in its own
//! commit ([`Recorded`], fenced by the lease's epoch); steps between two records cost no commit here and are simply done
//! again after a crash. Undo before the pivot, only forward after it. How a release may change the steps while sagas run is
//! said at [`SagaKind`].

mod engine;
mod kind;
mod lease;
mod row;

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use souk_db::{DbError, RowExt, Tx};
use souk_kernel::{Kind, Problem};
use souk_rpc::Cx;
use souk_trace::Trace;
use uuid::Uuid;

use crate::trace_context::Columns;

pub use engine::SagaEngine;
pub use kind::SagaKind;
pub use lease::Sweep;

/// How long a saga belongs to the process that runs it, unless that says that it still lives. With the sweep and its second
/// look, a crash costs some three seconds.
pub const SAGA_LEASE: Duration = Duration::from_secs(2);

/// Which way a saga goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards the goal.
    Forward,
    /// Back to the start.
    Undo,
}

/// A saga to insert with what it is about.
pub struct NewSaga<S> {
    /// Also the stem of all its idempotency keys.
    pub id: Uuid,
    /// First state.
    pub state: S,
    /// The place in a trace of the request that starts it.
    pub trace: Option<Trace>,
}

/// What a running saga knows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SagaRun {
    /// The saga.
    pub id: Uuid,
    /// Fences: a write under an older epoch must do nothing.
    pub epoch: i64,
}

/// How a step ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Done; nothing recorded, it may be done again after a crash.
    Done,
    /// Done, and recorded by the step in its own commit.
    Recorded,
}

/// Why a step did not end well.
#[derive(Clone, Debug)]
pub enum Failure {
    /// It cannot be: go back (before the pivot).
    Refused(Problem),
    /// Unknown or out of reach: try again.
    Again(Problem),
    /// Another party has to do something first: come back in a while, or as soon as [`wake_saga`] is called.
    Wait(Duration),
    /// Another process runs this saga now.
    Fenced,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem.kind {
            Kind::Unavailable | Kind::Timeout | Kind::Internal | Kind::RateLimited => Failure::Again(problem),
            _ => Failure::Refused(problem),
        }
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Failure::from(Problem::from(error))
    }
}

/// One step: what it does and how that is taken back, both idempotent.
#[async_trait]
pub trait Step<S>: Send + Sync + 'static {
    /// Names it in rows, logs and keys.
    fn name(&self) -> &'static str;
    /// Does it.
    async fn run(&self, cx: &Cx, saga: SagaRun, state: &mut S) -> Result<Progress, Failure>;
    /// Takes it back, also when it is unknown whether it was ever done.
    async fn undo(&self, _cx: &Cx, _saga: SagaRun, _state: &mut S) -> Result<(), Failure> {
        Ok(())
    }
    /// After this step there is no way back.
    fn is_pivot(&self) -> bool {
        false
    }
    /// Whether the steps after it make sense without it: when it is refused for good, a person does it, and they go on.
    fn may_be_left(&self) -> bool {
        false
    }
    /// Lets the state remember that this step, or taking it back, is left to a person.
    fn left(&self, _state: &mut S, _problem: &Problem) {}
}

/// What a step writes into its own transaction to record progress.
pub struct Recorded;

const INSERT: &str = "insert into saga (id, kind, state, phase, next_step, steps, lease_until, traceparent, tracestate)
    select id, $2, state::json, 'forward', $5, $6, now() + make_interval(secs => $4), traceparent, tracestate
    from unnest($1::uuid[], $3::text[], $7::text[], $8::text[]) as s (id, state, traceparent, tracestate)";
const RECORD: &str = "update saga set next_step = $3, step = $4, phase = $5, updated_at = now(),
        state = case when given.secret is null then state else replace(state::text, given.secret, $7)::json end
    from unnest($1::uuid[], $2::bigint[], $6::text[]) as given (id, epoch, secret)
    where saga.id = given.id and saga.epoch = given.epoch returning saga.id";
// The second condition is for those that the release before this one laid to rest.
const WAKE: &str = "update saga set woken = true,
        lease_until = case when resting or last_error = 'waiting' then now() else lease_until end
    where id = $1 and phase in ('forward', 'undo') and lease_until <> 'infinity'";

/// Inserts sagas of `kind` into the transaction that inserts what they are about, leased to this process.
pub async fn insert_sagas<S: Serialize>(tx: &Tx, kind: &SagaKind, sagas: &[NewSaga<S>]) -> Result<(), Problem> {
    let ids: Vec<Uuid> = sagas.iter().map(|saga| saga.id).collect();
    let states = sagas.iter().map(|saga| serde_json::to_string(&saga.state)).collect::<Result<Vec<_>, _>>();
    let states = states.map_err(Problem::internal)?;
    let (first, lease) = (kind.next_step(Direction::Forward, 0), SAGA_LEASE.as_secs_f64());
    let traces = Columns::of(sagas.iter().map(|saga| saga.trace.as_ref()));
    let parameters: [&(dyn souk_db::ToSql + Sync); 8] =
        [&ids, &kind.name, &states, &lease, &first, &kind.steps, &traces.parents, &traces.states];
    tx.execute(INSERT, &parameters).await?;
    Ok(())
}

/// Ends the wait of a saga that rests with [`Failure::Wait`], or is about to; others are left alone.
pub async fn wake_saga(tx: &Tx, id: Uuid) -> Result<(), DbError> {
    tx.execute(WAKE, &[&id]).await?;
    Ok(())
}

impl Recorded {
    /// Records in `tx` that the sagas have done `step`, and are done when it is the last one. Returns those whose lease still
    /// holds; the effects of all others must not be committed.
    pub async fn write(tx: &Tx, kind: &SagaKind, sagas: &[SagaRun], step: &str) -> Result<Vec<Uuid>, DbError> {
        Self::record(tx, kind, sagas, step, &[], "").await
    }

    /// The same, and empties `field` in each saga's state, where its text is that saga's one of `secrets`: it has done its
    /// work, and is not kept longer. Name and text are found together, as text, because PostgreSQL rebuilds a whole document
    /// to change one field of it, and because the text alone may stand in other fields, too.
    pub async fn forgetting(
        tx: &Tx,
        kind: &SagaKind,
        sagas: &[SagaRun],
        step: &str,
        field: &str,
        secrets: &[&str],
    ) -> Result<Vec<Uuid>, DbError> {
        debug_assert_eq!(sagas.len(), secrets.len());
        let named = |value: &str| format!("{}:{}", serde_json::Value::from(field), serde_json::Value::from(value));
        let found: Vec<String> = secrets.iter().map(|secret| named(secret)).collect();
        Self::record(tx, kind, sagas, step, &found, &named("")).await
    }

    async fn record(
        tx: &Tx,
        kind: &SagaKind,
        sagas: &[SagaRun],
        step: &str,
        secrets: &[String],
        emptied: &str,
    ) -> Result<Vec<Uuid>, DbError> {
        let at = kind.after(step).ok_or_else(|| DbError::Other(format!("{} has no step {step}", kind.name)))?;
        let ids: Vec<Uuid> = sagas.iter().map(|saga| saga.id).collect();
        let epochs: Vec<i64> = sagas.iter().map(|saga| saga.epoch).collect();
        let next = kind.next_step(Direction::Forward, at);
        let phase = if next.is_some() { "forward" } else { "done" };
        let number = kind.number(Direction::Forward, at);
        let rows = tx.query(RECORD, &[&ids, &epochs, &next, &number, &phase, &secrets, &emptied]).await?;
        rows.iter().map(|row| row.get_col("id")).collect()
    }
}
