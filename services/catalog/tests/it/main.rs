//! Integration tests of the catalogue on a real PostgreSQL: one database per test, pricing and inventory as small fakes of
//! their contracts.
#![allow(clippy::unwrap_used)] // a test that cannot go on fails

mod contract;
mod fakes;
mod picture_addresses;
mod pictures;
mod put;
mod read;
mod redis;
mod replica;
mod web;

use std::sync::Arc;

use souk_catalog::{CatalogDeps, CatalogService, MIGRATIONS, PictureFetching, PictureThreads};
use souk_catalog_api::{
    CatalogApi, CatalogClient, CategoryId, CategoryInput, MediaInput, Outcome, ProductInput, ProductOutcome,
    PutCategories, PutProducts, Status, VariantInput,
};
use souk_db::Db;
use souk_inventory_api::InventoryFake;
use souk_kernel::{Clock, Ids};
use souk_objects::Objects;
use souk_pictures::Priority;
use souk_postgres::TestDb;
use souk_pricing_api::PricingFake;
use souk_redis::{Redis, RedisSettings};
use souk_rpc::Cx;
use souk_rpc::fake_of;
use souk_runtime::Tasks;

/// A healthy Redis may be slow here: the machine is busy.
const PATIENT: std::time::Duration = std::time::Duration::from_secs(10);

/// A shop with a catalogue and nothing else.
struct World {
    client: CatalogClient,
    service: Arc<CatalogService>,
    offers: Arc<fakes::Offers>,
    clock: Clock,
    db: Db,
    tasks: Tasks,
    /// None on a cluster.
    test_db: Option<Arc<TestDb>>,
    media: Arc<tempfile::TempDir>,
}

const PRICING: souk_db::Migrations =
    souk_db::Migrations { schema: "pricing", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] };

impl World {
    async fn new() -> World {
        // The tests' servers are on this machine.
        Self::fetching(PictureFetching { fetch: true, fetch_private: true }).await
    }

    async fn fetching(fetching: PictureFetching) -> World {
        let test_db = Arc::new(TestDb::new(&[&MIGRATIONS, &PRICING]).await);
        let db = test_db.db("catalog").await;
        Self::on(db, Some(test_db), Arc::new(tempfile::tempdir().unwrap()), None, fetching)
    }

    /// Another process of the same shop.
    async fn beside(world: &World) -> World {
        Self::beside_with(world, None).await
    }

    /// Another process that shares what it reads through Redis; connected.
    async fn beside_on(world: &World, server: &souk_engines::Redis) -> World {
        let settings = RedisSettings { nodes: vec![server.url()], installation: "shop".into(), call: PATIENT };
        let redis = Redis::new(&settings, &world.tasks).unwrap();
        redis.all_connected().await;
        Self::beside_with(world, Some(redis)).await
    }

    async fn beside_with(world: &World, redis: Option<Redis>) -> World {
        let test_db = world.test_db.clone().unwrap();
        let db = test_db.db("catalog").await;
        Self::on(db, Some(test_db), world.media.clone(), redis, PictureFetching::default())
    }

    fn on(
        db: Db,
        test_db: Option<Arc<TestDb>>,
        media: Arc<tempfile::TempDir>,
        redis: Option<Redis>,
        fetching: PictureFetching,
    ) -> World {
        let offers = Arc::new(fakes::Offers::default());
        let clock = Clock::manual("2026-11-20T12:00:00Z".parse().unwrap());
        let tasks = Tasks::new();
        let service = CatalogService::new(CatalogDeps {
            db: db.clone(),
            tasks: tasks.clone(),
            clock: clock.clone(),
            ids: Ids::random(),
            objects: Objects::local(media.path()).unwrap(),
            // Not when the machine has nothing else to do: the tests wait for them.
            picture_threads: PictureThreads::start(Priority::Low).unwrap(),
            fetching,
            pricing: fake_of!(&offers, PricingFake { prices }).into(),
            redis,
            inventory: fake_of!(&offers, InventoryFake { availability }).into(),
        });
        let client = CatalogClient::Local(service.clone() as Arc<dyn CatalogApi>);
        World { client, service, offers, clock, db, tasks, test_db, media }
    }

    async fn category(&self, path: &[&str]) -> CategoryId {
        let path = path.iter().map(|name| (*name).to_owned()).collect();
        let put = PutCategories { categories: vec![CategoryInput { path, facets: None }] };
        self.client.put_categories(&system(), put).await.unwrap().categories[0].id
    }

    async fn put(&self, products: Vec<ProductInput>) -> Vec<ProductOutcome> {
        self.client.put_products(&system(), PutProducts { products, dry_run: false }).await.unwrap().outcomes
    }
}

fn system() -> Cx {
    Cx::system("test")
}

fn guest() -> Cx {
    Cx::new("test", souk_rpc::Actor::Anonymous)
}

/// A product with one variant whose SKU is `sku-<external id>`.
fn product(external_id: &str, category: CategoryId) -> ProductInput {
    let mut input = ProductInput {
        source: "test".into(),
        external_id: external_id.into(),
        slug: format!("product-{}", external_id.to_lowercase()),
        title: format!("Product {external_id}"),
        brand: Some("Acme".into()),
        description: "Good.\nVery good.".into(),
        status: Status::Published,
        category_id: category,
        attributes: Vec::new(),
        options: Vec::new(),
        variants: vec![VariantInput {
            external_id: None,
            sku: format!("sku-{external_id}"),
            option_values: Vec::new(),
            barcode: Some("4006381333931".into()),
            weight_grams: 250,
            tax_category: "standard".into(),
            media: None,
        }],
        media: vec![MediaInput {
            url: None,
            source_url: Some("https://example.com/a.jpg".into()),
            alt: "A".into(),
            width: None,
            height: None,
        }],
        tags: vec!["new".into()],
        seo_title: None,
        description_html: None,
        seo_description: None,
        content_hash: String::new(),
    };
    seal(&mut input);
    input
}

/// Sets the fingerprint, as an importer does.
fn seal(input: &mut ProductInput) {
    input.content_hash.clear();
    input.content_hash = format!("{input:?}").len().to_string() + &format!("{:x}", fingerprint(input));
}

fn fingerprint(input: &ProductInput) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    format!("{input:?}").hash(&mut hasher);
    hasher.finish()
}

/// What became of each, in short.
fn codes(outcomes: &[ProductOutcome]) -> Vec<&str> {
    let code = |outcome: &'_ Outcome| match outcome {
        Outcome::Created => "created",
        Outcome::Updated => "updated",
        Outcome::Unchanged => "unchanged",
        Outcome::Refused { .. } => "refused",
    };
    outcomes
        .iter()
        .map(|outcome| match &outcome.outcome {
            Outcome::Refused { code, .. } => code.as_str(),
            other => code(other),
        })
        .collect()
}

#[tokio::test]
async fn every_statement_fits_the_schema() {
    let world = World::new().await;
    souk_db::assert_all_prepare(&world.db, &souk_catalog::statements()).await;
}
