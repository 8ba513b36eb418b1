//! Benchmark of reading a cart, and what of it Redis could take from PostgreSQL: `cargo run -p souk-cart --example looks`.
//! Real servers, CPU of each by its own account (`/proc`). ADR 6 has figures of it.

#[path = "../tests/it/shop.rs"]
#[allow(dead_code, clippy::unwrap_used)] // written for tests
mod shop;

use std::future::Future;
use std::time::{Duration, Instant};

use souk_cart::store;
use souk_cart_api::{CartId, GetCart, SetQuantity};
use souk_engines::Redis as Server;
use souk_redis::{Lease, Leases, Redis, RedisSettings};
use souk_runtime::Tasks;

/// Carts looked at.
const CARTS: usize = 500;
/// Visitors at once.
const VISITORS: usize = 32;
/// Looks of each kind.
const LOOKS: usize = 16_000;
/// Hundredths of a second in which the kernel counts CPU.
const TICK_MICROS: f64 = 10_000.0;

/// Who spends CPU.
struct Servers {
    postmaster: u32,
    redis: u32,
}

/// Microseconds of CPU spent so far by PostgreSQL, Redis, and this process.
fn spent(servers: &Servers) -> [f64; 3] {
    let (mut postgres, mut redis, mut own) = (0.0, 0.0, 0.0);
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        let micros = (number(11) + number(12)) * TICK_MICROS;
        let parent = fields.get(1).and_then(|field| field.parse::<u32>().ok());
        if parent == Some(servers.postmaster) || pid == servers.postmaster {
            postgres += micros;
        } else if pid == servers.redis {
            redis += micros;
        } else if pid == std::process::id() {
            own += micros;
        }
    }
    [postgres, redis, own]
}

/// Runs `LOOKS` calls of `one` by `VISITORS` and prints what one costs.
async fn measure<F: Future<Output = ()>>(name: &str, servers: &Servers, one: impl Fn(usize) -> F) {
    for warm in 0..CARTS {
        one(warm).await;
    }
    let (before, begun) = (spent(servers), Instant::now());
    let visitors = (0..VISITORS).map(|visitor| {
        let one = &one;
        async move {
            let mut took = Vec::with_capacity(LOOKS / VISITORS);
            for look in 0..LOOKS / VISITORS {
                let begun = Instant::now();
                one(visitor * 31 + look * 7).await;
                took.push(begun.elapsed());
            }
            took
        }
    });
    let mut took: Vec<Duration> = futures_util::future::join_all(visitors).await.into_iter().flatten().collect();
    let (elapsed, after) = (begun.elapsed(), spent(servers));
    took.sort_unstable();
    let per = |at: usize| (after[at] - before[at]) / LOOKS as f64;
    println!(
        "{name:<28} {:>7.0}/s  p50 {:>5} us  p99 {:>6} us  cpu us: postgresql {:>6.1}  redis {:>5.1}  souk (this build) {:>6.1}",
        LOOKS as f64 / elapsed.as_secs_f64(),
        took[took.len() / 2].as_micros(),
        took[took.len() * 99 / 100].as_micros(),
        per(0),
        per(1),
        per(2),
    );
}

/// The server whose backend this is.
fn postmaster(backend: i32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{backend}/stat")).expect("a process of this machine");
    let rest = stat.rsplit_once(')').expect("a line of /proc").1;
    rest.split_whitespace().nth(1).and_then(|parent| parent.parse().ok()).expect("a parent")
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (shop, server) = (shop::Shop::open().await, Server::start().await.expect("Redis"));
    let process = shop.process().await;
    let mut carts: Vec<CartId> = Vec::with_capacity(CARTS);
    for _ in 0..CARTS {
        let cart = process.create().await;
        process.add(cart, "lamp", 1).await.expect("a lamp");
        process.add(cart, "book", 2).await.expect("books");
        carts.push(cart);
    }
    let tasks = Tasks::new();
    let nodes = vec![server.url()];
    let settings = RedisSettings { nodes, installation: "looks".into(), call: Duration::from_secs(5) };
    let redis = Redis::new(&settings, &tasks).expect("an address");
    redis.all_connected().await;
    let leases = Leases::new(redis, tasks, "carts", 1);
    let row = store::read(process.db.primary(), carts[0]).await.expect("a reader").expect("a cart");
    let bytes = serde_json::to_vec(&row.body).expect("a document");
    println!("{} bytes a cart, {VISITORS} visitors, {LOOKS} calls each", bytes.len());
    let servers = Servers { postmaster: postmaster(process.backend().await), redis: server.pid().expect("a process") };

    let id = |at: usize| carts[at % CARTS];
    measure("the row, from PostgreSQL", &servers, |at| {
        let (db, id) = (process.db.clone(), id(at));
        async move {
            store::read(db.primary(), id).await.expect("a reader").expect("a cart");
        }
    })
    .await;
    measure("the row, from Redis", &servers, |at| {
        let (leases, bytes, id) = (leases.clone(), &bytes, id(at).to_string());
        async move {
            match leases.get(&id).await {
                Lease::Held(_) => {}
                Lease::Free(deadline) => leases.keep(&id, deadline, bytes).await,
                Lease::Revoked => panic!("Redis does not answer"),
            }
        }
    })
    .await;
    measure("a whole look", &servers, |at| {
        let (client, id) = (process.client.clone(), id(at));
        async move {
            client.get(&shop::cx(), GetCart { cart_id: id }).await.expect("a cart");
        }
    })
    .await;
    measure("the number of units", &servers, |at| {
        let (client, id) = (process.client.clone(), id(at));
        async move {
            client.units(&shop::cx(), GetCart { cart_id: id }).await.expect("a cart");
        }
    })
    .await;
    let line = |at: usize| {
        let (client, id) = (process.client.clone(), id(at));
        async move { client.get(&shop::cx(), GetCart { cart_id: id }).await.expect("a cart").lines[1].id }
    };
    let lines = futures_util::future::join_all((0..CARTS).map(line)).await;
    measure("a change", &servers, |at| {
        let (client, id, line) = (process.client.clone(), id(at), lines[at % CARTS]);
        async move {
            let quantity = 1 + u32::try_from(at % 5).unwrap_or(0);
            let change = SetQuantity { cart_id: id, line_id: line, quantity, if_version: None };
            client.set_quantity(&shop::cx(), change).await.expect("a change");
        }
    })
    .await;
    measure("a recall in Redis", &servers, |at| {
        let (leases, id) = (leases.clone(), id(at).to_string());
        async move { leases.revoke(&[id]).await }
    })
    .await;
}
