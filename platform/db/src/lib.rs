//! Database client of every service: pools, transactions, reads from replicas, failover, signals, migrations. Knows nothing
//! of commerce. The server itself, where none is given, and the databases of tests are souk-postgres's.
//!
//! A service's `store.rs` uses [`Db`], [`Reads`], [`Tx`] and [`RowExt`]; the binary uses [`migrate`]. Which handle: decisions
//! read `db.primary()`, pages read `db.read(position)`, a write of one statement is `db.write_one(..)`, of several
//! `db.begin()`.

mod config;
mod conn;
mod connect_options;
mod connector;
mod counters;
mod db;
mod disk_full;
mod error;
mod migrate;
mod notify;
mod pool;
mod pooled_statements;
mod reads;
mod row;
mod servers;
mod session;
mod session_settings;
mod span;
mod statement_cache;
mod tls;
mod tx;
mod wal_position;

pub use config::{DbConfig, Login, PoolSizes};
pub use connect_options::driver_config;
pub use counters::{Counters, process_counters};
pub use db::{Db, assert_all_prepare};
pub use disk_full::found_full_within;
pub use error::DbError;
pub use migrate::{
    Applied, MONITOR, MigrateError, Migrations, Rights, grant_outbox_read, migrate, migrate_with, pending,
};
pub use reads::Reads;
pub use row::RowExt;
pub use servers::{DEFAULT_MAX_LAG, Servers, ServersConfig, location_of};
pub use session::Session;
pub use tokio_postgres::{
    Row,
    types::{Json, ToSql},
};
pub use tx::Tx;
pub use wal_position::WalPosition;
