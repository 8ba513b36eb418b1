//! Build of a new index beside the live one, from the catalogue, and its swap: without a moment in which searches find less: it is filled beside the old one while
//! events go to both, and takes its place in one step when it has everything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_kernel::Problem;
use souk_runtime::{LogThrottle, Tasks};

use super::OpenSearch;
use super::client::unavailable;
use super::consumer::documents;
use super::indices::IndexSet;
use super::search::TIMEOUT as LONGEST_SEARCH;
use crate::fetch::BATCH;
use crate::store;

/// Between two looks whether there is an index and whether it is ours.
const LOOK: Duration = Duration::from_secs(10);
/// Pause after a look that failed, or while another process builds.
const RETRY: Duration = Duration::from_secs(1);
/// Longest time without a page of the export before another process may build instead, in seconds: pages take about one.
const LEASE_SECONDS: f64 = 60.0;

/// What a build did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The new index.
    pub index: String,
    /// Products read from the catalogue that buyers find.
    pub products: u64,
    /// The time it took until searches used it.
    pub took: Duration,
}

/// Makes sure that there is an index of ours, for as long as the process runs.
pub(crate) async fn maintain(index: Arc<OpenSearch>, tasks: Tasks) {
    let mut said = LogThrottle::default();
    while !tasks.stopping() {
        let looked = tokio::select! {
            looked = index.ensure() => looked,
            () = tasks.token().cancelled() => {
                // In the middle of a build the next process need not wait for the lease to run out.
                if let Err(problem) = index.hand_back().await {
                    tracing::warn!(%problem, "the right to build the search index could not be handed back");
                }
                return;
            }
        };
        let pause = match looked {
            Ok(done) => {
                said.reset();
                if done { LOOK } else { RETRY }
            }
            Err(problem) => {
                if said.should_log() {
                    let internal = problem.internal_detail().unwrap_or_default();
                    tracing::warn!(%problem, internal, "the search index could not be looked after, trying again");
                }
                RETRY
            }
        };
        tasks.pause(pause).await;
    }
}

impl OpenSearch {
    /// Builds an index when there is none that fits; false while another process does.
    async fn ensure(&self) -> Result<bool, Problem> {
        let indices = self.indices.list().await?;
        if let Some(live) = &indices.live {
            let (database, reading) = (store::identity(&self.db).await?, store::reading(&self.db).await?);
            if self.indices.is_ours(live, &database, reading).await? {
                return self.tidy(&indices).await;
            }
            tracing::info!(index = live, "the search index is of another format, database or time");
        }
        Ok(self.rebuild().await?.is_some())
    }

    /// Builds a new index and puts it in the place of the old one; none when another process is at it.
    ///
    /// # Errors
    /// Unavailable and timeouts: what was begun is thrown away by the next build. The old index stays in use.
    pub(crate) async fn rebuild(&self) -> Result<Option<Rebuilt>, Problem> {
        if !store::take_lease(&self.db, &self.indices.name, self.holder, LEASE_SECONDS).await? {
            return Ok(None);
        }
        let built = self.build().await;
        // Failed or not, the next process need not wait.
        self.hand_back().await?;
        built.map(Some)
    }

    /// Takes away what a build that died left behind: events go to it, and no search will use it. True when nothing is left.
    async fn tidy(&self, indices: &IndexSet) -> Result<bool, Problem> {
        if indices.all.len() == 1 {
            return Ok(true);
        }
        if !store::take_lease(&self.db, &self.indices.name, self.holder, LEASE_SECONDS).await? {
            return Ok(false);
        }
        // What is there now: a build may have ended since.
        let cleaned = match self.indices.list().await {
            Ok(indices) => self.clean(&indices).await,
            Err(problem) => Err(problem),
        };
        self.hand_back().await?;
        cleaned.map(|()| true)
    }

    async fn clean(&self, indices: &IndexSet) -> Result<(), Problem> {
        for leftover in indices.all.iter().filter(|index| Some(*index) != indices.live.as_ref()) {
            tracing::info!(index = leftover, "deleting an index that a build left behind");
            self.indices.delete(leftover).await?;
        }
        Ok(())
    }

    async fn hand_back(&self) -> Result<(), Problem> {
        Ok(store::end_lease(&self.db, &self.indices.name, self.holder).await?)
    }

    async fn build(&self) -> Result<Rebuilt, Problem> {
        let started = Instant::now();
        let indices = self.indices.list().await?;
        self.clean(&indices).await?;
        // Before the index is there: the tree that documents are made with knows what events would tell.
        self.take_tree(crate::tree::Tree::new(self.fetch.tree().await?));
        let index = self.indices.create(&indices, &store::identity(&self.db).await?).await?;
        tracing::info!(index, "building the search index from the catalogue");
        let products = self.fill().await?;
        self.indices.refresh(&index).await?;
        // Every document written is there, as it was written or newer; events may have added others.
        let there = self.indices.count(&index, true).await?;
        if there < products {
            return Err(Problem::internal(format!("{index} has {there} documents of {products}, it is not used")));
        }
        self.renew().await?;
        self.indices.swap(&index, indices.live.as_deref()).await?;
        let took = started.elapsed();
        tracing::info!(index, products, ?took, "the search index is built");
        if let Some(old) = &indices.live {
            // Searches that began with it may end with it.
            tokio::time::sleep(LONGEST_SEARCH).await;
            self.indices.delete(old).await?;
        }
        Ok(Rebuilt { index, products, took })
    }

    /// Writes the whole catalogue to the next index; returns how many products there are to be found.
    async fn fill(&self) -> Result<u64, Problem> {
        let alias = self.indices.next_alias();
        let (mut products, mut after) = (0, None);
        loop {
            self.renew().await?;
            let reading = store::reading(&self.db).await?;
            let batch = self.fetch.export(after).await?;
            let Some(last) = batch.products.last() else { return Ok(products) };
            after = Some(last.id);
            let whole = batch.products.len() == BATCH;
            let tree = self.tree().unwrap_or_default();
            let mut failed = Vec::new();
            let mut puts = documents(&tree, &batch, Vec::new(), &mut failed);
            // What was never found leaves no stone.
            puts.retain(|put| put.document.is_some());
            let outcome = self.indices.write(&alias, &puts, &self.analyzer, reading).await?;
            if outcome.no_alias {
                return Err(unavailable("the index that was being built is gone"));
            }
            failed.extend(outcome.refused);
            if !failed.is_empty() {
                tracing::error!(products = ?failed, "products cannot be indexed and are not found");
            }
            let taken = puts.iter().filter(|put| !failed.contains(&put.id)).count();
            products += u64::try_from(taken).unwrap_or(u64::MAX);
            if !whole {
                return Ok(products);
            }
        }
    }

    async fn renew(&self) -> Result<(), Problem> {
        match store::renew_lease(&self.db, &self.indices.name, self.holder, LEASE_SECONDS).await? {
            true => Ok(()),
            false => Err(unavailable("another process builds the index now")),
        }
    }
}
