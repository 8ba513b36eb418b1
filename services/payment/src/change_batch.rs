//! Group commit of changes: payments opened and moved on by many callers at once share one commit (SPEED.md).
//!
//! Optimistic: a change names the version it was made from, and is told when it came too late; the caller looks again.
//! What it is made from is a report of the provider's, so looking again and applying it again is always right.

use std::collections::HashSet;

use souk_db::DbError;
use souk_flow::Outbox;
use souk_kernel::{Clock, Problem};
use souk_payment_api::PaymentChanged;
use souk_runtime::{Batch, Batcher, Tasks};

use crate::domain::Mismatch;
use crate::store::{Change, Store};

/// Payments of one commit: some milliseconds of work, and arrays that stay small.
const MAX_BATCH: usize = 128;

/// One caller's write.
#[derive(Clone, Debug)]
pub struct PaymentWrite {
    /// The payment after it.
    pub change: Change,
    /// Tell the other services.
    pub announce: bool,
}

/// Whether it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is on disk.
    Done,
    /// The payment was not as the caller thought: look again.
    TooLate,
}

/// Shares commits. Clones feed the same batches.
#[derive(Clone)]
pub struct ChangeBatch(Batcher<PaymentWrite, Written>);

impl ChangeBatch {
    /// Into `store`.
    pub fn new(tasks: &Tasks, store: Store, outbox: Outbox, clock: Clock) -> Self {
        let batches = Batches { store, outbox, clock };
        Self(Batcher::new(tasks, "payment.writes", MAX_BATCH, move |writes: Batch<PaymentWrite>| {
            let batches = batches.clone();
            async move { Ok(batches.write(&writes).await?.into_iter().map(Ok).collect()) }
        }))
    }

    /// Writes with the next batch.
    pub async fn write(&self, write: PaymentWrite) -> Result<Written, Problem> {
        self.0.submit(write).await
    }
}

#[derive(Clone)]
struct Batches {
    store: Store,
    outbox: Outbox,
    clock: Clock,
}

impl Batches {
    async fn write(&self, writes: &[PaymentWrite]) -> Result<Vec<Written>, Problem> {
        // Two changes of one payment in a batch start from the same version: the second comes too late by definition.
        let mut met = HashSet::new();
        let first: Vec<bool> = writes.iter().map(|write| met.insert(write.change.stored.id)).collect();
        let pick = |opens: bool| -> Vec<Change> {
            let wanted = |write: &PaymentWrite| (write.change.stored.state.version == 1) == opens;
            let all = writes.iter().zip(&first).filter(|(write, first)| **first && wanted(write));
            let mut changes: Vec<Change> = all.map(|(write, _)| write.change.clone()).collect();
            // All writers lock in one order.
            changes.sort_by_key(|change| change.stored.id);
            changes
        };
        let (opens, changes) = (pick(true), pick(false));
        let announces = writes.iter().any(|write| write.announce);
        let done: HashSet<_> = if changes.is_empty() && !announces {
            self.store.open_alone(&opens).await.map_err(unwritten)?.into_iter().collect()
        } else {
            let tx = self.store.begin().await?;
            let mut done = HashSet::new();
            if !opens.is_empty() {
                done.extend(self.store.open(&tx, &opens).await.map_err(unwritten)?);
            }
            if !changes.is_empty() {
                done.extend(self.store.change(&tx, &changes, self.clock.now()).await.map_err(unwritten)?);
            }
            let told = writes
                .iter()
                .zip(&first)
                .filter(|(write, first)| write.announce && **first && done.contains(&write.change.stored.id.0));
            let events: Vec<PaymentChanged> = told.map(|(write, _)| event(&write.change)).collect();
            self.outbox.push_all(&tx, &events).await?;
            self.outbox.commit(tx).await?;
            done
        };
        let result = |(write, first): (&PaymentWrite, &bool)| match *first && done.contains(&write.change.stored.id.0) {
            true => Written::Done,
            false => Written::TooLate,
        };
        Ok(writes.iter().zip(&first).map(result).collect())
    }
}

/// The provider's id belongs to another payment already: its report and our books cannot both be right.
fn unwritten(error: DbError) -> Problem {
    if error.is_unique("payment_provider_ref") { Mismatch::OtherPayment.into() } else { error.into() }
}

/// The event of a change.
pub fn event(change: &Change) -> PaymentChanged {
    PaymentChanged { payment: change.stored.payment(), version: change.stored.state.version }
}
