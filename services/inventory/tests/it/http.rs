//! The public route, through its router.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use souk_inventory::routes;
use tower::ServiceExt;

use crate::shop::Shop;

#[tokio::test]
async fn availability_is_read_now_and_kept_by_nobody() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 3), ("b c", 0)]).await;
    here.reserve(1, &[("a", 1)]).await.unwrap();
    let router = routes(here.service.clone()).router();
    let get = |query: &str| {
        let request = Request::get(format!("/api/v1/availability{query}")).body(Body::empty()).unwrap();
        let router = router.clone();
        async move {
            let response = router.oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body: serde_json::Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
            (parts, body)
        }
    };
    let (parts, body) = get("?sku=a,b%20c&sku=unknown").await;
    assert_eq!(parts.status, StatusCode::OK);
    assert_eq!(parts.headers[header::CACHE_CONTROL], "no-store");
    let mut items = body["items"].as_array().unwrap().clone();
    items.sort_by_key(|item| item["sku"].to_string());
    assert_eq!(
        serde_json::json!(items),
        serde_json::json!([
            {"sku": "a", "available": 2, "stock_policy": "deny", "backordered": false},
            {"sku": "b c", "available": 0, "stock_policy": "deny", "backordered": false},
        ])
    );
    for wrong in ["", "?sku=", "?sku=%00", "?sku=%ff"] {
        let (parts, body) = get(wrong).await;
        assert_eq!(parts.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert_eq!(parts.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(body["errors"][0]["pointer"], "/sku");
    }
}
