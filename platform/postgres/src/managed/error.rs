//! Errors of a managed server: why it could not be had, in words that say what to do.

use std::{
    io,
    path::{Path, PathBuf},
};

/// A server that could not be found, made, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ManagedError {
    /// No PostgreSQL, or only an old one.
    #[error("PostgreSQL 15 or newer is needed{}: install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17), or name a running server with --database-url", match found { Some(major) => format!(" and only version {major} was found"), None => String::new() })]
    NotInstalled {
        /// Newest version found.
        found: Option<u32>,
    },
    /// The cluster was made by a version that is not installed.
    #[error(
        "the data in {at} was made by PostgreSQL {cluster}, and version {installed} is installed: install postgresql-{cluster}, or move the data over with pg_upgrade"
    )]
    OtherVersion {
        /// The cluster.
        at: PathBuf,
        /// Its version.
        cluster: u32,
        /// The newest that is installed.
        installed: u32,
    },
    /// Another process has the data directory.
    #[error(
        "the data directory {data_dir} is in use by another souk (process {pid}): stop that one, or choose another with --data-dir"
    )]
    InUse {
        /// The directory.
        data_dir: PathBuf,
        /// Who has it, as that process wrote it down.
        pid: String,
    },
    /// We are root and there is no user to run the server as.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user \"postgres\" nor \"nobody\": create one (useradd --system postgres), or run souk as an ordinary user"
    )]
    NoAccount,
    /// The data is where the server's user may not go.
    #[error(
        "the database in {base} cannot be reached by user \"{account}\", as which the server runs: let it pass (chmod o+x) every directory above, or move the data directory, for example to /var/lib/souk"
    )]
    Unreachable {
        /// Where it is.
        base: PathBuf,
        /// The user.
        account: String,
    },
    /// The remembered cluster is not there.
    #[error(
        "the database of this data directory should be in {base} and is not: put it back, or delete {remembered} to start an empty one"
    )]
    Gone {
        /// Where it should be.
        base: PathBuf,
        /// The file that says so.
        remembered: PathBuf,
    },
    /// The cluster vanished while its server was to be started again.
    #[error("there is no database in {base} any more")]
    Lost {
        /// Where it was.
        base: PathBuf,
    },
    /// A directory of ours belongs to another user or is open to others.
    #[error(
        "{path} exists and is not a private directory of ours (owner, mode 0700): remove it or set its owner and mode"
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// The file system said no.
    #[error("could not {what} {path}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A program failed.
    #[error("{program} failed: {output}")]
    Program {
        /// The program.
        program: &'static str,
        /// The end of what it printed.
        output: String,
    },
    /// The server ended or never answered.
    #[error("PostgreSQL did not start: {why}\nthe end of its log {log}:\n{tail}")]
    NotStarted {
        /// What was seen.
        why: String,
        /// The log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// The server does not end.
    #[error("PostgreSQL (process {pid}) did not stop within {seconds} s")]
    NotStopped {
        /// Process id.
        pid: u32,
        /// How long we waited.
        seconds: u64,
    },
    /// A statement during set-up failed.
    #[error("setting up the database failed: {0}")]
    SetUp(#[from] souk_db::DbError),
}

impl ManagedError {
    pub(crate) fn io(what: &'static str, path: &Path, error: io::Error) -> Self {
        ManagedError::Io { what, path: path.to_owned(), error }
    }
}
