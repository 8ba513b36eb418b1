//! Running server: found by its lock file, asked whether it takes work, and reached over its socket.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use souk_db::{DbError, Session};
use tokio::time::sleep;
use tokio_postgres::{NoTls, error::SqlState};

use super::{ManagedError, NAME, data_directory::DataDirectory};

/// Pause between looks at a server that is starting or stopping: short against the 100 ms either takes.
pub(super) const POLL: Duration = Duration::from_millis(5);
/// Long enough to write out a large cache on a slow disk.
pub(super) const STOP_WAIT: Duration = Duration::from_secs(60);
/// A server that has a lot of log to replay after a crash needs minutes, and killing it would not help.
pub(super) const START_WAIT: Duration = Duration::from_secs(300);

/// A server that answers.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) pid: u32,
    pub(super) pgdata: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) port: u16,
}

impl Running {
    /// The running server of `directory`, from what it wrote into its lock file, if it answers on its socket.
    pub(super) async fn find(directory: &DataDirectory) -> Result<Option<Running>, ManagedError> {
        let Some(running) = Self::from_lock_file(&directory.pgdata()) else { return Ok(None) };
        let started = Instant::now();
        let mut busy = false;
        loop {
            match running.probe(NAME).await {
                Probe::Ready | Probe::NoDatabase => break,
                // It was on its way down: let it go before another is started on the same data.
                Probe::Away if busy && running.wrote_lock_file() && started.elapsed() < STOP_WAIT => {}
                Probe::Away => return Ok(None),
                // It is replaying its log after a crash of the machine, or shutting down.
                Probe::Starting if started.elapsed() > START_WAIT => return Ok(None),
                Probe::Starting => busy = true,
            }
            sleep(POLL).await;
        }
        running.ensure_database().await?;
        Ok(Some(running))
    }

    /// Lines of `postmaster.pid`: pid, data directory, start time, port, socket directory, ...
    fn from_lock_file(pgdata: &Path) -> Option<Running> {
        let text = fs::read_to_string(pgdata.join("postmaster.pid")).ok()?;
        let lines: Vec<&str> = text.lines().collect();
        let pid = lines.first()?.trim().parse().ok()?;
        let port = lines.get(3)?.trim().parse().ok()?;
        let socket_dir = PathBuf::from(lines.get(4)?.trim());
        Some(Running { pid, pgdata: pgdata.to_owned(), socket_dir, port })
    }

    /// True while the lock file is there and names this process. It is removed last, and unlike the process's id it
    /// does not take a zombie for a living server.
    pub(super) fn wrote_lock_file(&self) -> bool {
        Self::from_lock_file(&self.pgdata).is_some_and(|found| found.pid == self.pid)
    }

    pub(super) fn url(&self) -> String {
        self.url_of(NAME)
    }

    fn url_of(&self, database: &str) -> String {
        let host = percent_encoded(&self.socket_dir);
        format!("postgresql://{NAME}@{host}:{}/{database}", self.port)
    }

    /// For a standby's `primary_conninfo`, where it is called `name`.
    pub(super) fn conninfo(&self, name: &str) -> String {
        let host = self.socket_dir.to_string_lossy().replace('\\', "\\\\").replace('\'', "\\'");
        format!("host='{host}' port={} user={NAME} application_name='{name}'", self.port)
    }

    pub(super) async fn connect(&self, database: &str) -> Result<Session, DbError> {
        Session::open(&self.url_of(database), "souk managed").await
    }

    /// Tries to connect; the socket alone would not say whether the server takes work yet.
    pub(super) async fn probe(&self, database: &str) -> Probe {
        let error = match tokio_postgres::connect(&self.url_of(database), NoTls).await {
            // Not driven: dropping both closes the socket at once.
            Ok(_) => return Probe::Ready,
            Err(error) => error,
        };
        match error.code() {
            Some(&SqlState::INVALID_CATALOG_NAME) => Probe::NoDatabase,
            Some(&SqlState::CANNOT_CONNECT_NOW) => Probe::Starting,
            // No connection to spare, for example: it runs, and that was the question.
            Some(_) => Probe::Ready,
            None => Probe::Away,
        }
    }

    /// The first run's last step, done again if that run was interrupted.
    pub(super) async fn ensure_database(&self) -> Result<(), ManagedError> {
        if self.probe(NAME).await != Probe::NoDatabase {
            return Ok(());
        }
        self.connect("postgres").await?.run("CREATE DATABASE souk").await?;
        Ok(())
    }

    pub(super) async fn checkpoint(&self) -> Result<(), DbError> {
        self.connect(NAME).await?.run("CHECKPOINT").await
    }

    /// Statement statistics are a help, not a need: failing to get them is only logged.
    pub(super) async fn ensure_statistics(&self) {
        let sql = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements";
        let created = match self.connect(NAME).await {
            Ok(session) => session.run(sql).await,
            Err(error) => Err(error),
        };
        if let Err(error) = created {
            tracing::warn!(%error, "no statement statistics");
        }
    }
}

/// Whether a server takes work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    Ready,
    NoDatabase,
    /// It answers, but not yet (or no longer) with work.
    Starting,
    Away,
}

/// A path as the host of a URL (RFC 3986, 2.1).
fn percent_encoded(path: &Path) -> String {
    let mut text = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::Host;

    use super::*;

    #[test]
    fn socket_paths_survive_the_url() {
        let running = Running { pid: 1, pgdata: "/x".into(), socket_dir: "/srv/my shop/ü/run".into(), port: 5432 };
        let config: tokio_postgres::Config = running.url().parse().unwrap();
        assert_eq!(config.get_hosts(), [Host::Unix("/srv/my shop/ü/run".into())]);
        assert_eq!((config.get_user(), config.get_dbname()), (Some("souk"), Some("souk")));
    }

    #[test]
    fn a_half_written_lock_file_is_no_server() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Running::from_lock_file(dir.path()).is_none());
        fs::write(dir.path().join("postmaster.pid"), "4711\n/data\n").unwrap();
        assert!(Running::from_lock_file(dir.path()).is_none());
        fs::write(dir.path().join("postmaster.pid"), "4711\n/data\n1\n5432\n/run\n\n").unwrap();
        assert_eq!(Running::from_lock_file(dir.path()).unwrap().pid, 4711);
    }
}
