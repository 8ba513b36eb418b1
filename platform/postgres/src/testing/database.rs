//! Test database, copied from a template that was migrated once: as real as production's, alone in it, in tens of
//! milliseconds.
//!
//! The server is the one at `SOUK_TEST_DATABASE_URL`, or a throw-away one per test process that goes away with it.

use std::{collections::HashMap, sync::Arc};

use sha2::{Digest, Sha256};
use souk_db::{Db, DbConfig, DbError, Login, Migrations, Rights, RowExt, Session, migrate_with};
use souk_kernel::Secret;
use tokio::sync::{Mutex, OnceCell};

use super::TestServer;

/// A database of one test. Dropped with it, with or without connections.
pub struct TestDb {
    name: String,
    server: &'static TestServer,
}

static TEMPLATES: std::sync::LazyLock<Mutex<HashMap<String, Arc<OnceCell<()>>>>> =
    std::sync::LazyLock::new(Mutex::default);

/// Processes that share a given server make a template one after the other.
const ADVISORY_LOCK: i64 = 0x736f_756c;
/// Few, because a test has few things going on, many tests run at once, and starting a server process for a connection is
/// a good part of what a test costs.
const READ_CONNECTIONS: usize = 1;
const TX_CONNECTIONS: usize = 8;

impl TestDb {
    /// A database with `sets` migrated.
    ///
    /// # Panics
    /// When there is no server to be had or a migration fails: a test cannot go on without.
    pub async fn new(sets: &[&Migrations]) -> TestDb {
        Self::try_new(sets).await.unwrap_or_else(|error| panic!("no test database: {error}"))
    }

    async fn try_new(sets: &[&Migrations]) -> Result<TestDb, String> {
        let server = TestServer::of_this_process().await?;
        let template = template_name(sets);
        let made = Arc::clone(TEMPLATES.lock().await.entry(template.clone()).or_default());
        made.get_or_try_init(|| make_template(server, &template, sets)).await?;
        let name = server.next_name();
        // Copying through the log needs no checkpoint, which every other test would feel.
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log");
        server.admin().await.map_err(|error| error.to_string())?.run(&sql).await.map_err(|error| error.to_string())?;
        Ok(TestDb { name, server })
    }

    /// A handle as the service of `schema` has it, logged in as that service, so that a statement on another's schema
    /// fails here as it would in production. For the life of the calling runtime.
    pub async fn db(&self, schema: &str) -> Db {
        self.connect(schema, Login::PerService).await
    }

    /// A handle with `schema` as search path and all rights, for looking behind a service's back.
    pub async fn superuser(&self, schema: &str) -> Db {
        self.connect(schema, Login::AsIs).await
    }

    async fn connect(&self, schema: &str, login: Login) -> Db {
        let mut config = DbConfig::new(self.url(), schema).login(login);
        (config.read_connections, config.tx_connections) = (READ_CONNECTIONS, TX_CONNECTIONS);
        Db::connect(config).await.unwrap_or_else(|error| panic!("no handle on schema {schema}: {error}"))
    }

    /// Of this database, as the server's superuser.
    pub fn url(&self) -> String {
        self.server.url_of(&self.name)
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        self.server.drop_database(std::mem::take(&mut self.name));
    }
}

/// Same migrations, same template; changed ones get another.
fn template_name(sets: &[&Migrations]) -> String {
    let mut hash = Sha256::new();
    for set in sets {
        hash.update(set.schema);
        for (name, sql) in set.files {
            // The zero bytes keep ("ab", "c") and ("a", "bc") apart.
            for part in [*name, *sql] {
                hash.update([0]);
                hash.update(part);
            }
        }
        hash.update([1]);
    }
    let digest: String = hash.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    format!("souk_template_{digest}")
}

/// Makes the template unless it is there, possibly from another process: the mark of a finished one is `datistemplate`.
async fn make_template(server: &TestServer, template: &str, sets: &[&Migrations]) -> Result<(), String> {
    let words = |error: DbError| error.to_string();
    let admin = server.admin().await.map_err(words)?;
    if finished(&admin, template).await.map_err(words)? == Some(true) {
        return Ok(());
    }
    // Released when the session ends, at the latest.
    admin.run(&format!("SELECT pg_advisory_lock({ADVISORY_LOCK})")).await.map_err(words)?;
    match finished(&admin, template).await.map_err(words)? {
        Some(true) => return Ok(()),
        // A process was killed half-way.
        Some(false) => admin.run(&format!("DROP DATABASE {template} WITH (FORCE)")).await.map_err(words)?,
        None => {}
    }
    admin.run(&format!("CREATE DATABASE {template}")).await.map_err(words)?;
    let password = server.password()?.map(Secret::new);
    let passwords: Vec<_> =
        sets.iter().filter_map(|set| password.as_ref().map(|password| (set.schema, password))).collect();
    let rights = Rights { passwords: &passwords, ..Rights::default() };
    migrate_with(&server.url_of(template), sets, rights).await.map_err(|error| error.to_string())?;
    admin.run(&format!("ALTER DATABASE {template} IS_TEMPLATE true")).await.map_err(words)
}

/// Whether the template was finished, when it was begun.
async fn finished(admin: &Session, template: &str) -> Result<Option<bool>, DbError> {
    let rows = admin.query("select datistemplate from pg_database where datname = $1", &[&template]).await?;
    rows.first().map(|row| row.get_col("datistemplate")).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_differ_by_content() {
        let a = Migrations { schema: "a", files: &[("0001", "x")] };
        let b = Migrations { schema: "a", files: &[("0001", "y")] };
        let c = Migrations { schema: "a", files: &[("000", "1x")] };
        let names = [template_name(&[&a]), template_name(&[&b]), template_name(&[&c]), template_name(&[&a, &b])];
        for (at, name) in names.iter().enumerate() {
            assert!(name.len() < 63);
            assert!(!names[..at].contains(name), "{name}");
        }
        assert_eq!(template_name(&[&a]), names[0]);
    }
}
