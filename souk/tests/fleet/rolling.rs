//! Rolling upgrade: every process of every role is told to end and started again, one instance of a role at a time, while
//! visitors come.

use std::time::Instant;

use futures_util::{StreamExt, stream};
use souk_fleet::Fleet;
use souk_testkit::eventually;

use crate::load::{Crowd, Load, PATIENCE};
use crate::{AT_ONCE, check, offline, setting};

/// PROMISES: rolling restart of every role under load: 0 failed requests.
pub async fn every_role_is_restarted_and_no_request_fails(fleet: &Fleet) {
    let crowd = Crowd {
        requests: setting("SOUK_TEST_ROLLING_REQUESTS", 40),
        purchases: setting("SOUK_TEST_ROLLING_PURCHASES", 1),
        insist: false,
    };
    let load = Load::start(fleet, "rolling", crowd).await;
    load.more_orders(3).await;
    let started = Instant::now();
    for instance in 1..=fleet.instances() {
        let roles = fleet.roles.iter().filter(|role| role.instance() == instance);
        stream::iter(roles).for_each_concurrent(AT_ONCE, async |role| role.roll().await.unwrap()).await;
        let failed = load.so_far().failed();
        assert!(failed.is_empty(), "instance {instance} of each role: {failed:?}");
    }
    let took = started.elapsed();
    load.more_orders(3).await;
    let failed = load.so_far().failed();
    assert!(failed.is_empty(), "{failed:?}");

    // The control: who ends without a word, all of a role at once, is missed.
    let orders = load.so_far().orders();
    let answered = load.so_far().answered.load(std::sync::atomic::Ordering::Relaxed);
    fleet.of("cart").for_each(|cart| cart.process().kill());
    eventually("somebody misses the carts", PATIENCE, || async {
        if load.so_far().failed().is_empty() { Err("nobody") } else { Ok(()) }
    })
    .await;
    fleet.revive().await.unwrap();
    load.stop().await;

    println!("rolling: {} processes in {took:?}: {answered} requests and {orders} orders, 0 failed", fleet.roles.len());
    let offline = offline(fleet).await;
    check(fleet, &offline).await;
    offline.close().await.unwrap();
}
