//! Sagas end, whatever fails where: forward or back, each effect in place once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use souk_db::{Db, RowExt, TestDb};
use souk_flow::{Failure, NewSaga, Progress, Recorded, SagaEngine, SagaRun, Step, insert_sagas};
use souk_kernel::Problem;
use souk_modules::Tasks;
use souk_rpc::Cx;
use uuid::Uuid;

use crate::{OWNER, eventually};

const KIND: &str = "test";
const PIVOT: usize = 2;
const STEPS: usize = 4;

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
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// No, for good.
    Refuse,
    /// It happened, but the answer was lost.
    LoseAnswer,
    /// The process dies after the effect: nothing more happens here.
    Die,
}

struct Nth {
    n: usize,
    world: Arc<World>,
    db: Db,
}

#[async_trait]
impl Step<State> for Nth {
    fn name(&self) -> &'static str {
        ["first", "second", "pivot", "last"][self.n]
    }
    fn is_pivot(&self) -> bool {
        self.n == PIVOT
    }
    async fn run(&self, _: &Cx, saga: SagaRun, _: &mut State) -> Result<Progress, Failure> {
        self.world.log.lock().unwrap().push(format!("do {}", self.n));
        let trouble = self.world.trouble.lock().unwrap().get_mut(&self.n).and_then(Vec::pop);
        if matches!(trouble, Some(Trouble::Refuse)) {
            return Err(Failure::Refused(Problem::conflict("refused", "no")));
        }
        if self.n == PIVOT {
            let tx = self.db.begin().await?;
            if Recorded::write(&tx, &[saga], 3, false).await? != [saga.id] {
                return Err(Failure::Fenced);
            }
            tx.commit().await?;
        }
        self.world.effects.lock().unwrap().insert(self.n, true);
        match trouble {
            Some(Trouble::LoseAnswer) => Err(Failure::Again(Problem::timeout("lost"))),
            Some(Trouble::Die) => std::future::pending().await,
            _ if self.n == PIVOT => Ok(Progress::Recorded),
            _ => Ok(Progress::Done),
        }
    }
    async fn undo(&self, _: &Cx, _: SagaRun, _: &mut State) -> Result<(), Failure> {
        self.world.log.lock().unwrap().push(format!("undo {}", self.n));
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
        let test = TestDb::new(&[&OWNER]).await;
        let db = test.db("shop").await;
        Self { _test: test, db, world: Arc::default() }
    }

    fn engine(&self, tasks: &Tasks) -> Arc<SagaEngine<State>> {
        let step = |n| Box::new(Nth { n, world: self.world.clone(), db: self.db.clone() }) as Box<dyn Step<State>>;
        SagaEngine::new(&self.db, tasks, KIND, (0..STEPS).map(step).collect(), |_, state, problem| {
            state.why = Some(problem.code.to_string());
        })
    }

    async fn start(&self, engine: &Arc<SagaEngine<State>>) -> Uuid {
        let saga = NewSaga { id: Uuid::now_v7(), state: State::default() };
        let tx = self.db.begin().await.unwrap();
        insert_sagas(&tx, KIND, std::slice::from_ref(&saga)).await.unwrap();
        tx.commit().await.unwrap();
        engine.start(&Cx::system("test"), saga.id, saga.state);
        saga.id
    }

    async fn phase(&self, id: Uuid) -> String {
        let row = self.db.primary().query_one("select phase from saga where id = $1", &[&id]).await.unwrap();
        row.get_col("phase").unwrap()
    }

    async fn ends(&self, id: Uuid, phase: &str) {
        eventually(&format!("saga {phase}"), async || {
            let now = self.phase(id).await;
            assert!(now == phase || now == "forward" || now == "undo", "ended as {now}, not {phase}");
            now == phase
        })
        .await;
    }

    /// The lease of whoever died runs out, and another process takes over.
    async fn take_over(&self, id: Uuid) -> Tasks {
        self.db.write_one("update saga set lease_until = now() - interval '1 s' where id = $1", &[&id]).await.unwrap();
        let tasks = Tasks::new();
        assert_eq!(self.engine(&tasks).sweep_once().await.unwrap(), 1);
        tasks
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
        let dead = Tasks::new();
        let id = harness.start(&harness.engine(&dead)).await;
        eventually("the death", async || harness.in_place().contains(&step)).await;
        let _heir = harness.take_over(id).await;
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
    eventually("the way back", async || harness.did("undo 0")).await;
    dead.stop();
    dead.drain(Duration::from_secs(30)).await.unwrap();
    if harness.phase(id).await == "undo" {
        let _heir = harness.take_over(id).await;
        harness.ends(id, "undone").await;
    }
    assert_eq!(harness.in_place(), [0usize; 0]);
}

#[tokio::test]
async fn who_lost_the_lease_is_fenced() {
    let harness = Harness::new().await;
    trouble(&harness.world, 1, &[Trouble::Die]);
    let dead = Tasks::new();
    let id = harness.start(&harness.engine(&dead)).await;
    eventually("the death", async || harness.in_place().contains(&1)).await;
    let _heir = harness.take_over(id).await;
    harness.ends(id, "done").await;
    // The first process comes back from its pause and tries to record under its old epoch.
    let tx = harness.db.begin().await.unwrap();
    let ours = Recorded::write(&tx, &[SagaRun { id, epoch: 1 }], 0, false).await.unwrap();
    assert!(ours.is_empty(), "an old epoch writes nothing");
}

/// It came further before it rested than where it is refused now. Before, what it did in its first life stayed: [1].
#[tokio::test]
async fn what_an_earlier_life_did_is_undone_too() {
    let harness = Harness::new().await;
    trouble(&harness.world, 1, &[Trouble::Die]);
    let dead = Tasks::new();
    let id = harness.start(&harness.engine(&dead)).await;
    eventually("the death", async || harness.in_place().contains(&1)).await;
    trouble(&harness.world, 0, &[Trouble::Refuse]);
    let _heir = harness.take_over(id).await;
    harness.ends(id, "undone").await;
    assert_eq!(harness.in_place(), [0usize; 0]);
}
