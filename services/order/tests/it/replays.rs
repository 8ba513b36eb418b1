//! Idempotent replays over the public API: the answer of the first request, to the byte.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use souk_rpc::{Actor, Cx};
use tower::ServiceExt;

use crate::Shop;

/// One request with an id of its own; status, headers and body.
async fn post(
    shop: &Shop,
    request_id: &str,
    key: Option<&str>,
    cart: u128,
    token: &str,
) -> (StatusCode, HeaderMap, String) {
    let mut cx = Cx::new(request_id, Actor::Anonymous);
    if let Some(key) = key {
        cx = cx.with_key(key);
    }
    let cart = uuid::Uuid::from_u128(cart);
    let body = serde_json::json!({
        "cart_id": cart, "payment": {"provider": "sandbox", "token": token},
        "cart_version": 1, "expected_total": {"amount": 2490, "currency": "EUR"},
    });
    let mut request = Request::post("/api/v1/checkout").header("content-type", "application/json");
    request.extensions_mut().unwrap().insert(cx);
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = souk_order::routes(shop.service.clone()).router().oneshot(request).await.unwrap();
    // What stands before every public route names the request in problems.
    let response = match response.extensions().get::<souk_web::ApiError>() {
        Some(error) => error.render(Some(request_id)),
        None => response,
    };
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn replays_are_the_first_answer_to_the_byte() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    for (cart, token, status) in [(1, "tok_ok", StatusCode::CREATED), (2, "tok_declined", StatusCode::PAYMENT_REQUIRED)]
    {
        let first = post(&shop, "first", Some("k"), cart, token).await;
        assert_eq!(first.0, status);
        for replay in ["second", "third"] {
            assert_eq!(post(&shop, replay, Some("k"), cart, token).await, first);
        }
        // Before: `"request_id":"second"`.
        assert_eq!(first.2.contains(r#""request_id":"first""#), status == StatusCode::PAYMENT_REQUIRED, "{}", first.2);
    }
    // While the first still runs, all wait for its outcome.
    *shop.neighbours.stock.lock().unwrap() = 0;
    let (a, b) = tokio::join!(post(&shop, "a", Some("k"), 3, "tok_ok"), post(&shop, "b", Some("k"), 3, "tok_ok"));
    assert_eq!((a.0, &a), (StatusCode::CONFLICT, &b));
}

/// By draft-ietf-httpapi-idempotency-key-header: no key 400, another request under the same key 422.
#[tokio::test]
async fn keys_are_required_and_not_shared() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    let (status, _, body) = post(&shop, "r", None, 1, "tok_ok").await;
    assert_eq!((status, body.contains("idempotency_key_required")), (StatusCode::BAD_REQUEST, true));
    let longest = "k".repeat(255);
    assert_eq!(post(&shop, "r", Some(&longest), 1, "tok_ok").await.0, StatusCode::CREATED);
    let (status, _, body) = post(&shop, "r", Some(&longest), 1, "tok_slow").await;
    assert_eq!((status, body.contains("idempotency_key_reused")), (StatusCode::UNPROCESSABLE_ENTITY, true));
    assert_eq!(post(&shop, "r", Some(&longest), 2, "tok_slow").await.0, StatusCode::CREATED, "another guest's cart");
}
