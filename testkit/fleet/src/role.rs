//! One role as a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use parking_lot::Mutex;
use souk_engines::{Engine, EngineError, Kind, get};

use crate::Binary;

/// How long a role may take to finish what is under way, its drain included.
const END: Duration = Duration::from_secs(90);

/// Roles that may need more than one core. The others wait most of the time: beside dozens of processes on a few cores, threads
/// that wake each other cost them more than they do.
const THREAD_PER_CORE: &[&str] = &["storefront", "all"];

/// How a role is run.
pub struct RoleProcess {
    pub(crate) role: String,
    /// 1, 2, ...
    pub(crate) instance: usize,
    pub(crate) binary: Mutex<Binary>,
    pub(crate) config: PathBuf,
    pub(crate) operations: u16,
}

impl Kind for RoleProcess {
    const NAME: &'static str = "souk";
    // A debug build, while dozens of others start beside it.
    const PATIENCE: Duration = Duration::from_secs(180);

    fn command(&self, _home: &Path) -> Result<Command, EngineError> {
        let binary = self.binary.lock();
        let mut command = binary.command(["serve", "--role", &self.role, "--config"]);
        command.arg(&self.config);
        if !THREAD_PER_CORE.contains(&self.role.as_str()) {
            command.env("TOKIO_WORKER_THREADS", "1");
        }
        Ok(command)
    }

    async fn probe(&self) -> Result<(), String> {
        match get(self.operations, "/readyz").await {
            Ok((200, _)) => Ok(()),
            Ok((status, body)) => Err(format!("/readyz: {status} {body}")),
            Err(error) => Err(format!("/readyz: {error}")),
        }
    }
}

/// A role that runs, did, or will again.
pub struct Role(pub(crate) Engine<RoleProcess>);

impl Role {
    /// `catalog-worker`.
    pub fn name(&self) -> &str {
        &self.0.kind().role
    }

    /// 1, 2, ...
    pub fn instance(&self) -> usize {
        self.0.kind().instance
    }

    /// The process, to be hung, killed and restarted.
    pub fn process(&self) -> &Engine<RoleProcess> {
        &self.0
    }

    /// Port of its `/readyz` and `/metrics`.
    pub fn operations(&self) -> u16 {
        self.0.kind().operations
    }

    /// Its configuration file.
    pub fn config(&self) -> &Path {
        &self.0.kind().config
    }

    /// Ends it in order (SIGTERM: not ready, drained, gone).
    ///
    /// # Errors
    /// It does not end well.
    pub async fn end(&self) -> Result<(), EngineError> {
        self.0.terminate(END).await
    }

    /// Ends it in order and starts it again, as an upgrade does; ready when this returns.
    ///
    /// # Errors
    /// It does not end well, or does not start.
    pub async fn roll(&self) -> Result<(), EngineError> {
        self.end().await?;
        self.0.restart().await
    }

    /// The program its next start is of.
    pub fn set_binary(&self, binary: Binary) {
        *self.0.kind().binary.lock() = binary;
    }

    /// Bytes of memory that are its alone and resident, shared pages in proportion (`Pss`, proc(5)); none when it is gone.
    pub fn memory(&self) -> Option<u64> {
        let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0.pid()?)).ok()?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
    }
}
