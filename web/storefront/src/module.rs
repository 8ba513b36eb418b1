//! Module manifest of the storefront, for the system's list of modules.

use souk_module::{BuildContext, BuildError, Module, ModuleSpec, Role};

use crate::{Clients, PAGE_PARAMETERS, Shop, router};

/// What the rest of the system knows of it. The gateway sends it every path that no other module names.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[Role { speaks_for_users: true, ..Role::new("storefront", "HTML for buyers", 7101) }],
    calls: &["identity", "catalog", "search", "pricing", "cart", "order", "inventory"],
    public_paths: &["/media/art"],
    page_parameters: PAGE_PARAMETERS,
    build: Some(build),
    ..ModuleSpec::named("storefront")
};

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let shop = context.shop();
    let clients = Clients {
        catalog: context.client()?,
        search: context.client()?,
        pricing: context.client()?,
        inventory: context.client()?,
        cart: context.client()?,
        order: context.client()?,
        identity: context.client()?,
        cookie_key: context.key("souk 2026 sealed cookies of the storefront"),
        shop: Shop {
            name: shop.name.clone(),
            public_url: shop.public_url.clone(),
            cdn: shop.cdn.clone(),
            time: shop.time.clone(),
        },
        published: Some(context.objects()?),
    };
    Ok(Module { public: Some(router(clients, &context.tasks())), ..Module::default() })
}
