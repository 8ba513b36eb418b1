//! Test fleet: processes of some roles each, on a given database; every role proves who it is with a certificate.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use souk_postgres::TestDb;
use souk_testkit::free_port;

use crate::place::{Place, Running, said, souk};

/// A database, and the settings of all processes.
pub struct Fleet {
    pub db: TestDb,
    pub place: Place,
}

impl Fleet {
    /// Nothing runs yet.
    pub async fn new() -> Self {
        Self::with("", "").await
    }

    /// The same with more settings below `[internal]`, and more tables.
    pub async fn with(internal: &str, tables: &str) -> Self {
        let fleet = Self::on(TestDb::new(&souk::all_migrations()).await, internal, tables);
        souk::migrate(&fleet.db.url()).await.unwrap();
        fleet
    }

    /// The same on a database as it is.
    pub fn on(db: TestDb, internal: &str, tables: &str) -> Self {
        let fleet = Self { db, place: Place::new() };
        said(souk().args(["pki", "init", "--host", "localhost", "--dir"]).arg(fleet.pki()));
        let ports: Vec<String> = souk::all_roles().iter().map(|role| format!("{role} = {}", free_port())).collect();
        fleet.place.configure_internal(
            internal,
            &format!("[internal.ports]\n{}\n[internal.tls]\ndir = {:?}\n{tables}", ports.join("\n"), fleet.pki()),
        );
        fleet
    }

    /// Where the certificates lie.
    pub fn pki(&self) -> PathBuf {
        self.place.data().with_file_name("pki")
    }

    /// `souk serve --role ...`.
    pub fn command(&self, roles: &str) -> Command {
        let mut command = self.place.command(&["serve", "--role", roles]);
        command.arg(format!("--database-url={}", self.db.url()));
        command
    }

    /// Starts it, and waits until it is ready.
    pub async fn start(&self, roles: &str, name: &str) -> Running {
        let log: PathBuf = self.place.log(name);
        Running::start(self.command(roles), log, "ready").await
    }
}

/// Where a running process shows what operators ask.
pub fn operations(process: &Running) -> SocketAddr {
    let log = process.said();
    let at = log.split("operations=").nth(1).unwrap_or_else(|| panic!("{log}"));
    at.split_whitespace().next().unwrap().parse().unwrap()
}
