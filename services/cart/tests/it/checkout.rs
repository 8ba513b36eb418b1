//! Checkout of a cart: what it gets is complete, priced, and never dearer than the buyer was shown.

use souk_cart_api::{CartId, Changed, CheckoutCart, GetCart, MAX_TOTAL, SetQuantity, UpdateCart};
use souk_kernel::Problem;

use crate::shop::{Process, Shop, codes, cx, eur, system, update, whole};

async fn checkout(here: &Process, cart_id: CartId) -> Result<CheckoutCart, Problem> {
    here.client.for_checkout(&cx(), GetCart { cart_id }).await
}

fn changed(problem: Problem) -> Vec<String> {
    assert_eq!(problem.code, "cart_changed");
    let changed: Changed = serde_json::from_value(*problem.data.unwrap()).unwrap();
    changed.messages.into_iter().map(|message| message.code).collect()
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let id = here.create().await;
    let missing = |problem: Problem| {
        assert_eq!(problem.code, "cart_incomplete");
        serde_json::from_value::<Vec<String>>(*problem.data.unwrap()).unwrap()
    };
    let all = ["lines", "email", "shipping_address", "shipping_method"];
    assert_eq!(missing(checkout(&here, id).await.unwrap_err()), all);
    here.add(id, "lamp", 1).await.unwrap();
    here.client.update(&cx(), UpdateCart { shipping_method: None, ..whole(id) }).await.unwrap();
    assert_eq!(missing(checkout(&here, id).await.unwrap_err()), ["shipping_method"]);
    here.client.update(&cx(), UpdateCart { shipping_method: Some("standard".into()), ..update(id) }).await.unwrap();
    let ready = checkout(&here, id).await.unwrap();
    assert_eq!((ready.lines.len(), ready.quote.total, ready.email.as_str()), (1, eur(1_490), "ada@example.com"));
    assert_eq!((ready.lines[0].slug.as_str(), ready.customer_id), ("the-lamp", None));
    assert_eq!(here.client.for_checkout(&system(), GetCart { cart_id: id }).await.unwrap().version, ready.version);
}

#[tokio::test]
async fn a_dearer_cart_is_shown_first_and_told_once() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let id = here.ready().await;
    shop.price("lamp", 1_200).await;
    assert_eq!(changed(checkout(&here, id).await.unwrap_err()), ["price_changed"]);
    assert_eq!(changed(checkout(&here, id).await.unwrap_err()), ["price_changed"], "asking again is not looking");
    let cart = here.get(id).await;
    assert_eq!(codes(&cart), ["price_changed"]);
    assert_eq!(cart.messages[0].detail, "The price of The lamp changed from 10.00 EUR to 12.00 EUR.");
    assert_eq!(codes(&here.get(id).await), [""; 0]);
    assert_eq!(checkout(&here, id).await.unwrap().quote.subtotal, eur(5_200));
    shop.price("lamp", 900).await;
    // Below 50 shipping is no longer free: 49.00 and 4.90 are more than the 52.00 that were shown.
    assert_eq!(changed(checkout(&here, id).await.unwrap_err()), ["price_changed"]);
}

#[tokio::test]
async fn a_cheaper_cart_goes_through() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let id = here.ready().await;
    shop.price("book", 1_000).await;
    assert_eq!(checkout(&here, id).await.unwrap().quote.subtotal, eur(3_000));
}

#[tokio::test]
async fn a_coupon_that_ended_is_not_dropped_silently() {
    let shop = Shop::open().await;
    shop.coupon("TEN", 1_000, true).await;
    let here = shop.process().await;
    let id = here.ready().await;
    here.client.update(&cx(), UpdateCart { coupons: Some(vec!["TEN".into()]), ..update(id) }).await.unwrap();
    assert_eq!(checkout(&here, id).await.unwrap().quote.coupons, ["TEN"]);
    shop.coupon("TEN", 1_000, false).await;
    assert_eq!(changed(checkout(&here, id).await.unwrap_err()), ["coupon_expired"]);
    assert_eq!(codes(&here.get(id).await), ["coupon_expired"]);
    assert_eq!(checkout(&here, id).await.unwrap().quote.discount, eur(0));
}

#[tokio::test]
async fn what_is_no_longer_sold_stops_the_checkout_until_it_is_removed() {
    let shop = Shop::open().await;
    let id = shop.process().await.ready().await;
    shop.unpublish("lamp");
    let here = shop.process().await; // the first one may show the old card for some seconds more
    assert_eq!(changed(checkout(&here, id).await.unwrap_err()), ["no_longer_sold"]);
    let cart = here.get(id).await;
    assert_eq!((codes(&cart), cart.lines[0].title.as_str()), (vec!["no_longer_sold"], "The lamp"));
    assert_eq!((cart.lines[0].total, cart.lines[0].available), (eur(0), 0));
    assert_eq!(changed(checkout(&here, id).await.unwrap_err()), ["no_longer_sold"]);
    let remove = souk_cart_api::RemoveLine { cart_id: id, line_id: cart.lines[0].id, if_version: None };
    here.client.remove_line(&cx(), remove).await.unwrap();
    assert_eq!(checkout(&here, id).await.unwrap().lines.len(), 1);
}

#[tokio::test]
async fn stock_is_left_to_the_reservation() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let id = here.ready().await;
    shop.count("lamp", 0).await;
    assert_eq!(checkout(&here, id).await.unwrap().lines.len(), 2);
}

#[tokio::test]
async fn the_version_is_the_buyers_and_does_not_rise_by_looking() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let id = here.ready().await;
    let version = here.get(id).await.version;
    // Each of these is news to the buyer and is noted: with a version that rose, the one they hold would be useless.
    for price in [1_200, 900, 1_300] {
        shop.price("lamp", price).await;
        assert_eq!(here.get(id).await.version, version, "looking");
        assert_eq!(codes(&here.get(id).await), [""; 0], "it was noted");
    }
    shop.sql("update cart set expires_at = expires_at - interval '3 days'").await;
    assert_eq!(here.get(id).await.version, version, "keeping it for another week");
    let ready = checkout(&here, id).await.unwrap();
    assert_eq!((ready.version, ready.purchase), (version, Some(id.uuid())));
    assert_eq!(here.add(id, "book", 1).await.unwrap().version, version + 1, "the control: a change");
}

#[tokio::test]
async fn a_cart_dearer_than_payments_take_is_refused_while_it_is_filled() {
    let shop = Shop::open().await;
    shop.sell("palace", MAX_TOTAL / 4, 100).await;
    let here = shop.process().await;
    let id = here.ready().await;
    here.add(id, "palace", 2).await.unwrap();
    let before = here.get(id).await;
    assert!(here.add(id, "palace", 2).await.unwrap_err().is("cart_too_large"));
    let line_id = before.lines.iter().find(|line| line.sku == "palace").unwrap().id;
    let more = SetQuantity { cart_id: id, line_id, quantity: 4, if_version: None };
    assert!(here.client.set_quantity(&cx(), more).await.unwrap_err().is("cart_too_large"));
    assert_eq!(here.get(id).await, before, "nothing changed");
    shop.price("palace", MAX_TOTAL / 2).await;
    assert!(codes(&here.get(id).await).contains(&"cart_too_large"), "the cart says so before anybody pays");
    assert!(checkout(&here, id).await.unwrap_err().is("cart_too_large"), "dearer since, with the rest of the cart");
    let remove = souk_cart_api::RemoveLine { cart_id: id, line_id, if_version: None };
    here.client.remove_line(&cx(), remove).await.unwrap();
    checkout(&here, id).await.unwrap();
}

/// The price of c18-huge-amount.csv: one of it is just below what payments take.
#[tokio::test]
async fn shipping_that_makes_a_cart_too_dear_is_refused_when_it_is_chosen() {
    let shop = Shop::open().await;
    shop.sell("big", 999_999_999_900, 900).await;
    let here = shop.process().await;
    let id = here.create().await;
    here.add(id, "big", 1).await.unwrap();
    assert!(here.add(id, "big", 1).await.unwrap_err().is("cart_too_large"));
    let free = UpdateCart { shipping_method: Some("standard".into()), ..whole(id) };
    let before = here.client.update(&cx(), free).await.unwrap();
    assert_eq!(before.totals.total.amount, 999_999_999_900);
    checkout(&here, id).await.unwrap();
    let express = UpdateCart { shipping_method: Some("express".into()), ..UpdateCart::of(id) };
    let problem = here.client.update(&cx(), express).await.unwrap_err();
    assert!(problem.is("cart_too_large") && problem.detail.contains("10000000000.00 EUR"), "{problem:?}");
    // What costs nothing is still possible.
    let mail = UpdateCart { email: Some("bob@example.com".into()), ..UpdateCart::of(id) };
    here.client.update(&cx(), mail).await.unwrap();
    assert_eq!(here.get(id).await.totals, before.totals, "nothing changed");
}
