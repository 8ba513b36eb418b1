//! Product search, by an index that is kept by events. It is embedded (in memory-mapped files within this process) or in
//! OpenSearch (shared by all processes); what is found is the same, see docs/search.md.
//!
//! Owns: a directory with a Tantivy index, or indices in OpenSearch, that reflect the catalogue's published products with
//! their prices and stock; nothing in them is the only copy. Calls: catalog, pricing, inventory, to read what an event says
//! has changed. Emits: nothing. Reads: `catalog.product_changed.v1`, `catalog.category_changed.v1`,
//! `pricing.price_changed.v1`, `inventory.availability_changed.v1`. The embedded index holds its place in their logs itself,
//! so that index and place are one commit; the shared one is kept by a consumer group in `search-worker`.

mod fetch;
mod follow;
mod http;
mod index;
mod module;
mod opensearch;
mod query;
mod service;
mod settings;
mod store;
mod text;
mod tree;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use souk_catalog_api::CatalogClient;
use souk_db::{Db, Migrations};
use souk_flow::{Consumer, JobHandler};
use souk_inventory_api::InventoryClient;
use souk_kernel::Problem;
use souk_pricing_api::PricingClient;
use souk_runtime::{LogThrottle, ReadyCheck, Tasks};

use follow::SOURCES;
use opensearch::OpenSearch;

pub use http::{operations, routes};
pub use module::SPEC;
pub use opensearch::{OpenSearchConfig, Rebuilt, check_url};
pub use settings::SearchSettings;
#[doc(hidden)]
pub use store::statements;
pub use text::{Language, Languages};

/// Migrations of schema `search`.
pub const MIGRATIONS: Migrations = Migrations {
    schema: "search",
    files: &[souk_flow::TABLES, ("0001_init", include_str!("../migrations/0001_init.sql")), souk_flow::TRACE_CONTEXT],
};

/// Between two looks for an index, before there is one.
const READY_LOOK: Duration = Duration::from_millis(500);

/// Schemas whose logs this service reads.
pub const READS: [&str; SOURCES.len()] = {
    let mut schemas = [""; SOURCES.len()];
    let mut n = 0;
    while n < SOURCES.len() {
        schemas[n] = SOURCES[n].schema;
        n += 1;
    }
    schemas
};

/// Which index.
#[derive(Clone, Debug)]
pub enum IndexConfig {
    /// In a directory that belongs to this process alone.
    Embedded(PathBuf),
    /// In OpenSearch, for all processes.
    OpenSearch(OpenSearchConfig),
}

/// What search needs from the process it runs in.
pub struct SearchDeps {
    /// Connections of schema `search`, with the right to read the logs of [`READS`].
    pub db: Db,
    /// Where the tasks that keep the index run.
    pub tasks: Tasks,
    /// Which index.
    pub index: IndexConfig,
    /// What its products are described in.
    pub languages: Languages,
    /// For products and categories.
    pub catalog: CatalogClient,
    /// For prices.
    pub pricing: PricingClient,
    /// For stock.
    pub inventory: InventoryClient,
}

/// Search. Serve it as `souk_search_api::SearchApi` and with [`routes`].
pub struct SearchService {
    engine: Engine,
    tasks: Tasks,
}

/// What finds.
enum Engine {
    /// In this process.
    Embedded(Embedded),
    /// Beside it.
    OpenSearch(Arc<OpenSearch>),
}

/// The index of this process.
struct Embedded {
    reader: Arc<index::Reader>,
    behind: Arc<follow::Progress>,
    analyzer: text::Analyzer,
}

impl SearchService {
    /// The service. An embedded index is as it was left; a task of `deps.tasks` brings it up to date and keeps it so. One
    /// in OpenSearch is kept by [`consumers`], [`jobs`] and [`SearchService::spawn_maintenance`] of the worker.
    ///
    /// # Errors
    /// When the directory cannot be used (a damaged index is no error, it is built anew) or OpenSearch's addresses are none.
    pub fn new(deps: SearchDeps) -> Result<Arc<Self>, Problem> {
        let fetch = fetch::Fetch { catalog: deps.catalog, pricing: deps.pricing, inventory: deps.inventory };
        let analyzer = text::Analyzer::new(&deps.languages);
        let engine = match deps.index {
            IndexConfig::Embedded(directory) => {
                let storage = index::Storage::open(&directory, &analyzer).map_err(Problem::internal)?;
                let reader = Arc::new(index::Reader::new(&storage.index).map_err(query::SearchError::from)?);
                let behind = Arc::new(follow::Progress::default());
                let (format, follows) = (index::format(&analyzer), (reader.clone(), behind.clone()));
                let follower = follow::Follower::new(&deps.db, storage, format, follows.0, fetch, follows.1);
                follow::start(&deps.tasks, follower);
                Engine::Embedded(Embedded { reader, behind, analyzer })
            }
            IndexConfig::OpenSearch(config) => {
                let index = OpenSearch::new(&config, &deps.db, fetch, analyzer)?;
                index.start(&deps.tasks);
                Engine::OpenSearch(index)
            }
        };
        Ok(Arc::new(Self { engine, tasks: deps.tasks }))
    }

    /// Builds the index in OpenSearch when there is none that fits, now and as long as the process runs. The worker's; an
    /// embedded index looks after itself.
    pub fn spawn_maintenance(&self) {
        if let Engine::OpenSearch(index) = &self.engine {
            self.tasks.spawn("search.build", opensearch::maintain(index.clone(), self.tasks.clone()));
        }
    }

    /// Builds a new index in OpenSearch beside the old one and puts it in its place; none when another process is at it.
    ///
    /// # Errors
    /// 422 for an embedded index, which builds itself; unavailable when OpenSearch or an owner is.
    pub async fn rebuild(&self) -> Result<Option<Rebuilt>, Problem> {
        match &self.engine {
            Engine::Embedded(_) => {
                Err(Problem::invalid("index_embedded", "the index is embedded: it is kept and built by its process"))
            }
            Engine::OpenSearch(index) => index.rebuild().await,
        }
    }

    /// Says when searches can first be answered or, without `searches`, when OpenSearch first answers. Later outages do not
    /// change that: a client that asks then is told so, and the rest of the process goes on.
    pub fn announce(&self, part: ReadyCheck, searches: bool) {
        let Engine::OpenSearch(index) = &self.engine else { return part.ready() };
        let (index, tasks) = (index.clone(), self.tasks.clone());
        self.tasks.spawn("search.ready", async move {
            let mut said = LogThrottle::default();
            while !tasks.stopping() {
                let looked = match searches {
                    true => index.can_search().await,
                    false => index.answers().await.map(|()| true),
                };
                match looked {
                    Ok(true) => return part.ready(),
                    Ok(false) => part.not_ready("no index yet"),
                    Err(problem) => {
                        let why = problem.internal_detail().unwrap_or("unavailable");
                        if said.should_log() {
                            tracing::warn!(why, "waiting for opensearch");
                        }
                        part.not_ready(why);
                    }
                }
                tasks.pause(READY_LOOK).await;
            }
        });
    }
}

/// Consumers of the worker.
pub fn consumers(service: &Arc<SearchService>) -> Vec<Arc<dyn Consumer>> {
    index_consumer(service).into_iter().map(|consumer| consumer as Arc<dyn Consumer>).collect()
}

/// Jobs of the worker.
pub fn jobs(service: &Arc<SearchService>) -> Vec<Arc<dyn JobHandler>> {
    index_consumer(service).into_iter().map(|consumer| consumer as Arc<dyn JobHandler>).collect()
}

fn index_consumer(service: &Arc<SearchService>) -> Option<Arc<opensearch::IndexConsumer>> {
    match &service.engine {
        Engine::Embedded(_) => None,
        Engine::OpenSearch(index) => Some(Arc::new(opensearch::IndexConsumer(index.clone()))),
    }
}
