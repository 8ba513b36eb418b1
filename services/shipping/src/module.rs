//! Module manifest of shipping, for the system's list of modules.

use souk_kernel::Event;
use souk_module::{BuildContext, BuildError, Module, ModuleSpec, Role};
use souk_shipping_api::{ShipmentDelivered, ShipmentShipped, ShippingClient};

use crate::{MIGRATIONS, ShippingDeps, ShippingService, operations, routes};

/// What the rest of the system knows of it.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[
        Role {
            needs: &["postgres"],
            emits: &[ShipmentShipped::TYPE, ShipmentDelivered::TYPE],
            ..Role::new("shipping", "parcels and their tracking", 7118)
        },
        Role { needs: &["postgres"], ..Role::new("shipping-worker", "housekeeping of shipping", 7138) },
    ],
    migrations: Some(&MIGRATIONS),
    public_paths: &["/api/v1/tracking"],
    operations: Some(operations),
    build: Some(build),
    ..ModuleSpec::named("shipping")
};

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let deps = ShippingDeps { db: context.db()?, clock: context.clock(), ids: context.ids() };
    let service = ShippingService::new(deps);
    Ok(Module { public: Some(routes(service.clone()).router()), ..Module::serving::<ShippingClient>(service) })
}
