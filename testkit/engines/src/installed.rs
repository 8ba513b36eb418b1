//! Where programs are, and whose they are to run as.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use nix::unistd::{User, geteuid};

use crate::EngineError;

/// Names the directory that `scripts/engines` filled, if not `target/engines`.
const VARIABLE: &str = "SOUK_ENGINES";
/// The least privileged account every system has.
const NOBODY: &str = "nobody";

/// A program of the system, on PATH.
pub(crate) fn program(name: &str, command: &'static str) -> Result<PathBuf, EngineError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| EngineError::Missing { what: name.to_owned(), command })
}

/// What `scripts/engines NAME` installed.
pub(crate) fn engine(name: &str, command: &'static str) -> Result<PathBuf, EngineError> {
    let all = match std::env::var_os(VARIABLE) {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/engines"),
    };
    // Written last: without it the installation was broken off.
    let found = fs::canonicalize(all.join(name)).ok().filter(|dir| dir.join("stamp").is_file());
    found.ok_or_else(|| EngineError::Missing { what: all.join(name).display().to_string(), command })
}

/// User and group of a server that refuses to run as root, when we are root.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    pub(crate) fn if_root() -> io::Result<Option<Account>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let user = User::from_name(NOBODY)?.ok_or_else(|| io::Error::other("there is no user \"nobody\""))?;
        Ok(Some(Account { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
    }

    /// Makes `path` and all in it theirs.
    pub(crate) fn own(self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))?;
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                self.own(&entry?.path())?;
            }
        }
        Ok(())
    }
}

/// True when every user may read what lies in `dir` and enter all that is above it.
pub(crate) fn is_public(dir: &Path) -> bool {
    let has = |path: &Path, bits: u32| fs::metadata(path).is_ok_and(|meta| meta.mode() & bits == bits);
    has(dir, 0o005) && dir.ancestors().all(|above| has(above, 0o001))
}

/// Copies a directory with all in it.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
