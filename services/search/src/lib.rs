//! Product search: an index of its own, kept by events, searched in memory-mapped files within this process.
//!
//! Owns: a directory with a Tantivy index that reflects the catalogue's published products with their prices and stock;
//! nothing in it is the only copy. Calls: catalog, pricing, inventory, to read what an event says has changed. Emits:
//! nothing. Reads: `catalog.product_changed.v1`, `catalog.category_changed.v1`, `pricing.price_changed.v1`,
//! `inventory.availability_changed.v1`; its place in their logs stands in the index itself, so that index and place are
//! one commit.

mod fetch;
mod follow;
mod http;
mod index;
mod query;
mod service;
mod store;
mod text;
mod tree;

use std::path::PathBuf;
use std::sync::Arc;

use souk_catalog_api::CatalogClient;
use souk_db::{Db, Migrations};
use souk_inventory_api::InventoryClient;
use souk_kernel::Problem;
use souk_modules::Tasks;
use souk_pricing_api::PricingClient;

pub use http::{operations, routes};
#[doc(hidden)]
pub use store::statements;

/// This service's schema: only what every schema has.
pub const MIGRATIONS: Migrations = Migrations { schema: "search", files: &[souk_flow::TABLES] };

/// Schemas whose logs this service reads.
pub const READS: &[&str] = &["catalog", "pricing", "inventory"];

/// What search needs from the process it runs in.
pub struct SearchDeps {
    /// Connections of schema `search`, with the right to read the logs of [`READS`].
    pub db: Db,
    /// Where the task that keeps the index runs.
    pub tasks: Tasks,
    /// Directory of the index; belongs to this process alone.
    pub directory: PathBuf,
    /// For products and categories.
    pub catalog: CatalogClient,
    /// For prices.
    pub pricing: PricingClient,
    /// For stock.
    pub inventory: InventoryClient,
}

/// Search. Serve it as `souk_search_api::SearchApi` and with [`routes`].
pub struct SearchService {
    reader: Arc<index::Reader>,
    behind: Arc<follow::Progress>,
    analyzer: text::Analyzer,
}

impl SearchService {
    /// The service with the index as it was left; a task of `deps.tasks` brings it up to date and keeps it so.
    ///
    /// # Errors
    /// When the directory cannot be used; a damaged index is no error, it is built anew.
    pub fn new(deps: SearchDeps) -> Result<Arc<Self>, Problem> {
        let storage = index::Storage::open(&deps.directory).map_err(Problem::internal)?;
        let reader = Arc::new(index::Reader::new(&storage.index).map_err(query::SearchError::from)?);
        let behind = Arc::new(follow::Progress::default());
        let fetch = fetch::Fetch { catalog: deps.catalog, pricing: deps.pricing, inventory: deps.inventory };
        let follower = follow::Follower::new(&deps.db, storage, reader.clone(), fetch, behind.clone());
        follow::start(&deps.tasks, follower);
        Ok(Arc::new(Self { reader, behind, analyzer: text::Analyzer::default() }))
    }
}
