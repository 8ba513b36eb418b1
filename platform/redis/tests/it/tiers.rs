//! Second cache tier: values with positions, shared by two processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use souk_cache::{Cache, Loaded, SecondTier, Settings};
use souk_engines::{Redis as Server, RedisCluster};
use souk_redis::{Redis, RedisTier};

use crate::support::{on, process, start};

const TTL: Duration = Duration::from_secs(3_600);

fn tier(redis: &Redis) -> Arc<RedisTier<String, String>> {
    let tier = RedisTier::new(redis.clone(), "things", 1, TTL);
    tier.open(true);
    Arc::new(tier)
}

fn cache(tier: &Arc<RedisTier<String, String>>) -> Cache<String, String> {
    let settings = Settings { name: "things", max_bytes: 100_000, ttl: TTL };
    Cache::with_second(settings, |_, value: &String| value.len(), tier.clone())
}

fn key(text: &str) -> String {
    text.to_owned()
}

async fn read(cache: &Cache<String, String>, loads: &Arc<AtomicUsize>, truth: Loaded<&str>) -> String {
    let loaded = Loaded::at(truth.position, truth.value.to_owned());
    let load = |_| {
        let (loaded, loads) = (loaded.clone(), loads.clone());
        async move {
            loads.fetch_add(1, Ordering::SeqCst);
            Ok(loaded)
        }
    };
    cache.get_or_load(&key("a"), load).await.unwrap()
}

#[tokio::test]
async fn what_one_process_loaded_another_finds_and_a_change_reaches_both() {
    let server = Server::start().await.unwrap();
    let (one, other) = (on(&server).await, on(&server).await);
    let (one_tier, other_tier) = (tier(&one.redis), tier(&other.redis));
    let (one, other) = (cache(&one_tier), cache(&other_tier));
    let loads = Arc::new(AtomicUsize::new(0));
    assert_eq!(read(&one, &loads, Loaded::at(1, "old")).await, "old");
    assert_eq!(read(&other, &loads, Loaded::at(1, "unused")).await, "old");
    assert_eq!(loads.load(Ordering::SeqCst), 1, "the second found it in redis");

    // The event reaches the other process: its floor alone keeps it from taking the old value from Redis.
    other.invalidate(&key("a"), 2);
    assert_eq!(read(&other, &loads, Loaded::at(2, "new")).await, "new");
    assert_eq!(loads.load(Ordering::SeqCst), 2);
    // A third that has no floor finds the new one.
    let third = on(&server).await;
    let third = cache(&tier(&third.redis));
    assert_eq!(read(&third, &loads, Loaded::at(2, "unused")).await, "new");
}

#[tokio::test]
async fn a_floor_takes_the_old_value_away_from_those_who_missed_the_event() {
    let server = Server::start().await.unwrap();
    let (one, other) = (on(&server).await, on(&server).await);
    let (one, other) = (tier(&one.redis), tier(&other.redis));
    one.put(&key("a"), &Loaded::at(1, key("old"))).await;
    assert_eq!(other.get(&key("a"), 0).await.unwrap().value, "old", "the control: without a floor it is served");
    assert!(one.invalidate(&key("a"), 2).await);
    assert_eq!(other.get(&key("a"), 0).await, None);
    // A load that began before the change ends now.
    other.put(&key("a"), &Loaded::at(1, key("old"))).await;
    assert_eq!(other.get(&key("a"), 0).await, None, "older never overwrites newer");
    other.put(&key("a"), &Loaded::at(2, key("new"))).await;
    assert!(one.invalidate(&key("a"), 2).await, "the event comes once per process");
    assert_eq!(one.get(&key("a"), 2).await, Some(Loaded::at(2, key("new"))), "and what is as new stays");
    assert_eq!(one.get(&key("a"), 3).await, None, "older than asked for");
}

#[tokio::test]
async fn positions_are_compared_in_all_their_bits() {
    let server = Server::start().await.unwrap();
    let process = on(&server).await;
    let tier = tier(&process.redis);
    let high = (1 << 60) + 1;
    tier.put(&key("a"), &Loaded::at(high, key("new"))).await;
    tier.put(&key("a"), &Loaded::at(high - 1, key("old"))).await;
    assert_eq!(tier.get(&key("a"), 0).await, Some(Loaded::at(high, key("new"))));
    tier.put(&key("a"), &Loaded::at(high + (1 << 32), key("newer"))).await;
    assert_eq!(tier.get(&key("a"), high).await.unwrap().value, "newer");
}

#[tokio::test]
async fn other_layouts_and_other_installations_are_not_read() {
    let server = Server::start().await.unwrap();
    let process = on(&server).await;
    let first = tier(&process.redis);
    first.put(&key("a"), &Loaded::at(1, key("old layout"))).await;
    let next: RedisTier<String, String> = RedisTier::new(process.redis.clone(), "things", 2, TTL);
    next.open(true);
    assert_eq!(next.get(&key("a"), 0).await, None);
    let neighbour = start(vec![server.url()], "neighbour");
    crate::support::whole(&neighbour.redis).await;
    assert_eq!(tier(&neighbour.redis).get(&key("a"), 0).await, None);
    assert_eq!(first.get(&key("a"), 0).await.unwrap().value, "old layout");
}

#[tokio::test]
async fn a_closed_tier_is_not_believed() {
    let server = Server::start().await.unwrap();
    let process = on(&server).await;
    let tier = tier(&process.redis);
    tier.put(&key("a"), &Loaded::at(1, key("a"))).await;
    tier.open(false);
    assert_eq!(tier.get(&key("a"), 0).await, None);
    tier.open(true);
    assert!(tier.get(&key("a"), 0).await.is_some());
}

#[tokio::test]
async fn a_cluster_keeps_values_on_all_its_nodes() {
    let cluster = RedisCluster::start().await.unwrap();
    let process = process(cluster.urls()).await;
    let tier = tier(&process.redis);
    for number in 0..100u64 {
        tier.put(&number.to_string(), &Loaded::at(number, format!("value {number}"))).await;
    }
    for number in 0..100u64 {
        let found = tier.get(&number.to_string(), number).await;
        assert_eq!(found.map(|found| found.value), Some(format!("value {number}")));
    }
}
