//! All SQL of the catalogue. Reads are one statement each; a batch of products is a handful of statements however many
//! products it has.

mod pictures;
mod read;
mod tree;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use souk_db::{Db, DbError, Reads, Tx, WalPosition};

pub(crate) use pictures::{Choice, FETCH};
pub(crate) use read::{Listed, Page};
pub(crate) use write::Turn;

/// The catalogue's tables.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
    /// Where the log stood when an event of the catalogue was last seen here. Whatever is read must show that much, or a
    /// replica that lags would put into a cache again what the event has just taken out.
    horizon: Arc<AtomicU64>,
}

impl Store {
    pub(crate) fn new(db: &Db) -> Self {
        // Until the log is followed only the primary is right.
        Self { db: db.clone(), horizon: Arc::new(AtomicU64::new(WalPosition::PRIMARY.raw())) }
    }

    /// A transaction that changes no product, and so needs no turn.
    pub(crate) async fn begin(&self) -> Result<Tx, DbError> {
        self.db.begin().await
    }

    /// Reads that show everything up to `at_least`, and every change that this process has been told of.
    fn reads(&self, at_least: WalPosition) -> &Reads {
        self.db.read(at_least.max(WalPosition::from_raw(self.horizon.load(Ordering::Acquire))))
    }

    /// Notes that everything up to `position` may have been told of. Call it before caches are told.
    pub(crate) fn saw(&self, position: WalPosition) {
        let known = |known: u64| match WalPosition::from_raw(known) {
            WalPosition::PRIMARY => position,
            known => known.max(position),
        };
        let set = |old| Some(known(old).raw());
        // It always has a new value to set, so it cannot fail.
        let _ = self.horizon.fetch_update(Ordering::AcqRel, Ordering::Acquire, set);
    }

    /// Where the log stands now.
    pub(crate) async fn position(&self) -> WalPosition {
        self.db.position().await
    }

    /// True when the horizon lies on a timeline that ended, so that no replica will do.
    pub(crate) fn is_outdated(&self) -> bool {
        self.db.is_void(WalPosition::from_raw(self.horizon.load(Ordering::Acquire)))
    }
}

/// Every statement with its name, for the test that prepares them against the migrated schema.
#[doc(hidden)]
pub fn statements() -> Vec<(&'static str, &'static str)> {
    [read::STATEMENTS, write::STATEMENTS, tree::STATEMENTS, pictures::STATEMENTS].concat()
}

/// JSON for a `jsonb` column, passed as text: one array of texts carries a column of a whole batch.
fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Other(format!("cannot be encoded: {error}")))
}
