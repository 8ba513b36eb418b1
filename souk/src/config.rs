//! Configuration: defaults that run a shop, a TOML file over them, `SOUK_*` variables over that, flags over all.
//! `souk config print` shows the result, `souk config check` says what is wrong with file, key and reason.

mod edge;
mod environment;
mod log;
mod media;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use souk_gateway::{CanaryConfig, CorsConfig, Shedding, Throttles};
use souk_kernel::{Currency, without_password};
use souk_order::UnpaidLimits;

pub use self::environment::UNKNOWN_VARIABLE;
pub use self::media::Media;
pub use self::telemetry::Telemetry;
use crate::modules;
pub use souk_search::SearchSettings;

mod fleet;
mod network;
mod telemetry;

pub use crate::database::{Database, DatabaseLogin, Pooler};
pub use network::{InternalTls, PublicTls, TRUST_DOMAIN};

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where a shop keeps what it keeps: database, index, pictures, mails, keys.
    pub data_dir: PathBuf,
    /// The shop.
    pub shop: Shop,
    /// The public listener.
    pub public: Public,
    /// PostgreSQL.
    pub database: Database,
    /// How events travel.
    pub events: Events,
    /// A place to look before PostgreSQL is asked.
    pub redis: RedisConfig,
    /// The search index.
    pub search: SearchSettings,
    /// Pictures and assets.
    pub media: Media,
    /// Roles in processes of their own.
    pub internal: Internal,
    /// Mails.
    pub mail: Mail,
    /// Orders.
    pub orders: Orders,
    /// Payments.
    pub payment: Payment,
    /// Settings of services that have no section of their own, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<String, Value>,
    /// Logs.
    pub log: Log,
    /// Traces.
    pub telemetry: Telemetry,
    /// Variables that look like settings and are none; see [`environment`].
    #[serde(skip)]
    pub unknown: Vec<String>,
}

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

/// Redis: caches, sessions and rates that processes share. Nothing is lost without it, and readiness does not depend on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisConfig {
    /// `redis://host:port`; several are nodes of a cluster, none: no Redis.
    pub nodes: Vec<String>,
    /// Keys begin with `souk:` and this: shops that share a Redis differ in it.
    pub installation: String,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self { nodes: Vec::new(), installation: "shop".into() }
    }
}

impl RedisConfig {
    /// Why it cannot work.
    fn complaints(&self) -> Vec<Complaint> {
        let wrong = |key: &str, reason: String| Complaint { key: key.into(), reason };
        let mut complaints = Vec::new();
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if !(1..=100).contains(&self.installation.len()) || !self.installation.chars().all(allowed) {
            let reason = "must be 1 to 100 letters, digits, dots, dashes and underscores".into();
            complaints.push(wrong("redis.installation", reason));
        }
        for node in &self.nodes {
            let shown = without_password(node);
            if !node.starts_with("redis://") {
                let reason =
                    format!("{shown:?} is not redis://host:port; encrypted connections (rediss) are not built in");
                complaints.push(wrong("redis.nodes", reason));
            } else if let Err(error) = souk_redis::Redis::check(std::slice::from_ref(node)) {
                complaints.push(wrong("redis.nodes", format!("{shown:?}: {error}")));
            }
        }
        complaints
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
    /// A mail server nearby that passes mails on; none writes files to `mail/` in the data directory.
    pub smtp: Option<Smtp>,
}

/// A mail server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Host name or address.
    pub host: String,
    /// 25, 587 or 1025.
    pub port: u16,
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

impl Payment {
    /// Limits on orders that wait for their buyers.
    pub fn unpaid(&self) -> UnpaidLimits {
        UnpaidLimits { per_owner: self.unpaid_per_owner, per_client: self.unpaid_per_address }
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

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "data".into(),
            shop: Shop::default(),
            public: Public::default(),
            database: Database::default(),
            events: Events::default(),
            redis: RedisConfig::default(),
            search: SearchSettings::default(),
            media: Media::default(),
            internal: Internal::default(),
            mail: Mail::default(),
            orders: Orders::default(),
            payment: Payment::default(),
            modules: BTreeMap::new(),
            log: Log::default(),
            telemetry: Telemetry::default(),
            unknown: Vec::new(),
        }
    }
}

impl Default for Shop {
    fn default() -> Self {
        Self { name: "Souk".into(), currency: Currency::EUR, country: "DE".into(), prices_include_tax: true }
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
        Self { from: "shop@localhost.localdomain".into(), smtp: None }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), json: false }
    }
}

/// A configuration that cannot work: where, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// `public.url`.
    pub key: String,
    /// A sentence.
    pub reason: String,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

impl Config {
    /// Defaults, then `file` (if given, it must exist), then `SOUK_PUBLIC__LISTEN=...` variables.
    pub fn load(file: Option<&Path>) -> Result<Self, String> {
        if let Some(missing) = file.filter(|file| !file.is_file()) {
            return Err(format!("{}: there is no such file", missing.display()));
        }
        // Alone first: what is wrong with the file is no variable's fault.
        let base = Self::base(file);
        extract(&base)?;
        let sorted = environment::sort(&base);
        let mut config = extract(&environment::over(base, &sorted))?;
        config.unknown = sorted.unknown;
        Ok(config)
    }

    /// Defaults and file.
    fn base(file: Option<&Path>) -> Figment {
        let figment = Figment::from(Serialized::defaults(Config::default()));
        match file {
            Some(file) => figment.merge(Toml::file_exact(file)),
            None => figment,
        }
    }

    /// All of it, to ask where a value comes from.
    fn figment(file: Option<&Path>) -> Figment {
        let base = Self::base(file);
        let sorted = environment::sort(&base);
        environment::over(base, &sorted)
    }

    /// Variables that look like settings and are none.
    pub fn unknown_variables(&self) -> Vec<Complaint> {
        let complaint = |name: &String| Complaint { key: name.clone(), reason: UNKNOWN_VARIABLE.into() };
        self.unknown.iter().map(complaint).collect()
    }

    /// Everything that cannot work.
    pub fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut wrong = |key: &str, reason: String| complaints.push(Complaint { key: key.into(), reason });
        let url = self.public_url();
        match url.split_once("://") {
            Some(("https", host)) if !host.is_empty() => {}
            Some(("http", host)) if is_loopback(host) => {}
            Some(("http", _)) => wrong("public.url", format!("{url}: plain HTTP is for loopback only, use https")),
            _ => wrong("public.url", format!("{url} is not an http or https address")),
        }
        if self.shop.country.len() != 2 || !self.shop.country.bytes().all(|b| b.is_ascii_uppercase()) {
            wrong("shop.country", format!("{:?} is not a two-letter country code in capitals", self.shop.country));
        }
        if self.public.cache_mib > 65_536 {
            wrong("public.cache_mib", "must be at most 65536".into());
        }
        if !self.events.kafka.is_empty() && cfg!(not(feature = "kafka")) {
            wrong("events.kafka", "this souk was built without Kafka: build it with --features kafka".into());
        }
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if !(1..=100).contains(&self.events.prefix.len()) || !self.events.prefix.chars().all(allowed) {
            wrong("events.prefix", "must be 1 to 100 letters, digits, dots, dashes and underscores".into());
        }
        for broker in &self.events.kafka {
            if !network::is_host_and_port(broker) {
                wrong("events.kafka", format!("{broker:?} is not host:port"));
            }
        }
        self.search.check(&mut wrong);
        self.media.check(&mut wrong);
        let named = self.internal.ports.keys().map(|role| ("internal.ports", role));
        let named = named.chain(self.internal.addresses.keys().map(|role| ("internal.addresses", role)));
        for (key, role) in named {
            if modules::by_name(role).is_none() {
                wrong(&format!("{key}.{role}"), "there is no such role; `souk roles` lists them".into());
            }
        }
        for name in self.modules.keys().filter(|name| !modules::all().iter().any(|module| module.name == *name)) {
            wrong(&format!("modules.{name}"), "there is no such module".into());
        }
        if let Err(reason) = log::check(&self.log.filter) {
            wrong("log.filter", reason);
        }
        for (key, reason) in self.telemetry.complaints() {
            wrong(&format!("telemetry.{key}"), reason);
        }
        self.check_public_tls(&mut wrong);
        self.check_edge(&mut wrong);
        self.check_internal(&mut wrong);
        self.check_fleet(&mut wrong);
        for (key, reason) in self.database.complaints() {
            wrong(&format!("database.{key}"), reason);
        }
        complaints.extend(self.redis.complaints());
        complaints
    }

    /// The same without passwords, to be shown.
    pub fn redacted(&self) -> Self {
        let mut shown = self.clone();
        shown.database = shown.database.redacted();
        shown.redis.nodes = shown.redis.nodes.iter().map(|node| without_password(node)).collect();
        shown.media = shown.media.redacted();
        shown.telemetry.otlp.iter_mut().for_each(|url| *url = without_password(url));
        shown.search.opensearch.iter_mut().for_each(|url| *url = without_password(url));
        shown
    }

    /// The settings of a service: those under its name in `modules`, or an older section of their own.
    pub fn section(&self, name: &str) -> Option<Value> {
        let own = || serde_json::to_value(self).ok()?.get(name).cloned();
        self.modules.get(name).cloned().or_else(own)
    }

    /// How buyers reach the shop.
    pub fn public_url(&self) -> String {
        let scheme = if self.public.tls.is_some() { "https" } else { "http" };
        self.public.url.clone().unwrap_or_else(|| format!("{scheme}://{}", self.public.listen))
    }

    /// Port of a role's internal listener.
    pub fn port(&self, role: &str) -> u16 {
        self.internal.ports.get(role).copied().or(modules::by_name(role).map(|role| role.port)).unwrap_or_default()
    }

    /// Where the instances of a role that runs elsewhere are.
    pub fn addresses(&self, role: &str) -> Vec<String> {
        let default = || vec![SocketAddr::new(self.internal.host, self.port(role)).to_string()];
        self.internal.addresses.get(role).cloned().unwrap_or_else(default)
    }
}

fn extract(figment: &Figment) -> Result<Config, String> {
    figment.extract().map_err(|errors| {
        let lines: Vec<String> = errors.into_iter().map(describe).collect();
        lines.join("\n")
    })
}

fn describe(error: figment::Error) -> String {
    let key = error.path.join(".");
    let variable = error.metadata.as_ref().is_some_and(environment::is_source);
    if variable {
        return format!("{}: {key}: {}", environment::variable(&key), error.kind);
    }
    let place = error.metadata.as_ref().map(|data| match &data.source {
        Some(source) => format!("{source}: "),
        None => format!("{}: ", data.name),
    });
    format!("{}{key}: {}", place.unwrap_or_default(), error.kind)
}

fn is_loopback(host_and_path: &str) -> bool {
    let host = host_and_path.split('/').next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn keys(config: &Config) -> Vec<String> {
        config.check().into_iter().map(|complaint| complaint.key).collect()
    }

    #[test]
    fn nodes_of_opensearch_are_addresses_and_their_passwords_not_shown() {
        let mut config = Config::default();
        config.search.opensearch = vec!["http://souk:s3cret@search-1:9200".into(), "ftp://u:s3cret@search-2".into()];
        config.search.index = "Souk".into();
        assert_eq!(keys(&config), ["search.opensearch", "search.index"]);
        assert_eq!(config.redacted().search.opensearch[0], "http://souk:***@search-1:9200");
        assert!(!config.check().iter().any(|complaint| complaint.reason.contains("s3cret")));
        config.search = SearchSettings {
            opensearch: vec!["https://search-1:9200".into()],
            ca_file: Some("/nowhere/ca.pem".into()),
            ..SearchSettings::default()
        };
        assert_eq!(keys(&config), ["search.ca_file"]);
    }

    #[test]
    fn the_defaults_are_fine_and_plain_http_ends_at_loopback() {
        let mut config = Config::default();
        assert_eq!(keys(&config), Vec::<String>::new());
        for (url, fine) in [
            ("https://shop.example", true),
            ("http://localhost:8080", true),
            ("http://[::1]:8080", true),
            ("http://shop.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("ftp://shop.example", false),
        ] {
            config.public.url = Some(url.into());
            assert_eq!(keys(&config).is_empty(), fine, "{url}");
        }
    }

    #[test]
    fn a_wrong_file_is_refused_with_place_and_key() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("souk.toml");
        std::fs::write(&file, "[public]\nlisten = \"nowhere\"\n").unwrap();
        let error = Config::load(Some(&file)).unwrap_err();
        assert!(error.contains("souk.toml") && error.contains("public.listen"), "{error}");
        std::fs::write(&file, "[publik]\nlisten = \"127.0.0.1:1\"\n").unwrap();
        assert!(Config::load(Some(&file)).unwrap_err().contains("publik"));
        assert!(Config::load(Some(&dir.path().join("none.toml"))).unwrap_err().contains("no such file"));
    }

    #[test]
    fn brokers_need_a_port_and_a_souk_that_knows_kafka() {
        let mut config = Config::default();
        config.events.kafka = vec!["kafka-1:9092".into(), "kafka-2".into()];
        let reasons: Vec<String> = config.check().iter().map(ToString::to_string).collect();
        let built_without = "events.kafka: this souk was built without Kafka: build it with --features kafka";
        assert_eq!(reasons.iter().any(|reason| reason == built_without), cfg!(not(feature = "kafka")), "{reasons:?}");
        assert!(reasons.contains(&"events.kafka: \"kafka-2\" is not host:port".to_owned()), "{reasons:?}");
        assert!(!reasons.iter().any(|reason| reason.contains("kafka-1")), "{reasons:?}");
    }

    #[test]
    fn redis_nodes_are_addresses_and_their_passwords_are_not_shown() {
        let mut config = Config::default();
        config.redis.nodes = vec!["redis://:s3cret@cache-1:6379".into(), "redis://cache-2".into()];
        assert_eq!(keys(&config), Vec::<String>::new());
        assert!(!format!("{:?}", config.redacted()).contains("s3cret"));
        for node in ["cache-1:6379", "rediss://cache-1", "redis://", "redis://:s3cret@cache-1:x"] {
            config.redis.nodes = vec![node.into()];
            assert_eq!(keys(&config), ["redis.nodes"], "{node}");
            assert!(!config.check()[0].reason.contains("s3cret"), "{}", config.check()[0]);
        }
        config.redis = RedisConfig { nodes: Vec::new(), installation: "a:b".into() };
        assert_eq!(keys(&config), ["redis.installation"]);
    }

    #[test]
    fn unknown_roles_are_named() {
        let mut config = Config::default();
        config.internal.ports.insert("catalogue".into(), 1);
        assert_eq!(keys(&config), ["internal.ports.catalogue"]);
    }
}
