//! The one question search has for the database itself: which one it is.

use souk_db::{Db, DbError, RowExt};

/// A directory that was filled from another database reflects something else.
const IDENTITY: &str = "select (select system_identifier::text from pg_control_system())
        || '/' || (select oid::text from pg_database where datname = current_database()) as identity";

/// Every statement with its name, for the test that prepares them.
#[doc(hidden)]
pub fn statements() -> Vec<(&'static str, &'static str)> {
    vec![("identity", IDENTITY)]
}

/// The name of this database among all databases.
pub(crate) async fn identity(db: &Db) -> Result<String, DbError> {
    db.primary().query_one(IDENTITY, &[]).await?.get_col("identity")
}
