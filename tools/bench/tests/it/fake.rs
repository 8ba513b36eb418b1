//! Fake shop of a few lines that can be told to misbehave.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use souk_bench::target::Target;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Products that the fake shop sells.
pub const PRODUCTS: usize = 130;

/// What it remembers, and how it misbehaves.
#[derive(Default)]
pub struct Shop {
    /// Requests by path without the query.
    pub seen: Mutex<HashMap<String, u64>>,
    /// Search queries.
    pub searches: Mutex<Vec<String>>,
    /// Units of every SKU.
    pub units: AtomicI64,
    /// Sells what is not there.
    pub oversells: bool,
    /// Checkouts answered 201.
    pub sold: AtomicU64,
    /// Says "later" to the first try under each key.
    pub reluctant: bool,
    /// Keys that tried.
    pub tried: Mutex<HashSet<String>>,
    /// Carts made.
    pub carts: AtomicU64,
}

/// Serves until dropped.
pub struct Server {
    /// Where.
    pub target: Target,
    _task: JoinSet<()>,
}

pub async fn serve(router: Router) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::at(listener.local_addr().unwrap()).unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move { axum::serve(listener, router).await.unwrap() });
    Server { target, _task: task }
}

/// The fake shop.
pub async fn shop(shop: Shop) -> (Arc<Shop>, Server) {
    let shop = Arc::new(shop);
    let router = Router::new()
        .route("/", get(page))
        .route("/p/{slug}", get(page))
        .route("/c/{*path}", get(page))
        .route("/api/v1/openapi.json", get(description))
        .route("/api/v1/products", get(list))
        .route("/api/v1/products/{slug}", get(page))
        .route("/api/v1/categories", get(categories))
        .route("/api/v1/search", get(search))
        .route("/api/v1/availability", get(availability))
        .route("/api/v1/carts", post(cart))
        .route("/api/v1/carts/{id}", put(filled))
        .route("/api/v1/carts/{id}/lines", post(done))
        .route("/api/v1/carts/{id}/shipping-methods", get(methods))
        .route("/api/v1/checkout", post(checkout))
        .route("/metrics", get(metrics))
        .layer(axum::middleware::from_fn_with_state(shop.clone(), remember))
        .with_state(shop.clone());
    (shop, serve(router).await)
}

async fn remember(
    State(shop): State<Arc<Shop>>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    *shop.seen.lock().unwrap().entry(request.uri().path().to_owned()).or_default() += 1;
    next.run(request).await
}

fn product(n: usize) -> Value {
    json!({
        "slug": format!("p-{n}"), "title": format!("Acme Printer {} laser A4 black", n * 7919), "brand": "Acme",
        "price": { "amount": 1000 + n, "currency": "EUR" },
        "variants": [{ "sku": format!("SKU {n}"), "price": { "amount": 1000 + n, "currency": "EUR" }, "available": n != 3 }],
    })
}

async fn list(Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    let from: usize = query.get("cursor").map_or(0, |cursor| cursor.trim_start_matches("after ").parse().unwrap());
    let to = PRODUCTS.min(from + query["limit"].parse::<usize>().unwrap());
    let items: Vec<_> = (from..to).map(product).collect();
    match to < PRODUCTS {
        true => Json(json!({ "items": items, "next_cursor": format!("after {to}") })),
        false => Json(json!({ "items": items })),
    }
}

async fn categories() -> Json<Value> {
    Json(json!({ "items": [{ "path": "a/b", "products": 40 }, { "path": "few", "products": 3 }] }))
}

async fn page() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html")], "x".repeat(1234))
}

async fn search(State(shop): State<Arc<Shop>>, uri: axum::http::Uri) -> Json<Value> {
    shop.searches.lock().unwrap().push(uri.query().unwrap_or_default().to_owned());
    Json(json!({ "items": [1], "facets": [1], "total": 1 }))
}

async fn availability(State(shop): State<Arc<Shop>>, Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    let units = shop.units.load(Ordering::SeqCst);
    Json(json!({ "items": [{ "sku": query["sku"], "available": units }] }))
}

async fn cart(State(shop): State<Arc<Shop>>) -> Response {
    let id = shop.carts.fetch_add(1, Ordering::SeqCst);
    (StatusCode::CREATED, Json(json!({ "id": format!("cart-{id}") }))).into_response()
}

async fn done(Path(_): Path<String>, Json(_): Json<Value>) -> Json<Value> {
    Json(json!({}))
}

/// As much of it as is read.
async fn description() -> Json<Value> {
    let fields = json!({ "cart_version": {}, "expected_total": {} });
    Json(json!({ "components": { "schemas": { "Checkout": { "properties": fields } } } }))
}

async fn filled(Path(id): Path<String>, Json(_): Json<Value>) -> Json<Value> {
    Json(json!({ "id": id, "version": 4, "totals": { "total": { "amount": 1490, "currency": "EUR" } } }))
}

async fn methods() -> Json<Value> {
    Json(json!({ "items": [{ "id": "standard" }, { "id": "express" }] }))
}

async fn checkout(State(shop): State<Arc<Shop>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    if shop.reluctant && shop.tried.lock().unwrap().insert(key) {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "0")], "busy").into_response();
    }
    assert_eq!(body["payment"]["token"], "tok_ok");
    assert_eq!((&body["cart_version"], &body["expected_total"]["amount"]), (&json!(4), &json!(1490)));
    let left = shop.units.fetch_sub(1, Ordering::SeqCst);
    if left > 0 || shop.oversells {
        shop.sold.fetch_add(1, Ordering::SeqCst);
        return (StatusCode::CREATED, Json(json!({ "order": { "id": "o" } }))).into_response();
    }
    shop.units.fetch_add(1, Ordering::SeqCst);
    (StatusCode::CONFLICT, Json(json!({ "code": "out_of_stock" }))).into_response()
}

async fn metrics(State(shop): State<Arc<Shop>>) -> String {
    let sold = shop.sold.load(Ordering::SeqCst);
    format!(
        "souk_gateway_requests_total{{way=\"hit\"}} {}\nsouk_gateway_requests_total{{way=\"rendered\"}} 10\n\
         souk_db_commits_total{{schema=\"order\"}} {}\nsouk_db_statements_total{{schema=\"order\"}} {}\n",
        shop.seen.lock().unwrap().values().sum::<u64>(),
        sold * 7,
        sold * 30,
    )
}
