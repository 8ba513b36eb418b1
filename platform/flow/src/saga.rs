//! Work over several services that ends, whatever dies on the way: forward to the goal, or back to the start.
//!
//! The saga's row is inserted together with what it is about ([`insert_sagas`]), leased to the inserting process, which
//! runs it at once; the engine's sweeper takes over the sagas of processes that died. Each step has do and undo side by
//! side, both idempotent under `{saga}/{step}`. A step that writes to the saga's own schema records progress in its own
//! commit ([`Recorded`], fenced by the lease's epoch); steps between two records cost no commit here and are simply done
//! again after a crash. Undo before the pivot, only forward after it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_db::{Db, DbError, Row, RowExt, Tx};
use souk_kernel::{Kind, Problem};
use souk_modules::Tasks;
use souk_rpc::Cx;
use uuid::Uuid;

/// How long a saga belongs to the process that runs it. A crash costs at most this, and a sweep, before it goes on.
pub const SAGA_LEASE: Duration = Duration::from_secs(15);
/// The lease is renewed when a step is about to begin with less than this left.
const RENEW_BELOW: Duration = Duration::from_secs(8);
/// How often abandoned sagas are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Abandoned sagas taken at once.
const SWEEP: i64 = 64;
/// Tries of a step whose outcome is unknown, before the pivot; then it is undone.
const TRIES_BEFORE_PIVOT: u32 = 4;
/// First pause between tries; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest time in one process without an end; then the saga rests and is swept up again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Longest wait for one step.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);

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
    /// Somebody else has to do something first: come back in a while, or as soon as [`wake_saga`] is called.
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
    /// Names it in logs and keys.
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
}

/// What a step writes into its own transaction to record progress.
pub struct Recorded;

const INSERT: &str = "insert into saga (id, kind, state, phase, lease_until)
    select id, $2, state::json, 'forward', now() + make_interval(secs => $4)
    from unnest($1::uuid[], $3::text[]) as s (id, state)";
const RECORD: &str = "update saga set step = $3, phase = $4, updated_at = now()
    from unnest($1::uuid[], $2::bigint[]) as given (id, epoch)
    where saga.id = given.id and saga.epoch = given.epoch returning saga.id";
const TURN: &str = "update saga set phase = $3, step = $4, state = $5::text::json, last_error = $6, updated_at = now()
    where id = $1 and epoch = $2 and step <= $7";
const RENEW: &str = "update saga set lease_until = now() + make_interval(secs => $3) where id = $1 and epoch = $2";
// The second condition is for those that the release before this one laid to rest.
const WAKE: &str = "update saga set woken = true,
        lease_until = case when resting or last_error = 'waiting' then now() else lease_until end
    where id = $1 and phase in ('forward', 'undo') and stuck_at is null";
const REST: &str = "update saga set resting = true, last_error = $4,
        lease_until = now() + case when woken then interval '0' else make_interval(secs => $3) end
    where id = $1 and epoch = $2";
const CLAIM_RESTING: &str =
    "update saga set epoch = epoch + 1, attempts = attempts + 1, resting = false, woken = false,
        lease_until = now() + make_interval(secs => $3)
    where id = $2 and kind = $1 and phase in ('forward', 'undo') and resting and lease_until <= now()
    returning id, state::text as state, phase, step, epoch, attempts";
const CLAIM: &str = "update saga set epoch = epoch + 1, attempts = attempts + 1, resting = false, woken = false,
        lease_until = now() + make_interval(secs => $3)
    where id in (
        select id from saga where kind = $1 and phase in ('forward', 'undo') and lease_until < now()
        order by lease_until limit $2 for update skip locked)
    returning id, state::text as state, phase, step, epoch, attempts";

/// Inserts sagas of `kind` into the transaction that inserts what they are about, leased to this process.
pub async fn insert_sagas<S: Serialize>(tx: &Tx, kind: &'static str, sagas: &[NewSaga<S>]) -> Result<(), Problem> {
    let ids: Vec<Uuid> = sagas.iter().map(|saga| saga.id).collect();
    let states = sagas.iter().map(|saga| serde_json::to_string(&saga.state)).collect::<Result<Vec<_>, _>>();
    tx.execute(INSERT, &[&ids, &kind, &states.map_err(Problem::internal)?, &SAGA_LEASE.as_secs_f64()]).await?;
    Ok(())
}

/// Ends the wait of a saga that rests with [`Failure::Wait`], or is about to; others are left alone.
pub async fn wake_saga(tx: &Tx, id: Uuid) -> Result<(), DbError> {
    tx.execute(WAKE, &[&id]).await?;
    Ok(())
}

impl Recorded {
    /// Records in `tx` that the sagas have reached `step` (the number of the next step to run), or that they are done.
    /// Returns those whose lease still holds; the effects of all others must not be committed.
    pub async fn write(tx: &Tx, sagas: &[SagaRun], step: i32, done: bool) -> Result<Vec<Uuid>, DbError> {
        let ids: Vec<Uuid> = sagas.iter().map(|saga| saga.id).collect();
        let epochs: Vec<i64> = sagas.iter().map(|saga| saga.epoch).collect();
        let phase = if done { "done" } else { "forward" };
        let rows = tx.query(RECORD, &[&ids, &epochs, &step, &phase]).await?;
        rows.iter().map(|row| row.get_col("id")).collect()
    }
}

/// Runs the sagas of one kind.
pub struct SagaEngine<S> {
    db: Db,
    tasks: Tasks,
    kind: &'static str,
    steps: Vec<Box<dyn Step<S>>>,
    failed: FailedHook<S>,
}

type FailedHook<S> = Box<dyn Fn(SagaRun, &mut S, &Problem) + Send + Sync>;

impl<S: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> SagaEngine<S> {
    /// An engine for sagas of `kind`. `failed` lets the state remember why it goes back, before that is recorded.
    pub fn new(
        db: &Db,
        tasks: &Tasks,
        kind: &'static str,
        steps: Vec<Box<dyn Step<S>>>,
        failed: impl Fn(SagaRun, &mut S, &Problem) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { db: db.clone(), tasks: tasks.clone(), kind, steps, failed: Box::new(failed) })
    }

    /// Runs a saga this process has just inserted (epoch 1), beyond the request that started it.
    pub fn start(self: &Arc<Self>, cx: &Cx, id: Uuid, state: S) {
        let (engine, mut cx) = (self.clone(), cx.as_system());
        // The saga outlives the request's deadline; each step has its own.
        cx.deadline = None;
        self.tasks.spawn(self.kind, async move {
            engine
                .run(
                    &cx,
                    Running {
                        saga: SagaRun { id, epoch: 1 },
                        state,
                        direction: Direction::Forward,
                        step: 0,
                        attempts: 0,
                    },
                )
                .await;
        });
    }

    /// Takes over sagas whose process died, until this one stops.
    pub fn sweep(self: &Arc<Self>) {
        let engine = self.clone();
        self.tasks.spawn("saga sweeper", async move {
            while engine.tasks.pause(SWEEP_EVERY).await {
                if let Err(problem) = engine.sweep_once().await {
                    let internal = problem.internal_detail().unwrap_or_default();
                    tracing::warn!(kind = engine.kind, code = %problem.code, internal, "sweep failed, will try again");
                }
            }
        });
    }

    /// Takes over what is abandoned now and runs it; returns how many.
    pub async fn sweep_once(self: &Arc<Self>) -> Result<usize, Problem> {
        let rows = self.db.write_returning(CLAIM, &[&self.kind, &SWEEP, &SAGA_LEASE.as_secs_f64()]).await?;
        self.take_over(&rows);
        Ok(rows.len())
    }

    /// Runs a saga that [`wake_saga`] has woken, here and now; one that does not rest goes on where it is.
    pub async fn resume(self: &Arc<Self>, id: Uuid) -> Result<(), Problem> {
        let rows = self.db.write_returning(CLAIM_RESTING, &[&self.kind, &id, &SAGA_LEASE.as_secs_f64()]).await?;
        self.take_over(&rows);
        Ok(())
    }

    fn take_over(self: &Arc<Self>, rows: &[Row]) {
        for row in rows {
            let running = match self.decode(row) {
                Ok(running) => running,
                Err(problem) => {
                    tracing::error!(
                        kind = self.kind,
                        internal = problem.internal_detail(),
                        "a saga's row is unreadable"
                    );
                    continue;
                }
            };
            tracing::info!(kind = self.kind, saga = %running.saga.id, step = running.step, "taking over a saga");
            let engine = self.clone();
            let cx = Cx::system(running.saga.id.to_string());
            self.tasks.spawn(self.kind, async move { engine.run(&cx, running).await });
        }
    }

    fn decode(&self, row: &Row) -> Result<Running<S>, Problem> {
        let (state, phase): (String, String) = (row.get_col("state")?, row.get_col("phase")?);
        let (step, attempts): (i32, i32) = (row.get_col("step")?, row.get_col("attempts")?);
        Ok(Running {
            saga: SagaRun { id: row.get_col("id")?, epoch: row.get_col("epoch")? },
            state: serde_json::from_str(&state).map_err(Problem::internal)?,
            direction: if phase == "undo" { Direction::Undo } else { Direction::Forward },
            step: usize::try_from(step).map_err(Problem::internal)?,
            attempts: attempts.unsigned_abs(),
        })
    }

    async fn run(&self, cx: &Cx, mut running: Running<S>) {
        let saga = running.saga;
        let result = match running.direction {
            Direction::Forward => self.forward(cx, &mut running).await,
            Direction::Undo => self.back(cx, &mut running).await,
        };
        match result {
            Ok(()) => {}
            Err(Failure::Fenced) => tracing::warn!(kind = self.kind, %saga.id, "saga is run by another process now"),
            Err(Failure::Wait(pause)) => self.rest(&running, pause, "waiting").await,
            Err(Failure::Again(problem) | Failure::Refused(problem)) => {
                // Grows with every take-over, up to half a minute.
                let pause = Duration::from_secs(2u64.pow(running.attempts.min(5)).min(30));
                let pause = if self.tasks.stopping() { Duration::ZERO } else { pause };
                self.rest(&running, pause, &problem.to_string()).await;
            }
        }
    }

    async fn forward(&self, cx: &Cx, running: &mut Running<S>) -> Result<(), Failure> {
        let pivot = self.pivot();
        let mut renewed = tokio::time::Instant::now();
        let mut recorded = false;
        while let Some(step) = self.steps.get(running.step) {
            self.keep_lease(running.saga, &mut renewed).await?;
            let before_pivot = pivot.is_some_and(|pivot| running.step <= pivot);
            match self.try_step(cx, running, step.as_ref(), before_pivot).await {
                Ok(progress) => recorded = progress == Progress::Recorded,
                Err(Failure::Refused(problem) | Failure::Again(problem)) if before_pivot && !self.tasks.stopping() => {
                    return self.turn_back(cx, running, problem).await;
                }
                Err(failure) => return Err(failure),
            }
            running.step += 1;
        }
        if recorded {
            return Ok(());
        }
        self.turn(running, "done", None).await
    }

    /// A saga without a pivot begins past it: it only goes forward.
    fn pivot(&self) -> Option<usize> {
        self.steps.iter().position(|step| step.is_pivot())
    }

    /// Runs a step with repeats: a few before the pivot, and as many as one stay in this process allows after it.
    async fn try_step(
        &self,
        cx: &Cx,
        running: &mut Running<S>,
        step: &dyn Step<S>,
        before_pivot: bool,
    ) -> Result<Progress, Failure> {
        let (mut tries, mut pause) = (1, FIRST_PAUSE);
        loop {
            let cx = cx.clone().within(STEP_TIMEOUT);
            let failure = match step.run(&cx, running.saga, &mut running.state).await {
                Ok(progress) => return Ok(progress),
                Err(failure) => failure,
            };
            let Failure::Again(problem) = &failure else { return Err(failure) };
            self.complain(running.saga, step.name(), problem);
            let enough = if before_pivot { tries >= TRIES_BEFORE_PIVOT } else { pause > LONGEST_PAUSE };
            if enough || !self.tasks.pause(pause).await {
                return Err(failure);
            }
            tries += 1;
            pause *= 2;
        }
    }

    async fn turn_back(&self, cx: &Cx, running: &mut Running<S>, problem: Problem) -> Result<(), Failure> {
        (self.failed)(running.saga, &mut running.state, &problem);
        // The step that failed may have happened all the same, so it is the first to be undone.
        running.step += 1;
        running.direction = Direction::Undo;
        self.turn(running, "undo", Some(&problem)).await?;
        self.back(cx, running).await
    }

    async fn back(&self, cx: &Cx, running: &mut Running<S>) -> Result<(), Failure> {
        let mut renewed = tokio::time::Instant::now();
        while running.step > 0 {
            let Some(step) = self.steps.get(running.step - 1) else {
                running.step -= 1;
                continue;
            };
            self.keep_lease(running.saga, &mut renewed).await?;
            self.try_undo(cx, running, step.as_ref()).await?;
            running.step -= 1;
        }
        self.turn(running, "undone", None).await
    }

    async fn try_undo(&self, cx: &Cx, running: &mut Running<S>, step: &dyn Step<S>) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            let cx = cx.clone().within(STEP_TIMEOUT);
            let problem = match step.undo(&cx, running.saga, &mut running.state).await {
                Ok(()) => return Ok(()),
                Err(Failure::Fenced) => return Err(Failure::Fenced),
                Err(wait @ Failure::Wait(_)) => return Err(wait),
                Err(Failure::Again(problem) | Failure::Refused(problem)) => problem,
            };
            self.complain(running.saga, step.name(), &problem);
            if pause > LONGEST_PAUSE || !self.tasks.pause(pause).await {
                return Err(Failure::Again(problem));
            }
            pause *= 2;
        }
    }

    async fn turn(&self, running: &Running<S>, phase: &str, problem: Option<&Problem>) -> Result<(), Failure> {
        let state = serde_json::to_string(&running.state).map_err(Problem::internal)?;
        let step = i32::try_from(running.step).map_err(Problem::internal)?;
        let error = problem.map(ToString::to_string);
        // A pivot whose commit was taken for lost may be recorded all the same: then there is no way back, and the
        // saga goes on from its row once the lease has run out.
        let pivot = self.pivot().and_then(|at| i32::try_from(at).ok());
        let no_further = if phase == "undo" { pivot.unwrap_or(0) } else { i32::MAX };
        let parameters: [&(dyn souk_db::ToSql + Sync); 7] =
            [&running.saga.id, &running.saga.epoch, &phase, &step, &state, &error, &no_further];
        let turned = self.db.write_one(TURN, &parameters).await?;
        if turned == 1 { Ok(()) } else { Err(Failure::Fenced) }
    }

    async fn keep_lease(&self, saga: SagaRun, renewed: &mut tokio::time::Instant) -> Result<(), Failure> {
        if renewed.elapsed() + RENEW_BELOW < SAGA_LEASE {
            return Ok(());
        }
        let kept = self.db.write_one(RENEW, &[&saga.id, &saga.epoch, &SAGA_LEASE.as_secs_f64()]).await?;
        *renewed = tokio::time::Instant::now();
        if kept == 1 { Ok(()) } else { Err(Failure::Fenced) }
    }

    /// Leaves the saga to the sweeper.
    async fn rest(&self, running: &Running<S>, pause: Duration, why: &str) {
        let saga = running.saga;
        if let Err(error) = self.db.write_one(REST, &[&saga.id, &saga.epoch, &pause.as_secs_f64(), &why]).await {
            // Then the lease runs out by itself.
            tracing::warn!(kind = self.kind, %saga.id, %error, "could not put a saga to rest");
        }
    }

    fn complain(&self, saga: SagaRun, step: &str, problem: &Problem) {
        let internal = problem.internal_detail().unwrap_or_default();
        tracing::warn!(kind = self.kind, %saga.id, step, code = %problem.code, internal, "saga step failed, will try again");
    }
}

struct Running<S> {
    saga: SagaRun,
    state: S,
    direction: Direction,
    step: usize,
    attempts: u32,
}
