//! Dependency injection for modules: everything a service is given, by type or by name, from the process that runs it.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use souk_db::Db;
use souk_kernel::{Clock, Currency, Ids, Secret, ShopTime};
use souk_objects::Objects;
use souk_redis::Redis;
use souk_rpc::{Channel, Client};
use souk_runtime::Tasks;
use souk_web::Cdn;

use crate::{ModuleSpec, Role};

/// Why a service could not be made, in words for an operator.
pub type BuildError = Box<dyn std::error::Error + Send + Sync>;

/// What a process knows and its modules ask for.
pub trait Host: Send + Sync {
    /// How `caller`, a role of this process, reaches `callee`, which is not.
    ///
    /// # Errors
    /// The caller cannot show who it is.
    fn channel(&self, caller: &str, callee: &'static str) -> Result<Channel, BuildError>;
    /// The installation's key for `purpose`, a text that no other key is derived from.
    fn key(&self, purpose: &str) -> Secret<[u8; 32]>;
    /// A section of the configuration, defaults included; none when there is no such section.
    fn settings(&self, section: &str) -> Option<Value>;
    /// Where pictures and assets are.
    ///
    /// # Errors
    /// The storage is not configured right.
    fn objects(&self) -> Result<Objects, BuildError>;
}

/// The shop, as buyers see it.
#[derive(Clone, Debug)]
pub struct Shop {
    /// Its name.
    pub name: String,
    /// `https://shop.example.org`, without a slash at its end.
    pub public_url: String,
    /// All prices are in it.
    pub currency: Currency,
    /// ISO 3166-1 alpha-2: whose taxes apply before an address is known.
    pub country: String,
    /// Prices include tax.
    pub prices_include_tax: bool,
    /// The time that pages, mails and lists name.
    pub time: ShopTime,
    /// Where browsers get pictures and assets.
    pub cdn: Cdn,
}

/// What all modules of a process have in common.
pub struct Environment<'p> {
    /// Names of the roles of this process.
    pub roles: &'p [&'static str],
    /// Where background work runs.
    pub tasks: &'p Tasks,
    /// The time.
    pub clock: Clock,
    /// Where ids come from.
    pub ids: Ids,
    /// The shop.
    pub shop: Shop,
    /// A directory of this machine; what is in it survives a restart, and no other machine sees it.
    pub data_dir: PathBuf,
    /// The shared caches, if there are any.
    pub redis: Option<Redis>,
    /// The rest.
    pub host: &'p dyn Host,
}

/// Clients of the services of this process, by role.
#[derive(Clone, Default)]
pub struct LocalClients(BTreeMap<&'static str, Arc<dyn Any + Send + Sync>>);

impl LocalClients {
    /// Adds the client of the service that answers as `role`.
    pub fn add(&mut self, role: &'static str, client: Arc<dyn Any + Send + Sync>) {
        self.0.insert(role, client);
    }

    /// The client `C`, when its service is here.
    pub fn get<C: Client>(&self) -> Option<C> {
        self.0.get(C::ROLE)?.downcast_ref::<C>().cloned()
    }
}

/// What one service is made from.
pub struct BuildContext<'p> {
    /// The service.
    pub spec: &'static ModuleSpec,
    /// The role as which it runs here, and calls others.
    pub role: &'static Role,
    environment: &'p Environment<'p>,
    db: Option<Db>,
    clients: &'p LocalClients,
}

impl<'p> BuildContext<'p> {
    /// For `spec`, which runs as `role`, with connections to its schema if it has one; `clients` are of the services that were
    /// made before.
    pub fn new(
        spec: &'static ModuleSpec,
        role: &'static Role,
        environment: &'p Environment<'p>,
        db: Option<Db>,
        clients: &'p LocalClients,
    ) -> Self {
        Self { spec, role, environment, db, clients }
    }

    /// Connections to its schema.
    ///
    /// # Errors
    /// It has none.
    pub fn db(&self) -> Result<Db, BuildError> {
        self.db.clone().ok_or_else(|| format!("module {} has no migrations, and so no database", self.spec.name).into())
    }

    /// The client `C`: of a service in this process, or of one elsewhere, as it stands.
    ///
    /// # Errors
    /// The service's spec does not say that it calls that one, or cannot show who it is.
    pub fn client<C: Client>(&self) -> Result<C, BuildError> {
        if !self.spec.calls.contains(&C::ROLE) {
            return Err(format!("module {} calls {}, which its spec does not say", self.spec.name, C::ROLE).into());
        }
        match self.clients.get::<C>() {
            Some(local) => Ok(local),
            None => Ok(self.environment.host.channel(self.role.name, C::ROLE)?.into()),
        }
    }

    /// A section of the configuration as `T`, which takes from it what it knows. The settings of a new service are in
    /// `[modules.<name>]`; without that table `T`'s defaults apply.
    ///
    /// # Errors
    /// It is no `T`.
    pub fn settings<T: DeserializeOwned>(&self, section: &str) -> Result<T, BuildError> {
        let value = self.environment.host.settings(section).unwrap_or_else(|| Value::Object(Map::new()));
        serde_json::from_value(value).map_err(|error| format!("{section}: {error}").into())
    }

    /// The installation's key for `purpose`, a text that no other key is derived from: the same for all processes.
    pub fn key(&self, purpose: &str) -> Secret<[u8; 32]> {
        self.environment.host.key(purpose)
    }

    /// Where pictures and assets are.
    ///
    /// # Errors
    /// The storage is not configured right.
    pub fn objects(&self) -> Result<Objects, BuildError> {
        self.environment.host.objects()
    }

    /// True when `role` runs in this process.
    pub fn runs(&self, role: &str) -> bool {
        self.environment.roles.contains(&role)
    }

    /// Where background work runs.
    pub fn tasks(&self) -> Tasks {
        self.environment.tasks.clone()
    }

    /// The time.
    pub fn clock(&self) -> Clock {
        self.environment.clock.clone()
    }

    /// Where ids come from.
    pub fn ids(&self) -> Ids {
        self.environment.ids.clone()
    }

    /// The shop, as buyers see it.
    pub fn shop(&self) -> &Shop {
        &self.environment.shop
    }

    /// A directory of this machine that survives a restart.
    pub fn data_dir(&self) -> &std::path::Path {
        &self.environment.data_dir
    }

    /// The shared caches, if there are any.
    pub fn redis(&self) -> Option<Redis> {
        self.environment.redis.clone()
    }
}
