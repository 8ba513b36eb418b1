//! Configuration of the gateway, as an operator may set it. Every field has a default that suits a shop behind no proxy.

mod canary;
mod cors;
mod shedding;
mod throttles;

use serde::{Deserialize, Serialize};

pub use canary::CanaryConfig;
pub use cors::CorsConfig;
pub use shedding::Shedding;
pub use throttles::{By, Profile, Rate, RouteThrottle, Throttles};

/// A setting that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// `trusted_proxies` takes addresses and networks: `10.0.0.0/8`.
    #[error("gateway.trusted_proxies: {0:?} is neither an address nor a network")]
    NotANetwork(String),
    /// Hosts go into headers.
    #[error("gateway: {0:?} is not a host")]
    NotAHost(String),
    /// What [`Throttles::complaints`], [`Shedding::complaints`] or [`CanaryConfig::complaints`] say.
    #[error("gateway.{0}: {1}")]
    Wrong(String, String),
}

/// A key below the gateway's settings, and why its value cannot work.
pub type Complaints = Vec<(String, String)>;

/// Settings of the gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Browsers reach us by https: HSTS and `__Host-` cookies.
    pub https: bool,
    /// Authority of the shop's URLs, `shop.example`; the listener's address when there is none. Shared pages
    /// are rendered under this name, never under the one a client sent.
    pub public_host: Option<String>,
    /// Addresses and networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
    /// Hosts that pages may load pictures from beside our own: the CDN.
    pub media_hosts: Vec<String>,
    /// Addresses that pages may load styles and scripts from beside our own, down to the folder: `https://cdn.example/assets/`.
    pub asset_hosts: Vec<String>,
    /// Hosts that forms may go to beside our own: payment providers.
    pub form_hosts: Vec<String>,
    /// Bytes the page cache may use.
    pub cache_bytes: u64,
    /// Limits on single requests and connections.
    pub limits: RequestLimits,
    /// Paths with larger bodies than `limits.body_bytes`.
    pub body_limits: Vec<BodyLimit>,
    /// Rate limits.
    pub throttles: Throttles,
    /// Who is refused when there is more to do than can be done.
    pub shedding: Shedding,
    /// Other origins whose scripts may call the API.
    pub cors: CorsConfig,
    /// Writes a line at info for every request, cache hits included.
    pub access_log: bool,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            https: false,
            public_host: None,
            trusted_proxies: Vec::new(),
            media_hosts: Vec::new(),
            asset_hosts: Vec::new(),
            form_hosts: Vec::new(),
            cache_bytes: 128 * 1024 * 1024,
            limits: RequestLimits::default(),
            body_limits: Vec::new(),
            throttles: Throttles::default(),
            shedding: Shedding::default(),
            cors: CorsConfig::default(),
            access_log: false,
        }
    }
}

impl GatewayConfig {
    /// Bytes that a body for `path` may have.
    pub(crate) fn body_bytes(&self, path: &str) -> usize {
        let larger = self.body_limits.iter().filter(|limit| path.starts_with(&limit.prefix)).map(|limit| limit.bytes);
        larger.max().unwrap_or(self.limits.body_bytes)
    }
}

/// Bodies below a path may be this large.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BodyLimit {
    /// Start of the path.
    pub prefix: String,
    /// Bytes.
    pub bytes: usize,
}

/// Limits on single requests and connections. Slow and greedy clients are cut.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestLimits {
    /// Milliseconds until a request's head must be complete, and until a new connection asks for something.
    pub header_ms: u64,
    /// Milliseconds that a connection may be unused between two requests: longer than what stands before the gateway keeps
    /// its own, or a request may meet a connection that is being closed. It is `header_ms` instead, as long as no more than
    /// one in eight of all `connections` is free.
    pub idle_ms: u64,
    /// Milliseconds until a request's body must be complete.
    pub body_ms: u64,
    /// Milliseconds a client may take no byte of an answer.
    pub stall_ms: u64,
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// Bytes of path and query.
    pub uri_bytes: usize,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Bytes of all bodies that have arrived in part: many slow clients, or many streams of few, would fill the memory.
    pub bodies_bytes: usize,
    /// Connections at once; more wait in the listener's backlog.
    pub connections: usize,
    /// Milliseconds an ordinary request may take.
    pub request_ms: u64,
    /// Milliseconds a checkout may take.
    pub checkout_ms: u64,
    /// Milliseconds that requests under way get when the process stops.
    pub drain_ms: u64,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            header_ms: 10_000,
            idle_ms: 75_000,
            body_ms: 30_000,
            stall_ms: 30_000,
            header_bytes: 16 * 1024,
            uri_bytes: 8 * 1024,
            body_bytes: souk_web::DEFAULT_BODY_LIMIT,
            bodies_bytes: 128 * 1024 * 1024,
            connections: 10_000,
            request_ms: 5_000,
            checkout_ms: 10_000,
            drain_ms: 20_000,
        }
    }
}
