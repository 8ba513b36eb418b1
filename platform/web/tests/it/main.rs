//! Integration tests: requests through a router as a service declares it, no socket.
#![allow(clippy::unwrap_used)] // helpers of tests may, as tests do

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, Request, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use souk_kernel::{Currency, FieldError, Kind, Money, Problem};
use souk_rpc::{Actor, Cx};
use souk_web::{
    ApiError, ApiJson, ApiPath, ApiQuery, Cached, DocumentInfo, Reply, Routes, WebCx, check_document, no_store, op,
    openapi,
};
use tower::ServiceExt;

souk_kernel::ids! {
    /// A thing.
    ThingId
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Line {
    #[schemars(length(min = 1, max = 5), extend("pattern" = "^[a-z]*$", "x-in-words" = "must be small letters"))]
    sku: String,
    #[schemars(range(min = 1, max = 999))]
    quantity: u32,
    #[serde(default)]
    kind: Option<Sort>,
}

/// What kind.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    /// This.
    Plain,
    /// That.
    GiftWrapped,
}

/// What to put in.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Put {
    #[schemars(length(max = 3))]
    lines: Vec<Line>,
    #[serde(default)]
    shop: Option<ThingId>,
    #[serde(default)]
    gift: bool,
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

/// What was asked for.
#[derive(Serialize, JsonSchema)]
struct Found {
    brands: Vec<String>,
    limit: Option<u16>,
}

/// What was done.
#[derive(Serialize, JsonSchema)]
struct Done {
    by: String,
    lines: usize,
}

async fn thing(State(price): State<i64>, ApiPath(id): ApiPath<ThingId>) -> Result<Cached<Thing>, ApiError> {
    if id.0.is_nil() {
        return Err(ApiError::from(Problem::not_found("thing")).public_absence());
    }
    Cached::public(&Thing { id, price: Currency::EUR.of(price), made_at: None }, &[format!("thing/{id}")])
}

async fn things(ApiQuery(filter): ApiQuery<Filter>) -> Result<Reply<Found>, ApiError> {
    Ok(no_store(&Found { brands: filter.brand, limit: filter.limit }))
}

async fn put(WebCx(cx): WebCx, ApiJson(body): ApiJson<Put>) -> Result<Reply<Done>, ApiError> {
    Ok(no_store(&Done { by: cx.actor.scope(), lines: body.lines.len() }).with_status(StatusCode::CREATED))
}

async fn note(
    ApiPath((id, line)): ApiPath<(ThingId, u8)>,
    body: Option<ApiJson<Line>>,
) -> Result<Reply<Done>, ApiError> {
    let lines = body.map_or(0, |ApiJson(line)| line.sku.len());
    Ok(no_store(&Done { by: format!("{id}/{line}"), lines }))
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
            op("getThing").summary("One thing").tag("things").reply(200).path("id", "The thing.").codes(&["not_found"]),
        )
        .get("/things", things, op("listThings").tag("things").reply(200))
        .post("/things", put, op("putThing").reply(201).guest())
        .post("/mine", put, op("putMine").reply(201).bearer())
        .patch("/old", put, op("patchOld").reply(201).deprecated("@1795910400", "Mon, 31 May 2027 00:00:00 GMT"))
        .put("/things/{id}/lines/{line}", note, op("note").path("line", "Which.").reply(200))
        .post("/large", put, op("putLarge").reply(201).body_limit(1024 * 1024))
        .get("/fails", fails, op("fail").empty(204))
        .get("/busy", out_of_stock, op("busy").empty(204).header("X-Shop", true, "which"))
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
    assert_eq!(code(post("/things", "application/json", bomb).await), (400, json!("malformed_json")));
    let nested = format!("{{\"lines\":{}", "[".repeat(50_000));
    assert_eq!(code(post("/things", "application/json", nested).await).0, 400);
    let twice = r#"{"lines":[],"lines":[{"sku":"a","quantity":1}]}"#;
    assert_eq!(code(post("/things", "application/json", twice).await), (400, json!("malformed_json")));
    assert_eq!(code(post("/things", "application/vnd.api+json", "{}").await).0, 415);
    assert_eq!(code(post("/things", "application/merge-patch+json", "{}").await).0, 415);
    let large = format!("{{\"lines\":[],\"note\":\"{}\"}}", "x".repeat(100_000));
    assert_eq!(code(post("/things", "application/json", large.clone()).await), (413, json!("body_too_large")));
    assert_eq!(post("/large", "application/json; charset=utf-8", large).await.0, StatusCode::CREATED);
}

/// What was wrong: pointer and sentence of each place.
async fn wrong(body: &str) -> Vec<(String, String)> {
    let (status, _, body) = post("/things", "application/json", body.to_owned()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    body["errors"].as_array().unwrap().iter().map(|one| (text(&one["pointer"]), text(&one["detail"]))).collect()
}

#[tokio::test]
async fn every_wrong_place_is_named_at_once_in_plain_words() {
    let all =
        wrong(r#"{"lines":[{"sku":"","quantity":0},{"sku":"A","quantity":"1"},{"quantity":1.5}],"price":1,"gift":1}"#);
    let expected = [
        ("/gift", "must be true or false"),
        ("/lines/0/quantity", "must be 1 to 999"),
        ("/lines/0/sku", "must not be empty"),
        ("/lines/1/quantity", "must be a whole number"),
        ("/lines/1/sku", "must be small letters"),
        ("/lines/2/sku", "is missing"),
        ("/lines/2/quantity", "must be a whole number"),
        ("/price", "is not known; there are gift, lines, note, shop"),
    ];
    assert_eq!(all.await, expected.map(|(pointer, detail)| (pointer.to_owned(), detail.to_owned())));
    for (body, pointer, detail) in [
        ("[]", "", "must be an object with fields"),
        ("null", "", "must be an object with fields"),
        ("7", "", "must be an object with fields"),
        ("{}", "/lines", "is missing"),
        (r#"{"lines":{}}"#, "/lines", "must be a list"),
        (r#"{"lines":[1]}"#, "/lines/0", "must be an object with fields"),
        (r#"{"lines":[["a",1]]}"#, "/lines/0", "must be an object with fields"),
        (r#"{"lines":[],"note":7}"#, "/note", "must be a text"),
        (r#"{"lines":[],"gift":null}"#, "/gift", "must be true or false"),
        (r#"{"lines":[],"shop":"x"}"#, "/shop", "must be an id such as 018f3c1e-0000-7000-8000-000000000001"),
        (r#"{"lines":[],"a/b~c":7}"#, "/a~1b~0c", "is not known; there are gift, lines, note, shop"),
        (r#"{"lines":[{"sku":"abcdef","quantity":1}]}"#, "/lines/0/sku", "must have at most 5 characters"),
        (r#"{"lines":[{"sku":"a","quantity":1,"kind":"odd"}]}"#, "/lines/0/kind", "must be one of plain, gift_wrapped"),
        (r#"{"lines":[{"sku":"a","quantity":1e300}]}"#, "/lines/0/quantity", "must be 1 to 999"),
        (r#"{"lines":[{"sku":"a","quantity":18446744073709551615}]}"#, "/lines/0/quantity", "must be 1 to 999"),
        (r#"{"lines":[{"sku":"a","quantity":0.5}]}"#, "/lines/0/quantity", "must be a whole number"),
    ] {
        assert_eq!(wrong(body).await, [(pointer.to_owned(), detail.to_owned())], "{body}");
    }
    let line = r#"{"sku":"a","quantity":1}"#;
    let many = wrong(&format!(r#"{{"lines":[{line},{line},{line},{line}]}}"#)).await;
    assert_eq!(many, [("/lines".to_owned(), "must have at most 3 entries".to_owned())]);
}

#[tokio::test]
async fn a_whole_number_may_be_written_with_a_fraction_of_zero() {
    for quantity in ["960", "960.0", "9.6e2", "960.000"] {
        let body = format!(r#"{{"lines":[{{"sku":"a","quantity":{quantity},"kind":null}}],"note":null}}"#);
        let (status, _, reply) = post("/things", "application/json", body).await;
        assert_eq!(status, StatusCode::CREATED, "{quantity}: {reply}");
    }
    assert_eq!(get("/things?limit=3.0").await.2["limit"], 3);
    let (status, _, body) = get("/things?limit=70000").await;
    assert_eq!((status, &body["detail"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("limit must be 0 to 65535")));
    let (_, _, body) = get("/things?limit=1&limit=2").await;
    assert_eq!(body["detail"], "limit is given twice");
}

#[tokio::test]
async fn no_answer_speaks_rust() {
    let bodies =
        ["[]", "{}", "7", r#"{"lines":7}"#, r#"{"lines":[{"sku":7,"quantity":-1}]}"#, r#"{"lines":[[]],"x":1}"#];
    let mut told = String::new();
    for body in bodies {
        told.push_str(&post("/things", "application/json", body).await.2.to_string());
    }
    for path in ["/things?limit=x", "/things?lmit=1", "/things?limit=-1", "/things?limit=99999999999999999999"] {
        told.push_str(&get(path).await.2.to_string());
    }
    for word in
        ["u32", "u16", "i64", "struct", "expected", "sequence", "invalid type", "usize", "Option", "missing field"]
    {
        assert!(!told.contains(word), "{word}: {told}");
    }
}

#[tokio::test]
async fn who_has_to_sign_in_is_told_so_first() {
    for body in ["", "{", "[]", "{}", r#"{"lines":[]}"#] {
        let (status, _, reply) = post("/mine", "text/plain", body).await;
        assert_eq!((status, &reply["code"]), (StatusCode::UNAUTHORIZED, &json!("not_signed_in")), "{body}");
    }
}

#[tokio::test]
async fn a_deprecated_route_says_until_when() {
    let request = Request::patch("/old").header("content-type", "application/merge-patch+json");
    let (status, headers, _) = send(request.body(Body::from(r#"{"lines":[]}"#)).unwrap()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        (&headers["deprecation"], &headers["sunset"]),
        (&"@1795910400".parse().unwrap(), &"Mon, 31 May 2027 00:00:00 GMT".parse().unwrap(),)
    );
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
    let post = &document["paths"]["/things"]["post"];
    assert_eq!(post["security"], json!([{}, { "bearer": [] }]));
    let line = &document["components"]["schemas"]["Line"]["properties"];
    assert_eq!((&line["quantity"]["minimum"], &line["quantity"]["maximum"]), (&json!(1), &json!(999)));
    assert_eq!(line["quantity"].get("format"), None, "no names of Rust's types");
    assert_eq!(post["responses"]["429"]["headers"]["Retry-After"]["$ref"], "#/components/headers/Retry-After");
    assert!(post["responses"]["422"]["content"]["application/problem+json"]["examples"]["invalid_request"].is_object());
    let patch = &document["paths"]["/old"]["patch"];
    assert_eq!(patch["deprecated"], true);
    assert!(patch["requestBody"]["content"]["application/merge-patch+json"].is_object());
    let refused = check_document(&openapi(info, &[routes.openapi(), routes.openapi()]));
    assert_eq!(refused, Vec::<String>::new(), "the same part twice is one part");
}

/// Types are read off the handlers: said once, and the same for both.
#[tokio::test]
async fn what_a_handler_takes_and_answers_with_is_what_the_document_says() {
    let document = openapi(DocumentInfo { title: "Test", version: "1", description: "" }, &[routes().openapi()]);
    let schema = |answer: &Value| answer["content"]["application/json"]["schema"].clone();
    let refer = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let post = &document["paths"]["/things"]["post"];
    assert_eq!((schema(&post["requestBody"]), schema(&post["responses"]["201"])), (refer("Put"), refer("Done")));
    assert_eq!(post["requestBody"]["required"], true);
    assert_eq!(schema(&document["paths"]["/things/{id}"]["get"]["responses"]["200"]), refer("Thing"));
    assert_eq!(schema(&document["paths"]["/things"]["get"]["responses"]["200"]), refer("Found"));
    let note = &document["paths"]["/things/{id}/lines/{line}"]["put"];
    let parameters: Vec<(&Value, &Value)> =
        note["parameters"].as_array().unwrap().iter().map(|p| (&p["name"], &p["schema"])).collect();
    assert_eq!((parameters[0].0, &parameters[0].1["format"]), (&json!("id"), &json!("uuid")));
    assert_eq!((parameters[1].0, &parameters[1].1["maximum"]), (&json!("line"), &json!(255)));
    assert_eq!((schema(&note["requestBody"]), &note["requestBody"]["required"]), (refer("Line"), &json!(false)));

    let put = |body: &'static str| {
        let request = Request::put("/things/00000000-0000-0000-0000-000000000007/lines/3");
        send(request.header("content-type", "application/json").body(Body::from(body)).unwrap())
    };
    assert_eq!(put("").await.2, json!({ "by": "00000000-0000-0000-0000-000000000007/3", "lines": 0 }));
    assert_eq!(put(r#"{"sku":"abc","quantity":1}"#).await.2["lines"], 3);
    assert_eq!(put("[]").await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[test]
fn json_of_no_type_is_refused() {
    let untyped = Routes::<()>::new().get("/picture", fails, op("getPicture").reply(200));
    let wrong =
        check_document(&openapi(DocumentInfo { title: "T", version: "1", description: "" }, &[untyped.openapi()]));
    assert_eq!(wrong, ["get /picture: response 200 is JSON of no type"]);
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
