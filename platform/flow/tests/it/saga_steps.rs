//! Rolling upgrade of sagas, releases with other steps beside each other: each saga is finished right, whichever release
//! wrote its row, and one with steps that a release does not know is left alone by it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use souk_db::{Db, RowExt};
use souk_flow::{Failure, NewSaga, Progress, Recorded, SagaEngine, SagaKind, SagaRun, Step, insert_sagas};
use souk_kernel::Problem;
use souk_postgres::TestDb;
use souk_rpc::Cx;
use souk_runtime::Tasks;
use uuid::Uuid;

use souk_eventually::eventually;

use crate::traces::Request;
use crate::{OWNER, SOON};

const COUNTED: &[&str] = &["open", "hold", "sell", "take"];
/// As the release has it that follows the one that counts.
static THIS: SagaKind = SagaKind { name: "test", steps: COUNTED, numbered: COUNTED };
/// As a later release has it.
static LATER: SagaKind =
    SagaKind { name: "test", steps: &["open", "look", "hold", "sell", "tell", "take"], numbered: COUNTED };

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Nothing {}

type Log = Arc<Mutex<Vec<String>>>;

struct Named {
    kind: &'static SagaKind,
    name: &'static str,
    refused: bool,
    log: Log,
    db: Db,
}

#[async_trait]
impl Step<Nothing> for Named {
    fn name(&self) -> &'static str {
        self.name
    }
    fn is_pivot(&self) -> bool {
        self.name == "sell"
    }
    async fn run(&self, _: &Cx, saga: SagaRun, _: &mut Nothing) -> Result<Progress, Failure> {
        self.log.lock().unwrap().push(self.name.to_owned());
        if self.refused {
            return Err(Failure::Refused(Problem::conflict("refused", "no")));
        }
        if !self.is_pivot() {
            return Ok(Progress::Done);
        }
        let tx = self.db.begin().await?;
        if Recorded::write(&tx, self.kind, &[saga], self.name).await? != [saga.id] {
            return Err(Failure::Fenced);
        }
        tx.commit().await?;
        Ok(Progress::Recorded)
    }
    async fn undo(&self, _: &Cx, _: SagaRun, _: &mut Nothing) -> Result<(), Failure> {
        self.log.lock().unwrap().push(format!("not {}", self.name));
        Ok(())
    }
}

struct Releases {
    _test: TestDb,
    db: Db,
}

/// A process of a release, which sweeps.
struct Process {
    engine: Arc<SagaEngine<Nothing>>,
    log: Log,
    _tasks: Tasks,
}

impl Process {
    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Takes over what is abandoned; the process of before is dead for longer than a second look.
    async fn takes_over(&self) {
        let sweep = tokio::sync::Mutex::new(self.engine.sweeper());
        eventually("the saga is taken over", SOON, async || {
            self.engine.sweep_once(&mut *sweep.lock().await).await.unwrap() == 1
        })
        .await;
    }
}

impl Releases {
    async fn new() -> Self {
        let test = TestDb::new(&[&OWNER]).await;
        let db = test.db("shop").await;
        Self { _test: test, db }
    }

    /// A process of the release whose steps are `kind`; it refuses the step `refused`.
    fn process(&self, kind: &'static SagaKind, refused: &str) -> Process {
        let (tasks, log) = (Tasks::new(), Log::default());
        let step = |name: &&'static str| {
            let step = Named { kind, name, refused: *name == refused, log: log.clone(), db: self.db.clone() };
            Box::new(step) as Box<dyn Step<Nothing>>
        };
        let engine = SagaEngine::new(&self.db, &tasks, kind, kind.steps.iter().map(step).collect(), |_, _, _| {});
        Process { engine, log, _tasks: tasks }
    }

    /// A saga as the release that counts left it, when it died: the number alone.
    async fn counted(&self, phase: &str, step: i32) -> Uuid {
        let id = Uuid::now_v7();
        let left = "insert into saga (id, kind, state, phase, step, resting, lease_until)
            values ($1, 'test', '{}', $2, $3, true, now())";
        self.db.write_one(left, &[&id, &phase, &step]).await.unwrap();
        id
    }

    /// A saga that a process of `kind` has inserted, before it died.
    async fn inserted(&self, kind: &'static SagaKind) -> Uuid {
        let saga = NewSaga { id: Uuid::now_v7(), state: Nothing {}, trace: souk_trace::current() };
        let tx = self.db.begin().await.unwrap();
        insert_sagas(&tx, kind, std::slice::from_ref(&saga)).await.unwrap();
        tx.commit().await.unwrap();
        self.rests(saga.id).await;
        saga.id
    }

    /// The process that runs it is dead.
    async fn rests(&self, id: Uuid) {
        self.db.write_one("update saga set resting = true, lease_until = now() where id = $1", &[&id]).await.unwrap();
    }

    async fn ends(&self, id: Uuid, phase: &str) {
        eventually(&format!("saga {phase}"), SOON, async || self.row(id).await.0 == phase).await;
    }

    /// Phase, name and number of the next step, epoch.
    async fn row(&self, id: Uuid) -> (String, Option<String>, i32, i64) {
        let sql = "select phase, next_step, step, epoch from saga where id = $1";
        let row = self.db.primary().query_one(sql, &[&id]).await.unwrap();
        let (next_step, number) = (row.get_col("next_step").unwrap(), row.get_col("step").unwrap());
        (row.get_col("phase").unwrap(), next_step, number, row.get_col("epoch").unwrap())
    }
}

/// The number alone is read through the steps of the release that wrote it. By its own steps the later release would make
/// the sale again (number 3 is "sell" there), or take nothing back of what stands before an inserted step.
#[tokio::test]
async fn a_saga_with_a_number_alone_is_finished_by_a_release_with_more_steps() {
    let cases: [(&str, i32, &str, &[&str]); 5] = [
        ("forward", 0, "done", &["open", "look", "hold", "sell", "tell", "take"]),
        ("forward", 3, "done", &["take"]),
        ("forward", 4, "done", &[]),
        ("undo", 3, "undone", &["not sell", "not hold", "not look", "not open"]),
        ("undo", 1, "undone", &["not open"]),
    ];
    for (phase, number, end, expected) in cases {
        let releases = Releases::new().await;
        let later = releases.process(&LATER, "");
        let id = releases.counted(phase, number).await;
        later.takes_over().await;
        releases.ends(id, end).await;
        assert_eq!(later.log(), expected, "{phase} at {number}");
    }
}

/// What is in the row at each moment, for the release that counts and for the one that knows names.
#[tokio::test]
async fn a_row_has_the_name_of_the_next_step_and_its_number_for_who_counts() {
    let releases = Releases::new().await;
    let later = releases.process(&LATER, "tell");
    let id = releases.inserted(&LATER).await;
    assert_eq!(releases.row(id).await, ("forward".into(), Some("open".into()), 0, 1));
    later.takes_over().await;
    eventually("the sale", SOON, async || releases.row(id).await.2 > 0).await;
    let (phase, next_step, number, _) = releases.row(id).await;
    assert_eq!(
        (phase.as_str(), next_step.as_deref(), number),
        ("forward", Some("tell"), 3),
        "3 is take, which follows"
    );

    let refusing = releases.process(&LATER, "hold");
    let id = releases.inserted(&LATER).await;
    refusing.takes_over().await;
    releases.ends(id, "undone").await;
    assert_eq!(releases.row(id).await.1, None);
}

/// The release that counts moves the number and leaves the name: then the number is what counts, in every direction.
#[tokio::test]
async fn a_number_that_was_moved_without_the_name_is_believed() {
    let moves: [(&str, i32, &str, &[&str]); 3] = [
        // Turned back before its pivot: by the name alone only the first step would be undone, and the stock stay held.
        ("undo", 3, "undone", &["not sell", "not hold", "not open"]),
        // Sold: by the name alone it would be sold again.
        ("forward", 3, "done", &["take"]),
        ("forward", 0, "done", &["open", "hold", "sell", "take"]),
    ];
    for (phase, number, end, expected) in moves {
        let releases = Releases::new().await;
        let id = releases.inserted(&THIS).await;
        let counted = "update saga set phase = $2, step = $3, epoch = epoch + 1 where id = $1";
        releases.db.write_one(counted, &[&id, &phase, &number]).await.unwrap();
        let this = releases.process(&THIS, "");
        this.takes_over().await;
        releases.ends(id, end).await;
        assert_eq!(this.log(), expected, "{phase} at {number}");
    }
}

/// A release takes no saga that may have done, or may have to do, what it does not know: neither abandoned nor woken. The
/// newer one finishes it. The control: without its steps in the row the older release would have undone it all but "look".
#[tokio::test]
async fn a_saga_with_an_unknown_step_waits_for_the_newer_release() {
    let releases = Releases::new().await;
    let id = releases.inserted(&LATER).await;
    releases.db.write_one("update saga set phase = 'undo', next_step = 'hold', step = 2", &[]).await.unwrap();
    let known = releases.inserted(&THIS).await;
    let before = releases.row(id).await;

    let this = releases.process(&THIS, "");
    this.takes_over().await;
    releases.ends(known, "done").await;
    this.engine.resume(id).await.unwrap();
    let mut sweep = this.engine.sweeper();
    assert_eq!(this.engine.sweep_once(&mut sweep).await.unwrap(), 0);
    assert_eq!(releases.row(id).await, before, "it is as it was");
    assert_eq!(this.log(), ["open", "hold", "sell", "take"], "of the other one");

    let later = releases.process(&LATER, "");
    later.takes_over().await;
    releases.ends(id, "undone").await;
    assert_eq!(later.log(), ["not hold", "not look", "not open"]);
}

/// From the moment a newer release has taken over a saga, older ones leave it alone, whichever release began it.
#[tokio::test]
async fn a_saga_that_a_newer_release_has_run_is_not_taken_back_by_an_older_one() {
    let releases = Releases::new().await;
    let id = releases.inserted(&THIS).await;
    let later = releases.process(&LATER, "tell");
    later.takes_over().await;
    eventually("the newer release got to a step of its own", SOON, async || later.log().contains(&"tell".to_owned()))
        .await;
    eventually("it rests", SOON, async || {
        let row = releases.db.primary().query_one("select resting from saga where id = $1", &[&id]).await.unwrap();
        row.get_col::<bool>("resting").unwrap()
    })
    .await;
    releases.rests(id).await;
    let this = releases.process(&THIS, "");
    assert_eq!(this.engine.sweep_once(&mut this.engine.sweeper()).await.unwrap(), 0);
    assert_eq!(this.log(), [""; 0]);
}

#[tokio::test]
async fn a_saga_that_is_taken_over_goes_on_with_the_trace_of_who_began_it() {
    let releases = Releases::new().await;
    let process = releases.process(&THIS, "");
    let (request, id) = Request::does(releases.inserted(&THIS)).await;
    process.takes_over().await;
    releases.ends(id, "done").await;
    request.goes_on_as("test").await;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Paying {
    currency: String,
    words: String,
    token: String,
}

/// What a release wrote that does not seal tokens may be any text, also one that other fields have.
#[tokio::test]
async fn a_secret_is_emptied_in_its_field_alone() {
    let releases = Releases::new().await;
    let quoted = r#"odd "words\ "#;
    let states = ["EUR", "token", quoted].map(|token| Paying {
        currency: "EUR".into(),
        words: format!(r#"he said "token":"{token}""#),
        token: token.into(),
    });
    let sagas = states.clone().map(|state| NewSaga { id: Uuid::now_v7(), state, trace: None });
    let runs: Vec<SagaRun> = sagas.iter().map(|saga| SagaRun { id: saga.id, epoch: 1 }).collect();
    let secrets: Vec<&str> = states.iter().map(|state| state.token.as_str()).collect();
    let tx = releases.db.begin().await.unwrap();
    insert_sagas(&tx, &THIS, &sagas).await.unwrap();
    let ours = Recorded::forgetting(&tx, &THIS, &runs, "sell", "token", &secrets).await.unwrap();
    assert_eq!(ours.len(), 3);
    for (saga, before) in runs.iter().zip(states) {
        let row = tx.query_one("select state::text as state from saga where id = $1", &[&saga.id]).await.unwrap();
        let state: Paying = serde_json::from_str(&row.get_col::<String>("state").unwrap()).unwrap();
        assert_eq!(state, Paying { token: String::new(), ..before });
    }
}
