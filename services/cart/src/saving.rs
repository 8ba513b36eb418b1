//! Saving carts of many callers in one statement. Called by the service through a combiner.

use std::collections::{HashMap, HashSet};

use souk_cart_api::CartId;
use souk_db::{Db, DbError};
use souk_kernel::{Kind, Problem};

use crate::store::{self, Write, Written};

/// Carts of one statement.
pub const MAX_COMBINED: usize = 256;
/// Tries of a statement that became the victim of another process's.
const MAX_TRIES: usize = 3;

/// What became of a write: none when the cart was changed (or deleted) by somebody else meanwhile.
pub type Saved = Option<Written>;

/// One result per write, in order. Of several writes to one cart the first is done; the others were based on the version
/// before it and are told so. When the statement fails, each write is tried by itself.
pub async fn save(db: &Db, writes: Vec<Write>) -> Vec<Result<Saved, Problem>> {
    let mut taken: HashSet<CartId> = HashSet::with_capacity(writes.len());
    let firsts: Vec<bool> = writes.iter().map(|write| taken.insert(write.id())).collect();
    let mut batch: Vec<&Write> = writes.iter().zip(&firsts).filter(|(_, first)| **first).map(|(w, _)| w).collect();
    // One order for all, so that two processes hardly ever wait for each other in a circle.
    batch.sort_by_key(|write| write.id());
    let mut done: HashMap<CartId, Result<Saved, Problem>> = match attempt(db, &batch).await {
        Ok(written) => written.into_iter().map(|written| (written.id, Ok(Some(written)))).collect(),
        Err(problem) if problem.kind == Kind::Internal && batch.len() > 1 => {
            let mut done = HashMap::with_capacity(batch.len());
            for write in batch {
                done.insert(write.id(), attempt(db, &[write]).await.map(|mut written| written.pop()));
            }
            done
        }
        Err(problem) => batch.iter().map(|write| (write.id(), Err(problem.clone()))).collect(),
    };
    let mut results = Vec::with_capacity(writes.len());
    for (write, first) in writes.iter().zip(firsts) {
        let result = if first { done.remove(&write.id()) } else { None };
        results.push(result.unwrap_or(Ok(None)));
    }
    results
}

async fn attempt(db: &Db, batch: &[&Write]) -> Result<Vec<Written>, Problem> {
    let mut tries = 0;
    loop {
        match store::write(db, batch).await {
            Err(DbError::Deadlock(_) | DbError::Serialization(_)) if tries < MAX_TRIES => tries += 1,
            done => return Ok(done?),
        }
    }
}
