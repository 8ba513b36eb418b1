//! The catalogue: what is for sale, how it is described, where it stands in the category tree.
//!
//! Owns: products, variants, categories, media (schema `catalog`). Calls: pricing and inventory, for its public pages
//! only. Emits: `catalog.product_changed.v1`, `catalog.category_changed.v1`. Consumes: `pricing.price_changed.v1`, for
//! sorting lists by price.

mod cache;
mod consumers;
mod domain;
mod follow;
mod http;
mod module;
mod pictures;
mod service;
mod store;

use std::sync::Arc;

use souk_db::{Db, Migrations};
use souk_flow::{JobHandler, Jobs, Outbox};
use souk_inventory_api::InventoryClient;
use souk_kernel::{Clock, Ids};
use souk_objects::Objects;
use souk_pricing_api::PricingClient;
use souk_redis::Redis;
use souk_runtime::Tasks;

pub use consumers::consumers;
pub use http::{operations, routes};
pub use module::SPEC;
pub use pictures::{MAX_PICTURE, PictureFetching, PictureThreads};
#[doc(hidden)]
pub use store::statements;

/// This service's schema.
pub const MIGRATIONS: Migrations = Migrations {
    schema: "catalog",
    files: &[
        souk_flow::TABLES,
        ("0001_init", include_str!("../migrations/0001_init.sql")),
        souk_flow::TRACE_CONTEXT,
        ("0007_unlisted", include_str!("../migrations/0007_unlisted.sql")),
        ("0008_description_html", include_str!("../migrations/0008_description_html.sql")),
        ("0009_pictures", include_str!("../migrations/0009_pictures.sql")),
    ],
};

/// What the catalogue needs from the process it runs in.
pub struct CatalogDeps {
    /// Connections to schema `catalog`.
    pub db: Db,
    /// Where its background tasks run.
    pub tasks: Tasks,
    /// Times of products.
    pub clock: Clock,
    /// Ids of products, variants and categories.
    pub ids: Ids,
    /// Where pictures are.
    pub objects: Objects,
    /// Prepare pictures.
    pub picture_threads: PictureThreads,
    /// Whether and from where pictures are fetched.
    pub fetching: PictureFetching,
    /// For prices on public pages.
    pub pricing: PricingClient,
    /// For stock on public pages.
    pub inventory: InventoryClient,
    /// Where what other processes have read is looked for before PostgreSQL is asked.
    pub redis: Option<Redis>,
}

/// The catalogue. Serve it as `souk_catalog_api::CatalogApi` and with [`routes`]; run [`consumers`] and [`jobs`] beside it.
pub struct CatalogService {
    store: store::Store,
    outbox: Outbox,
    caches: cache::Caches,
    /// One write of this process at a time waits in the database, so that waiting ones do not use up the pool.
    turn: tokio::sync::Mutex<()>,
    clock: Clock,
    ids: Ids,
    jobs: Jobs,
    pictures: pictures::Pictures,
    fetching: PictureFetching,
    pricing: PricingClient,
    inventory: InventoryClient,
}

/// What the worker role does later: fetching pictures.
pub fn jobs(service: &Arc<CatalogService>) -> Vec<Arc<dyn JobHandler>> {
    match service.fetching.fetch {
        true => vec![Arc::new(pictures::FetchPicture::new(service))],
        false => Vec::new(),
    }
}

impl CatalogService {
    /// The service; its caches follow the events of all processes that write the catalogue.
    pub fn new(deps: CatalogDeps) -> Arc<Self> {
        let store = store::Store::new(&deps.db);
        let caches = cache::Caches::new(store.clone(), deps.redis);
        follow::follow(&deps.tasks, &deps.db, caches.clone());
        let pictures = pictures::Pictures {
            store: store.clone(),
            objects: deps.objects,
            threads: deps.picture_threads,
            clock: deps.clock.clone(),
        };
        Arc::new(Self {
            store,
            outbox: Outbox::new(&deps.db),
            caches,
            turn: tokio::sync::Mutex::new(()),
            clock: deps.clock,
            ids: deps.ids,
            jobs: Jobs::new(&deps.db),
            pictures,
            fetching: deps.fetching,
            pricing: deps.pricing,
            inventory: deps.inventory,
        })
    }

    /// True once everything that changed is known to Redis, and products from there are believed.
    #[doc(hidden)]
    pub fn shares(&self) -> bool {
        self.caches.shared.as_ref().is_some_and(|shared| shared.is_open())
    }
}
