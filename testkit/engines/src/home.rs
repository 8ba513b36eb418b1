//! An engine's throw-away directory, and the supervisor that takes the engine and the directory away when this process
//! ends, whatever ended it.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Waits until its end of the pipe closes, which is when the handle is dropped or the process ends. Servers are leaders
/// of process groups; who writes `server.pid` after this has looked finds no directory and gives up (see [`LAUNCHER`]).
const SUPERVISOR: &str = r#"trap '' INT TERM HUP
cat > /dev/null
group=$(cat "$1/server.pid" 2> /dev/null) && [ -n "$group" ] && kill -KILL "-$group" 2> /dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf "$1" 2> /dev/null && [ ! -e "$1" ] && exit
    sleep 0.1
done"#;

/// Notes its process id, which stays the same, and becomes the server.
pub(crate) const LAUNCHER: &str = r#"echo $$ > "$1" || exit 1
shift
exec "$@""#;

/// The directory of one engine.
pub(crate) struct Home {
    dir: PathBuf,
    supervisor: Child,
}

impl Home {
    /// A new one, in the system's directory for temporary files.
    pub(crate) fn new(engine: &str) -> io::Result<Home> {
        let prefix = format!("souk-{}-", engine.to_lowercase());
        let dir = tempfile::Builder::new().prefix(&prefix).tempdir()?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SUPERVISOR, "souk-engine-supervisor"]).arg(dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        // Ctrl-C ends the process, not its cleaning.
        command.process_group(0);
        let supervisor = command.spawn()?;
        Ok(Home { dir: dir.keep(), supervisor })
    }

    /// Where the engine keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// What the engine prints.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Where the launcher notes the server's process id.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.dir.join("server.pid")
    }

    /// All of it.
    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        // It ends by itself; waiting leaves no zombie.
        let _ = self.supervisor.wait();
    }
}
