//! Stock adjustments, the ledger, the events, and the audit that must see what is broken.

use std::time::Instant;

use souk_bus::Envelope;
use souk_inventory::consumers;
use souk_inventory_api::{Adjust, AdjustLine, Adjusted, Change};
use souk_kernel::Event;
use souk_shipping_api::{Shipment, ShipmentShipped, ShipmentStatus};
use uuid::Uuid;

use crate::shop::{Process, Shop, cx, order};

fn line(sku: &str, change: Change) -> AdjustLine {
    AdjustLine { product_id: order(9), sku: sku.to_owned(), change }
}

async fn adjust(here: &Process, lines: Vec<AdjustLine>) -> Adjusted {
    here.client.adjust(&cx(), Adjust { lines, note: "stocktake".into() }).await.unwrap()
}

#[tokio::test]
async fn only_changes_of_availability_are_published() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 2), ("none", 0)]).await;
    here.reserve(1, &[("a", 1)]).await.unwrap();
    here.reserve(2, &[("a", 1)]).await.unwrap();
    here.release(1).await.unwrap();
    adjust(&here, vec![line("none", Change::Receive(3)), line("a", Change::Count(1))]).await;
    let told: Vec<(String, bool, i64)> = shop.availability_changes().await;
    let of = |sku: &str| told.iter().filter(|t| t.0 == sku).map(|t| (t.1, t.2)).collect::<Vec<_>>();
    assert_eq!(of("a"), [(true, 1), (false, 3), (true, 4), (false, 5)]);
    assert_eq!(of("none"), [(true, 2)]);
}

#[tokio::test]
async fn corrections_stand_alone_and_a_repeated_import_changes_nothing() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 10), ("b", 10)]).await;
    here.reserve(1, &[("a", 5)]).await.unwrap();
    let done = adjust(&here, vec![line("a", Change::Count(4)), line("b", Change::Count(7))]).await;
    assert_eq!((done.changed, done.refused), (1, vec!["a".to_owned()]));
    assert_eq!((here.available("a").await, here.available("b").await), (5, 7));
    assert_eq!(here.stock(&[("a", 100), ("b", 100)]).await.changed, 0);
    here.books_are_right().await;
}

#[tokio::test]
async fn an_idempotency_key_receives_a_delivery_once() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 1)]).await;
    let receive = |units| Adjust { lines: vec![line("a", Change::Receive(units))], note: "delivery".into() };
    let keyed = cx().with_key("delivery-1");
    let all = futures_util::future::join_all((0..10).map(|_| here.client.adjust(&keyed, receive(5)))).await;
    assert!(all.iter().all(|done| done.as_ref().unwrap().changed == 1), "all get the first reply");
    assert_eq!(here.available("a").await, 6);
    here.client.adjust(&keyed, receive(2)).await.unwrap();
    assert_eq!(here.available("a").await, 8, "another batch under the same key is another one");
}

#[tokio::test]
async fn an_import_of_two_thousand_is_one_commit() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let skus: Vec<String> = (0..2_000).map(|i| format!("import-{i:04}")).collect();
    let lines: Vec<AdjustLine> = skus.iter().rev().map(|sku| line(sku, Change::InitialIfNew(100))).collect();
    let (before, started) = (here.db.counters(), Instant::now());
    assert_eq!(adjust(&here, lines.clone()).await.changed, 2_000);
    let cost = here.db.counters() - before;
    println!("2,000 SKUs in {:?}", started.elapsed());
    assert!(cost.commits == 1 && cost.statements <= 3, "{cost:?}");
    let started = Instant::now();
    assert_eq!(adjust(&here, lines).await.changed, 0);
    println!("again in {:?}", started.elapsed());
    assert_eq!(here.books_are_right().await.on_hand, 200_000);
}

#[tokio::test]
async fn two_imports_of_the_same_skus_at_once_count_once() {
    let shop = Shop::open().await;
    let (here, there) = (shop.process().await, shop.process().await);
    let lines: Vec<AdjustLine> = (0..300).map(|i| line(&format!("s{i}"), Change::InitialIfNew(10))).collect();
    let (a, b) = futures_util::join!(adjust(&here, lines.clone()), adjust(&there, lines));
    assert_eq!(a.changed + b.changed, 300);
    assert_eq!(here.books_are_right().await.on_hand, 3_000);
}

#[tokio::test]
async fn the_ledger_cannot_be_rewritten() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 1)]).await;
    let db = shop.test_db.superuser("inventory").await;
    for sql in ["update movement set delta = 5", "delete from movement", "truncate movement"] {
        assert!(db.write_one(sql, &[]).await.is_err(), "{sql}");
    }
    for sql in ["update stock set reserved = 2", "update stock set reserved = -1", "update stock set on_hand = -1"] {
        assert!(db.write_one(sql, &[]).await.unwrap_err().constraint().is_some(), "{sql}");
    }
}

#[tokio::test]
async fn the_audit_sees_what_is_broken() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("lost", 10), ("held", 10), ("fine", 10), ("bounds", 1)]).await;
    here.reserve(1, &[("held", 2), ("fine", 2)]).await.unwrap();
    here.books_are_right().await;
    shop.sql("update stock set on_hand = 9 where sku = 'lost'").await;
    shop.sql("update stock set reserved = 3 where sku = 'held'").await;
    shop.sql("alter table stock drop constraint stock_not_oversold").await;
    shop.sql("update stock set reserved = 2 where sku = 'bounds'").await;
    shop.sql(
        "insert into movement (warehouse_id, sku, delta, reason) select id, 'ghost', 1, 'received' from warehouse",
    )
    .await;
    let mut audit = here.audit().await;
    audit.balance_not_movements.sort();
    assert_eq!(audit.balance_not_movements, ["ghost", "lost"]);
    assert_eq!(audit.reserved_not_reservations, ["bounds", "held"]);
    assert_eq!(audit.out_of_bounds, ["bounds"]);
}

fn shipped(n: u128) -> Envelope {
    let at = jiff::Timestamp::from_second(1_700_000_000).unwrap();
    let fact = ShipmentShipped {
        shipment: Shipment {
            id: order(n + 1_000).into(),
            order_id: order(n),
            status: ShipmentStatus::Shipped,
            carrier: None,
            tracking_number: None,
            shipped_at: at,
            delivered_at: None,
        },
        version: 1,
    };
    Envelope {
        id: Uuid::from_u128(n),
        source: "shipping".into(),
        event_type: ShipmentShipped::TYPE.into(),
        aggregate: order(n),
        version: 1,
        time: at,
        traceparent: None,
        tracestate: None,
        data: serde_json::value::to_raw_value(&fact).unwrap(),
    }
}

#[tokio::test]
async fn a_shipment_takes_its_units_off_the_books_once() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 10)]).await;
    for n in [1, 2] {
        here.reserve(n, &[("a", 2)]).await.unwrap();
        here.allocate(n).await.unwrap();
    }
    let consumer = consumers(&here.service).remove(0);
    assert_eq!(consumer.sources()[0].schema, "shipping");
    for _ in 0..2 {
        let mut tx = here.db.begin().await.unwrap();
        consumer.apply(&mut tx, &[shipped(1), shipped(2)]).await.unwrap();
        tx.commit().await.unwrap();
    }
    let audit = here.books_are_right().await;
    assert_eq!((audit.on_hand, audit.reserved, audit.shipped), (6, 0, 4));
    let mut tx = here.db.begin().await.unwrap();
    assert!(consumer.apply(&mut tx, &[shipped(3)]).await.is_err(), "an order we know nothing of is not passed over");
}
