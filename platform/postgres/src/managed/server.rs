//! Start of a server: making its cluster, launching it, waiting until it takes work.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use uuid::Uuid;

use super::{
    ManagedError, ManagedOptions, NAME,
    data_directory::{self, Account, DataDirectory},
    process::{Process, as_account, in_own_session},
    programs::Programs,
    running::{POLL, Probe, Running, START_WAIT},
    settings,
};

/// Between looks at a server that takes longer to start.
const LONGEST_POLL: Duration = Duration::from_millis(100);
/// Of the log in an error message.
const TAIL_LINES: usize = 12;

/// Where a cluster is made before it is moved to where it stays; what an interrupted attempt left there is gone.
fn beside(directory: &DataDirectory) -> Result<PathBuf, ManagedError> {
    let fresh = directory.base.join("pgdata.new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(|error| ManagedError::io("remove", &fresh, error))?;
    }
    Ok(fresh)
}

fn move_in(fresh: &Path, directory: &DataDirectory) -> Result<(), ManagedError> {
    let pgdata = directory.pgdata();
    fs::rename(fresh, &pgdata).map_err(|error| ManagedError::io("rename", &pgdata, error))
}

/// Makes the cluster beside where it stays and moves it there when it is whole, so that an interrupted attempt leaves none.
pub(super) async fn initialise(
    directory: &DataDirectory,
    programs: &Programs,
    account: Option<&Account>,
    throw_away: bool,
) -> Result<(), ManagedError> {
    let fresh = beside(directory)?;
    let mut output = initdb(&fresh, programs, account, &directory.base, throw_away, "C.UTF-8").await?;
    // C.UTF-8 sorts by code point and knows all letters, but not every system has it.
    if output.contains("locale") {
        output = initdb(&fresh, programs, account, &directory.base, throw_away, "C").await?;
    }
    if !fresh.join("PG_VERSION").is_file() {
        return Err(ManagedError::Program { program: "initdb", output });
    }
    move_in(&fresh, directory)
}

/// While it is there a server starts as a standby; it removes it when it is promoted.
const STANDBY: &str = "standby.signal";

/// Makes a standby's cluster: a copy of what `primary` has. Moved to where it stays when it is whole, as above.
pub(super) async fn copy(
    primary: &Running,
    directory: &DataDirectory,
    programs: &Programs,
    account: Option<&Account>,
    throw_away: bool,
) -> Result<(), ManagedError> {
    let fresh = beside(directory)?;
    let program = programs.basebackup();
    let mut command = as_account(&program, account, &directory.base);
    command.arg("-D").arg(&fresh).args(["-X", "stream", "-c", "fast", "-d"]).arg(primary.conninfo("base backup"));
    if throw_away {
        command.arg("--no-sync");
    }
    let mut touch = as_account(Path::new("touch"), account, &directory.base);
    touch.arg(fresh.join(STANDBY));
    let run = move || match command.output()? {
        output if output.status.success() => touch.output(),
        output => Ok(output),
    };
    let output = tokio::task::spawn_blocking(run).await.map_err(std::io::Error::other).and_then(|output| output);
    let output = output.map_err(|error| ManagedError::io("run", &program, error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(ManagedError::Program { program: "pg_basebackup", output: said });
    }
    move_in(&fresh, directory)
}

/// Empty on success, else what it printed.
async fn initdb(
    fresh: &Path,
    programs: &Programs,
    account: Option<&Account>,
    cwd: &Path,
    throw_away: bool,
    locale: &str,
) -> Result<String, ManagedError> {
    let mut command = as_account(&programs.initdb(), account, cwd);
    command.arg("-D").arg(fresh).args(["-U", NAME, "-A", "trust", "-E", "UTF8", "--no-instructions"]);
    command.arg(format!("--locale={locale}"));
    if throw_away {
        command.arg("--no-sync");
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.map_err(std::io::Error::other).and_then(|output| output);
    let output = output.map_err(|error| ManagedError::io("run", &programs.initdb(), error))?;
    if output.status.success() {
        return Ok(String::new());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(format!("{}: {said}", output.status))
}

/// Writes the configuration and becomes the server. A shell as the server's user does it because we may be root, and
/// root must not write or chown by name in a directory where another user can plant links. 16 MiB of log are kept twice.
const LAUNCH: &str = r#"umask 077
if [ -f postgres.log ] && [ "$(wc -c < postgres.log)" -gt 16777216 ]; then mv -f postgres.log postgres.log.1; fi
exec >> postgres.log 2>&1
mkdir -p "$2" && printf %s "$4" > "$1/postgresql.conf" && printf %s "$5" > "$1/pg_hba.conf" && exec "$3" -D "$1"
"#;

/// Starts the server and waits until it takes work.
pub(super) async fn launch(
    directory: &DataDirectory,
    programs: &Programs,
    account: Option<&Account>,
    options: &ManagedOptions,
) -> Result<(Process, Running), ManagedError> {
    let standby = directory.pgdata().join(STANDBY).exists();
    let (mut process, running) = spawn(directory, programs, account, options)?;
    await_ready(directory, &mut process, &running).await?;
    running.ensure_database().await?;
    if statistics(programs, options) && !standby {
        running.ensure_statistics().await;
    }
    Ok((process, running))
}

fn statistics(programs: &Programs, options: &ManagedOptions) -> bool {
    programs.has_statement_statistics() && !options.throw_away
}

/// Starts the server, which then recovers what a crash left.
pub(super) fn spawn(
    directory: &DataDirectory,
    programs: &Programs,
    account: Option<&Account>,
    options: &ManagedOptions,
) -> Result<(Process, Running), ManagedError> {
    let socket_dir = directory.socket_dir();
    if !socket_dir.starts_with(&directory.base) {
        data_directory::private_dir(&socket_dir, account)?;
    }
    let pgdata = directory.pgdata();
    let mut command = in_own_session(Path::new("/bin/sh"), account, &directory.base);
    command.args(["-c", LAUNCH, "souk"]).arg(&pgdata).arg(&socket_dir).arg(programs.postgres());
    command.arg(settings::postgresql_conf(options, &socket_dir, statistics(programs, options)));
    command.arg(settings::pg_hba_conf(options.tcp_port.is_some()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(|error| ManagedError::io("run", &programs.postgres(), error))?;
    let running = Running { pid: child.id(), pgdata, socket_dir, port: options.tcp_port.unwrap_or(5432) };
    Ok((Process::Child(child), running))
}

/// Waits until the server takes work; one that does not is told to stop.
pub(super) async fn await_ready(
    directory: &DataDirectory,
    process: &mut Process,
    running: &Running,
) -> Result<(), ManagedError> {
    let Err(why) = wait_until_ready(process, running).await else { return Ok(()) };
    process.ask_to_stop();
    let log = directory.log_file();
    Err(ManagedError::NotStarted { why, tail: tail_of(&log), log })
}

async fn wait_until_ready(process: &mut Process, running: &Running) -> Result<(), String> {
    let (started, mut pause) = (Instant::now(), POLL);
    loop {
        if let Process::Child(child) = process
            && let Ok(Some(status)) = child.try_wait()
        {
            return Err(format!("it ended with {status}"));
        }
        if matches!(running.probe(NAME).await, Probe::Ready | Probe::NoDatabase) {
            return Ok(());
        }
        if started.elapsed() > START_WAIT {
            return Err(format!("it did not answer within {} s", START_WAIT.as_secs()));
        }
        sleep(pause).await;
        // Each question is a process of the server's, which may be recovering for minutes.
        pause = (pause * 2).min(LONGEST_POLL);
    }
}

const SET_PASSWORD: &str =
    "DO $$ BEGIN EXECUTE format('ALTER ROLE souk PASSWORD %L', current_setting('souk.password')); END $$";

/// Draws a password for this start and returns the URL that carries it.
pub(super) async fn open_tcp(running: &Running, port: u16) -> Result<String, ManagedError> {
    let password = Uuid::new_v4().simple().to_string();
    let session = running.connect(NAME).await?;
    // By way of a parameter, so that neither an error nor a log quotes it.
    session.query("select set_config('souk.password', $1, false)", &[&password]).await?;
    session.run(SET_PASSWORD).await?;
    Ok(format!("postgresql://{NAME}:{password}@127.0.0.1:{port}/{NAME}"))
}

/// A cluster in the fallback location whose data directory was deleted and made anew: stopped when it runs, and moved
/// aside, not deleted, because it may hold orders.
pub(super) async fn set_aside(directory: &DataDirectory) -> Result<(), ManagedError> {
    if let Some(running) = Running::find(directory).await? {
        Process::adopted(running.pid).stop(&running).await?;
    }
    let orphan = directory.base.with_extension(format!("orphan-{}", Uuid::new_v4().simple()));
    fs::rename(&directory.base, &orphan).map_err(|error| ManagedError::io("rename", &directory.base, error))?;
    tracing::warn!(moved_to = %orphan.display(), "found the database of a deleted data directory and moved it aside");
    Ok(())
}

fn tail_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
