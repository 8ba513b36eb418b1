//! Module manifest of carts, for the system's list of modules.

use souk_cart_api::CartClient;
use souk_module::{BuildContext, BuildError, Module, ModuleSpec, Role};

use crate::consumers::Orders;
use crate::{CartDeps, CartService, MIGRATIONS, consumers, operations, routes, schedules};

/// What the rest of the system knows of them.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[
        Role { needs: &["postgres"], ..Role::new("cart", "carts", 7114) },
        Role {
            needs: &["postgres"],
            consumes: &[Orders::SOURCES],
            ..Role::new("cart-worker", "forgets carts that were bought or left", 7134)
        },
    ],
    calls: &["catalog", "pricing", "inventory"],
    migrations: Some(&MIGRATIONS),
    public_paths: &["/api/v1/carts"],
    operations: Some(operations),
    build: Some(build),
    ..ModuleSpec::named("cart")
};

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let service = CartService::new(CartDeps {
        db: context.db()?,
        tasks: context.tasks(),
        clock: context.clock(),
        ids: context.ids(),
        catalog: context.client()?,
        pricing: context.client()?,
        inventory: context.client()?,
    });
    Ok(Module {
        public: Some(routes(service.clone()).router()),
        consumers: consumers(&service),
        schedules: schedules(&service),
        ..Module::serving::<CartClient>(service)
    })
}
