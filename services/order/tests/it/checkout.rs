//! Checkout saga: checkouts end, once, whatever happens on the way.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use souk_inventory_api::ReservationStatus;
use souk_kernel::Kind;
use souk_order_api::{AuditRequest, OrderApi, OrderPayment, OrderStatus};
use souk_rpc::{Actor, Cx};

use crate::{Shop, buy, guest};

async fn audit(shop: &Shop) -> souk_order_api::Audit {
    shop.client.audit(&Cx::system("test"), AuditRequest {}).await.unwrap()
}

#[tokio::test]
async fn a_cart_becomes_a_paid_order() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    let reply = shop.client.checkout(&guest("k"), buy(1, "tok_ok")).await.unwrap();
    assert_eq!(reply.order.status, OrderStatus::Confirmed);
    assert!(reply.order.number.starts_with("S-1"));
    shop.all_ended().await;
    assert_eq!(shop.neighbours.captured(), 2490);
    assert_eq!(shop.neighbours.statuses(), [ReservationStatus::Allocated]);
    let request = souk_order_api::GetOrder { id: reply.order.id, token: Some(reply.token) };
    let order = shop.client.get(&guest(""), request).await.unwrap();
    assert_eq!((order.status, order.payment_status), (OrderStatus::Confirmed, OrderPayment::Captured));
    let audit = audit(&shop).await;
    assert_eq!((audit.sold, audit.wrong_totals.len(), audit.unfinished_sagas.len()), (1, 0, 0));
    assert_eq!(shop.count("select count(*) from outbox where type = 'order.placed.v1'").await, 1);
}

#[tokio::test]
async fn a_declined_payment_gives_everything_back_and_the_cart_can_be_bought_again() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    let refused = shop.client.checkout(&guest("k"), buy(1, "tok_declined")).await.unwrap_err();
    assert_eq!((refused.kind, &*refused.code), (Kind::Declined, "payment_declined"));
    shop.all_ended().await;
    assert_eq!(*shop.neighbours.stock.lock().unwrap(), 10);
    assert_eq!(shop.neighbours.captured(), 0);
    assert_eq!(shop.count("select count(*) from outbox").await, 0, "nothing was sold, nothing is told");
    let again = shop.client.checkout(&guest("k"), buy(1, "tok_declined")).await.unwrap_err();
    assert_eq!(again.code, refused.code, "a replay gets the same answer");
    assert_eq!(shop.neighbours.charges.load(Ordering::SeqCst), 1, "and asks nobody again");
    shop.client.checkout(&guest("k2"), buy(1, "tok_ok")).await.unwrap();
}

#[tokio::test]
async fn what_is_sold_out_is_refused_without_a_charge() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 1;
    let refused = shop.client.checkout(&guest("k"), buy(1, "tok_ok")).await.unwrap_err();
    assert_eq!((refused.kind, &*refused.code), (Kind::Conflict, "out_of_stock"));
    shop.all_ended().await;
    assert_eq!(shop.neighbours.charges.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn fifty_times_the_same_key_is_one_order_and_fifty_equal_replies() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 1_000;
    let replies =
        join_all((0..50).map(|_| async { shop.client.checkout(&guest("same"), buy(1, "tok_ok")).await })).await;
    let first = serde_json::to_string(replies[0].as_ref().unwrap()).unwrap();
    for reply in &replies {
        assert_eq!(serde_json::to_string(reply.as_ref().unwrap()).unwrap(), first);
    }
    shop.all_ended().await;
    *shop.neighbours.no_cart.lock().unwrap() = true;
    let late = shop.client.checkout(&guest("same"), buy(1, "tok_ok")).await.unwrap();
    assert_eq!(serde_json::to_string(&late).unwrap(), first, "also when the cart is gone and the money is taken");
    assert_eq!(shop.neighbours.charges.load(Ordering::SeqCst), 1);
    assert_eq!(audit(&shop).await.sold, 1);
    // The control: without one key for all, the same calls are refused, because the cart has been bought.
    *shop.neighbours.no_cart.lock().unwrap() = false;
    let other = shop.client.checkout(&guest("another"), buy(1, "tok_ok")).await.unwrap_err();
    assert_eq!(other.code, "cart_bought");
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    shop.client.checkout(&guest("k"), buy(1, "tok_ok")).await.unwrap();
    let refused = shop.client.checkout(&guest("k"), buy(1, "tok_slow")).await.unwrap_err();
    assert_eq!(refused.code, "idempotency_key_reused");
    let customer = Cx::new("test", Actor::Customer(uuid::Uuid::from_u128(5))).with_key("k");
    shop.client.checkout(&customer, buy(2, "tok_ok")).await.expect("the same key of somebody else is another key");
    let refused = shop.client.checkout(&customer, buy(3, "tok_ok")).await.unwrap_err();
    assert_eq!((refused.kind, &*refused.code), (Kind::Invalid, "idempotency_key_reused"));
    // Before, all guests shared one scope: this was refused.
    shop.client.checkout(&guest("k"), buy(3, "tok_ok")).await.expect("guests are who holds their carts");
}

#[tokio::test]
async fn lost_answers_never_charge_or_hold_twice() {
    for method in ["reserve", "authorise", "allocate", "capture"] {
        let shop = Shop::open().await;
        *shop.neighbours.stock.lock().unwrap() = 10;
        shop.neighbours.lost.lock().unwrap().insert(method, 2);
        let reply = shop.client.checkout(&guest("k"), buy(1, "tok_ok")).await.unwrap();
        assert_eq!(reply.order.status, OrderStatus::Confirmed, "{method}");
        shop.all_ended().await;
        assert_eq!(shop.neighbours.charges.load(Ordering::SeqCst), 1, "{method}");
        assert_eq!(shop.neighbours.captured(), 2490, "{method}");
        assert_eq!(*shop.neighbours.stock.lock().unwrap(), 8, "{method}");
    }
}

#[tokio::test]
async fn a_process_that_dies_in_a_checkout_is_taken_over() {
    for method in ["reserve", "authorise", "allocate", "capture"] {
        let shop = Shop::open().await;
        *shop.neighbours.stock.lock().unwrap() = 10;
        *shop.neighbours.stuck.lock().unwrap() = Some(method);
        let hurried = guest("k").within(std::time::Duration::from_millis(700));
        // A process by itself, to be killed: what runs in it just ends.
        let doomed = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (db, neighbours) = (shop.test.db("order").await, shop.neighbours.clone());
        let buying = doomed.spawn(async move {
            let (_, service) = Shop::on(db, &neighbours);
            service.checkout(&hurried, buy(1, "tok_ok")).await.unwrap()
        });
        let answered = buying.await.unwrap();
        let expected = if method == "capture" { OrderStatus::Confirmed } else { OrderStatus::Pending };
        assert_eq!(answered.order.status, expected, "{method}: it goes on without the request");

        *shop.neighbours.stuck.lock().unwrap() = None;
        doomed.shutdown_background();
        // How soon an heir may look is what counts. When it does is up to the machine: one that was late itself looks twice.
        let long = "select count(*) from saga where lease_until > now() + interval '2 seconds'";
        assert_eq!(
            shop.count(long).await,
            0,
            "{method}: a dead process's lease holds for longer than that; 15 s before"
        );
        let (_tasks, heir) = Shop::process(&shop.test, &shop.neighbours).await;
        heir.sweep();
        shop.all_ended().await;
        assert_eq!(shop.neighbours.charges.load(Ordering::SeqCst), 1, "{method}");
        assert_eq!(shop.neighbours.captured(), 2490, "{method}");
        assert_eq!(*shop.neighbours.stock.lock().unwrap(), 8, "{method}");
        let replay = heir.checkout(&guest("k"), buy(1, "tok_ok")).await.unwrap();
        assert_eq!(replay.order.id, answered.order.id);
        assert_eq!(replay.order.status, OrderStatus::Confirmed);
        assert_eq!(shop.count("select count(*) from outbox where type = 'order.placed.v1'").await, 1, "{method}");
    }
}
