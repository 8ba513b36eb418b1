//! Start-up dependencies: roles that start before Kafka or OpenSearch is there.

use std::net::SocketAddr;
use std::path::Path;

use souk_engines::{Kafka, OpenSearch};
use souk_testkit::{Shop, eventually, free_port};

use crate::fleet::Fleet;
use crate::place::{PATIENCE, Running};

/// Starts roles and waits until they say what they wait for.
async fn waiting(fleet: &Fleet, roles: &str, port: u16, words: &str) -> Running {
    let mut command = fleet.command(roles);
    command.env("SOUK_INTERNAL__OPERATIONS", format!("127.0.0.1:{port}"));
    let log = fleet.place.log(roles);
    let started = Running::of(spawn(&mut command, &log), log);
    told(port, Some(words)).await;
    started
}

fn spawn(command: &mut std::process::Command, log: &Path) -> std::process::Child {
    let file = std::fs::File::create(log).unwrap();
    command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap()
}

/// Waits until `/readyz` is red with these words, or green; then it says nothing else.
async fn told(port: u16, words: Option<&str>) {
    let page = Shop::at(SocketAddr::from(([127, 0, 0, 1], port)));
    eventually("readiness", 2 * PATIENCE, || async {
        let request = page.try_send(http::Method::GET, "/readyz", &[], bytes::Bytes::new()).await;
        let reply = request.map_err(|error| error.to_string())?;
        let (text, status) = (reply.text(), reply.status);
        let fine = match words {
            Some(words) => {
                status == 503 && text.lines().count() == 1 && text.starts_with("waiting for ") && text.contains(words)
            }
            None => status == 200,
        };
        if fine { Ok(()) } else { Err(format!("{status} {text}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_that_carry_events_wait_for_their_broker() {
    let kafka = Kafka::start().await.unwrap_or_else(|error| panic!("{error}"));
    let address = kafka.address();
    kafka.kill();
    let fleet = Fleet::with("", &format!("[events]\nkafka = [\"{address}\"]\n")).await;
    let (worker, gateway, cart) = (free_port(), free_port(), free_port());
    let words = format!("kafka at {address}: ");
    let workers = waiting(&fleet, "cart-worker", worker, &words).await;
    let gateways = waiting(&fleet, "gateway,storefront", gateway, &words).await;
    // Who reads and writes no topics has nothing to wait for.
    let mut command = fleet.command("cart");
    command.env("SOUK_INTERNAL__OPERATIONS", format!("127.0.0.1:{cart}"));
    let carts = Running::start(command, fleet.place.log("cart"), "ready").await;
    assert!(!workers.said().contains("ready"), "{}", workers.said());
    kafka.restart().await.unwrap_or_else(|error| panic!("{error}"));
    for port in [worker, gateway] {
        told(port, None).await;
    }
    // An outage later on ends no process: events wait in the database.
    kafka.kill();
    eventually("it is noticed", 2 * PATIENCE, || async {
        if workers.said().contains("no kafka broker answers") { Ok(()) } else { Err(workers.said()) }
    })
    .await;
    told(worker, None).await;
    for process in [gateways, carts, workers] {
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_wait_for_opensearch() {
    let opensearch = OpenSearch::start().await.unwrap_or_else(|error| panic!("{error}"));
    let url = opensearch.url();
    opensearch.kill();
    let fleet = Fleet::with("", &format!("[search]\nopensearch = [\"{url}\"]\n")).await;
    let owners = fleet.start("catalog,pricing,inventory", "owners").await;
    let (search, worker) = (free_port(), free_port());
    let searches = waiting(&fleet, "search", search, &format!("the search index at {url}: ")).await;
    let workers = waiting(&fleet, "search-worker", worker, &format!("opensearch at {url}: ")).await;
    opensearch.restart().await.unwrap_or_else(|error| panic!("{error}"));
    for port in [worker, search] {
        told(port, None).await;
    }
    for process in [searches, workers, owners] {
        process.stop().await;
    }
}
