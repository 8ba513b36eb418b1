//! Contract tests, call by call: in process and encoded.

use souk_inventory::store::STATEMENTS;
use souk_inventory_api::{
    Adjust, AdjustLine, AvailabilityRequest, ByKey, Change, InventoryClient, ReservationStatus, Reserve, Shortage,
    StockLine, serve_inventory,
};
use souk_kernel::Kind;
use souk_rpc::{Actor, Channel, Cx};
use uuid::Uuid;

use crate::shop::{Shop, cx, order};

#[tokio::test]
async fn every_statement_prepares_against_the_migrated_schema() {
    let shop = Shop::open().await;
    souk_db::assert_all_prepare(&shop.test_db.db("inventory").await, STATEMENTS).await;
}

#[tokio::test]
async fn the_same_story_in_process_and_encoded() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let contract = serve_inventory(here.service.clone());
    let encoded = InventoryClient::Remote(Channel::loopback(contract));
    for (n, client) in [(1, here.client.clone()), (2, encoded)] {
        let (sku, id) = (format!("sku-{n}"), order(n));
        let line = AdjustLine { product_id: order(9), sku: sku.clone(), change: Change::InitialIfNew(5) };
        let adjusted = client.adjust(&cx(), Adjust { lines: vec![line], note: "first".into() }).await.unwrap();
        assert_eq!((adjusted.changed, adjusted.refused.len()), (1, 0));
        let reserve =
            |key, quantity| Reserve { key, lines: vec![StockLine { sku: sku.clone(), quantity }], ttl_seconds: 900 };
        let held = client.reserve(&cx(), reserve(id, 3)).await.unwrap();
        assert_eq!((held.key, held.status), (id, ReservationStatus::Held));
        let refused = client.reserve(&cx(), reserve(order(n + 100), 3)).await.unwrap_err();
        assert_eq!((refused.kind, &*refused.code), (Kind::Conflict, "out_of_stock"));
        let lines: Vec<Shortage> = serde_json::from_value(*refused.data.unwrap()).unwrap();
        assert_eq!(lines, [Shortage { sku: sku.clone(), wanted: 3, available: 2 }]);
        let found = client.availability(&cx(), AvailabilityRequest { skus: vec![sku.clone(), "none".into()] }).await;
        assert_eq!(found.unwrap().items.iter().map(|i| i.available).collect::<Vec<_>>(), [2]);
        let status = |r: souk_inventory_api::Reservation| r.status;
        let by_key = ByKey { key: id };
        assert_eq!(client.ship(&cx(), by_key).await.unwrap_err().code, "reservation_not_allocated");
        assert_eq!(client.allocate(&cx(), by_key).await.map(status).unwrap(), ReservationStatus::Allocated);
        assert_eq!(client.ship(&cx(), by_key).await.map(status).unwrap(), ReservationStatus::Shipped);
        assert_eq!(client.release(&cx(), by_key).await.unwrap_err().code, "reservation_shipped");
    }
    let audit = here.books_are_right().await;
    assert_eq!((audit.on_hand, audit.reserved, audit.shipped), (4, 0, 6));
}

#[tokio::test]
async fn all_lines_or_none() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 5), ("b", 1)]).await;
    let problem = here.reserve(1, &[("a", 2), ("b", 2), ("never heard of", 1)]).await.unwrap_err();
    let short: Vec<Shortage> = serde_json::from_value(*problem.data.unwrap()).unwrap();
    let short: Vec<_> = short.iter().map(|s| (s.sku.as_str(), s.wanted, s.available)).collect();
    assert_eq!(short, [("b", 2, 1), ("never heard of", 1, 0)]);
    assert_eq!((here.available("a").await, here.available("b").await), (5, 1));
}

#[tokio::test]
async fn repeating_gives_the_first_outcome_and_other_lines_are_refused() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 5)]).await;
    for _ in 0..3 {
        assert_eq!(here.reserve(1, &[("a", 2)]).await.unwrap().status, ReservationStatus::Held);
    }
    assert_eq!(here.reserve(1, &[("a", 3)]).await.unwrap_err().code, "reservation_differs");
    for _ in 0..3 {
        assert_eq!(here.allocate(1).await.unwrap().status, ReservationStatus::Allocated);
    }
    assert_eq!(here.reserve(1, &[("a", 2)]).await.unwrap().status, ReservationStatus::Allocated);
    assert_eq!(here.available("a").await, 3);
    for _ in 0..3 {
        assert_eq!(here.release(1).await.unwrap().status, ReservationStatus::Released);
    }
    assert_eq!(here.reserve(1, &[("a", 2)]).await.unwrap_err().code, "reservation_gone");
    assert_eq!(here.allocate(1).await.unwrap_err().code, "reservation_gone");
    assert_eq!(here.allocate(77).await.unwrap_err().code, "reservation_gone");
    assert_eq!(here.ship(77).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(here.available("a").await, 5);
    here.books_are_right().await;
}

#[tokio::test]
async fn a_release_that_overtakes_bars_the_reservation() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 5)]).await;
    assert_eq!(here.release(1).await.unwrap().status, ReservationStatus::Released);
    assert_eq!(here.reserve(1, &[("a", 1)]).await.unwrap_err().code, "reservation_gone");
    assert_eq!(here.available("a").await, 5);
}

#[tokio::test]
async fn a_reservation_and_its_allocation_cost_five_statements_and_a_commit_each() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 50), ("b", 50)]).await;
    let before = here.db.counters();
    here.reserve(1, &[("a", 1), ("b", 1)]).await.unwrap();
    here.allocate(1).await.unwrap();
    let cost = here.db.counters() - before;
    assert!(cost.statements <= 5 && cost.commits == 2, "{cost:?}");
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_changes_nothing() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 5)]).await;
    let wrong: [&[(&str, u32)]; 5] = [&[], &[("a", 0)], &[("a", u32::MAX)], &[("a", 1), ("a", 1)], &[("nul\0", 1)]];
    for lines in wrong {
        assert_eq!(here.reserve(1, lines).await.unwrap_err().kind, Kind::Invalid, "{lines:?}");
    }
    let adjust = Adjust {
        lines: vec![AdjustLine { product_id: order(9), sku: "a".into(), change: Change::Count(-1) }],
        note: String::new(),
    };
    assert_eq!(here.client.adjust(&cx(), adjust.clone()).await.unwrap_err().kind, Kind::Invalid);
    for (actor, kind) in [(Actor::Anonymous, Kind::Unauthenticated), (Actor::Customer(Uuid::nil()), Kind::Forbidden)] {
        let cx = Cx::new("test", actor);
        assert_eq!(here.client.adjust(&cx, adjust.clone()).await.unwrap_err().kind, kind);
        assert_eq!(here.client.audit(&cx, Default::default()).await.unwrap_err().kind, kind);
    }
    assert_eq!(here.available("a").await, 5);
    let too_many = AvailabilityRequest { skus: vec!["a".into(); 2_001] };
    assert_eq!(here.client.availability(&cx(), too_many).await.unwrap_err().kind, Kind::TooLarge);
}
