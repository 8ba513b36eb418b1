//! Stock policies: what is sold beyond what is there, and what stays true when a policy ends.

use souk_inventory_api::{
    Adjust, AdjustLine, AvailabilityRequest, Change, PolicyOf, SetPolicies, Shortage, StockPolicy,
};
use souk_kernel::Kind;
use souk_rpc::{Actor, Cx};

use crate::shop::{Process, Shop, cx, order};

async fn set(here: &Process, policies: &[(&str, StockPolicy)]) -> u64 {
    let item = |(sku, policy): &(&str, StockPolicy)| PolicyOf { sku: (*sku).to_owned(), policy: *policy };
    let items = policies.iter().map(item).collect();
    here.client.set_policies(&cx(), SetPolicies { items }).await.unwrap().changed
}

async fn look(here: &Process, sku: &str) -> (i64, i64, bool) {
    let found = here.client.availability(&cx(), AvailabilityRequest { skus: vec![sku.into()] }).await.unwrap();
    let item = &found.items[0];
    (item.available, item.on_hand(), item.is_backordered())
}

async fn count(here: &Process, sku: &str, units: i64) -> Vec<String> {
    let line = AdjustLine { product_id: order(9), sku: sku.into(), change: Change::Count(units) };
    here.client.adjust(&cx(), Adjust { lines: vec![line], note: "count".into() }).await.unwrap().refused
}

async fn told(shop: &Shop) -> Vec<bool> {
    shop.availability_changes().await.into_iter().map(|(_, available, _)| available).collect()
}

#[tokio::test]
async fn a_backorder_is_sold_shipped_and_made_good_by_what_comes_in() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 2)]).await;
    assert_eq!(here.reserve(1, &[("a", 3)]).await.unwrap_err().code, "out_of_stock");
    assert_eq!(set(&here, &[("a", StockPolicy::Backorder), ("unknown", StockPolicy::Backorder)]).await, 1);
    assert_eq!(set(&here, &[("a", StockPolicy::Backorder)]).await, 0, "the same again is no change");
    assert_eq!(look(&here, "a").await, (100_000, 2, false));
    here.reserve(1, &[("a", 3)]).await.unwrap();
    assert_eq!(look(&here, "a").await, (100_000, 2, true));
    here.books_are_right().await;
    here.allocate(1).await.unwrap();
    here.ship(1).await.unwrap();
    assert_eq!(here.books_are_right().await.on_hand, -1);
    let received = AdjustLine { product_id: order(9), sku: "a".into(), change: Change::Receive(5) };
    here.client.adjust(&cx(), Adjust { lines: vec![received], note: "delivery".into() }).await.unwrap();
    assert_eq!(look(&here, "a").await, (100_000, 4, false));
    assert_eq!(told(&shop).await, [true, true, true], "in stock, on backorder, in stock");
}

#[tokio::test]
async fn when_backorders_end_what_was_sold_stays_sold_and_no_more_is() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 1)]).await;
    set(&here, &[("a", StockPolicy::Backorder)]).await;
    here.reserve(1, &[("a", 4)]).await.unwrap();
    here.allocate(1).await.unwrap();
    assert_eq!(set(&here, &[("a", StockPolicy::Deny)]).await, 1);
    assert_eq!(look(&here, "a").await, (0, 1, false));
    let refused = here.reserve(2, &[("a", 1)]).await.unwrap_err();
    let short: Vec<Shortage> = serde_json::from_value(*refused.data.unwrap()).unwrap();
    assert_eq!(short, [Shortage { sku: "a".into(), wanted: 1, available: 0 }]);
    here.books_are_right().await;
    assert_eq!(count(&here, "a", 0).await, ["a"], "fewer than were promised is refused, as ever");
    assert!(count(&here, "a", 2).await.is_empty(), "more is not, though it is still too few");
    here.ship(1).await.unwrap();
    assert_eq!(here.books_are_right().await.on_hand, -2);
    assert!(count(&here, "a", 5).await.is_empty());
    assert_eq!(look(&here, "a").await, (5, 5, false));
    here.reserve(3, &[("a", 5)]).await.unwrap();
    assert_eq!(here.reserve(4, &[("a", 1)]).await.unwrap_err().code, "out_of_stock");
    assert_eq!(told(&shop).await, [true, true, false, true, false]);
}

#[tokio::test]
async fn untracked_units_are_never_short() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("download", 0)]).await;
    assert_eq!(look(&here, "download").await, (0, 0, false));
    set(&here, &[("download", StockPolicy::Untracked)]).await;
    for n in 1..4 {
        here.reserve(n, &[("download", 50)]).await.unwrap();
    }
    assert_eq!(look(&here, "download").await, (100_000, 0, false));
    here.books_are_right().await;
}

#[tokio::test]
async fn the_database_itself_refuses_to_oversell_what_is_limited() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 1), ("b", 1)]).await;
    set(&here, &[("b", StockPolicy::Backorder)]).await;
    let db = shop.test_db.superuser("inventory").await;
    let oversold = db.write_one("update stock set reserved = 2 where sku = 'a'", &[]).await.unwrap_err();
    assert_eq!(oversold.constraint(), Some("stock_not_oversold"));
    db.write_one("update stock set reserved = 2 where sku = 'b'", &[]).await.unwrap();
}

#[tokio::test]
async fn only_those_who_may_adjust_stock_set_policies() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ask = || SetPolicies { items: vec![PolicyOf { sku: "a".into(), policy: StockPolicy::Backorder }] };
    let denied = here.client.set_policies(&Cx::new("test", Actor::Anonymous), ask()).await.unwrap_err();
    assert_eq!(denied.kind, Kind::Unauthenticated);
    let twice = SetPolicies { items: [ask().items, ask().items].concat() };
    assert_eq!(here.client.set_policies(&cx(), twice).await.unwrap_err().kind, Kind::Invalid);
}
