//! Validation of the gateway's configuration beside its listener: connections, throttles, shedding, canaries.

use souk_gateway::CanaryConfig;

use super::network::{PLAIN, is_host_and_port};
use super::{Config, is_loopback};
use crate::modules;

/// More than one process can have descriptors for, as Linux is set up (`fs.nr_open`).
const MAX_CONNECTIONS: usize = 1_000_000;
const MAX_IDLE_SECONDS: u64 = 3_600;

impl Config {
    /// Says what the gateway could not work with, by key.
    pub(super) fn check_edge(&self, wrong: &mut impl FnMut(&str, String)) {
        let public = &self.public;
        let roles = modules::by_name("gateway").map(|gateway| gateway.calls).unwrap_or_default();
        let mut complaints = public.throttle.complaints();
        complaints.extend(public.shedding.complaints());
        complaints.extend(public.cors.complaints());
        complaints.extend(CanaryConfig::complaints(&public.canary, roles));
        for (key, reason) in complaints {
            wrong(&format!("public.{key}"), reason);
        }
        for canary in &public.canary {
            let key = format!("public.canary.{}.addresses", canary.role);
            for address in &canary.addresses {
                if !is_host_and_port(address) {
                    wrong(&key, format!("{address:?} is not host:port"));
                } else if self.internal.tls.is_none() && !is_loopback(address) {
                    wrong(&key, format!("{address}: {PLAIN}"));
                }
            }
        }
        if !(1..=MAX_CONNECTIONS).contains(&public.connections) {
            wrong("public.connections", format!("must be 1 to {MAX_CONNECTIONS}"));
        }
        if !(1..=MAX_IDLE_SECONDS).contains(&public.idle_seconds) {
            wrong("public.idle_seconds", format!("must be 1 to {MAX_IDLE_SECONDS}"));
        }
        if public.reuse_port && public.listen.port() == 0 {
            wrong("public.reuse_port", "needs a port in public.listen: with 0 every process gets another".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::keys;

    #[test]
    fn what_the_gateway_could_not_work_with_is_refused_by_key() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("souk.toml");
        let load = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Config::load(Some(&file))
        };
        let canary = "[[public.canary]]\nrole = \"catalog\"\naddresses = [\"127.0.0.1:7911\"]\n";
        let fine = format!(
            "[public.cors]\norigins = [\"https://app.example\"]\n[public.shedding]\nexplore_percent = 50\n{canary}percent = 0.5\nheader = \"souk-canary\"\n\
             [[public.throttle.routes]]\npath = \"/api/v1/carts/*\"\nmethods = [\"POST\"]\nby = \"owner\"\n\
             rate = {{ count = 60, per_seconds = 60, burst = 60 }}\n"
        );
        let config = load(&fine).unwrap();
        assert_eq!(keys(&config), Vec::<String>::new());
        assert_eq!((config.public.canary[0].percent, config.public.throttle.routes.len()), (0.5, 1));
        assert!(config.public.throttle.address.is_some(), "the other throttles stay");

        for (text, key) in [
            ("[public.shedding]\nexplore_percent = 0\n".to_owned(), "public.shedding.explore_percent"),
            ("[public.throttle]\nuser = { count = 0, per_seconds = 1, burst = 1 }\n".into(), "public.throttle.user"),
            (format!("{canary}percent = 101\n"), "public.canary.catalog.percent"),
            (canary.replace("catalog", "pricing"), "public.canary.pricing"),
            (canary.replace("127.0.0.1:7911", "127.0.0.1"), "public.canary.catalog.addresses"),
            (canary.replace("127.0.0.1", "catalog-new.shop.svc"), "public.canary.catalog.addresses"),
            ("[public.cors]\norigins = [\"https://app.example/\"]\n".into(), "public.cors.origins"),
            ("[public]\nconnections = 0\n".into(), "public.connections"),
            ("[public]\nidle_seconds = 0\n".into(), "public.idle_seconds"),
            ("[public]\nidle_seconds = 3601\n".into(), "public.idle_seconds"),
            ("[public]\nlisten = \"127.0.0.1:0\"\nreuse_port = true\n".into(), "public.reuse_port"),
        ] {
            let config = load(&text).unwrap();
            assert_eq!(keys(&config), [key], "{text}");
        }
        let unknown = load("[[public.canary]]\nrole = \"catalog\"\naddresses = []\nweight = 5\n").unwrap_err();
        assert!(unknown.contains("weight"), "{unknown}");
    }
}
