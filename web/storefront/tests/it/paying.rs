//! Paying: what was shown is what is charged, and no way leads into a dead end.

use http::{Method, StatusCode};

use crate::browser::{Browser, Reply};
use crate::buying::{ADDRESS, at_the_till};

/// The same browser's second tab at the payment page.
async fn second_tab(browser: &mut Browser) -> Reply {
    let tab = browser.get("/checkout").await;
    tab.shows("How would you like to pay?");
    tab
}

#[tokio::test]
async fn a_total_that_was_not_shown_is_not_charged() {
    let (mut browser, till) = at_the_till(200).await;
    let before = till.hidden("total");
    // Five of another thing in a second tab; then Pay in the first, which made an order of the dearer cart before.
    let (other, _) = browser.sku(5);
    browser.submit("/cart/lines", &[("sku", &other), ("quantity", "5")]).await.shows("7 items");
    let page = browser.paid(&till, "tok_ok").await;
    let after = page.hidden("total");
    page.shows("Your cart has changed since this page was shown").shows("Nothing was charged");
    let euros = |cents: &str| format!("€{}.{}", &cents[..cents.len() - 2], &cents[cents.len() - 2..]);
    page.shows(&format!("it was {} and is {} now", euros(&before), euros(&after)))
        .shows(&format!("Pay {}", euros(&after)));
    assert!(browser.shop.state().orders.is_empty());
    browser.paid(&page, "tok_ok").await.shows("Thank you");
    assert_eq!(browser.shop.state().orders[0].0.total.amount.to_string(), after);
}

#[tokio::test]
async fn neither_is_a_price_that_the_merchant_changed_meanwhile() {
    let (mut browser, till) = at_the_till(200).await;
    let (sku, _) = browser.sku(1);
    browser.shop.state().prices.insert(sku, 99_900);
    let page = browser.paid(&till, "tok_ok").await;
    page.shows("Your cart has changed since this page was shown").shows("Nothing was charged").shows("Pay €2,010.90");
    assert!(browser.shop.state().orders.is_empty());
    // The same for a total that stayed, of another cart: an address of another tab, say.
    browser.submit("/checkout/address", &ADDRESS).await;
    browser.paid(&page, "tok_ok").await.shows("Your cart has changed since this page was shown. Nothing was charged.");
}

#[tokio::test]
async fn an_order_service_of_the_release_before_is_told_nothing_new_and_compared_for() {
    let (mut browser, till) = at_the_till(200).await;
    browser.shop.state().old_orders = true;
    let (other, _) = browser.sku(5);
    browser.submit("/cart/lines", &[("sku", &other)]).await;
    let page = browser.paid(&till, "tok_ok").await;
    page.shows("Your cart has changed since this page was shown");
    assert!(browser.shop.state().orders.is_empty());
    browser.paid(&page, "tok_ok").await.shows("Thank you");
    let again = browser.paid(&page, "tok_ok").await;
    again.shows("Order S-1000001");
    assert_eq!(browser.shop.state().orders.len(), 1);
}

#[tokio::test]
async fn a_second_tab_that_pays_a_cart_already_paid_is_led_to_the_order() {
    for old_orders in [false, true] {
        let (mut browser, till) = at_the_till(200).await;
        browser.shop.state().old_orders = old_orders;
        let other = second_tab(&mut browser).await;
        browser.paid(&till, "tok_ok").await.shows("Thank you");
        let led = browser.paid(&other, "tok_ok").await;
        led.shows("Order S-1000001").shows("You have ordered this already, and it is charged once.");
        assert_eq!(browser.shop.state().orders.len(), 1);
        // An earlier step in a third tab, too.
        browser.submit("/checkout/delivery", &[("method", "standard")]).await.shows("Order S-1000001");
        browser.get("/cart").await.shows("Your cart is empty").hides("ordered this already");
    }
}

#[tokio::test]
async fn another_visitor_is_not_led_to_an_order_by_a_cookie_of_their_own_making() {
    let (mut browser, till) = at_the_till(200).await;
    browser.paid(&till, "tok_ok").await.shows("Thank you");
    let sealed = browser.cookies["souk_order"].clone();
    let token = browser.shop.state().orders[0].1.clone();
    assert!(!sealed.contains(&token) && !sealed.contains("order"), "sealed");
    browser.cookies.insert("souk_order".into(), sealed[..sealed.len() - 2].to_owned());
    assert_eq!(browser.get("/checkout/confirm").await.location(), "/checkout");
}

#[tokio::test]
async fn a_bank_that_waits_can_be_left() {
    for (then, leads_to, says) in [
        ("pay", "/checkout", "How would you like to pay instead?"),
        ("cart", "/cart", "Everything is still in your cart."),
    ] {
        let (mut browser, till) = at_the_till(200).await;
        let other = second_tab(&mut browser).await;
        browser.paid(&till, "tok_requires_action").await.shows("Pay in another way").shows("Give up");
        // Another tab meets the payment that waits, not a refusal.
        browser.paid(&other, "tok_ok").await.shows("Confirm at the bank");
        let left = browser.post("/checkout/give-up", &[("then", then)]).await;
        assert_eq!(left.location(), leads_to);
        browser.get(leads_to).await.shows(says).shows("nothing was charged");
        let till = second_tab(&mut browser).await;
        browser.paid(&till, "tok_ok").await.shows("Thank you").shows("Order S-1000002");
        let confirm = browser.get("/checkout/confirm").await;
        assert!(confirm.location().starts_with("/orders/"), "nothing waits any more");
    }
}

#[tokio::test]
async fn an_order_of_nothing_asks_for_no_card() {
    let (mut browser, _) = at_the_till(200).await;
    browser.submit("/checkout/delivery", &[("method", "pickup")]).await;
    let till = browser.submit("/cart/coupons", &[("code", "gift"), ("back", "checkout")]).await;
    till.shows("no card is needed").shows("Place the order").hides("tok_ok").hides("half a minute");
    let form: Vec<(String, String)> = till.pay("");
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let order = browser.submit("/checkout", &form[..4]).await;
    order.shows("Thank you").shows("There was nothing to pay.");
}

#[tokio::test]
async fn the_page_says_beforehand_that_a_bank_takes_its_time() {
    let (_, till) = at_the_till(200).await;
    till.shows("press once and wait").shows("data-busy=\"Paying €");
}

#[tokio::test]
async fn every_form_is_answered_by_a_redirect_also_when_it_is_refused() {
    let (mut browser, _) = at_the_till(200).await;
    let forms = [
        ("/cart/lines", "sku=NO-SUCH-THING"),
        ("/cart/lines/nonsense", "quantity=1"),
        ("/cart/lines/nonsense", "quantity=many"),
        ("/cart/lines/nonsense/remove", ""),
        ("/cart/coupons", "code=nonsense"),
        ("/cart/coupons/remove", "code=nonsense"),
        ("/checkout", ""),
        ("/checkout", "key=a&token=tok_ok&cart_version=1&total=1&currency=EUR"),
        ("/checkout/address", "email=x"),
        ("/checkout/delivery", "method=camel"),
        ("/checkout/give-up", ""),
        ("/orders/nonsense/cancel", ""),
        ("/account/login", "email=x&password=y"),
        ("/account/register", "email=x&password=y"),
        ("/account/profile", "name=x"),
        ("/account/password", "current_password=x"),
        ("/account/addresses/nonsense", "name=x"),
        ("/account/addresses/nonsense/remove", ""),
    ];
    for (path, body) in forms {
        let refused = browser.send(Method::POST, path, Some(body.to_owned())).await;
        assert_eq!(refused.status, StatusCode::SEE_OTHER, "{path} {body}: {}", refused.body);
        let page = browser.get(refused.location()).await;
        assert!(page.status != StatusCode::METHOD_NOT_ALLOWED, "{path} leads to {}", refused.location());
        let by_hand = browser.get(path).await;
        assert_ne!(by_hand.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    for path in ["/account/login", "/account/register", "/account/logout", "/account/password"] {
        assert_eq!(browser.get(path).await.status, StatusCode::SEE_OTHER, "{path}");
    }
}

#[tokio::test]
async fn what_a_form_said_is_shown_once_and_on_its_page_only() {
    let (mut browser, _) = at_the_till(200).await;
    let refused = browser.post("/cart/coupons", &[("code", "nonsense")]).await;
    assert_eq!(refused.location(), "/cart");
    browser.get("/").await;
    browser.get("/fragments/header").await;
    browser.get("/checkout").await.hides("There is no coupon");
    assert_eq!(
        browser.get("/cart").await.shows("There is no coupon NONSENSE.").header("cache-control"),
        "private, no-store"
    );
    browser.get("/cart").await.hides("There is no coupon");
    assert!(!browser.cookies.contains_key("souk_flash"));
    // A form that was typed full beyond what a cookie holds still says what is wrong.
    let long = "x".repeat(5_000);
    let page = browser.submit("/checkout/address", &[("email", "no address"), ("line1", &long)]).await;
    page.shows("Must be an e-mail address, such as ada@example.com.");
}
