//! The server that test databases live on: given, or started for this process and taken away with it, even by `kill -9`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
};

use tokio::{runtime::Handle, sync::OnceCell};

use crate::{DbError, Managed, ManagedOptions, RowExt, conn::Conn, target::Target, way::Way};

/// Where test databases are made.
pub struct TestServer {
    url: String,
    /// Seconds of the server's clock when this process came to it; part of the names of its databases.
    since: i64,
    janitor: mpsc::Sender<String>,
}

/// Names the server to use instead of a throw-away one: `postgresql://user:password@host:port/database`. The user must be
/// a superuser; the server must take passwords or trust. Make it a server for tests only: roles `souk_*` are created.
const URL_VARIABLE: &str = "SOUK_TEST_DATABASE_URL";
/// A test database this old on a given server was left behind by a killed process: no test run takes that long.
const LEFTOVER_SECONDS: i64 = 3600;
/// For all tests of one process at once.
const MAX_CONNECTIONS: u32 = 400;
/// Small: the databases are, too, and several test processes share the machine.
const SHARED_BUFFERS_MB: u32 = 64;
/// Dozens of databases of 8 MB and their log for each of several test processes.
const MEMORY_ROOM: u128 = 4 << 30;

/// Waits for the end of the test process (its end of the pipe closes, whatever ended it), then takes the server and its
/// directory away.
const SUPERVISOR: &str = r#"trap '' INT TERM HUP
cat > /dev/null
kill -QUIT "$1" 2> /dev/null
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -f "$2/postmaster.pid" ] || break
    sleep 0.1
done
rm -rf "$3" "$4""#;

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
        let url = match std::env::var(URL_VARIABLE) {
            Ok(url) => url,
            Err(_) => throw_away().await?,
        };
        let (janitor, work) = mpsc::channel();
        let admin = url_of(&url, "postgres");
        let since = arrive(&admin, &janitor).await.map_err(|error| format!("{URL_VARIABLE}: {error}"))?;
        let spawned = std::thread::Builder::new().name("test databases".into()).spawn(move || clean(&admin, &work));
        spawned.map_err(|error| error.to_string())?;
        Ok(TestServer { url, since, janitor })
    }

    /// A connection for making databases, driven by the calling runtime.
    pub(super) async fn admin(&self) -> Result<Conn, DbError> {
        Conn::open(&Target::one(Way::of_url(&url_of(&self.url, "postgres"))?), &Handle::current(), "").await
    }

    /// Password of the URL, which the services' roles get, too.
    pub(super) fn password(&self) -> Result<Option<String>, DbError> {
        let config = Way::of_url(&self.url)?.driver;
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

/// Reads the server's clock and hands what earlier processes left behind to the janitor.
async fn arrive(admin: &str, janitor: &mpsc::Sender<String>) -> Result<i64, DbError> {
    let conn = Conn::open(&Target::one(Way::of_url(admin)?), &Handle::current(), "").await?;
    let sql = "select extract(epoch from now())::bigint, array(select datname::text from pg_database)";
    let row = conn.client().query_one(sql, &[]).await.map_err(|error| DbError::from_driver(&error, sql))?;
    let (now, names): (i64, Vec<String>) = (row.get_col(0)?, row.get_col(1)?);
    for name in names {
        let made = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next()?.parse::<i64>().ok());
        if made.is_some_and(|made| made < now - LEFTOVER_SECONDS) {
            // The receiver lives in our caller.
            let _ = janitor.send(name);
        }
    }
    Ok(now)
}

/// Starts a server in a temporary directory, and the supervisor that takes both away.
async fn throw_away() -> Result<String, String> {
    let dir = parent_dir().join(format!("souk-test-{}-{}", std::process::id(), uuid::Uuid::new_v4().simple()));
    let options = ManagedOptions {
        throw_away: true,
        shared_buffers_mb: SHARED_BUFFERS_MB,
        max_connections: MAX_CONNECTIONS,
        ..ManagedOptions::default()
    };
    let managed = Managed::start(&dir, options).await.map_err(|error| error.to_string())?;
    if let Err(error) = supervise(&managed, &dir) {
        managed.stop().await.map_err(|error| error.to_string())?;
        return Err(format!("no supervisor for the test server: {error}"));
    }
    let url = managed.url();
    // The supervisor stops it; a drop at some point during the end of the process would only be in its way.
    std::mem::forget(managed);
    Ok(url)
}

/// In memory where there is room for it: making a database there takes a quarter of the time (20 ms against 90).
pub(super) fn parent_dir() -> PathBuf {
    let memory = Path::new("/dev/shm");
    // Their types differ between systems; this fits all.
    let room = nix::sys::statvfs::statvfs(memory).map(|fs| fs.blocks_available() as u128 * fs.fragment_size() as u128);
    if room.is_ok_and(|bytes| bytes >= MEMORY_ROOM) { memory.to_owned() } else { std::env::temp_dir() }
}

fn supervise(managed: &Managed, dir: &Path) -> std::io::Result<()> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SUPERVISOR, "souk-test-supervisor"]);
    command.arg(managed.pid().to_string()).arg(managed.cluster_dir()).arg(dir);
    // Its parent is inside `dir`, unless that is where only root may go.
    command.arg(managed.cluster_dir().parent().unwrap_or(dir));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    // Ctrl-C ends the tests, not their cleaning.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let child = command.spawn()?;
    // Its pipe must stay open exactly as long as this process lives.
    std::mem::forget(child);
    Ok(())
}

/// Drops databases one after the other, off the tests' way and independent of their runtimes.
fn clean(admin: &str, work: &mpsc::Receiver<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime without threads needs nothing that could be missing");
    let mut conn = None;
    for name in work {
        let dropped = runtime.block_on(async {
            if conn.as_ref().is_none_or(Conn::is_closed) {
                conn = Some(Conn::open(&Target::one(Way::of_url(admin)?), &Handle::current(), "").await?);
            }
            let Some(conn) = &conn else { return Ok(()) };
            super::run(conn, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
        });
        if let Err(error) = dropped {
            tracing::warn!(name, %error, "a test database was left behind");
        }
    }
}

/// `url` with another database name: ours and everybody's URLs have it as the path.
fn url_of(url: &str, database: &str) -> String {
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
}
