//! Expiry: holds run out by the database's clock, and what ran out is given back: on the way of a buyer who needs it, and by
//! the schedule.

use futures_util::future::join_all;
use souk_inventory::reclaim_all;

use crate::shop::Shop;

#[tokio::test]
async fn the_hold_lasts_as_long_as_the_database_says() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 1)]).await;
    here.reserve(1, &[("a", 1)]).await.unwrap();
    let db = shop.test_db.superuser("inventory").await;
    let row = db
        .primary()
        .query_one("select extract(epoch from expires_at - created_at)::bigint as ttl from reservation", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 900);
}

#[tokio::test]
async fn an_expired_hold_cannot_be_allocated_and_makes_room_for_the_next() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 1)]).await;
    here.reserve(1, &[("a", 1)]).await.unwrap();
    assert_eq!(here.reserve(2, &[("a", 1)]).await.unwrap_err().code, "out_of_stock", "not yet");
    assert_eq!(shop.holds_run_out().await, 1);
    assert_eq!(here.allocate(1).await.unwrap_err().code, "reservation_gone");
    here.reserve(2, &[("a", 1)]).await.unwrap();
    here.books_are_right().await;
}

#[tokio::test]
async fn a_shortage_gives_back_more_expired_holds_than_one_transaction_takes() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 1_200), ("b", 1_200)]).await;
    let held = join_all((1..=1_200).map(|n| {
        let here = &here;
        async move { here.reserve(n, &[("a", 1), ("b", 1)]).await }
    }))
    .await;
    assert!(held.iter().all(Result::is_ok));
    shop.holds_run_out().await;
    here.reserve(5_000, &[("a", 1_200)]).await.unwrap();
    assert_eq!((here.available("a").await, here.available("b").await), (0, 1_200));
    here.books_are_right().await;
}

#[tokio::test]
async fn the_schedule_gives_back_in_batches_and_never_what_is_allocated() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 1_000)]).await;
    let held = join_all((1..=500).map(|n| {
        let here = &here;
        async move { here.reserve(n, &[("a", 1)]).await }
    }))
    .await;
    assert!(held.iter().all(Result::is_ok));
    here.allocate(1).await.unwrap();
    assert_eq!(shop.holds_run_out().await, 499);
    here.reserve(501, &[("other", 1)]).await.unwrap_err();
    assert_eq!(here.available("a").await, 500, "nobody was in need, so nothing was given back yet");
    assert_eq!(reclaim_all(&here.service).await.unwrap(), 499);
    assert_eq!(reclaim_all(&here.service).await.unwrap(), 0);
    assert_eq!(here.available("a").await, 999);
    assert_eq!(here.ship(1).await.unwrap().status, souk_inventory_api::ReservationStatus::Shipped);
    here.books_are_right().await;
}
