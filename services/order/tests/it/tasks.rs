//! Manual tasks: what is refused to a saga for good becomes a task for a person within bounded tries, for each step of each
//! saga, and nothing else is left behind. Before, it was tried for as long as the shop lived.

use souk_eventually::eventually;
use souk_order_api::{AuditRequest, CancelOrder, GetOrder, Order, OrderApi, OrderStatus, SagaTask};
use souk_payment_api::PaymentStatus;
use souk_rpc::{Actor, Cx};
use uuid::Uuid;

use crate::{Shop, buy, guest};

/// A customer's checkout of cart 1 while `forbidden` are refused, and a cancellation when it got so far.
async fn until_a_task(forbidden: &[&'static str], cancel: bool) -> (Shop, Order, SagaTask) {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    *shop.neighbours.with_coupon.lock().unwrap() = true;
    shop.service.sweep();
    let cx = Cx::new("test", Actor::Customer(Uuid::from_u128(1))).with_key("k");
    if cancel {
        let reply = shop.client.checkout(&cx, buy(1, "tok_ok")).await.unwrap();
        shop.all_ended().await;
        shop.neighbours.forbidden.lock().unwrap().extend(forbidden);
        let request = CancelOrder { id: reply.order.id, reason: String::new(), if_version: None, token: None };
        shop.client.cancel(&cx, request).await.unwrap();
    } else {
        shop.neighbours.forbidden.lock().unwrap().extend(forbidden);
        drop(shop.client.checkout(&cx.clone().within(std::time::Duration::from_millis(200)), buy(1, "tok_ok")).await);
    }
    let db = shop.test.db("order").await;
    let mut tasks = eventually("a task", std::time::Duration::from_secs(60), async || {
        let audit = shop.service.audit(&Cx::system("test"), AuditRequest {}).await.unwrap();
        if audit.unfinished_sagas.is_empty() && !audit.tasks.is_empty() {
            return Some(audit.tasks);
        }
        // Rests are cut short.
        let due = "update saga set lease_until = now() where resting and lease_until <> 'infinity'";
        db.write_one(due, &[]).await.unwrap();
        None
    })
    .await;
    assert_eq!(tasks.len(), 1);
    let task = tasks.remove(0);
    let order = shop.client.get(&cx, GetOrder { id: task.order, token: None }).await.unwrap();
    (shop, order, task)
}

fn left_behind(shop: &Shop) -> (bool, i64, usize) {
    let held = shop
        .neighbours
        .payments
        .lock()
        .unwrap()
        .values()
        .any(|payment| matches!(payment.status, PaymentStatus::Authorised | PaymentStatus::Captured));
    (held, 10 - *shop.neighbours.stock.lock().unwrap(), shop.neighbours.redeemed.lock().unwrap().len())
}

#[tokio::test]
async fn taking_a_checkout_back() {
    for (refused, left) in [("void", (true, 0, 0)), ("release", (false, 2, 0)), ("unredeem", (false, 0, 1))] {
        let (shop, order, task) = until_a_task(&["allocate", refused], false).await;
        assert_eq!((order.status, order.failure.as_deref()), (OrderStatus::Failed, Some("checkout_needs_attention")));
        assert_eq!(left_behind(&shop), left, "{refused}: {task:?}");
        assert_eq!((&*task.kind, task.what.lines().count()), ("checkout", 1));
        assert!(task.what.contains(&format!("forbidden: {refused}")), "{task:?}");
        shop.neighbours.forbidden.lock().unwrap().clear();
        let again = shop.client.checkout(&guest("k2"), buy(1, "tok_ok")).await.unwrap();
        assert_eq!(again.order.status, OrderStatus::Confirmed, "the cart is free");
    }
}

#[tokio::test]
async fn finishing_a_sale() {
    let (shop, order, task) = until_a_task(&["capture"], false).await;
    assert_eq!(order.status, OrderStatus::Confirmed);
    assert_eq!((left_behind(&shop), &*task.kind), ((true, 2, 1), "checkout"), "it is sold: {task:?}");
}

#[tokio::test]
async fn taking_a_sale_back() {
    for (refused, left) in [("refund", (true, 0, 0)), ("release", (false, 2, 0)), ("unredeem", (false, 0, 1))] {
        let (shop, order, task) = until_a_task(&[refused], true).await;
        assert_eq!(order.status, OrderStatus::Cancelled);
        assert_eq!((left_behind(&shop), &*task.kind), (left, "cancellation"), "{refused}: {task:?}");
    }
}

/// 29 tries in 16 minutes before: the authorisation was refused, and so was taking it back.
#[tokio::test]
async fn more_than_a_payment_takes_is_refused_before_anything_happens() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    *shop.neighbours.total.lock().unwrap() = Some(1_000_000_000_001);
    let refused = shop.client.checkout(&guest("k"), buy(1, "tok_ok")).await.unwrap_err();
    assert_eq!(refused.code, "cart_too_large");
    assert_eq!(shop.count("select count(*) from saga").await, 0);
}
