//! PostgreSQL servers of our own: the managed server of `souk up`, which has no database URL, and the servers and databases of
//! tests. Services need neither; they are given a URL and reach the database through souk-db.

mod managed;
mod testing;

pub use managed::{DataDirLock, Health, MANAGED_MAX_CONNECTIONS, Managed, ManagedError, ManagedOptions};
pub use testing::{SharedServer, TestCluster, TestDb, TestServer};
