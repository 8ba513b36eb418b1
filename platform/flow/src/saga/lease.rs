//! Leases with heartbeats: which sagas run in this process, and which were left by processes that died.
//!
//! A lease is short, so that a death is noticed soon. Most sagas end before it does; those that take longer are renewed
//! together, in one statement. When the database itself stands still, leases run out although every process lives: so a
//! running saga is only taken over when it was seen with the same ended lease for a while by a database that answered
//! promptly, time enough for its process to renew it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use souk_db::{Db, DbError, Row, RowExt};
use souk_runtime::Tasks;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Failure, SAGA_LEASE, SagaKind, SagaRun};

/// Between two heartbeats; a saga that has run for less costs none. Several fit into a lease.
const BEAT: Duration = Duration::from_millis(500);
/// How long an ended lease is looked at before the saga is taken over: more than a heartbeat and its way.
const SECOND_LOOK: Duration = Duration::from_millis(1000);
/// The same after the database stood still: the connections of those who live may have to be made anew.
const SECOND_LOOK_AFTER_STALL: Duration = Duration::from_secs(6);
/// A look that took longer met a database that stood still ...
const PROMPT: Duration = Duration::from_millis(500);
/// ... which is remembered for so long.
const STALL_REMEMBERED: Duration = Duration::from_secs(10);
/// Between two looks for sagas that only a newer release can run.
const NEWER_LOOK: Duration = Duration::from_secs(10);
/// Abandoned sagas looked at and taken at once.
const MAX_SWEPT: i64 = 64;

const RENEW: &str = "update saga set lease_until = now() + make_interval(secs => $3)
    from unnest($1::uuid[], $2::bigint[]) as mine (id, epoch)
    where saga.id = mine.id and saga.epoch = mine.epoch and not resting returning saga.id";
const LOOK: &str = "select id, epoch, lease_until::text as lease, resting from saga
    where kind = $1 and phase in ('forward', 'undo') and lease_until < now() and coalesce(steps <@ $3::text[], true)
    order by lease_until limit $2";
/// What this release cannot run, as it does not know all of its steps.
const UNKNOWN: &str = "select id from saga
    where kind = $1 and phase in ('forward', 'undo') and lease_until < now() - make_interval(secs => $3)
        and not steps <@ $2::text[]
    order by lease_until limit 1";
const CLAIM: &str =
    "update saga set epoch = epoch + 1, attempts = attempts + 1, resting = false, woken = false, steps = $4,
        lease_until = now() + make_interval(secs => $3)
    where id in (
        select saga.id from saga join unnest($1::uuid[], $2::bigint[]) as seen (id, epoch) using (id, epoch)
        where phase in ('forward', 'undo') and lease_until < now()
        for update of saga skip locked)
    returning id, state::text as state, phase, next_step, step, epoch, attempts, failures, traceparent,
        tracestate";
const CLAIM_RESTING: &str =
    "update saga set epoch = epoch + 1, attempts = attempts + 1, resting = false, woken = false, steps = $4,
        lease_until = now() + make_interval(secs => $3)
    where id = $2 and kind = $1 and phase in ('forward', 'undo') and resting and lease_until <= now()
        and coalesce(steps <@ $4::text[], true)
    returning id, state::text as state, phase, next_step, step, epoch, attempts, failures, traceparent,
        tracestate";

/// The sagas that run in this process.
pub(super) struct Leases {
    held: Mutex<HashMap<Uuid, Lease>>,
    none_left: Notify,
}

struct Lease {
    epoch: i64,
    /// When the renewal was asked for that was last confirmed.
    renewed: Instant,
    lost: bool,
}

/// Runs until it is dropped.
pub(super) struct Held {
    leases: Arc<Leases>,
    saga: SagaRun,
}

impl Leases {
    /// Kept alive until the process stops and all have ended.
    pub(super) fn kept(db: &Db, tasks: &Tasks, kind: &'static str) -> Arc<Self> {
        let leases = Arc::new(Self { held: Mutex::default(), none_left: Notify::new() });
        let (kept, db, stop) = (leases.clone(), db.clone(), tasks.clone());
        tasks.spawn("saga leases", async move {
            while stop.pause(BEAT).await {
                kept.beat(&db, kind).await;
            }
            // Those that run are let finish, and stay ours until then.
            while !kept.held().is_empty() {
                tokio::select! {
                    () = kept.none_left.notified() => {}
                    () = tokio::time::sleep(BEAT) => kept.beat(&db, kind).await,
                }
            }
        });
        leases
    }

    pub(super) fn hold(self: &Arc<Self>, saga: SagaRun) -> Held {
        self.held().insert(saga.id, Lease { epoch: saga.epoch, renewed: Instant::now(), lost: false });
        Held { leases: self.clone(), saga }
    }

    /// Fenced, when a heartbeat found that another process has taken the saga over.
    pub(super) fn check(&self, saga: SagaRun) -> Result<(), Failure> {
        let held = self.held();
        match held.get(&saga.id) {
            Some(lease) if lease.epoch == saga.epoch && !lease.lost => Ok(()),
            _ => Err(Failure::Fenced),
        }
    }

    async fn beat(&self, db: &Db, kind: &'static str) {
        let asked = Instant::now();
        let due: Vec<(Uuid, i64)> = {
            let held = self.held();
            let due = held.iter().filter(|(_, lease)| !lease.lost && lease.renewed.elapsed() >= BEAT);
            due.map(|(id, lease)| (*id, lease.epoch)).collect()
        };
        if due.is_empty() {
            return;
        }
        let (ids, epochs): (Vec<Uuid>, Vec<i64>) = due.iter().copied().unzip();
        let renewed = match db.write_returning(RENEW, &[&ids, &epochs, &SAGA_LEASE.as_secs_f64()]).await {
            Ok(rows) => rows.iter().map(|row| row.get_col("id")).collect::<Result<Vec<Uuid>, DbError>>(),
            Err(error) => Err(error),
        };
        let renewed = match renewed {
            Ok(renewed) => renewed,
            // The next one comes soon.
            Err(error) => {
                if let Some(unsaid) = souk_runtime::should_log("saga leases") {
                    tracing::warn!(kind, %error, unsaid, "could not renew the leases of running sagas");
                }
                return;
            }
        };
        let mut held = self.held();
        for (id, epoch) in due {
            if let Some(lease) = held.get_mut(&id).filter(|lease| lease.epoch == epoch) {
                match renewed.contains(&id) {
                    true => lease.renewed = asked,
                    false => lease.lost = true,
                }
            }
        }
    }

    fn held(&self) -> parking_lot::MutexGuard<'_, HashMap<Uuid, Lease>> {
        self.held.lock()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.leases.held();
        if held.get(&self.saga.id).is_some_and(|lease| lease.epoch == self.saga.epoch) {
            held.remove(&self.saga.id);
        }
        if held.is_empty() {
            self.leases.none_left.notify_one();
        }
    }
}

/// A sweeper's memory: which ended leases it has seen, and since when.
pub struct Sweep {
    kind: &'static SagaKind,
    seen: HashMap<(Uuid, i64, String), Instant>,
    stalled: Option<Instant>,
    /// When it was last looked for sagas that only a newer release can run.
    newer: Option<Instant>,
}

impl Sweep {
    /// Between two looks.
    pub(super) const EVERY: Duration = Duration::from_millis(250);

    pub(super) fn new(kind: &'static SagaKind) -> Self {
        Self { kind, seen: HashMap::new(), stalled: None, newer: None }
    }

    /// Claims what rests and is due, and what has been abandoned for long enough.
    pub(super) async fn look(&mut self, db: &Db) -> Result<Vec<Row>, DbError> {
        let asked = Instant::now();
        let rows = db.primary().query(LOOK, &[&self.kind.name, &MAX_SWEPT, &self.kind.steps]).await;
        let now = Instant::now();
        if rows.is_err() || now - asked > PROMPT {
            self.stalled = Some(now);
            self.seen.clear();
        }
        let (mut ids, mut epochs) = (Vec::new(), Vec::new());
        let mut seen = HashMap::new();
        for row in rows? {
            let (id, epoch): (Uuid, i64) = (row.get_col("id")?, row.get_col("epoch")?);
            let key = (id, epoch, row.get_col::<String>("lease")?);
            let since = self.seen.get(&key).copied().unwrap_or(now);
            if row.get_col("resting")? || now - since >= self.second_look(now) {
                ids.push(id);
                epochs.push(epoch);
            } else {
                seen.insert(key, since);
            }
        }
        self.seen = seen;
        self.look_for_newer(db, now).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        db.write_returning(CLAIM, &[&ids, &epochs, &SAGA_LEASE.as_secs_f64(), &self.kind.steps]).await
    }

    /// Says now and then that sagas wait for a newer release: here they would be done, or undone, without some steps.
    async fn look_for_newer(&mut self, db: &Db, now: Instant) -> Result<(), DbError> {
        if self.newer.is_some_and(|last| now - last < NEWER_LOOK) {
            return Ok(());
        }
        self.newer = Some(now);
        let parameters: [&(dyn souk_db::ToSql + Sync); 3] =
            [&self.kind.name, &self.kind.steps, &SECOND_LOOK.as_secs_f64()];
        if let Some(row) = db.primary().query_opt(UNKNOWN, &parameters).await? {
            let saga: Uuid = row.get_col("id")?;
            let kind = self.kind.name;
            tracing::warn!(kind, %saga, "sagas have steps that this release does not know, they wait for the newer one");
        }
        Ok(())
    }

    fn second_look(&self, now: Instant) -> Duration {
        match self.stalled {
            Some(at) if now - at < STALL_REMEMBERED => SECOND_LOOK_AFTER_STALL,
            _ => SECOND_LOOK,
        }
    }

    /// One saga that rests and is due, if it is.
    pub(super) async fn claim_resting(db: &Db, kind: &SagaKind, id: Uuid) -> Result<Vec<Row>, DbError> {
        db.write_returning(CLAIM_RESTING, &[&kind.name, &id, &SAGA_LEASE.as_secs_f64(), &kind.steps]).await
    }
}
