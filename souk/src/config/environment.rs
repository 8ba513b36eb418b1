//! Configuration from environment variables: `SOUK_PUBLIC__LISTEN` is `public.listen`.
//!
//! The environment is not ours alone. Kubernetes puts `SOUK_ORDER_SERVICE_HOST` and `SOUK_ORDER_PORT=tcp://10.0.0.1:7115` into
//! every pod beside a service of the name `souk-order`, so a variable that is no setting is told of and passed over; one that
//! is a setting and has a wrong value is an error. The file is ours: there an unknown key stays an error.

use figment::error::Kind;
use figment::providers::Env;
use figment::{Figment, Metadata};
use souk_db::MONITOR;

use super::Config;
use crate::modules;

/// What is said of a variable that is no setting.
pub const UNKNOWN_VARIABLE: &str = "no setting of that name: passed over (`souk config print` shows all)";

const PREFIX: &str = "SOUK_";
/// Variables that others read: the command line, [`crate::keys`], the engines of tests; tests have those that begin with
/// `SOUK_TEST_`, too.
const NO_SETTINGS: &[&str] = &["log", "config", "database_url", "master_key", "engines"];

/// The variables of this process.
pub(super) struct Sorted {
    /// Names after the prefix, in small letters.
    settings: Vec<String>,
    /// Whole names.
    pub(super) unknown: Vec<String>,
}

/// Sorts the variables: does a setting of that name exist? `base` is right by itself.
pub(super) fn sort(base: &Figment) -> Sorted {
    let mut sorted = Sorted { settings: Vec::new(), unknown: Vec::new() };
    let mut found: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter_map(|name| Some((name.strip_prefix(PREFIX)?.to_ascii_lowercase(), name)))
        .filter(|(short, _)| !NO_SETTINGS.contains(&short.as_str()) && !short.starts_with("test_"))
        .collect();
    found.sort_unstable();
    for (short, name) in found {
        if is_setting(base, &short) {
            sorted.settings.push(short);
        } else {
            sorted.unknown.push(name);
        }
    }
    sorted
}

/// `base` with the settings over it.
pub(super) fn over(base: Figment, sorted: &Sorted) -> Figment {
    base.merge(only(sorted.settings.clone()))
}

fn only(settings: Vec<String>) -> Env {
    let is_one = move |name: &figment::value::UncasedStr| settings.iter().any(|setting| name == setting.as_str());
    Env::prefixed(PREFIX).filter(is_one).split("__")
}

fn is_setting(base: &Figment, short: &str) -> bool {
    has_place(short, &base.clone().merge(only(vec![short.to_owned()])))
}

/// True when the configuration has a place for it, whatever its value. `with` holds it.
fn has_place(short: &str, with: &Figment) -> bool {
    let path: Vec<&str> = short.split("__").collect();
    // Tables whose keys are names of ours: any other would be taken for one.
    let named = match path[..] {
        ["internal", "ports" | "addresses", role] => modules::by_name(role).is_some(),
        ["database", "passwords", name] => name == MONITOR || modules::schema_of(name) == Some(name),
        ["modules", name, ..] => modules::all().iter().any(|module| module.name == name),
        _ => true,
    };
    if !named {
        return false;
    }
    match with.extract::<Config>() {
        Ok(_) => true,
        Err(errors) => !errors.into_iter().any(|error| matches!(error.kind, Kind::UnknownField(..))),
    }
}

/// True when a value comes from a variable.
pub(super) fn is_source(metadata: &Metadata) -> bool {
    metadata.name.contains("environment")
}

/// The variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

#[cfg(test)]
mod tests {
    use figment::providers::Serialized;

    use super::*;

    /// Not through the environment, which this process shares with other tests.
    fn sorted(name: &str) -> bool {
        let short = name.strip_prefix(PREFIX).unwrap().to_ascii_lowercase();
        // The value does not matter for the name.
        let key = short.replace("__", ".");
        has_place(&short, &Config::base(None).merge(Serialized::default(&key, "tcp://10.0.0.1:80")))
    }

    #[test]
    fn what_kubernetes_puts_beside_services_of_our_names_is_no_setting() {
        for role in modules::roles() {
            let service = role.name.to_uppercase().replace('-', "_");
            for more in ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_7115_TCP_ADDR"] {
                assert!(!sorted(&format!("SOUK_{service}_{more}")), "{service}_{more}");
            }
        }
        for section in ["PUBLIC", "DATABASE", "INTERNAL", "LOG", "REDIS", "SEARCH", "MEDIA", "MAIL", "EVENTS"] {
            assert!(!sorted(&format!("SOUK_{section}_PORT")), "{section}");
            assert!(!sorted(&format!("SOUK_{section}__X_SERVICE_HOST")), "{section}");
        }
        // A service named souk-internal--ports--cart.
        assert!(!sorted("SOUK_INTERNAL__PORTS__CART_SERVICE_HOST"));
        assert!(!sorted("SOUK_DATABASE__PASSWORDS__ORDER_PORT"));
    }

    #[test]
    fn settings_are_settings_whatever_their_value() {
        for name in ["SOUK_PUBLIC__LISTEN", "SOUK_DATA_DIR", "SOUK_MAIL__SMTP__HOST", "SOUK_INTERNAL__PORTS__CART"] {
            assert!(sorted(name), "{name}");
        }
    }
}
