//! Shared state: the parts of a gateway, as the composition root makes them, for its connections and pipelines.
//!
//! The parts themselves must not import this file, or every part would depend on every other.

use std::sync::{Arc, OnceLock};

use http::HeaderValue;
use souk_kernel::Clock;
use souk_runtime::Tasks;
use souk_tls::PublicTls;
use souk_web::RequestIds;

use crate::auth::authenticate::Auth;
use crate::auth::read_your_writes::PositionTokens;
use crate::cache::public_paths::PublicPathHints;
use crate::cache::single_flight::SingleFlight;
use crate::cache::{CachedResponse, KnownParameters, PageCache};
use crate::config::GatewayConfig;
use crate::load_shedding::LoadShedder;
use crate::metrics::Metrics;
use crate::rate_limit::business_rules::BusinessRules;
use crate::rate_limit::limiter::RateLimiter;
use crate::request::body::Bodies;
use crate::request::client_ip::TrustedProxies;
use crate::request::context::RequestContext;
use crate::response::cors::Cors;
use crate::response::headers::SecurityHeaders;
use crate::upstream::canary::Canaries;
use crate::upstream::routing::Upstreams;

/// All parts of one gateway.
pub(crate) struct GatewayState {
    pub(crate) config: GatewayConfig,
    pub(crate) upstreams: Upstreams,
    pub(crate) auth: Auth,
    pub(crate) cache: PageCache,
    pub(crate) renders: SingleFlight,
    pub(crate) hints: PublicPathHints,
    pub(crate) limiter: Arc<RateLimiter>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) security: SecurityHeaders,
    pub(crate) cors: Option<Cors>,
    pub(crate) document: CachedResponse,
    pub(crate) parameters: KnownParameters,
    pub(crate) public_host: OnceLock<HeaderValue>,
    pub(crate) ids: RequestIds,
    pub(crate) metrics: Metrics,
    pub(crate) bodies: Bodies,
    pub(crate) shedder: LoadShedder,
    pub(crate) canaries: Canaries,
    pub(crate) positions: Option<PositionTokens>,
    pub(crate) clock: Clock,
    pub(crate) tasks: Tasks,
    pub(crate) tls: Option<PublicTls>,
}

impl GatewayState {
    /// The rate limits, as they apply to the request of `context`.
    pub(crate) fn rate_limits<'a>(&'a self, context: &'a mut RequestContext) -> BusinessRules<'a> {
        BusinessRules {
            limiter: &self.limiter,
            metrics: &self.metrics,
            cookies: self.auth.cookies,
            client: context.client,
            now: context.now,
            tightest: &mut context.tightest,
        }
    }
}
