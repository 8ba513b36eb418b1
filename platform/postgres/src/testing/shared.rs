//! Shared test server, throw-away, for all test processes of one command: each finds it by `SOUK_TEST_DATABASE_URL`, so none
//! starts one of its own, and a template is migrated once for all of them.

use std::{num::NonZero, time::Duration};

use nix::{errno::Errno, sys::signal::kill, unistd::Pid};
use souk_db::{DbError, RowExt, Session};
use tokio::time::sleep;

use super::server::{
    DATABASE_NAMES, DatabaseName, MAX_CONNECTIONS, OwnServer, SHARED_BUFFERS_MB, URL_VARIABLE, drop_statement, url_of,
};
use crate::ManagedError;

/// Test processes at the same time that the server is made for, as one runs for each core; beyond it they would wait for
/// cores, not for connections.
const MAX_PROCESSES: u32 = 8;
/// Between looks for databases of processes that ended. A process that runs one test has no time to drop its own.
const SWEEP: Duration = Duration::from_secs(1);

/// The server; it ends with this process, whatever ends that.
pub struct SharedServer {
    own: OwnServer,
}

impl SharedServer {
    /// Whether test processes are told of a server already, which they are to use.
    pub fn is_given() -> bool {
        std::env::var_os(URL_VARIABLE).is_some()
    }

    /// Starts one with room for as many test processes as there are cores.
    ///
    /// # Errors
    /// When the server cannot be had.
    pub async fn start() -> Result<SharedServer, ManagedError> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let processes = u32::try_from(cores).unwrap_or(MAX_PROCESSES).clamp(1, MAX_PROCESSES);
        let own = OwnServer::start(MAX_CONNECTIONS * processes, SHARED_BUFFERS_MB * processes).await?;
        Ok(SharedServer { own })
    }

    /// Name and value of the environment variable by which test processes find it.
    pub fn variable(&self) -> (&'static str, String) {
        (URL_VARIABLE, self.own.url())
    }

    /// Drops the databases of processes that have ended, for as long as it is polled.
    ///
    /// # Errors
    /// When the server is gone.
    pub async fn sweep(&self) -> Result<(), DbError> {
        let session = Session::open(&url_of(&self.own.url(), "postgres"), "souk test sweep").await?;
        loop {
            for row in session.query(DATABASE_NAMES, &[]).await? {
                let name: String = row.get_col("name")?;
                if DatabaseName::parse(&name).is_some_and(|database| has_ended(database.pid)) {
                    session.run(&drop_statement(&name)).await?;
                }
            }
            sleep(SWEEP).await;
        }
    }

    /// Takes it away, and waits for it.
    ///
    /// # Errors
    /// When the end of it could not be waited for.
    pub fn remove(self) -> std::io::Result<()> {
        self.own.remove()
    }
}

fn has_ended(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else { return true };
    kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)
}
