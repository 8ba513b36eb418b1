//! Look-up of PostgreSQL's programs: on PATH, or where distributions put them.

use std::path::{Path, PathBuf};

use super::ManagedError;

/// Oldest major version all our SQL works with.
pub(super) const OLDEST: u32 = 15;

/// One installed PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Programs {
    pub(super) bin: PathBuf,
    pub(super) major: u32,
}

impl Programs {
    pub(super) fn postgres(&self) -> PathBuf {
        self.bin.join("postgres")
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.bin.join("initdb")
    }

    /// Beside the server proper: what was found may be links to a few programs only.
    pub(super) fn basebackup(&self) -> PathBuf {
        let server = std::fs::canonicalize(self.postgres()).unwrap_or_else(|_| self.postgres());
        server.with_file_name("pg_basebackup")
    }

    /// True when the module for statement statistics is installed (Debian: postgresql-contrib).
    pub(super) fn has_statement_statistics(&self) -> bool {
        let file = if cfg!(target_os = "macos") { "pg_stat_statements.dylib" } else { "pg_stat_statements.so" };
        let root = self.bin.parent().unwrap_or(&self.bin);
        ["lib", "lib64/pgsql", "lib/postgresql", "lib/pgsql"].iter().any(|lib| root.join(lib).join(file).is_file())
    }
}

/// The installation to use: of the cluster's own major version when there is a cluster, else the newest.
pub(super) fn choose(installed: Vec<Programs>, cluster: Option<(u32, &Path)>) -> Result<Programs, ManagedError> {
    let newest = installed.iter().map(|programs| programs.major).max();
    let Some(newest) = newest else { return Err(ManagedError::NotInstalled { found: None }) };
    if let Some((major, at)) = cluster {
        let matching = installed.into_iter().find(|programs| programs.major == major);
        let at = at.to_owned();
        return matching.ok_or(ManagedError::OtherVersion { at, cluster: major, installed: newest });
    }
    let found = installed.into_iter().find(|programs| programs.major == newest && newest >= OLDEST);
    found.ok_or(ManagedError::NotInstalled { found: Some(newest) })
}

/// Everything installed: PATH first, then the places of Debian, Red Hat, Homebrew and the EnterpriseDB installers.
pub(super) fn installed() -> Vec<Programs> {
    let mut bins: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    for (parent, below) in [
        ("/usr/lib/postgresql", "bin"),
        ("/usr", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/Library/PostgreSQL", "bin"),
    ] {
        for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // "15", "pgsql-16", "postgresql@17"; not every directory below /usr.
            if name.starts_with(|c: char| c.is_ascii_digit())
                || name.starts_with("pgsql")
                || name.starts_with("postgresql")
            {
                bins.push(entry.path().join(below));
            }
        }
    }
    let mut found: Vec<Programs> = Vec::new();
    for bin in bins {
        if !bin.join("initdb").is_file() || !bin.join("postgres").is_file() {
            continue;
        }
        let Some(major) = major_of(&bin.join("postgres")) else { continue };
        if !found.iter().any(|known| known.major == major) {
            found.push(Programs { bin, major });
        }
    }
    found
}

/// Asks the program, except where Debian's path already says it: a start is to be fast.
fn major_of(postgres: &Path) -> Option<u32> {
    let bin = postgres.parent()?;
    if bin.parent()?.parent()? == Path::new("/usr/lib/postgresql") {
        return bin.parent()?.file_name()?.to_str()?.parse().ok();
    }
    let output = std::process::Command::new(postgres).arg("--version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` or `.. 18beta1`.
fn parse_version(said: &str) -> Option<u32> {
    let after = said.split_once("(PostgreSQL) ")?.1;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(majors: &[u32]) -> Vec<Programs> {
        majors.iter().map(|&major| Programs { bin: format!("/pg/{major}/bin").into(), major }).collect()
    }

    #[test]
    fn newest_without_a_cluster_its_own_version_with_one() {
        let at = Path::new("/data");
        assert_eq!(choose(programs(&[15, 17, 16]), None).unwrap().major, 17);
        assert_eq!(choose(programs(&[15, 17]), Some((15, at))).unwrap().major, 15);
        let error = choose(programs(&[17]), Some((15, at))).unwrap_err().to_string();
        assert!(error.contains("15") && error.contains("17") && error.contains("/data"), "{error}");
    }

    #[test]
    fn none_or_too_old_says_what_to_install() {
        for installed in [programs(&[]), programs(&[13, 14])] {
            let error = choose(installed, None).unwrap_err().to_string();
            assert!(error.contains("apt-get install postgresql"), "{error}");
        }
    }

    #[test]
    fn versions_are_understood() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_version("bash: no such thing"), None);
    }
}
