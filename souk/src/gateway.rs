//! The gateway of a process: made of the public routes of all modules, here or elsewhere, and told by their events what its page
//! cache has to forget.

use std::sync::Arc;

use souk_db::Migrations;
use souk_flow::{Envelope, EventLog, follow};
use souk_gateway::{
    Gateway, GatewayConfig, GatewayDeps, PageCache, PageParameters, RequestLimits, SharedRates, Upstream, Upstreams,
};
use souk_identity_api::IdentityClient;
use souk_kernel::Clock;
use souk_module::{Environment, ModuleSpec, Role};
use souk_runtime::Tasks;
use souk_tls::PublicTls;

use crate::clients::client;
use crate::registry::{Installation, Registry};
use crate::routers::{self, Routers};
use crate::stores::Stores;
use crate::{file_limit, modules};

/// It keeps nothing: with a schema and a login of its own it may read the outboxes of what pages show.
const MIGRATIONS: Migrations = Migrations { schema: "gateway", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] };

/// The gateway in the list of modules. Here, and not in its crate, which needs no database and no log; a process makes it last.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[Role {
        needs: &["postgres"],
        speaks_for_users: true,
        ..Role::new("gateway", "the only public listener: routing, limits, page cache", 7100)
    }],
    migrations: Some(&MIGRATIONS),
    forwards: true,
    offline: false,
    ..ModuleSpec::named("gateway")
};

/// The gateway of this process.
pub fn gateway(
    installation: &Installation<'_>,
    environment: &Environment<'_>,
    registry: &Registry,
    routers: &Routers,
    listening: &Tasks,
    tls: Option<PublicTls>,
) -> anyhow::Result<Gateway> {
    let (config, keys) = (installation.config, installation.keys);
    let mut upstreams = Upstreams::new();
    for module in modules::all().iter().filter(|module| !module.public_paths.is_empty()) {
        let upstream = match routers.public(module.name) {
            Some(router) => Upstream::Local(router),
            None => Upstream::Remote(installation.transport("gateway", module.name)?.into()),
        };
        upstreams = upstreams.with(module.name, module.public_paths, upstream);
    }
    let canaries = config.public.canary.iter().filter_map(|canary| {
        let module = modules::module_of(&canary.role)?;
        let transport = installation.transport_to("gateway", module.name, canary.addresses.clone());
        Some(transport.map(|transport| (canary.clone(), Upstream::Remote(transport.into()))))
    });
    let canaries = canaries.collect::<anyhow::Result<_>>()?;
    let pages = modules::all().iter().flat_map(|module| module.page_parameters);
    let url = config.public_url();
    let settings = GatewayConfig {
        https: url.starts_with("https://"),
        cache_bytes: config.public.cache_mib * 1024 * 1024,
        throttles: config.public.throttle.clone(),
        shedding: config.public.shedding,
        cors: config.public.cors.clone(),
        limits: RequestLimits {
            connections: file_limit::connections(config.public.connections),
            idle_ms: config.public.idle_seconds * 1_000,
            ..RequestLimits::default()
        },
        trusted_proxies: config.public.trusted_proxies.clone(),
        media_hosts: config.media.cdn_origin().into_iter().collect(),
        asset_hosts: config.media.cdn_origin().map(|origin| format!("{origin}/assets/")).into_iter().collect(),
        public_host: config.public.url.as_ref().and_then(|url| Some(url.split_once("://")?.1.to_owned())),
        ..GatewayConfig::default()
    };
    let deps = GatewayDeps {
        upstreams,
        identity: Some(client::<IdentityClient>("gateway", installation, registry.clients())?),
        document: routers::document(),
        pages: pages.map(|(path, names)| PageParameters { path, names }).collect(),
        clock: Clock::system(),
        tasks: listening.clone(),
        tls,
        position_key: config.database.reads_replicas().then(|| keys.positions()),
        canaries,
        rates: environment.redis.clone().map(|redis| SharedRates { redis, key: keys.shared_rates() }),
    };
    Ok(Gateway::new(settings, deps)?)
}

/// Surrogate keys of everything that shows what `events` changed, as the modules say that publish them.
fn stale_keys(events: &[Envelope]) -> Vec<String> {
    let mut keys = Vec::new();
    for event in events {
        for invalidation in modules::all().iter().filter_map(|module| module.invalidates) {
            if let Err(problem) = (invalidation.keys)(event, &mut keys) {
                let internal = problem.internal_detail().unwrap_or_default();
                tracing::error!(event = %event.id, internal, "cannot tell what an event makes old; pages expire by time");
            }
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

/// Every process with a page cache follows what its pages show.
pub async fn purge_by_events(
    tasks: &Tasks,
    stores: &mut Stores,
    events: &EventLog,
    cache: PageCache,
) -> anyhow::Result<()> {
    let db = stores.of("gateway").await?;
    let cache = Arc::new(cache);
    let shown = modules::by_name("gateway").and_then(|gateway| gateway.consumes.first()).copied().unwrap_or_default();
    follow(tasks, &db, events, "page cache", shown, move |events| cache.purge(&stale_keys(events))).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use serde_json::{Value, json};
    use souk_catalog_api::{CategoryChanged, ProductChanged};
    use souk_inventory_api::AvailabilityChanged;
    use souk_kernel::Event;
    use souk_pricing_api::PriceChanged;
    use uuid::Uuid;

    use super::*;

    fn event<E: Event>(data: &Value) -> Envelope {
        Envelope {
            id: Uuid::nil(),
            source: modules::owner_of(E::TYPE).into(),
            event_type: E::TYPE.into(),
            aggregate: Uuid::nil(),
            version: 1,
            time: Clock::system().now(),
            traceparent: None,
            tracestate: None,
            data: RawValue::from_string(data.to_string()).unwrap(),
        }
    }

    #[test]
    fn an_event_makes_old_what_shows_its_subject() {
        let (id, category) = (Uuid::from_u128(7), Uuid::from_u128(9));
        let product = format!("product/{id}");
        let changed =
            json!({ "product_id": id, "slug": "bag", "categories": [category], "published": true, "version": 1 });
        assert_eq!(stale_keys(&[event::<ProductChanged>(&changed)]), [format!("category/{category}"), product.clone()]);
        let changed = json!({ "category_id": category, "version": 1 });
        assert_eq!(stale_keys(&[event::<CategoryChanged>(&changed)]), ["catalog", "categories"]);
        let lowest = souk_kernel::Currency::EUR.of(999);
        let cheaper = json!({ "product_id": id, "skus": [], "lowest": lowest, "version": 1 });
        let sold_out =
            json!({ "stock_id": category, "product_id": id, "sku": "BAG", "available": false, "version": 1 });
        let both = [event::<PriceChanged>(&cheaper), event::<AvailabilityChanged>(&sold_out)];
        assert_eq!(stale_keys(&both), [product], "each once");
    }

    #[test]
    fn an_event_that_cannot_be_read_takes_no_others_with_it() {
        let changed = json!({ "category_id": Uuid::nil(), "version": 1 });
        let events = [event::<PriceChanged>(&json!({})), event::<CategoryChanged>(&changed)];
        assert_eq!(stale_keys(&events), ["catalog", "categories"]);
    }

    #[test]
    fn every_event_that_pages_follow_is_one_that_makes_them_old() {
        let gateway = modules::by_name("gateway").unwrap();
        let mut followed = gateway.consumed_types();
        followed.sort_unstable();
        let mut expected = [ProductChanged::TYPE, CategoryChanged::TYPE, PriceChanged::TYPE, AvailabilityChanged::TYPE];
        expected.sort_unstable();
        assert_eq!(followed, expected);
    }
}
