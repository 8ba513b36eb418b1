//! Start-up dependencies: roles that start before their database is there, live through its absence, or have a reason to
//! give up.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use souk_postgres::{Managed, ManagedOptions, TestDb};
use souk_testkit::{Shop, eventually, free_port};

use crate::place::{PATIENCE, Place, Running, said, souk};

/// A stop by signal while nothing is under way; for a debug build on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);
/// The roles of these tests: one with tables, one without.
const ROLES: &str = "inventory,storefront";
const PASSWORD: &str = "s3cret-of-inventory";

/// A PostgreSQL server at one address, running or not.
struct Server {
    dir: tempfile::TempDir,
    port: u16,
    running: Option<Managed>,
}

impl Server {
    /// Its first start.
    async fn new() -> Self {
        let mut server = Self { dir: tempfile::tempdir().unwrap(), port: free_port(), running: None };
        server.start().await;
        server
    }

    async fn start(&mut self) {
        let options = ManagedOptions { tcp_port: Some(self.port), throw_away: true, ..ManagedOptions::default() };
        self.running = Some(Managed::start(self.dir.path(), options).await.unwrap());
    }

    async fn stop(&mut self) {
        self.running.take().unwrap().stop().await.unwrap();
    }

    fn admin(&self) -> &str {
        self.running.as_ref().unwrap().tcp_url().unwrap()
    }

    /// As services log in.
    fn url(&self) -> String {
        format!("postgresql://127.0.0.1:{}/souk", self.port)
    }

    fn place(&self) -> String {
        format!("postgresql at 127.0.0.1:{}/souk", self.port)
    }
}

/// Some roles, each service as itself.
fn serve(place: &Place, url: &str, operations: u16) -> Command {
    let mut command = place.command(&["serve", "--role", ROLES]);
    command.env("SOUK_DATABASE_URL", url).env("SOUK_DATABASE__LOGIN", "per-service");
    command.env("SOUK_DATABASE__PASSWORDS__INVENTORY", PASSWORD).env("SOUK_DATABASE__CONNECTIONS", "30");
    command.env("SOUK_INTERNAL__OPERATIONS", format!("127.0.0.1:{operations}"));
    for role in ["INVENTORY", "STOREFRONT"] {
        command.env(format!("SOUK_INTERNAL__PORTS__{role}"), free_port().to_string());
    }
    command
}

fn operations(port: u16) -> Shop {
    Shop::at(SocketAddr::from(([127, 0, 0, 1], port)))
}

/// Waits until `/readyz` is red with these words, or green.
async fn readiness(page: &Shop, within: Duration, red: Option<&str>) -> String {
    eventually("readiness", within, || async {
        let reply = page.get("/readyz").await;
        let as_wanted = match red {
            Some(words) => reply.status == 503 && reply.text().contains(words),
            None => reply.status == 200,
        };
        if as_wanted { Ok(reply.text()) } else { Err((reply.status, reply.text())) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_wait_for_their_database_and_live_through_its_absence() {
    let (place, port) = (Place::new(), free_port());
    let mut server = Server::new().await;
    let mut migrate = place.command(&["migrate"]);
    migrate.env("SOUK_DATABASE_URL", server.admin()).env("SOUK_DATABASE__PASSWORDS__INVENTORY", PASSWORD);
    said(&mut migrate);
    server.stop().await;

    let began = Instant::now();
    let waiting = format!("waiting for {}", server.place());
    let running = Running::start(serve(&place, &server.url(), port), place.log("roles"), &waiting).await;
    let page = operations(port);
    let body = readiness(&page, PATIENCE, Some("refused")).await;
    assert!(body.contains(&format!("{waiting}: ")) && !body.contains(PASSWORD), "{body}");
    assert_eq!(page.get("/livez").await.status, 200);
    // Several tries.
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.start().await;
    readiness(&page, PATIENCE, None).await;
    eventually("it says so", PATIENCE, || async {
        if running.said().contains("ready") { Ok(()) } else { Err(running.said()) }
    })
    .await;
    let log = running.said();
    let lines = u64::try_from(log.matches(&waiting).count()).unwrap();
    assert!((1..=1 + began.elapsed().as_secs() / 10).contains(&lines) && !log.contains(PASSWORD), "{log}");

    // Later: no client is sent away for a blink, and none is sent to a process that cannot work.
    server.stop().await;
    let gone = Instant::now();
    readiness(&page, PATIENCE, Some(&waiting)).await;
    assert!(gone.elapsed() > Duration::from_secs(10), "not ready after {:?}", gone.elapsed());
    assert_eq!(page.get("/livez").await.status, 200);
    server.start().await;
    readiness(&page, PATIENCE, None).await;
    running.stop().await;
    server.stop().await;
}

/// No server at the address, and one that accepts and says nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_stops_at_once_when_told_to() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for (port, why) in [(free_port(), "refused"), (silent.local_addr().unwrap().port(), "no answer within")] {
        let (place, at) = (Place::new(), free_port());
        let url = format!("postgresql://127.0.0.1:{port}/souk");
        let mut running = Running::start(serve(&place, &url, at), place.log("roles"), "waiting for postgresql").await;
        readiness(&operations(at), PATIENCE, Some(why)).await;
        let told = Instant::now();
        running.signal(Signal::SIGTERM);
        let status = running.ended().await;
        assert!(
            status.success() && told.elapsed() < AT_ONCE,
            "{status} after {:?}: {}",
            told.elapsed(),
            running.said()
        );
    }
}

/// Runs a command that must end by itself, and fail.
async fn gives_up(mut command: Command, place: &Place, name: &str) -> String {
    let file = std::fs::File::create(place.log(name)).unwrap();
    let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
    let mut running = Running::of(child, place.log(name));
    let status = running.ended().await;
    assert!(!status.success(), "{}", running.said());
    running.said()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_pass_ends_a_start_with_advice() {
    let place = Place::new();
    let mut server = Server::new().await;
    let serve = |url: &str| serve(&place, url, free_port());
    let own = server.url();

    let told = gives_up(serve(&own), &place, "no-login").await;
    assert!(told.contains("souk_inventory") && told.contains("database.passwords"), "{told}");
    said(place.command(&["migrate"]).env("SOUK_DATABASE_URL", server.admin()));
    let told = gives_up(serve(&own), &place, "no-password").await;
    assert!(told.contains("souk_inventory") && told.contains("database.passwords"), "{told}");
    assert!(told.contains(&server.place()) && !told.contains(PASSWORD), "{told}");
    let mut wrong = serve(&format!("{}/shop", server.admin().rsplit_once('/').unwrap().0));
    wrong.env("SOUK_DATABASE__LOGIN", "as-is");
    let told = gives_up(wrong, &place, "no-database").await;
    assert!(told.contains("\"shop\" does not exist") && told.contains("make the database"), "{told}");

    // Several that may be the primary: each of them refuses.
    let two = format!("postgresql://127.0.0.1:{0},localhost:{0}/souk", server.port);
    let told = gives_up(serve(&two), &place, "no-password-anywhere").await;
    assert!(told.contains("database.passwords"), "{told}");
    server.stop().await;
}

/// The user of a command, or of a whole shop on one machine, sits before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_do_not_wait() {
    let place = Place::new();
    let url = format!("postgresql://souk@127.0.0.1:{}/souk", free_port());
    for words in [&["migrate"][..], &["orders", "list"], &["up", "--empty"]] {
        let mut command = place.command(words);
        command.env("SOUK_DATABASE_URL", &url);
        let told = gives_up(command, &place, words[0]).await;
        assert!(told.contains("refused") && !told.contains("waiting for"), "{words:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_nobody_or_only_somebody_migrated_is_refused_with_the_command_to_run() {
    let all = souk::all_migrations();
    for migrated in [0, 4] {
        let next = all[migrated];
        let missing = format!("{}/{}", next.schema, next.files[0].0);
        let (db, place) = (TestDb::new(&all[..migrated]).await, Place::new());
        let mut command = place.command(&["serve", "--role", "cart"]);
        command.env("SOUK_DATABASE_URL", db.url());
        let told = gives_up(command, &place, "cart").await;
        assert!(told.contains(&missing) && told.contains("run `souk migrate`"), "{told}");
    }
}

/// As when every pod of a release runs it first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_migrate_at_once() {
    let db = TestDb::new(&[]).await;
    let dir = tempfile::tempdir().unwrap();
    let log = |number: u32| dir.path().join(format!("{number}.log"));
    let mut children = Vec::new();
    for number in 0..4 {
        let mut command = souk();
        command.arg("migrate").arg("--data-dir").arg(dir.path()).env("SOUK_DATABASE_URL", db.url());
        command.stdout(std::fs::File::create(log(number)).unwrap());
        children.push((number, command.spawn().unwrap()));
    }
    let mut applied = 0;
    for (number, mut child) in children {
        assert!(child.wait().unwrap().success());
        let told = std::fs::read_to_string(log(number)).unwrap();
        assert!(told.contains("up to date"), "{told}");
        applied += told.lines().filter(|line| line.starts_with("applied ")).count();
    }
    let files: usize = souk::all_migrations().iter().map(|set| set.files.len()).sum();
    assert_eq!(applied, files, "each file by one of them");
}
