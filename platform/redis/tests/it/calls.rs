//! Call timeouts and circuit breaking: what a Redis that hangs or dies costs.

use std::time::{Duration, Instant};

use souk_cache::{Loaded, SecondTier};
use souk_engines::{Redis as Server, RedisCluster};
use souk_redis::{CALL, Redis, RedisTier};

use crate::support::{PATIENCE, hasty_on, process, start, whole};
use souk_eventually::eventually;

fn tier(redis: &Redis) -> RedisTier<u32, String> {
    let tier = RedisTier::new(redis.clone(), "calls", 1, Duration::from_secs(60));
    tier.open(true);
    tier
}

fn one() -> Loaded<String> {
    Loaded::at(1, "one".to_owned())
}

#[tokio::test]
async fn a_hung_server_costs_three_slow_calls_and_is_used_again_when_it_answers() {
    let server = Server::start().await.unwrap();
    let process = hasty_on(&server).await;
    let tier = tier(&process.redis);
    tier.put(&1, &one()).await;
    server.pause().unwrap();
    let started = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(tier.get(&1, 0).await, None);
    }
    let took = started.elapsed();
    assert!(took >= 3 * CALL, "the control: it does hang ({took:?})");
    assert!(took < 10 * CALL, "a thousand calls took {took:?}; without the breaker it were 100 s");
    server.resume().unwrap();
    whole(&process.redis).await;
    assert_eq!(tier.get(&1, 0).await, Some(one()));
}

#[tokio::test]
async fn a_killed_server_costs_next_to_nothing_and_may_come_back_empty() {
    let server = Server::start().await.unwrap();
    let port = server.address();
    let process = hasty_on(&server).await;
    let tier = tier(&process.redis);
    tier.put(&1, &one()).await;
    server.kill();
    let started = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(tier.get(&1, 0).await, None);
    }
    assert!(started.elapsed() < 10 * CALL, "{:?}", started.elapsed());
    drop(server);
    let empty = Server::start_on(port.rsplit(':').next().unwrap().parse().unwrap()).await.unwrap();
    whole(&process.redis).await;
    assert_eq!(tier.get(&1, 0).await, None, "scripts and values are gone");
    tier.put(&1, &one()).await;
    assert_eq!(tier.get(&1, 0).await, Some(one()));
    drop(empty);
}

#[tokio::test]
async fn a_server_that_comes_later_is_found() {
    let port = souk_engines::free_port();
    let process = start(vec![format!("redis://127.0.0.1:{port}")], "shop");
    let tier = tier(&process.redis);
    assert_eq!(tier.get(&1, 0).await, None);
    let _server = Server::start_on(port).await.unwrap();
    whole(&process.redis).await;
    tier.put(&1, &one()).await;
    assert_eq!(tier.get(&1, 0).await, Some(one()));
}

#[tokio::test]
async fn a_hung_node_of_a_cluster_costs_its_own_keys_only() {
    let cluster = RedisCluster::start().await.unwrap();
    let process = process(cluster.urls()).await;
    let tier = tier(&process.redis);
    for number in 0..60 {
        tier.put(&number, &one()).await;
    }
    // Shorter than the cluster takes to give up on the node as a whole would be a race; so any node may answer.
    cluster.nodes()[2].pause().unwrap();
    let mut lost = 0;
    let started = Instant::now();
    for number in 0..60 {
        lost += usize::from(tier.get(&number, 0).await.is_none());
    }
    assert!(lost > 0, "the control: the node held some of them");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    cluster.nodes()[2].resume().unwrap();
    cluster.settle().await.unwrap();
    whole(&process.redis).await;
    for number in 0..60 {
        eventually("every key is read again", PATIENCE, async || tier.get(&number, 0).await == Some(one())).await;
    }
}
