//! Shared rate counters: accounts of two processes.

use souk_engines::Redis as Server;
use souk_redis::{Counters, Spent};

use crate::support::{Process, on};

fn counters(process: &Process) -> Counters {
    Counters::new(process.redis.clone(), "rates", 1)
}

fn spent(debt_us: i64) -> Vec<Spent> {
    vec![Spent { account: "ada".into(), debt_us }]
}

#[tokio::test]
async fn debts_add_up_and_nobody_waits_for_a_dead_redis() {
    let server = Server::start().await.unwrap();
    let (one, other) = (on(&server).await, on(&server).await);
    let (one, other) = (counters(&one), counters(&other));
    const MINUTE: i64 = 60_000_000;
    assert_eq!(one.spend(spent(MINUTE)).await, [Some(MINUTE)]);
    let both = other.spend(spent(MINUTE)).await[0].unwrap();
    assert!(both > MINUTE && both <= 2 * MINUTE, "{both}");
    let looked = one.spend(spent(0)).await[0].unwrap();
    assert!(looked <= both && looked > MINUTE, "{looked}");
    server.kill();
    assert_eq!(one.spend(spent(MINUTE)).await, [None]);
}
