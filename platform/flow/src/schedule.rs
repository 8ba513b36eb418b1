//! Recurring work (cron): done again and again, by whichever process gets to it first.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use croner::Cron;
use jiff::{Timestamp, tz::TimeZone};
use souk_db::{Db, RowExt};
use souk_kernel::Problem;
use souk_runtime::Tasks;
use souk_trace::{Kind, Span, scope};

/// How often due schedules are looked for: the accuracy of a schedule.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A run that has not ended by then may be taken over.
const LEASE_SECONDS: f64 = 600.0;

type Run = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send>> + Send + Sync>;

/// Something done at the times of a cron expression (UTC, five fields), and once at the first start ever.
#[derive(Clone)]
pub struct Schedule {
    name: &'static str,
    cron: Cron,
    run: Run,
}

impl Schedule {
    /// `cron` is a five-field expression in the source, so a wrong one is a bug and panics at start.
    pub fn new<F, Fut>(name: &'static str, cron: &'static str, run: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let cron = Cron::from_str(cron).expect("a cron expression in the source is valid");
        Self { name, cron, run: Arc::new(move || Box::pin(run())) }
    }

    fn next_after(&self, now: Timestamp) -> Result<Timestamp, Problem> {
        let next = self.cron.find_next_occurrence(&now.to_zoned(TimeZone::UTC), false);
        next.map(|at| at.timestamp()).map_err(|error| Problem::internal(format!("schedule {}: {error}", self.name)))
    }
}

const DECLARE: &str = "insert into schedule (name, next_at) values ($1, now()) on conflict do nothing";
const CLAIM: &str = "update schedule set lease_until = now() + make_interval(secs => $2)
    where name = $1 and next_at <= now() and (lease_until is null or lease_until < now()) returning now() as now";
const FINISH: &str = "update schedule set next_at = $2, lease_until = null where name = $1";

/// Runs `schedules` in `db`'s schema until the process stops.
pub fn run_schedules(tasks: &Tasks, db: &Db, schedules: Vec<Schedule>) {
    if schedules.is_empty() {
        return;
    }
    let (db, loop_tasks) = (db.clone(), tasks.clone());
    tasks.spawn("schedules", async move {
        loop {
            for schedule in &schedules {
                if let Err(problem) = run_if_due(&db, schedule).await {
                    let internal = problem.internal_detail().unwrap_or_default();
                    if let Some(unsaid) = crate::trouble::to_be_said("schedule", &problem) {
                        tracing::warn!(schedule = schedule.name, code = %problem.code, internal, unsaid, "schedule failed, will try again");
                    }
                }
            }
            if !loop_tasks.pause(LOOK_EVERY).await {
                return;
            }
        }
    });
}

async fn run_if_due(db: &Db, schedule: &Schedule) -> Result<(), Problem> {
    let claimed = db.write_returning(CLAIM, &[&schedule.name, &LEASE_SECONDS]).await?;
    let Some(row) = claimed.first() else {
        db.write_one(DECLARE, &[&schedule.name]).await?;
        return Ok(());
    };
    let mut span = Span::root(None, Kind::Internal, schedule.name);
    let result = scope(span.trace(), (schedule.run)()).await;
    if let Err(problem) = &result {
        span.fail(problem.code.clone());
    }
    drop(span);
    let next = schedule.next_after(row.get_col("now").map_err(Problem::from)?)?;
    db.write_one(FINISH, &[&schedule.name, &next]).await?;
    result
}
