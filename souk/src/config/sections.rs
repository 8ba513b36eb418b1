//! Sections of the configuration that need no more than their fields and defaults. Those with checks of their own have files
//! of their own beside this one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use souk_gateway::{CanaryConfig, CorsConfig, Shedding, Throttles};
use souk_kernel::{Currency, ShopTime};
pub use souk_notification::SmtpConfig as Smtp;
use souk_order::UnpaidLimits;

use super::network::{self, InternalTls, PublicTls};

/// The shop.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shop {
    /// Shown to buyers.
    pub name: String,
    /// ISO 4217; all prices are in it.
    pub currency: Currency,
    /// ISO 3166-1 alpha-2: whose taxes apply before an address is known.
    pub country: String,
    /// Prices include tax, as consumers in the EU see them.
    pub prices_include_tax: bool,
    /// Name of the time zone (IANA) whose time pages, mails and lists name: `Europe/Berlin`. The API has UTC.
    pub time_zone: ShopTime,
}

/// The public listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Public {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How buyers reach it; links in mails begin with it. Default: `listen`, with `https://` when `tls` is set.
    pub url: Option<String>,
    /// Memory of the page cache, in MiB; 0 is none.
    pub cache_mib: u64,
    /// Connections at once; more wait in the listener's queue.
    pub connections: usize,
    /// Seconds that a connection may be unused between two requests: more than what stands before keeps its own.
    pub idle_seconds: u64,
    /// Proxies whose `X-Forwarded-For` is believed, as addresses or networks (`10.0.0.0/8`).
    pub trusted_proxies: Vec<String>,
    /// Limits on how often.
    pub throttle: Throttles,
    /// Other origins whose scripts may call the API.
    pub cors: CorsConfig,
    /// Limits on how much at once, and who gives way.
    pub shedding: Shedding,
    /// New versions of roles, and who gets them.
    pub canary: Vec<CanaryConfig>,
    /// Other processes may listen on the same address: the next gateway begins before the last one ends (Linux).
    pub reuse_port: bool,
    /// TLS and HTTP/2; none is plain HTTP/1.1, on loopback or behind a proxy that speaks TLS.
    pub tls: Option<PublicTls>,
}

/// How events travel. The same for all processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// Brokers of a Kafka cluster, `host:port`; none: consumers read PostgreSQL.
    pub kafka: Vec<String>,
    /// Names of topics and consumer groups begin with it and a dot: shops that share a cluster differ in it.
    pub prefix: String,
}

impl Default for Events {
    fn default() -> Self {
        Self { kafka: Vec::new(), prefix: "souk".into() }
    }
}

/// Roles in processes of their own (`souk serve`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Internal {
    /// Address the internal listeners bind to.
    pub host: IpAddr,
    /// Ports of roles that differ from `souk roles`.
    pub ports: BTreeMap<String, u16>,
    /// `host:port` of every instance of a role that runs elsewhere; default: `host` and the role's port.
    pub addresses: BTreeMap<String, Vec<String>>,
    /// Where `/livez`, `/readyz` and `/metrics` listen, always plain HTTP: a kubelet and Prometheus have no certificate.
    /// Default: `127.0.0.1:8081` for a whole shop; for some roles `host` and 1000 above the port of the first of them in
    /// `souk roles` (8100 for a gateway).
    pub operations: Option<SocketAddr>,
    /// Seconds between "not ready" and the closing of listeners, so that balancers notice; `souk up` does not wait.
    pub drain_seconds: u64,
    /// Certificates of roles; none is plain HTTP, which is for loopback only.
    pub tls: Option<InternalTls>,
}

/// Mails.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// Who they come from: an address, shown with the shop's name.
    pub from: String,
    /// Where answers go, if not there.
    pub reply_to: Option<String>,
    /// A mail server that passes mails on; none writes files to `mail/` in the data directory.
    pub smtp: Option<Smtp>,
}

/// Orders.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Orders {
    /// `POST /api/v1/checkout` must carry `cart_version` and `expected_total`. `false` lets clients of before leave them
    /// out, who are then charged whatever the cart costs by then; for this release only.
    pub require_expected_total: bool,
}

impl Default for Orders {
    fn default() -> Self {
        Self { require_expected_total: true }
    }
}

/// Payments.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Payment {
    /// The sandbox provider; none runs one inside `souk up`.
    pub sandbox_url: Option<String>,
    /// Orders of one customer (or one guest's mail address) that may wait for their payment at once: each holds stock.
    pub unpaid_per_owner: u32,
    /// The same of one client address; of IPv6, of one /64.
    pub unpaid_per_address: u32,
}

impl Default for Payment {
    fn default() -> Self {
        let unpaid = UnpaidLimits::default();
        Self { sandbox_url: None, unpaid_per_owner: unpaid.per_owner, unpaid_per_address: unpaid.per_client }
    }
}

/// Logs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `info`, or a filter such as `info,souk_gateway=debug`.
    pub filter: String,
    /// JSON lines instead of text.
    pub json: bool,
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            name: "Souk".into(),
            currency: Currency::EUR,
            country: "DE".into(),
            prices_include_tax: true,
            time_zone: ShopTime::default(),
        }
    }
}

impl Default for Public {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            url: None,
            cache_mib: 128,
            connections: 10_000,
            idle_seconds: 75,
            trusted_proxies: Vec::new(),
            throttle: Throttles::default(),
            cors: CorsConfig::default(),
            shedding: Shedding::default(),
            canary: Vec::new(),
            reuse_port: false,
            tls: None,
        }
    }
}

impl Default for Internal {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports: BTreeMap::new(),
            addresses: BTreeMap::new(),
            operations: None,
            drain_seconds: network::DRAIN_SECONDS,
            tls: None,
        }
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self { from: "shop@localhost.localdomain".into(), reply_to: None, smtp: None }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), json: false }
    }
}
