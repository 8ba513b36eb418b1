//! Database recovery, when the private PostgreSQL dies under a running shop: it is started again, or the shop ends with a
//! status.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http::Method;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use souk_testkit::{Shop, eventually, free_port};

use crate::place::{PATIENCE, Place, Running};

/// From the death of the server to the first write: the figure to reach.
const BACK: Duration = Duration::from_secs(10);
/// A stop with nothing under way; 70 s, and a failure, when an adopted server was dead.
const STOP: Duration = Duration::from_secs(20);
/// Lines of a whole shop about one outage of a few seconds; 25 in each second when every loop spoke for itself.
const LINES: usize = 60;
/// `EX_UNAVAILABLE`, as docs/operations.md says.
const LOST: i32 = 69;

/// A shop with a page for operators at a known address.
pub async fn up(place: &Place, name: &str) -> (Running, Shop) {
    let port = free_port();
    let mut command = place.command(&["up", "--demo-products", "5"]);
    command.env("SOUK_INTERNAL__OPERATIONS", format!("127.0.0.1:{port}"));
    let running = Running::start(command, place.log(name), "the shop is open").await;
    (running, Shop::at(([127, 0, 0, 1], port).into()))
}

/// Where the cluster of a place is: beside the data when the server's user may not go there.
pub fn cluster(place: &Place) -> PathBuf {
    let base = match std::fs::read_to_string(place.data().join("postgres.location")) {
        Ok(text) => PathBuf::from(text.trim()),
        Err(_) => place.data().join("postgres"),
    };
    base.join("pgdata")
}

pub fn postmaster(place: &Place) -> i32 {
    let text = std::fs::read_to_string(cluster(place).join("postmaster.pid")).unwrap();
    text.lines().next().unwrap().trim().parse().unwrap()
}

fn kill_dead(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

/// A write of a buyer: what it came to.
pub async fn write(shop: &Shop) -> Result<String, String> {
    let json = [("content-type", "application/json")];
    match shop.try_send(Method::POST, "/api/v1/carts", &json, "{}".into()).await {
        Ok(reply) if reply.status == 201 => {
            let cart: serde_json::Value = reply.json();
            Ok(cart["id"].as_str().unwrap().to_owned())
        }
        Ok(reply) => Err(format!("{} {}", reply.status, reply.text())),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// How long until a buyer can write again, after the death of the server for the so-many-eth time. No answer on the way may
/// be a 500. What the dead server's children still answer, for a moment, does not count.
async fn back(shop: &Shop, since: Instant, running: &Running, deaths: usize) -> Duration {
    eventually("the death is noticed", PATIENCE, || async {
        let told = running.said().matches("the database server died").count();
        if told == deaths { Ok(()) } else { Err(told) }
    })
    .await;
    println!("noticed after {:?}", since.elapsed());
    eventually("it is told", PATIENCE, || async {
        let told = running.said().matches("the database server is there again").count();
        if told == deaths { Ok(()) } else { Err(told) }
    })
    .await;
    eventually("a buyer can write again", PATIENCE, || async {
        let written = write(shop).await;
        if let Err(said) = &written {
            assert!(!said.starts_with("500"), "{said}");
        }
        written
    })
    .await;
    since.elapsed()
}

async fn green(page: &Shop) {
    eventually("ready", PATIENCE, || async {
        let reply = page.get("/readyz").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
}

/// Carts are acknowledged half a second before they are on disk; any other commit takes them along.
async fn flush(place: &Place) {
    let (client, connection) = tokio_postgres::connect(&place.database().await, tokio_postgres::NoTls).await.unwrap();
    tokio::select! {
        _ = connection => panic!("the connection ended"),
        done = client.batch_execute("create table public.flushed ()") => done.unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_database_server_is_started_again() {
    let place = Place::new();
    let (running, page) = up(&place, "shop").await;
    let shop = place.shop();
    let cart = write(&shop).await.unwrap();
    flush(&place).await;
    for time in 1..=2 {
        let (before, said) = (postmaster(&place), running.said().lines().count());
        let killed = Instant::now();
        kill_dead(before);
        let took = back(&shop, killed, &running, time).await;
        println!("kill -9 of the postmaster, time {time}: first write after {took:?}");
        assert!(took < BACK, "{took:?}: {}", running.said());
        green(&page).await;
        assert_ne!(postmaster(&place), before);
        let log = running.said();
        // A request that failed has its own line: this test makes hundreds of them.
        let complaint =
            |line: &&str| (line.contains(" WARN ") || line.contains("ERROR")) && !line.contains("request failed");
        let lines = log.lines().skip(said).filter(complaint).count();
        println!("{lines} lines of complaint");
        assert!(lines < LINES, "{lines} lines: {log}");
        assert_eq!(log.matches("the database server died").count(), time, "{log}");
        assert_eq!(log.matches("the database server is there again").count(), time, "{log}");
    }
    assert_eq!(shop.get(&format!("/api/v1/carts/{cart}")).await.status, 200, "what was acknowledged is there");

    // One of its children: the server itself ends all sessions and recovers.
    let server = postmaster(&place);
    let (client, connection) = tokio_postgres::connect(&place.database().await, tokio_postgres::NoTls).await.unwrap();
    let asked = async {
        let sql = "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
        let rows = client.query(sql, &[]).await.unwrap();
        rows.first().unwrap().get::<_, i32>(0)
    };
    let child = tokio::select! {
        child = asked => child,
        ended = connection => panic!("{ended:?}"),
    };
    let killed = Instant::now();
    kill_dead(child);
    let took = back(&shop, killed, &running, 2).await;
    println!("kill -9 of a backend: first write after {took:?}");
    assert!(took < BACK, "{took:?}");
    assert_eq!(postmaster(&place), server);
    green(&page).await;
    running.stop().await;
}

/// One that a killed shop left running is no child of the next. Control: the release before took 70 s to stop, with status 1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_server_is_looked_after_and_stops_at_once() {
    let place = Place::new();
    let (first, _) = up(&place, "first").await;
    first.kill();
    let (mut running, page) = up(&place, "second").await;
    assert!(running.said().contains("adopted the database server"), "{}", running.said());
    let killed = Instant::now();
    kill_dead(postmaster(&place));
    let took = back(&place.shop(), killed, &running, 1).await;
    println!("kill -9 of an adopted postmaster: first write after {took:?}");
    assert!(took < BACK, "{took:?}: {}", running.said());
    green(&page).await;
    running.kill();

    // Adopted, alive; and adopted, killed in the very moment of the signal.
    for dead in [false, true] {
        (running, _) = up(&place, if dead { "dead" } else { "alive" }).await;
        assert!(running.said().contains("adopted") || dead, "{}", running.said());
        if dead {
            running.kill();
            (running, _) = up(&place, "dead again").await;
            kill_dead(postmaster(&place));
        }
        let told = Instant::now();
        running.signal(Signal::SIGTERM);
        let status = running.ended().await;
        println!(
            "stop of a shop whose adopted server is {}: {:?}",
            if dead { "dead" } else { "alive" },
            told.elapsed()
        );
        assert!(status.success() && told.elapsed() < STOP, "{status} {:?}: {}", told.elapsed(), running.said());
    }
}

/// Puts a directory aside; back when dropped, so that the place can be left in order.
struct Aside(PathBuf);

impl Aside {
    fn put(path: &Path) -> Self {
        std::fs::rename(path, path.with_extension("aside")).unwrap();
        Self(path.to_owned())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        std::fs::rename(self.0.with_extension("aside"), &self.0).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_be_started_ends_the_process_with_a_status() {
    let place = Place::new();
    let (mut running, page) = up(&place, "shop").await;
    let aside = Aside::put(&cluster(&place).join("global"));
    kill_dead(postmaster(&place));
    eventually("not ready, with the reason", PATIENCE, || async {
        let reply = page.get("/readyz").await;
        let told = reply.text();
        if reply.status == 503 && told.contains("private database server") { Ok(()) } else { Err(told) }
    })
    .await;
    let status = running.ended().await;
    let log = running.said();
    assert_eq!(status.code(), Some(LOST), "{log}");
    assert!(log.contains("cannot be started") && log.contains("starts within"), "{log}");
    assert!(log.contains("closing: finishing what is under way"), "{log}");
    drop(aside);
    let (again, _) = up(&place, "again").await;
    again.stop().await;
}
