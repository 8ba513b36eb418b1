//! Indexer, the task that keeps the index: reads the owners' logs, fetches what changed, writes it together with its place
//! in the logs. One round is one commit; rounds are short when little happens and large when much does.

mod apply;
mod indexing_loop;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use souk_bus::{Envelope, Log, OutboxOffset};
use souk_catalog_api::{CategoryChanged, CategoryId, ProductChanged};
use souk_db::Db;
use souk_flow::Source;
use souk_inventory_api::AvailabilityChanged;
use souk_kernel::{Event, Problem};
use souk_pricing_api::PriceChanged;
use souk_runtime::Tasks;
use uuid::Uuid;

use crate::fetch::Fetch;
use crate::index::{Payload, Reader, Storage, Writer};
use crate::tree::Tree;

/// What is read from whom.
pub(crate) const SOURCES: &[Source] = &[
    Source { schema: "catalog", types: &[ProductChanged::TYPE, CategoryChanged::TYPE] },
    Source { schema: "pricing", types: &[PriceChanged::TYPE] },
    Source { schema: "inventory", types: &[AvailabilityChanged::TYPE] },
];
/// Longest wait for a wake-up before the logs are looked at anyway: with a lost one a change is seen this late.
const POLL: Duration = Duration::from_millis(500);
/// Pause after something failed.
const RETRY: Duration = Duration::from_secs(1);

/// How the index stands to the logs, for status and readiness.
#[derive(Default)]
pub(crate) struct Progress {
    behind: AtomicU64,
    current: AtomicBool,
}

impl Progress {
    /// Events not yet applied; at least 1 while the index is being built.
    pub(crate) fn behind(&self) -> u64 {
        let behind = self.behind.load(Ordering::Relaxed);
        if self.current.load(Ordering::Relaxed) { behind } else { behind.max(1) }
    }

    fn set(&self, behind: u64, current: bool) {
        self.behind.store(behind, Ordering::Relaxed);
        self.current.store(current, Ordering::Relaxed);
        // A gauge takes floats; counts of events are far below where those lose units.
        metrics::gauge!("souk_search_events_behind").set(behind as f64);
    }
}

/// What a round of events asks for.
#[derive(Default)]
pub(crate) struct Changes {
    /// Products, with the version of the catalogue's fact that must at least be seen.
    pub(crate) products: HashMap<Uuid, i64>,
    /// Categories, likewise.
    pub(crate) categories: HashMap<CategoryId, i64>,
    events: u64,
}

impl Changes {
    /// Adds an event. One that cannot be read is reported and passed over: no retry could do anything with it later.
    pub(crate) fn take(&mut self, envelope: &Envelope) {
        if let Err(problem) = self.add(envelope) {
            let internal = problem.internal_detail().unwrap_or_default();
            metrics::counter!("souk_search_poison_total").increment(1);
            tracing::error!(event = %envelope.id, internal, "an event cannot be read and is passed over");
        }
    }

    fn add(&mut self, envelope: &Envelope) -> Result<(), Problem> {
        self.events += 1;
        if let Some(changed) = envelope.parse::<ProductChanged>()? {
            let wanted = self.products.entry(changed.product_id.uuid()).or_default();
            *wanted = (*wanted).max(changed.version);
        } else if let Some(changed) = envelope.parse::<CategoryChanged>()? {
            let wanted = self.categories.entry(changed.category_id).or_default();
            *wanted = (*wanted).max(changed.version);
        } else if let Some(changed) = envelope.parse::<PriceChanged>()? {
            self.products.entry(changed.product_id).or_default();
        } else if let Some(changed) = envelope.parse::<AvailabilityChanged>()? {
            self.products.entry(changed.product_id).or_default();
        }
        Ok(())
    }
}

/// Applies the owners' logs to the embedded index.
pub(crate) struct Follower {
    db: Db,
    log: Log,
    fetch: Fetch,
    reader: Arc<Reader>,
    progress: Arc<Progress>,
    index: tantivy::Index,
    /// Of what it writes.
    format: String,
    /// Taken while a blocking thread writes.
    writer: Option<Writer>,
    payload: Option<Payload>,
    cursors: BTreeMap<String, OutboxOffset>,
    tree: Arc<Tree>,
    /// Products that could not be read or written by themselves, with the tries made.
    tries: HashMap<Uuid, u32>,
}

impl Follower {
    pub(crate) fn new(
        db: &Db,
        storage: Storage,
        format: String,
        reader: Arc<Reader>,
        fetch: Fetch,
        progress: Arc<Progress>,
    ) -> Self {
        Self {
            db: db.clone(),
            log: Log::new(db),
            fetch,
            reader,
            progress,
            writer: Some(Writer::new(storage.index.clone())),
            index: storage.index,
            format,
            payload: storage.payload,
            cursors: BTreeMap::new(),
            tree: Arc::default(),
            tries: HashMap::new(),
        }
    }

    fn cursor(&self, schema: &str) -> OutboxOffset {
        self.cursors.get(schema).copied().unwrap_or(OutboxOffset::START)
    }
}

/// Runs it until the process stops. Whatever fails is tried again from the last commit.
pub(crate) fn start(tasks: &Tasks, mut follower: Follower) {
    let stopping = tasks.clone();
    tasks.spawn("search.index", async move {
        let token = stopping.token();
        let mut woken = follower.log.wakes(&crate::READS);
        let mut ready = false;
        while !stopping.stopping() {
            // What is written from here on wakes the wait below, also when this round does not see it yet.
            woken.seen();
            let round = async {
                if !ready {
                    follower.prepare().await?;
                }
                follower.round().await
            };
            let outcome = tokio::select! {
                outcome = round => outcome,
                () = token.cancelled() => return,
            };
            match outcome {
                Ok(pause) => {
                    ready = true;
                    let waiting = async {
                        match pause {
                            Some(pause) => {
                                woken.found();
                                tokio::time::sleep(pause).await;
                            }
                            None if woken.look_again_soon().await => {}
                            // Woken, waited long enough, or the channel is gone: look again in any case.
                            None => drop(woken.wait(POLL).await),
                        }
                    };
                    tokio::select! { () = waiting => {}, () = token.cancelled() => return }
                }
                Err(problem) => {
                    let internal = problem.internal_detail().unwrap_or_default();
                    if let Some(unsaid) = souk_runtime::should_log("search index") {
                        tracing::warn!(%problem, internal, unsaid, "the search index could not be updated, trying again");
                    }
                    follower.abandon();
                    ready = false;
                    stopping.pause(RETRY).await;
                }
            }
        }
    });
}
