//! What is paid is what was shown, and a coupon is used as often as it may be.

use serde_json::json;
use souk_order_api::{Order, OrderPayment};
use souk_testkit::{Guest, Outcome, World, tokens};

everywhere!(crate::crowded(); price_changed_meanwhile, changed_in_another_tab, limited_coupon, cancelled_coupon);

/// Buyers with the same coupon.
const CROWD: usize = 30;
/// Uses it has.
const USES: u32 = 7;

async fn price_changed_meanwhile(world: &World) {
    let lamp = world.product("Lamp", 2_000, 5).await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    let shown = guest.look().await.totals.total;
    world.price(&lamp, 2_600).await;
    let refused = guest.checkout(tokens::OK).await.refused();
    assert_eq!((refused.status, refused.code.as_str()), (409, "cart_changed"), "{refused:?}");
    let cart = guest.look().await;
    assert!(cart.messages.iter().any(|message| message.code == "price_changed"), "{:?}", cart.messages);
    assert_eq!(cart.totals.total.amount, shown.amount + 600);
    let placed = guest.checkout(tokens::OK).await.bought();
    assert_eq!(placed.order.total, cart.totals.total);

    let mut browser = world.browser();
    browser.add(&lamp.slug, &[]).await;
    world.price(&lamp, 2_100).await;
    let cart = browser.visit("/cart").await.text();
    assert!(cart.contains("€21.00") || cart.contains("21.00"), "{cart}");
}

/// The attack: 25.90 on the page, five of another thing added elsewhere, Pay in the first. It was charged.
async fn changed_in_another_tab(world: &World) {
    let lamp = world.product("Lamp", 2_000, 5).await;
    let book = world.product("Book", 700, 50).await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    let shown = guest.shown.unwrap();
    guest.clone().add(&book.sku, 5).await.unwrap();
    let refused = guest.checkout(tokens::OK).await.refused();
    assert_eq!((refused.status, refused.code.as_str()), (409, "cart_changed"), "{refused:?}");
    let data = &refused.problem["data"];
    assert_eq!(data["expected"], json!({ "version": shown.0, "total": shown.1 }));
    let cart = guest.look().await;
    assert_eq!(data["actual"], json!({ "version": cart.version, "total": cart.totals.total }));
    assert!(world.staff().orders().await.is_empty());

    let mut browser = world.browser();
    browser.add(&lamp.slug, &[]).await;
    let payment = browser.to_payment("tabs@example.org").await;
    let mut other = browser.clone();
    other.add(&book.slug, &[("quantity", "5")]).await;
    let told = browser.pay(&payment, tokens::OK).await;
    assert!(told.path == "/checkout" && told.text().contains("Nothing was charged"), "{}", told.text());
    assert!(world.staff().orders().await.is_empty());
    let order = browser.pay(&told, tokens::OK).await;
    assert!(order.path.starts_with("/orders/"), "{}", order.text());
}

async fn limited_coupon(world: &World) {
    let lamp = world.product("Lamp", 2_000, 100).await;
    world.coupon("FEW", USES).await;
    let ready = (0..CROWD).map(|_| async {
        let mut guest = world.guest();
        guest.fill(&lamp.sku, 1).await;
        let cart = guest.enter("FEW").await.unwrap();
        assert_eq!(cart.totals.discount.amount, 200);
        guest
    });
    let crowd: Vec<Guest> = crate::get_ready(ready).await;
    let buying = crowd.into_iter().map(|mut guest| async move { guest.checkout(tokens::OK).await });
    let mut sold = 0;
    for outcome in futures_util::future::join_all(buying).await {
        match outcome {
            Outcome::Bought(placed) => {
                assert_eq!(placed.order.discount.amount, 200);
                sold += 1;
            }
            Outcome::Refused(refusal) => {
                assert_eq!(refusal.status, 409, "{refusal:?}");
                assert!(["coupon_used_up", "cart_changed"].contains(&refusal.code.as_str()), "{refusal:?}");
            }
            Outcome::Pending(placed) => panic!("{placed:?}"),
        }
    }
    assert_eq!((sold, world.coupon_uses("FEW").await), (USES, USES));
    assert_eq!(world.available(&lamp).await, 100 - i64::from(USES));
}

/// A coupon of one use, taken by an order that is cancelled, is good for the next one.
async fn cancelled_coupon(world: &World) {
    let lamp = world.product("Lamp", 2_000, 10).await;
    world.coupon("ONCE", 1).await;
    let mut first = world.guest();
    first.fill(&lamp.sku, 1).await;
    first.enter("ONCE").await.unwrap();
    let placed = first.checkout(tokens::OK).await.bought();
    assert_eq!(world.coupon_uses("ONCE").await, 1);
    let mut second = world.guest();
    second.fill(&lamp.sku, 1).await;
    assert!(second.enter("ONCE").await.is_err(), "the control: it is used up");
    world.staff().cancel(placed.order.id).await;
    let given_back = |order: &Order| matches!(order.payment_status, OrderPayment::Voided | OrderPayment::Refunded);
    world.staff().order_when(placed.order.id, "given back", given_back).await;
    assert_eq!(world.coupon_uses("ONCE").await, 0);
    second.enter("ONCE").await.unwrap();
    assert_eq!(second.checkout(tokens::OK).await.bought().order.discount.amount, 200);
    assert_eq!(world.coupon_uses("ONCE").await, 1);
}
