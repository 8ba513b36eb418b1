//! Why an engine could not be had, in words that say what to do. `Debug` prints the same words, so that a test's
//! `unwrap` does, too.

use std::io;

/// An engine that could not be found, started or signalled.
#[derive(thiserror::Error)]
pub enum EngineError {
    /// A program or its files are not there.
    #[error("{what} is missing: run {command}")]
    Missing {
        /// What.
        what: String,
        /// The command that installs it.
        command: &'static str,
    },
    /// The operating system said no.
    #[error("{engine}: could not {what}: {error}")]
    Io {
        /// Which engine.
        engine: &'static str,
        /// What was tried.
        what: String,
        /// Why not.
        error: io::Error,
    },
    /// It ended, or did not answer in time.
    #[error("{engine} is not ready: {why}\nthe end of its log:\n{tail}")]
    NotReady {
        /// Which engine.
        engine: &'static str,
        /// What was seen last.
        why: String,
        /// Last lines of what it printed.
        tail: String,
    },
}

impl std::fmt::Debug for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
