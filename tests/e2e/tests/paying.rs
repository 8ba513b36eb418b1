//! Every way a payment can end at the provider.

use http::StatusCode;
use souk_order_api::{OrderPayment, OrderStatus};
use souk_payment_api::PaymentStatus;
use souk_testkit::{Browser, Outcome, World, tokens};

everywhere!(crate::ordinary(); refused_payments, approved_at_the_provider, denied_at_the_provider, silent_provider, dead_provider, added_while_paying);

async fn refused_payments(world: &World) {
    let lamp = world.product("Lamp", 2_000, 1).await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    for token in [tokens::DECLINED, tokens::INSUFFICIENT] {
        let refused = guest.checkout(token).await.refused();
        assert_eq!((refused.status, refused.code.as_str()), (402, "payment_declined"), "{refused:?}");
        assert_eq!(world.available(&lamp).await, 1, "the hold was given back");
    }
    // The same cart can be paid in another way.
    guest.checkout(tokens::OK).await.bought();
    let statuses: Vec<OrderStatus> = world.staff().orders().await.iter().map(|order| order.status).collect();
    assert_eq!(statuses, [OrderStatus::Confirmed, OrderStatus::Failed, OrderStatus::Failed]);

    let mut browser = world.browser();
    world.stock(&lamp, 5).await;
    browser.add(&lamp.slug, &[]).await;
    let payment = browser.to_payment("declined@example.org").await;
    let told = browser.pay(&payment, tokens::DECLINED).await;
    assert_eq!((told.status, told.path.as_str()), (StatusCode::OK, "/checkout"), "led there by a redirect");
    assert!(told.text().contains("Nothing was charged"), "{}", told.text());
    let order = browser.pay(&told, tokens::OK).await;
    assert!(order.path.starts_with("/orders/"), "{}", order.text());
}

async fn approved_at_the_provider(world: &World) {
    let lamp = world.product("Lamp", 2_000, 2).await;
    let mut browser = world.browser();
    browser.add(&lamp.slug, &[]).await;
    let payment = browser.to_payment("action@example.org").await;
    let confirm = browser.pay(&payment, tokens::ACTION).await;
    let (bank, order) = (confirm.link("http://"), confirm.link("/orders/"));
    assert!(!world.staff().orders().await.iter().any(|order| order.status == OrderStatus::Confirmed));
    let page = browser.visit(&bank).await;
    let form = page.form("");
    let decided = browser.submit(&page, &decide(form, "approve")).await;
    assert!(decided.text().contains("You approved"), "{}", decided.text());

    let id = world.staff().orders().await[0].id;
    let done = world.staff().order_when(id, "confirmed", |order| order.payment_status == OrderPayment::Captured).await;
    assert_eq!(done.status, OrderStatus::Confirmed);
    assert!(browser.visit(&order).await.text().contains(&done.number));
}

async fn denied_at_the_provider(world: &World) {
    let lamp = world.product("Lamp", 2_000, 1).await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    let Outcome::Pending(placed) = guest.checkout(tokens::ACTION).await else { panic!("not pending") };
    assert_eq!(world.available(&lamp).await, 0, "held while the buyer decides");
    let url = placed.action_url.clone().expect("where to go");
    let mut browser = Browser::new(&guest.shop);
    let page = browser.visit(&url).await;
    let form = page.form("");
    browser.submit(&page, &decide(form, "deny")).await;
    let order = world.staff().order_when(placed.order.id, "failed", |order| order.status == OrderStatus::Failed).await;
    assert_eq!(order.failure.as_deref(), Some("payment_declined"));
    assert_eq!(world.available(&lamp).await, 1);
}

fn decide(mut form: souk_testkit::Form, decision: &str) -> souk_testkit::Form {
    form.fields = vec![("decision".into(), decision.into())];
    form
}

/// The provider charges and never answers: the sale is made all the same, and charged once.
async fn silent_provider(world: &World) {
    let lamp = world.product("Lamp", 2_000, 2).await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    let placed = match guest.checkout(tokens::SILENT).await {
        Outcome::Bought(placed) | Outcome::Pending(placed) => placed,
        Outcome::Refused(refusal) => panic!("{refusal:?}"),
    };
    let captured = |order: &souk_order_api::Order| order.payment_status == OrderPayment::Captured;
    let order = world.staff().order_when(placed.order.id, "captured", captured).await;
    assert_eq!(order.status, OrderStatus::Confirmed);
    let payments = world.staff().payments(order.id).await;
    assert_eq!(payments.len(), 1);
    assert_eq!((payments[0].status, payments[0].captured), (PaymentStatus::Captured, order.total));
}

/// The provider is down: the buyer is told so or waits, nothing is charged, and the goods are given back in the end.
async fn dead_provider(world: &World) {
    let lamp = world.product("Lamp", 2_000, 1).await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    match guest.checkout(tokens::DOWN).await {
        Outcome::Refused(refusal) => assert_eq!(refusal.status, 503, "{refusal:?}"),
        Outcome::Pending(_) => {}
        Outcome::Bought(placed) => panic!("sold without money: {placed:?}"),
    }
    let id = world.staff().orders().await[0].id;
    let order = world.staff().order_when(id, "failed", |order| order.status == OrderStatus::Failed).await;
    assert_eq!(order.failure.as_deref(), Some("checkout_unavailable"));
    assert_eq!(world.available(&lamp).await, 1);
    guest.checkout(tokens::OK).await.bought();
}

/// What is added while the payment runs was accepted: it stays in the cart, and can be bought next. What is bought already
/// is not bought again.
async fn added_while_paying(world: &World) {
    let lamp = world.product("Lamp", 2_000, 5).await;
    let book = world.product("Book", 700, 5).await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    let Outcome::Pending(placed) = guest.checkout(tokens::ACTION).await else { panic!("not pending") };
    guest.add(&lamp.sku, 2).await.unwrap();
    guest.add(&book.sku, 1).await.unwrap();
    let again = guest.checkout(tokens::OK).await.refused();
    assert_eq!((again.status, again.code.as_str()), (409, "checkout_in_progress"), "{again:?}");
    assert_eq!(again.problem["data"]["order_id"], serde_json::json!(placed.order.id));

    let mut browser = Browser::new(&guest.shop);
    let page = browser.visit(&placed.action_url.clone().expect("where to go")).await;
    let form = page.form("");
    browser.submit(&page, &decide(form, "approve")).await;
    world.staff().order_when(placed.order.id, "confirmed", |order| order.status == OrderStatus::Confirmed).await;
    // The control is the release before: the cart was gone then, and both lines with it.
    let mut left = guest.clone();
    souk_testkit::eventually("what was bought is taken out", std::time::Duration::from_secs(20), || {
        let mut left = left.clone();
        async move {
            let cart = left.look().await;
            let lines: Vec<_> = cart.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect();
            if lines.len() == 2 && cart.units == 3 { Ok(()) } else { Err(lines) }
        }
    })
    .await;
    left.look().await;
    let rest = left.checkout(tokens::OK).await.bought();
    assert_eq!(rest.order.lines.iter().map(|line| line.quantity).sum::<u32>(), 3);
    assert_eq!((world.available(&lamp).await, world.available(&book).await), (2, 4));
}
