//! Jobs and schedules: at least once, with backoff, by one at a time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use souk_db::{Db, RowExt};
use souk_flow::{Job, JobHandler, Jobs, Schedule, run_jobs, run_schedules};
use souk_kernel::Problem;
use souk_postgres::TestDb;
use souk_runtime::Tasks;

use crate::traces::Request;
use crate::{OWNER, SOON};
use souk_eventually::eventually;

#[derive(Default)]
struct Worker {
    done: Mutex<Vec<String>>,
    failures_left: AtomicU32,
}

#[async_trait]
impl JobHandler for Worker {
    fn kind(&self) -> &'static str {
        "greet"
    }
    async fn run(&self, job: &Job) -> Result<(), Problem> {
        if self.failures_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            return Err(Problem::internal("not today"));
        }
        self.done.lock().unwrap().push(job.payload::<String>()?);
        Ok(())
    }
}

#[tokio::test]
async fn jobs_are_done_once_by_two_workers_and_failures_are_tried_again() {
    let test = TestDb::new(&[&OWNER]).await;
    let (db, tasks) = (test.db("shop").await, Tasks::new());
    let worker = Arc::new(Worker { failures_left: AtomicU32::new(2), ..Worker::default() });
    let jobs = Jobs::new(&db);
    let tx = db.begin().await.unwrap();
    for name in ["ada", "bob", "ada"] {
        jobs.enqueue(&tx, "greet", name, &name, Duration::ZERO).await.unwrap();
    }
    jobs.enqueue(&tx, "greet", "later", &"later", Duration::from_secs(3600)).await.unwrap();
    tx.commit().await.unwrap();
    jobs.wake();
    run_jobs(&tasks, &db, vec![worker.clone()]);
    run_jobs(&tasks, &db, vec![worker.clone()]);
    let left = "select count(*) as n from job";
    eventually("the jobs", SOON, async || {
        db.primary().query_one(left, &[]).await.unwrap().get_col::<i64>("n").unwrap() == 1
    })
    .await;
    let mut done = worker.done.lock().unwrap().clone();
    done.sort();
    assert_eq!(done, ["ada", "bob"], "the same key once; what is not due waits");
    tasks.drain(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_schedule_runs_once_for_all_processes() {
    let test = TestDb::new(&[&OWNER]).await;
    let (db, tasks, runs) = (test.db("shop").await, Tasks::new(), Arc::new(AtomicU32::new(0)));
    for _ in 0..3 {
        let runs = runs.clone();
        let schedule = Schedule::new("nightly", "0 3 * * *", move || {
            runs.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        });
        run_schedules(&tasks, &db, vec![schedule]);
    }
    let next = "select next_at > now() as planned from schedule";
    let planned = async || {
        // A statement's clock starts before its snapshot: a schedule that was declared in between is ahead of it, too, before
        // its first run.
        let ran = runs.load(Ordering::SeqCst) > 0;
        let rows = db.primary().query(next, &[]).await.unwrap();
        ran && rows.first().is_some_and(|row| row.get_col("planned").unwrap())
    };
    eventually("the first run", SOON, planned).await;
    tasks.drain(Duration::from_secs(10)).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// Takes as long as it is told to, or as its limit lets it.
struct Slow {
    permits: tokio::sync::Semaphore,
    runs: AtomicU32,
    limit: Duration,
    fails: bool,
}

impl Slow {
    fn new(limit: Duration) -> Self {
        Self { permits: tokio::sync::Semaphore::new(0), runs: AtomicU32::new(0), limit, fails: false }
    }

    fn runs(&self) -> u32 {
        self.runs.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl JobHandler for Slow {
    fn kind(&self) -> &'static str {
        "slow"
    }
    fn time_limit(&self) -> Duration {
        self.limit
    }
    async fn run(&self, _: &Job) -> Result<(), Problem> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.map_err(Problem::internal)?.forget();
        if self.fails { Err(Problem::internal("not today")) } else { Ok(()) }
    }
}

/// Jobs of the kind "slow", with these keys.
async fn slow_jobs(db: &Db, keys: &[&str]) {
    let jobs: Vec<(&str, &())> = keys.iter().map(|key| (*key, &())).collect();
    let tx = db.begin().await.unwrap();
    Jobs::new(db).enqueue_all(&tx, "slow", &jobs, Duration::ZERO).await.unwrap();
    tx.commit().await.unwrap();
}

/// A job that waits long (for another system, for a turn) holds up none that is short, however many come after it.
#[tokio::test]
async fn a_slow_job_holds_up_no_other() {
    let test = TestDb::new(&[&OWNER]).await;
    let (db, tasks) = (test.db("shop").await, Tasks::new());
    let (slow, quick) = (Arc::new(Slow::new(SOON)), Arc::new(Worker::default()));
    slow_jobs(&db, &["one"]).await;
    run_jobs(&tasks, &db, vec![slow.clone(), quick.clone()]);
    eventually("the slow one is begun", SOON, async || slow.runs() == 1).await;
    let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let jobs: Vec<(&str, &String)> = names.iter().map(|name| (name.as_str(), name)).collect();
    let tx = db.begin().await.unwrap();
    Jobs::new(&db).enqueue_all(&tx, "greet", &jobs, Duration::ZERO).await.unwrap();
    tx.commit().await.unwrap();
    eventually("all the others are done", SOON, async || quick.done.lock().unwrap().len() == 100).await;
    assert_eq!(slow.runs(), 1, "and it is still under way");
    slow.permits.add_permits(1);
    tasks.drain(Duration::from_secs(10)).await.unwrap();
    let left = db.primary().query_one("select count(*) as n from job", &[]).await.unwrap();
    assert_eq!(left.get_col::<i64>("n").unwrap(), 0, "what was under way was finished when the process stopped");
}

struct Panics;

#[async_trait]
impl JobHandler for Panics {
    fn kind(&self) -> &'static str {
        "slow"
    }
    async fn run(&self, _: &Job) -> Result<(), Problem> {
        panic!("a fault of the handler")
    }
}

#[tokio::test]
async fn a_handler_that_panics_costs_its_job_a_try_and_the_others_nothing() {
    let test = TestDb::new(&[&OWNER]).await;
    let (db, tasks) = (test.db("shop").await, Tasks::new());
    let quick = Arc::new(Worker::default());
    slow_jobs(&db, &["one"]).await;
    run_jobs(&tasks, &db, vec![Arc::new(Panics), quick.clone()]);
    let error = "select attempts, last_error from job";
    eventually("it is tried again and says why", SOON, async || {
        let row = db.primary().query_one(error, &[]).await.unwrap();
        let said: Option<String> = row.get_col("last_error").unwrap();
        row.get_col::<i32>("attempts").unwrap() >= 2 && said.is_some_and(|said| said.contains("panicked"))
    })
    .await;
    let tx = db.begin().await.unwrap();
    Jobs::new(&db).enqueue(&tx, "greet", "ada", &"ada", Duration::ZERO).await.unwrap();
    tx.commit().await.unwrap();
    eventually("others are done", SOON, async || quick.done.lock().unwrap().len() == 1).await;
    tasks.drain(Duration::from_secs(10)).await.unwrap();
}

/// The lease of a job that is worked on is renewed, so it may be short; what a process that died had begun is begun again as
/// soon as it has run out.
#[tokio::test]
async fn a_running_job_is_kept_and_a_dead_ones_is_taken_over() {
    let test = TestDb::new(&[&OWNER]).await;
    let (db, tasks) = (test.db("shop").await, Tasks::new());
    let slow = Arc::new(Slow::new(SOON));
    slow_jobs(&db, &["one"]).await;
    let lease = async || {
        let lease = "select coalesce(extract(epoch from lease_until - now()), 0)::float8 as left, attempts from job";
        let row = db.primary().query_one(lease, &[]).await.unwrap();
        (row.get_col::<f64>("left").unwrap(), row.get_col::<i32>("attempts").unwrap())
    };
    // As a process leaves it that was killed a second after it began.
    db.write_one("update job set attempts = 1, lease_until = now() + interval '9 seconds'", &[]).await.unwrap();
    run_jobs(&tasks, &db, vec![slow.clone()]);
    run_jobs(&tasks, &db, vec![slow.clone()]);
    eventually("it is taken over", SOON, async || slow.runs() == 1).await;
    let mut renewed = 0;
    let mut before = lease().await.0;
    eventually("its lease is renewed again and again", SOON, async || {
        let (now, attempts) = lease().await;
        assert_eq!(attempts, 2, "no other process takes it");
        renewed += u32::from(now > before);
        before = now;
        renewed >= 3
    })
    .await;
    assert_eq!(slow.runs(), 1);
    slow.permits.add_permits(1);
    let none = "select count(*) as n from job";
    eventually("it is done", SOON, async || {
        db.primary().query_one(none, &[]).await.unwrap().get_col::<i64>("n").unwrap() == 0
    })
    .await;
    tasks.drain(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_job_goes_on_with_the_trace_of_who_left_it() {
    let test = TestDb::new(&[&OWNER]).await;
    let (db, tasks) = (test.db("shop").await, Tasks::new());
    let leave = async {
        let tx = db.begin().await.unwrap();
        Jobs::new(&db).enqueue(&tx, "greet", "ada", &"ada", Duration::ZERO).await.unwrap();
        tx.commit().await.unwrap();
    };
    let (request, ()) = Request::does(leave).await;
    run_jobs(&tasks, &db, vec![Arc::new(Worker::default())]);
    request.goes_on_as("process greet").await;
    tasks.drain(Duration::from_secs(10)).await.unwrap();
}

/// A try that hangs is given up, so that it neither keeps its job for ever nor the jobs that were claimed with it.
#[tokio::test]
async fn a_job_that_takes_too_long_has_failed_and_is_tried_again() {
    let test = TestDb::new(&[&OWNER]).await;
    let (db, tasks) = (test.db("shop").await, Tasks::new());
    let slow = Arc::new(Slow::new(Duration::from_millis(50)));
    slow_jobs(&db, &["one"]).await;
    run_jobs(&tasks, &db, vec![slow.clone()]);
    let row = async || {
        let row = "select attempts, last_error, dead from job";
        let row = db.primary().query_one(row, &[]).await.unwrap();
        let error: Option<String> = row.get_col("last_error").unwrap();
        (row.get_col::<i32>("attempts").unwrap(), error, row.get_col::<bool>("dead").unwrap())
    };
    eventually("it is begun again, and given up again", SOON, async || {
        row().await == (2, Some("not done within 50ms".to_owned()), false)
    })
    .await;
    assert!(slow.runs() >= 2);
    tasks.drain(Duration::from_secs(10)).await.unwrap();
}

/// A process that stood still for longer than its lease, while another took a job over: what it still does to the row would
/// undo what the other does. The job beside it, claimed with it, shows that the process goes on.
#[tokio::test]
async fn a_process_that_lost_its_lease_leaves_the_job_alone() {
    let test = TestDb::new(&[&OWNER]).await;
    let (db, tasks) = (test.db("shop").await, Tasks::new());
    let slow = Arc::new(Slow { fails: true, ..Slow::new(SOON) });
    slow_jobs(&db, &["kept", "lost"]).await;
    run_jobs(&tasks, &db, vec![slow.clone()]);
    eventually("both are begun", SOON, async || slow.runs() == 2).await;
    let row = async |key: &str| {
        let row =
            "select attempts, last_error, extract(epoch from lease_until)::float8 as until from job where key = $1";
        let row = db.primary().query_one(row, &[&key]).await.unwrap();
        let (attempts, until) = (row.get_col::<i32>("attempts").unwrap(), row.get_col::<Option<f64>>("until").unwrap());
        (attempts, row.get_col::<Option<String>>("last_error").unwrap(), until)
    };
    // As the process that took it over claims it.
    let taken = "update job set attempts = 2, lease_until = now() + interval '1 hour' where key = 'lost'";
    db.write_one(taken, &[]).await.unwrap();
    let (lost, kept) = (row("lost").await, row("kept").await);
    eventually("the other's lease is renewed", SOON, async || row("kept").await.2 > kept.2).await;
    assert_eq!(row("lost").await, lost, "the lease is the other process's");
    slow.permits.add_permits(2);
    eventually("the other is put back and begun again", SOON, async || slow.runs() == 3).await;
    assert_eq!(row("kept").await.1.as_deref(), Some("not today"));
    assert_eq!(row("lost").await, lost, "the other process works on it");
    slow.permits.add_permits(1);
    tasks.drain(Duration::from_secs(10)).await.unwrap();
}
