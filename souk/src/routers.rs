//! What the roles of this process show: their contracts to other roles, their pages and REST routes to the public.

use std::collections::BTreeMap;

use axum::{Extension, Router};
use souk_web::{DocumentInfo, Operations, openapi};

use crate::stores::Stores;
use crate::registry::{Clients, Plan, Services};

/// Routers of the roles that run here.
pub struct Routers {
    contracts: BTreeMap<&'static str, Router>,
    public: BTreeMap<&'static str, Router>,
}

/// Adds contract and REST of a service, when the role runs here.
macro_rules! expose {
    ($routers:ident, $plan:ident, $name:literal, $service:expr, $serve:path, $routes:path) => {
        if $plan.roles.contains(&$name)
            && let Some(service) = &$service
        {
            $routers.contracts.insert($name, souk_rpc_http::routes(&$serve(service.clone())));
            $routers.public.insert($name, $routes(service.clone()).router());
        }
    };
}

impl Routers {
    /// The routers of `services`, and the storefront's.
    pub async fn new(plan: &Plan<'_>, services: &Services, stores: &mut Stores) -> anyhow::Result<Self> {
        let mut routers = Self { contracts: BTreeMap::new(), public: BTreeMap::new() };
        let s = services;
        expose!(routers, plan, "identity", s.identity, souk_identity_api::serve_identity, souk_identity::routes);
        expose!(routers, plan, "catalog", s.catalog, souk_catalog_api::serve_catalog, souk_catalog::routes);
        expose!(routers, plan, "search", s.search, souk_search_api::serve_search, souk_search::routes);
        expose!(routers, plan, "cart", s.cart, souk_cart_api::serve_cart, souk_cart::routes);
        expose!(routers, plan, "order", s.order, souk_order_api::serve_order, souk_order::routes);
        expose!(routers, plan, "payment", s.payment, souk_payment_api::serve_payment, souk_payment::routes);
        expose!(routers, plan, "inventory", s.inventory, souk_inventory_api::serve_inventory, souk_inventory::routes);
        expose!(routers, plan, "shipping", s.shipping, souk_shipping_api::serve_shipping, souk_shipping::routes);
        if plan.roles.contains(&"pricing")
            && let Some(service) = &services.pricing
        {
            let contract = souk_pricing_api::serve_pricing(service.clone());
            routers.contracts.insert("pricing", souk_rpc_http::routes(&contract));
        }
        if plan.roles.contains(&"notification")
            && let Some(service) = &services.notification
        {
            let contract = souk_notification_api::serve_notification(service.clone());
            routers.contracts.insert("notification", souk_rpc_http::routes(&contract));
        }
        if plan.roles.contains(&"storefront") {
            let clients = Clients::of("storefront", plan, services)?;
            let router = souk_storefront::router(storefront_clients(plan, clients)?, plan.tasks);
            routers.public.insert("storefront", router);
        }
        for (name, operations) in keyed() {
            if let Some(router) = routers.public.remove(name) {
                let db = stores.of(name).await?;
                let router = souk_idempotency::around(router, &operations, db, plan.tasks.clone());
                routers.public.insert(name, router);
            }
        }
        let cdn = plan.config.media.cdn();
        routers.public.values_mut().for_each(|router| *router = std::mem::take(router).layer(Extension(cdn.clone())));
        Ok(routers)
    }

    /// For the internal listener: what other roles call, and what the gateway forwards.
    pub fn internal(&self, role: &str) -> Option<Router> {
        let contract = self.contracts.get(role).cloned();
        let public = self.public.get(role).cloned();
        match (contract, public) {
            (Some(contract), Some(public)) => Some(contract.merge(public)),
            (one, other) => one.or(other),
        }
    }

    /// For a gateway in this process.
    pub fn public(&self, role: &str) -> Option<Router> {
        self.public.get(role).cloned()
    }

    /// The API's description: of all services, wherever they run.
    pub fn document(&self) -> serde_json::Value {
        let parts: Vec<Operations> = vec![
            souk_catalog::operations(),
            souk_search::operations(),
            souk_cart::operations(),
            souk_order::operations(),
            souk_identity::operations(),
            souk_inventory::operations(),
            souk_shipping::operations(),
            souk_payment::operations(),
        ];
        let parts: Vec<&Operations> = parts.iter().collect();
        let info = DocumentInfo {
            title: "Souk",
            version: env!("CARGO_PKG_VERSION"),
            description: "The public API of a Souk shop. Errors are RFC 9457 problems with a stable `code`.",
        };
        openapi(info, &parts)
    }
}

/// Services on whose unsafe routes an `Idempotency-Key` is looked after, by the name of their role and schema.
pub fn keyed() -> [(&'static str, Operations); 3] {
    [("cart", souk_cart::operations()), ("order", souk_order::operations()), ("identity", souk_identity::operations())]
}

fn storefront_clients(plan: &Plan<'_>, clients: Clients) -> anyhow::Result<souk_storefront::Clients> {
    Ok(souk_storefront::Clients {
        catalog: clients.catalog,
        search: clients.search,
        pricing: clients.pricing,
        inventory: clients.inventory,
        cart: clients.cart,
        order: clients.order,
        identity: clients.identity,
        cookie_key: plan.keys.storefront_cookies(),
        shop: souk_storefront::Shop {
            name: plan.config.shop.name.clone(),
            public_url: plan.config.public_url(),
            cdn: plan.config.media.cdn(),
        },
        published: Some(plan.config.objects()?),
    })
}
