//! Test fixture: a data directory of a test, the processes on it, and the check of its invariants.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use souk::config::Config;
use souk::{Clients, Process, Start};
use souk_postgres::{Managed, ManagedOptions};
use souk_testkit::{Shop, eventually, free_port, invariants};

/// How long a process may take to start or to stop: a debug build, on a machine that compiles beside it.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Connections of each process, so that those of a test fit below the server's limit.
const CONNECTIONS: usize = 90;

/// The binary, unaware of the settings of the user who runs the tests.
pub fn souk() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_souk"));
    for (name, _) in std::env::vars() {
        if name.starts_with("SOUK_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a tool to its end.
pub fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// What a tool said, when it succeeded.
pub fn said(command: &mut Command) -> String {
    let output = run(command);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {} {error}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Why a tool failed.
pub fn complaint(command: &mut Command) -> String {
    let output = run(command);
    assert!(!output.status.success(), "{command:?} succeeded: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

/// A data directory with its settings. A database that was left running is stopped with it.
pub struct Place {
    dir: tempfile::TempDir,
    /// Where buyers connect to.
    pub listen: SocketAddr,
    sandbox: SocketAddr,
}

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let place = Self { dir: tempfile::tempdir().unwrap(), listen: at(free_port()), sandbox: at(free_port()) };
        place.configure("");
        place
    }

    /// Adds to the settings.
    pub fn configure(&self, more: &str) {
        self.configure_internal("", more);
    }

    /// Adds to the settings, and to those between roles.
    pub fn configure_internal(&self, internal: &str, more: &str) {
        // No balancer has to notice that a process of a test stops.
        let drain = if internal.contains("drain_seconds") { "" } else { "drain_seconds = 0\n" };
        // One address stands for a crowd.
        let text = format!(
            "[public]\nlisten = \"{}\"\n[public.throttle]\naddress = {{ count = 100000, per_seconds = 1, burst = 100000 }}\n\
             [internal]\noperations = \"127.0.0.1:0\"\n{drain}{internal}\n[database]\nconnections = {CONNECTIONS}\n\
             [payment]\nsandbox_url = \"http://{}\"\n{more}",
            self.listen, self.sandbox
        );
        std::fs::write(self.config(), text).unwrap();
    }

    /// Adds tables to the settings as they are.
    pub fn append(&self, tables: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap() + tables;
        std::fs::write(self.config(), text).unwrap();
    }

    /// The settings' file.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("souk.toml")
    }

    /// Where the shop keeps its data.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A file beside the data.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A command on this place: `souk <words> --config .. --data-dir ..`.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = souk();
        command.args(words).arg("--config").arg(self.config()).arg("--data-dir").arg(self.data());
        command
    }

    /// The provider, as a process of its own: a third party's, which does not die with the shop.
    pub async fn provider(&self) -> Running {
        let listen = self.sandbox.to_string();
        Running::start(
            self.command(&["psp-sandbox", "--listen", &listen]),
            self.log("provider"),
            "payment sandbox listens",
        )
        .await
    }

    /// A whole shop, open.
    pub async fn up(&self, words: &[&str]) -> Running {
        let mut command = self.command(&["up"]);
        command.args(words);
        Running::start(command, self.log("shop"), "the shop is open").await
    }

    /// A file for what a process says.
    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.log"))
    }

    /// The public listener.
    pub fn shop(&self) -> Shop {
        Shop::at(self.listen).with_mails(self.data().join("mail"))
    }

    /// The address of the private database while it runs.
    pub async fn database(&self) -> String {
        Managed::find_running(&self.data()).await.unwrap().expect("a running database")
    }

    /// A look at the services' data from this process.
    pub async fn inside(&self, database_url: &str) -> Inside {
        self.inside_of(database_url, &["pricing", "inventory", "payment", "order"]).await
    }

    /// The same with these services.
    pub async fn inside_of(&self, database_url: &str, roles: &[&'static str]) -> Inside {
        let mut config = Config::load(Some(&self.config())).unwrap();
        config.data_dir = self.data();
        config.database.url = Some(database_url.to_owned());
        config.database.connections = 12 + roles.len() * 4;
        let roles = roles.to_vec();
        config.internal.ports = roles.iter().map(|role| ((*role).to_owned(), free_port())).collect();
        let start = Start { config, roles, may_migrate: false, own_sandbox: false, metrics: None };
        Inside { process: Process::start(start).await.unwrap(), url: database_url.to_owned() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let data = self.data();
        let stop = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                if let Ok(Some(_)) = Managed::find_running(&data).await {
                    let adopted = Managed::start(&data, ManagedOptions::default()).await;
                    if let Ok(managed) = adopted {
                        let stopped = managed.stop().await;
                        assert!(stopped.is_ok() || std::thread::panicking(), "{stopped:?}");
                    }
                }
            });
        };
        // A runtime cannot be made inside the test's own.
        let stopped = std::thread::spawn(stop).join();
        assert!(stopped.is_ok() || std::thread::panicking(), "the database did not stop");
    }
}

/// The services' data behind the shop's back.
pub struct Inside {
    process: Process,
    url: String,
}

impl Inside {
    /// The services.
    pub fn clients(&self) -> &Clients {
        self.process.clients()
    }

    /// Waits until nothing is under way and checks the invariants.
    pub async fn check(&self) {
        invariants::check(&self.url, self.clients(), invariants::Index::Embedded).await;
    }

    /// Leaves.
    pub async fn leave(self) {
        self.process.stop().await.unwrap();
    }
}

/// A running process.
pub struct Running {
    child: Child,
    log: PathBuf,
    /// From the start until it was ready.
    pub took: Duration,
}

impl Running {
    /// Starts and waits until it says that it is ready.
    pub async fn start(mut command: Command, log: PathBuf, ready: &str) -> Self {
        let file = std::fs::File::create(&log).unwrap();
        let started = Instant::now();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let mut running = Self { child, log, took: Duration::ZERO };
        while !running.said().contains(ready) {
            let ended = running.child.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {ended:?}\n{}", running.said());
            assert!(started.elapsed() < PATIENCE, "{command:?} is not ready: {}", running.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        running.took = started.elapsed();
        running
    }

    /// One that was started elsewhere and logs to `log`.
    pub fn of(child: Child, log: PathBuf) -> Self {
        Self { child, log, took: Duration::ZERO }
    }

    /// Everything it logged.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = std::cell::RefCell::new(&mut self.child);
        eventually("the process ends", PATIENCE, || async {
            child.borrow_mut().try_wait().unwrap().ok_or("still running")
        })
        .await
    }

    /// Ctrl-C, and its end must be a good one.
    pub async fn stop(mut self) {
        self.signal(Signal::SIGINT);
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", self.said());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Its end is all that is wanted; that it may be gone by now is fine.
            let _ = self.child.kill();
            let _ = self.child.wait();
            if std::thread::panicking() {
                eprintln!("--- {} ---\n{}", self.log.display(), tail(&self.log));
            }
        }
    }
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
