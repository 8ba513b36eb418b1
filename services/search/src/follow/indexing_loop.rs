//! Indexing loop, round by round from start to standstill: makes sure that the index belongs to this database, builds it
//! when it does not, then applies event after event.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use souk_bus::OutboxOffset;
use souk_flow::Source;
use souk_kernel::Problem;

use super::{Changes, Follower, SOURCES};
use crate::fetch::BATCH;
use crate::index::Payload;
use crate::store;

/// Events of one read.
const READ: i64 = souk_bus::MAX_READ;
/// Reads of one owner's log in one round: bounds a round to some thousand products, so that a long backlog becomes
/// searchable in steps.
const READS: usize = 12;
/// From so many events on a round is part of something larger, say an import.
const BULK: u64 = 100;
/// Then the next round waits so long: product, price and stock of an imported product come one after the other, and are
/// written once instead of three times.
const BULK_PAUSE: Duration = Duration::from_millis(600);
/// Rounds are at least so far apart: commits cost a few fsyncs.
const PAUSE: Duration = Duration::from_millis(150);

impl Follower {
    /// Makes the index one that the logs can be applied to.
    pub(super) async fn prepare(&mut self) -> Result<(), Problem> {
        let database = store::identity(&self.db).await?;
        let now = self.log.now().await?;
        self.refresh_tree().await?;
        let usable = self.payload.as_ref().filter(|payload| payload.database == database);
        let usable = usable.and_then(|payload| payload.cursors.clone());
        // A place that the database has not reached yet: it was restored to an earlier moment.
        let usable = usable.filter(|cursors| cursors.values().all(|at| at.xid <= now.xid));
        match usable {
            Some(cursors) => self.cursors = cursors,
            None => self.build(database, now).await?,
        }
        Ok(())
    }

    /// Builds the index from the catalogue. What changes meanwhile stands in the logs after the place noted first.
    async fn build(&mut self, database: String, now: OutboxOffset) -> Result<(), Problem> {
        let started = Instant::now();
        tracing::info!("building the search index from the catalogue");
        let cursors: BTreeMap<_, _> = SOURCES.iter().map(|source| (source.schema.to_owned(), now)).collect();
        self.progress.set(1, false);
        self.write(|writer| writer.clear()).await?;
        let mut after = None;
        let mut products = 0;
        loop {
            let batch = self.fetch.export(after).await?;
            let Some(last) = batch.products.last() else { break };
            after = Some(last.id);
            let whole = batch.products.len() == BATCH;
            products += batch.products.len();
            self.put(batch, Vec::new()).await?;
            if !whole {
                break;
            }
        }
        let payload = Payload { format: self.format.clone(), database, cursors: Some(cursors.clone()) };
        self.commit(payload).await?;
        self.cursors = cursors;
        tracing::info!(products, took = ?started.elapsed(), "the search index is built");
        Ok(())
    }

    /// Applies what the logs have, and says how long to wait before the next round; none: until something happens.
    pub(super) async fn round(&mut self) -> Result<Option<Duration>, Problem> {
        let (changes, cursors) = self.read().await?;
        if changes.events == 0 {
            self.progress.set(0, true);
            self.rest().await?;
            return Ok(None);
        }
        self.progress.set(changes.events, true);
        let tree_changed = !changes.categories.is_empty();
        if tree_changed {
            self.refresh_tree_to(&changes).await?;
        }
        let retry = self.apply(&changes).await?;
        let database = self.payload.as_ref().map(|payload| payload.database.clone()).unwrap_or_default();
        let format = self.format.clone();
        self.commit(Payload { format, database, cursors: Some(cursors.clone()) }).await?;
        self.cursors = cursors;
        self.progress.set(retry, true);
        metrics::counter!("souk_search_events_total").increment(changes.events);
        Ok(Some(if changes.events >= BULK { BULK_PAUSE } else { PAUSE }))
    }

    /// What is new in the logs, and where they then stand.
    async fn read(&self) -> Result<(Changes, BTreeMap<String, OutboxOffset>), Problem> {
        let mut changes = Changes::default();
        let mut cursors = self.cursors.clone();
        for Source { schema, types } in SOURCES {
            let mut after = self.cursor(schema);
            for _ in 0..READS {
                let events = self.log.read(schema, types, after, READ).await?;
                let Some((last, _)) = events.last() else { break };
                after = *last;
                events.iter().for_each(|(_, envelope)| changes.take(envelope));
                if i64::try_from(events.len()).is_ok_and(|read| read < READ) {
                    break;
                }
            }
            cursors.insert((*schema).to_owned(), after);
        }
        Ok((changes, cursors))
    }
}
