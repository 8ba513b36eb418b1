//! Asking twice buys once.

use futures_util::future::join_all;
use http::Method;
use souk_testkit::{World, tokens};

everywhere!(crate::crowded(); same_key_many_times);

/// The same request, at once.
const TIMES: usize = 50;

async fn same_key_many_times(world: &World) {
    let lamp = world.product("Lamp", 2_000, 10).await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    let asking = (0..TIMES).map(|_| {
        let mut guest = guest.clone();
        async move { guest.checkout_under("key-1", tokens::OK).await }
    });
    let replies = join_all(asking).await;
    for reply in &replies {
        assert_eq!(reply.status, 201, "{}", reply.text());
        assert_eq!(reply.body, replies[0].body, "byte for byte the same");
    }
    let later = guest.checkout_under("key-1", tokens::OK).await;
    assert_eq!((later.status.as_u16(), &later.body), (201, &replies[0].body), "also when the cart is long empty");
    assert_eq!(world.staff().orders().await.len(), 1);
    assert_eq!(world.available(&lamp).await, 9);

    let other = guest.checkout_under("key-1", tokens::DECLINED).await;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (422, "idempotency_key_reused"));
    let body = guest.checkout_body(tokens::OK);
    let keyless = guest.send(Method::POST, "/api/v1/checkout", &[], Some(&body)).await;
    assert!(keyless.status.is_client_error(), "{}", keyless.text());
    let long = "k".repeat(256);
    let too_long = guest.checkout_under(&long, tokens::OK).await;
    assert!(too_long.status.is_client_error(), "{}", too_long.text());

    // A guest's keys are those of the cart: the same key with another cart is another purchase, and tells nothing of the first.
    let mut stranger = world.guest();
    stranger.fill(&lamp.sku, 1).await;
    let reply = stranger.checkout_under("key-1", tokens::OK).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert!(!reply.text().contains(&guest.email), "{}", reply.text());
    // A customer's keys are their own.
    let mut customer = world.guest();
    customer.register().await;
    customer.fill(&lamp.sku, 1).await;
    let reply = customer.checkout_under("key-1", tokens::OK).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_ne!(reply.body, replies[0].body);
    assert_eq!(world.available(&lamp).await, 7);
}
