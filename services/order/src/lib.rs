//! Orders and the checkout that makes them.
//!
//! Owns: orders, the checkout saga, the cancellation saga. Calls: cart (what is bought, priced), pricing (coupons),
//! inventory (stock), payment (money). Emits: `order.placed.v1`, `order.changed.v1`. Consumes: shipping's and payment's
//! events. Called by: gateway (REST), storefront, the command line.

mod checkouts;
mod consumers;
mod domain;
mod http;
mod module;
mod sagas;
mod seal;
mod service;
mod store;
mod token;
mod waiters;

use std::sync::Arc;

use souk_cart_api::CartClient;
use souk_db::{Db, Migrations};
use souk_flow::{Consumer, Schedule};
use souk_inventory_api::InventoryClient;
use souk_kernel::{Clock, Ids, Secret};
use souk_payment_api::PaymentClient;
use souk_pricing_api::PricingClient;
use souk_runtime::Tasks;

pub use http::{operations, routes};
pub use module::SPEC;
pub use service::OrderService;
#[doc(hidden)]
pub use store::statements;

/// Tables of this service.
pub const MIGRATIONS: Migrations = Migrations {
    schema: "order",
    files: &[
        souk_flow::TABLES,
        ("0001_init", include_str!("../migrations/0001_init.sql")),
        souk_flow::SAGAS,
        ("0003_unpaid", include_str!("../migrations/0003_unpaid.sql")),
        ("0004_replays", include_str!("../migrations/0004_replays.sql")),
        souk_idempotency::TABLE,
        souk_flow::SAGA_STEPS,
        souk_flow::TRACE_CONTEXT,
    ],
};

/// Months for which partitions exist ahead of time: an operator who is away for a quarter loses no order.
const PARTITIONS_AHEAD: i32 = 3;

/// How many orders may hold stock at once while their buyers are at the payment provider's page: settings of section
/// `payment`.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub struct UnpaidLimits {
    /// Of one customer, or of one guest's mail address.
    #[serde(rename = "unpaid_per_owner")]
    pub per_owner: u32,
    /// Of one client address (IPv6: of one /64).
    #[serde(rename = "unpaid_per_address")]
    pub per_client: u32,
}

impl Default for UnpaidLimits {
    fn default() -> Self {
        Self { per_owner: 5, per_client: 20 }
    }
}

/// What the service needs.
pub struct OrderDeps {
    /// Its schema.
    pub db: Db,
    /// Where its background work runs.
    pub tasks: Tasks,
    /// When orders are placed.
    pub clock: Clock,
    /// Where ids come from.
    pub ids: Ids,
    /// Guests' order tokens are derived from it; the same for all instances.
    pub token_key: Secret<[u8; 32]>,
    /// Encrypts payment tokens of checkouts that have not ended; the same for all instances.
    pub seal_key: Secret<[u8; 32]>,
    /// Checkouts over the public API must name the cart's version and total as their buyer was shown them.
    pub require_expected_total: bool,
    /// What is bought.
    pub cart: CartClient,
    /// Coupons.
    pub pricing: PricingClient,
    /// Stock.
    pub inventory: InventoryClient,
    /// Money.
    pub payment: PaymentClient,
    /// Orders that may wait for their buyers.
    pub unpaid: UnpaidLimits,
}

/// What the worker role reads.
pub fn consumers(service: &Arc<OrderService>) -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(consumers::Shipments(service.clone())), Arc::new(consumers::Payments)]
}

/// What the worker role does regularly.
pub fn schedules(service: &Arc<OrderService>) -> Vec<Schedule> {
    let store = service.store().clone();
    let partitions = Schedule::new("order partitions", "5 3 * * *", move || {
        let store = store.clone();
        async move {
            let made = store.ensure_partitions(PARTITIONS_AHEAD).await?;
            tracing::info!(made, "order partitions are there");
            Ok(())
        }
    });
    vec![partitions]
}
