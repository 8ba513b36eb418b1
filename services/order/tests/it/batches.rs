//! Group commit of orders: one that cannot be written fails alone, at each of the three commits of a checkout.

use futures_util::future::join_all;
use souk_eventually::eventually;
use souk_order_api::{AuditRequest, OrderApi};
use souk_rpc::Cx;

use crate::{Shop, buy, guest};

/// How many of 64 fail when the 13th cannot be written because of `constraint`.
async fn failing(constraint: &'static str) -> (Shop, Vec<u128>) {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 1_000;
    *shop.neighbours.bad_cart.lock().unwrap() = Some(uuid::Uuid::from_u128(13));
    shop.test.superuser("order").await.write_one(constraint, &[]).await.unwrap();
    let buy = |n: u128| {
        let (shop, cx) = (&shop, guest(&format!("k{n}")));
        async move { shop.client.checkout(&cx, buy(n, "tok_ok")).await.is_err().then_some(n) }
    };
    let failed = join_all((0..64).map(buy)).await.into_iter().flatten().collect();
    (shop, failed)
}

async fn sold(shop: &Shop) -> u64 {
    shop.service.audit(&Cx::system("test"), AuditRequest {}).await.unwrap().sold
}

#[tokio::test]
async fn one_that_cannot_be_placed_fails_alone() {
    let (shop, failed) = failing("alter table orders add constraint bad check (email <> 'bad@example.org')").await;
    assert_eq!(failed, [13]);
    shop.all_ended().await;
    assert_eq!((sold(&shop).await, *shop.neighbours.stock.lock().unwrap()), (63, 1_000 - 2 * 63));
}

#[tokio::test]
async fn one_that_cannot_be_confirmed_fails_alone() {
    let bad = "alter table orders add constraint bad check (email <> 'bad@example.org' or status <> 'confirmed')";
    let (shop, failed) = failing(bad).await;
    assert_eq!(failed, [13]);
    shop.all_ended().await;
    assert_eq!((sold(&shop).await, *shop.neighbours.stock.lock().unwrap()), (63, 1_000 - 2 * 63));
}

/// After the sale: 63 are completed although one cannot be.
#[tokio::test]
async fn one_that_cannot_be_completed_waits_alone() {
    let bad =
        "alter table orders add constraint bad check (email <> 'bad@example.org' or payment_status <> 'captured')";
    let (shop, failed) = failing(bad).await;
    assert_eq!(failed, [0u128; 0], "it is sold all the same");
    let open = "select count(*) from saga where phase = 'forward'";
    let soon = std::time::Duration::from_secs(5);
    eventually("63 are completed while one is tried again", soon, async || shop.count(open).await <= 1).await;
    assert_eq!((shop.count(open).await, sold(&shop).await), (1, 64));
}
