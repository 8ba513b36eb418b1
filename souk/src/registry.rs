//! Composition root: makes the modules of a process, those that are called before those that call them. Which ones there are
//! and what they are made from it does not know; they say so themselves ([`ModuleSpec`]).

use std::any::Any;
use std::sync::Arc;

use anyhow::Context;
use serde_json::Value;
use souk_kernel::{Clock, Ids, Secret};
use souk_module::{BuildContext, BuildError, Environment, Host, LocalClients, Module, ModuleSpec, Shop};
use souk_objects::Objects;
use souk_redis::Redis;
use souk_rpc::Channel;
use souk_rpc_http::{HttpTransport, Remote};
use souk_runtime::{Readiness, Tasks};

use crate::config::Config;
use crate::identities::Identities;
use crate::keys::Keys;
use crate::modules;
use crate::stores::Stores;

/// What a process knows when it makes its modules.
pub struct Installation<'a> {
    pub config: &'a Config,
    pub keys: &'a Keys,
    /// Certificates of the roles of this process, when roles speak TLS.
    pub identities: &'a Identities,
}

impl Installation<'_> {
    /// How `caller`, a role of this process, reaches `callee`, which is not.
    pub fn transport(&self, caller: &str, callee: &'static str) -> anyhow::Result<HttpTransport> {
        self.transport_to(caller, callee, self.config.addresses(callee))
    }

    /// The same to those instances of `callee` that listen at `addresses`.
    pub fn transport_to(
        &self,
        caller: &str,
        callee: &'static str,
        addresses: Vec<String>,
    ) -> anyhow::Result<HttpTransport> {
        self.identities.transport(caller, Remote { role: callee, addresses }, self.keys.actor())
    }

    /// What the modules of `roles` have in common.
    pub fn environment<'e>(
        &'e self,
        roles: &'e [&'static str],
        tasks: &'e Tasks,
        redis: Option<Redis>,
    ) -> Environment<'e> {
        let shop = &self.config.shop;
        Environment {
            roles,
            tasks,
            clock: Clock::system(),
            ids: Ids::random(),
            shop: Shop {
                name: shop.name.clone(),
                public_url: self.config.public_url(),
                currency: shop.currency,
                country: shop.country.clone(),
                prices_include_tax: shop.prices_include_tax,
                time: shop.time_zone.clone(),
                cdn: self.config.media.cdn(),
            },
            data_dir: self.config.data_dir.clone(),
            redis,
            host: self,
        }
    }
}

impl Host for Installation<'_> {
    fn channel(&self, caller: &str, callee: &'static str) -> Result<Channel, BuildError> {
        Ok(self.transport(caller, callee)?.into())
    }

    fn key(&self, purpose: &str) -> Secret<[u8; 32]> {
        Secret::new(self.keys.derive(purpose))
    }

    fn settings(&self, section: &str) -> Option<Value> {
        // A service whose settings are older than `modules` has a section of its own.
        self.config.section(section)
    }

    fn objects(&self) -> Result<Objects, BuildError> {
        Ok(self.config.objects()?)
    }
}

/// The modules of this process.
pub struct Registry {
    modules: Vec<(&'static ModuleSpec, Module)>,
    clients: LocalClients,
}

impl Registry {
    /// Makes them. Nothing of theirs runs in the background yet.
    pub async fn build(environment: &Environment<'_>, stores: &mut Stores) -> anyhow::Result<Self> {
        let mut registry = Self { modules: Vec::new(), clients: LocalClients::default() };
        for role in modules::in_start_order(environment.roles)? {
            let Some(spec) = modules::module_of(role) else { continue };
            let (Some(build), Some(role)) = (spec.build, spec.runs_as(environment.roles)) else { continue };
            if registry.modules.iter().any(|(made, _)| made.name == spec.name) {
                continue;
            }
            let db = match spec.schema() {
                Some(schema) => Some(stores.of(schema).await?),
                None => None,
            };
            let context = BuildContext::new(spec, role, environment, db, &registry.clients);
            let module = build(&context).map_err(anyhow::Error::from_boxed);
            let module = module.with_context(|| format!("module {} cannot be made", spec.name))?;
            if let Some(client) = &module.client {
                registry.clients.add(spec.name, client.clone());
            }
            registry.modules.push((spec, module));
        }
        Ok(registry)
    }

    /// Clients of the services that are here.
    pub fn clients(&self) -> &LocalClients {
        &self.clients
    }

    /// What a new shop needs before its first request.
    pub async fn prepare(&self) -> anyhow::Result<()> {
        for prepare in self.modules.iter().filter_map(|(_, module)| module.prepare.as_ref()) {
            prepare().await?;
        }
        Ok(())
    }

    /// Lets those that serve later than now say when.
    pub fn announce(&mut self, readiness: &Readiness) {
        for announce in self.modules.iter_mut().filter_map(|(_, module)| module.announce.take()) {
            announce(readiness);
        }
    }

    /// The modules, to run and to serve what they are made of.
    pub fn modules_mut(&mut self) -> impl Iterator<Item = (&'static ModuleSpec, &mut Module)> {
        self.modules.iter_mut().map(|(spec, module)| (*spec, module))
    }

    /// A service itself, for what is in no contract.
    pub fn service<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.modules.iter().find_map(|(_, module)| module.service.clone()?.downcast::<T>().ok())
    }
}
