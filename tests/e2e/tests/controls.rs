//! The check of the invariants after every test must be able to fail: data that was tampered with is noticed.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use souk_db::{Db, DbConfig};
use souk_testkit::{Topology, World, invariants, tokens};

/// What is tampered with, how it is put right again, and a word of the complaint.
const TAMPERINGS: [(&str, &str, &str); 6] = [
    (
        "update inventory.stock set reserved = reserved + 1 where sku = 'SKU-LAMP'",
        "update inventory.stock set reserved = reserved - 1 where sku = 'SKU-LAMP'",
        "I2",
    ),
    ("update payment.payment set captured = captured - 1", "update payment.payment set captured = captured + 1", "I1"),
    (
        "update \"order\".orders set subtotal = subtotal + 1, total = total + 1",
        "update \"order\".orders set subtotal = subtotal - 1, total = total - 1",
        "I4",
    ),
    (
        "insert into cart.dead_letter (consumer, event_id, source, type, aggregate, version, time, data, error)
         values ('x', gen_random_uuid(), 'order', 'x', gen_random_uuid(), 1, now(), '{}', 'x')",
        "delete from cart.dead_letter",
        "dead letters",
    ),
    (
        "update \"order\".saga set phase = 'forward', lease_until = now() + interval '1 hour'",
        "update \"order\".saga set phase = 'done'",
        "unfinished sagas",
    ),
    ("delete from notification.inbox", "", "notification-worker has not had"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tampering_is_noticed() {
    let world = World::start(Topology::AllInOne).await;
    let lamp = world.product("Lamp", 2_000, 5).await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 2).await;
    guest.checkout(tokens::OK).await.bought();
    world.check().await;
    let mut config = DbConfig::new(world.database_url(), "controls");
    (config.read_connections, config.tx_connections) = (1, 1);
    let db = Db::connect(config).await.unwrap();
    for (tamper, mend, complaint) in TAMPERINGS {
        db.write_one(tamper, &[]).await.unwrap_or_else(|error| panic!("{tamper}: {error}"));
        let url = world.database_url();
        let check = invariants::check_within(Duration::from_millis(500), &url, world.clients(), world.index);
        let panic = AssertUnwindSafe(check).catch_unwind().await.expect_err(tamper);
        let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        assert!(said.contains(complaint), "{tamper}: {said}");
        if mend.is_empty() {
            // What a consumer has forgotten cannot be given back to it: this world ends here.
            world.abandon().await;
            return;
        }
        db.write_one(mend, &[]).await.unwrap();
        world.check().await;
    }
}
