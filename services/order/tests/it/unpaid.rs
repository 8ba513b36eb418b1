//! Unpaid orders, which wait for their buyers at the payment provider: given up, completed, both at once, and how many there
//! may be.

use std::net::IpAddr;

use futures_util::future::join_all;
use souk_eventually::eventually;
use souk_inventory_api::ReservationStatus;
use souk_kernel::{Kind, Problem};
use souk_order_api::{CancelOrder, CartOrder, CheckoutReply, GetOrder, OrderStatus};
use souk_payment_api::PaymentStatus;
use souk_rpc::{Actor, Cx};
use uuid::Uuid;

use crate::{Shop, buy, guest};

async fn waiting(shop: &Shop, cx: &Cx, cart: u128) -> CheckoutReply {
    let reply = shop.client.checkout(cx, buy(cart, "tok_requires_action")).await.unwrap();
    assert!(reply.action_url.is_some() && reply.order.status == OrderStatus::Pending);
    reply
}

fn give_up(reply: &CheckoutReply) -> CancelOrder {
    CancelOrder { id: reply.order.id, reason: String::new(), if_version: None, token: Some(reply.token.clone()) }
}

async fn stocked() -> Shop {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 1_000;
    shop
}

/// The buyer who left the provider's page open: refused with `order_not_cancellable` before, for 15 minutes.
#[tokio::test]
async fn a_guest_gives_up_and_pays_in_another_way_at_once() {
    let shop = stocked().await;
    let first = waiting(&shop, &guest("k"), 1).await;
    let refused = shop.client.checkout(&guest("k2"), buy(1, "tok_ok")).await.unwrap_err();
    assert_eq!(refused.code, "checkout_in_progress");
    let told: CartOrder = serde_json::from_value(*refused.data.clone().unwrap()).unwrap();
    assert_eq!((told.order_id, &told.token, &told.action_url), (first.order.id, &first.token, &first.action_url));

    let stranger = CancelOrder { token: Some("guessed".into()), ..give_up(&first) };
    assert_eq!(shop.client.cancel(&guest(""), stranger).await.unwrap_err().kind, Kind::NotFound);

    let begun = std::time::Instant::now();
    let order = shop.client.cancel(&guest(""), give_up(&first)).await.unwrap();
    assert_eq!((order.status, order.failure.as_deref()), (OrderStatus::Failed, Some("checkout_abandoned")));
    assert!(begun.elapsed().as_secs_f64() < 1.0, "{:?}", begun.elapsed());
    shop.client.cancel(&guest(""), give_up(&first)).await.expect("again changes nothing");
    assert_eq!(*shop.neighbours.stock.lock().unwrap(), 1_000);
    assert_eq!(shop.neighbours.statuses(), [ReservationStatus::Released]);
    let statuses = || shop.neighbours.payments.lock().unwrap().values().map(|p| p.status).collect::<Vec<_>>();
    assert_eq!(statuses(), [PaymentStatus::Voided]);

    let second = shop.client.checkout(&guest("k2"), buy(1, "tok_ok")).await.expect("the cart is free");
    assert_eq!(second.order.status, OrderStatus::Confirmed);
    let replay = shop.client.checkout(&guest("k"), buy(1, "tok_requires_action")).await.unwrap_err();
    assert_eq!(replay.code, "checkout_abandoned");
    let bought = shop.client.checkout(&guest("k3"), buy(1, "tok_ok")).await.unwrap_err();
    let told: CartOrder = serde_json::from_value(*bought.data.clone().unwrap()).unwrap();
    assert_eq!((&*bought.code, told.order_id), ("cart_bought", second.order.id));
    shop.all_ended().await;
}

/// A customer's order is not told to others who know the cart.
#[tokio::test]
async fn of_a_customers_cart_others_learn_nothing() {
    let shop = stocked().await;
    let customer = Cx::new("test", Actor::Customer(Uuid::from_u128(7))).with_key("k");
    waiting(&shop, &customer, 1).await;
    let refused = shop.client.checkout(&guest("k2"), buy(1, "tok_ok")).await.unwrap_err();
    assert_eq!((&*refused.code, refused.data.is_none()), ("checkout_in_progress", true));
}

/// Completed at the provider and given up at the same moment, many times: sold, or undone with the money given back, and
/// what the buyer was told is what happened.
#[tokio::test]
async fn completing_and_giving_up_at_once_ends_one_way() {
    let shop = stocked().await;
    shop.service.sweep();
    let (mut sold, mut undone) = (0, 0);
    for round in 0..24u128 {
        let reply = waiting(&shop, &guest(&format!("k{round}")), round).await;
        shop.neighbours.complete();
        let db = shop.test.db("order").await;
        let completed = async {
            for _ in 0..round % 6 {
                tokio::task::yield_now().await;
            }
            let tx = db.begin().await.unwrap();
            souk_flow::wake_saga(&tx, reply.order.id.0).await.unwrap();
            tx.commit().await.unwrap();
            // The sweeper of another process may be as quick as the request.
            shop.service.wake(reply.order.id).await.unwrap();
        };
        let given_up = async {
            tokio::time::sleep(std::time::Duration::from_micros(500 * (round % 12) as u64)).await;
            shop.client.cancel(&guest(""), give_up(&reply)).await
        };
        let ((), cancelled) = tokio::join!(completed, given_up);
        shop.all_ended().await;
        let get = GetOrder { id: reply.order.id, token: Some(reply.token.clone()) };
        let order = shop.client.get(&guest(""), get).await.unwrap();
        match order.status {
            OrderStatus::Failed => {
                undone += 1;
                assert_eq!(order.failure.as_deref(), Some("checkout_abandoned"));
            }
            OrderStatus::Cancelled => sold += 1,
            other => panic!("{other:?} after {cancelled:?}"),
        }
        let payment = shop.neighbours.payments.lock().unwrap()[&reply.order.id.0].clone();
        assert_eq!(payment.captured.amount, payment.refunded.amount, "{payment:?}");
        assert!(matches!(payment.status, PaymentStatus::Voided | PaymentStatus::Refunded), "{payment:?}");
        assert_eq!(*shop.neighbours.stock.lock().unwrap(), 1_000);
    }
    println!("given up at once with completing: {undone} undone, {sold} sold and taken back");
}

fn refused_for_many(answer: &Result<CheckoutReply, Problem>) -> bool {
    answer.as_ref().is_err_and(|problem| problem.is("too_many_unpaid_orders"))
}

/// Unbounded before: 40 of 40 held their stock.
#[tokio::test]
async fn unpaid_orders_are_bounded_for_each_owner_and_address() {
    let shop = stocked().await;
    let from = |n: u8, key: String| {
        let mut cx = guest(&key);
        cx.client = Some(IpAddr::from([203, 0, 113, n]));
        cx
    };
    // Guests with one address are one owner here: their mail address is the same.
    let asked = (0..8u128).map(|n| {
        let (shop, cx) = (&shop, from(n as u8, format!("owner{n}")));
        async move { shop.client.checkout(&cx, buy(n, "tok_requires_action")).await }
    });
    let answers = join_all(asked).await;
    assert_eq!(answers.iter().filter(|answer| refused_for_many(answer)).count(), 3, "5 of one owner wait");
    // Customers are owners by themselves; what they share is their address.
    let asked = (0..32u128).map(|n| {
        let (shop, mut cx) = (&shop, from(99, format!("address{n}")));
        cx.actor = Actor::Customer(Uuid::from_u128(n + 1));
        async move { shop.client.checkout(&cx, buy(100 + n, "tok_requires_action")).await }
    });
    let answers = join_all(asked).await;
    assert_eq!(answers.iter().filter(|answer| refused_for_many(answer)).count(), 12, "20 of one address wait");
    let waiting = answers.iter().filter_map(|answer| answer.as_ref().ok()).next().unwrap();
    let left = async || *shop.neighbours.stock.lock().unwrap() == 1_000 - 2 * 25;
    eventually("those refused hold nothing", std::time::Duration::from_secs(20), left).await;
    let owner = Cx::new("test", Actor::Customer(waiting.order.customer_id.unwrap())).with_key("next");
    shop.client.cancel(&owner, give_up(waiting)).await.unwrap();
    let mut next = owner;
    next.client = Some(IpAddr::from([203, 0, 113, 99]));
    shop.client.checkout(&next, buy(200, "tok_requires_action")).await.expect("one given up makes room for one");
    let paid = shop.client.checkout(&from(99, "paid".into()), buy(201, "tok_ok")).await;
    assert_eq!(paid.unwrap().order.status, OrderStatus::Confirmed, "who pays at once is not counted");
}
