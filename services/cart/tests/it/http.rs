//! The public routes, through their router.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use souk_rpc::{Actor, ActorKey};
use souk_rpc_http::accept;
use tower::ServiceExt;
use uuid::Uuid;

use crate::shop::Shop;

struct Api(Router, ActorKey);

impl Api {
    async fn open(shop: &Shop) -> Api {
        let key = ActorKey::new([7; 32]);
        let routes = souk_cart::routes(shop.process().await.service);
        Api(accept(routes.router(), key.clone()), key)
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, axum::http::HeaderMap, Value) {
        let read = request.method() == Method::GET;
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let cached = parts.headers[header::CACHE_CONTROL].to_str().unwrap();
        assert!(cached == "no-store" || read && cached == "private, no-cache", "{cached}");
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        (parts.status, parts.headers, body)
    }

    async fn call(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(format!("/api/v1/carts{path}"));
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let (status, _, body) = self.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        (status, body)
    }
}

#[tokio::test]
async fn the_calls_of_a_purchase() {
    let shop = Shop::open().await;
    let api = Api::open(&shop).await;
    for body in ["", "{}"] {
        let mut request = Request::post("/api/v1/carts");
        if body == "{}" {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let (status, headers, cart) = api.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!(headers[header::LOCATION], format!("/api/v1/carts/{}", cart["id"].as_str().unwrap()));
    }
    let (_, cart) = api.call(Method::POST, "", "").await;
    let at = format!("/{}", cart["id"].as_str().unwrap());
    let lines = format!("{at}/lines");
    let (status, cart) = api.call(Method::POST, &lines, r#"{"sku":"lamp","quantity":2}"#).await;
    assert_eq!((status, &cart["lines"][0]["unit_price"]), (StatusCode::OK, &json!({"amount":1000,"currency":"EUR"})));
    let line = format!("{lines}/{}", cart["lines"][0]["id"].as_str().unwrap());
    let (_, cart) = api.call(Method::PATCH, &line, r#"{"quantity":3}"#).await;
    assert_eq!((&cart["units"], &cart["totals"]["total"]["amount"]), (&json!(3), &json!(3000)));
    let (status, problem) = api.call(Method::GET, &format!("{at}/shipping-methods"), "").await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("address_missing")));
    let address = json!({"name":"Ada","line1":"Street 1","city":"Berlin","postal_code":"10117","country":"DE"});
    let update = json!({"email":"ada@example.com","shipping_address":address}).to_string();
    let (status, cart) = api.call(Method::PUT, &at, &update).await;
    assert_eq!((status, &cart["shipping_address"]["city"]), (StatusCode::OK, &json!("Berlin")));
    let (_, methods) = api.call(Method::GET, &format!("{at}/shipping-methods"), "").await;
    assert_eq!(methods["items"][0]["price"], json!({"amount":490,"currency":"EUR"}));
    let chosen = json!({"shipping_method":methods["items"][0]["id"]}).to_string();
    let (_, cart) = api.call(Method::PUT, &at, &chosen).await;
    assert_eq!((&cart["totals"]["total"]["amount"], &cart["email"]), (&json!(3490), &json!("ada@example.com")));
    let (status, cart) = api.call(Method::DELETE, &line, "").await;
    assert_eq!((status, &cart["lines"]), (StatusCode::OK, &json!([])));
    assert_eq!(api.call(Method::DELETE, &line, "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.call(Method::GET, &at, "").await.1["id"], cart["id"]);
}

#[tokio::test]
async fn bad_input_is_refused_with_its_place_and_changes_nothing() {
    let shop = Shop::open().await;
    let api = Api::open(&shop).await;
    let (_, cart) = api.call(Method::POST, "", "").await;
    let at = format!("/{}", cart["id"].as_str().unwrap());
    let lines = format!("{at}/lines");
    let (_, cart) = api.call(Method::POST, &lines, r#"{"sku":"lamp","quantity":1}"#).await;
    let line = format!("{lines}/{}", cart["lines"][0]["id"].as_str().unwrap());
    let deep = format!("{}{}", "[".repeat(60_000), "]".repeat(60_000 / 2));
    let wrong: &[(Method, &str, &str, u16, &str)] = &[
        (Method::POST, "", r#"{"customer_id":"x"}"#, 422, ""),
        (Method::POST, &lines, r#"{"sku":"lamp","quantity":-1}"#, 422, "/quantity"),
        (Method::POST, &lines, r#"{"sku":"lamp","quantity":0}"#, 422, "/quantity"),
        (Method::POST, &lines, r#"{"sku":"lamp","quantity":99999999999999}"#, 422, "/quantity"),
        (Method::POST, &lines, r#"{"sku":"lamp","quantity":1.5}"#, 422, "/quantity"),
        (Method::POST, &lines, r#"{"sku":"lamp","quantity":"1"}"#, 422, "/quantity"),
        (
            Method::POST,
            &lines,
            r#"{"sku":"lamp","quantity":1,"unit_price":{"amount":1,"currency":"EUR"}}"#,
            422,
            "/unit_price",
        ),
        (Method::POST, &lines, r#"{"sku":"la\u0000mp","quantity":1}"#, 422, "/sku"),
        (Method::POST, &lines, r#"{"quantity":1}"#, 422, "/sku"),
        (Method::POST, &lines, r#"["lamp",1]"#, 422, ""),
        (Method::POST, &lines, r#"{"sku":"lamp","quantity":1"#, 400, ""),
        (Method::POST, &lines, r#"{"sku":"nobody knows","quantity":1}"#, 404, ""),
        (Method::POST, &lines, &deep, 413, ""),
        (Method::PATCH, &line, r#"{"quantity":-5}"#, 422, "/quantity"),
        (Method::PATCH, &line, r#"{"quantity":1000}"#, 422, "/quantity"),
        (Method::PATCH, &line, r#"{"quantity":2,"total":0}"#, 422, "/total"),
        (Method::PUT, &at, r#"{"email":"no address"}"#, 422, "/email"),
        (Method::PUT, &at, r#"{"email":"a@example.com\r\nBcc: b@example.com"}"#, 422, "/email"),
        (Method::PUT, &at, r#"{"totals":{"total":0}}"#, 422, "/totals"),
        (Method::PUT, &at, r#"{"customer_id":"00000000-0000-0000-0000-000000000001"}"#, 422, "/customer_id"),
        (Method::PUT, &at, r#"{"shipping_address":{"name":"A"}}"#, 422, "/shipping_address/line1"),
        (Method::PUT, &at, r#"{"coupons":["A","B","C","D","E","F"]}"#, 422, "/coupons"),
        (Method::GET, "/not-an-id", "", 404, ""),
        (Method::GET, "/00000000-0000-4000-8000-000000000000", "", 404, ""),
    ];
    for (method, path, body, status, pointer) in wrong {
        let (got, problem) = api.call(method.clone(), path, body).await;
        let shown: String = body.chars().take(80).collect();
        assert_eq!(got.as_u16(), *status, "{method} {path} {shown}: {problem}");
        if !pointer.is_empty() {
            assert_eq!(problem["errors"][0]["pointer"], *pointer, "{method} {path} {shown}");
        }
    }
    assert_eq!(api.call(Method::GET, &at, "").await.1, cart);
}

#[tokio::test]
async fn null_clears_in_a_patch_and_is_passed_over_in_a_put() {
    let shop = Shop::open().await;
    shop.coupon("TEN", 10, true).await;
    let api = Api::open(&shop).await;
    let (_, cart) = api.call(Method::POST, "", "").await;
    let at = format!("/{}", cart["id"].as_str().unwrap());
    let address = json!({"name":"Ada","line1":"Street 1","city":"Berlin","postal_code":"10117","country":"DE"});
    let all = json!({"email":"ada@example.com","shipping_address":address,"coupons":["TEN"]}).to_string();
    let (status, set) = api.call(Method::PATCH, &at, &all).await;
    assert_eq!((status, &set["email"], &set["coupons"]), (StatusCode::OK, &json!("ada@example.com"), &json!(["TEN"])));
    let nothing = r#"{"email":null,"shipping_address":null,"shipping_method":null,"coupons":null}"#;
    // Control: the older method changes nothing, and says that it will go.
    let put = Request::put(format!("/api/v1/carts{at}")).header(header::CONTENT_TYPE, "application/json");
    let (status, headers, kept) = api.send(put.body(Body::from(nothing)).unwrap()).await;
    assert_eq!((status, &kept["email"], &kept["coupons"]), (StatusCode::OK, &set["email"], &set["coupons"]));
    assert!(headers.contains_key("deprecation") && headers.contains_key("sunset"), "{headers:?}");
    let (_, some) = api.call(Method::PATCH, &at, r#"{"email":null}"#).await;
    assert_eq!((&some["email"], &some["shipping_address"]["city"]), (&Value::Null, &json!("Berlin")));
    let patch =
        Request::patch(format!("/api/v1/carts{at}")).header(header::CONTENT_TYPE, "application/merge-patch+json");
    let (status, headers, cleared) = api.send(patch.body(Body::from(nothing)).unwrap()).await;
    assert_eq!((status, &cleared["shipping_address"], &cleared["coupons"]), (StatusCode::OK, &Value::Null, &json!([])));
    assert!(!headers.contains_key("deprecation"));
}

#[tokio::test]
async fn a_customers_cart_opens_for_them_only() {
    let shop = Shop::open().await;
    let api = Api::open(&shop).await;
    let as_customer = |n: u128, method: Method, path: String| {
        let actor = api.1.sign(&Actor::Customer(Uuid::from_u128(n)));
        Request::builder().method(method).uri(path).header("x-souk-actor", actor).body(Body::empty()).unwrap()
    };
    let (_, headers, _) = api.send(as_customer(1, Method::POST, "/api/v1/carts".into())).await;
    let at = headers[header::LOCATION].to_str().unwrap().to_owned();
    assert_eq!(api.send(as_customer(1, Method::GET, at.clone())).await.0, StatusCode::OK);
    assert_eq!(api.send(as_customer(2, Method::GET, at.clone())).await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.send(Request::get(at).body(Body::empty()).unwrap()).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_write_that_was_based_on_an_older_version_is_refused() {
    let shop = Shop::open().await;
    let api = Api::open(&shop).await;
    let send = async |method: Method, path: &str, condition: (header::HeaderName, &str), body: &str| {
        let mut request =
            Request::builder().method(method).uri(format!("/api/v1/carts{path}")).header(condition.0, condition.1);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        api.send(request.body(Body::from(body.to_owned())).unwrap()).await
    };
    let tag = |headers: &axum::http::HeaderMap| headers[header::ETAG].to_str().unwrap().to_owned();
    let (_, headers, cart) = api.send(Request::post("/api/v1/carts").body(Body::empty()).unwrap()).await;
    let (at, created) = (format!("/{}", cart["id"].as_str().unwrap()), tag(&headers));
    let lines = format!("{at}/lines");
    let lamp = r#"{"sku":"lamp","quantity":1}"#;
    let (status, headers, cart) = send(Method::POST, &lines, (header::IF_MATCH, &created), lamp).await;
    assert_eq!(status, StatusCode::OK);
    let (line, current) = (format!("{lines}/{}", cart["lines"][0]["id"].as_str().unwrap()), tag(&headers));
    // Every write, and each of them went through before: the header was not looked at.
    for (method, path, body) in [
        (Method::POST, lines.as_str(), lamp),
        (Method::PATCH, &line, r#"{"quantity":2}"#),
        (Method::PUT, &at, r#"{"email":"ada@example.com"}"#),
        (Method::DELETE, &line, ""),
    ] {
        for stale in [created.as_str(), "\"nonsense\"", &format!("W/{current}")] {
            let (status, _, problem) = send(method.clone(), path, (header::IF_MATCH, stale), body).await;
            assert_eq!(
                (status, &problem["code"]),
                (StatusCode::PRECONDITION_FAILED, &json!("precondition_failed")),
                "{method} {path} {stale}"
            );
        }
    }
    let (status, headers, shown) = send(Method::GET, &at, (header::IF_NONE_MATCH, "\"other\""), "").await;
    assert_eq!((status, &shown, tag(&headers)), (StatusCode::OK, &cart, current.clone()), "nothing was changed");
    assert_eq!(send(Method::GET, &at, (header::IF_NONE_MATCH, &current), "").await.0, StatusCode::NOT_MODIFIED);
    shop.price("lamp", 1_100).await;
    let (status, headers, _) = send(Method::GET, &at, (header::IF_NONE_MATCH, &current), "").await;
    assert_eq!(status, StatusCode::OK, "a new price is shown");
    let told = tag(&headers);
    assert_eq!(
        send(Method::GET, &at, (header::IF_NONE_MATCH, &told), "").await.0,
        StatusCode::OK,
        "told, it is no news"
    );
    // What was looked at is the version still, whatever was shown with it.
    let (status, headers, _) = send(Method::PATCH, &line, (header::IF_MATCH, &current), r#"{"quantity":2}"#).await;
    assert_eq!(status, StatusCode::OK);
    let listed = format!("{current}, {}", tag(&headers));
    assert_eq!(send(Method::PATCH, &line, (header::IF_MATCH, &listed), r#"{"quantity":3}"#).await.0, StatusCode::OK);
    assert_eq!(send(Method::DELETE, &line, (header::IF_MATCH, "*"), "").await.0, StatusCode::OK);
}

/// Addresses of the world, and what is refused of them: the field, and a word of why.
#[tokio::test]
async fn an_address_is_judged_by_its_country() {
    let shop = Shop::open().await;
    let api = Api::open(&shop).await;
    let (_, cart) = api.call(Method::POST, "", "{}").await;
    let at = format!("/{}", cart["id"].as_str().unwrap());
    let with = |address: Value| json!({ "shipping_address": address }).to_string();
    for fine in [
        json!({"name":"山田 太郎","line1":"千代田区千代田1-1","region":"東京都","postal_code":"100-0001","country":"JP"}),
        json!({"name":"محمد","line1":"شارع 5","region":"دبي","country":"AE"}),
        json!({"name":"Sukarno","line1":"Jl. Merdeka 1","city":"Jakarta","region":"DKI Jakarta","postal_code":"10110","country":"ID"}),
        json!({"name":"Seán O'Neill","line1":"1 Main St","city":"Belfast","postal_code":"bt1 1aa","country":"GB"}),
        json!({"name":"Ana","line1":"Calle 1","city":"Las Palmas","region":"Las Palmas","postal_code":"35001","country":"ES"}),
        json!({"name":"Lim","line1":"1 Orchard Rd","postal_code":"238801","country":"SG"}),
        json!({"name":"Ali","line1":"Block 3","city":"Kuwait City","country":"KW"}),
    ] {
        let (status, answer) = api.call(Method::PATCH, &at, &with(fine.clone())).await;
        assert_eq!((status.as_u16(), &answer["shipping_address"]["country"]), (200, &fine["country"]), "{answer}");
    }
    let berlin = json!({"name":"Ada","line1":"Weg 1","city":"Berlin","postal_code":"10115","country":"DE"});
    for (field, value, word) in [
        ("country", "UK", "write GB"),
        ("country", "ZZ", "ZZ is none"),
        ("country", "de", "capitals"),
        ("name", "\u{200b}\u{200d}", "invisible"),
        ("name", "\u{3000}", "blank"),
        ("name", "Ada\u{202e}", "direction"),
        ("line1", "\u{3164}", "invisible"),
        ("city", "", "empty"),
        ("postal_code", "SW1A 1AA", "postal code of Germany"),
        ("postal_code", "", "empty"),
        ("phone", "\u{200e}+49", "direction"),
    ] {
        let mut address = berlin.clone();
        address[field] = json!(value);
        let (status, problem) = api.call(Method::PATCH, &at, &with(address)).await;
        let error = &problem["errors"][0];
        assert_eq!(
            (status.as_u16(), error["pointer"].as_str()),
            (422, Some(&*format!("/shipping_address/{field}"))),
            "{problem}"
        );
        assert!(error["detail"].as_str().unwrap().contains(word), "{field} {value:?}: {problem}");
    }
}
