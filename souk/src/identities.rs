//! TLS identities of this process: one certificate for each of its roles, none when roles speak plain HTTP on loopback.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use souk_rpc::ActorKey;
use souk_rpc_http::{Admission, HttpTransport, Remote};
use souk_runtime::Tasks;
use souk_tls::{Identity, Reload, TrustDomain};

use crate::config::Config;
use crate::modules::callers_of;

/// Certificates by role; `None` is plain HTTP.
pub struct Identities(Option<BTreeMap<&'static str, Identity>>);

impl Identities {
    /// For a process that calls no other, such as an offline shop.
    pub fn none() -> Self {
        Self(None)
    }

    /// Those of `roles`, as `config` says.
    pub fn load(config: &Config, roles: &[&'static str]) -> anyhow::Result<Self> {
        let Some(tls) = &config.internal.tls else { return Ok(Self(None)) };
        let domain = TrustDomain::parse(&tls.trust_domain)?;
        let load = |role: &&'static str| {
            let identity = Identity::load(&tls.dir, &domain, role);
            identity.map(|identity| (*role, identity)).with_context(|| format!("the certificate of role {role}"))
        };
        Ok(Self(Some(roles.iter().map(load).collect::<anyhow::Result<_>>()?)))
    }

    /// The certificate of `role`, when roles speak TLS.
    pub fn of(&self, role: &str) -> Option<&Identity> {
        self.0.as_ref()?.get(role)
    }

    /// The way of `caller` to `remote`. Never plain HTTP when roles speak TLS.
    pub fn transport(&self, caller: &str, remote: Remote, key: ActorKey) -> anyhow::Result<HttpTransport> {
        if self.0.is_none() {
            return Ok(HttpTransport::plain(remote, key));
        }
        let identity = self.of(caller);
        let identity = identity.with_context(|| format!("role {caller} has no certificate in this process"))?;
        Ok(HttpTransport::tls(remote, key, identity.clone()))
    }

    /// What stands before the contract of `callee`.
    pub fn admission(&self, callee: &'static str, key: ActorKey) -> Admission {
        match self.0 {
            Some(_) => Admission::by_certificate(key, callers_of(callee)),
            None => Admission::by_signature(key),
        }
    }

    /// Reads all of them, and `others`, again whenever their files change.
    pub fn watch(&self, tasks: &Tasks, others: Vec<Arc<dyn Reload>>) {
        let own = self.0.iter().flatten().map(|(_, identity)| Arc::new(identity.clone()) as Arc<dyn Reload>);
        souk_tls::watch(tasks, own.chain(others).collect());
    }
}
