//! Cancellation by clients that leave: the future of their request is dropped at every await point, and what it began comes
//! to its end within moments, without waiting for a lease to run out.

use std::time::Duration;

use souk_eventually::eventually;
use souk_order_api::{AuditRequest, CancelOrder, CheckoutReply, OrderApi};
use souk_payment_api::PaymentStatus;
use souk_rpc::Cx;
use souk_runtime::abandon_everywhere;

use crate::{Shop, buy, guest};

/// Before, a checkout that was dropped between being placed and being started slept for its lease: 15 s and a sweep. No
/// sweeper runs here, so what is not started stays.
const SOON: Duration = Duration::from_secs(2);

async fn stocked() -> Shop {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10_000;
    shop
}

/// Soon, all sagas have ended, and money and stock are those of what is sold. Looked at together, again and again: what was
/// queued when its request went may be placed after the first look.
async fn at_rest(shop: &Shop, polls: usize) {
    let what = format!("abandoned after {polls} polls: all is at rest");
    eventually(&what, SOON, async || {
        let open = shop.count("select count(*) from saga where phase in ('forward', 'undo')").await;
        let pending = shop.count("select count(*) from orders where status = 'pending'").await;
        let audit = shop.service.audit(&Cx::system("test"), AuditRequest {}).await.unwrap();
        let sold = i64::try_from(audit.sold).unwrap();
        let captured = shop.neighbours.captured();
        let stock = *shop.neighbours.stock.lock().unwrap();
        let payments = shop.neighbours.payments.lock().unwrap();
        let held = payments.values().filter(|payment| payment.status == PaymentStatus::Authorised).count();
        let now = (open, pending, held, captured, stock);
        if now == (0, 0, 0, sold * 2490, 10_000 - 2 * sold) { Ok(()) } else { Err(format!("{now:?}, sold {sold}")) }
    })
    .await;
}

#[tokio::test]
async fn a_checkout() {
    let shop = stocked().await;
    let polls = abandon_everywhere(
        |polls| {
            let (service, cx) = (shop.service.clone(), guest(&format!("k{polls}")));
            async move { service.checkout(&cx, buy(polls as u128, "tok_ok")).await }
        },
        async |polls, _| at_rest(&shop, polls).await,
    )
    .await;
    println!("a checkout: {polls} polls");
    assert!(polls > 2);
}

/// Cancelling what `token` buys, each time another order.
async fn cancelling(token: &str) {
    let shop = stocked().await;
    let mut polls = 0;
    loop {
        polls += 1;
        let key = guest(&format!("k{polls}"));
        let reply: CheckoutReply = shop.client.checkout(&key, buy(polls as u128, token)).await.unwrap();
        let request = CancelOrder {
            id: reply.order.id,
            reason: String::new(),
            if_version: None,
            token: Some(reply.token.clone()),
        };
        let cx = guest("");
        let cancelled = souk_runtime::abandoned_after(polls, shop.service.cancel(&cx, request.clone())).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        let waits = shop.count("select count(*) from orders where status = 'pending' and not given_up").await;
        if waits > 0 {
            // It left before anything was decided: the buyer may still do so.
            shop.client.cancel(&cx, request).await.unwrap();
        }
        at_rest(&shop, polls).await;
        if cancelled.is_some() {
            println!("cancelling {token}: {polls} polls");
            return;
        }
    }
}

#[tokio::test]
async fn a_cancellation() {
    cancelling("tok_ok").await;
}

#[tokio::test]
async fn giving_up() {
    cancelling("tok_requires_action").await;
}
