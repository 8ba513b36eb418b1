//! A shop whose Redis hangs, dies and comes back: no buyer notices (PROMISES: checkouts succeed, 95 % within 2 s).

use std::time::{Duration, Instant};

use souk_engines::Redis;
use souk_testkit::{Options, Topology, World, tokens};

/// Checkouts in each state of Redis. The promise is about thousands; every single one must succeed here.
const CHECKOUTS: u32 = 20;
/// PROMISES.
const P95: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_sells_on_while_redis_hangs_is_dead_and_comes_back() {
    let redis = Redis::start().await.unwrap();
    let options = Options { redis: vec![redis.url()], ..crate::crowded() };
    let world = World::start_with(Topology::Split, options).await;
    let lamp = world.product("Brass Lamp", 2_500, 1_000).await;
    let mut ada = world.browser();
    ada.register("ada@example.org", "Ada").await;

    sell(&world, &lamp, &mut ada, "healthy").await;
    assert!(redis_is_used(&redis).await, "the control: the shop does use it");

    redis.pause().unwrap();
    sell(&world, &lamp, &mut ada, "hung").await;
    redis.resume().unwrap();
    sell(&world, &lamp, &mut ada, "resumed").await;

    redis.kill();
    sell(&world, &lamp, &mut ada, "dead").await;
    redis.restart().await.unwrap();
    sell(&world, &lamp, &mut ada, "back").await;
    world.stop().await;
}

/// Every guest buys; who is signed in stays so.
async fn sell(world: &World, lamp: &souk_testkit::Item, signed_in: &mut souk_testkit::Browser, redis: &str) {
    let account = signed_in.visit("/account").await;
    assert!(account.text().contains("Nothing yet"), "redis is {redis}: {}", account.text());
    let mut took = Vec::new();
    for _ in 0..CHECKOUTS {
        let mut guest = world.guest();
        guest.browse(&lamp.slug).await;
        guest.fill(&lamp.sku, 1).await;
        let begun = Instant::now();
        guest.checkout(tokens::OK).await.bought();
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    let p95 = took[took.len() * 95 / 100 - 1];
    assert!(p95 < P95, "redis is {redis}: {p95:?}");
}

/// Something of this shop lies there.
async fn redis_is_used(redis: &Redis) -> bool {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let stream = tokio::net::TcpStream::connect(redis.address()).await.unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(b"DBSIZE\r\n").await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    line.trim_end() != ":0"
}
