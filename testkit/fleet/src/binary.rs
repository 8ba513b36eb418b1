//! The program, asked as an operator asks it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;

/// A built `souk`.
#[derive(Clone, Debug)]
pub struct Binary(PathBuf);

/// What is needed of a line of `souk roles --json`.
#[derive(Clone, Debug, Deserialize)]
pub struct RoleRow {
    /// `catalog-worker`.
    pub name: String,
}

impl Binary {
    /// The program at `path`, wherever its processes will work.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self(std::path::absolute(&path).unwrap_or(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A command that is not aware of the settings of the user who runs this.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.0);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SOUK_") {
                command.env_remove(name);
            }
        }
        command.args(words).stdin(Stdio::null());
        command
    }

    /// The roles it has.
    ///
    /// # Errors
    /// It cannot be run, or is no Souk.
    pub fn roles(&self) -> anyhow::Result<Vec<RoleRow>> {
        let said = output(&mut self.command(["roles", "--json"]))?;
        serde_json::from_str(&said).with_context(|| format!("{}: roles --json", self.0.display()))
    }
}

/// Runs a tool to its end; what it said when it succeeded.
///
/// # Errors
/// It cannot be run, or fails: with what it complained of.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}\n{complaint}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} did not print text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_from_here_is_found_from_elsewhere() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(Binary::new("target/release/souk").path(), here.join("target/release/souk"));
        assert_eq!(Binary::new("/usr/bin/souk").path(), Path::new("/usr/bin/souk"));
    }
}
