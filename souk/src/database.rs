//! Database configuration, `[database]`: where PostgreSQL is, as whom services log in, what is read from replicas, and how
//! many connections that makes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_db::{Db, DbConfig, Login, MONITOR, RowExt};
use souk_gateway::POSITION_SECONDS;
use souk_kernel::{Secret, without_password};

use crate::modules;

/// Seconds between the furthest a replica may lag and the end of a visitor's position: requests under way and clocks.
const LAG_MARGIN: u64 = 10;
/// Standbys of a private database: more show nothing new and fill the disk.
const MAX_PRIVATE_REPLICAS: usize = 3;

/// PostgreSQL.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// Yours; none runs a private one in the data directory. Several hosts (`postgresql://a,b,c/souk`) are those that may
    /// be the primary.
    pub url: Option<String>,
    /// Servers that are read from while they are standbys: URLs, or `host:port` with the rest as in `url`.
    pub replicas: Vec<String>,
    /// A replica further behind than this is not read from.
    pub replica_max_lag_seconds: u64,
    /// Standbys of the private database.
    pub private_replicas: usize,
    /// As whom services log in at your database; at a private one always as themselves.
    pub login: DatabaseLogin,
    /// Passwords of the services' own logins, by service.
    pub passwords: BTreeMap<String, Secret<String>>,
    /// The same from a TOML file: `order = "..."`. What `passwords` says counts more.
    pub password_file: Option<PathBuf>,
    /// What stands between us and the server at `url`.
    pub pooler: Pooler,
    /// The way past the pooler: for signals, migrations, and learning the types of statements.
    pub direct_url: Option<String>,
    /// Connections this process may open, all its services together, a reserve for people included. The sum over all
    /// processes must stay below the server's `max_connections`.
    pub connections: usize,
    /// Processes that share the database, this one included: `souk config check` multiplies.
    pub processes: usize,
}

/// As whom services log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseLogin {
    /// All as the URL's user.
    #[default]
    AsIs,
    /// Each as `souk_<service>`, which `souk migrate` makes and which sees its own schema only.
    PerService,
}

/// What stands between us and the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooler {
    /// Nothing, or what keeps sessions together.
    #[default]
    None,
    /// One that gives a server connection for one transaction at a time, as pgbouncer does with `pool_mode = transaction`.
    Transaction,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            replicas: Vec::new(),
            replica_max_lag_seconds: souk_db::DEFAULT_MAX_LAG.as_secs(),
            private_replicas: 0,
            login: DatabaseLogin::AsIs,
            passwords: BTreeMap::new(),
            password_file: None,
            pooler: Pooler::None,
            direct_url: None,
            connections: 180,
            processes: 1,
        }
    }
}

impl Database {
    /// True when something is read from replicas, anywhere in the fleet.
    pub fn reads_replicas(&self) -> bool {
        match self.url {
            Some(_) => !self.replicas.is_empty(),
            None => self.private_replicas > 0,
        }
    }

    /// Furthest a replica may lag.
    pub fn max_lag(&self) -> Duration {
        Duration::from_secs(self.replica_max_lag_seconds)
    }

    /// As whom services log in.
    pub fn login(&self) -> Login {
        match (&self.url, self.login) {
            (Some(_), DatabaseLogin::AsIs) => Login::AsIs,
            _ => Login::PerService,
        }
    }

    /// Passwords of the services' logins, those of the file included.
    pub fn all_passwords(&self) -> Result<BTreeMap<String, Secret<String>>, String> {
        let mut all = match &self.password_file {
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
                // Not the parser's message, which quotes the line.
                toml::from_str(&text).map_err(|_| format!("{}: expected lines like order = \"...\"", file.display()))?
            }
            None => BTreeMap::new(),
        };
        all.extend(self.passwords.clone());
        Ok(all)
    }

    /// Asks the server whether it takes the connections of all processes; a warning when it does not, or cannot be asked.
    pub async fn ask_limits(&self) -> Option<String> {
        let url = self.direct_url.as_ref().or(self.url.as_ref())?;
        let password = self.all_passwords().ok()?.remove(MONITOR);
        let config = DbConfig::new(url, MONITOR).login(self.login()).password(password);
        let ask = async {
            let db = Db::connect(config).await?;
            let sql = "select current_setting('max_connections')::int - \
                       current_setting('superuser_reserved_connections')::int as usable";
            db.primary().query_one(sql, &[]).await?.get_col::<i32>("usable")
        };
        let wanted = self.processes * self.connections;
        match ask.await {
            Ok(usable) if usize::try_from(usable).unwrap_or(0) >= wanted => None,
            Ok(usable) => Some(format!(
                "database.connections: {} for each of {} processes are {wanted}, and the server takes {usable}",
                self.connections, self.processes
            )),
            Err(error) => Some(format!("database.url: the server could not be asked for its limits: {error}")),
        }
    }

    /// What cannot work: key and reason.
    pub fn complaints(&self) -> Vec<(String, String)> {
        let mut complaints = Vec::new();
        let mut wrong = |key: &str, reason: String| complaints.push((key.to_owned(), reason));
        if self.url.is_none() && !self.replicas.is_empty() {
            wrong(
                "replicas",
                "are replicas of the database at `url`, and there is none; see `private_replicas`".into(),
            );
        }
        if let Some(url) = &self.url {
            match (souk_db::location_of(url, &[]), souk_db::location_of(url, &self.replicas)) {
                (Err(error), _) => wrong("url", error.to_string()),
                (Ok(_), Err(error)) => wrong("replicas", error.to_string()),
                (Ok((place, _)), Ok((_, 1))) if !self.replicas.is_empty() => {
                    wrong(
                        "replicas",
                        format!("the only one is the primary itself, {place}: nothing would be read there"),
                    );
                }
                _ => {}
            }
        }
        if let Some(direct) = &self.direct_url {
            match souk_db::location_of(direct, &[]) {
                Err(error) => wrong("direct_url", error.to_string()),
                Ok(_) if self.url.as_ref() == Some(direct) => {
                    wrong("direct_url", "is `url`: it leads past nothing".into())
                }
                Ok(_) => {}
            }
        }
        if self.connections == 0 {
            wrong("connections", "must be at least 1".into());
        }
        let highest = POSITION_SECONDS - LAG_MARGIN;
        if !(1..=highest).contains(&self.replica_max_lag_seconds) {
            let reason =
                format!("must be 1 to {highest}: visitors carry the position of a write for {POSITION_SECONDS} s");
            wrong("replica_max_lag_seconds", reason);
        }
        if self.private_replicas > MAX_PRIVATE_REPLICAS {
            wrong("private_replicas", format!("must be 0 to {MAX_PRIVATE_REPLICAS}"));
        }
        match (self.pooler, &self.direct_url) {
            (Pooler::None, None) => {}
            (Pooler::None, Some(_)) => wrong("direct_url", "is the way past a pooler, and `pooler` is none".into()),
            (Pooler::Transaction, direct) => {
                if self.url.is_none() || direct.is_none() {
                    wrong("pooler", "needs `url`, through the pooler, and `direct_url`, past it".into());
                }
                // Where nothing can be said at the start of a session, the login says in which schema it works.
                if self.login != DatabaseLogin::PerService {
                    wrong("login", "must be per-service behind a pooler".into());
                }
                // Whose position would that be?
                if !self.replicas.is_empty() {
                    wrong(
                        "replicas",
                        "cannot be read from behind a pooler: nobody can tell which server it asks".into(),
                    );
                }
            }
        }
        if self.processes == 0 {
            wrong("processes", "must be at least 1".into());
        }
        match self.all_passwords() {
            Err(reason) => wrong("password_file", reason),
            Ok(passwords) => {
                for name in passwords.keys() {
                    if name != MONITOR && modules::schema_of(name) != Some(name) {
                        wrong(&format!("passwords.{name}"), "there is no such service".into());
                    }
                }
            }
        }
        complaints
    }

    /// The same without passwords, to be shown.
    pub fn redacted(&self) -> Self {
        let mut shown = self.clone();
        shown.url = shown.url.as_deref().map(without_password);
        shown.direct_url = shown.direct_url.as_deref().map(without_password);
        shown.replicas.iter_mut().for_each(|url| *url = without_password(url));
        shown.passwords.values_mut().for_each(|password| *password = Secret::new("***".into()));
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(database: &Database) -> Vec<String> {
        database.complaints().into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("postgresql://souk:s3cret@db/souk"), "postgresql://souk:***@db/souk");
        assert_eq!(without_password("postgresql://db/souk"), "postgresql://db/souk");
        assert_eq!(without_password("db:5432"), "db:5432");
        assert_eq!(without_password("host=db password=s3cret"), "***");
        let database = Database {
            replicas: vec!["postgresql://souk:s3cret@r/souk".into()],
            passwords: BTreeMap::from([("order".into(), Secret::new("s3cret".into()))]),
            ..Database::default()
        };
        assert!(!toml::to_string(&database.redacted()).unwrap().contains("s3cret"));
    }

    #[test]
    fn what_cannot_work_is_named() {
        let mut database = Database { url: Some("postgresql://db/souk".into()), ..Database::default() };
        assert_eq!(keys(&database), Vec::<String>::new());
        database.replica_max_lag_seconds = 60;
        database.passwords.insert("orders".into(), Secret::new("x".into()));
        database.private_replicas = 9;
        assert_eq!(keys(&database), ["replica_max_lag_seconds", "private_replicas", "passwords.orders"]);
        let database = Database { replicas: vec!["r:5432".into()], ..Database::default() };
        assert_eq!(keys(&database), ["replicas"]);
        let mut database = Database {
            url: Some("postgresql://pooler:6432/souk".into()),
            pooler: Pooler::Transaction,
            replicas: vec!["r:5432".into()],
            ..Database::default()
        };
        assert_eq!(keys(&database), ["pooler", "login", "replicas"]);
        database.direct_url = Some("postgresql://db/souk".into());
        database.login = DatabaseLogin::PerService;
        database.replicas.clear();
        assert_eq!(keys(&database), Vec::<String>::new());
    }

    #[test]
    fn addresses_are_understood_and_replicas_are_not_the_primary() {
        let with = |url: &str, replicas: &[&str]| Database {
            url: Some(url.into()),
            replicas: replicas.iter().map(|replica| (*replica).to_owned()).collect(),
            ..Database::default()
        };
        assert_eq!(keys(&with("nowhere", &[])), ["url"]);
        assert_eq!(keys(&with("postgresql://souk:s3cret@db:port/souk", &[])), ["url"]);
        assert_eq!(keys(&with("postgresql://souk@db/souk?sslmode=on", &[])), ["url"]);
        assert_eq!(keys(&with("postgresql://souk@db/souk?sslmode=verify-full&sslrootcert=/nowhere", &[])), ["url"]);
        assert_eq!(keys(&with("postgresql://souk@db/souk", &["db:5432"])), ["replicas"]);
        assert_eq!(keys(&with("postgresql://souk@db/souk", &[":1"])), ["replicas"]);
        assert_eq!(keys(&with("postgresql://souk@db/souk", &["db:5432", "db-2"])), Vec::<String>::new());
        // Under a manager of failovers each may be the primary, and is read from while it is not.
        assert_eq!(keys(&with("postgresql://souk@a,b/souk", &["a", "b"])), Vec::<String>::new());
        let told = with("postgresql://souk:s3cret@db:port/souk", &[]).complaints().remove(0).1;
        assert!(!told.contains("s3cret"), "{told}");
        let database = Database {
            direct_url: Some("postgresql://pooler:6432/souk".into()),
            pooler: Pooler::Transaction,
            login: DatabaseLogin::PerService,
            ..with("postgresql://pooler:6432/souk", &[])
        };
        assert_eq!(keys(&database), ["direct_url"]);
    }

    #[test]
    fn a_password_file_is_read_and_its_errors_do_not_quote_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("passwords.toml");
        std::fs::write(&file, "order = \"from the file\"\nmonitor = \"m\"\n").unwrap();
        let mut database = Database { password_file: Some(file.clone()), ..Database::default() };
        database.passwords.insert("monitor".into(), Secret::new("own".into()));
        let all = database.all_passwords().unwrap();
        assert_eq!((all["order"].reveal().as_str(), all["monitor"].reveal().as_str()), ("from the file", "own"));
        std::fs::write(&file, "order = s3cret").unwrap();
        let reason = database.complaints().pop().unwrap().1;
        assert!(!reason.contains("s3cret") && reason.contains("passwords.toml"), "{reason}");
        std::fs::remove_file(&file).unwrap();
        assert_eq!(keys(&database), ["password_file"]);
    }
}
