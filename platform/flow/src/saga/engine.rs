//! Saga orchestrator: runs the steps of one kind of saga, forward or back, and puts to rest what cannot go on now.
//!
//! Nothing is tried for ever. A step that fails again and again is left to a person ([`LIMIT`]): on the way back, and where
//! [`Step::may_be_left`] says so, the saga goes on without it, so that all the rest is in order; else it stops there.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_db::{Db, Row};
use souk_kernel::{Kind, Problem};
use souk_rpc::Cx;
use souk_runtime::Tasks;
use souk_trace::{Span, scope};
use tokio::time::Instant;
use uuid::Uuid;

use super::lease::{Leases, Sweep};
use super::row::{self, Running};
use super::{Direction, Failure, Progress, SagaKind, SagaRun, Step};
use crate::trace_context;

/// Tries in a row of a step whose outcome is unknown, before the pivot (then it is undone), or that is refused after it.
const FEW_TRIES: u32 = 4;
/// First pause between tries; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest time in one process without an end; then the saga rests and is swept up again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Longest wait for one step.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// What a step may still take beyond its deadline, to notice it by itself.
const STEP_GRACE: Duration = Duration::from_secs(1);
/// Longest rest after a failure.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// A failure weighs this much when what is needed is out of reach: it comes back ...
const OUTAGE: i32 = 1;
/// ... and this much when it was reached and said no, which it will hardly take back.
const REFUSAL: i32 = 30;
/// So much is left to a person: ten refusals (four minutes), or an outage of three hours.
const LIMIT: i32 = 10 * REFUSAL;

/// Runs the sagas of one kind.
pub struct SagaEngine<S> {
    db: Db,
    tasks: Tasks,
    kind: &'static SagaKind,
    steps: Vec<Box<dyn Step<S>>>,
    failed: FailedHook<S>,
    leases: Arc<Leases>,
}

type FailedHook<S> = Box<dyn Fn(SagaRun, &mut S, &Problem) + Send + Sync>;

impl<S: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> SagaEngine<S> {
    /// An engine for sagas of `kind`, whose steps these are. `failed` lets the state remember why it goes back, before that
    /// is recorded.
    ///
    /// # Panics
    /// When the steps are not those that the kind names.
    pub fn new(
        db: &Db,
        tasks: &Tasks,
        kind: &'static SagaKind,
        steps: Vec<Box<dyn Step<S>>>,
        failed: impl Fn(SagaRun, &mut S, &Problem) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let names: Vec<&str> = steps.iter().map(|step| step.name()).collect();
        assert_eq!(names, kind.steps, "the steps of {}", kind.name);
        let leases = Leases::kept(db, tasks, kind.name);
        Arc::new(Self { db: db.clone(), tasks: tasks.clone(), kind, steps, failed: Box::new(failed), leases })
    }

    /// Runs a saga this process has just inserted (epoch 1), beyond the request that started it.
    pub fn start(self: &Arc<Self>, cx: &Cx, id: Uuid, state: S) {
        let mut cx = cx.as_system();
        // The saga outlives the request's deadline; each step has its own.
        cx.deadline = None;
        let saga = SagaRun { id, epoch: 1 };
        self.spawn(cx, Running { saga, state, direction: Direction::Forward, step: 0, attempts: 0, failures: 0 });
    }

    /// Takes over sagas whose process died, until this one stops.
    pub fn sweep(self: &Arc<Self>) {
        let engine = self.clone();
        self.tasks.spawn("saga sweeper", async move {
            let mut sweep = engine.sweeper();
            while engine.tasks.pause(Sweep::EVERY).await {
                if let Err(problem) = engine.sweep_once(&mut sweep).await {
                    let internal = problem.internal_detail().unwrap_or_default();
                    if let Some(unsaid) = crate::trouble::to_be_said("saga sweep", &problem) {
                        tracing::warn!(kind = engine.kind.name, code = %problem.code, internal, unsaid, "sweep failed, will try again");
                    }
                }
            }
        });
    }

    /// What a sweeper remembers from one look to the next.
    pub fn sweeper(&self) -> Sweep {
        Sweep::new(self.kind)
    }

    /// One look at what is abandoned; what `sweep` has seen so for long enough is taken over and run. Returns how many.
    pub async fn sweep_once(self: &Arc<Self>, sweep: &mut Sweep) -> Result<usize, Problem> {
        let rows = sweep.look(&self.db).await?;
        self.take_over(&rows);
        Ok(rows.len())
    }

    /// Runs a saga that [`super::wake_saga`] has woken, here and now. One that does not rest yet is resumed by the process
    /// that puts it to rest.
    pub async fn resume(self: &Arc<Self>, id: Uuid) -> Result<(), Problem> {
        let rows = Sweep::claim_resting(&self.db, self.kind, id).await?;
        self.take_over(&rows);
        Ok(())
    }

    fn take_over(self: &Arc<Self>, rows: &[Row]) {
        for row in rows {
            let running = match row::decode(self.kind, row) {
                Ok(running) => running,
                Err(problem) => {
                    let internal = problem.internal_detail();
                    tracing::error!(kind = self.kind.name, internal, "a saga's row is unreadable");
                    continue;
                }
            };
            tracing::info!(kind = self.kind.name, saga = %running.saga.id, step = self.kind.next_step(running.direction, running.step), "taking over a saga");
            let mut cx = Cx::system(running.saga.id.to_string());
            match trace_context::of_row(row) {
                Ok(trace) => cx.trace = trace,
                Err(error) => {
                    tracing::warn!(kind = self.kind.name, saga = %running.saga.id, %error, "a saga's trace is unreadable")
                }
            }
            self.spawn(cx, running);
        }
    }

    fn spawn(self: &Arc<Self>, mut cx: Cx, running: Running<S>) {
        let engine = self.clone();
        let held = self.leases.hold(running.saga);
        // Of its own: it may end after the request that started it.
        let span = Span::root(cx.trace.as_ref(), souk_trace::Kind::Internal, self.kind.name);
        cx.trace = span.trace();
        let place = span.trace();
        let run = async move {
            let saga = running.saga;
            let woken = engine.run(&cx, running).await;
            drop((held, span));
            if woken && let Err(problem) = engine.resume(saga.id).await {
                // Then the sweeper finds it.
                let internal = problem.internal_detail().unwrap_or_default();
                tracing::warn!(kind = engine.kind.name, %saga.id, code = %problem.code, internal, "could not resume a woken saga");
            }
        };
        self.tasks.spawn(self.kind.name, scope(place, run));
    }

    /// Runs it to its end or its rest; whether it was woken before it came to rest.
    async fn run(&self, cx: &Cx, mut running: Running<S>) -> bool {
        let saga = running.saga;
        let result = match running.direction {
            Direction::Forward => self.forward(cx, &mut running).await,
            Direction::Undo => self.back(cx, &mut running).await,
        };
        match result {
            Ok(()) => false,
            Err(Failure::Fenced) => {
                tracing::warn!(kind = self.kind.name, %saga.id, "saga is run by another process now");
                false
            }
            Err(Failure::Wait(pause)) => self.rest(&running, pause, "waiting").await,
            Err(Failure::Again(problem) | Failure::Refused(problem)) => self.give_way(&mut running, &problem).await,
        }
    }

    /// A step has failed for as long as one stay allows: it rests, or it is left to a person. Whether it was woken meanwhile.
    async fn give_way(&self, running: &mut Running<S>, problem: &Problem) -> bool {
        if self.tasks.stopping() {
            return self.rest(running, Duration::ZERO, &problem.to_string()).await;
        }
        running.failures += weight(problem);
        if running.failures >= LIMIT {
            self.stop(running, problem).await;
            return false;
        }
        // Grows with every take-over.
        let pause = Duration::from_secs(2u64.pow(running.attempts.min(5))).min(LONGEST_REST);
        self.rest(running, pause, &problem.to_string()).await
    }

    async fn forward(&self, cx: &Cx, running: &mut Running<S>) -> Result<(), Failure> {
        let pivot = self.pivot();
        let mut recorded = false;
        while let Some(step) = self.steps.get(running.step) {
            self.leases.check(running.saga)?;
            let before_pivot = pivot.is_some_and(|pivot| running.step <= pivot);
            match self.try_step(cx, running, step.as_ref(), before_pivot).await {
                Ok(progress) => recorded = progress == Progress::Recorded,
                Err(Failure::Refused(problem) | Failure::Again(problem)) if before_pivot && !self.tasks.stopping() => {
                    return self.turn_back(cx, running, problem).await;
                }
                Err(Failure::Refused(problem) | Failure::Again(problem))
                    if step.may_be_left() && running.failures + weight(&problem) >= LIMIT =>
                {
                    self.leave(running, running.step + 1, step.as_ref(), &problem).await?;
                    recorded = false;
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
            let failure = match in_time(&cx, step.name(), step.run(&cx, running.saga, &mut running.state)).await {
                Ok(progress) => return Ok(progress),
                Err(failure) => failure,
            };
            let Failure::Again(problem) = &failure else { return Err(failure) };
            self.complain(running.saga, step.name(), problem);
            // What was reached and says no is asked again soon after, and then left for a while.
            let few = before_pivot || weight(problem) == REFUSAL;
            let enough = if few { tries >= FEW_TRIES } else { pause > LONGEST_PAUSE };
            if enough || !self.tasks.pause(pause).await {
                return Err(failure);
            }
            tries += 1;
            pause *= 2;
        }
    }

    async fn turn_back(&self, cx: &Cx, running: &mut Running<S>, problem: Problem) -> Result<(), Failure> {
        (self.failed)(running.saga, &mut running.state, &problem);
        // The step that failed may have happened all the same, so it is the first to be undone. One that was run before,
        // here or elsewhere, may have come further then: progress before the pivot is not recorded.
        running.step = match self.pivot() {
            Some(pivot) if running.saga.epoch > 1 => pivot,
            _ => running.step,
        } + 1;
        running.direction = Direction::Undo;
        self.turn(running, "undo", Some(&problem)).await?;
        self.back(cx, running).await
    }

    async fn back(&self, cx: &Cx, running: &mut Running<S>) -> Result<(), Failure> {
        while running.step > 0 {
            let Some(step) = self.steps.get(running.step - 1) else {
                running.step -= 1;
                continue;
            };
            self.leases.check(running.saga)?;
            match self.try_undo(cx, running, step.as_ref()).await {
                // The first step stands for what the saga is about: without it there is no end to tell of.
                Err(Failure::Again(problem) | Failure::Refused(problem))
                    if running.step > 1 && running.failures + weight(&problem) >= LIMIT =>
                {
                    self.leave(running, running.step - 1, step.as_ref(), &problem).await?;
                }
                undone => undone?,
            }
            running.step -= 1;
        }
        self.turn(running, "undone", None).await
    }

    /// Undoes a step, with repeats while what it needs is out of reach; what it refuses now it also refuses in a second.
    async fn try_undo(&self, cx: &Cx, running: &mut Running<S>, step: &dyn Step<S>) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            let cx = cx.clone().within(STEP_TIMEOUT);
            let failure = match in_time(&cx, step.name(), step.undo(&cx, running.saga, &mut running.state)).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            match &failure {
                Failure::Fenced | Failure::Wait(_) => return Err(failure),
                Failure::Refused(problem) => {
                    self.complain(running.saga, step.name(), problem);
                    return Err(failure);
                }
                Failure::Again(problem) => self.complain(running.saga, step.name(), problem),
            }
            if pause > LONGEST_PAUSE || !self.tasks.pause(pause).await {
                return Err(failure);
            }
            pause *= 2;
        }
    }

    /// Leaves what `step` should have done to a person, and goes on at `next`.
    async fn leave(
        &self,
        running: &mut Running<S>,
        next: usize,
        step: &dyn Step<S>,
        problem: &Problem,
    ) -> Result<(), Failure> {
        step.left(&mut running.state, problem);
        running.failures = 0;
        let task = self.task(running.saga, step.name(), problem);
        row::leave(&self.db, self.kind, running, next, &task).await
    }

    /// The saga cannot go on without what failed: it stops until a person has seen to it.
    async fn stop(&self, running: &Running<S>, problem: &Problem) {
        let saga = running.saga;
        let next = self.kind.next_step(running.direction, running.step);
        let task = self.task(saga, next.unwrap_or("end"), problem);
        if let Err(error) = row::stop(&self.db, saga, &task).await {
            // Then its lease runs out, and it comes here again.
            tracing::warn!(kind = self.kind.name, %saga.id, %error, "could not stop a saga");
        }
    }

    fn task(&self, saga: SagaRun, step: &str, problem: &Problem) -> String {
        let internal = problem.internal_detail().unwrap_or_default();
        tracing::error!(kind = self.kind.name, %saga.id, step, code = %problem.code, internal, "a task for a person: a saga's step is refused");
        metrics::counter!("souk_saga_tasks_total", "kind" => self.kind.name).increment(1);
        format!("{step}: {}: {}", problem.code, problem.detail)
    }

    async fn turn(&self, running: &Running<S>, phase: &str, problem: Option<&Problem>) -> Result<(), Failure> {
        // A pivot whose commit was taken for lost may be recorded all the same: then there is no way back, and the
        // saga goes on from its row once the lease has run out.
        let no_further = if phase == "undo" { Some(self.pivot().unwrap_or(0)) } else { None };
        row::turn(&self.db, self.kind, running, phase, problem, no_further).await
    }

    /// Leaves the saga to the sweeper; whether it was woken meanwhile and may go on here.
    async fn rest(&self, running: &Running<S>, pause: Duration, why: &str) -> bool {
        match row::rest(&self.db, running, pause, why).await {
            Ok(woken) => woken && !self.tasks.stopping(),
            Err(error) => {
                // Then the lease runs out by itself.
                let saga = running.saga;
                tracing::warn!(kind = self.kind.name, %saga.id, %error, "could not put a saga to rest");
                false
            }
        }
    }

    fn complain(&self, saga: SagaRun, step: &str, problem: &Problem) {
        let internal = problem.internal_detail().unwrap_or_default();
        tracing::warn!(kind = self.kind.name, %saga.id, step, code = %problem.code, internal, "saga step failed, will try again");
    }
}

/// A step that does not notice its deadline by itself is not waited for: its outcome is unknown.
async fn in_time<T>(cx: &Cx, step: &'static str, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut span = Span::under(cx.trace.as_ref(), souk_trace::Kind::Internal, step);
    let late = || Failure::Again(Problem::timeout(step));
    let until = Instant::now() + STEP_TIMEOUT + STEP_GRACE;
    let ended = tokio::time::timeout_at(until, scope(span.trace(), work)).await.unwrap_or_else(|_| Err(late()));
    // What is refused is an answer; what is tried again is a failure.
    if let Err(Failure::Again(problem)) = &ended {
        span.fail(problem.code.clone());
    }
    ended
}

fn weight(problem: &Problem) -> i32 {
    match problem.kind {
        Kind::Unavailable | Kind::Timeout | Kind::RateLimited => OUTAGE,
        _ => REFUSAL,
    }
}
