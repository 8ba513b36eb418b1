//! All SQL of the catalogue. Reads are one statement each; a batch of products is a handful of statements however many
//! products it has.

mod read;
mod tree;
mod write;

use souk_db::{Db, DbError};

pub(crate) use read::{Listed, Page};
pub(crate) use write::Turn;

/// The catalogue's tables.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: &Db) -> Self {
        Self { db: db.clone() }
    }
}

/// Every statement with its name, for the test that prepares them against the migrated schema.
#[doc(hidden)]
pub fn statements() -> Vec<(&'static str, &'static str)> {
    [read::STATEMENTS, write::STATEMENTS, tree::STATEMENTS].concat()
}

/// JSON for a `jsonb` column, passed as text: one array of texts carries a column of a whole batch.
fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Other(format!("cannot be encoded: {error}")))
}
