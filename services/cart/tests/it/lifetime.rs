//! Expiry of carts: a week after the last look, or when one was bought.

use serde_json::json;
use souk_bus::Envelope;
use souk_cart::{consumers, purge_all};
use souk_cart_api::{CartId, GetCart};
use souk_kernel::{Event, Kind};
use souk_order_api::OrderPlaced;
use souk_rpc::Cx;
use uuid::Uuid;

use crate::shop::{Process, Shop, customer, cx};

async fn exists(here: &Process, cart_id: CartId) -> bool {
    match here.client.get(&cx(), GetCart { cart_id }).await {
        Ok(_) => true,
        Err(problem) => {
            assert_eq!(problem.kind, Kind::NotFound);
            false
        }
    }
}

#[tokio::test]
async fn a_look_keeps_a_cart_for_another_week_but_does_not_write_each_time() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let id = here.create().await;
    here.add(id, "lamp", 1).await.unwrap();
    let first = here.get(id).await;
    let before = here.db.counters();
    assert_eq!(here.get(id).await.expires_at, first.expires_at);
    assert_eq!((here.db.counters() - before).commits, 0);
    shop.sql("update cart set expires_at = expires_at - interval '3 days'").await;
    assert!(here.get(id).await.expires_at >= first.expires_at, "a week from now again");
}

#[tokio::test]
async fn how_much_is_in_a_cart_costs_one_read_and_keeps_it_too() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let id = here.create().await;
    here.add(id, "lamp", 1).await.unwrap();
    here.add(id, "book", 2).await.unwrap();
    let units = async || here.client.units(&cx(), GetCart { cart_id: id }).await.map(|cart| cart.units);
    let before = shop.cost(&here);
    assert_eq!(units().await.unwrap(), 3);
    let cost = shop.cost(&here) - before;
    assert_eq!((cost.statements, cost.commits), (1, 0));
    let before = shop.cost(&here);
    here.get(id).await;
    assert!((shop.cost(&here) - before).statements > 1, "the control: a look asks for prices and stock");

    shop.unpublish("lamp");
    assert_eq!(units().await.unwrap(), here.get(id).await.units, "as a look says");
    shop.sql("update cart set expires_at = expires_at - interval '3 days'").await;
    let kept = "update cart set body = body where expires_at > now() + interval '6 days'";
    assert_eq!(shop.sql(kept).await, 0);
    units().await.unwrap();
    assert_eq!(shop.sql(kept).await, 1, "a week from now again");
    let own = here.client.create(&customer(1), souk_cart_api::CreateCart {}).await.unwrap().id;
    let theirs = here.client.units(&cx(), GetCart { cart_id: own }).await;
    assert_eq!(theirs.unwrap_err().kind, Kind::NotFound, "another's");
}

#[tokio::test]
async fn what_has_run_out_is_gone_and_later_deleted() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let (old, fresh) = (here.create().await, here.create().await);
    let db = shop.test_db.superuser("cart").await;
    db.write_one("update cart set expires_at = now() where id = $1", &[&old.uuid()]).await.unwrap();
    assert!(!exists(&here, old).await && exists(&here, fresh).await);
    assert_eq!(here.add(old, "lamp", 1).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(purge_all(&here.service).await.unwrap(), 1);
    assert_eq!(purge_all(&here.service).await.unwrap(), 0);
    assert!(exists(&here, fresh).await);
}

/// As the order service writes it, with only what the cart reads filled with sense. The release before did not name the
/// version.
fn placed(cart_id: CartId, version: Option<i64>, n: u128, lines: &[(&str, u32)]) -> Envelope {
    let zero = json!({ "amount": 0, "currency": "EUR" });
    let line = |(sku, quantity): &(&str, u32)| {
        json!({
            "product_id": Uuid::nil(), "sku": sku, "title": "", "options": "", "image": "", "slug": "",
            "quantity": quantity, "unit_price": zero, "total": zero, "discount": zero, "tax": zero, "tax_rate": 0
        })
    };
    let lines: Vec<_> = lines.iter().map(line).collect();
    let address = json!({ "name": "", "line1": "", "city": "", "postal_code": "", "country": "DE" });
    let order = json!({
        "id": Uuid::from_u128(n), "number": "S-1", "status": "confirmed", "payment_status": "authorised",
        "customer_id": null, "email": "a@b.c", "shipping_address": address, "shipping_name": "", "lines": lines,
        "coupons": ["TEN"], "subtotal": zero, "discount": zero, "shipping": zero, "tax": zero, "total": zero,
        "failure": null, "shipments": [], "version": 2, "placed_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z"
    });
    let fact: OrderPlaced = serde_json::from_value(
        json!({ "order": order, "cart_id": cart_id, "cart_version": version, "token": "secret" }),
    )
    .unwrap();
    Envelope {
        id: Uuid::from_u128(n),
        source: "order".into(),
        event_type: OrderPlaced::TYPE.into(),
        aggregate: Uuid::from_u128(n),
        version: 2,
        time: fact.order.placed_at,
        traceparent: None,
        tracestate: None,
        data: serde_json::value::to_raw_value(&fact).unwrap(),
    }
}

/// What `Process::ready` puts into a cart.
const ALL: &[(&str, u32)] = &[("lamp", 1), ("book", 2)];

async fn apply(here: &Process, events: &[Envelope]) -> u64 {
    let before = here.db.counters();
    let mut tx = here.db.begin().await.unwrap();
    consumers(&here.service).remove(0).apply(&mut tx, events).await.unwrap();
    tx.commit().await.unwrap();
    (here.db.counters() - before).statements
}

#[tokio::test]
async fn a_bought_cart_is_deleted_once_or_twice() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let (bought, too, other) = (here.ready().await, here.ready().await, here.ready().await);
    assert_eq!(consumers(&here.service)[0].sources()[0].schema, "order");
    let version = Some(here.get(bought).await.version);
    let events = [placed(bought, version, 1, ALL), placed(too, version, 2, ALL)];
    assert_eq!(apply(&here, &events).await, 1, "deleted unread");
    assert_eq!(apply(&here, &events).await, 2, "nothing to delete, nothing to lock");
    assert!(!exists(&here, bought).await && !exists(&here, too).await && exists(&here, other).await);
    assert_eq!(
        apply(&here, &[placed(other, None, 3, ALL)]).await,
        3,
        "of the release before: looked for, locked, deleted"
    );
    assert!(!exists(&here, other).await);
    let late = here.client.for_checkout(&Cx::system("saga"), GetCart { cart_id: bought }).await.unwrap_err();
    assert_eq!(late.kind, Kind::NotFound);
}

#[tokio::test]
async fn what_was_added_while_the_payment_ran_stays_and_can_be_bought() {
    let shop = Shop::open().await;
    shop.coupon("TEN", 1_000, true).await;
    let here = shop.process().await;
    let id = here.ready().await;
    let coupons = Some(vec!["TEN".into()]);
    here.client.update(&cx(), souk_cart_api::UpdateCart { coupons, ..crate::shop::update(id) }).await.unwrap();
    let paying = here.client.for_checkout(&cx(), GetCart { cart_id: id }).await.unwrap();
    // Accepted with 200 while the bank thinks about it; it was deleted together with the cart.
    shop.sell("late", 700, 5).await;
    here.add(id, "late", 1).await.unwrap();
    let before = here.add(id, "book", 3).await.unwrap();

    let event = [placed(id, Some(paying.version), 1, ALL)];
    for _ in 0..2 {
        apply(&here, &event).await;
        let cart = here.get(id).await;
        let lines: Vec<_> = cart.lines.iter().map(|line| (line.sku.as_str(), line.quantity)).collect();
        assert_eq!(lines, [("book", 3), ("late", 1)]);
        assert_eq!((cart.coupons.len(), cart.version), (0, before.version + 1), "used up, and changed once");
        assert_eq!(cart.email.as_deref(), Some("ada@example.com"));
    }
    let rest = here.client.for_checkout(&cx(), GetCart { cart_id: id }).await.unwrap();
    assert_eq!((rest.lines.len(), rest.purchase), (2, Some(Uuid::from_u128(1))));
    assert_ne!(rest.purchase, paying.purchase, "another purchase: what was paid cannot be paid again");
    apply(&here, &[placed(id, Some(rest.version), 2, &[("book", 3), ("late", 1)])]).await;
    assert!(!exists(&here, id).await, "nothing is left");
}
