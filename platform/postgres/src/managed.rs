//! Managed PostgreSQL server: `souk up` without a database URL starts one on the data directory, and stops it last.
//!
//! It runs as an unprivileged user, in a session of its own (Ctrl-C reaches us first), on a socket only that user may
//! reach. One that survived a crash of ours is adopted. Called by the binary, the test kit and [`crate::TestDb`].

mod data_directory;
mod error;
mod node;
mod process;
mod programs;
mod running;
mod server;
mod settings;
mod supervisor;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use tokio::sync::watch;

pub use error::ManagedError;
pub(crate) use node::Node;
pub use settings::{MANAGED_MAX_CONNECTIONS, ManagedOptions};
pub use supervisor::Health;

use data_directory::{Account, DataDirectory};
use process::Process;
use running::Running;
use supervisor::{Launcher, Supervisor};

/// Name of the superuser and of the database.
const NAME: &str = "souk";

/// A running server. Stop it with [`Managed::stop`]; dropping only sends the signal.
pub struct Managed {
    process: Option<Process>,
    supervisor: Option<Supervisor>,
    directory: DataDirectory,
    account: Option<Account>,
    options: ManagedOptions,
    running: Running,
    adopted: bool,
    log_file: PathBuf,
    tcp_url: Option<String>,
    replicas: Vec<Node>,
    /// Held as long as the server is ours.
    _lock: DataDirLock,
}

impl Managed {
    /// Starts the server of `data_dir`, making directory, cluster and database on the first run, or adopts the one that
    /// a crashed predecessor left running.
    ///
    /// # Errors
    /// [`ManagedError`], whose text says what to do: not installed, directory in use, other version, did not start.
    pub async fn start(data_dir: &Path, options: ManagedOptions) -> Result<Managed, ManagedError> {
        let lock = DataDirLock::take(data_dir)?;
        let data_dir = fs::canonicalize(data_dir).map_err(|error| ManagedError::io("open", data_dir, error))?;
        let account = Account::needed()?;
        let directory = DataDirectory::of(&data_dir, account.as_ref())?;
        if directory.is_orphan() {
            server::set_aside(&directory).await?;
        }
        if let Some(running) = Running::find(&directory).await? {
            tracing::info!(pid = running.pid, "adopted the database server that was still running");
            let process = Process::adopted(running.pid);
            // Clients that know its address go on using it.
            let tcp_port = Some(running.port).filter(|port| *port != settings::PORT);
            let own = ManagedOptions { tcp_port, ..options };
            let mut managed = Managed::of(process, running, true, (directory, account, own), lock);
            managed.start_replicas().await?;
            return Ok(managed);
        }
        let pgdata = directory.pgdata();
        let cluster = directory.major().map(|major| (major, pgdata.as_path()));
        let programs = programs::choose(programs::installed(), cluster)?;
        data_directory::private_dir(&directory.base, account.as_ref())?;
        if !directory.exists() {
            tracing::info!(at = %directory.base.display(), "creating the database cluster");
            server::initialise(&directory, &programs, account.as_ref(), options.throw_away).await?;
            directory.remember()?;
        }
        let (process, running) = server::launch(&directory, &programs, account.as_ref(), &options).await?;
        let tcp_url = match options.tcp_port {
            Some(port) => Some(server::open_tcp(&running, port).await?),
            None => None,
        };
        let mut managed = Managed::of(process, running, false, (directory, account, options), lock);
        managed.tcp_url = tcp_url;
        managed.start_replicas().await?;
        Ok(managed)
    }

    fn of(
        process: Process,
        running: Running,
        adopted: bool,
        (directory, account, options): (DataDirectory, Option<Account>, ManagedOptions),
        lock: DataDirLock,
    ) -> Managed {
        let (process, supervisor, tcp_url, replicas) = (Some(process), None, None, Vec::new());
        let log_file = directory.log_file();
        Managed {
            process,
            supervisor,
            directory,
            account,
            options,
            running,
            adopted,
            log_file,
            tcp_url,
            replicas,
            _lock: lock,
        }
    }

    /// From now on the server is started again when it dies, and so are its standbys; the receiver says how the server
    /// itself does.
    pub fn supervise(&mut self) -> watch::Receiver<Health> {
        for replica in &mut self.replicas {
            replica.supervise();
        }
        if let Some(process) = self.process.take() {
            let (directory, account, options) = (self.directory.clone(), self.account.clone(), self.options.clone());
            let launcher = Launcher { directory, account, options };
            let running = self.running.clone();
            self.supervisor = Some(Supervisor::start("primary".into(), launcher, process, running));
        }
        match &self.supervisor {
            Some(supervisor) => supervisor.health(),
            None => watch::channel(Health::Lost("it was stopped".into())).1,
        }
    }

    /// Has everything written out in the background, as after many tables were made: else a server that dies soon has to sync
    /// each of their files before it takes work again, which takes seconds on a busy disk.
    pub fn checkpoint_soon(&self) {
        let running = self.running.clone();
        tokio::runtime::Handle::current().spawn(async move {
            if let Err(error) = running.checkpoint().await {
                tracing::debug!(%error, "no checkpoint");
            }
        });
    }

    /// True when a database belongs to `data_dir`, running or not, there or not: where it is is remembered.
    pub fn exists(data_dir: &Path) -> bool {
        DataDirectory::is_known(data_dir)
    }

    /// Beside the cluster: `postgres-replica-1`, ...
    async fn start_replicas(&mut self) -> Result<(), ManagedError> {
        let (directory, options) = (self.directory.clone(), self.options.clone());
        let name = directory.base.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for number in 1..=options.replicas {
            let base = directory.base.with_file_name(format!("{name}-replica-{number}"));
            let own = ManagedOptions { tcp_port: None, replicas: 0, ..options.clone() };
            self.replicas.push(Node::standby(&self.running, base, &format!("replica_{number}"), own).await?);
        }
        Ok(())
    }

    /// The URL of the server that runs on `data_dir`, for commands that work into a running shop; `None` when none runs.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn find_running(data_dir: &Path) -> Result<Option<String>, ManagedError> {
        let Ok(data_dir) = fs::canonicalize(data_dir) else { return Ok(None) };
        let Some(directory) = DataDirectory::existing(&data_dir) else { return Ok(None) };
        Ok(Running::find(&directory).await?.map(|running| running.url()))
    }

    /// Connects as the superuser over the socket. psql understands it, too.
    pub fn url(&self) -> String {
        self.running.url()
    }

    /// How to connect to each standby.
    pub fn replica_urls(&self) -> Vec<String> {
        self.replicas.iter().map(Node::url).collect()
    }

    /// Over TCP with a password drawn at this start, when the options asked for it (and the server was not adopted).
    pub fn tcp_url(&self) -> Option<&str> {
        self.tcp_url.as_deref()
    }

    /// True when the server was found running.
    pub fn adopted(&self) -> bool {
        self.adopted
    }

    /// Process id of the server.
    pub fn pid(&self) -> u32 {
        self.running.pid
    }

    /// The server's log.
    pub fn log_file(&self) -> &Path {
        &self.log_file
    }

    /// Directory of the cluster; a fallback location when `data_dir` is below one that only root may enter.
    pub fn cluster_dir(&self) -> &Path {
        &self.running.pgdata
    }

    /// Directory of the socket, which only the server's user (and root) may enter.
    pub fn socket_dir(&self) -> &Path {
        &self.running.socket_dir
    }

    /// Ends all connections, writes everything out, and waits for the end ("fast" shutdown).
    ///
    /// # Errors
    /// [`ManagedError::NotStopped`] when it does not end even when told to drop everything.
    pub async fn stop(mut self) -> Result<(), ManagedError> {
        if let Some(supervisor) = self.supervisor.take()
            && let Some((process, running)) = supervisor.stop().await
        {
            (self.process, self.running) = (Some(process), running);
        }
        if let Some(process) = self.process.take() {
            process.stop(&self.running).await?;
        }
        for replica in &mut self.replicas {
            replica.stop().await?;
        }
        // One in the temporary directory would be litter; it is empty now, and else it stays.
        if !self.running.socket_dir.starts_with(self.running.pgdata.parent().unwrap_or(&self.running.pgdata)) {
            let _ = fs::remove_dir(&self.running.socket_dir);
        }
        Ok(())
    }
}

impl Drop for Managed {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.ask_to_stop();
        }
        if let Some(process) = self.process.take() {
            process.ask_to_stop();
        }
    }
}

/// The right to use a data directory: one process at a time, released by the system however the process ends.
pub struct DataDirLock(File);

impl DataDirLock {
    /// Makes the directory when it is missing and takes the lock.
    ///
    /// # Errors
    /// [`ManagedError::InUse`] when another process has it.
    pub fn take(data_dir: &Path) -> Result<DataDirLock, ManagedError> {
        fs::create_dir_all(data_dir).map_err(|error| ManagedError::io("create", data_dir, error))?;
        let path = data_dir.join("souk.lock");
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(|error| ManagedError::io("open", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message; an empty one does.
                let _ = file.read_to_string(&mut holder);
                return Err(ManagedError::InUse { data_dir: data_dir.to_owned(), pid: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(ManagedError::io("lock", &path, error)),
        }
        let write =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        write.map_err(|error| ManagedError::io("write", &path, error))?;
        Ok(DataDirLock(file))
    }
}

impl Drop for DataDirLock {
    fn drop(&mut self) {
        // Closing alone would leave it to any process we are just about to start, which holds a copy until it becomes
        // another program. Should this fail, closing is all there is.
        let _ = self.0.unlock();
    }
}
