//! Purchases: from a product page to the order, by forms alone.

use http::StatusCode;
use souk_import::ProductDraft;

use crate::browser::{Browser, Reply};

pub const ADDRESS: [(&str, &str); 6] = [
    ("email", "ana@example.com"),
    ("name", "Ana Example"),
    ("line1", "Marktplatz 1"),
    ("postal_code", "04109"),
    ("city", "Leipzig"),
    ("country", "DE"),
];

/// A browser at the payment page with one thing in its cart.
pub async fn at_the_till(products: usize) -> (Browser, Reply) {
    let mut browser = Browser::new(products);
    let (sku, _) = browser.sku(1);
    browser.submit("/cart/lines", &[("sku", &sku), ("quantity", "2")]).await.shows("2 items");
    browser.get("/checkout").await.shows("Where should it go?").shows("as a guest");
    browser.submit("/checkout/address", &ADDRESS).await.shows("How should it travel?").shows("Express");
    let till = browser.submit("/checkout/delivery", &[("method", "express")]).await;
    till.shows("How would you like to pay?").shows("04109 Leipzig").shows("Express").shows("€12.90");
    (browser, till)
}

#[tokio::test]
async fn a_guest_buys_without_scripts() {
    let (mut browser, till) = at_the_till(200).await;
    let placed = browser.paid(&till, "tok_ok").await;
    placed
        .shows("Thank you")
        .shows("Order S-1000001")
        .shows("Confirmed")
        .shows("confirmation to ana@example.com")
        .hides("Cancel this order");
    assert_eq!(placed.header("cache-control"), "private, no-store");
    browser.get("/cart").await.shows("Your cart is empty");
    let orders = browser.shop.state().orders.len();
    assert_eq!(orders, 1);
}

#[tokio::test]
async fn sending_the_form_twice_makes_one_order() {
    let (mut browser, till) = at_the_till(200).await;
    let first = browser.pay(&till, "tok_ok").await.location().to_owned();
    let second = browser.pay(&till, "tok_ok").await.location().to_owned();
    assert_eq!(first, second);
    assert_eq!(browser.shop.state().orders.len(), 1);
}

#[tokio::test]
async fn a_declined_card_leaves_the_buyer_at_the_till_with_a_new_attempt() {
    let (mut browser, till) = at_the_till(200).await;
    let key = till.hidden("key");
    let declined = browser.paid(&till, "tok_declined").await;
    declined.shows("The bank declined the payment").shows("Nothing was charged").shows("How would you like to pay?");
    assert_ne!(declined.hidden("key"), key, "the old key has had its answer");
    assert!(declined.body.contains("value=\"tok_declined\" required checked"), "what was chosen is chosen still");
    browser.get("/checkout").await.hides("declined the payment");
    let paid = browser.paid(&declined, "tok_ok").await;
    paid.shows("Thank you");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_asked_for_under_the_same_key() {
    let (mut browser, till) = at_the_till(200).await;
    let key = till.hidden("key");
    let down = browser.paid(&till, "tok_down").await;
    down.shows("you will not be charged twice");
    assert_eq!(down.hidden("key"), key);
}

#[tokio::test]
async fn a_bank_that_wants_to_see_the_buyer_is_linked_to() {
    let (mut browser, till) = at_the_till(200).await;
    let page = browser.paid(&till, "tok_requires_action").await;
    page.shows("One more step").shows("href=\"http://127.0.0.1:1/challenge\"").shows("rel=\"noopener\"");
    let order = format!("/orders/{}", page.after("href=\"/orders/"));
    let token = page.after("?token=").split('&').next().unwrap().to_owned();
    let pending = browser.get(&format!("{order}?token={token}&placed=1")).await;
    pending.shows("In progress").shows("looks again by itself").shows("href=\"/checkout/confirm\"");
    assert_eq!(pending.header("refresh"), "3");
}

#[tokio::test]
async fn an_order_is_shown_to_who_has_its_token_only() {
    let (mut browser, till) = at_the_till(200).await;
    let location = browser.pay(&till, "tok_ok").await.location().to_owned();
    let bare = location.split('?').next().unwrap();
    assert_eq!(browser.get(bare).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get(&format!("{bare}?token=wrong")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get(&location).await.status, StatusCode::OK);
    let cancel = browser.submit(&format!("{bare}/cancel"), &[]).await;
    assert_eq!(cancel.status, StatusCode::NOT_FOUND, "a guest cannot cancel");
    browser.get(&location).await.shows("Confirmed");
}

#[tokio::test]
async fn wrong_fields_come_back_marked_with_what_was_typed() {
    let mut browser = Browser::new(100);
    let (sku, _) = browser.sku(0);
    browser.submit("/cart/lines", &[("sku", &sku)]).await;
    let form = [("email", "not an address"), ("name", "Ana <b>"), ("line1", ""), ("city", ""), ("country", "XX")];
    let answer = browser.post("/checkout/address", &form).await;
    assert_eq!(answer.location(), "/checkout?change=address");
    assert!(!format!("{:?}", answer.headers).contains("Ana"), "nothing of it is readable in the cookie");
    let page = browser.get(answer.location()).await;
    page.shows("Must be an e-mail address, such as ada@example.com.")
        .shows("Must not be empty.")
        .shows("aria-invalid=\"true\"");
    page.shows("value=\"not an address\"").shows("Ana &#60;b&#62;").hides("<b>Ana");
    page.shows("Must be a country code of ISO 3166-1, and XX is none.");
    assert_eq!(page.body.matches("aria-invalid").count(), 4);
    browser.get("/checkout?change=delivery").await.shows("Where should it go?");
    let unknown = browser.submit("/checkout/address", &ADDRESS).await;
    unknown.shows("How should it travel?");
    let page = browser.submit("/checkout/delivery", &[("method", "by-camel")]).await;
    page.shows("There is no such shipping method");
}

#[tokio::test]
async fn options_are_chosen_by_radio_buttons() {
    let mut browser = Browser::new(400);
    let shop = browser.shop.clone();
    let two = |d: &&ProductDraft| d.product.options.len() == 2 && d.offers.last().unwrap().initial_stock() > 2;
    let draft = &shop.drafts.iter().find(two).unwrap().product;
    let wanted = draft.variants.last().unwrap();
    let (first, second) = (&wanted.option_values[0], &wanted.option_values[1]);
    let cart = browser.submit("/cart/lines", &[("slug", &draft.slug), ("option-0", first), ("option-1", second)]).await;
    cart.shows(&format!("{first} / {second}"));
    assert!(browser.shop.state().carts.values().all(|cart| cart.lines[0].sku == wanted.sku));
    let wrong = browser.submit("/cart/lines", &[("slug", &draft.slug), ("option-0", first)]).await;
    wrong.shows("This combination is not made");
}

#[tokio::test]
async fn the_cart_is_changed_by_plain_forms() {
    let mut browser = Browser::new(200);
    let ((one, _), (other, _)) = (browser.sku(0), browser.sku(5));
    browser.submit("/cart/lines", &[("sku", &one)]).await;
    let cart = browser.submit("/cart/lines", &[("sku", &other), ("quantity", "3")]).await;
    cart.shows("4 items");
    let line = cart.after("action=\"/cart/lines/");
    browser.submit(&format!("/cart/lines/{line}"), &[("quantity", "2")]).await.shows("5 items");
    for wrong in ["0", "-1", "1000", "many", "99999999999999999999", ""] {
        let page = browser.submit(&format!("/cart/lines/{line}"), &[("quantity", wrong)]).await;
        page.shows("5 items").shows("The quantity is a number from 1 to 999.");
    }
    browser.submit(&format!("/cart/lines/{line}/remove"), &[]).await.shows("3 items");
    browser.submit(&format!("/cart/lines/{line}/remove"), &[]).await.shows("3 items");
    browser.submit("/cart/coupons", &[("code", "ten")]).await.shows("Discount").shows("TEN");
    for _ in 0..7 {
        let refused = browser.submit("/cart/coupons", &[("code", "nonsense")]).await;
        refused.shows("There is no coupon NONSENSE.").shows("value=\"nonsense\"").shows("aria-invalid=\"true\"");
        assert_eq!(browser.shop.state().carts.values().next().unwrap().coupons, ["TEN"], "and not kept");
    }
    browser.get("/cart").await.hides("nonsense");
    browser.submit("/cart/coupons/remove", &[("code", "TEN")]).await.hides("Discount");
    let back = browser.post("/cart/coupons", &[("code", "TEN"), ("back", "checkout")]).await;
    assert_eq!(back.location(), "/checkout");
}

#[tokio::test]
async fn what_changed_since_is_said_in_the_cart() {
    let mut browser = Browser::new(200);
    let ((one, _), (other, _)) = (browser.sku(0), browser.sku(5));
    browser.submit("/cart/lines", &[("sku", &one)]).await;
    browser.submit("/cart/lines", &[("sku", &other), ("quantity", "3")]).await.shows("To the checkout");
    browser.shop.state().prices.insert(one, 12_300);
    browser.shop.state().stock.insert(other, 1);
    let cart = browser.get("/cart").await;
    cart.shows("The price is now 123.00 EUR.")
        .shows("Only 1 left.")
        .hides("To the checkout")
        .shows("change or remove what cannot be bought");
}

#[tokio::test]
async fn what_is_sold_meanwhile_is_explained_in_the_cart() {
    let (mut browser, till) = at_the_till(200).await;
    let (sku, _) = browser.sku(1);
    browser.shop.state().stock.insert(sku.clone(), 0);
    let page = browser.paid(&till, "tok_ok").await;
    page.shows("Something was sold in the meantime.").shows("This is sold out.");
    let add = browser.submit("/cart/lines", &[("sku", &sku)]).await;
    add.shows("There is not enough of it.");
    browser.submit("/cart/lines", &[("sku", "NO-SUCH-THING")]).await.shows("No such product.");
}

#[tokio::test]
async fn a_cart_that_expired_is_replaced_when_something_goes_in() {
    let mut browser = Browser::new(100);
    let (sku, _) = browser.sku(0);
    browser.submit("/cart/lines", &[("sku", &sku)]).await;
    browser.shop.state().carts.clear();
    browser.get("/cart").await.shows("Your cart is empty");
    browser
        .submit("/cart/coupons", &[("code", "TEN")])
        .await
        .shows("Your cart is empty: carts are kept for seven days");
    browser.submit("/cart/lines", &[("sku", &sku)]).await.shows("1 item");
}

#[tokio::test]
async fn modules_get_json_and_the_header_knows_the_count() {
    let mut browser = Browser::new(100);
    let (sku, _) = browser.sku(0);
    browser.extra.push(("accept", "application/json".into()));
    assert_eq!(browser.get("/fragments/header").await.body, r#"{"name":"","units":0}"#);
    let added = browser.post("/cart/lines", &[("sku", &sku), ("quantity", "2")]).await;
    assert_eq!((added.status, added.body.as_str()), (StatusCode::OK, r#"{"units":2}"#));
    assert!(browser.cookies.contains_key("souk_known"), "tells the module to ask");
    let header = browser.get("/fragments/header").await;
    assert_eq!((header.body.as_str(), header.header("cache-control")), (r#"{"name":"","units":2}"#, "no-store"));
    let wrong = browser.post("/cart/lines", &[("sku", "NO-SUCH-THING")]).await;
    assert_eq!((wrong.status, wrong.header("content-type")), (StatusCode::NOT_FOUND, "application/problem+json"));
    wrong.shows("test-request");
}

#[tokio::test]
async fn forms_of_other_sites_are_refused_and_change_nothing() {
    let mut browser = Browser::new(100);
    let (sku, _) = browser.sku(0);
    for (name, value) in
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")]
    {
        browser.extra = vec![(name, value.to_owned())];
        let page = browser.post("/cart/lines", &[("sku", &sku)]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{name}: {value}");
        page.shows("was not sent from our own pages");
    }
    assert!(browser.shop.state().carts.is_empty() && browser.cookies.is_empty());
    browser.extra = vec![("sec-fetch-site", "same-origin".into())];
    browser.submit("/cart/lines", &[("sku", &sku)]).await.shows("1 item");
}

#[tokio::test]
async fn bodies_that_are_no_forms_are_refused() {
    let mut browser = Browser::new(50);
    let large = format!("sku={}", "x".repeat(70_000));
    let page = browser.send(http::Method::POST, "/cart/lines", Some(large)).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    browser.extra = vec![("origin", crate::browser::ORIGIN.into()), ("content-type", "application/json".into())];
    let page = browser.send(http::Method::POST, "/cart/lines", Some("{}".into())).await;
    assert_ne!(page.status, StatusCode::OK);
    assert!(browser.shop.state().carts.is_empty());
}

/// Without scripts: a button asks for the fields of the country that was chosen, and nothing typed is lost.
#[tokio::test]
async fn the_form_has_the_fields_of_the_chosen_country() {
    let mut browser = Browser::new(50);
    let (sku, _) = browser.sku(1);
    browser.submit("/cart/lines", &[("sku", &sku)]).await;
    let german = browser.get("/checkout").await;
    german.shows("Postcode (PLZ)").shows("Such as 26133").hides("name=\"region\"").hides(">France<");
    let choose =
        |country| [("fields", "country"), ("email", "a@example.com"), ("name", "山田 太郎"), ("country", country)];
    let answer = browser.post("/checkout/address", &choose("JP")).await;
    assert_eq!(answer.location(), "/checkout?change=address#ship-country");
    let japanese = browser.get("/checkout?change=address").await;
    japanese.shows("Prefecture").shows("value=\"東京都\"").shows(">Tokyo<").shows("value=\"山田 太郎\"");
    japanese.shows("<option value=\"JP\" selected>Japan").hides("name=\"city\"").hides("aria-invalid");
    browser.submit("/checkout/address", &choose("HK")).await.shows("Area").hides("name=\"postal_code\"");

    let tokyo = [
        ("email", "a@example.com"),
        ("name", "山田 太郎"),
        ("line1", "千代田区千代田1-1"),
        ("region", "東京都"),
        ("postal_code", "〒100-0001"),
        ("country", "JP"),
    ];
    let wrong: Vec<_> = tokyo.iter().copied().filter(|(name, _)| *name != "region").collect();
    browser.submit("/checkout/address", &wrong).await.shows("Must not be empty: Japan asks for a prefecture.");
    let delivery = browser.submit("/checkout/address", &tokyo).await;
    delivery.shows("How should it travel?").shows("千代田区千代田1-1, 山田 太郎, Japan");
}
