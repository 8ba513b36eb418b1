//! Module manifest of orders, for the system's list of modules.

use serde::Deserialize;
use souk_kernel::Event;
use souk_module::{BuildContext, BuildError, Module, ModuleSpec, Role};
use souk_order_api::{OrderChanged, OrderClient, OrderPlaced};

use crate::consumers::{Payments, Shipments};
use crate::{MIGRATIONS, OrderDeps, OrderService, UnpaidLimits, consumers, operations, routes, schedules};

/// What the rest of the system knows of them.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[
        Role {
            needs: &["postgres"],
            emits: &[OrderPlaced::TYPE, OrderChanged::TYPE],
            // Reads the cart as who checks out; its sagas go on when no client waits any more.
            speaks_for_users: true,
            acts_for_itself: true,
            ..Role::new("order", "checkout and orders", 7115)
        },
        Role {
            needs: &["postgres"],
            emits: &[OrderChanged::TYPE],
            consumes: &[Shipments::SOURCES, Payments::SOURCES],
            acts_for_itself: true,
            ..Role::new("order-worker", "takes over checkouts of dead processes; follows parcels and payments", 7135)
        },
    ],
    calls: &["cart", "pricing", "inventory", "payment"],
    migrations: Some(&MIGRATIONS),
    public_paths: &["/api/v1/checkout", "/api/v1/orders"],
    operations: Some(operations),
    build: Some(build),
    ..ModuleSpec::named("order")
};

/// What is read of section `orders`.
#[derive(Deserialize)]
struct Settings {
    require_expected_total: bool,
}

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let settings: Settings = context.settings("orders")?;
    let unpaid: UnpaidLimits = context.settings("payment")?;
    let service = OrderService::new(OrderDeps {
        db: context.db()?,
        tasks: context.tasks(),
        clock: context.clock(),
        ids: context.ids(),
        token_key: context.key("souk 2026 order tokens of guests"),
        seal_key: context.key("souk 2026 payment tokens of running checkouts"),
        require_expected_total: settings.require_expected_total,
        cart: context.client()?,
        pricing: context.client()?,
        inventory: context.client()?,
        payment: context.client()?,
        unpaid,
    });
    let sweeping = service.clone();
    Ok(Module {
        public: Some(routes(service.clone()).router()),
        consumers: consumers(&service),
        schedules: schedules(&service),
        background: vec![Box::new(move || sweeping.sweep())],
        ..Module::serving::<OrderClient>(service)
    })
}
