//! The gateway's parts, put together.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use http::{HeaderValue, Response, header};
use souk_identity_api::IdentityClient;
use souk_kernel::{Clock, Secret};
use souk_runtime::Tasks;
use souk_tls::PublicTls;
use souk_web::{Cookies, RequestIds};
use tokio::net::TcpListener;

use crate::address::TrustedProxies;
use crate::auth::Auth;
use crate::bodies::Bodies;
use crate::cache::{Entry, KnownParameters, PageCache, PageParameters, may_store, parts_of};
use crate::canary::Canaries;
use crate::cors::Cors;
use crate::flight::Flights;
use crate::headers::SecurityHeaders;
use crate::meters::Meters;
use crate::position::Positions;
use crate::sharing::SharedRates;
use crate::shed::{self, Shed};
use crate::throttle::Throttle;
use crate::{CanaryConfig, ConfigError, GatewayConfig, Upstream, Upstreams, server, sharing};

/// What the gateway works with.
pub struct GatewayDeps {
    /// Roles it forwards to.
    pub upstreams: Upstreams,
    /// Sessions and keys; without it everybody is anonymous.
    pub identity: Option<IdentityClient>,
    /// The API's description, `souk_web::openapi` over the operations of all services.
    pub document: serde_json::Value,
    /// Query parameters of the storefront's public pages; those of the API stand in `document`.
    pub pages: Vec<PageParameters>,
    /// Time, for freshness, throttles and tokens.
    pub clock: Clock,
    /// Where connections and renders run.
    pub tasks: Tasks,
    /// The certificate that buyers see; none is plain HTTP/1.1.
    pub tls: Option<PublicTls>,
    /// Signs the positions that visitors carry; none where nothing is read from replicas.
    pub position_key: Option<Secret<[u8; 32]>>,
    /// New versions of roles, beside those of `upstreams`.
    pub canaries: Vec<(CanaryConfig, Upstream)>,
    /// Other gateways to give out rates with.
    pub rates: Option<SharedRates>,
}

/// The public listener. Clones share everything.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: GatewayConfig,
    pub(crate) upstreams: Upstreams,
    pub(crate) auth: Auth,
    pub(crate) cache: PageCache,
    pub(crate) flights: Flights,
    pub(crate) hints: Hints,
    pub(crate) throttle: Throttle,
    pub(crate) proxies: TrustedProxies,
    pub(crate) security: SecurityHeaders,
    pub(crate) cors: Option<Cors>,
    pub(crate) document: Entry,
    pub(crate) parameters: KnownParameters,
    pub(crate) public_host: OnceLock<HeaderValue>,
    pub(crate) ids: RequestIds,
    pub(crate) meters: Meters,
    pub(crate) bodies: Bodies,
    pub(crate) shed: Shed,
    pub(crate) canaries: Canaries,
    pub(crate) positions: Option<Positions>,
    pub(crate) clock: Clock,
    pub(crate) tasks: Tasks,
    pub(crate) tls: Option<PublicTls>,
}

impl Gateway {
    /// Checks the settings and puts the parts together; nothing listens yet.
    pub fn new(config: GatewayConfig, deps: GatewayDeps) -> Result<Self, ConfigError> {
        let roles: Vec<&str> = deps.upstreams.roles().collect();
        let settings: Vec<CanaryConfig> = deps.canaries.iter().map(|(settings, _)| settings.clone()).collect();
        let mut complaints = config.throttles.complaints();
        complaints.extend(config.shedding.complaints());
        complaints.extend(config.cors.complaints());
        complaints.extend(CanaryConfig::complaints(&settings, &roles));
        if let Some((key, reason)) = complaints.into_iter().next() {
            return Err(ConfigError::Wrong(key, reason));
        }
        let security = SecurityHeaders::new(&config)?;
        let proxies = TrustedProxies::parse(&config.trusted_proxies)?;
        let public_host = OnceLock::new();
        if let Some(host) = &config.public_host {
            let value = HeaderValue::try_from(host).map_err(|_| ConfigError::NotAHost(host.clone()))?;
            public_host.get_or_init(|| value);
        }
        let inner = Inner {
            auth: Auth::new(deps.identity, Cookies { https: config.https }),
            cache: PageCache::new(config.cache_bytes, deps.clock.clone()),
            flights: Flights::default(),
            hints: Hints::default(),
            throttle: Throttle::new(config.throttles.clone(), deps.rates.as_ref().map(|rates| rates.key)),
            document: document(&deps.document),
            parameters: KnownParameters::new(&deps.document, &deps.pages),
            bodies: Bodies::new(config.limits.bodies_bytes),
            shed: Shed::new(&config.shedding, deps.upstreams.roles()),
            canaries: Canaries::new(deps.canaries, &deps.upstreams),
            upstreams: deps.upstreams,
            proxies,
            security,
            cors: Cors::new(&config.cors),
            public_host,
            ids: RequestIds::default(),
            meters: Meters::new(),
            positions: deps.position_key.map(Positions::new),
            clock: deps.clock,
            tasks: deps.tasks,
            tls: deps.tls,
            config,
        };
        let inner = Arc::new(inner);
        if inner.config.shedding.adaptive {
            shed::run(&inner.tasks, inner.shed.clone());
        }
        if let Some(rates) = deps.rates {
            sharing::run(&inner.tasks, inner.clone(), rates.redis);
        }
        Ok(Self(inner))
    }

    /// The page cache, to purge and to watch.
    pub fn cache(&self) -> PageCache {
        self.0.cache.clone()
    }

    /// Serves `listener` until the tasks are told to stop, and drains.
    pub async fn serve(&self, listener: TcpListener) {
        let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
        self.0.public_host.get_or_init(|| HeaderValue::try_from(address).expect("an address is a header value"));
        server::serve(self.0.clone(), listener).await;
    }
}

/// The description as a stored answer; it changes only with the binary.
fn document(document: &serde_json::Value) -> Entry {
    let parts = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "public, max-age=300")
        .body(())
        .expect("constant headers are valid")
        .into_parts()
        .0;
    let policy = may_store(parts.status, &parts.headers).expect("it says public and how long");
    Entry::new(&parts, document.to_string().as_bytes(), policy).expect("it is plain")
}

/// Which parts of the site answered publicly when they were last asked. A guess only: it decides whether a visitor with
/// cookies is first shown what everybody sees, and being wrong costs one request more.
#[derive(Default)]
pub(crate) struct Hints(RwLock<HashMap<Box<str>, bool>>);

/// Parts of the site that are remembered; strangers may make up paths.
const MAX_HINTS: usize = 512;

impl Hints {
    pub(crate) fn is_public(&self, path: &str) -> Option<bool> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(part_of(path)).copied()
    }

    pub(crate) fn learn(&self, path: &str, public: bool) {
        if self.is_public(path) == Some(public) {
            return;
        }
        let mut hints = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if hints.len() >= MAX_HINTS {
            hints.clear();
        }
        hints.insert(part_of(path).into(), public);
    }
}

/// The start of a path that says what kind of page it is: `/p` of `/p/bag`, `/api/v1/products` of `/api/v1/products/bag`.
fn part_of(key: &str) -> &str {
    let (_, path) = parts_of(key);
    let path = path.split('?').next().unwrap_or_default();
    let depth = if path.starts_with("/api/") { 4 } else { 2 };
    let end = path.match_indices('/').nth(depth - 1).map_or(path.len(), |(at, _)| at);
    &path[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_kind_by_its_start() {
        assert_eq!(part_of("/p/bag"), "/p");
        assert_eq!(part_of("/p/bag/reviews?page=1"), "/p");
        assert_eq!(part_of("!/p/bag"), "/p", "a canary's pages are of the same kind");
        assert_eq!(part_of("/"), "/");
        assert_eq!(part_of("/search?q=a/b"), "/search");
        assert_eq!(part_of("/api/v1/products/bag"), "/api/v1/products");
        assert_eq!(part_of("/api/v1/products?x=1"), "/api/v1/products");
    }

    #[test]
    fn hints_are_bounded() {
        let hints = Hints::default();
        (0..10_000).for_each(|i| hints.learn(&format!("/x{i}"), true));
        assert!(hints.0.read().unwrap().len() <= MAX_HINTS);
    }
}
