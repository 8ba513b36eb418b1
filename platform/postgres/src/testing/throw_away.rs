//! Throw-away directory of servers that end with this process, even by `kill -9`: a shell that this process only has to
//! outlive takes servers and files away.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{ManagedError, managed::Node};

/// Dozens of databases of 8 MB and their log for each of several test processes.
const MEMORY_ROOM: u128 = 4 << 30;

/// Waits for the end of the process (its end of the pipe closes, whatever ended it), then takes every server away that still
/// runs below the directory, and the directory. A server's working directory is its data's, which tells it from a process
/// that has its id now; where the system does not say (macOS), the lock file is believed.
const REAPER: &str = r#"trap '' INT TERM HUP
cat > /dev/null
root=$1
for dir in "$root"/*/pgdata; do
    pid=$(head -n 1 "$dir/postmaster.pid" 2> /dev/null) || continue
    [ "$(readlink "/proc/$pid/cwd" || echo "$dir")" = "$dir" ] && kill -QUIT "$pid" 2> /dev/null
done
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    ls "$root"/*/pgdata/postmaster.pid > /dev/null 2>&1 || break
    sleep 0.1
done
rm -rf "$root""#;

/// The directory. Each server has one of its own in it.
pub(super) struct ThrowAway {
    root: PathBuf,
    reaper: Child,
}

impl ThrowAway {
    /// A new one, whose name begins with `name`.
    pub(super) fn new(name: &str) -> Result<ThrowAway, ManagedError> {
        let root = parent_dir().join(format!("{name}-{}-{}", std::process::id(), uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&root).map_err(|error| ManagedError::io("create", &root, error))?;
        let reaper = reaper(&root).map_err(|error| ManagedError::io("watch over", &root, error))?;
        Ok(ThrowAway { root, reaper })
    }

    /// Where the server `name` is, or will be.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Takes everything away now, and waits for it.
    pub(super) fn remove(mut self, servers: Vec<Node>) -> io::Result<()> {
        // Their drop asks them to stop.
        drop(servers);
        drop(self.reaper.stdin.take());
        self.reaper.wait().map(drop)
    }
}

fn reaper(root: &Path) -> io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", REAPER, "souk-test-reaper"]).arg(root);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    // Ctrl-C ends the tests, not their cleaning.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

/// In memory where there is room for it: making a database there takes a quarter of the time (20 ms against 90).
fn parent_dir() -> PathBuf {
    let memory = Path::new("/dev/shm");
    // Their types differ between systems; this fits all.
    let room = nix::sys::statvfs::statvfs(memory).map(|fs| fs.blocks_available() as u128 * fs.fragment_size() as u128);
    if room.is_ok_and(|bytes| bytes >= MEMORY_ROOM) { memory.to_owned() } else { std::env::temp_dir() }
}
