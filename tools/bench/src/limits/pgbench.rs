//! `pgbench`, PostgreSQL's own benchmark, on a database made for it and dropped after: what this server does without a shop.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::process::Command;
use tokio_postgres::config::Host;

use crate::target::local_database;

/// 1 million accounts, 150 MB: more than a shop's hot rows, less than the server's memory.
const SCALE: &str = "10";
/// As many as the shop's pools keep busy.
const CLIENTS: &str = "16";
const THREADS: &str = "2";

/// Transactions a second, prepared statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Pgbench {
    /// One indexed SELECT each.
    pub select_only: f64,
    /// Three updates, a select and an insert each, committed to disk.
    pub tpc_b: f64,
}

/// Runs it for `seconds` each against the server of `url`; `Err` in the result's inside says why it was left out.
///
/// # Errors
/// It is there and failed.
pub async fn pgbench(url: &str, seconds: u64) -> anyhow::Result<Result<Pgbench, String>> {
    let Some(dir) = directory() else {
        return Ok(Err("pgbench is not installed (Debian: postgresql-contrib)".into()));
    };
    let tools = Tools { dir, server: server_options(url)?, name: format!("souk_pgbench_{}", std::process::id()) };
    tools.run("createdb", &[&tools.name]).await?;
    let measured = tools.measure(seconds).await;
    let dropped = tools.run("dropdb", &["--force", "--if-exists", &tools.name]).await;
    let measured = measured?;
    dropped?;
    Ok(Ok(measured))
}

struct Tools {
    dir: PathBuf,
    server: Server,
    name: String,
}

struct Server {
    options: Vec<String>,
    password: Option<String>,
}

impl Tools {
    async fn measure(&self, seconds: u64) -> anyhow::Result<Pgbench> {
        self.run("pgbench", &["-i", "-q", "-s", SCALE, &self.name]).await?;
        let seconds = seconds.to_string();
        let common = ["-n", "-M", "prepared", "-c", CLIENTS, "-j", THREADS, "-T", &seconds];
        let tps = async |extra: &[&str]| {
            let options: Vec<&str> = common.iter().chain(extra).copied().collect();
            let text = self.run("pgbench", &options).await?;
            parse_tps(&text).with_context(|| format!("pgbench says no tps: {text}"))
        };
        Ok(Pgbench { select_only: tps(&["-S", &self.name]).await?, tpc_b: tps(&[&self.name]).await? })
    }

    async fn run(&self, program: &str, options: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(self.dir.join(program));
        command.args(&self.server.options).args(options).kill_on_drop(true);
        if let Some(password) = &self.server.password {
            command.env("PGPASSWORD", password);
        }
        let output = command.output().await.with_context(|| format!("{program} does not start"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{program} failed: {}", said.trim());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// `-h`, `-p`, `-U` of the server in `url`.
fn server_options(url: &str) -> anyhow::Result<Server> {
    let config = local_database(url)?;
    let mut options = Vec::new();
    match config.get_hosts().first() {
        Some(Host::Unix(path)) => options.extend(["-h".to_owned(), path.display().to_string()]),
        Some(Host::Tcp(name)) => options.extend(["-h".to_owned(), name.trim_matches(['[', ']']).to_owned()]),
        None => {}
    }
    if let Some(port) = config.get_ports().first() {
        options.extend(["-p".to_owned(), port.to_string()]);
    }
    if let Some(user) = config.get_user() {
        options.extend(["-U".to_owned(), user.to_owned()]);
    }
    let password = config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Ok(Server { options, password })
}

/// Where pgbench, createdb and dropdb are: on the path, or where Debian puts the newest.
fn directory() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort_unstable_by_key(|(version, _)| std::cmp::Reverse(*version));
    let places = debian.into_iter().map(|(_, dir)| dir).chain(std::env::split_paths(&path));
    places.into_iter().find(|dir| ["pgbench", "createdb", "dropdb"].iter().all(|name| dir.join(name).is_file()))
}

fn parse_tps(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_is_found_in_what_pgbench_says() {
        let text = "pgbench (15.9)\nnumber of transactions actually processed: 13\ntps = 4831.123456 (without initial connection time)\n";
        assert_eq!(parse_tps(text), Some(4831.123456));
        assert_eq!(parse_tps("pgbench: error"), None);
    }

    #[test]
    fn the_server_is_named_by_options_and_the_password_is_not_among_them() {
        let server = server_options("postgresql://u:secret@%2Frun%2Fpg:5433/d").unwrap();
        assert_eq!(server.options, ["-h", "/run/pg", "-p", "5433", "-U", "u"]);
        assert_eq!(server.password.as_deref(), Some("secret"));
    }
}
