//! Search kept by real logs in PostgreSQL; the owners behind the logs are small fakes of their contracts.
#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod contract;
mod fakes;
mod following;
mod searching;
mod web;

use std::sync::Arc;
use std::time::Duration;

use fakes::Owners;
use souk_db::{Migrations, TestDb};
use souk_modules::Tasks;
use souk_rpc::{Actor, Cx};
use souk_search::{SearchDeps, SearchService};
use souk_search_api::{Hit, IndexStatus, SearchApi, SearchClient, SearchReply, SearchRequest, StatusRequest};

const CATALOG: Migrations = Migrations { schema: "catalog", files: &[souk_flow::TABLES] };
const PRICING: Migrations = Migrations { schema: "pricing", files: &[souk_flow::TABLES] };
const INVENTORY: Migrations = Migrations { schema: "inventory", files: &[souk_flow::TABLES] };
/// Longest wait for something that must happen; far above what it takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A shop with search and owners that can be told what is for sale.
struct World {
    owners: Arc<Owners>,
    test_db: TestDb,
    directory: tempfile::TempDir,
    search: Search,
}

/// One process that searches.
struct Search {
    client: SearchClient,
    service: Arc<SearchService>,
    tasks: Tasks,
}

impl World {
    async fn new() -> World {
        let test_db = TestDb::new(&[&souk_search::MIGRATIONS, &CATALOG, &PRICING, &INVENTORY]).await;
        for owner in souk_search::READS {
            souk_db::grant_outbox_read(&test_db.url(), owner, "search").await.unwrap();
        }
        let owners = Arc::new(Owners::new(&test_db).await);
        let directory = tempfile::tempdir().unwrap();
        let search = Search::start(&test_db, &owners, directory.path()).await;
        World { owners, test_db, directory, search }
    }

    /// Stops the process and starts another on the same directory.
    async fn restart(&mut self) {
        self.stop().await;
        self.search = Search::start(&self.test_db, &self.owners, self.directory.path()).await;
    }

    async fn stop(&self) {
        self.search.tasks.drain(Duration::from_secs(10)).await.unwrap();
    }

    /// Waits until the index holds so many products and is not behind.
    async fn settled(&self, products: u64) {
        self.until(|| async {
            let status = self.status().await;
            (status.products, status.behind) == (products, 0)
        })
        .await;
    }

    async fn until<F: Future<Output = bool>>(&self, mut condition: impl FnMut() -> F) {
        let wait = async {
            while !condition().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let last = self.status().await;
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("it never happened, from {last:?}"));
    }

    async fn status(&self) -> IndexStatus {
        self.search.client.status(&guest(), StatusRequest {}).await.unwrap()
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
    async fn start(test_db: &TestDb, owners: &Arc<Owners>, directory: &std::path::Path) -> Search {
        let tasks = Tasks::new();
        let service = SearchService::new(SearchDeps {
            db: test_db.db("search").await,
            tasks: tasks.clone(),
            directory: directory.to_owned(),
            catalog: (owners.clone() as Arc<dyn souk_catalog_api::CatalogApi>).into(),
            pricing: (owners.clone() as Arc<dyn souk_pricing_api::PricingApi>).into(),
            inventory: (owners.clone() as Arc<dyn souk_inventory_api::InventoryApi>).into(),
        })
        .unwrap();
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
    let test_db = TestDb::new(&[&souk_search::MIGRATIONS]).await;
    souk_db::assert_all_prepare(&test_db.db("search").await, &souk_search::statements()).await;
}
