//! Configuration: defaults that run a shop, a TOML file over them, `SOUK_*` variables over that, flags over all.
//! `souk config print` shows the result, `souk config check` says what is wrong, with file and line or variable, key and reason.

mod edge;
mod environment;
mod fleet;
mod layers;
mod log;
mod media;
mod network;
mod redis;
mod sections;
mod telemetry;
mod variable_value;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use souk_kernel::without_password;
pub use souk_search::SearchSettings;
use toml::Table;

pub use self::environment::UNKNOWN_VARIABLE;
use self::environment::Variables;
use self::layers::{File, Refusal};
pub use self::media::Media;
pub use self::network::{InternalTls, PublicTls, TRUST_DOMAIN};
pub use self::redis::RedisConfig;
pub use self::sections::{Events, Internal, Log, Mail, Orders, Payment, Public, Shop, Smtp};
pub use self::telemetry::Telemetry;
pub use crate::database::{Database, DatabaseLogin, Pooler};
use crate::modules;

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
        let file = file.map(File::read).transpose()?;
        let base = Self::base(file.as_ref())?;
        // Alone first: what is wrong with the file is no variable's fault.
        layers::extract(base.clone()).map_err(|refusal| told(&refusal, file.as_ref(), None))?;
        let variables = environment::read(&base);
        let config = layers::extract(variables.over(base));
        let mut config = config.map_err(|refusal| told(&refusal, file.as_ref(), Some(&variables)))?;
        config.unknown = variables.unknown;
        Ok(config)
    }

    /// Defaults and file.
    fn base(file: Option<&File>) -> Result<Table, String> {
        let mut base = layers::defaults()?;
        if let Some(file) = file {
            layers::merge(&mut base, file.table()?);
        }
        Ok(base)
    }

    /// Where the value of `key` comes from, a line of the file or an environment variable; none for a default.
    pub fn origin(file: Option<&Path>, key: &str) -> Result<Option<String>, String> {
        let file = file.map(File::read).transpose()?;
        let variables = environment::read(&Self::base(file.as_ref())?);
        let keys: Vec<String> = key.split('.').map(str::to_owned).collect();
        Ok(place(&keys, file.as_ref(), Some(&variables)))
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
        if souk_address::country(&self.shop.country).is_none() {
            let instead = souk_address::instead_of(&self.shop.country).unwrap_or("a code such as DE");
            let reason = format!("{:?} is not a country code of ISO 3166-1: write {instead}", self.shop.country);
            wrong("shop.country", reason);
        }
        if self.public.cache_mib > 65_536 {
            wrong("public.cache_mib", "must be at most 65536".into());
        }
        if !self.events.kafka.is_empty() && cfg!(not(feature = "kafka")) {
            wrong("events.kafka", "this souk was built without Kafka: build it with --features kafka".into());
        }
        if !redis::is_prefix(&self.events.prefix) {
            wrong("events.prefix", redis::PREFIX.into());
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
        for (name, settings) in &self.modules {
            let module = modules::all().iter().find(|module| module.name == name);
            let checked = match module.map(|module| module.settings) {
                None => Err("there is no such module".to_owned()),
                Some(None) => {
                    Err("this module reads no settings here; `souk config print` shows the sections".to_owned())
                }
                Some(Some(check)) => check(settings),
            };
            if let Err(reason) = checked {
                wrong(&format!("modules.{name}"), reason);
            }
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
        shown.telemetry = shown.telemetry.redacted();
        if let Some(password) = shown.mail.smtp.as_mut().and_then(|smtp| smtp.password.as_mut()) {
            *password = "***".to_owned().into();
        }
        shown.search.opensearch.iter_mut().for_each(|url| *url = without_password(url));
        shown.modules.values_mut().for_each(redact);
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

/// An error of reading, with its place and key.
fn told(refusal: &Refusal, file: Option<&File>, variables: Option<&Variables>) -> String {
    let place = place(&refusal.keys, file, variables).map(|place| format!("{place}: ")).unwrap_or_default();
    format!("{place}{}: {}", refusal.key, refusal.reason)
}

/// Who set what stands at `keys`. What is missing in a table is told of who made the table.
fn place(keys: &[String], file: Option<&File>, variables: Option<&Variables>) -> Option<String> {
    let in_file = |length: usize| file?.place_of(&keys[..length]);
    let variable = variables.and_then(|variables| variables.place_of(keys));
    let within = || variables?.place_within(keys);
    variable.or_else(|| in_file(keys.len())).or_else(within).or_else(|| (1..keys.len()).rev().find_map(in_file))
}

/// Hides what may be secret in settings whose meaning is not known here: by their names, and passwords in addresses.
fn redact(settings: &mut Value) {
    match settings {
        Value::Object(fields) => {
            for (name, value) in fields {
                let secret =
                    ["password", "secret", "token", "key"].iter().any(|word| name.to_lowercase().contains(word));
                match value {
                    Value::String(text) if secret => *text = "***".into(),
                    value => redact(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::String(text) => *text = without_password(text),
        _ => {}
    }
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
    fn the_shop_is_in_a_country_that_there_is() {
        let mut config = Config::default();
        for (country, word) in [("UK", "write GB"), ("EL", "write GR"), ("ZZ", "such as DE"), ("de", "such as DE")] {
            config.shop.country = country.into();
            assert_eq!(keys(&config), ["shop.country"], "{country}");
            assert!(config.check()[0].reason.contains(word), "{country}");
        }
        config.shop.country = "KW".into();
        assert!(keys(&config).is_empty());
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
    fn settings_of_modules_are_checked_and_their_secrets_not_shown() {
        let mut config = Config::default();
        config.modules.insert("reviewz".into(), Value::Null);
        config
            .modules
            .insert("payment".into(), serde_json::json!({ "api_key": "s3cret", "url": "http://u:s3cret@psp" }));
        assert_eq!(keys(&config), ["modules.payment", "modules.reviewz"]);
        let shown = serde_json::to_string(&config.redacted()).unwrap();
        assert!(!shown.contains("s3cret") && shown.contains("http://u:***@psp"), "{shown}");
    }

    #[test]
    fn unknown_roles_are_named() {
        let mut config = Config::default();
        config.internal.ports.insert("catalogue".into(), 1);
        assert_eq!(keys(&config), ["internal.ports.catalogue"]);
    }
}
