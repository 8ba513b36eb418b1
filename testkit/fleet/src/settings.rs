//! The configuration files of a fleet: one for each process, complete, so that each can be read and run by hand.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use souk_engines::{S3, free_port};

use crate::{Engines, Plan};

/// Connections of a process: a reserve of 12, and one service that reads and writes with a few at once.
const CONNECTIONS: usize = 30;

/// Connections of a process with all roles: as many as by default.
const TOGETHER_CONNECTIONS: usize = 180;

/// Ports of all instances of all roles.
pub(crate) struct Ports(BTreeMap<String, Vec<u16>>);

impl Ports {
    pub(crate) fn choose(roles: &[String], instances: usize) -> Self {
        let of = |role: &String| (role.clone(), (0..instances).map(|_| free_port()).collect());
        Self(roles.iter().map(of).collect())
    }

    /// Port of an instance; the first is 1.
    pub(crate) fn of(&self, role: &str, instance: usize) -> u16 {
        self.0[role][instance - 1]
    }
}

/// What all processes of a fleet have in common.
pub(crate) struct Common<'a> {
    pub(crate) engines: &'a Engines,
    pub(crate) ports: &'a Ports,
    /// Where certificates and data lie.
    pub(crate) dir: &'a Path,
    /// The port of the sandbox provider.
    pub(crate) provider: u16,
    /// What buyers see.
    pub(crate) url: &'a str,
    pub(crate) plan: &'a Plan,
}

impl Common<'_> {
    /// The file of a tool that works on the shop as a whole.
    pub(crate) fn tool(&self) -> String {
        // Nine schemas.
        self.text(None, 12 + 9 * 8)
    }

    /// The file of instance `instance` of `role`.
    pub(crate) fn of(&self, role: &str, instance: usize, operations: u16) -> String {
        let connections = if self.plan.together { TOGETHER_CONNECTIONS } else { CONNECTIONS };
        self.text(Some((role, self.ports.of(role, instance), operations)), connections)
    }

    fn text(&self, role: Option<(&str, u16, u16)>, connections: usize) -> String {
        let (engines, dir, plan) = (self.engines, self.dir.display(), self.plan);
        let mut text = format!("data_dir = \"{dir}/data\"\n\n[public]\ncache_mib = {}\n", plan.cache_mib);
        line(&mut text, "url", self.url);
        line(&mut text, "listen", &plan.listen.to_string());
        // The gateways share it.
        text.push_str("reuse_port = true\n");
        if !plan.throttled {
            text.push_str("\n[public.throttle]\nname = \"off\"\n");
            for rule in ["address", "search", "checkout", "login", "register", "coupon", "coupon_address"] {
                text.push_str(&format!("{rule} = {{ count = 1000000, per_seconds = 1, burst = 1000000 }}\n"));
            }
        }
        text.push_str(&format!("\n[internal]\ndrain_seconds = {}\n", plan.drain_seconds));
        if let Some((role, port, operations)) = role {
            line(&mut text, "operations", &format!("127.0.0.1:{operations}"));
            if !plan.together {
                text.push_str(&format!("\n[internal.ports]\n{role} = {port}\n"));
            }
        }
        text.push_str(&format!("\n[internal.tls]\ndir = \"{dir}/pki\"\n"));
        if !plan.together {
            text.push_str("\n[internal.addresses]\n");
            for (role, ports) in &self.ports.0 {
                list(&mut text, role, ports.iter().map(|port| format!("127.0.0.1:{port}")));
            }
        }
        text.push_str("\n[database]\n");
        line(&mut text, "url", &engines.postgres.url(&[0, 1, 2]));
        list(&mut text, "replicas", [engines.postgres.url(&[1]), engines.postgres.url(&[2])]);
        text.push_str(&format!("login = \"per-service\"\nconnections = {connections}\n"));
        if let Some(kafka) = &engines.kafka {
            text.push_str("\n[events]\n");
            list(&mut text, "kafka", [kafka.address()]);
        }
        if let Some(redis) = &engines.redis {
            text.push_str("\n[redis]\n");
            list(&mut text, "nodes", redis.urls());
        }
        if let Some(opensearch) = &engines.opensearch {
            text.push_str("\n[search]\n");
            list(&mut text, "opensearch", [opensearch.url()]);
        }
        if let Some(s3) = &engines.s3 {
            text.push_str("\n[media]\n");
            line(&mut text, "store", &format!("s3://{}", s3.bucket()));
            line(&mut text, "endpoint", &s3.url());
            line(&mut text, "region", S3::REGION);
            line(&mut text, "account", S3::ACCESS_KEY);
            line(&mut text, "secret", S3::SECRET_KEY);
        }
        text.push_str(&format!(
            "\n[mail.smtp]\nhost = \"127.0.0.1\"\nport = {}\n\n[payment]\nsandbox_url = \"http://127.0.0.1:{}\"\n",
            engines.smtp.port(),
            self.provider
        ));
        text.push_str(&plan.settings);
        text
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "{key} = {value:?}");
}

fn list(text: &mut String, key: &str, values: impl IntoIterator<Item = String>) {
    let values: Vec<String> = values.into_iter().map(|value| format!("{value:?}")).collect();
    let _ = writeln!(text, "{key} = [{}]", values.join(", "));
}
