//! Group commit of carts: those of many callers are saved in one statement. Called by the service through a batcher.

use std::collections::{HashMap, HashSet};

use souk_cart_api::CartId;
use souk_db::Db;
use souk_kernel::Problem;

use crate::store::{self, Write, Written};

/// Carts of one statement.
pub const MAX_COMBINED: usize = 256;

/// What became of a write: none when the cart was changed (or deleted) by another request meanwhile.
pub type Saved = Option<Written>;

/// One result per write, in order, or why none was written. Of several writes to one cart the first is done; the others were
/// based on the version before it and are told so.
pub async fn save(db: &Db, writes: &[Write]) -> Result<Vec<Result<Saved, Problem>>, Problem> {
    let mut taken: HashSet<CartId> = HashSet::with_capacity(writes.len());
    let firsts: Vec<bool> = writes.iter().map(|write| taken.insert(write.id())).collect();
    let mut batch: Vec<&Write> = writes.iter().zip(&firsts).filter(|(_, first)| **first).map(|(w, _)| w).collect();
    // One order for all, so that two processes hardly ever wait for each other in a circle.
    batch.sort_by_key(|write| write.id());
    let written = store::write(db, &batch).await?;
    let mut done: HashMap<CartId, Written> = written.into_iter().map(|written| (written.id, written)).collect();
    let result = |(write, first): (&Write, bool)| Ok(if first { done.remove(&write.id()) } else { None });
    Ok(writes.iter().zip(firsts).map(result).collect())
}
