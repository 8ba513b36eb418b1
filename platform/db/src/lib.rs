//! PostgreSQL for every service: a server of our own when none is given, pools, transactions, signals, migrations, and a
//! database per test. Knows nothing of commerce.
//!
//! A service's `store.rs` uses [`Db`], [`Reads`], [`Tx`] and [`RowExt`]; the binary uses [`Managed`] and [`migrate`];
//! tests use [`TestDb`]. Which handle: decisions read `db.primary()`, pages read `db.read(position)`, a write of one
//! statement is `db.write_one(..)`, of several `db.begin()`.

mod config;
mod conn;
mod counters;
mod db;
mod error;
mod lsn;
mod notify;
mod pool;
mod reads;
mod row;
mod tx;

pub use config::{DbConfig, Login, PoolSizes};
pub use counters::{Counters, process_counters};
pub use db::{Db, assert_all_prepare};
pub use error::DbError;
pub use lsn::{InvalidLsn, Lsn};
pub use reads::Reads;
pub use row::RowExt;
pub use tokio_postgres::{
    Row,
    types::{Json, ToSql},
};
pub use tx::Tx;
