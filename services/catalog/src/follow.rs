//! Log follower: follows the catalogue's own log, so that a change made by another process reaches this one's caches, and
//! every change reaches Redis.
//!
//! Two places in the log: what the caches in memory have seen, and what Redis has confirmed. The second stays behind while
//! Redis does not answer, and the products there are not believed until it has caught up. A new process begins it as far
//! back as anything can lie in Redis: another one may have died between a commit and its invalidation.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use souk_bus::{Log, MAX_READ, OutboxOffset};
use souk_catalog_api::{CategoryChanged, ProductChanged, ProductId};
use souk_db::Db;
use souk_kernel::{Event, Problem};
use souk_runtime::Tasks;

use crate::cache::{Caches, SharedProducts, TTL, position};

/// Longest wait for a wake-up before the log is looked at anyway.
const WAIT: Duration = Duration::from_secs(2);
/// Pause after a log that could not be read.
const PAUSE: Duration = Duration::from_secs(1);
/// How far back a new process tells Redis of changes: what it holds is not older than [`TTL`]; the rest is for transactions
/// that took their time between writing an event and their commit.
const LOOK_BACK: Duration = TTL.saturating_add(Duration::from_secs(600));
/// Invalidations on their way to Redis at the same time.
const AT_ONCE: usize = 64;

/// Where a process stands in the log.
#[derive(Default)]
struct LogPositions {
    memory: Option<OutboxOffset>,
    redis: Option<OutboxOffset>,
}

/// Follows the log until the process stops.
pub(crate) fn follow(tasks: &Tasks, db: &Db, caches: Caches) {
    let log = Log::new(db);
    let mut woken = log.wakes(&["catalog"]);
    let stopping = tasks.clone();
    tasks.spawn("catalog.cache", async move {
        let mut positions = LogPositions::default();
        while !stopping.stopping() {
            woken.seen();
            let before = positions.memory;
            if let Err(problem) = step(&log, &caches, &mut positions).await {
                let internal = problem.internal_detail().unwrap_or_default();
                if let Some(unsaid) = souk_runtime::should_log("catalogue caches") {
                    tracing::warn!(%problem, internal, unsaid, "catalogue caches cannot follow the log");
                }
                stopping.pause(PAUSE).await;
            }
            if before.is_some() && positions.memory != before {
                woken.found();
            }
            let waiting = async {
                // Woken, waited long enough, or the channel is gone: look again in any case.
                if !woken.look_again_soon().await {
                    woken.wait(WAIT).await;
                }
            };
            tokio::select! { () = waiting => {}, () = stopping.token().cancelled() => return }
        }
    });
}

async fn step(log: &Log, caches: &Caches, positions: &mut LogPositions) -> Result<(), Problem> {
    let mut memory = match positions.memory {
        Some(at) => at,
        // The caches are empty: what was committed before now will be read as it is, wherever it is read.
        None => {
            let now = log.now().await?;
            caches.store.saw(caches.store.position().await);
            now
        }
    };
    if caches.store.is_outdated() {
        caches.store.saw(caches.store.position().await);
    }
    positions.memory = Some(memory);
    while let Some((last, changed)) = read(log, memory).await? {
        caches.store.saw(caches.store.position().await);
        caches.changed(&changed);
        if let (Some(shared), true) = (&caches.shared, positions.redis == Some(memory))
            && tell(shared, &changed).await
        {
            positions.redis = Some(last);
        }
        memory = last;
        positions.memory = Some(last);
    }
    match &caches.shared {
        Some(shared) => catch_up(log, shared, positions).await,
        None => Ok(()),
    }
}

/// Brings Redis to where memory is, or closes it.
async fn catch_up(log: &Log, shared: &Arc<SharedProducts>, positions: &mut LogPositions) -> Result<(), Problem> {
    if positions.redis == positions.memory {
        shared.open(true);
        return Ok(());
    }
    let mut redis = match positions.redis {
        Some(at) => at,
        None => log.since("catalog", LOOK_BACK).await?,
    };
    while let Some((last, changed)) = read(log, redis).await? {
        if !tell(shared, &changed).await {
            shared.open(false);
            return Ok(());
        }
        redis = last;
        positions.redis = Some(last);
    }
    positions.redis = positions.memory.max(Some(redis));
    shared.open(true);
    Ok(())
}

/// The next events: the last one's place, and the products they are about.
async fn read(log: &Log, after: OutboxOffset) -> Result<Option<(OutboxOffset, Vec<ProductChanged>)>, Problem> {
    let events = log.read("catalog", &[ProductChanged::TYPE, CategoryChanged::TYPE], after, MAX_READ).await?;
    let Some((last, _)) = events.last() else { return Ok(None) };
    let last = *last;
    let changed = events.iter().filter_map(|(_, envelope)| envelope.parse::<ProductChanged>().transpose());
    Ok(Some((last, changed.collect::<Result<Vec<_>, Problem>>()?)))
}

/// True when Redis has confirmed every one.
async fn tell(shared: &Arc<SharedProducts>, changed: &[ProductChanged]) -> bool {
    let told = changed.iter().map(|changed| told(shared.clone(), changed.product_id, position(changed.version)));
    let told: Vec<_> = told.collect();
    futures_util::stream::iter(told).buffer_unordered(AT_ONCE).all(std::future::ready).await
}

async fn told(shared: Arc<SharedProducts>, id: ProductId, position: u64) -> bool {
    shared.invalidate(&id, position).await
}
