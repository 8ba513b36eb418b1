//! Price agreement: a buyer is charged what they were shown, or nothing.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use souk_kernel::{Currency, Kind};
use souk_order_api::{CancelOrder, CartChanged, Checkout};
use souk_rpc::{Actor, ActorKey, Cx};
use souk_rpc_http::accept;
use tower::ServiceExt;
use uuid::Uuid;

use crate::{Shop, buy, guest};

/// What the neighbours' cart is: version 1, 24.90.
fn shown(cart: u128, version: i64, cents: i64) -> Checkout {
    let expected_total = Some(Currency::EUR.of(cents));
    Checkout { cart_version: Some(version), expected_total, ..buy(cart, "tok_ok") }
}

#[tokio::test]
async fn another_total_or_version_than_shown_charges_nothing() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    for (version, cents) in [(1, 1240), (1, 2491), (1, 2489), (2, 2490), (0, 2490)] {
        let refused = shop.client.buy(&guest("k"), shown(1, version, cents)).await.unwrap_err();
        assert_eq!((refused.kind, &*refused.code), (Kind::Conflict, "cart_changed"), "{version} {cents}");
        let changed: CartChanged = serde_json::from_value(*refused.data.unwrap()).unwrap();
        let [expected, actual] = [changed.expected, changed.actual].map(|s| (s.version, s.total.map(|t| t.amount)));
        assert_eq!((expected, actual), ((Some(version), Some(cents)), (Some(1), Some(2490))));
    }
    assert_eq!(shop.count("select count(*) from orders").await, 0, "no order is made");
    assert_eq!(shop.neighbours.captured(), 0);
    // The key is free still: the same attempt with what is shown now goes through.
    let placed = shop.client.buy(&guest("k"), shown(1, 1, 2490)).await.unwrap();
    assert_eq!(placed.order.total, Currency::EUR.of(2490));
    shop.all_ended().await;
    assert_eq!(shop.neighbours.captured(), 2490);
    // Repeated, it is the same purchase, whatever became of the cart.
    let again = shop.client.buy(&guest("k"), shown(1, 1, 1240)).await.unwrap();
    assert_eq!(again.order.id, placed.order.id);
}

#[tokio::test]
async fn the_old_flow_is_charged_whatever_the_cart_costs() {
    // The control: the buyer saw 12.40, and says nothing of it.
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    let placed = shop.client.checkout(&guest("k"), buy(1, "tok_ok")).await.unwrap();
    shop.all_ended().await;
    assert_eq!((placed.order.total.amount, shop.neighbours.captured()), (2490, 2490));
}

async fn post(shop: &Shop, path: &str, headers: &[(&str, String)], body: &Value) -> (StatusCode, String, Value) {
    let key = ActorKey::new([7; 32]);
    let router = accept(souk_order::routes(shop.service.clone()).router(), key.clone());
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    request = request.header("x-souk-actor", key.sign(&Actor::Customer(Uuid::from_u128(1))));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let response = router.oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let tag = parts.headers.get(header::ETAG).map_or("", |tag| tag.to_str().unwrap()).to_owned();
    (parts.status, tag, serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap())
}

#[tokio::test]
async fn the_public_api_asks_for_both_and_names_the_one_that_is_missing() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    let whole = serde_json::to_value(shown(1, 1, 2490)).unwrap();
    let key = [("idempotency-key", "k".to_owned())];
    for missing in ["cart_version", "expected_total"] {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(missing);
        let (status, _, problem) = post(&shop, "/api/v1/checkout", &key, &body).await;
        assert_eq!((status.as_u16(), &problem["code"]), (422, &json!("expected_total_required")));
        let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| &e["pointer"]).collect();
        assert_eq!(pointers, [&json!(format!("/{missing}"))]);
    }
    assert_eq!(shop.count("select count(*) from orders").await, 0);
    let mut dearer = whole.clone();
    dearer["expected_total"]["amount"] = json!(1240);
    let (status, _, problem) = post(&shop, "/api/v1/checkout", &key, &dearer).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("cart_changed")));
    assert_eq!(problem["data"]["expected"], json!({"version": 1, "total": {"amount": 1240, "currency": "EUR"}}));
    assert_eq!(problem["data"]["actual"], json!({"version": 1, "total": {"amount": 2490, "currency": "EUR"}}));
    assert_eq!(post(&shop, "/api/v1/checkout", &key, &whole).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_cancellation_that_was_based_on_an_older_version_is_refused() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 10;
    let cx = Cx::new("test", Actor::Customer(Uuid::from_u128(1))).with_key("k");
    let id = shop.client.buy(&cx, shown(1, 1, 2490)).await.unwrap().order.id;
    shop.all_ended().await;
    let path = format!("/api/v1/orders/{id}/cancel");
    let stale = [("if-match", "\"1-0000000000000000000000\"".to_owned())];
    let (status, _, problem) = post(&shop, &path, &stale, &json!({})).await;
    assert_eq!((status.as_u16(), &problem["code"]), (412, &json!("precondition_failed")));
    let request = CancelOrder { id, reason: String::new(), if_version: Some(vec![2]), token: None };
    assert_eq!(shop.client.cancel(&cx, request).await.unwrap_err().kind, Kind::Stale);
    let current = [("if-match", "\"3-0000000000000000000000\"".to_owned())];
    let (status, tag, order) = post(&shop, &path, &current, &json!({})).await;
    assert_eq!((status, &order["status"]), (StatusCode::OK, &json!("cancelled")));
    assert!(tag.starts_with("\"4-"), "{tag}");
}
