//! The public routes, through their router.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use souk_identity::routes;
use souk_rpc::{Actor, Cx};
use souk_web::{DocumentInfo, check_document, openapi};
use tower::ServiceExt;
use uuid::Uuid;

use crate::shop::{PASSWORD, Shop};

/// A user of the public routes, with an HTTP client.
struct Visitor {
    router: Router,
    actor: Actor,
}

impl Visitor {
    async fn open(shop: &Shop) -> Visitor {
        let router = routes(shop.process().await.service).router();
        Visitor { router, actor: Actor::Anonymous }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&str>) -> (StatusCode, HeaderMap, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let mut request = request.body(Body::from(body.unwrap_or_default().to_owned())).unwrap();
        request.extensions_mut().insert(Cx::new("req-1", self.actor.clone()));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        (parts.status, parts.headers, body)
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, HeaderMap, Value) {
        self.send(Method::POST, path, Some(&body.to_string())).await
    }

    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, Value) {
        self.send(Method::GET, path, None).await
    }

    /// Registers and goes on as that customer, as the gateway would after checking the token.
    async fn registered(shop: &Shop, email: &str) -> (Visitor, Value) {
        let mut visitor = Visitor::open(shop).await;
        let body = json!({ "email": email, "name": "Ada" });
        let (status, _, sent) = visitor.post("/api/v1/auth/register", body).await;
        assert_eq!((status, sent), (StatusCode::ACCEPTED, json!({ "status": "check_mail" })));
        let body = json!({ "token": shop.last_link().await.token.reveal(), "password": PASSWORD });
        let (status, _, tokens) = visitor.post("/api/v1/auth/confirm", body).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        visitor.actor = Actor::Customer(tokens["customer"]["id"].as_str().unwrap().parse::<Uuid>().unwrap());
        (visitor, tokens)
    }
}

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

fn berlin() -> Value {
    json!({ "name": "Ada", "line1": "1 Way", "city": "Berlin", "postal_code": "10115", "country": "DE" })
}

#[tokio::test]
async fn signing_in_and_out_shows_no_session_token_and_is_kept_by_nobody() {
    let shop = Shop::open().await;
    let (ada, registered) = Visitor::registered(&shop, "ada@example.com").await;
    let credentials = json!({ "email": "ada@example.com", "password": PASSWORD });
    let (status, headers, signed_in) = ada.post("/api/v1/auth/login", credentials).await;
    assert_eq!((status, &headers[header::CACHE_CONTROL]), (StatusCode::OK, &"no-store".parse().unwrap()));
    let (status, headers, renewed) =
        ada.post("/api/v1/auth/refresh", json!({ "refresh_token": signed_in["refresh_token"] })).await;
    assert_eq!((status, &headers[header::CACHE_CONTROL]), (StatusCode::OK, &"no-store".parse().unwrap()));
    for reply in [&registered, &signed_in, &renewed] {
        let mut names: Vec<_> = reply.as_object().unwrap().keys().map(String::as_str).collect();
        names.retain(|name| *name != "device_token");
        names.sort_unstable();
        assert_eq!(names, ["access_token", "customer", "expires_in", "refresh_token", "token_type"]);
        assert_eq!((&reply["token_type"], &reply["expires_in"]), (&json!("Bearer"), &json!(600)));
        assert!(!reply.to_string().contains("session"));
    }
    let known = |reply: &Value| reply["device_token"].as_str().is_some_and(|token| token.len() == 43);
    assert!(known(&registered) && known(&signed_in) && !known(&renewed));
    let out = json!({ "refresh_token": renewed["refresh_token"] });
    let (status, headers, _) = ada.post("/api/v1/auth/logout", out.clone()).await;
    assert_eq!((status, &headers[header::CACHE_CONTROL]), (StatusCode::NO_CONTENT, &"no-store".parse().unwrap()));
    let (status, _, problem) = ada.post("/api/v1/auth/refresh", out).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("refresh_token_invalid")));
    let wrong = json!({ "email": "ada@example.com", "password": "wrong password" });
    let (status, headers, problem) = ada.post("/api/v1/auth/login", wrong.clone()).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("wrong_credentials")));
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    for _ in 0..4 {
        ada.post("/api/v1/auth/login", wrong.clone()).await;
    }
    let (status, headers, _) = ada.post("/api/v1/auth/login", wrong).await;
    assert_eq!((status, &headers[header::RETRY_AFTER]), (StatusCode::TOO_MANY_REQUESTS, &"5".parse().unwrap()));
}

#[tokio::test]
async fn bodies_are_strict_and_what_is_wrong_is_pointed_at() {
    let shop = Shop::open().await;
    let (ada, _) = Visitor::registered(&shop, "ada@example.com").await;
    let mut long = berlin();
    long["city"] = json!("x".repeat(201));
    let mut shouting = berlin();
    shouting["country"] = json!("Germany");
    let mut unknown = berlin();
    unknown["owner"] = json!("eve");
    let wrong = [
        (
            "/api/v1/auth/register",
            json!({ "email": "x", "password": "password", "name": "" }),
            vec!["/email", "/password"],
        ),
        ("/api/v1/auth/register", json!({ "email": "a@b.cd", "password": 12345678 }), vec!["/password"]),
        ("/api/v1/auth/register", json!({ "email": "a@b.cd", "password": PASSWORD, "id": "1" }), vec!["/id"]),
        ("/api/v1/auth/login", json!({ "email": "a@b.cd", "password": PASSWORD, "admin": true }), vec!["/admin"]),
        ("/api/v1/auth/recover", json!({ "email": "a@b.cd", "name": "Ada" }), vec!["/name"]),
        ("/api/v1/auth/recover", json!({ "email": "nobody" }), vec!["/email"]),
        ("/api/v1/auth/confirm", json!({ "token": "x", "password": PASSWORD, "email": "a@b.cd" }), vec!["/email"]),
        ("/api/v1/auth/refresh", json!({ "token": "x" }), vec!["/refresh_token", "/token"]),
        ("/api/v1/auth/logout", json!({ "refresh_token": "x", "session_token": "y" }), vec!["/session_token"]),
        ("/api/v1/me/addresses", long, vec!["/city"]),
        ("/api/v1/me/addresses", shouting, vec!["/country"]),
        ("/api/v1/me/addresses", unknown, vec!["/owner"]),
    ];
    for (path, body, expected) in wrong {
        let (status, headers, problem) = ada.post(path, body).await;
        assert_eq!((status, pointers(&problem)), (StatusCode::UNPROCESSABLE_ENTITY, expected), "{path} {problem}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    }
    let patch = async |body: Value| ada.send(Method::PATCH, "/api/v1/me", Some(&body.to_string())).await;
    let (status, _, problem) = patch(json!({ "new_password": "another horse battery" })).await;
    assert_eq!((status, pointers(&problem)), (StatusCode::UNPROCESSABLE_ENTITY, vec!["/current_password"]));
    assert_eq!(patch(json!({ "email": "new@example.com" })).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _, me) = patch(json!({ "name": "Countess" })).await;
    assert_eq!((status, &me["name"], &me["email"]), (StatusCode::OK, &json!("Countess"), &json!("ada@example.com")));
    assert_eq!(ada.send(Method::POST, "/api/v1/auth/login", Some("{")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ada.send(Method::POST, "/api/v1/auth/login", None).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(shop.number("select count(*) from address").await, 0);
    assert_eq!(shop.number("select count(*) from customer").await, 1);
}

#[tokio::test]
async fn addresses_come_and_go() {
    let shop = Shop::open().await;
    let (ada, _) = Visitor::registered(&shop, "ada@example.com").await;
    let (status, headers, stored) = ada.post("/api/v1/me/addresses", berlin()).await;
    assert_eq!((status, &stored["is_default"], &stored["city"]), (StatusCode::CREATED, &json!(true), &json!("Berlin")));
    let path = headers[header::LOCATION].to_str().unwrap().to_owned();
    assert_eq!(path, format!("/api/v1/me/addresses/{}", stored["id"].as_str().unwrap()));
    let mut ulm = berlin();
    ulm["city"] = json!("Ulm");
    ulm["is_default"] = json!(true);
    assert_eq!(ada.post("/api/v1/me/addresses", ulm.clone()).await.0, StatusCode::CREATED);
    ulm["city"] = json!("Bonn");
    let (status, _, put) = ada.send(Method::PUT, &path, Some(&ulm.to_string())).await;
    assert_eq!((status, &put["city"], &put["is_default"]), (StatusCode::OK, &json!("Bonn"), &json!(true)));
    let (status, headers, list) = ada.get("/api/v1/me/addresses").await;
    assert_eq!((status, &headers[header::CACHE_CONTROL]), (StatusCode::OK, &"no-store".parse().unwrap()));
    let cities: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| &item["city"]).collect();
    assert_eq!(cities, [&json!("Bonn"), &json!("Ulm")]);
    assert_eq!(ada.send(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ada.send(Method::DELETE, &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ada.get("/api/v1/me").await.2["addresses"][0]["city"], "Ulm");
}

/// I8: what is another's is not there, for reading and for writing.
#[tokio::test]
async fn nobody_reads_or_changes_what_is_not_theirs() {
    let shop = Shop::open().await;
    let (ada, _) = Visitor::registered(&shop, "ada@example.com").await;
    let (eve, _) = Visitor::registered(&shop, "eve@example.com").await;
    let (_, headers, _) = ada.post("/api/v1/me/addresses", berlin()).await;
    let path = headers[header::LOCATION].to_str().unwrap();
    let mut stolen = berlin();
    stolen["city"] = json!("Elsewhere");
    let stolen = stolen.to_string();
    let guest = Visitor::open(&shop).await;
    for (who, status) in [(&eve, StatusCode::NOT_FOUND), (&guest, StatusCode::UNAUTHORIZED)] {
        assert_eq!(who.send(Method::PUT, path, Some(&stolen)).await.0, status);
        assert_eq!(who.send(Method::DELETE, path, None).await.0, status);
    }
    assert_eq!(eve.get("/api/v1/me/addresses").await.2, json!({ "items": [] }));
    assert_eq!(eve.get("/api/v1/me").await.2["email"], "eve@example.com");
    for path in ["/api/v1/me", "/api/v1/me/addresses"] {
        assert_eq!(guest.get(path).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(guest.post("/api/v1/me/addresses", berlin()).await.0, StatusCode::UNAUTHORIZED);
    let not_an_id = ada.send(Method::DELETE, "/api/v1/me/addresses/1%27--", None).await;
    assert_eq!(not_an_id.0, StatusCode::NOT_FOUND);
    assert_eq!(ada.get("/api/v1/me/addresses").await.2["items"][0]["city"], "Berlin");
    assert_eq!(ada.send(Method::PUT, path, Some(&stolen)).await.0, StatusCode::OK, "control: its owner may");
}

#[tokio::test]
async fn the_keys_are_public_and_only_the_public_halves() {
    let shop = Shop::open().await;
    let guest = Visitor::open(&shop).await;
    let (status, headers, keys) = guest.get("/.well-known/jwks.json").await;
    assert_eq!((status, &headers[header::CACHE_CONTROL]), (StatusCode::OK, &"public, max-age=300".parse().unwrap()));
    let mut names: Vec<_> = keys["keys"][0].as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"], "no d: that would be the private half");
    assert_eq!((&keys["keys"][0]["alg"], &keys["keys"][0]["crv"]), (&json!("EdDSA"), &json!("Ed25519")));
}

#[tokio::test]
async fn the_document_is_sound() {
    let shop = Shop::open().await;
    let routes = routes(shop.process().await.service);
    let info = DocumentInfo { title: "identity", version: "1", description: "" };
    let document = openapi(info, &[routes.openapi()]);
    assert_eq!(check_document(&document), Vec::<String>::new());
    let text = document.to_string();
    assert!(text.contains("refresh_token") && !text.contains("session_token"));
}
