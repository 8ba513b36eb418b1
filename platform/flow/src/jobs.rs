//! Job queue: work that is done later and at least once, enqueued in a transaction, claimed with a lease, retried with
//! backoff, dead-lettered when it keeps failing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_db::{Db, DbError, Row, RowExt, Tx};
use souk_kernel::{Ids, Problem};
use souk_runtime::Tasks;
use souk_trace::{Trace, scope};
use tokio::task::{self, JoinSet};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::trace_context::{self, Columns};

/// Notification channel on which enqueuers wake workers.
const CHANNEL: &str = "souk_jobs";
/// Jobs under way at once in a process.
const CLAIM: usize = 16;
/// How long a job belongs to the process that claimed it, unless that says that it still works on it: what a process that
/// died had begun is begun again so soon. Longer than a failover of the database, during which no process can say so.
const LEASE: Duration = Duration::from_secs(45);
/// Between two heartbeats: many fit into a lease.
const BEAT: Duration = Duration::from_secs(2);
/// How long one try may take, unless its handler says otherwise. A heartbeat only proves that the process lives, and a try that
/// hangs keeps its place.
const TIME_LIMIT: Duration = Duration::from_secs(120);
/// Tries before a job is set aside: with the backoff below about two hours.
const MAX_ATTEMPTS: i32 = 12;
/// Polling interval without notifications.
const IDLE: Duration = Duration::from_secs(1);

const ENQUEUE: &str = "insert into job (id, kind, key, payload, run_at, traceparent, tracestate)
    select id, $2, key, payload::json, now() + make_interval(secs => $5), traceparent, tracestate
    from unnest($1::uuid[], $3::text[], $4::text[], $6::text[], $7::text[]) as j (id, key, payload, traceparent, tracestate)
    on conflict on constraint job_kind_key do nothing";
const CLAIM_DUE: &str = "update job set lease_until = now() + make_interval(secs => $3), attempts = attempts + 1
    where id in (
        select id from job
        where kind = any($1) and not dead and run_at <= now() and (lease_until is null or lease_until < now())
        order by run_at limit $2 for update skip locked)
    returning id, kind, key, payload::text as payload, attempts, traceparent, tracestate";
/// An attempt has one owner: a process that lost its lease to another renews nothing and puts nothing back.
const RENEW: &str = "update job set lease_until = now() + make_interval(secs => $3)
    from unnest($1::uuid[], $2::int[]) as mine (id, attempts) where job.id = mine.id and job.attempts = mine.attempts";
const DONE: &str = "delete from job where id = any($1)";
const AGAIN: &str = "update job set lease_until = null, last_error = $2, dead = attempts >= $3,
        run_at = now() + make_interval(secs => least(3600, 0.5 * power(2, attempts)))
    where id = $1 and attempts = $4";

/// A service's job queue.
#[derive(Clone)]
pub struct Jobs {
    db: Db,
    ids: Ids,
}

/// One job to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// The job.
    pub id: Uuid,
    /// What it is.
    pub kind: String,
    /// Unique among the waiting jobs of its kind.
    pub key: String,
    /// This try, from 1.
    pub attempt: i32,
    payload: String,
    trace: Option<Trace>,
}

impl Job {
    /// True when the job is set aside if this try fails: what must be known of it has to be noted now.
    pub const fn is_last_try(&self) -> bool {
        self.attempt >= MAX_ATTEMPTS
    }

    /// The payload as it was enqueued.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_str(&self.payload)
            .map_err(|error| Problem::internal(format!("payload of job {} of kind {}: {error}", self.id, self.kind)))
    }
}

/// Does jobs of one kind. May be run twice for the same job: make it idempotent by the job's key.
#[async_trait]
pub trait JobHandler: Send + Sync + 'static {
    /// Which jobs.
    fn kind(&self) -> &'static str;
    /// How long one try may take. It is then dropped where it stands, and counts as failed.
    fn time_limit(&self) -> Duration {
        TIME_LIMIT
    }
    /// Does it; an error puts it back with backoff.
    async fn run(&self, job: &Job) -> Result<(), Problem>;
}

impl Jobs {
    /// The queue in `db`'s schema.
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone(), ids: Ids::random() }
    }

    /// Adds a job to the transaction, to be done after `delay`. One with the same kind and key that still waits stays
    /// as it is.
    pub async fn enqueue<P: Serialize>(
        &self,
        tx: &Tx,
        kind: &'static str,
        key: &str,
        payload: &P,
        delay: Duration,
    ) -> Result<(), Problem> {
        self.enqueue_all(tx, kind, &[(key, payload)], delay).await
    }

    /// Adds many jobs of one kind in one statement.
    pub async fn enqueue_all<P: Serialize>(
        &self,
        tx: &Tx,
        kind: &'static str,
        jobs: &[(&str, &P)],
        delay: Duration,
    ) -> Result<(), Problem> {
        if jobs.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = jobs.iter().map(|_| self.ids.v4()).collect();
        let keys: Vec<&str> = jobs.iter().map(|(key, _)| *key).collect();
        let payloads = jobs.iter().map(|(_, payload)| serde_json::to_string(payload)).collect::<Result<Vec<_>, _>>();
        let payloads = payloads.map_err(Problem::internal)?;
        let (traces, delay) = (Columns::here(jobs.len()), delay.as_secs_f64());
        let parameters: [&(dyn souk_db::ToSql + Sync); 7] =
            [&ids, &kind, &keys, &payloads, &delay, &traces.parents, &traces.states];
        tx.execute(ENQUEUE, &parameters).await?;
        Ok(())
    }

    /// Wakes the workers after the commit.
    pub fn wake(&self) {
        self.db.notify_after_commit(CHANNEL);
    }
}

/// Works on `db`'s queue with `handlers` until the process stops.
pub fn run_jobs(tasks: &Tasks, db: &Db, handlers: Vec<Arc<dyn JobHandler>>) {
    let worker = Worker {
        handlers: Arc::new(handlers.into_iter().map(|handler| (handler.kind(), handler)).collect()),
        db: db.clone(),
        tasks: tasks.clone(),
    };
    tasks.spawn("jobs", async move { worker.run().await });
}

#[derive(Clone)]
struct Worker {
    handlers: Arc<BTreeMap<&'static str, Arc<dyn JobHandler>>>,
    db: Db,
    tasks: Tasks,
}

/// Jobs under way, each a task of its own: one that waits long holds up none that is short.
#[derive(Default)]
struct Running {
    tasks: JoinSet<Result<(), Problem>>,
    jobs: HashMap<task::Id, Arc<Job>>,
}

impl Running {
    fn begin(&mut self, worker: &Worker, job: Job) {
        let (worker, job) = (worker.clone(), Arc::new(job));
        let mine = job.clone();
        let task = self.tasks.spawn(async move { worker.work(&mine).await });
        self.jobs.insert(task.id(), job);
    }

    fn len(&self) -> usize {
        self.jobs.len()
    }

    /// The next one that ends, and what became of it; never, when none is under way.
    async fn next(&mut self) -> (Arc<Job>, Result<(), Problem>) {
        loop {
            let (id, result) = match self.tasks.join_next_with_id().await {
                Some(Ok((id, result))) => (id, result),
                Some(Err(error)) => (error.id(), Err(Problem::internal(format!("the handler panicked: {error}")))),
                None => std::future::pending().await,
            };
            if let Some(job) = self.jobs.remove(&id) {
                return (job, result);
            }
        }
    }
}

impl Worker {
    /// Claims jobs whenever half of its places are free, and finishes what is under way when the process stops.
    async fn run(&self) {
        let mut woken = self.db.listen(CHANNEL);
        let (mut beat, mut poll) = (tokio::time::interval(BEAT), tokio::time::interval(IDLE));
        for timer in [&mut beat, &mut poll] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut running = Running::default();
        // There may be jobs that are due.
        let mut more = true;
        loop {
            let stopping = self.tasks.stopping();
            if stopping && running.len() == 0 {
                return;
            }
            let free = CLAIM - running.len();
            if more && !stopping && free >= CLAIM / 2 {
                let claimed = self.claim(free).await.map(|jobs| {
                    more = jobs.len() == free;
                    jobs.into_iter().for_each(|job| running.begin(self, job));
                });
                more &= self.told(claimed);
            }
            tokio::select! {
                () = self.tasks.token().cancelled(), if !stopping => {}
                ended = running.next() => {
                    let mut ended = vec![ended];
                    while let Some(another) = running.next().now_or_never() {
                        ended.push(another);
                    }
                    self.told(self.settle(ended).await);
                }
                _ = beat.tick() => self.renew(&running).await,
                _ = poll.tick() => more = true,
                Ok(()) = woken.changed() => more = true,
            }
        }
    }

    /// Whether it went well; else it is logged, and tried again.
    fn told(&self, result: Result<(), DbError>) -> bool {
        if let Err(error) = &result
            && let Some(unsaid) = souk_runtime::should_log("job queue")
        {
            tracing::warn!(schema = self.db.schema(), %error, unsaid, "job queue failed, will go on");
        }
        result.is_ok()
    }

    async fn claim(&self, free: usize) -> Result<Vec<Job>, DbError> {
        let kinds: Vec<&str> = self.handlers.keys().copied().collect();
        let free = i64::try_from(free).unwrap_or(i64::MAX);
        let rows = self.db.write_returning(CLAIM_DUE, &[&kinds, &free, &LEASE.as_secs_f64()]).await?;
        rows.iter().map(decode).collect()
    }

    /// Takes what was done off the queue, and puts the rest back.
    async fn settle(&self, ended: Vec<(Arc<Job>, Result<(), Problem>)>) -> Result<(), DbError> {
        let mut done = Vec::new();
        for (job, result) in ended {
            match result {
                Ok(()) => done.push(job.id),
                Err(problem) => self.put_back(&job, &problem).await?,
            }
        }
        if !done.is_empty() {
            self.db.write_one(DONE, &[&done]).await?;
        }
        Ok(())
    }

    /// Renews the leases of what is under way.
    async fn renew(&self, running: &Running) {
        if running.len() == 0 {
            return;
        }
        let (ids, attempts): (Vec<Uuid>, Vec<i32>) = running.jobs.values().map(|job| (job.id, job.attempt)).unzip();
        if let Err(error) = self.db.write_one(RENEW, &[&ids, &attempts, &LEASE.as_secs_f64()]).await
            && let Some(unsaid) = souk_runtime::should_log("job leases")
        {
            tracing::warn!(schema = self.db.schema(), %error, unsaid, "could not renew the leases of running jobs");
        }
    }

    async fn work(&self, job: &Job) -> Result<(), Problem> {
        let Some(handler) = self.handlers.get(job.kind.as_str()) else {
            return Err(Problem::internal(format!("no handler for jobs of kind {}", job.kind)));
        };
        let mut span = trace_context::processing(job.trace.as_ref(), "postgresql", handler.kind());
        let limit = handler.time_limit();
        let done = tokio::time::timeout(limit, scope(span.trace(), handler.run(job))).await;
        let done = done.unwrap_or_else(|_| Err(Problem::internal(format!("not done within {limit:?}"))));
        if let Err(problem) = &done {
            span.fail(problem.code.clone());
        }
        done
    }

    async fn put_back(&self, job: &Job, problem: &Problem) -> Result<(), DbError> {
        let error = problem.internal_detail().map_or_else(|| problem.to_string(), str::to_owned);
        // Thousands may fail for one reason.
        if let Some(unsaid) = self.handlers.get(job.kind.as_str()).and_then(|of| souk_runtime::should_log(of.kind())) {
            tracing::warn!(kind = job.kind, key = job.key, attempt = job.attempt, error, unsaid, "job failed");
        }
        self.db.write_one(AGAIN, &[&job.id, &error, &MAX_ATTEMPTS, &job.attempt]).await?;
        Ok(())
    }
}

fn decode(row: &Row) -> Result<Job, DbError> {
    Ok(Job {
        id: row.get_col("id")?,
        kind: row.get_col("kind")?,
        key: row.get_col("key")?,
        attempt: row.get_col("attempts")?,
        payload: row.get_col("payload")?,
        trace: trace_context::of_row(row)?,
    })
}
