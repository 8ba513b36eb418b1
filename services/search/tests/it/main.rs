//! Integration tests of search kept by real logs in PostgreSQL; the owners behind the logs are small fakes of their
//! contracts. What is expected of one engine is expected of the other: [`on_both`] runs a test on each, on OpenSearch in
//! `make test-engines`.
#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod agreement;
mod contract;
mod embedded;
mod fakes;
mod following;
mod languages;
mod searching;
mod shared;
mod web;

use std::sync::Arc;
use std::time::Duration;

use fakes::Owners;
use souk_catalog_api::CatalogFake;
use souk_catalog_api::CategoryTree;
use souk_db::Migrations;
use souk_eventually::eventually;
use souk_inventory_api::InventoryFake;
use souk_postgres::TestDb;
use souk_pricing_api::PricingFake;
use souk_rpc::fake_of;
use souk_rpc::{Actor, Cx};
use souk_runtime::Tasks;
use souk_search::{IndexConfig, Languages, SearchDeps, SearchService};
use souk_search_api::{Hit, IndexStatus, SearchApi, SearchClient, SearchReply, SearchRequest, StatusRequest};

const CATALOG: Migrations = Migrations { schema: "catalog", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] };
const PRICING: Migrations = Migrations { schema: "pricing", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] };
const INVENTORY: Migrations = Migrations { schema: "inventory", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] };
/// Longest wait for something that must happen; far above what it takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs each test once per engine.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod embedded {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::Backend::Embedded).await;
            })*
        }
        mod opensearch {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::Backend::OpenSearch).await;
            })*
        }
    };
}
pub(crate) use on_both;

/// Which index a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backend {
    Embedded,
    OpenSearch,
}

/// A shop with search and owners that can be told what is for sale.
struct World {
    owners: Arc<Owners>,
    test_db: TestDb,
    directory: tempfile::TempDir,
    config: IndexConfig,
    languages: Languages,
    search: Search,
}

/// One process that searches.
struct Search {
    client: SearchClient,
    service: Arc<SearchService>,
    tasks: Tasks,
}

impl World {
    async fn new(backend: Backend) -> World {
        World::under(backend, fakes::tree()).await
    }

    /// With these categories.
    async fn under(backend: Backend, tree: CategoryTree) -> World {
        let directory = tempfile::tempdir().unwrap();
        let config = match backend {
            Backend::Embedded => IndexConfig::Embedded(directory.path().to_owned()),
            Backend::OpenSearch => IndexConfig::OpenSearch(shared::config().await),
        };
        World::with(directory, config, tree).await
    }

    async fn with(directory: tempfile::TempDir, config: IndexConfig, tree: CategoryTree) -> World {
        let test_db = TestDb::new(&[&souk_search::MIGRATIONS, &CATALOG, &PRICING, &INVENTORY]).await;
        for owner in souk_search::READS {
            souk_db::grant_outbox_read(&test_db.url(), owner, "search").await.unwrap();
        }
        let owners = Arc::new(Owners::new(&test_db, tree).await);
        let languages = Languages::of_country("DE");
        let search = Search::start(&test_db, &owners, &config, &languages).await;
        World { owners, test_db, directory, config, languages, search }
    }

    /// Stops the process and starts another on the same index.
    async fn restart(&mut self) {
        self.stop().await;
        self.search = Search::start(&self.test_db, &self.owners, &self.config, &self.languages).await;
    }

    async fn stop(&self) {
        self.search.tasks.drain(Duration::from_secs(10)).await.unwrap();
    }

    /// Waits until the index has so many products and is not behind: each step towards that has its time, so that a slow
    /// machine is no failure, and one that stands still or goes back is.
    async fn settled(&self, products: u64) {
        let left = |status: &IndexStatus| status.behind.saturating_add(status.products.abs_diff(products));
        let mut least = u64::MAX;
        while least > 0 {
            least = eventually(&format!("the index gets nearer to {products} products"), PATIENCE, async || {
                let status = self.status().await;
                if left(&status) < least { Ok(left(&status)) } else { Err(status) }
            })
            .await;
        }
    }

    async fn until(&self, mut condition: impl AsyncFnMut() -> bool) {
        eventually("it happens", PATIENCE, async || match condition().await {
            true => Ok(()),
            false => Err(self.status().await),
        })
        .await;
    }

    /// A shared index may not be there yet: nothing is known, so it is behind.
    async fn status(&self) -> IndexStatus {
        let unknown = IndexStatus { products: 0, behind: u64::MAX };
        self.search.client.status(&guest(), StatusRequest {}).await.unwrap_or(unknown)
    }

    async fn find(&self, request: SearchRequest) -> SearchReply {
        self.search.client.search(&guest(), request).await.unwrap()
    }

    /// Slugs of what is found for these words.
    async fn slugs(&self, q: &str) -> Vec<String> {
        self.find(words(q)).await.items.into_iter().map(|hit: Hit| hit.slug).collect()
    }
}

impl Search {
    async fn start(test_db: &TestDb, owners: &Arc<Owners>, config: &IndexConfig, languages: &Languages) -> Search {
        let tasks = Tasks::new();
        let db = test_db.db("search").await;
        let service = SearchService::new(SearchDeps {
            db: db.clone(),
            tasks: tasks.clone(),
            index: config.clone(),
            languages: languages.clone(),
            catalog: fake_of!(owners, CatalogFake { products, export, categories }).into(),
            pricing: fake_of!(owners, PricingFake { prices }).into(),
            inventory: fake_of!(owners, InventoryFake { availability }).into(),
        })
        .unwrap();
        // As the worker role does; an embedded index has no such work.
        for consumer in souk_search::consumers(&service) {
            souk_flow::run_consumer(&tasks, &db, &souk_flow::EventLog::Postgres, consumer);
        }
        souk_flow::run_jobs(&tasks, &db, souk_search::jobs(&service));
        service.spawn_maintenance();
        let client = SearchClient::Local(service.clone() as Arc<dyn SearchApi>);
        Search { client, service, tasks }
    }
}

fn guest() -> Cx {
    Cx::new("test", Actor::Anonymous)
}

fn words(q: &str) -> SearchRequest {
    SearchRequest { q: q.into(), limit: 20, facets: true, ..SearchRequest::default() }
}

#[tokio::test]
async fn every_statement_fits_the_schema() {
    let test_db = TestDb::new(&[&souk_search::MIGRATIONS, &CATALOG, &PRICING, &INVENTORY]).await;
    for owner in souk_search::READS {
        souk_db::grant_outbox_read(&test_db.url(), owner, "search").await.unwrap();
    }
    souk_db::assert_all_prepare(&test_db.db("search").await, &souk_search::statements()).await;
}
