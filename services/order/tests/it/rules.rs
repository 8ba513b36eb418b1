//! Permissions: who may see and do what; partitions; every statement prepares.

use souk_db::RowExt;
use souk_kernel::Kind;
use souk_order_api::{CancelOrder, GetOrder, ListOrders, OrderPayment, OrderStatus};
use souk_rpc::{Actor, Cx};
use uuid::Uuid;

use crate::{Shop, buy, guest};

fn customer(n: u128) -> Cx {
    Cx::new("test", Actor::Customer(Uuid::from_u128(n))).with_key("k")
}

#[tokio::test]
async fn an_order_is_seen_by_its_owner_only() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    let reply = shop.client.checkout(&customer(1), buy(1, "tok_ok")).await.unwrap();
    let get = |token: Option<&str>| GetOrder { id: reply.order.id, token: token.map(Into::into) };
    shop.client.get(&customer(1), get(None)).await.unwrap();
    shop.client.get(&guest(""), get(Some(&reply.token))).await.unwrap();
    for (cx, token) in [(customer(2), None), (guest(""), None), (guest(""), Some("guessed")), (customer(2), Some(""))] {
        let refused = shop.client.get(&cx, get(token)).await.unwrap_err();
        assert_eq!(refused.kind, Kind::NotFound, "what is not yours does not exist");
    }
    let list = ListOrders { limit: 10, ..ListOrders::default() };
    assert_eq!(shop.client.mine(&customer(1), list.clone()).await.unwrap().items.len(), 1);
    assert_eq!(shop.client.mine(&customer(2), list.clone()).await.unwrap().items.len(), 0);
    let with = |status| ListOrders { status: Some(status), ..list.clone() };
    let found = shop.client.mine(&customer(1), with(reply.order.status)).await.unwrap().items;
    assert_eq!(found.iter().map(|order| order.id).collect::<Vec<_>>(), [reply.order.id]);
    assert_eq!(shop.client.mine(&customer(1), with(OrderStatus::Delivered)).await.unwrap().items.len(), 0);
    assert_eq!(shop.client.list(&customer(1), list.clone()).await.unwrap_err().kind, Kind::Forbidden);
    assert_eq!(shop.client.list(&guest(""), list).await.unwrap_err().kind, Kind::Unauthenticated);
    let stranger = shop
        .client
        .cancel(&customer(2), CancelOrder { id: reply.order.id, reason: String::new(), if_version: None, token: None })
        .await;
    assert_eq!(stranger.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn cancelling_gives_money_stock_and_coupons_back_once() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    *shop.neighbours.with_coupon.lock().unwrap() = true;
    let reply = shop.client.checkout(&customer(1), buy(1, "tok_ok")).await.unwrap();
    shop.all_ended().await;
    assert_eq!(shop.neighbours.redeemed.lock().unwrap().len(), 1, "the control: it is used");
    let cancel = || CancelOrder { id: reply.order.id, reason: "changed my mind".into(), if_version: None, token: None };
    let cancelled = shop.client.cancel(&customer(1), cancel()).await.unwrap();
    assert_eq!(cancelled.status, OrderStatus::Cancelled);
    shop.client.cancel(&customer(1), cancel()).await.expect("again changes nothing");
    shop.all_ended().await;
    assert_eq!(shop.neighbours.captured(), 0);
    assert_eq!(*shop.neighbours.stock.lock().unwrap(), 10);
    assert_eq!(shop.neighbours.redeemed.lock().unwrap().len(), 0);
    let order = shop.client.get(&customer(1), GetOrder { id: reply.order.id, token: None }).await.unwrap();
    assert_eq!((order.status, order.payment_status), (OrderStatus::Cancelled, OrderPayment::Refunded));
}

#[tokio::test]
async fn pages_go_through_all_orders_once() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 100;
    for n in 0..5 {
        shop.client.checkout(&guest(&format!("k{n}")), buy(n, "tok_ok")).await.unwrap();
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = ListOrders { limit: 2, cursor, status: None };
        let page = shop.client.list(&Cx::system("test"), page).await.unwrap();
        seen.extend(page.items.iter().map(|order| order.number.clone()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), sorted.len()), (5, 5));
    let wrong = ListOrders { limit: 0, ..ListOrders::default() };
    assert_eq!(shop.client.list(&Cx::system("test"), wrong).await.unwrap_err().kind, Kind::Invalid);
}

#[tokio::test]
async fn keys_and_tokens_are_checked_before_anything_happens() {
    let shop = Shop::open().await;
    for cx in [Cx::new("test", Actor::Anonymous), guest(&"x".repeat(256)), guest("with blank")] {
        let refused = shop.client.checkout(&cx, buy(1, "tok_ok")).await.unwrap_err();
        assert_eq!(refused.code, "idempotency_key_required");
    }
    let refused = shop.client.checkout(&guest("k"), buy(1, "")).await.unwrap_err();
    assert_eq!(refused.fields[0].pointer, "/payment/token");
    assert_eq!(shop.count("select count(*) from orders").await, 0);
}

#[tokio::test]
async fn partitions_are_months_of_uuidv7_and_are_made_ahead() {
    let shop = Shop::open().await;
    let db = shop.test.db("order").await;
    let name = "select tableoid::regclass::text as part from orders";
    *shop.neighbours.stock.lock().unwrap() = 10;
    shop.client.checkout(&guest("k"), buy(1, "tok_ok")).await.unwrap();
    let part: String = db.primary().query_one(name, &[]).await.unwrap().get_col("part").unwrap();
    let month = "select 'orders_' || to_char(now() at time zone 'utc', 'YYYY_MM') as part";
    let expected: String = db.primary().query_one(month, &[]).await.unwrap().get_col("part").unwrap();
    assert_eq!(part.trim_matches('"'), expected);
    assert_eq!(shop.count("select count(*) from pg_inherits where inhparent = 'orders'::regclass").await, 5);
    let make = async |ahead: i32| {
        let rows = db.write_returning("select ensure_partitions($1)", &[&ahead]).await.unwrap();
        rows[0].get_col::<i32>(0).unwrap()
    };
    assert_eq!(make(3).await, 0, "they are there already");
    assert_eq!(make(6).await, 3, "and more can be made");
}

#[tokio::test]
async fn every_statement_prepares() {
    let shop = Shop::open().await;
    souk_db::assert_all_prepare(&shop.test.db("order").await, &souk_order::statements()).await;
}
