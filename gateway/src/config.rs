//! What an operator may set. Every field has a default that suits a shop behind no proxy.

use serde::{Deserialize, Serialize};

/// A setting that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// `trusted_proxies` takes addresses and networks: `10.0.0.0/8`.
    #[error("gateway.trusted_proxies: {0:?} is neither an address nor a network")]
    NotANetwork(String),
    /// Hosts go into headers.
    #[error("gateway: {0:?} is not a host")]
    NotAHost(String),
    /// A rate of zero lets nobody in.
    #[error("gateway.throttles: a rate needs a count, a period and a burst above zero")]
    EmptyRate,
}

/// Settings of the gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Browsers reach us by https: HSTS and `__Host-` cookies.
    pub https: bool,
    /// Authority of the shop's URLs, `shop.example`; the listener's address when there is none. Pages that everybody gets
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
    pub limits: Limits,
    /// Paths with larger bodies than `limits.body_bytes`.
    pub body_limits: Vec<BodyLimit>,
    /// How often clients may come.
    pub throttles: Throttles,
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
            limits: Limits::default(),
            body_limits: Vec::new(),
            throttles: Throttles::default(),
            access_log: false,
        }
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
pub struct Limits {
    /// Milliseconds until a request's head must be complete; also how long a connection may be idle.
    pub header_ms: u64,
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
    /// Connections at once; more wait in the listener's backlog.
    pub connections: usize,
    /// Requests under way to the services at once; more are refused with 503.
    pub in_flight: usize,
    /// Milliseconds an ordinary request may take.
    pub request_ms: u64,
    /// Milliseconds a checkout may take.
    pub checkout_ms: u64,
    /// Milliseconds that requests under way get when the process stops.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_ms: 10_000,
            body_ms: 30_000,
            stall_ms: 30_000,
            header_bytes: 16 * 1024,
            uri_bytes: 8 * 1024,
            body_bytes: souk_web::DEFAULT_BODY_LIMIT,
            connections: 10_000,
            in_flight: 2_048,
            request_ms: 5_000,
            checkout_ms: 10_000,
            drain_ms: 20_000,
        }
    }
}

/// So many per period; at once at most `burst`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many in `per_seconds`.
    pub count: u32,
    /// The period.
    pub per_seconds: u32,
    /// How many at once after a pause.
    pub burst: u32,
}

impl Rate {
    /// `count` in `per_seconds`, all at once if they like.
    pub const fn of(count: u32, per_seconds: u32) -> Self {
        Self { count, per_seconds, burst: count }
    }
}

/// Named sets of throttles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// As PROMISES says.
    Standard,
    /// Every load of the bench comes from one address: the allowances per address are lifted, those per owner stay.
    Bench,
    /// None at all.
    Off,
}

/// How often clients may come; `None` is as often as they like. Answered 429 with `Retry-After`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Throttles {
    /// Name of the set, for reports.
    pub name: String,
    /// Everything, per address: offices, carriers and crawlers share one.
    pub address: Option<Rate>,
    /// Searches, per session; who has none is bound by the address alone.
    pub search: Option<Rate>,
    /// Checkouts, per owner of the cart.
    pub checkout: Option<Rate>,
    /// Logins, per address.
    pub login: Option<Rate>,
    /// New accounts, per address.
    pub register: Option<Rate>,
    /// Tries of coupon codes, per owner of the cart.
    pub coupon: Option<Rate>,
    /// Tries of coupon codes, per address: fresh carts do not help a guesser.
    pub coupon_address: Option<Rate>,
    /// Addresses, sessions and owners remembered; beyond, the coldest are forgotten.
    pub remembered: usize,
}

impl Default for Throttles {
    fn default() -> Self {
        Self::profile(Profile::Standard)
    }
}

impl Throttles {
    /// A named set.
    pub fn profile(profile: Profile) -> Self {
        let standard = Self {
            name: "standard".into(),
            address: Some(Rate { count: 200, per_seconds: 1, burst: 1000 }),
            search: Some(Rate::of(30, 10)),
            checkout: Some(Rate::of(10, 60)),
            login: Some(Rate::of(20, 60)),
            register: Some(Rate::of(120, 60)),
            coupon: Some(Rate::of(10, 3600)),
            coupon_address: Some(Rate::of(2000, 3600)),
            remembered: 100_000,
        };
        match profile {
            Profile::Standard => standard,
            Profile::Bench => Self {
                name: "bench".into(),
                address: None,
                login: None,
                register: None,
                coupon_address: None,
                ..standard
            },
            Profile::Off => Self {
                name: "off".into(),
                address: None,
                search: None,
                checkout: None,
                login: None,
                register: None,
                coupon: None,
                coupon_address: None,
                ..standard
            },
        }
    }

    /// Refuses rates that let nobody in.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let all =
            [self.address, self.search, self.checkout, self.login, self.register, self.coupon, self.coupon_address];
        let empty = |rate: &Rate| rate.count == 0 || rate.per_seconds == 0 || rate.burst == 0;
        if all.iter().flatten().any(empty) { Err(ConfigError::EmptyRate) } else { Ok(()) }
    }
}
