//! Composition root of the crate: puts the gateway's parts together and starts what runs beside the requests.

use std::sync::{Arc, OnceLock};

use http::{HeaderValue, Response, header};
use souk_identity_api::IdentityClient;
use souk_kernel::{Clock, Secret};
use souk_runtime::Tasks;
use souk_tls::PublicTls;
use souk_web::{Cookies, RequestIds};
use tokio::net::TcpListener;

use crate::auth::authenticate::Auth;
use crate::auth::read_your_writes::PositionTokens;
use crate::cache::public_paths::PublicPathHints;
use crate::cache::single_flight::SingleFlight;
use crate::cache::{CachedResponse, KnownParameters, PageCache, PageParameters, may_store};
use crate::config::{CanaryConfig, ConfigError, GatewayConfig};
use crate::connection::server;
use crate::load_shedding::{self, LoadShedder};
use crate::metrics::Metrics;
use crate::rate_limit::limiter::RateLimiter;
use crate::rate_limit::shared::{self, SharedRates};
use crate::request::body::Bodies;
use crate::request::client_ip::TrustedProxies;
use crate::response::cors::Cors;
use crate::response::headers::SecurityHeaders;
use crate::state::GatewayState;
use crate::upstream::canary::Canaries;
use crate::upstream::routing::{Upstream, Upstreams};

/// What the gateway works with.
pub struct GatewayDeps {
    /// Roles it forwards to.
    pub upstreams: Upstreams,
    /// Sessions and keys; without it every request is anonymous.
    pub identity: Option<IdentityClient>,
    /// The API's description, `souk_web::openapi` over the operations of all services.
    pub document: serde_json::Value,
    /// Query parameters of the storefront's public pages; those of the API stand in `document`.
    pub pages: Vec<PageParameters>,
    /// Time, for freshness, rate limits and tokens.
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
pub struct Gateway(Arc<GatewayState>);

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
        let state = GatewayState {
            auth: Auth::new(deps.identity, Cookies { https: config.https }),
            cache: PageCache::new(config.cache_bytes, deps.clock.clone()),
            renders: SingleFlight::default(),
            hints: PublicPathHints::default(),
            limiter: Arc::new(RateLimiter::new(config.throttles.clone(), deps.rates.as_ref().map(|rates| rates.key))),
            document: document(&deps.document),
            parameters: KnownParameters::new(&deps.document, &deps.pages),
            bodies: Bodies::new(config.limits.bodies_bytes),
            shedder: LoadShedder::new(&config.shedding, deps.upstreams.roles()),
            canaries: Canaries::new(deps.canaries, &deps.upstreams),
            upstreams: deps.upstreams,
            proxies,
            security,
            cors: Cors::new(&config.cors),
            public_host,
            ids: RequestIds::default(),
            metrics: Metrics::new(),
            positions: deps.position_key.map(PositionTokens::new),
            clock: deps.clock,
            tasks: deps.tasks,
            tls: deps.tls,
            config,
        };
        if state.config.shedding.adaptive {
            load_shedding::run(&state.tasks, state.shedder.clone());
        }
        if let Some(rates) = deps.rates {
            shared::run(&state.tasks, state.limiter.clone(), state.clock.clone(), rates.redis);
        }
        Ok(Self(Arc::new(state)))
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
fn document(document: &serde_json::Value) -> CachedResponse {
    let parts = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "public, max-age=300")
        .body(())
        .expect("constant headers are valid")
        .into_parts()
        .0;
    let policy = may_store(parts.status, &parts.headers).expect("it says public and how long");
    CachedResponse::new(&parts, document.to_string().as_bytes(), policy).expect("it is plain")
}
