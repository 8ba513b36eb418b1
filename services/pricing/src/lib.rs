//! Pricing: what a thing costs, what a whole cart costs, and who may use which coupon how often.
//!
//! Owns schema `pricing`: prices, coupons, redemptions, tax and shipping rates. Calls no other role; consumes nothing.
//! Emits `pricing.price_changed.v1`, one per product and change. No public routes of its own: buyers see prices through
//! product pages and carts.
//!
//! A quote is a pure function of what was read (`domain::quote`); how it rounds is in `docs/money.md`.

mod domain;
mod http;
mod module;
mod rates;
mod redemption_batch;
mod schedules;
mod service;
#[doc(hidden)]
pub mod store;

pub use domain::{default_rates, default_terms};
pub use http::{operations, routes};
pub use module::SPEC;
pub use schedules::schedules;
pub use service::{PricingDeps, PricingService};

/// Migrations of schema `pricing`.
pub const MIGRATIONS: souk_db::Migrations = souk_db::Migrations {
    schema: "pricing",
    files: &[souk_flow::TABLES, ("0001_init", include_str!("../migrations/0001_init.sql")), souk_flow::TRACE_CONTEXT],
};
