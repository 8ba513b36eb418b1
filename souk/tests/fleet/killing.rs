//! Crash tests: `kill -9` of each process, a few at a time, while buyers come. They insist, as good clients do; a buyer who is told that
//! their order stands has it, once, and everything comes to an end.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use souk::OfflineShop;
use souk_fleet::Fleet;
use souk_order_api::{ListOrders, Order, OrderStatus};
use souk_rpc::Cx;

use crate::load::{Crowd, Load, Outcome, PATIENCE};
use crate::{AT_ONCE, check, offline, setting};

/// PROMISES: `kill -9` of any role: every checkout reaches an end within 60 s; 0 double captures.
pub async fn every_role_is_killed_while_buyers_insist(fleet: &Fleet) {
    let crowd = Crowd { requests: 60, purchases: setting("SOUK_TEST_KILLING_PURCHASES", 4), insist: true };
    let load = Load::start(fleet, "killing", crowd).await;
    load.more_orders(3).await;
    for instance in 1..=fleet.instances() {
        let roles = fleet.roles.iter().filter(|role| role.instance() == instance);
        stream::iter(roles)
            .for_each_concurrent(AT_ONCE, async |role| {
                role.process().kill();
                load.more_orders(1).await;
                role.process().restart().await.unwrap();
            })
            .await;
    }
    // Both at once: no process is left to take over, until they are back.
    for role in ["order", "payment", "inventory"] {
        fleet.of(role).for_each(|process| process.process().kill());
        fleet.revive().await.unwrap();
        load.more_orders(3).await;
    }
    let told = load.stop().await;
    let started = Instant::now();
    let offline = offline(fleet).await;
    check(fleet, &offline).await;
    let took = started.elapsed();
    assert!(took < PATIENCE, "everything ended, but only after {took:?}");
    has_what_it_was_told(&told, &offline).await;
    println!("killing: {} orders, all of them once; at rest after {took:?}", told.orders());
    offline.close().await.unwrap();
}

/// Every buyer has exactly the order they were told of.
pub async fn has_what_it_was_told(told: &Outcome, offline: &OfflineShop) {
    let orders = all_orders(offline).await;
    let told = told.bought.lock();
    for (email, reply) in told.iter() {
        let theirs = orders.get(email).unwrap_or_else(|| panic!("{} of {email} is lost", reply.order.number));
        assert_eq!((theirs.id, theirs.status), (reply.order.id, OrderStatus::Confirmed), "{email}");
    }
}

/// By e-mail; panics when a buyer has two that stand.
async fn all_orders(offline: &OfflineShop) -> BTreeMap<String, Order> {
    let (mut found, mut cursor) = (BTreeMap::new(), None);
    loop {
        let request = ListOrders { limit: souk_order_api::MAX_PAGE, cursor, status: None };
        let page = offline.clients.order.list(&Cx::system("test"), request).await.unwrap();
        for order in page.items.into_iter().filter(|order| order.status != OrderStatus::Failed) {
            let email = order.email.clone();
            assert!(found.insert(email.clone(), order).is_none(), "{email} has two orders");
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}
