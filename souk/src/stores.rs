//! Database set-up of a process: found or started, migrated, and one handle per service.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use souk_db::{Db, DbConfig, Login, MONITOR, Migrations, PoolSizes, Rights, Servers, ServersConfig};
use souk_kernel::Secret;
use souk_postgres::{Health, Managed, ManagedOptions};
use tokio::sync::watch;

use crate::config::Config;
use crate::modules;

/// Tables of all modules, and of the installation itself.
pub fn all_migrations() -> Vec<&'static Migrations> {
    std::iter::once(&crate::keys::MIGRATIONS).chain(modules::migrations()).collect()
}

/// Brings the database at `url` up to date; returns what was applied.
pub async fn migrate(url: &str) -> anyhow::Result<Vec<String>> {
    migrate_with(url, &BTreeMap::new()).await
}

/// The same, with new passwords for the services' logins.
pub async fn migrate_with(url: &str, passwords: &BTreeMap<String, Secret<String>>) -> anyhow::Result<Vec<String>> {
    let passwords: Vec<_> = passwords.iter().map(|(schema, password)| (schema.as_str(), password)).collect();
    let rights = Rights { outboxes: &modules::outbox_grants(), shared: &[crate::keys::RIGHTS], passwords: &passwords };
    let applied = souk_db::migrate_with(url, &all_migrations(), rights).await?;
    Ok(applied.iter().map(|applied| format!("{}/{}", applied.schema, applied.name)).collect())
}

/// Where the data is.
pub struct Stores {
    url: String,
    /// Past a pooler, when there is one.
    direct_url: Option<String>,
    managed: Option<Managed>,
    /// Watched once for all services, when there are several.
    servers: Option<Servers>,
    schemas: Vec<&'static str>,
    sizes: PoolSizes,
    login: Login,
    passwords: BTreeMap<String, Secret<String>>,
    open: BTreeMap<&'static str, Db>,
}

impl Stores {
    /// The configured database, or a private one in the data directory; migrated when `may_migrate`, else it must be up
    /// to date.
    pub async fn open(config: &Config, may_migrate: bool, roles: &[&str]) -> anyhow::Result<Self> {
        let mut stores = Self::connect(config, roles).await?;
        stores.bring_up(may_migrate).await?;
        Ok(stores)
    }

    /// Migrates when it may; then all tables must be there. To be tried again when the database was not.
    pub async fn bring_up(&mut self, may_migrate: bool) -> anyhow::Result<()> {
        // At a given database where each service is itself, no login here may do what migrating takes.
        let is_itself = self.managed.is_none() && self.login == Login::PerService;
        if may_migrate && !is_itself {
            let applied = migrate(self.url()).await?;
            if let Some(managed) = self.managed.as_ref().filter(|_| !applied.is_empty()) {
                managed.checkpoint_soon();
            }
        }
        let pending = match is_itself {
            true => self.pending_of_own().await?,
            false => souk_db::pending(self.url(), &all_migrations()).await?.into_iter().next(),
        };
        if let Some((schema, name)) = pending {
            anyhow::bail!("the database lacks migration {schema}/{name}: run `souk migrate` first");
        }
        Ok(())
    }

    /// The first missing migration of this process's services, asked with their own logins.
    async fn pending_of_own(&mut self) -> anyhow::Result<Option<(&'static str, &'static str)>> {
        for schema in self.schemas.clone() {
            let Some(set) = all_migrations().into_iter().find(|set| set.schema == schema) else { continue };
            let db = self.of(schema).await?;
            let pending = db.pending(set).await.with_context(|| format!("logging in as souk_{schema}"))?;
            if let Some(name) = pending.first() {
                return Ok(Some((schema, name)));
            }
        }
        Ok(None)
    }

    /// The same as it is, migrated or not.
    pub async fn connect(config: &Config, roles: &[&str]) -> anyhow::Result<Self> {
        let (url, managed, replicas) = match &config.database.url {
            Some(url) => (url.clone(), None, config.database.replicas.clone()),
            None => {
                let options =
                    ManagedOptions { replicas: config.database.private_replicas, ..ManagedOptions::default() };
                let managed = Managed::start(&config.data_dir, options).await?;
                let replicas = managed.replica_urls();
                (managed.url(), Some(managed), replicas)
            }
        };
        let login = config.database.login();
        let passwords = config.database.all_passwords().map_err(anyhow::Error::msg)?;
        let watched_as = (managed.is_none() && login == Login::PerService).then(|| format!("souk_{MONITOR}"));
        // Behind a pooler no client can tell which server is asked; past it is where signals and migrations go.
        let direct_url = config.database.direct_url.clone();
        let servers = ServersConfig {
            url: url.clone(),
            replicas,
            max_lag: config.database.max_lag(),
            password: watched_as.as_ref().and_then(|_| passwords.get(MONITOR)).cloned(),
            user: watched_as,
        };
        let servers = if direct_url.is_none() { Servers::watch(&servers)? } else { None };
        let mut schemas: Vec<_> = roles.iter().filter_map(|role| modules::schema_of(role)).collect();
        schemas.sort_unstable();
        schemas.dedup();
        let replicas = config.database.reads_replicas();
        let sizes = PoolSizes::from_budget(config.database.connections, schemas.len().max(1), replicas)?;
        Ok(Self { url, direct_url, managed, servers, schemas, sizes, login, passwords, open: BTreeMap::new() })
    }

    /// The handle of one service.
    pub async fn of(&mut self, schema: &'static str) -> anyhow::Result<Db> {
        if let Some(db) = self.open.get(schema) {
            return Ok(db.clone());
        }
        let config = DbConfig::new(self.url.clone(), schema)
            .login(self.login)
            .password(self.passwords.get(schema).cloned())
            .servers(self.servers.clone())
            .pooled(self.direct_url.clone())
            .pools(self.sizes);
        let db = Db::connect(config).await.with_context(|| format!("database of {schema}"))?;
        self.open.insert(schema, db.clone());
        Ok(db)
    }

    /// The services that keep something here: a handle of the first, opened when none is.
    pub async fn first(&mut self) -> anyhow::Result<Option<Db>> {
        match self.schemas.first() {
            Some(schema) => Ok(Some(self.of(schema).await?)),
            None => Ok(None),
        }
    }

    /// Looks after a private database from now on; the receiver says how it does.
    pub fn supervise(&mut self) -> Option<watch::Receiver<Health>> {
        Some(self.managed.as_mut()?.supervise())
    }

    /// What the database is called in messages: `postgresql at host:port/database`, without its secrets.
    pub fn place(&self) -> String {
        let place = souk_db::location_of(&self.url, &[]).map(|(place, _)| place).unwrap_or_default();
        format!("postgresql at {place}")
    }

    /// A handle of any service here, when there is one.
    pub fn any(&self) -> Option<&Db> {
        self.open.values().next()
    }

    /// How to connect to the whole database, past a pooler: for tools and for the bench.
    pub fn url(&self) -> &str {
        self.direct_url.as_ref().unwrap_or(&self.url)
    }

    /// Stops a private database.
    pub async fn close(self) -> anyhow::Result<()> {
        drop(self.open);
        match self.managed {
            Some(managed) => Ok(managed.stop().await?),
            None => Ok(()),
        }
    }
}

/// The address of the private database of a shop that runs on `data_dir` now.
pub async fn running_url(data_dir: &Path) -> anyhow::Result<Option<String>> {
    Ok(Managed::find_running(data_dir).await?)
}
