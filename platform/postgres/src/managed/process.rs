//! Server process: as whom and in which session it runs, and how it is told to stop.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{sleep, timeout},
};

use super::{
    ManagedError,
    data_directory::Account,
    running::{POLL, Running, STOP_WAIT},
};

/// After an immediate shutdown there is nothing to write.
const KILL_WAIT: Duration = Duration::from_secs(10);

/// Between looks at a child whose end is told anyway.
const CHILD_POLL: Duration = Duration::from_secs(1);
/// Between looks at a server that is not our child: its death is noticed within this.
const ADOPTED_POLL: Duration = Duration::from_millis(200);

/// A server's process: our child, or one we only know by its id.
pub(super) enum Process {
    Child(Child),
    Adopted(u32),
}

impl Process {
    pub(super) fn adopted(pid: u32) -> Process {
        Process::Adopted(pid)
    }

    pub(super) fn pid(&self) -> u32 {
        match self {
            Process::Child(child) => child.id(),
            Process::Adopted(pid) => *pid,
        }
    }

    fn signal(&self, signal: Signal) {
        let Ok(pid) = i32::try_from(self.pid()) else { return };
        if let Err(error) = kill(Pid::from_raw(pid), signal) {
            tracing::debug!(pid, %error, "could not signal the database server");
        }
    }

    /// Waits until the server ends by itself, and says how. A child's end is told by the system at once; an adopted one is
    /// another process's child and is looked at.
    pub(super) async fn ended_by_itself(&mut self) -> String {
        let mut children = match signal(SignalKind::child()) {
            Ok(children) => Some(children),
            Err(error) => {
                tracing::debug!(%error, "the system does not tell of ended processes");
                None
            }
        };
        loop {
            match self {
                Process::Child(child) => match child.try_wait() {
                    Ok(None) => {}
                    Ok(Some(status)) => return format!("it ended with {status}"),
                    Err(error) => return format!("it cannot be waited for: {error}"),
                },
                Process::Adopted(pid) if !is_alive(*pid) => return "it is gone".into(),
                Process::Adopted(_) => {}
            }
            match (&*self, &mut children) {
                (Process::Child(_), Some(children)) => {
                    // Only a signal that came twice before it was looked at needs the pause.
                    let _ = timeout(CHILD_POLL, children.recv()).await;
                }
                _ => sleep(ADOPTED_POLL).await,
            }
        }
    }

    /// The end of a power cut, waited for. The server's own children notice and end by themselves.
    pub(super) async fn kill(mut self, running: &Running) -> bool {
        self.signal(Signal::SIGKILL);
        self.ended(running, KILL_WAIT).await
    }

    /// "Fast" shutdown, not waited for.
    pub(super) fn ask_to_stop(&self) {
        self.signal(Signal::SIGINT);
    }

    pub(super) async fn stop(mut self, running: &Running) -> Result<(), ManagedError> {
        self.ask_to_stop();
        if self.ended(running, STOP_WAIT).await {
            return Ok(());
        }
        tracing::warn!(pid = self.pid(), "the database server does not stop, dropping everything");
        self.signal(Signal::SIGQUIT);
        if self.ended(running, KILL_WAIT).await {
            return Ok(());
        }
        Err(ManagedError::NotStopped { pid: self.pid(), seconds: (STOP_WAIT + KILL_WAIT).as_secs() })
    }

    async fn ended(&mut self, running: &Running, wait: Duration) -> bool {
        let started = Instant::now();
        while started.elapsed() < wait {
            let ended = match self {
                Process::Child(child) => !matches!(child.try_wait(), Ok(None)),
                // One that died without a word leaves its lock file.
                Process::Adopted(pid) => !running.wrote_lock_file() || !is_alive(*pid),
            };
            if ended {
                return true;
            }
            sleep(POLL).await;
        }
        false
    }
}

/// True while a process runs. A zombie, whose parent has not read its status yet, does not.
fn is_alive(pid: u32) -> bool {
    let Ok(raw) = i32::try_from(pid) else { return false };
    if kill(Pid::from_raw(raw), None) == Err(Errno::ESRCH) {
        return false;
    }
    // "4711 (postgres) Z ..."; other systems than Linux have no such file, and adopt no zombies' parents either.
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    let state = state.ok().and_then(|text| Some(text.rsplit_once(')')?.1.trim_start().chars().next()));
    !matches!(state, Some(Some('Z' | 'X')))
}

/// A command as the server's user, with a clean environment (PGDATA, PGPORT, locale and the like would change what it
/// does) and in a directory that user may be in.
pub(super) fn as_account(program: &Path, account: Option<&Account>, cwd: &Path) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("LC_ALL", "C").env("TZ", "UTC").current_dir(cwd);
    if let Some(account) = account {
        // As root this also drops the supplementary groups.
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// As above, in a session of its own, so that neither Ctrl-C nor a closed terminal reaches it. Where there is no
/// `setsid` program (macOS), in a process group of its own, which Ctrl-C does not reach either.
pub(super) fn in_own_session(program: &Path, account: Option<&Account>, cwd: &Path) -> Command {
    let setsid = ["/usr/bin/setsid", "/bin/setsid"].into_iter().map(Path::new).find(|path| path.is_file());
    match setsid {
        Some(setsid) => {
            let mut command = as_account(setsid, account, cwd);
            command.arg(program);
            command
        }
        None => {
            let mut command = as_account(program, account, cwd);
            command.process_group(0);
            command
        }
    }
}
