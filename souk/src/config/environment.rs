//! Configuration from environment variables: `SOUK_PUBLIC__LISTEN` is `public.listen`.
//!
//! The environment is not ours alone. Kubernetes puts `SOUK_ORDER_SERVICE_HOST` and `SOUK_ORDER_PORT=tcp://10.0.0.1:7115` into
//! every pod beside a service of the name `souk-order`, so a variable that is no setting is told of and passed over; one that
//! is a setting and has a wrong value is an error. The file is ours: there an unknown key stays an error.

use souk_db::MONITOR;
use toml::{Table, Value};

use super::layers::{self, Refusal};
use super::variable_value;
use crate::modules;

/// What is said of a variable that is no setting.
pub const UNKNOWN_VARIABLE: &str = "no setting of that name: passed over (`souk config print` shows all)";

const PREFIX: &str = "SOUK_";
/// Variables that others read: the command line, [`crate::keys`], the engines of tests; tests have those that begin with
/// `SOUK_TEST_`, too.
const NO_SETTINGS: &[&str] = &["log", "config", "database_url", "master_key", "engines"];

/// The variables of this process.
pub(super) struct Variables {
    settings: Vec<Setting>,
    /// Whole names of those that look like settings and are none.
    pub(super) unknown: Vec<String>,
}

struct Setting {
    name: String,
    /// `["public", "listen"]`.
    keys: Vec<String>,
    value: Value,
}

/// Sorts the variables of this process: does a setting of that name exist? `base` is right by itself.
pub(super) fn read(base: &Table) -> Variables {
    let text = std::ffi::OsStr::to_string_lossy;
    let of_process = std::env::vars_os();
    sort(base, of_process.map(|(name, value)| (text(&name).into_owned(), text(&value).into_owned())))
}

fn sort(base: &Table, all: impl Iterator<Item = (String, String)>) -> Variables {
    let mut sorted = Variables { settings: Vec::new(), unknown: Vec::new() };
    let mut found: Vec<(String, String, String)> = all
        .filter_map(|(name, text)| Some((name.strip_prefix(PREFIX)?.to_ascii_lowercase(), name, text)))
        .filter(|(short, ..)| !NO_SETTINGS.contains(&short.as_str()) && !short.starts_with("test_"))
        .collect();
    found.sort_unstable();
    for (short, name, text) in found {
        let keys: Vec<&str> = short.split("__").collect();
        match setting(base, &keys, &text) {
            Some(value) => {
                let keys = keys.into_iter().map(str::to_owned).collect();
                sorted.settings.push(Setting { name, keys, value });
            }
            None => sorted.unknown.push(name),
        }
    }
    sorted
}

impl Variables {
    /// Puts the settings over `base`.
    pub(super) fn over(&self, mut base: Table) -> Table {
        for Setting { keys, value, .. } in &self.settings {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            layers::merge(&mut base, layers::nested(&keys, value.clone()));
        }
        base
    }

    /// The variable that sets what stands at `keys`, or a table or list that it stands in.
    pub(super) fn place_of(&self, keys: &[String]) -> Option<String> {
        let last = self.settings.iter().rev().find(|setting| keys.starts_with(&setting.keys));
        last.map(|setting| setting.name.clone())
    }

    /// The first variable that sets something in the table at `keys`.
    pub(super) fn place_within(&self, keys: &[String]) -> Option<String> {
        self.settings.iter().find(|setting| setting.keys.starts_with(keys)).map(|setting| setting.name.clone())
    }
}

/// The value of the setting at `keys`; none when the configuration has no place for it, whatever its value.
fn setting(base: &Table, keys: &[&str], text: &str) -> Option<Value> {
    // Tables whose keys are names of ours: any other would be taken for one.
    let named = match keys {
        ["internal", "ports" | "addresses", role] => modules::by_name(role).is_some(),
        ["database", "passwords", name] => *name == MONITOR || modules::schema_of(name) == Some(*name),
        ["modules", name, ..] => modules::all().iter().any(|module| module.name == *name),
        _ => true,
    };
    if !named {
        return None;
    }
    let refused = |value: &Value| -> Option<Refusal> {
        let mut with = base.clone();
        layers::merge(&mut with, layers::nested(keys, value.clone()));
        layers::extract(with).err()
    };
    let value = variable_value::parse(text);
    match refused(&value) {
        None => Some(value),
        Some(refusal) if refusal.is_of_unknown_key() => None,
        // A password of digits only is text where text is expected; what fits neither way is told of as it looks.
        Some(_) => {
            let text = Value::String(text.to_owned());
            Some(if refused(&text).is_none() { text } else { value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// Not through the environment, which this process shares with other tests.
    fn with(variables: &[(&str, &str)]) -> Variables {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        sort(&layers::defaults().unwrap(), owned)
    }

    fn is_setting(name: &str) -> bool {
        // The value does not matter for the name.
        with(&[(name, "tcp://10.0.0.1:80")]).unknown.is_empty()
    }

    fn loaded(variables: &[(&str, &str)]) -> Config {
        let refused = |refusal: Refusal| format!("{}: {}", refusal.key, refusal.reason);
        layers::extract(with(variables).over(layers::defaults().unwrap())).map_err(refused).unwrap()
    }

    #[test]
    fn values_come_as_the_settings_want_them() {
        let config = loaded(&[
            ("SOUK_PUBLIC__LISTEN", "[::1]:8443"),
            ("SOUK_PUBLIC__TRUSTED_PROXIES", "[10.0.0.0/8, \"::1\"]"),
            ("SOUK_PUBLIC__REUSE_PORT", "true"),
            ("SOUK_PUBLIC__THROTTLE__ADDRESS__BURST", "7"),
            ("SOUK_PUBLIC__CANARY", "[{role = catalog, addresses = [127.0.0.1:7911], percent = 0.5}]"),
            ("SOUK_MAIL__SMTP", "{host = mail, port = 25}"),
            ("SOUK_DATABASE__PASSWORDS__ORDER", "0123456789"),
            ("SOUK_SHOP__NAME", "1984"),
            ("SOUK_LOG__FILTER", "info,souk_gateway=debug"),
        ]);
        assert_eq!(config.public.listen.to_string(), "[::1]:8443");
        assert_eq!(config.public.trusted_proxies, ["10.0.0.0/8", "::1"]);
        assert!(config.public.reuse_port);
        let (default, address) = (Config::default().public.throttle.address, config.public.throttle.address);
        assert_eq!(address.map(|rate| rate.burst), Some(7));
        assert_eq!(address.map(|rate| rate.count), default.map(|rate| rate.count), "what is not named stays");
        assert_eq!((config.public.canary[0].role.as_str(), config.public.canary[0].percent), ("catalog", 0.5));
        assert_eq!(config.mail.smtp.map(|smtp| (smtp.host, smtp.port)), Some(("mail".into(), 25)));
        assert_eq!(config.database.passwords["order"].reveal(), "0123456789");
        assert_eq!((config.shop.name.as_str(), config.log.filter.as_str()), ("1984", "info,souk_gateway=debug"));
    }

    #[test]
    fn a_variable_is_the_place_of_what_stands_in_it() {
        let variables = with(&[("SOUK_PUBLIC__LISTEN", "nowhere"), ("SOUK_MAIL__SMTP", "{host = mail}")]);
        let place = |key: &str| variables.place_of(&key.split('.').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(place("public.listen").as_deref(), Some("SOUK_PUBLIC__LISTEN"));
        assert_eq!(place("mail.smtp.port").as_deref(), Some("SOUK_MAIL__SMTP"));
        assert_eq!((place("public"), place("mail.from")), (None, None));
    }

    #[test]
    fn what_kubernetes_puts_beside_services_of_our_names_is_no_setting() {
        for role in modules::roles() {
            let service = role.name.to_uppercase().replace('-', "_");
            for more in ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_7115_TCP_ADDR"] {
                assert!(!is_setting(&format!("SOUK_{service}_{more}")), "{service}_{more}");
            }
        }
        for section in ["PUBLIC", "DATABASE", "INTERNAL", "LOG", "REDIS", "SEARCH", "MEDIA", "MAIL", "EVENTS"] {
            assert!(!is_setting(&format!("SOUK_{section}_PORT")), "{section}");
            assert!(!is_setting(&format!("SOUK_{section}__X_SERVICE_HOST")), "{section}");
        }
        // A service named souk-internal--ports--cart.
        assert!(!is_setting("SOUK_INTERNAL__PORTS__CART_SERVICE_HOST"));
        assert!(!is_setting("SOUK_DATABASE__PASSWORDS__ORDER_PORT"));
    }

    #[test]
    fn settings_are_settings_whatever_their_value() {
        for name in ["SOUK_PUBLIC__LISTEN", "SOUK_DATA_DIR", "SOUK_MAIL__SMTP__HOST", "SOUK_INTERNAL__PORTS__CART"] {
            assert!(is_setting(name), "{name}");
        }
    }
}
