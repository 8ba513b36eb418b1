//! Module manifest of inventory, for the system's list of modules.

use souk_flow::{Envelope, Source};
use souk_inventory_api::{AvailabilityChanged, InventoryClient};
use souk_kernel::{Event, Problem};
use souk_module::{BuildContext, BuildError, Invalidation, Module, ModuleSpec, Role};

use crate::consumers::Shipments;
use crate::{InventoryDeps, InventoryService, MIGRATIONS, consumers, operations, routes, schedules};

/// What the rest of the system knows of it.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[
        Role {
            needs: &["postgres"],
            emits: &[AvailabilityChanged::TYPE],
            ..Role::new("inventory", "stock, reservations, movements", 7117)
        },
        Role {
            needs: &["postgres"],
            emits: &[AvailabilityChanged::TYPE],
            consumes: &[Shipments::SOURCES],
            ..Role::new("inventory-worker", "reclaims expired holds; takes shipped units out", 7137)
        },
    ],
    migrations: Some(&MIGRATIONS),
    public_paths: &["/api/v1/availability"],
    operations: Some(operations),
    invalidates: Some(Invalidation { source: SHOWN, keys: shown_by }),
    build: Some(build),
    ..ModuleSpec::named("inventory")
};

/// What pages show of it.
const SHOWN: Source = Source { schema: "inventory", types: &[AvailabilityChanged::TYPE] };

fn shown_by(event: &Envelope, keys: &mut Vec<String>) -> Result<(), Problem> {
    if let Some(changed) = event.parse::<AvailabilityChanged>()? {
        keys.push(format!("product/{}", changed.product_id));
    }
    Ok(())
}

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let service = InventoryService::new(InventoryDeps { db: context.db()?, tasks: context.tasks() });
    Ok(Module {
        public: Some(routes(service.clone()).router()),
        consumers: consumers(&service),
        schedules: schedules(&service),
        ..Module::serving::<InventoryClient>(service)
    })
}
