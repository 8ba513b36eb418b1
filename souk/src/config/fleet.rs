//! Validation of a fleet's configuration: addresses that no role can call, ports that two roles share, roles without what
//! they live on. What cannot work is a complaint; what works, and is hardly meant, is a warning.

use std::collections::BTreeMap;

use souk_db::PoolSizes;
use souk_gateway::is_network;

use super::{Complaint, Config, is_loopback};
use crate::modules;

impl Config {
    /// What cannot work whatever the roles of the process are.
    pub(super) fn check_fleet(&self, wrong: &mut impl FnMut(&str, String)) {
        for (role, port) in &self.internal.ports {
            if *port == 0 {
                wrong(&format!("internal.ports.{role}"), "must be 1 to 65535: others call it there".into());
            }
        }
        if self.internal.operations == Some(self.public.listen) && self.public.listen.port() != 0 {
            wrong("internal.operations", format!("{} is public.listen, too", self.public.listen));
        }
        // Where addresses are given, the roles may be on machines of their own.
        let mut taken: BTreeMap<u16, &str> = BTreeMap::new();
        let here = |role: &str| listens(role) && !self.internal.addresses.contains_key(role);
        for role in modules::roles().map(|role| role.name).filter(|role| here(role)) {
            if let Some(other) = taken.insert(self.port(role), role) {
                let key = if self.internal.ports.contains_key(role) { role } else { other };
                let reason =
                    format!("{other} and {role} have the same port and no internal.addresses that tell them apart");
                wrong(&format!("internal.ports.{key}"), reason);
            }
        }
        for proxy in self.public.trusted_proxies.iter().filter(|proxy| !is_network(proxy)) {
            wrong("public.trusted_proxies", format!("{proxy:?} is neither an address nor a network (10.0.0.0/8)"));
        }
        for proxy in self.public.trusted_proxies.iter().filter(|proxy| proxy.ends_with("/0") && is_network(proxy)) {
            let reason = format!("{proxy:?} is everybody: any visitor could claim any address; name your own proxies");
            wrong("public.trusted_proxies", reason);
        }
        for (key, address) in [("mail.from", Some(&self.mail.from)), ("mail.reply_to", self.mail.reply_to.as_ref())] {
            if let Some(Err(reason)) = address.map(|address| souk_notification::check_sender(address)) {
                wrong(key, reason);
            }
        }
        if let Some(smtp) = &self.mail.smtp {
            smtp.check(&mut |key, reason| wrong(&format!("mail.smtp.{key}"), reason));
        }
        if let Some(url) = &self.payment.sandbox_url
            && !["http://", "https://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme))
        {
            wrong("payment.sandbox_url", format!("{url:?} is not an http address"));
        }
    }

    /// What cannot work in a process of these roles, on top of [`Config::check`]. `own_sandbox`: it brings a payment
    /// provider when none is configured.
    pub fn check_roles(&self, roles: &[&str], own_sandbox: bool) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut wrong = |key: &str, reason: String| complaints.push(Complaint { key: key.into(), reason });
        let pays = roles.iter().find(|role| ["payment", "payment-worker"].contains(*role));
        if let (Some(role), None, false) = (pays, &self.payment.sandbox_url, own_sandbox) {
            wrong("payment.sandbox_url", format!("role {role} has no provider to take payments with"));
        }
        let mut schemas: Vec<_> = roles.iter().filter_map(|role| modules::schema_of(role)).collect();
        schemas.sort_unstable();
        schemas.dedup();
        let replicas = self.database.reads_replicas();
        if let Err(error) = PoolSizes::from_budget(self.database.connections, schemas.len().max(1), replicas) {
            wrong("database.connections", error.to_string());
        }
        let whole = modules::are_all(roles);
        let operations = self.operations(roles);
        let gateway = roles.contains(&"gateway");
        if gateway && operations == self.public.listen && self.internal.operations.is_none() && operations.port() != 0 {
            wrong("public.listen", format!("{operations} is where this process shows what operators ask"));
        }
        let mut taken: BTreeMap<u16, &str> = BTreeMap::new();
        for role in roles.iter().filter(|role| !whole && listens(role)) {
            let port = self.port(role);
            if let Some(other) = taken.insert(port, role) {
                wrong(
                    &format!("internal.ports.{role}"),
                    format!("{port} is {other}'s, which runs in the same process"),
                );
            }
            if operations.port() == port {
                wrong("internal.operations", format!("{port} is the port of role {role}"));
            }
        }
        complaints
    }

    /// What works and is hardly meant, for a process of these roles that shares a shop with others.
    pub fn warnings(&self, roles: &[&str]) -> Vec<Complaint> {
        let mut warnings = Vec::new();
        let mut odd = |key: &str, reason: &str| warnings.push(Complaint { key: key.into(), reason: reason.into() });
        let has = |role: &str| roles.contains(&role);
        if has("search-worker") && !has("search") && self.search.opensearch.is_empty() {
            odd("search.opensearch", "role search-worker has nothing to do: each search process keeps its own index");
        }
        if has("notification-worker") && self.mail.smtp.is_none() {
            odd(
                "mail.smtp",
                "role notification-worker sends nothing: mails become files in this machine's data directory",
            );
        }
        let elsewhere = self.internal.addresses.values().flatten().any(|address| !is_loopback(address));
        let beyond = elsewhere || !self.internal.host.is_loopback();
        if beyond && std::env::var_os("SOUK_MASTER_KEY").is_none() {
            odd(
                "data_dir",
                "processes on other machines must have the same master key: set SOUK_MASTER_KEY, or give all the same master.key",
            );
        }
        warnings
    }
}

/// True when a role answers others on a port of its own.
fn listens(role: &str) -> bool {
    role != "gateway" && !role.ends_with("-worker")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::network::is_host_and_port;
    use crate::config::tests::keys;
    use crate::config::{InternalTls, Smtp, TRUST_DOMAIN};

    fn of(complaints: Vec<Complaint>) -> Vec<String> {
        complaints.into_iter().map(|complaint| complaint.key).collect()
    }

    #[test]
    fn addresses_are_host_and_port() {
        for fine in ["cart:7114", "cart-0.cart.shop.svc:7114", "10.0.0.1:1", "[::1]:65535"] {
            assert!(is_host_and_port(fine), "{fine}");
        }
        for wrong in
            ["cart", "cart:", ":7114", "cart:0", "cart:65536", "http://cart:7114", "cart:7114/x", "::1:7114", "a b:1"]
        {
            assert!(!is_host_and_port(wrong), "{wrong}");
        }
    }

    #[test]
    fn roles_have_ports_of_their_own() {
        let mut config = Config::default();
        config.internal.ports.insert("cart".into(), 0);
        assert_eq!(keys(&config), ["internal.ports.cart"]);
        config.internal.ports.insert("cart".into(), 7115);
        assert_eq!(keys(&config), ["internal.ports.cart"], "order's");
        assert_eq!(of(config.check_roles(&["cart", "order"], false)), ["internal.ports.order"]);
        assert_eq!(of(config.check_roles(&["cart"], false)), Vec::<String>::new());
        config.internal.addresses.insert("cart".into(), vec!["127.0.0.1:7115".into(), "127.0.0.1:7215".into()]);
        assert_eq!(keys(&config), Vec::<String>::new(), "who has addresses may be anywhere");
        // A worker answers no calls.
        config.internal.ports.insert("cart-worker".into(), 7116);
        assert_eq!(keys(&config), Vec::<String>::new());
        config.internal.operations = Some(([127, 0, 0, 1], 7116).into());
        assert_eq!(of(config.check_roles(&["payment-worker", "payment"], true)), ["internal.operations"]);
        config.internal.operations = Some(config.public.listen);
        assert_eq!(keys(&config), ["internal.operations"]);
    }

    #[test]
    fn roles_have_what_they_live_on() {
        let mut config = Config::default();
        assert_eq!(of(config.check_roles(&["payment-worker"], false)), ["payment.sandbox_url"]);
        assert_eq!(of(config.check_roles(&["payment"], true)), Vec::<String>::new());
        config.payment.sandbox_url = Some("127.0.0.1:4242".into());
        config.mail.smtp = Some(Smtp::plain("mail", 0));
        assert_eq!(keys(&config), ["mail.smtp.port", "payment.sandbox_url"]);
        config.payment.sandbox_url = Some("http://127.0.0.1:4242".into());
        assert_eq!(of(config.check_roles(&["payment"], false)), Vec::<String>::new());
        config.database.connections = 20;
        assert_eq!(of(config.check_roles(&["order", "cart", "pricing"], false)), ["database.connections"]);
        assert_eq!(of(config.check_roles(&["order", "order-worker"], false)), Vec::<String>::new());
    }

    #[test]
    fn proxies_and_senders_are_addresses() {
        let mut config = Config::default();
        config.public.trusted_proxies = vec!["10.0.0.0/8".into(), "::1".into()];
        config.mail.from = "shop@example.org".into();
        assert_eq!(keys(&config), Vec::<String>::new());
        for everybody in ["0.0.0.0/0", "::/0", "10.0.0.1/0"] {
            config.public.trusted_proxies = vec!["10.0.0.0/8".into(), everybody.into()];
            assert_eq!(keys(&config), ["public.trusted_proxies"], "{everybody}");
        }
        config.public.trusted_proxies = vec!["10.0.0.0/33".into(), "proxy".into()];
        config.mail.from = "shop".into();
        config.mail.reply_to = Some("a\u{200b}b@example.org".into());
        let wrong = ["public.trusted_proxies", "public.trusted_proxies", "mail.from", "mail.reply_to"];
        assert_eq!(keys(&config), wrong);
    }

    #[test]
    fn what_is_hardly_meant_is_a_warning() {
        let mut config = Config::default();
        assert_eq!(of(config.warnings(&["search", "search-worker"])), Vec::<String>::new());
        assert_eq!(of(config.warnings(&["search-worker", "notification-worker"])), ["search.opensearch", "mail.smtp"]);
        config.search.opensearch = vec!["http://search:9200".into()];
        config.mail.smtp = Some(Smtp::plain("mail", 25));
        assert_eq!(of(config.warnings(&["search-worker", "notification-worker"])), Vec::<String>::new());
        config.internal.tls = Some(InternalTls { dir: "pki".into(), trust_domain: TRUST_DOMAIN.into() });
        config.internal.addresses.insert("cart".into(), vec!["cart.shop.svc:7114".into()]);
        assert_eq!(of(config.warnings(&["order"])), ["data_dir"]);
    }
}
