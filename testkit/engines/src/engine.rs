//! One server process: started, probed, hung, killed, restarted. What differs between engines is their [`Kind`].

use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use parking_lot::Mutex;

use crate::EngineError;
use crate::home::{Home, LAUNCHER};
use crate::installed::Account;

/// Between two looks at a server that starts: short against the 20 ms that the quickest takes.
const POLL: Duration = Duration::from_millis(10);
/// A probe that hangs is tried again.
const PROBE: Duration = Duration::from_secs(5);
/// Lines of a log that say what was wrong: a Java exception with its causes.
const TAIL_LINES: usize = 60;

/// What is special about an engine.
pub trait Kind: Send + Sync + 'static {
    /// `Redis`.
    const NAME: &'static str;
    /// How long it may take to start on a busy machine.
    const PATIENCE: Duration;
    /// As root it must be run as another user.
    const REFUSES_ROOT: bool = false;

    /// Writes what it needs below `home`, keeps data in `home/data`, and says what to run there, in the foreground.
    ///
    /// # Errors
    /// [`EngineError::Missing`] when it is not installed.
    fn command(&self, home: &Path) -> Result<Command, EngineError>;

    /// Asks as a client would. An error says what is still wrong.
    fn probe(&self) -> impl Future<Output = Result<(), String>> + Send;
}

/// A running server. Dropping it, or the end of this process, takes it and its data away.
pub struct Engine<K: Kind> {
    kind: K,
    child: Mutex<Option<Child>>,
    home: Home,
}

impl<K: Kind> Engine<K> {
    /// Starts what `kind` says, with a directory of its own; ready when this returns.
    ///
    /// # Errors
    /// In words, when there is none to be had.
    pub async fn launch(kind: K) -> Result<Self, EngineError> {
        let home = Home::new(K::NAME).map_err(|error| failed::<K>("make a directory", error))?;
        fs::create_dir(home.data()).map_err(|error| failed::<K>("make a directory", error))?;
        let engine = Engine { kind, child: Mutex::new(None), home };
        engine.run().await?;
        Ok(engine)
    }

    /// Stops it in the middle of whatever it does: connections stay open, and no process answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<(), EngineError> {
        let group = self.signal(Signal::SIGSTOP, "pause it")?;
        // The signal is under way; from here on it has arrived. An engine that ended meanwhile does not answer either.
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(group), flags).map_err(|error| failed::<K>("pause it", error.into()))?;
        Ok(())
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result<(), EngineError> {
        self.signal(Signal::SIGCONT, "resume it").map(drop)
    }

    /// `kill -9`; its port is free when this returns. Killing a dead one is fine.
    pub fn kill(&self) {
        let mut child = self.child.lock();
        if let Some(mut child) = child.take() {
            // Either fails only when it has ended by itself.
            let _ = killpg(group_of(&child), Signal::SIGKILL);
            let _ = child.wait();
            let _ = fs::remove_file(self.home.pid_file());
        }
    }

    /// Asks it to end (SIGTERM) and waits until it has; its port is free then. Asking a dead one is fine.
    ///
    /// # Errors
    /// When it ends in another way than with success, or not in time: it is killed then.
    pub async fn terminate(&self, patience: Duration) -> Result<(), EngineError> {
        if self.signal(Signal::SIGTERM, "end it").is_err() {
            return Ok(());
        }
        let started = Instant::now();
        while started.elapsed() < patience {
            if let Some(how) = self.ended() {
                self.kill();
                return if how.success() { Ok(()) } else { Err(self.not_ready(format!("it ended with {how}"))) };
            }
            tokio::time::sleep(POLL).await;
        }
        self.kill();
        Err(self.not_ready(format!("it did not end within {patience:?}")))
    }

    /// Kills it if it runs and starts it on the same port with the same data; ready when this returns.
    ///
    /// # Errors
    /// [`EngineError::NotReady`].
    pub async fn restart(&self) -> Result<(), EngineError> {
        self.kill();
        self.run().await
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.lock().as_ref().map(Child::id)
    }

    /// True while its process is there, hung or not.
    pub fn is_running(&self) -> bool {
        self.pid().is_some() && self.ended().is_none()
    }

    /// The file of what it prints.
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    /// The last lines of what it printed.
    pub fn log_tail(&self) -> String {
        let text = fs::read(self.home.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// How it is run.
    pub fn kind(&self) -> &K {
        &self.kind
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    async fn run(&self) -> Result<(), EngineError> {
        let inner = self.kind.command(self.home.path())?;
        let child = self.spawn(&inner).map_err(|error| failed::<K>("start it", error))?;
        *self.child.lock() = Some(child);
        let started = Instant::now();
        loop {
            let why = match tokio::time::timeout(PROBE, self.kind.probe()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(why)) => why,
                Err(_) => format!("no answer within {PROBE:?}"),
            };
            if let Some(how) = self.ended() {
                return Err(self.not_ready(format!("it ended with {how}")));
            }
            if started.elapsed() > K::PATIENCE {
                return Err(self.not_ready(format!("{why}, after {:?}", K::PATIENCE)));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Starts `inner` through the launcher, in a process group of its own, which Ctrl-C does not reach.
    fn spawn(&self, inner: &Command) -> io::Result<Child> {
        let log = File::options().create(true).append(true).open(self.home.log())?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", LAUNCHER, "souk-engine"]).arg(self.home.pid_file());
        command.arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir(inner.get_current_dir().unwrap_or(self.home.path()));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        if let (true, Some(account)) = (K::REFUSES_ROOT, Account::if_root()?) {
            account.own(self.home.path())?;
            command.uid(account.uid).gid(account.gid);
        }
        command.spawn()
    }

    fn ended(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock();
        child.as_mut()?.try_wait().ok().flatten()
    }

    fn not_ready(&self, why: String) -> EngineError {
        EngineError::NotReady { engine: K::NAME, why, tail: self.log_tail() }
    }

    fn signal(&self, signal: Signal, what: &str) -> Result<Pid, EngineError> {
        let child = self.child.lock();
        let gone = || failed::<K>(what, io::Error::from(io::ErrorKind::NotFound));
        let group = group_of(child.as_ref().ok_or_else(gone)?);
        killpg(group, signal).map_err(|error| failed::<K>(what, error.into()))?;
        Ok(group)
    }
}

impl<K: Kind> Drop for Engine<K> {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn failed<K: Kind>(what: &str, error: io::Error) -> EngineError {
    EngineError::Io { engine: K::NAME, what: what.to_owned(), error }
}

/// The launcher made the server the leader of a group.
fn group_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX))
}
