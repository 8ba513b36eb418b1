//! OpenSearch engine: the index as OpenSearch holds it, one for all processes. Any process searches it; the worker keeps it
//! by events and builds a new one beside it when that is needed. Nothing in it is the only copy.
//!
//! A document is made of what three owners say, so no owner's version orders its writes. What orders them is the number of
//! the reading, taken from a sequence after the event was seen and before the owners are asked: of two readings the one
//! with the larger number saw at least as much.

mod build;
mod bulk;
mod category_tree;
mod client;
mod consumer;
mod counts;
mod filters;
mod indices;
mod mapping;
mod query_parser;
mod search;

use std::sync::Arc;

use parking_lot::RwLock;
use souk_db::Db;
use souk_flow::Jobs;
use souk_kernel::{Ids, Problem};
use souk_rpc::Cx;
use souk_runtime::Tasks;
use souk_search_api::{IndexStatus, SearchRequest};
use souk_tls::TrustRoots;
use uuid::Uuid;

use self::client::unavailable;
use self::indices::Indices;
use crate::fetch::Fetch;
use crate::query::Found;
use crate::store;
use crate::text::Analyzer;
use crate::tree::Tree;

pub use self::build::Rebuilt;
pub(crate) use self::build::maintain;
pub use self::client::check_url;
pub(crate) use self::consumer::IndexConsumer;

/// Name of the consumer group and of the jobs of single products.
pub(crate) const CONSUMER: &str = "search.index";

/// How to reach it.
#[derive(Clone, Debug)]
pub struct OpenSearchConfig {
    /// `https://[user:password@]host:port` of some nodes, or `http://`.
    pub urls: Vec<String>,
    /// Who vouches for nodes behind `https`.
    pub trust_roots: TrustRoots,
    /// Alias of the index; indices are called `<name>-<n>`. Shops that share a cluster differ in it.
    pub name: String,
}

/// A shop's index in OpenSearch.
pub(crate) struct OpenSearch {
    indices: Indices,
    db: Db,
    jobs: Jobs,
    fetch: Fetch,
    analyzer: Analyzer,
    /// Names this process among those that may build.
    holder: Uuid,
    /// None until the catalogue was first read.
    tree: RwLock<Option<Arc<Tree>>>,
}

impl OpenSearch {
    pub(crate) fn new(
        config: &OpenSearchConfig,
        db: &Db,
        fetch: Fetch,
        analyzer: Analyzer,
    ) -> Result<Arc<Self>, Problem> {
        Ok(Arc::new(Self {
            indices: Indices {
                nodes: client::Nodes::new(&config.urls, &config.trust_roots)?,
                name: config.name.clone(),
                format: mapping::format(&analyzer),
            },
            db: db.clone(),
            jobs: Jobs::new(db),
            fetch,
            analyzer,
            holder: Ids::random().v4(),
            tree: RwLock::default(),
        }))
    }

    /// Follows the category tree until the process stops.
    pub(crate) fn start(self: &Arc<Self>, tasks: &Tasks) {
        category_tree::start(self.clone(), tasks);
    }

    pub(crate) async fn search(&self, cx: &Cx, request: &SearchRequest) -> Result<Found, Problem> {
        let tree = self.tree().ok_or_else(|| unavailable("the category tree has not been read yet"))?;
        search::search(&self.indices, &tree, &self.analyzer, cx, request).await
    }

    /// Products that can be found, and events that the worker has not applied, whatever carries them to it.
    pub(crate) async fn status(&self) -> Result<IndexStatus, Problem> {
        let products = self.indices.count(&self.indices.name, false).await?;
        let behind = store::behind(&self.db, CONSUMER, crate::follow::SOURCES).await?;
        Ok(IndexStatus { products, behind })
    }

    /// True when a search can be answered.
    pub(crate) async fn can_search(&self) -> Result<bool, Problem> {
        Ok(self.tree().is_some() && self.indices.list().await?.live.is_some())
    }

    /// Returns when OpenSearch answered.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn answers(&self) -> Result<(), Problem> {
        self.indices.list().await.map(drop)
    }

    fn tree(&self) -> Option<Arc<Tree>> {
        self.tree.read().clone()
    }

    fn take_tree(&self, tree: Tree) {
        *self.tree.write() = Some(Arc::new(tree));
    }
}
