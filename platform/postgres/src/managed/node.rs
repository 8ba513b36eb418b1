//! Streaming replication: a primary and its copies, the standbys of a managed server and the servers of a test cluster.

use std::path::{Path, PathBuf};

use super::{
    ManagedError, ManagedOptions,
    data_directory::{self, Account, DataDirectory},
    process::Process,
    programs::{self, Programs},
    running::Running,
    server,
    supervisor::{Launcher, Supervisor},
};

/// One server, running or not.
pub(crate) struct Node {
    directory: DataDirectory,
    programs: Programs,
    account: Option<Account>,
    options: ManagedOptions,
    process: Option<Process>,
    supervisor: Option<Supervisor>,
    running: Running,
}

impl Node {
    /// A server with a new cluster in `base`, an empty or missing directory.
    pub(crate) async fn primary(base: PathBuf, options: ManagedOptions) -> Result<Node, ManagedError> {
        let (directory, account) = (DataDirectory::at(base), Account::needed()?);
        let programs = programs::choose(programs::installed(), None)?;
        data_directory::private_dir(&directory.base, account.as_ref())?;
        server::initialise(&directory, &programs, account.as_ref(), options.throw_away).await?;
        Self::launch(directory, programs, account, options).await
    }

    /// A standby of `primary` that calls itself `name`, with a copy of its cluster in `base` unless there is one already.
    pub(super) async fn standby(
        primary: &Running,
        base: PathBuf,
        name: &str,
        mut options: ManagedOptions,
    ) -> Result<Node, ManagedError> {
        let (directory, account) = (DataDirectory::at(base), Account::needed()?);
        let cluster = directory.major().map(|major| (major, directory.pgdata()));
        let cluster = cluster.as_ref().map(|(major, at)| (*major, at.as_path()));
        let programs = programs::choose(programs::installed(), cluster)?;
        options.settings.push(("primary_conninfo".into(), primary.conninfo(name)));
        data_directory::private_dir(&directory.base, account.as_ref())?;
        if let Some(running) = Running::find(&directory).await? {
            let process = Some(Process::adopted(running.pid));
            return Ok(Node { directory, programs, account, options, process, supervisor: None, running });
        }
        if !directory.exists() {
            tracing::info!(at = %directory.base.display(), "copying the database cluster for a replica");
            server::copy(primary, &directory, &programs, account.as_ref(), options.throw_away).await?;
        }
        Self::launch(directory, programs, account, options).await
    }

    /// A standby of this one.
    pub(crate) async fn copy(&self, base: PathBuf, name: &str, options: ManagedOptions) -> Result<Node, ManagedError> {
        Self::standby(&self.running, base, name, options).await
    }

    async fn launch(
        directory: DataDirectory,
        programs: Programs,
        account: Option<Account>,
        options: ManagedOptions,
    ) -> Result<Node, ManagedError> {
        let (process, running) = server::launch(&directory, &programs, account.as_ref(), &options).await?;
        Ok(Node { directory, programs, account, options, process: Some(process), supervisor: None, running })
    }

    /// Starts it again whenever it dies.
    pub(super) fn supervise(&mut self) {
        let Some(process) = self.process.take() else { return };
        let (directory, account, options) = (self.directory.clone(), self.account.clone(), self.options.clone());
        let name = self.directory.base.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let launcher = Launcher { directory, account, options };
        self.supervisor = Some(Supervisor::start(name, launcher, process, self.running.clone()));
    }

    /// Starts it again as it was left.
    pub(crate) async fn start(&mut self) -> Result<(), ManagedError> {
        let started = server::launch(&self.directory, &self.programs, self.account.as_ref(), &self.options).await?;
        (self.process, self.running) = (Some(started.0), started.1);
        Ok(())
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(&mut self) -> bool {
        match self.process.take() {
            Some(process) => process.kill(&self.running).await,
            None => true,
        }
    }

    /// Ends it properly.
    pub(crate) async fn stop(&mut self) -> Result<(), ManagedError> {
        if let Some(supervisor) = self.supervisor.take()
            && let Some((process, running)) = supervisor.stop().await
        {
            (self.process, self.running) = (Some(process), running);
        }
        match self.process.take() {
            Some(process) => process.stop(&self.running).await,
            None => Ok(()),
        }
    }

    /// Process id of the server.
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid
    }

    pub(crate) fn url(&self) -> String {
        self.running.url()
    }

    pub(crate) fn cluster_dir(&self) -> &Path {
        &self.running.pgdata
    }

    pub(crate) fn socket_dir(&self) -> &Path {
        &self.running.socket_dir
    }

    /// For `primary_conninfo` of others.
    pub(crate) fn conninfo(&self, name: &str) -> String {
        self.running.conninfo(name)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.ask_to_stop();
        }
        if let Some(process) = self.process.take() {
            process.ask_to_stop();
        }
    }
}
