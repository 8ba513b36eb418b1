//! Test server, on which test databases live: given, or started for this process and taken away with it.

use std::sync::{
    atomic::{AtomicU64, Ordering},
    mpsc,
};

use souk_db::{DbError, RowExt, Session};
use tokio::sync::OnceCell;

use super::throw_away::ThrowAway;
use crate::{ManagedError, ManagedOptions, managed::Node};

/// Where test databases are made.
pub struct TestServer {
    url: String,
    /// Seconds of the server's clock when this process came to it; part of the names of its databases.
    since: i64,
    janitor: mpsc::Sender<String>,
    /// The server, when it is this process's own.
    _own: Option<OwnServer>,
}

/// Names the server to use instead of a throw-away one: `postgresql://user:password@host:port/database`. The user must be
/// a superuser; the server must take passwords or trust. Make it a server for tests only: roles `souk_*` are created.
pub(super) const URL_VARIABLE: &str = "SOUK_TEST_DATABASE_URL";
/// A test database this old on a given server was left behind by a killed process: no test run takes that long.
const LEFTOVER_SECONDS: i64 = 3600;
/// For all tests of one process at once.
pub(super) const MAX_CONNECTIONS: u32 = 400;
/// Small: the databases are, too, and several test processes share the machine.
pub(super) const SHARED_BUFFERS_MB: u32 = 64;
/// What administrative sessions are called.
const NAME: &str = "souk test databases";

static SERVER: OnceCell<TestServer> = OnceCell::const_new();

impl TestServer {
    /// The one of this process, started at the first call.
    ///
    /// # Errors
    /// In words, when there is none to be had.
    pub async fn of_this_process() -> Result<&'static TestServer, String> {
        SERVER.get_or_try_init(Self::start).await
    }

    async fn start() -> Result<TestServer, String> {
        let (url, own) = match std::env::var(URL_VARIABLE) {
            Ok(url) => (url, None),
            Err(_) => {
                let own =
                    OwnServer::start(MAX_CONNECTIONS, SHARED_BUFFERS_MB).await.map_err(|error| error.to_string())?;
                (own.url(), Some(own))
            }
        };
        let (janitor, work) = mpsc::channel();
        let admin = url_of(&url, "postgres");
        let since = arrive(&admin, &janitor).await.map_err(|error| format!("{URL_VARIABLE}: {error}"))?;
        let spawned = std::thread::Builder::new().name("test databases".into()).spawn(move || clean(&admin, &work));
        spawned.map_err(|error| error.to_string())?;
        Ok(TestServer { url, since, janitor, _own: own })
    }

    /// A session for making databases, driven by the calling runtime.
    pub(super) async fn admin(&self) -> Result<Session, DbError> {
        Session::open(&url_of(&self.url, "postgres"), NAME).await
    }

    /// Password of the URL, which the services' roles get, too.
    pub(super) fn password(&self) -> Result<Option<String>, String> {
        // The driver does not know all parameters that ours may have.
        let (server, _) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let config: tokio_postgres::Config = server.parse().map_err(|error| format!("{URL_VARIABLE}: {error}"))?;
        Ok(config.get_password().map(|password| String::from_utf8_lossy(password).into_owned()))
    }

    /// URL of a database on this server.
    pub fn url_of(&self, database: &str) -> String {
        url_of(&self.url, database)
    }

    /// A name no other process and no other test has.
    pub(super) fn next_name(&self) -> String {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        format!("{PREFIX}{}_{}_{number}", self.since, std::process::id())
    }

    /// Soon, and not waited for: the server may be waiting for a connection that only the caller's thread can go on with.
    pub(super) fn drop_database(&self, name: String) {
        // Should the thread be gone, the process is ending.
        let _ = self.janitor.send(name);
    }
}

static DATABASES: AtomicU64 = AtomicU64::new(0);
const PREFIX: &str = "souk_test_";

/// A test database, by its name.
pub(super) struct DatabaseName {
    /// When its process came to the server, in seconds of the server's clock.
    since: i64,
    /// The process.
    pub(super) pid: u32,
}

impl DatabaseName {
    /// Of a name that [`TestServer::next_name`] gave.
    pub(super) fn parse(name: &str) -> Option<DatabaseName> {
        let mut parts = name.strip_prefix(PREFIX)?.split('_');
        Some(DatabaseName { since: parts.next()?.parse().ok()?, pid: parts.next()?.parse().ok()? })
    }
}

/// Statement that drops a test database, with or without connections to it.
pub(super) fn drop_statement(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
}

/// Names of all databases there.
pub(super) const DATABASE_NAMES: &str = "select datname::text as name from pg_database";

/// Reads the server's clock and hands what earlier processes left behind to the janitor.
async fn arrive(admin: &str, janitor: &mpsc::Sender<String>) -> Result<i64, DbError> {
    let session = Session::open(admin, NAME).await?;
    let clock = session.query("select extract(epoch from now())::bigint as now", &[]).await?;
    let now: i64 = clock.first().ok_or_else(|| DbError::RowMissing("now".into()))?.get_col("now")?;
    for row in session.query(DATABASE_NAMES, &[]).await? {
        let name: String = row.get_col("name")?;
        if DatabaseName::parse(&name).is_some_and(|database| database.since < now - LEFTOVER_SECONDS) {
            // The receiver lives in our caller.
            let _ = janitor.send(name);
        }
    }
    Ok(now)
}

/// Drops databases one after the other, off the tests' way and independent of their runtimes.
fn clean(admin: &str, work: &mpsc::Receiver<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime without threads needs nothing that could be missing");
    let mut session: Option<Session> = None;
    for name in work {
        let dropped = runtime.block_on(async {
            let open = match session.take().filter(|session| !session.is_closed()) {
                Some(open) => open,
                None => Session::open(admin, NAME).await?,
            };
            session.insert(open).run(&drop_statement(&name)).await
        });
        if let Err(error) = dropped {
            tracing::warn!(name, %error, "a test database was left behind");
        }
    }
}

/// A throw-away server of this process.
pub(super) struct OwnServer {
    node: Node,
    files: ThrowAway,
}

impl OwnServer {
    pub(super) async fn start(max_connections: u32, shared_buffers_mb: u32) -> Result<OwnServer, ManagedError> {
        let files = ThrowAway::new("souk-test")?;
        let options =
            ManagedOptions { throw_away: true, shared_buffers_mb, max_connections, ..ManagedOptions::default() };
        let node = Node::primary(files.join("server"), options).await?;
        Ok(OwnServer { node, files })
    }

    pub(super) fn url(&self) -> String {
        self.node.url()
    }

    /// Takes it away, and waits for it.
    pub(super) fn remove(self) -> std::io::Result<()> {
        self.files.remove(vec![self.node])
    }
}

/// `url` with another database name: URLs have it as the path.
pub(super) fn url_of(url: &str, database: &str) -> String {
    let (before, options) = match url.split_once('?') {
        Some((before, options)) => (before, format!("?{options}")),
        None => (url, String::new()),
    };
    let base = match before.match_indices('/').nth(2) {
        Some((at, _)) => &before[..at],
        None => before,
    };
    format!("{base}/{database}{options}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_changes() {
        assert_eq!(
            url_of("postgresql://u:p@h:5433/old?sslmode=disable", "new"),
            "postgresql://u:p@h:5433/new?sslmode=disable"
        );
        assert_eq!(url_of("postgresql://u@%2Ftmp%2Fx:5432/souk", "new"), "postgresql://u@%2Ftmp%2Fx:5432/new");
        assert_eq!(url_of("postgresql://localhost", "new"), "postgresql://localhost/new");
    }

    #[test]
    fn a_database_says_whose_it_is() {
        let name = DatabaseName::parse("souk_test_1700000000_4711_3").unwrap();
        assert_eq!((name.since, name.pid), (1_700_000_000, 4711));
        for other in ["souk", "postgres", "souk_template_0011", "souk_test_x_1_2", "souk_test_1700000000"] {
            assert!(DatabaseName::parse(other).is_none(), "{other}");
        }
    }
}
