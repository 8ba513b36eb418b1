//! Configuration of listeners and certificates: what is public, what is between roles, and what is for operators.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Config, is_loopback};
use crate::modules;

/// As long as Kubernetes and load balancers take to hear that a process is not ready any more.
pub(super) const DRAIN_SECONDS: u64 = 5;
/// No service manager waits longer for a process to stop.
const MAX_DRAIN_SECONDS: u64 = 300;
/// Why nothing beyond loopback goes without certificates.
pub(super) const PLAIN: &str = "plain HTTP between roles is for loopback only: set internal.tls";
/// The operations page of a role, above its port.
const OPERATIONS_ABOVE: u16 = 1000;
/// The operations page of a whole shop.
const OPERATIONS_PORT: u16 = 8081;

/// The public certificate. The files are read again when they change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicTls {
    /// PEM, with its chain.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// How roles prove to each other who they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InternalTls {
    /// Folder of certificates and keys, as `souk pki init` or cert-manager makes it; read again when they change.
    pub dir: PathBuf,
    /// Whose roles they are: the first part of the URI in the certificates.
    #[serde(default = "default_trust_domain")]
    pub trust_domain: String,
}

/// The trust domain of installations that do not say.
pub const TRUST_DOMAIN: &str = "souk";

fn default_trust_domain() -> String {
    TRUST_DOMAIN.into()
}

impl Config {
    pub(super) fn check_public_tls(&self, wrong: &mut impl FnMut(&str, String)) {
        let Some(files) = self.public_files() else { return };
        if let Err(error) = souk_tls::PublicTls::load(files) {
            wrong("public.tls", error.to_string());
        }
        if self.public.url.as_ref().is_some_and(|url| url.starts_with("http://")) {
            wrong("public.url", "begins with http:// while public.tls is set".into());
        }
    }

    pub(super) fn check_internal(&self, wrong: &mut impl FnMut(&str, String)) {
        for (role, addresses) in &self.internal.addresses {
            if addresses.is_empty() {
                wrong(&format!("internal.addresses.{role}"), "must name at least one host:port".into());
            }
            for address in addresses {
                if !is_host_and_port(address) {
                    wrong(&format!("internal.addresses.{role}"), format!("{address:?} is not host:port"));
                }
            }
        }
        if self.internal.drain_seconds > MAX_DRAIN_SECONDS {
            wrong("internal.drain_seconds", format!("must be at most {MAX_DRAIN_SECONDS}"));
        }
        if let Some(tls) = &self.internal.tls {
            if !tls.dir.is_dir() {
                wrong(
                    "internal.tls.dir",
                    format!("there is no folder {}: `souk pki init` makes one", tls.dir.display()),
                );
            }
            if let Err(error) = souk_tls::TrustDomain::parse(&tls.trust_domain) {
                wrong("internal.tls.trust_domain", error.to_string());
            }
            return;
        }
        if !self.internal.host.is_loopback() {
            wrong("internal.host", format!("{}: {PLAIN}", self.internal.host));
        }
        for (role, addresses) in &self.internal.addresses {
            for address in addresses.iter().filter(|address| !is_loopback(address)) {
                wrong(&format!("internal.addresses.{role}"), format!("{address}: {PLAIN}"));
            }
        }
    }

    /// Where the public certificate lies, when there is one.
    pub fn public_files(&self) -> Option<souk_tls::Files> {
        let tls = self.public.tls.as_ref()?;
        Some(souk_tls::Files { certificate: tls.certificate.clone(), key: tls.key.clone(), authority: None })
    }

    /// Where the process that runs `roles` shows what operators ask.
    pub fn operations(&self, roles: &[&str]) -> SocketAddr {
        if let Some(given) = self.internal.operations {
            return given;
        }
        let first = modules::roles().find(|role| roles.contains(&role.name));
        match first {
            Some(role) if !modules::are_all(roles) => SocketAddr::new(self.internal.host, role.port + OPERATIONS_ABOVE),
            _ => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), OPERATIONS_PORT),
        }
    }
}

/// `host:port`, with a port that can be called; an IPv6 address stands in brackets.
pub(super) fn is_host_and_port(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let name = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let fine = match bracketed {
        true => host[1..host.len() - 1].parse::<std::net::Ipv6Addr>().is_ok(),
        false => !host.is_empty() && host.chars().all(name),
    };
    fine && port.parse::<u16>().is_ok_and(|port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::keys;

    #[test]
    fn plain_http_between_roles_ends_at_loopback() {
        let mut config = Config::default();
        let addresses = |list: &[&str]| list.iter().map(|address| (*address).to_owned()).collect::<Vec<_>>();
        config.internal.addresses.insert("cart".into(), addresses(&["127.0.0.1:1", "[::1]:2", "localhost:3"]));
        assert_eq!(keys(&config), Vec::<String>::new());
        config.internal.addresses.insert("order".into(), addresses(&["order.shop.svc:7115"]));
        config.internal.host = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        assert_eq!(keys(&config), ["internal.host", "internal.addresses.order"]);
        let reason = config.check().remove(0).to_string();
        assert!(reason.contains("0.0.0.0") && reason.contains("internal.tls"), "{reason}");
        let dir = tempfile::tempdir().unwrap();
        config.internal.tls = Some(InternalTls { dir: dir.path().into(), trust_domain: TRUST_DOMAIN.into() });
        assert_eq!(keys(&config), Vec::<String>::new());
        config.internal.tls = Some(InternalTls { dir: dir.path().join("no"), trust_domain: "No".into() });
        assert_eq!(keys(&config), ["internal.tls.dir", "internal.tls.trust_domain"]);
        config.internal.tls = None;
        config.internal.host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        config.internal.addresses.insert("order".into(), addresses(&["127.0.0.1"]));
        assert_eq!(keys(&config), ["internal.addresses.order"], "a port is missing");
    }

    #[test]
    fn a_public_certificate_means_https() {
        let dir = tempfile::tempdir().unwrap();
        let authority = souk_tls::Authority::new(souk_tls::Validity::around_now(1)).unwrap();
        let issued = authority.issue_host("localhost", souk_tls::Validity::around_now(1)).unwrap();
        issued.save(dir.path(), "shop", false).unwrap();
        let file = |name| dir.path().join(name);
        let mut config = Config::default();
        config.public.tls = Some(PublicTls { certificate: file("shop.pem"), key: file("shop.key") });
        assert_eq!(config.public_url(), "https://127.0.0.1:8080");
        assert_eq!(keys(&config), Vec::<String>::new());
        config.public.url = Some("http://127.0.0.1:8080".into());
        assert_eq!(keys(&config), ["public.url"]);
        config.public.url = None;
        config.public.tls = Some(PublicTls { certificate: file("shop.pem"), key: file("none.key") });
        assert!(config.check().remove(0).to_string().contains("none.key"));
    }

    #[test]
    fn every_process_on_a_machine_has_a_page_for_operators() {
        let config = Config::default();
        let all: Vec<_> = modules::roles().map(|role| role.name).collect();
        assert_eq!(config.operations(&all).port(), 8081);
        assert_eq!(config.operations(&["storefront", "gateway"]).port(), 8100);
        assert_eq!(config.operations(&["order", "order-worker"]).port(), 8115);
    }
}
