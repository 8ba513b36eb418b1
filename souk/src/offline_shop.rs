//! Offline shop, for a command: its database, running or not, and the services on it, in this process. No listeners and no
//! background work, so a command and a running shop do not get in each other's way.

use std::any::Any;
use std::sync::Arc;

use souk_postgres::Managed;
use souk_runtime::Tasks;

use crate::clients::Clients;
use crate::config::Config;
use crate::identities::Identities;
use crate::keys::Keys;
use crate::modules;
use crate::registry::{Installation, Registry};
use crate::stores::{Stores, running_url};

/// An index in OpenSearch belongs to no process: the one that looks after it may do so from anywhere.
const SEARCH_WORKER: &str = "search-worker";
/// How long a command's own tasks may take to end.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// An opened shop.
pub struct OfflineShop {
    /// Its services.
    pub clients: Clients,
    registry: Registry,
    stores: Stores,
    tasks: Tasks,
}

/// An opened database.
pub struct Database {
    stores: Stores,
}

impl Database {
    /// How to connect.
    pub fn url(&self) -> &str {
        self.stores.url()
    }

    /// Leaves it as it was found.
    pub async fn close(self) -> anyhow::Result<()> {
        self.stores.close().await
    }
}

impl OfflineShop {
    /// The shop of `config`: of a running process when there is one, else its database is started for as long as needed.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        Self::with(config, &services()).await
    }

    /// The same, with the index in OpenSearch.
    pub async fn with_search(config: &Config) -> anyhow::Result<Self> {
        Self::with(config, &[services(), vec![SEARCH_WORKER]].concat()).await
    }

    async fn with(config: &Config, roles: &[&'static str]) -> anyhow::Result<Self> {
        let config = attach(config).await?;
        let found = Keys::find(&config.data_dir)?;
        let mut stores = Stores::open(&config, true, roles).await?;
        let keys = match stores.first().await? {
            Some(db) => Keys::settled(found, &config.data_dir, &db).await?,
            None => Keys::load(&config.data_dir)?,
        };
        let tasks = Tasks::new();
        let installation = Installation { config: &config, keys: &keys, identities: &Identities::none() };
        // What is changed here reaches Redis by the events, which the shop's processes follow.
        let registry = Registry::build(&installation.environment(roles, &tasks, None), &mut stores).await?;
        let clients = Clients::of("offline", &installation, registry.clients())?;
        Ok(Self { clients, registry, stores, tasks })
    }

    /// A service itself, for what is in no contract; none when it does not run offline.
    pub fn service<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.registry.service()
    }

    /// Only the database of `config`, as it is.
    pub async fn database(config: &Config) -> anyhow::Result<Database> {
        let config = attach(config).await?;
        Ok(Database { stores: Stores::connect(&config, &[]).await? })
    }

    /// Ends what was begun.
    pub async fn close(self) -> anyhow::Result<()> {
        drop((self.clients, self.registry));
        if let Err(hanging) = self.tasks.drain(PATIENCE).await {
            tracing::warn!(?hanging, "some tasks did not end");
        }
        self.stores.close().await
    }
}

/// The services that a command may run beside a running shop.
fn services() -> Vec<&'static str> {
    let modules = modules::all().iter().filter(|module| module.offline && module.migrations.is_some());
    modules.filter_map(|module| Some(module.api()?.name)).collect()
}

/// A shop that runs on the data directory now lends its database. One that is not there is not made: most likely the
/// directory's name is mistyped.
async fn attach(config: &Config) -> anyhow::Result<Config> {
    let mut config = config.clone();
    if config.database.url.is_none() {
        config.database.url = running_url(&config.data_dir).await?;
        anyhow::ensure!(
            config.database.url.is_some() || Managed::exists(&config.data_dir),
            "there is no shop in {}: correct --data-dir (or --database-url); `souk up` makes a new one",
            config.data_dir.display()
        );
    }
    Ok(config)
}
