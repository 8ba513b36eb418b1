//! Index updates: fetching what changed and writing it. What fails by itself is set apart, so that one product never holds
//! up the rest.

use std::sync::Arc;

use souk_kernel::Problem;
use uuid::Uuid;

use super::{Changes, Follower};
use crate::fetch::{BATCH, Batch};
use crate::index::{Payload, SearchableProduct, Writer};
use crate::query::SearchError;
use crate::tree::Tree;

/// Tries of a product that fails by itself, over as many rounds; then it stays as it is until it changes again.
const MAX_TRIES: u32 = 5;

impl Follower {
    /// Writes all products of `changes`, and those set apart before; returns how many are set apart now.
    pub(super) async fn apply(&mut self, changes: &Changes) -> Result<u64, Problem> {
        let mut wanted: Vec<(Uuid, i64)> = changes.products.iter().map(|(id, version)| (*id, *version)).collect();
        let again = self.tries.keys().filter(|id| !changes.products.contains_key(id));
        wanted.extend(again.map(|id| (*id, 0)));
        wanted.sort_unstable();
        for chunk in wanted.chunks(BATCH) {
            let gathered = self.fetch.gather(chunk).await?;
            for product in gathered.unreadable {
                *self.tries.entry(product).or_default() += 1;
            }
            for (ids, batch) in gathered.parts {
                self.put(batch, ids).await?;
            }
        }
        self.tries.retain(|id, tries| {
            if *tries >= MAX_TRIES {
                metrics::counter!("souk_search_poison_total").increment(1);
                tracing::error!(product = %id, "a product cannot be indexed and stays as it is until it changes again");
            }
            *tries < MAX_TRIES
        });
        Ok(u64::try_from(self.tries.len()).unwrap_or(u64::MAX))
    }

    /// Writes a batch; of `ids` those that are not in it are removed.
    pub(super) async fn put(&mut self, batch: Batch, ids: Vec<Uuid>) -> Result<(), Problem> {
        let tree = self.tree.clone();
        let failed = self.write(move |writer| put(writer, &tree, &batch, ids)).await?;
        for (product, done) in failed {
            match done {
                true => drop(self.tries.remove(&product)),
                false => *self.tries.entry(product).or_default() += 1,
            }
        }
        Ok(())
    }

    /// Makes what was written durable and searchable.
    pub(super) async fn commit(&mut self, payload: Payload) -> Result<(), Problem> {
        let (reader, written) = (self.reader.clone(), payload.clone());
        self.write(move |writer| {
            writer.commit(&written)?;
            reader.refresh(None)
        })
        .await?;
        self.payload = Some(payload);
        Ok(())
    }

    /// Gives memory back when nothing was written for a while, and takes over what was merged meanwhile.
    pub(super) async fn rest(&mut self) -> Result<(), Problem> {
        if !self.writer.as_ref().is_some_and(Writer::is_open) {
            return Ok(());
        }
        let reader = self.reader.clone();
        self.write(move |writer| {
            writer.rest()?;
            reader.refresh(None)
        })
        .await
    }

    /// Drops what was written since the last commit.
    pub(super) fn abandon(&mut self) {
        if let Some(writer) = &mut self.writer {
            writer.abandon();
        }
    }

    /// Takes over the catalogue's tree.
    pub(super) async fn refresh_tree(&mut self) -> Result<(), Problem> {
        let tree = self.fetch.tree().await?;
        self.take_tree(Tree::new(tree)).await
    }

    /// Takes over the tree once it shows the changes that events told of.
    pub(super) async fn refresh_tree_to(&mut self, changes: &Changes) -> Result<(), Problem> {
        let tree = self.fetch.fresh_tree(&changes.categories).await?;
        self.take_tree(tree).await
    }

    async fn take_tree(&mut self, tree: Tree) -> Result<(), Problem> {
        let tree = Arc::new(tree);
        self.tree = tree.clone();
        let reader = self.reader.clone();
        self.write(move |_| reader.refresh(Some(tree))).await
    }

    /// Runs `work` with the writer on a thread that may block: it waits for the disk.
    pub(super) async fn write<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Writer) -> tantivy::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        // It is gone when the work before panicked; what that had written since its last commit is gone with it.
        let mut writer = self.writer.take().unwrap_or_else(|| Writer::new(self.index.clone()));
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&mut writer);
            (writer, done)
        })
        .await;
        let (writer, done) = done.map_err(Problem::internal)?;
        self.writer = Some(writer);
        done.map_err(|error| SearchError::from(error).into())
    }
}

/// Writes the products; returns for each whether it went well.
fn put(writer: &mut Writer, tree: &Tree, batch: &Batch, ids: Vec<Uuid>) -> tantivy::Result<Vec<(Uuid, bool)>> {
    let mut done = Vec::with_capacity(batch.products.len());
    let mut gone: std::collections::HashSet<Uuid> = ids.into_iter().collect();
    for product in &batch.products {
        let id = product.id.uuid();
        gone.remove(&id);
        let category = product.category_id.map(|category| tree.names(category)).unwrap_or_default();
        let entry = SearchableProduct::new(product, &category, &batch.prices, &batch.stock);
        let document = match entry.map(|entry| entry.document()).transpose() {
            Ok(document) => document.map(|document| document.tantivy()),
            Err(error) => {
                tracing::warn!(product = %id, %error, "a product could not be made a document");
                done.push((id, false));
                continue;
            }
        };
        writer.put(id, document)?;
        done.push((id, true));
    }
    for id in gone {
        writer.put(id, None)?;
        done.push((id, true));
    }
    Ok(done)
}
