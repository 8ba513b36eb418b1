//! PostgreSQL for every service: a server of our own when none is given, pools, transactions, signals, migrations, and a
//! database per test. Knows nothing of commerce.
//!
//! A service's `store.rs` uses [`Db`], [`Reads`], [`Tx`] and [`RowExt`]; the binary uses [`Managed`] and [`migrate`];
//! tests use [`TestDb`]. Which handle: decisions read `db.primary()`, pages read `db.read(position)`, a write of one
//! statement is `db.write_one(..)`, of several `db.begin()`.

mod book;
mod config;
mod conn;
mod counters;
mod db;
mod error;
mod managed;
mod migrate;
mod notify;
mod pool;
mod position;
mod reads;
mod row;
mod servers;
mod storage;
mod target;
mod testdb;
mod tls;
mod tx;
mod way;

pub use config::{DbConfig, Login, PoolSizes};
pub use counters::{Counters, process_counters};
pub use db::{Db, assert_all_prepare};
pub use error::DbError;
pub use managed::{DataDirLock, Health, MANAGED_MAX_CONNECTIONS, Managed, ManagedError, ManagedOptions};
pub use migrate::{
    Applied, MONITOR, MigrateError, Migrations, Rights, grant_outbox_read, migrate, migrate_with, pending,
};
pub use position::Position;
pub use reads::Reads;
pub use row::RowExt;
pub use servers::{DEFAULT_MAX_LAG, Servers, ServersConfig, place_of};
pub use storage::found_full_within;
pub use testdb::{TestCluster, TestDb, TestServer};
pub use tokio_postgres::{
    Row,
    types::{Json, ToSql},
};
pub use tx::Tx;
