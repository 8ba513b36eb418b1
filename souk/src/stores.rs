//! The database of a process: found or started, migrated, and one handle per service.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use souk_db::{Db, DbConfig, Login, Managed, ManagedOptions, Migrations, PoolSizes};

use crate::config::Config;
use crate::modules;

/// The gateway keeps nothing but its place in the log: which events it has purged its page cache for.
const GATEWAY: Migrations = Migrations { schema: "gateway", files: &[souk_flow::TABLES] };

/// Tables of all services.
pub fn all_migrations() -> Vec<&'static Migrations> {
    vec![
        &souk_identity::MIGRATIONS,
        &souk_catalog::MIGRATIONS,
        &souk_search::MIGRATIONS,
        &souk_pricing::MIGRATIONS,
        &souk_cart::MIGRATIONS,
        &souk_order::MIGRATIONS,
        &souk_payment::MIGRATIONS,
        &souk_inventory::MIGRATIONS,
        &souk_shipping::MIGRATIONS,
        &souk_notification::MIGRATIONS,
        &GATEWAY,
    ]
}

/// Brings the database at `url` up to date; returns what was applied.
pub async fn migrate(url: &str) -> anyhow::Result<Vec<String>> {
    let applied = souk_db::migrate(url, &all_migrations()).await?;
    for (owner, reader) in modules::outbox_grants() {
        souk_db::grant_outbox_read(url, owner, reader).await.with_context(|| format!("grant {owner} -> {reader}"))?;
    }
    Ok(applied.iter().map(|applied| format!("{}/{}", applied.schema, applied.name)).collect())
}

/// Where the data is.
pub struct Stores {
    url: String,
    managed: Option<Managed>,
    sizes: PoolSizes,
    login: Login,
    open: BTreeMap<&'static str, Db>,
}

impl Stores {
    /// The configured database, or a private one in the data directory; migrated when `may_migrate`, else it must be up
    /// to date.
    pub async fn open(config: &Config, may_migrate: bool, roles: &[&str]) -> anyhow::Result<Self> {
        let stores = Self::connect(config, roles).await?;
        if may_migrate {
            migrate(&stores.url).await?;
        }
        let pending = souk_db::pending(&stores.url, &all_migrations()).await?;
        if let Some((schema, name)) = pending.first() {
            anyhow::bail!("the database lacks migration {schema}/{name}: run `souk migrate` first");
        }
        Ok(stores)
    }

    /// The same as it is, migrated or not.
    pub async fn connect(config: &Config, roles: &[&str]) -> anyhow::Result<Self> {
        let (url, managed, login) = match &config.database.url {
            Some(url) => (url.clone(), None, Login::AsIs),
            None => {
                let managed = Managed::start(&config.data_dir, ManagedOptions::default()).await?;
                (managed.url(), Some(managed), Login::PerService)
            }
        };
        let mut schemas: Vec<_> = roles.iter().filter_map(|role| modules::schema_of(role)).collect();
        schemas.sort_unstable();
        schemas.dedup();
        let sizes = PoolSizes::from_budget(config.database.connections, schemas.len().max(1))?;
        Ok(Self { url, managed, sizes, login, open: BTreeMap::new() })
    }

    /// The handle of one service.
    pub async fn of(&mut self, schema: &'static str) -> anyhow::Result<Db> {
        if let Some(db) = self.open.get(schema) {
            return Ok(db.clone());
        }
        let config = DbConfig::new(self.url.clone(), schema).login(self.login).pools(self.sizes);
        let db = Db::connect(config).await.with_context(|| format!("database of {schema}"))?;
        self.open.insert(schema, db.clone());
        Ok(db)
    }

    /// How to connect to the whole database: for tools and for the bench.
    pub fn url(&self) -> &str {
        &self.url
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
