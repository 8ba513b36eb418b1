//! Carts: what buyers are about to buy, re-checked against price and stock at every look.
//!
//! Owns schema `cart`. Calls catalog (titles, kept for seconds), pricing and inventory (never kept). Emits nothing.
//! Consumes `order.placed.v1`: what was bought is taken out, an empty cart is deleted.
//!
//! One row per cart, changed optimistically by version; the saves of concurrent buyers share a statement, committed with
//! `synchronous_commit = off`: carts are the one thing of which half a second may be lost in a crash of the database.

mod consumers;
mod domain;
mod http;
mod module;
mod product_info;
mod saving;
mod service;
#[doc(hidden)]
pub mod store;

pub use consumers::{consumers, purge_all, schedules};
pub use http::{operations, routes};
pub use module::SPEC;
pub use service::{CartDeps, CartService};

/// Migrations of schema `cart`.
pub const MIGRATIONS: souk_db::Migrations = souk_db::Migrations {
    schema: "cart",
    files: &[
        souk_flow::TABLES,
        ("0001_init", include_str!("../migrations/0001_init.sql")),
        souk_idempotency::TABLE,
        souk_flow::TRACE_CONTEXT,
    ],
};
