//! Inventory: how much is there, who holds it, and where every unit went.
//!
//! Owns schema `inventory`: warehouses, stock, movements, reservations. Calls no other role.
//! Emits `inventory.availability_changed.v1` when a SKU becomes buyable or ceases to be. Consumes `shipping.shipped.v1`.
//!
//! Nothing is decided on what was read without a lock: a batch of commands locks its rows, is decided in memory on
//! them (`domain::StockTransaction`, pure), and the changes are written, all in one commit (`command_batch`).

mod command_batch;
mod consumers;
mod domain;
mod http;
mod module;
mod service;
#[doc(hidden)]
pub mod store;

pub use consumers::{consumers, reclaim_all, schedules};
pub use http::{MAX_SKUS, operations, routes};
pub use module::SPEC;
pub use service::{InventoryDeps, InventoryService};

/// Migrations of schema `inventory`.
pub const MIGRATIONS: souk_db::Migrations = souk_db::Migrations {
    schema: "inventory",
    files: &[
        souk_flow::TABLES,
        ("0001_init", include_str!("../migrations/0001_init.sql")),
        souk_flow::TRACE_CONTEXT,
        ("0007_policy", include_str!("../migrations/0007_policy.sql")),
    ],
};
