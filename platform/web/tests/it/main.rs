//! Requests through a router as a service declares it, no socket.
#![allow(clippy::unwrap_used)] // helpers of tests may, as tests do

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, Request, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use souk_kernel::{Currency, FieldError, Kind, Money, Problem};
use souk_rpc::{Actor, Cx};
use souk_web::{
    ApiError, ApiJson, ApiPath, ApiQuery, Cached, DocumentInfo, Routes, WebCx, check_document, no_store, op, openapi,
};
use tower::ServiceExt;

souk_kernel::ids! {
    /// A thing.
    ThingId
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Line {
    sku: String,
    quantity: u32,
}

/// What to put in.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Put {
    lines: Vec<Line>,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Thing {
    id: ThingId,
    price: Money,
    made_at: Option<jiff::Timestamp>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Brands.
    #[serde(default)]
    brand: Vec<String>,
    #[serde(default)]
    limit: Option<u16>,
}

async fn thing(State(price): State<i64>, ApiPath(id): ApiPath<ThingId>) -> Result<Cached, ApiError> {
    if id.0.is_nil() {
        return Err(ApiError::from(Problem::not_found("thing")).public_absence());
    }
    Cached::public(&Thing { id, price: Currency::EUR.of(price), made_at: None }, &[format!("thing/{id}")])
}

async fn things(ApiQuery(filter): ApiQuery<Filter>) -> Result<Response, ApiError> {
    Ok(no_store(&json!({ "brands": filter.brand, "limit": filter.limit })))
}

async fn put(WebCx(cx): WebCx, ApiJson(body): ApiJson<Put>) -> Result<impl IntoResponse, ApiError> {
    Ok((StatusCode::CREATED, no_store(&json!({ "by": cx.actor.scope(), "lines": body.lines.len() }))))
}

async fn fails() -> Result<Response, ApiError> {
    let fields = vec![FieldError { pointer: "/secret".into(), detail: "secret".into() }];
    let mut problem = Problem::internal("password=hunter2");
    problem.detail = "secret".into();
    problem.fields = fields;
    Err(problem.with_data(json!({ "secret": 1 })).into())
}

async fn out_of_stock() -> Result<Response, ApiError> {
    let problem = Problem::new(Kind::RateLimited, "too_many", "slow down")
        .with_retry_after(std::time::Duration::from_secs(7))
        .with_data(json!({ "left": 0 }));
    Err(problem.into())
}

fn routes() -> Routes<i64> {
    Routes::new()
        .get(
            "/things/{id}",
            thing,
            op("getThing").summary("One thing").tag("things").reply::<Thing>(200).problems(&[404]),
        )
        .get("/things", things, op("listThings").tag("things").query::<Filter>().reply::<Vec<Thing>>(200))
        .post("/things", put, op("putThing").body::<Put>().reply::<Thing>(201).bearer())
        .post("/large", put, op("putLarge").body::<Put>().reply::<Thing>(201).body_limit(1024 * 1024))
        .get("/fails", fails, op("fail").empty(204))
        .get("/busy", out_of_stock, op("busy").empty(204).header("Idempotency-Key", true, "a key"))
}

async fn send(request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
    let mut request = request;
    request.extensions_mut().insert(Cx::new("req-1", Actor::Anonymous));
    let response = routes().into_router(1999).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn get(path: &str) -> (StatusCode, HeaderMap, Value) {
    send(Request::get(path).body(Body::empty()).unwrap()).await
}

async fn post(path: &str, media_type: &str, body: impl Into<Body>) -> (StatusCode, HeaderMap, Value) {
    send(Request::post(path).header("content-type", media_type).body(body.into()).unwrap()).await
}

const ID: &str = "018f3c1e-0000-7000-8000-000000000001";

#[tokio::test]
async fn a_public_read_says_so_and_is_not_sent_twice() {
    let (status, headers, body) = get(&format!("/things/{ID}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["price"], json!({ "amount": 1999, "currency": "EUR" }));
    assert_eq!(headers["cache-control"], "public, max-age=60, stale-while-revalidate=600");
    assert_eq!(headers["surrogate-key"], format!("thing/{ID}"));
    let again = Request::get(format!("/things/{ID}")).header("if-none-match", headers["etag"].clone());
    let (status, headers, body) = send(again.body(Body::empty()).unwrap()).await;
    assert_eq!((status, body), (StatusCode::NOT_MODIFIED, Value::Null));
    assert!(headers.contains_key("etag") && !headers.contains_key("content-type"));
    let other = Request::get(format!("/things/{ID}")).header("if-none-match", "W/\"other\"");
    assert_eq!(send(other.body(Body::empty()).unwrap()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_says_nothing_about_caching_is_not_cached() {
    let (_, headers, body) = get("/things?brand=a&brand=b&limit=3").await;
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(body, json!({ "brands": ["a", "b"], "limit": 3 }));
}

#[tokio::test]
async fn problems_name_the_place() {
    let (status, headers, body) = post("/things", "application/json", r#"{"lines":[{"sku":"a","quantity":-1}]}"#).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(body["type"], "/problems/invalid_request");
    assert_eq!(body["code"], "invalid_request");
    assert_eq!(body["request_id"], "req-1");
    assert_eq!(body["errors"][0]["pointer"], "/lines/0/quantity");
    let (status, _, body) = post("/things", "application/json", r#"{"lines":[],"price":1}"#).await;
    assert_eq!((status, &body["errors"][0]["pointer"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("/price")));
    let (status, _, body) = get("/things?limit=x").await;
    assert_eq!((status, &body["errors"][0]["pointer"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("/limit")));
    assert_eq!(get("/things?lmit=1").await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn bad_bodies_are_refused_each_in_its_way() {
    let code = |(status, _, body): (StatusCode, HeaderMap, Value)| (status.as_u16(), body["code"].clone());
    assert_eq!(code(post("/things", "text/plain", "{}").await), (415, json!("unsupported_media_type")));
    assert_eq!(code(post("/things", "application/json", "{").await), (400, json!("malformed_json")));
    assert_eq!(code(post("/things", "application/json", "").await), (400, json!("malformed_json")));
    assert_eq!(code(post("/things", "application/json", "{\"lines\":[]} x").await), (400, json!("malformed_json")));
    let bomb = "[".repeat(50_000);
    assert_eq!(code(post("/things", "application/json", bomb).await), (422, json!("invalid_request")));
    let nested = format!("{{\"lines\":{}", "[".repeat(50_000));
    assert_eq!(code(post("/things", "application/json", nested).await).0, 422);
    let large = format!("{{\"lines\":[],\"note\":\"{}\"}}", "x".repeat(100_000));
    assert_eq!(code(post("/things", "application/json", large.clone()).await), (413, json!("body_too_large")));
    assert_eq!(post("/large", "application/json; charset=utf-8", large).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn an_internal_error_shows_a_request_id_and_nothing_else() {
    let (status, _, body) = get("/fails").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let expected = json!({
        "type": "/problems/internal", "title": "Internal Server Error", "status": 500, "code": "internal",
        "request_id": "req-1"
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_problem_carries_its_data_and_when_to_come_back() {
    let (status, headers, body) = get("/busy").await;
    assert_eq!((status, &headers["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &"7".parse().unwrap()));
    assert_eq!(body["data"], json!({ "left": 0 }));
}

#[tokio::test]
async fn unknown_paths_methods_and_ids_are_problems_too() {
    let (status, _, body) = get("/nothing").await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    assert_eq!(get("/things/no-uuid").await.0, StatusCode::NOT_FOUND);
    let delete = Request::builder().method(Method::DELETE).uri("/things").body(Body::empty()).unwrap();
    let (status, headers, body) = send(delete).await;
    assert_eq!((status, &body["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("method_not_allowed")));
    assert!(headers["allow"].to_str().unwrap().contains("POST"), "{headers:?}");
    let (_, headers, body) = get("/things/00000000-0000-0000-0000-000000000000").await;
    assert!(headers["cache-control"].to_str().unwrap().starts_with("public"));
    assert_eq!(body.get("request_id"), None, "a cached problem names nobody's request");
}

#[test]
fn the_document_is_sound_and_has_exactly_the_routes() {
    let info = DocumentInfo { title: "Test", version: "1", description: "" };
    let routes = routes();
    let document = openapi(info, &[routes.openapi()]);
    assert_eq!(check_document(&document), Vec::<String>::new());
    let mut documented = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        documented.extend(item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    let mut declared: Vec<_> = routes.openapi().routes().map(|(m, p)| (m.to_string(), p.to_owned())).collect();
    documented.sort();
    declared.sort();
    assert_eq!(documented, declared);
    assert_eq!(document["components"]["schemas"]["Thing"]["properties"]["id"]["format"], "uuid");
    assert_eq!(document["components"]["schemas"]["Money"]["required"], json!(["amount", "currency"]));
    let query = &document["paths"]["/things"]["get"]["parameters"];
    assert!(
        query.as_array().unwrap().iter().any(|p| p["name"] == "brand" && p["schema"]["type"] == "array"),
        "{query}"
    );
    let refused = check_document(&openapi(info, &[routes.openapi(), routes.openapi()]));
    assert_eq!(refused, Vec::<String>::new(), "the same part twice is one part");
}

#[test]
fn the_check_of_a_document_can_fail() {
    let broken = json!({
        "openapi": "3.0.0", "info": { "title": "x", "version": "1" }, "components": { "schemas": {} },
        "paths": {
            "/a/{id}": { "get": { "operationId": "a", "responses": { "200": { "$ref": "#/nowhere" } } } },
            "/b": { "get": { "operationId": "a", "responses": { "404": { "description": "x" } } } }
        }
    });
    let wrong = check_document(&broken);
    assert_eq!(wrong.len(), 5, "{wrong:#?}");
}
