//! Supervision of the managed server: its death is noticed at once, it is started again with growing pauses, and given up
//! after so many tries within a window, because a process that is alive and serves nothing would never be restarted.
//!
//! A full disk is no reason to give up: space comes back, and a restart of everything would not bring it.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use nix::sys::{
    signal::{Signal, kill},
    statvfs::statvfs,
};
use tokio::{runtime::Handle, sync::watch, task::JoinHandle, time::sleep};

use super::{
    ManagedError, ManagedOptions,
    data_directory::{Account, DataDirectory},
    process::Process,
    programs,
    running::Running,
    server,
};

/// Pause before the second try; doubles. The first is made at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause: what stands in the way may be the last statements of the dead server's own children.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// So many starts within [`WINDOW`], those that succeed included: a server that dies as often is not kept alive by one more.
const MAX_STARTS: usize = 20;
const WINDOW: Duration = Duration::from_secs(120);
/// One segment of the log, and some more for what recovery writes: below this a start is not tried.
const ROOM: u64 = 32 << 20;
/// Between looks at a full disk.
const ROOM_POLL: Duration = Duration::from_secs(1);

/// How a supervised server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It takes work.
    Running,
    /// It died and is started again; why.
    Restarting(String),
    /// It died, and its disk is full: it is started when there is room.
    Full,
    /// It cannot be started; why. Nothing more is tried.
    Lost(String),
}

/// How to start a server again.
pub(super) struct Launcher {
    pub(super) directory: DataDirectory,
    pub(super) account: Option<Account>,
    pub(super) options: ManagedOptions,
}

impl Launcher {
    /// Starts the server with the programs that are installed now.
    fn spawn(&self) -> Result<(Process, Running), ManagedError> {
        let pgdata = self.directory.pgdata();
        let Some(major) = self.directory.major() else {
            return Err(ManagedError::Lost { base: self.directory.base.clone() });
        };
        let programs = programs::choose(programs::installed(), Some((major, pgdata.as_path())))?;
        server::spawn(&self.directory, &programs, self.account.as_ref(), &self.options)
    }
}

/// The task that looks after a server.
pub(super) struct Supervisor {
    stop: watch::Sender<bool>,
    task: JoinHandle<Option<(Process, Running)>>,
    pid: Arc<AtomicU32>,
    health: watch::Receiver<Health>,
}

impl Supervisor {
    /// Looks after `process` from now on. `name` is what the log calls it.
    pub(super) fn start(name: String, launcher: Launcher, process: Process, running: Running) -> Self {
        let (stop, stopping) = watch::channel(false);
        let (said, health) = watch::channel(Health::Running);
        let pid = Arc::new(AtomicU32::new(process.pid()));
        let supervision = Supervision { name, launcher, said, pid: pid.clone(), starts: VecDeque::new() };
        let task = Handle::current().spawn(supervision.run(process, running, stopping));
        Self { stop, task, pid, health }
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Ends supervision; the server as it is then, unless it is down.
    pub(super) async fn stop(self) -> Option<(Process, Running)> {
        self.stop.send_replace(true);
        match self.task.await {
            Ok(server) => server,
            Err(error) => {
                tracing::error!(%error, "the supervision of the database server failed");
                None
            }
        }
    }

    /// "Fast" shutdown of what runs now, not waited for, and no start after it.
    pub(super) fn ask_to_stop(&self) {
        self.stop.send_replace(true);
        self.task.abort();
        let pid = self.pid.load(Ordering::SeqCst);
        if let Some(pid) = i32::try_from(pid).ok().filter(|pid| *pid > 0)
            && let Err(error) = kill(nix::unistd::Pid::from_raw(pid), Signal::SIGINT)
        {
            tracing::debug!(pid, %error, "could not signal the database server");
        }
    }
}

struct Supervision {
    name: String,
    launcher: Launcher,
    said: watch::Sender<Health>,
    /// 0 while it is down.
    pid: Arc<AtomicU32>,
    starts: VecDeque<Instant>,
}

impl Supervision {
    async fn run(
        mut self,
        mut process: Process,
        mut running: Running,
        mut stopping: watch::Receiver<bool>,
    ) -> Option<(Process, Running)> {
        loop {
            let how = tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => return Some((process, running)),
                how = process.ended_by_itself() => how,
            };
            self.pid.store(0, Ordering::SeqCst);
            let died = Instant::now();
            tracing::error!(
                server = self.name,
                pid = process.pid(),
                how,
                "the database server died, starting it again"
            );
            self.said.send_replace(Health::Restarting(how));
            match self.start_again(&mut stopping).await {
                Restarted::Yes(started, ready) => (process, running) = (started, ready),
                Restarted::Stopped(server) => return server,
                Restarted::Never => return None,
            }
            let millis = u64::try_from(died.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(server = self.name, pid = process.pid(), millis, "the database server is there again");
            self.said.send_replace(Health::Running);
        }
    }

    async fn start_again(&mut self, stopping: &mut watch::Receiver<bool>) -> Restarted {
        let mut pause = Duration::ZERO;
        loop {
            let waited = tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => return Restarted::Stopped(None),
                () = async { self.wait_for_room().await; sleep(pause).await } => self.may_start(),
            };
            if let Err(why) = waited {
                return self.give_up(why);
            }
            let failed = match self.launcher.spawn() {
                Ok((mut process, running)) => {
                    self.pid.store(process.pid(), Ordering::SeqCst);
                    let ready = tokio::select! {
                        biased;
                        _ = stopping.wait_for(|stop| *stop) => return Restarted::Stopped(Some((process, running))),
                        ready = server::await_ready(&self.launcher.directory, &mut process, &running) => ready,
                    };
                    match ready {
                        Ok(()) => return Restarted::Yes(process, running),
                        Err(error) => {
                            if let Err(hangs) = process.stop(&running).await {
                                return self.give_up(hangs.to_string());
                            }
                            self.pid.store(0, Ordering::SeqCst);
                            error
                        }
                    }
                }
                Err(error) => error,
            };
            if let Some(unsaid) = souk_runtime::should_log("database server does not start") {
                tracing::warn!(server = self.name, error = %failed, unsaid, "the database server does not start, trying again");
            }
            self.said.send_replace(Health::Restarting(failed.to_string()));
            pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        }
    }

    async fn wait_for_room(&self) {
        let mut said = false;
        while is_full(&self.launcher.directory.pgdata()) {
            if !std::mem::replace(&mut said, true) {
                tracing::error!(server = self.name, "the disk of the database is full: waiting for room");
                self.said.send_replace(Health::Full);
            }
            sleep(ROOM_POLL).await;
        }
    }

    /// Counts a start, unless there were too many.
    fn may_start(&mut self) -> Result<(), String> {
        while self.starts.front().is_some_and(|at| at.elapsed() > WINDOW) {
            self.starts.pop_front();
        }
        if self.starts.len() >= MAX_STARTS {
            let why = match &*self.said.borrow() {
                Health::Restarting(why) => why.clone(),
                _ => String::new(),
            };
            return Err(format!("{MAX_STARTS} starts within {} s did not help: {why}", WINDOW.as_secs()));
        }
        self.starts.push_back(Instant::now());
        Ok(())
    }

    fn give_up(&self, why: String) -> Restarted {
        tracing::error!(server = self.name, why, "the database server cannot be started");
        self.said.send_replace(Health::Lost(why));
        Restarted::Never
    }
}

enum Restarted {
    Yes(Process, Running),
    /// Told to stop; what runs by then.
    Stopped(Option<(Process, Running)>),
    Never,
}

/// Without an answer it is not full: the start will say what is wrong.
fn is_full(pgdata: &Path) -> bool {
    let Ok(disk) = statvfs(pgdata) else { return false };
    // 32 bits on macOS.
    #[allow(clippy::useless_conversion)]
    let free = u64::from(disk.blocks_available()).saturating_mul(disk.fragment_size());
    free < ROOM
}
