//! Consumer group that keeps the index by events, one for all processes. The effect is outside of PostgreSQL, so it comes
//! before the transaction that records it, and is right however often it is made.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use souk_db::Tx;
use souk_flow::{Consumer, Envelope, Job, JobHandler, Source};
use souk_kernel::Problem;
use uuid::Uuid;

use super::bulk::Put;
use super::client::unavailable;
use super::{CONSUMER, OpenSearch};
use crate::fetch::Batch;
use crate::follow::{Changes, SOURCES};
use crate::index::SearchableProduct;
use crate::store;
use crate::tree::Tree;

/// Writes of one batch while indices come and go; each build of an index takes two.
const MAX_WRITES: usize = 8;
/// Wait before a product that failed by itself is first tried again; then longer and longer.
const RETRY: Duration = Duration::from_secs(1);

/// Applies events, and tries again what failed by itself.
pub(crate) struct IndexConsumer(pub(crate) Arc<OpenSearch>);

#[async_trait]
impl Consumer for IndexConsumer {
    fn name(&self) -> &'static str {
        CONSUMER
    }

    fn sources(&self) -> &'static [Source] {
        SOURCES
    }

    async fn before(&self, events: &[Envelope]) -> Result<(), Problem> {
        let mut changes = Changes::default();
        for envelope in events {
            changes.take(envelope);
        }
        self.0.apply(&changes).await
    }

    async fn apply(&self, _: &mut Tx, _: &[Envelope]) -> Result<(), Problem> {
        Ok(())
    }
}

#[async_trait]
impl JobHandler for IndexConsumer {
    fn kind(&self) -> &'static str {
        CONSUMER
    }

    async fn run(&self, job: &Job) -> Result<(), Problem> {
        let product: Uuid = job.payload()?;
        let failed = self.0.write(&[(product, 0)]).await?;
        match failed.is_empty() {
            true => Ok(()),
            false => Err(Problem::internal(format!("product {product} cannot be indexed"))),
        }
    }
}

impl OpenSearch {
    /// Brings what changed into the index. A product that fails by itself holds no other up: it is tried again as a job.
    async fn apply(&self, changes: &Changes) -> Result<(), Problem> {
        if !changes.categories.is_empty() {
            // Names of categories are part of documents: what is written next has the new ones.
            self.take_tree(self.fetch.fresh_tree(&changes.categories).await?);
        }
        let mut wanted: Vec<(Uuid, i64)> = changes.products.iter().map(|(id, version)| (*id, *version)).collect();
        wanted.sort_unstable();
        let failed = self.write(&wanted).await?;
        if failed.is_empty() {
            return Ok(());
        }
        metrics::counter!("souk_search_poison_total").increment(failed.len() as u64);
        let keys: Vec<(String, Uuid)> = failed.into_iter().map(|id| (id.to_string(), id)).collect();
        let jobs: Vec<(&str, &Uuid)> = keys.iter().map(|(key, id)| (key.as_str(), id)).collect();
        let tx = self.db.begin().await?;
        self.jobs.enqueue_all(&tx, CONSUMER, &jobs, RETRY).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Reads products and writes them wherever they belong; returns those that fail by themselves.
    async fn write(&self, wanted: &[(Uuid, i64)]) -> Result<Vec<Uuid>, Problem> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let tree = self.tree().ok_or_else(|| unavailable("the category tree has not been read yet"))?;
        let reading = store::reading(&self.db).await?;
        let gathered = self.fetch.gather(wanted).await?;
        let mut failed = gathered.unreadable;
        let mut puts = Vec::with_capacity(wanted.len());
        for (ids, batch) in gathered.parts {
            puts.extend(documents(&tree, &batch, ids, &mut failed));
        }
        failed.extend(self.write_everywhere(&puts, reading).await?);
        Ok(failed)
    }

    /// Writes to the index that is searched and to the one being built. Looks again afterwards: a build that began
    /// meanwhile may have read the catalogue before the change.
    async fn write_everywhere(&self, puts: &[Put], reading: i64) -> Result<Vec<Uuid>, Problem> {
        let mut indices = self.indices.list().await?;
        for _ in 0..MAX_WRITES {
            if indices.live.is_none() && indices.next.is_none() {
                return Err(unavailable("there is no index yet"));
            }
            let mut refused = Vec::new();
            let mut lost = false;
            let next = self.indices.next_alias();
            for (alias, _) in
                [(&self.indices.name, &indices.live), (&next, &indices.next)].iter().filter(|(_, at)| at.is_some())
            {
                let written = self.indices.write(alias, puts, &self.analyzer, reading).await?;
                refused.extend(written.refused);
                lost |= written.no_alias;
            }
            let now = self.indices.list().await?;
            let all_written = now.written().iter().all(|index| indices.written().contains(index));
            if all_written && !lost {
                refused.sort_unstable();
                refused.dedup();
                return Ok(refused);
            }
            indices = now;
        }
        Err(unavailable("indices change faster than they can be written"))
    }
}

/// What a batch becomes; of `ids` those that are not in it are gone.
pub(super) fn documents(tree: &Tree, batch: &Batch, ids: Vec<Uuid>, failed: &mut Vec<Uuid>) -> Vec<Put> {
    let mut puts = Vec::with_capacity(batch.products.len());
    let mut gone: std::collections::BTreeSet<Uuid> = ids.into_iter().collect();
    for product in &batch.products {
        let id = product.id.uuid();
        gone.remove(&id);
        let category = product.category_id.map(|category| tree.names(category)).unwrap_or_default();
        let entry = SearchableProduct::new(product, &category, &batch.prices, &batch.stock);
        match entry.map(|entry| entry.document()).transpose() {
            Ok(document) => puts.push(Put { id, document }),
            Err(error) => {
                tracing::warn!(product = %id, %error, "a product could not be made a document");
                failed.push(id);
            }
        }
    }
    puts.extend(gone.into_iter().map(|id| Put { id, document: None }));
    puts
}
