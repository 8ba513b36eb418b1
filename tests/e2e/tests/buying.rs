//! The way from a product to an order, for guests and customers, over the API and through the forms.

use http::StatusCode;
use serde_json::json;
use souk_order_api::{OrderPayment, OrderStatus};
use souk_testkit::{Topology, World, eventually, tokens};
use std::time::Duration;

everywhere!(crate::ordinary(); guest_over_the_api, guest_through_forms, customer_over_the_api, customer_through_forms);

/// Everything else that is split has certificates.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customer_of_a_fleet_without_certificates() {
    let world = World::start(Topology::SplitPlain).await;
    customer_over_the_api(&world).await;
    world.stop().await;
}

/// How long a new product may take to be found by a fleet that makes its first index meanwhile.
const INDEXED: Duration = Duration::from_secs(60);

async fn guest_over_the_api(world: &World) {
    let lamp = world.product("Brass Lamp", 2_500, 5).await;
    let mut guest = world.guest();
    let page = guest.browse(&lamp.slug).await;
    assert_eq!(page["variants"][0]["sku"], json!(lamp.sku), "{page}");
    eventually("the lamp is found", INDEXED, || async {
        let found = guest.search("brass lamps").await;
        if found["total"] == 1 { Ok(()) } else { Err(found) }
    })
    .await;

    guest.fill(&lamp.sku, 2).await;
    let cart = guest.look().await;
    assert_eq!((cart.units, cart.totals.subtotal.amount), (2, 5_000));
    let shipping = cart.totals.shipping.expect("an address and a method are known").amount;
    assert_eq!(cart.totals.total.amount, 5_000 + shipping);
    let placed = guest.checkout(tokens::OK).await.bought();
    assert_eq!((placed.order.status, placed.order.total), (OrderStatus::Confirmed, cart.totals.total));

    let seen = guest.order(&placed).await;
    assert_eq!((seen.number, seen.lines.len(), seen.lines[0].quantity), (placed.order.number.clone(), 1, 2));
    assert!(seen.email == guest.email && seen.customer_id.is_none());
    assert_eq!(world.available(&lamp).await, 3);
    let order =
        world.staff().order_when(placed.order.id, "captured", |o| o.payment_status == OrderPayment::Captured).await;
    assert_eq!(order.status, OrderStatus::Confirmed);
    let mail = world.staff().mail(placed.order.id, "order_confirmation").await;
    assert!(mail.contains(&placed.order.number), "{mail}");

    // The cart is spent: nothing is left to be bought again.
    let again = guest.checkout(tokens::OK).await.refused();
    assert!(again.status == 409 || again.status == 404, "{again:?}");
    assert_eq!(world.staff().orders().await.len(), 1);
}

async fn guest_through_forms(world: &World) {
    let shirts = world.sized_product("Linen Shirt", 4_900, 3, &["S", "M"]).await;
    world.category_is_shown().await;
    let mut browser = world.browser();
    let home = browser.visit("/").await;
    assert!(home.text().contains("Test goods"), "{}", home.text());
    let cart = browser.add("linen-shirt", &[("option-0", "M"), ("quantity", "2")]).await;
    assert!(cart.path == "/cart" && cart.text().contains("Linen Shirt"), "{}", cart.text());

    let payment = browser.to_payment("forms@example.org").await;
    assert!(payment.text().contains("forms@example.org"), "{}", payment.text());
    let order = browser.pay(&payment, tokens::OK).await;
    assert_eq!(order.status, StatusCode::OK);
    assert!(order.path.starts_with("/orders/") && order.text().contains("Order S-"), "{}", order.text());
    assert_eq!((world.available(&shirts[0]).await, world.available(&shirts[1]).await), (3, 1));
    // The button pressed twice: the same order.
    let again = browser.pay(&payment, tokens::OK).await;
    assert_eq!(again.path, order.path);
    assert_eq!(world.staff().orders().await.len(), 1);
    // The address alone opens nothing: the token is the right.
    let bare = order.path.split('?').next().unwrap().to_owned();
    assert_eq!(browser.open(&bare).await.status, StatusCode::NOT_FOUND);
}

async fn customer_over_the_api(world: &World) {
    let lamp = world.product("Desk Lamp", 3_000, 5).await;
    let mut customer = world.guest();
    customer.register().await;
    customer.fill(&lamp.sku, 1).await;
    let placed = customer.checkout(tokens::OK).await.bought();
    assert!(placed.order.customer_id.is_some());
    assert_eq!(customer.orders().await.unwrap()[0].id, placed.order.id);

    let mut stranger = world.guest();
    stranger.register().await;
    assert_eq!(stranger.orders().await.unwrap(), Vec::new());
    assert_eq!(stranger.cancel(&placed.order).await.unwrap_err().status, 404, "not theirs: as if it were not there");
    customer.logout().await;
    assert_eq!(customer.orders().await.unwrap_err().status, 401);
    customer.login().await;
    let cancelled = customer.cancel(&placed.order).await.unwrap();
    assert_eq!(cancelled.status, OrderStatus::Cancelled);
}

async fn customer_through_forms(world: &World) {
    let first = world.product("Clay Pot", 1_500, 5).await;
    let second = world.product("Clay Cup", 700, 5).await;
    let mut browser = world.browser();
    browser.add(&first.slug, &[]).await;
    let account = browser.register("clay@example.org", "Clay").await;
    assert!(account.path == "/account" && account.text().contains("Nothing yet"), "{}", account.text());
    let mut elsewhere = browser.clone();

    browser.submit(&account, &account.form("/account/logout")).await;
    assert!(
        browser.visit("/cart").await.text().contains("Your cart is empty"),
        "the next one at this browser sees nothing"
    );
    assert!(elsewhere.visit("/account").await.text().contains("Welcome"), "the session ended, wherever its cookie is");
    browser.add(&second.slug, &[("quantity", "2")]).await;
    let page = browser.visit("/account").await;
    let form = page.form("/account/login").set("email", "clay@example.org").set("password", "correct horse battery");
    browser.submit(&page, &form).await;
    let cart = browser.visit("/cart").await.text();
    assert!(cart.contains("Clay Pot") && cart.contains("Clay Cup"), "what the guest had joins the customer's: {cart}");

    let payment = browser.to_payment("clay@example.org").await;
    let order = browser.pay(&payment, tokens::OK).await;
    let number = order.text().split_whitespace().find(|word| word.starts_with("S-")).expect("a number").to_owned();
    let account = browser.visit("/account").await;
    assert!(account.text().contains(&number), "{}", account.text());
    let shown = browser.visit(&account.link("/orders/")).await;
    assert!(shown.text().contains(&number), "a customer needs no token");
    assert_eq!((world.available(&first).await, world.available(&second).await), (4, 3));
    let asked = browser.visit(&format!("{}/cancel", shown.path)).await;
    let cancelled = browser.submit(&asked, &asked.form(&format!("{}/cancel", shown.path))).await;
    assert!(cancelled.text().to_lowercase().contains("cancelled"), "{}", cancelled.text());
}
