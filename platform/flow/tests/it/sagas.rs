//! Sagas end, whatever fails where: forward or back, each effect in place once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use souk_db::{Db, RowExt};
use souk_flow::{Failure, NewSaga, Progress, Recorded, SagaEngine, SagaKind, SagaRun, Step, insert_sagas, wake_saga};
use souk_kernel::Problem;
use souk_postgres::TestDb;
use souk_rpc::Cx;
use souk_runtime::Tasks;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::{OWNER, SOON};
use souk_eventually::eventually;

const NAMES: &[&str] = &["first", "second", "pivot", "last"];
static KIND: SagaKind = SagaKind { name: "test", steps: NAMES, numbered: NAMES };
const PIVOT: usize = 2;
const STEPS: usize = NAMES.len();

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    why: Option<String>,
}

/// What the outside world holds: step -> is its effect in place? Do and undo are idempotent, as real ones are.
#[derive(Default)]
struct World {
    effects: Mutex<BTreeMap<usize, bool>>,
    log: Mutex<Vec<String>>,
    /// Answers of the next runs of a step, before it works.
    trouble: Mutex<BTreeMap<usize, Vec<Trouble>>>,
    undo_trouble: Mutex<BTreeMap<usize, u32>>,
    /// Steps that are never done (`true`: taken back) any more: refused, for good.
    forbidden: Mutex<BTreeSet<(usize, bool)>>,
    may_be_left: bool,
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// No, for good.
    Refuse,
    /// It happened, but the answer was lost.
    LoseAnswer,
    /// The process dies after the effect: nothing more happens here.
    Die,
    /// It takes its time.
    Slow(Duration),
    /// It waits for another party, which acts before the wait is written down.
    WokenAndWait,
}

impl World {
    fn forbids(&self, step: usize, undo: bool) -> bool {
        self.forbidden.lock().unwrap().contains(&(step, undo))
    }
}

struct Nth {
    n: usize,
    world: Arc<World>,
    db: Db,
}

#[async_trait]
impl Step<State> for Nth {
    fn name(&self) -> &'static str {
        NAMES[self.n]
    }
    fn is_pivot(&self) -> bool {
        self.n == PIVOT
    }
    async fn run(&self, _: &Cx, saga: SagaRun, _: &mut State) -> Result<Progress, Failure> {
        self.world.log.lock().unwrap().push(format!("do {}", self.n));
        let trouble = self.world.trouble.lock().unwrap().get_mut(&self.n).and_then(Vec::pop);
        if matches!(trouble, Some(Trouble::Refuse)) || self.world.forbids(self.n, false) {
            return Err(Failure::Refused(Problem::conflict("refused", "no")));
        }
        if self.n == PIVOT {
            let tx = self.db.begin().await?;
            if Recorded::write(&tx, &KIND, &[saga], "pivot").await? != [saga.id] {
                return Err(Failure::Fenced);
            }
            tx.commit().await?;
        }
        self.world.effects.lock().unwrap().insert(self.n, true);
        match trouble {
            Some(Trouble::LoseAnswer) => Err(Failure::Again(Problem::timeout("lost"))),
            Some(Trouble::Die) => std::future::pending().await,
            Some(Trouble::WokenAndWait) => {
                let tx = self.db.begin().await?;
                wake_saga(&tx, saga.id).await?;
                tx.commit().await?;
                Err(Failure::Wait(Duration::from_secs(600)))
            }
            Some(Trouble::Slow(time)) => {
                tokio::time::sleep(time).await;
                Ok(Progress::Done)
            }
            _ if self.n == PIVOT => Ok(Progress::Recorded),
            _ => Ok(Progress::Done),
        }
    }
    fn may_be_left(&self) -> bool {
        self.world.may_be_left
    }
    async fn undo(&self, _: &Cx, _: SagaRun, _: &mut State) -> Result<(), Failure> {
        self.world.log.lock().unwrap().push(format!("undo {}", self.n));
        if self.world.forbids(self.n, true) {
            return Err(Failure::Refused(Problem::conflict("refused", "no")));
        }
        let left = self.world.undo_trouble.lock().unwrap().get_mut(&self.n).map(std::mem::take);
        if left.unwrap_or(0) > 0 {
            return Err(Failure::Again(Problem::timeout("lost")));
        }
        self.world.effects.lock().unwrap().insert(self.n, false);
        Ok(())
    }
}

struct Harness {
    _test: TestDb,
    db: Db,
    world: Arc<World>,
}

impl Harness {
    async fn new() -> Self {
        Self::with(World::default()).await
    }

    async fn with(world: World) -> Self {
        let test = TestDb::new(&[&OWNER]).await;
        let db = test.db("shop").await;
        Self { _test: test, db, world: Arc::new(world) }
    }

    fn engine(&self, tasks: &Tasks) -> Arc<SagaEngine<State>> {
        let step = |n| Box::new(Nth { n, world: self.world.clone(), db: self.db.clone() }) as Box<dyn Step<State>>;
        SagaEngine::new(&self.db, tasks, &KIND, (0..STEPS).map(step).collect(), |_, state, problem| {
            state.why = Some(problem.code.to_string());
        })
    }

    async fn start(&self, engine: &Arc<SagaEngine<State>>) -> Uuid {
        let saga = NewSaga { id: Uuid::now_v7(), state: State::default(), trace: None };
        let tx = self.db.begin().await.unwrap();
        insert_sagas(&tx, &KIND, std::slice::from_ref(&saga)).await.unwrap();
        tx.commit().await.unwrap();
        engine.start(&Cx::system("test"), saga.id, saga.state);
        saga.id
    }

    async fn phase(&self, id: Uuid) -> String {
        let row = self.db.primary().query_one("select phase from saga where id = $1", &[&id]).await.unwrap();
        row.get_col("phase").unwrap()
    }

    async fn ends(&self, id: Uuid, phase: &str) {
        eventually(&format!("saga {phase}"), SOON, async || {
            let now = self.phase(id).await;
            assert!(now == phase || now == "forward" || now == "undo", "ended as {now}, not {phase}");
            now == phase
        })
        .await;
    }

    /// How long the lease still holds, by the database's clock.
    async fn lease_left(&self, id: Uuid) -> Duration {
        let sql =
            "select greatest(extract(epoch from lease_until - now()), 0)::float8 as seconds from saga where id = $1";
        let row = self.db.primary().query_one(sql, &[&id]).await.unwrap();
        Duration::from_secs_f64(row.get_col("seconds").unwrap())
    }

    /// The lease of the process that died runs out, and another one takes over.
    async fn take_over(&self) -> Tasks {
        let tasks = Tasks::new();
        let engine = self.engine(&tasks);
        let sweep = tokio::sync::Mutex::new(engine.sweeper());
        eventually("the saga is abandoned", SOON, async || {
            engine.sweep_once(&mut *sweep.lock().await).await.unwrap() == 1
        })
        .await;
        tasks
    }

    /// A process by itself, to be killed: what runs in it just ends.
    async fn doomed(&self) -> (Runtime, Uuid) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let id = {
            let _inside = runtime.enter();
            self.start(&self.engine(&Tasks::new())).await
        };
        (runtime, id)
    }

    fn in_place(&self) -> Vec<usize> {
        self.world.effects.lock().unwrap().iter().filter(|(_, there)| **there).map(|(n, _)| *n).collect()
    }

    fn did(&self, what: &str) -> bool {
        self.world.log.lock().unwrap().iter().any(|line| line == what)
    }
}

fn trouble(world: &World, step: usize, troubles: &[Trouble]) {
    world.trouble.lock().unwrap().insert(step, troubles.iter().rev().copied().collect());
}

#[tokio::test]
async fn without_trouble_it_ends_done() {
    let harness = Harness::new().await;
    let tasks = Tasks::new();
    let id = harness.start(&harness.engine(&tasks)).await;
    harness.ends(id, "done").await;
    assert_eq!(harness.in_place(), [0, 1, 2, 3]);
    assert_eq!(*harness.world.log.lock().unwrap(), ["do 0", "do 1", "do 2", "do 3"], "each step once");
}

/// No sweeper runs here: before, such a saga lay until one came by.
#[tokio::test]
async fn woken_before_it_rests_it_goes_on_at_once() {
    let harness = Harness::new().await;
    trouble(&harness.world, 1, &[Trouble::WokenAndWait, Trouble::WokenAndWait]);
    let tasks = Tasks::new();
    let id = harness.start(&harness.engine(&tasks)).await;
    harness.ends(id, "done").await;
    let waits = harness.world.log.lock().unwrap().iter().filter(|line| *line == "do 1").count();
    assert_eq!(waits, 3);
}

#[tokio::test]
async fn a_refusal_before_the_pivot_undoes_everything_in_reverse() {
    for step in 0..=PIVOT {
        let harness = Harness::new().await;
        trouble(&harness.world, step, &[Trouble::Refuse]);
        harness.world.undo_trouble.lock().unwrap().insert(step, 1);
        let tasks = Tasks::new();
        let id = harness.start(&harness.engine(&tasks)).await;
        harness.ends(id, "undone").await;
        assert_eq!(harness.in_place(), [0usize; 0], "refused at {step}");
        let row = harness.db.primary().query_one("select state ->> 'why' as why from saga", &[]).await.unwrap();
        assert_eq!(row.get_col::<String>("why").unwrap(), "refused", "the reason is remembered");
        let undone: Vec<String> =
            harness.world.log.lock().unwrap().iter().filter(|l| l.starts_with("undo")).cloned().collect();
        assert_eq!(undone.last().unwrap(), "undo 0");
        assert_eq!(undone[0], format!("undo {step}"), "the step that failed may have happened, so it is undone first");
    }
}

#[tokio::test]
async fn lost_answers_are_asked_again_and_nothing_is_undone() {
    for step in 0..STEPS {
        let harness = Harness::new().await;
        trouble(&harness.world, step, &[Trouble::LoseAnswer, Trouble::LoseAnswer]);
        let tasks = Tasks::new();
        let id = harness.start(&harness.engine(&tasks)).await;
        harness.ends(id, "done").await;
        assert_eq!(harness.in_place(), [0, 1, 2, 3], "answer lost at {step}");
        assert!(!harness.did("undo 0"));
    }
}

#[tokio::test]
async fn a_process_that_dies_at_any_step_is_taken_over() {
    for step in 0..STEPS {
        let harness = Harness::new().await;
        trouble(&harness.world, step, &[Trouble::Die]);
        let (process, id) = harness.doomed().await;
        eventually("the death", SOON, async || harness.in_place().contains(&step)).await;
        process.shutdown_background();
        // How soon an heir may look is what counts. When it does is up to the machine: one that was late itself looks twice.
        let left = harness.lease_left(id).await;
        assert!(left <= Duration::from_secs(2), "{left:?} of a dead process's lease are left; up to 15 s before");
        let _heir = harness.take_over().await;
        harness.ends(id, "done").await;
        assert_eq!(harness.in_place(), [0, 1, 2, 3], "died at {step}");
        let pivots = harness.world.log.lock().unwrap().iter().filter(|line| *line == "do 2").count();
        assert_eq!(pivots, 1, "what was recorded is not done again");
    }
}

#[tokio::test]
async fn dying_on_the_way_back_is_taken_over_too() {
    let harness = Harness::new().await;
    trouble(&harness.world, 1, &[Trouble::Refuse]);
    // Undoing fails for longer than this process has patience with: it rests, and an heir finishes.
    harness.world.undo_trouble.lock().unwrap().insert(0, 1);
    let dead = Tasks::new();
    let id = harness.start(&harness.engine(&dead)).await;
    eventually("the way back", SOON, async || harness.did("undo 0")).await;
    dead.stop();
    dead.drain(Duration::from_secs(30)).await.unwrap();
    if harness.phase(id).await == "undo" {
        let _heir = harness.take_over().await;
        harness.ends(id, "undone").await;
    }
    assert_eq!(harness.in_place(), [0usize; 0]);
}

#[tokio::test]
async fn who_lost_the_lease_is_fenced() {
    let harness = Harness::new().await;
    trouble(&harness.world, 1, &[Trouble::Die]);
    let (process, id) = harness.doomed().await;
    eventually("the death", SOON, async || harness.in_place().contains(&1)).await;
    process.shutdown_background();
    let _heir = harness.take_over().await;
    harness.ends(id, "done").await;
    // The first process comes back from its pause and tries to record under its old epoch.
    let tx = harness.db.begin().await.unwrap();
    let ours = Recorded::write(&tx, &KIND, &[SagaRun { id, epoch: 1 }], "first").await.unwrap();
    assert!(ours.is_empty(), "an old epoch writes nothing");
}

/// It came further before it rested than where it is refused now. Before, what it did in its first life stayed: [1].
#[tokio::test]
async fn what_an_earlier_life_did_is_undone_too() {
    let harness = Harness::new().await;
    trouble(&harness.world, 1, &[Trouble::Die]);
    let (process, id) = harness.doomed().await;
    eventually("the death", SOON, async || harness.in_place().contains(&1)).await;
    process.shutdown_background();
    trouble(&harness.world, 0, &[Trouble::Refuse]);
    let _heir = harness.take_over().await;
    harness.ends(id, "undone").await;
    assert_eq!(harness.in_place(), [0usize; 0]);
}

/// Every step that is refused for ever, on the way there and back, ends within bounded tries: as a task for a person, with
/// everything else in order. Before, it was tried for as long as the shop lived.
#[tokio::test]
async fn what_is_refused_for_ever_becomes_a_task() {
    // Taking back step 2 or 1 is refused: step 0 is taken back all the same.
    for step in [1, 2] {
        let harness = Harness::new().await;
        harness.world.forbidden.lock().unwrap().extend([(step, true), (PIVOT, false)]);
        let (id, tries) = harness.runs_out("undone", &format!("undo {step}")).await;
        assert_eq!(harness.in_place(), if step == 1 { vec![1] } else { vec![] }, "undo of {step}");
        harness.is_a_task(id, tries).await;
    }
    // Past the pivot there is no way on or back: it stops, and no sweep takes it any more.
    let harness = Harness::new().await;
    harness.world.forbidden.lock().unwrap().insert((3, false));
    let (id, tries) = harness.runs_out("forward", "do 3").await;
    assert_eq!(harness.in_place(), [0, 1, 2]);
    harness.is_a_task(id, tries).await;
    // Where the steps after it make sense without it, they are done.
    let harness = Harness::with(World { may_be_left: true, ..World::default() }).await;
    harness.world.forbidden.lock().unwrap().insert((3, false));
    let (id, tries) = harness.runs_out("done", "do 3").await;
    harness.is_a_task(id, tries).await;
}

impl Harness {
    /// Runs one saga, with its rests cut short, until it is a task; how often `what` was tried.
    async fn runs_out(&self, phase: &str, what: &str) -> (Uuid, usize) {
        let tasks = Tasks::new();
        let engine = self.engine(&tasks);
        let id = self.start(&engine).await;
        let sweep = tokio::sync::Mutex::new(engine.sweeper());
        eventually("a task", SOON, async || {
            let due = "update saga set lease_until = now() - interval '1 s'
                where resting and lease_until <> 'infinity' and phase in ('forward', 'undo')";
            self.db.write_one(due, &[]).await.unwrap();
            engine.sweep_once(&mut *sweep.lock().await).await.unwrap();
            let task = "select count(*) from saga where stuck_at is not null and phase = $1
                and (phase in ('done', 'undone') or lease_until = 'infinity')";
            let row = self.db.primary().query_one(task, &[&phase]).await.unwrap();
            row.get_col::<i64>(0).unwrap() == 1
        })
        .await;
        let tries = self.world.log.lock().unwrap().iter().filter(|line| *line == what).count();
        println!("{what}: a task after {tries} tries");
        (id, tries)
    }

    async fn is_a_task(&self, id: Uuid, tries: usize) {
        assert_eq!(tries, 10);
        let row = self.db.primary().query_one("select tasks from saga where id = $1", &[&id]).await.unwrap();
        let told: String = row.get_col("tasks").unwrap();
        assert!(told.ends_with(": refused: no") && told.lines().count() == 1, "{told}");
    }
}

/// The table is locked for longer than leases last, as when the database stands still: heartbeats and sweeps wait alike.
/// Then who lives goes on. The control: by its lease alone the saga is abandoned by then.
#[tokio::test]
async fn a_database_that_stands_still_fences_nobody_who_lives() {
    let harness = Harness::new().await;
    trouble(&harness.world, 1, &[Trouble::Slow(Duration::from_secs(12))]);
    let (tasks, others) = (Tasks::new(), Tasks::new());
    let sweeping = harness.engine(&others);
    sweeping.sweep();
    let id = harness.start(&harness.engine(&tasks)).await;
    eventually("the slow step", SOON, async || harness.in_place().contains(&1)).await;
    let still = harness.db.begin().await.unwrap();
    still.execute("lock table saga in access exclusive mode", &[]).await.unwrap();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        still.execute("select 1", &[]).await.unwrap();
    }
    let row = still.query_one("select epoch, lease_until < clock_timestamp() as over from saga", &[]).await.unwrap();
    assert_eq!((row.get_col::<i64>("epoch").unwrap(), row.get_col::<bool>("over").unwrap()), (1, true), "the control");
    drop(still);
    harness.ends(id, "done").await;
    let row = harness.db.primary().query_one("select epoch from saga where id = $1", &[&id]).await.unwrap();
    assert_eq!(row.get_col::<i64>("epoch").unwrap(), 1, "never taken over");
    assert!(harness.world.log.lock().unwrap().iter().filter(|line| *line == "do 1").count() == 1);
}
