//! Rolling upgrade: every process of every role is told to end and started again, one after the other, while visitors come.

use std::time::Instant;

use souk_testkit::eventually;

use crate::load::{Crowd, Load, PATIENCE};
use crate::{check, fleet, offline, setting};

/// PROMISES: rolling restart of every role under load: 0 failed requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_is_restarted_and_no_request_fails() {
    let fleet = fleet().await;
    let crowd = Crowd {
        requests: setting("SOUK_TEST_ROLLING_REQUESTS", 40),
        purchases: setting("SOUK_TEST_ROLLING_PURCHASES", 1),
        insist: false,
    };
    let load = Load::start(&fleet, crowd).await;
    load.warm().await;
    load.more_orders(3).await;
    let started = Instant::now();
    for role in &fleet.roles {
        let before = load.so_far().failed().len();
        role.roll().await.unwrap();
        let failed = load.so_far().failed();
        assert!(failed.len() == before, "{}-{}: {:?}", role.name(), role.instance(), &failed[before..]);
    }
    let took = started.elapsed();
    load.more_orders(3).await;

    // The control: who ends without a word, all of a role at once, is missed.
    let failed = load.so_far().failed();
    assert!(failed.is_empty(), "{failed:?}");
    let orders = load.so_far().orders();
    let answered = load.so_far().answered.load(std::sync::atomic::Ordering::Relaxed);
    fleet.of("cart").for_each(|cart| cart.process().kill());
    eventually("somebody misses the carts", PATIENCE, || async {
        if load.so_far().failed().is_empty() { Err("nobody") } else { Ok(()) }
    })
    .await;
    fleet.revive().await.unwrap();
    load.stop().await;

    println!("{} processes in {took:?}: {answered} requests and {orders} orders, 0 failed", fleet.roles.len());
    let offline = offline(&fleet).await;
    check(&fleet, &offline).await;
    offline.close().await.unwrap();
    fleet.stop().await.unwrap();
}
