//! Shipping: parcels on their way.
//!
//! Owns: shipments. Calls: no other role. Emits: `shipping.shipped.v1`, `shipping.delivered.v1`. Consumes: nothing. Called
//! by: order (what an order shows), the command line, buyers who follow a parcel.

mod domain;
mod http;
mod module;
mod service;
mod store;

use souk_db::{Db, Migrations};
use souk_kernel::{Clock, Ids};

pub use http::{TrackingJson, operations, routes};
pub use module::SPEC;
pub use service::ShippingService;
pub use store::STATEMENTS;

/// Tables of this service.
pub const MIGRATIONS: Migrations = Migrations {
    schema: "shipping",
    files: &[souk_flow::TABLES, ("0001_init", include_str!("../migrations/0001_init.sql")), souk_flow::TRACE_CONTEXT],
};

/// What the service needs.
pub struct ShippingDeps {
    /// Its schema.
    pub db: Db,
    /// When parcels leave and arrive.
    pub clock: Clock,
    /// Where ids come from.
    pub ids: Ids,
}
