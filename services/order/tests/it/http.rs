//! Public REST of orders through its router: every route with who may, what it says, and what it refuses.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use souk_rpc::{Actor, ActorKey};
use souk_rpc_http::accept;
use tower::ServiceExt;
use uuid::Uuid;

use crate::Shop;

/// The routes as a gateway reaches them.
struct Api {
    shop: Shop,
    router: Router,
    key: ActorKey,
}

struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Reply {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(&name).unwrap_or_else(|| panic!("no {name}: {}", self.body)).to_str().unwrap()
    }

    /// Status and code of a problem, whose shape is that of every problem.
    fn refused(&self) -> (u16, &str) {
        assert_eq!(self.header(header::CONTENT_TYPE), "application/problem+json", "{}", self.body);
        assert_eq!(self.body["status"], self.status, "{}", self.body);
        for text in ["type", "title", "detail", "request_id"] {
            assert!(self.body[text].as_str().is_some_and(|text| !text.is_empty()), "{text} of {}", self.body);
        }
        (self.status, self.body["code"].as_str().unwrap())
    }

    /// Where a problem says that it is.
    fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array();
        errors.into_iter().flatten().map(|error| error["pointer"].as_str().unwrap()).collect()
    }
}

const ADA: Actor = Actor::Customer(Uuid::from_u128(1));
const BOB: Actor = Actor::Customer(Uuid::from_u128(2));
const GUEST: Actor = Actor::Anonymous;

impl Api {
    async fn open() -> Self {
        let shop = Shop::open().await;
        *shop.neighbours.stock.lock().unwrap() = 100;
        let key = ActorKey::new([7; 32]);
        let router = accept(souk_order::routes(shop.service.clone()).router(), key.clone());
        Self { shop, router, key }
    }

    async fn send(
        &self,
        who: &Actor,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("x-souk-actor", self.key.sign(who));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Body::from(body.unwrap_or_default())).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        let reply = Reply { status: parts.status.as_u16(), headers: parts.headers, body };
        assert_eq!(reply.header(header::CACHE_CONTROL), "no-store", "what is one buyer's is kept nowhere: {path}");
        reply
    }

    async fn get(&self, who: &Actor, path: &str) -> Reply {
        self.send(who, Method::GET, path, &[], None).await
    }

    async fn checkout(&self, who: &Actor, key: &str, body: &Value) -> Reply {
        self.send(who, Method::POST, "/api/v1/checkout", &[("idempotency-key", key)], Some(body.to_string())).await
    }

    async fn cancel(&self, who: &Actor, order: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let path = format!("/api/v1/orders/{order}");
        let (path, query) = path.split_once('?').map_or((&*path, ""), |(path, query)| (path, query));
        self.send(who, Method::POST, &format!("{path}/cancel?{query}"), headers, Some(body.to_owned())).await
    }

    /// An order that `who` has just placed and paid.
    async fn bought(&self, who: &Actor, cart: u128) -> Value {
        let reply = self.checkout(who, &format!("key-{cart}"), &purchase(cart, "tok_ok")).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.body
    }
}

/// A checkout of what the neighbours' cart is: version 1, 24.90.
fn purchase(cart: u128, token: &str) -> Value {
    json!({
        "cart_id": Uuid::from_u128(cart), "payment": {"provider": "sandbox", "token": token},
        "cart_version": 1, "expected_total": {"amount": 2490, "currency": "EUR"},
    })
}

fn id(order: &Value) -> &str {
    order["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_guest_buys_and_sees_the_order_by_its_token() {
    let api = Api::open().await;
    let placed = api.checkout(&GUEST, "k", &purchase(1, "tok_ok")).await;
    assert_eq!(placed.status, 201);
    let (order, token) = (&placed.body["order"], placed.body["token"].as_str().unwrap());
    assert_eq!(placed.header(header::LOCATION), format!("/api/v1/orders/{}", id(order)));
    assert_eq!((&order["status"], &placed.body["action_url"]), (&json!("confirmed"), &Value::Null));
    assert!(order["number"].as_str().unwrap().starts_with("S-"), "{order}");
    assert_eq!((&order["email"], &order["total"]["amount"]), (&json!("buyer@example.org"), &json!(2490)));
    let line = &order["lines"][0];
    assert_eq!((&line["sku"], &line["quantity"], &line["total"]["amount"]), (&json!("MUG"), &json!(2), &json!(2000)));
    api.shop.all_ended().await;

    let path = format!("/api/v1/orders/{}", id(order));
    let seen = api.get(&GUEST, &format!("{path}?token={token}")).await;
    assert_eq!((seen.status, &seen.body["payment_status"]), (200, &json!("captured")));
    assert_eq!(seen.body["number"], order["number"]);
    for (who, query) in [(&GUEST, String::new()), (&ADA, String::new()), (&GUEST, format!("?token={token}x"))] {
        assert_eq!(api.get(who, &format!("{path}{query}")).await.refused(), (404, "not_found"), "{who:?} {query}");
    }
    let unknown = format!("/api/v1/orders/{}?token={token}", Uuid::from_u128(7));
    assert_eq!(api.get(&GUEST, &unknown).await.refused(), (404, "not_found"));
    assert_eq!(api.get(&GUEST, "/api/v1/orders/no-id").await.refused(), (404, "not_found"));
    let odd = api.get(&GUEST, &format!("{path}?tokens={token}")).await;
    assert_eq!((odd.refused(), odd.pointers()), ((422, "invalid_query"), vec!["/tokens"]));
    let long = api.get(&GUEST, &format!("{path}?token={}", "x".repeat(201))).await;
    assert_eq!((long.refused(), long.pointers()), ((422, "invalid_query"), vec!["/token"]));
}

#[tokio::test]
async fn a_checkout_that_waits_is_accepted_and_leads_to_its_order() {
    let api = Api::open().await;
    let waits = api.checkout(&GUEST, "k", &purchase(1, "tok_requires_action")).await;
    assert_eq!((waits.status, &waits.body["action_url"]), (202, &json!("https://bank.example/3ds")));
    let poll = waits.header(header::LOCATION);
    assert!(poll.contains("?token="), "{poll}");
    let seen = api.get(&GUEST, poll).await;
    assert_eq!((seen.status, &seen.body["status"]), (200, &json!("pending")));
    // Repeated, it is the same answer; the buyer may give it up with what the answer has.
    let again = api.checkout(&GUEST, "k", &purchase(1, "tok_requires_action")).await;
    assert_eq!((again.status, id(&again.body["order"])), (202, id(&waits.body["order"])));
    let given_up = api.cancel(&GUEST, poll.strip_prefix("/api/v1/orders/").unwrap(), &[], "{}").await;
    assert_eq!((given_up.status, &given_up.body["status"]), (200, &json!("failed")));
    assert_eq!(api.get(&GUEST, poll).await.body["failure"], "checkout_abandoned");
}

#[tokio::test]
async fn a_checkout_that_cannot_be_is_refused_and_makes_no_order() {
    let api = Api::open().await;
    let with = |pointer: &str, value: Value| {
        let mut body = purchase(1, "tok_ok");
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
        body.to_string()
    };
    let wrong: &[(String, u16, &str, &[&str])] = &[
        ("{\"cart_id\":".into(), 400, "malformed_json", &[]),
        ("[]".into(), 422, "invalid_request", &[""]),
        ("{}".into(), 422, "invalid_request", &["/cart_id", "/payment"]),
        (with("/cart_id", json!("mine")), 422, "invalid_request", &["/cart_id"]),
        (with("/cart_version", json!("1")), 422, "invalid_request", &["/cart_version"]),
        (
            with("/expected_total", json!({"amount": 1.5, "currency": "EUR"})),
            422,
            "invalid_request",
            &["/expected_total/amount"],
        ),
        (
            with("/expected_total", json!({"amount": 1, "currency": "EURO"})),
            422,
            "invalid_request",
            &["/expected_total/currency"],
        ),
        (with("/payment/token", json!("")), 422, "invalid_request", &["/payment/token"]),
        (with("/payment/token", json!("tok\r\nok")), 422, "invalid_request", &["/payment/token"]),
        (with("/payment/amount", json!(1)), 422, "invalid_request", &["/payment/amount"]),
        (with("/status", json!("confirmed")), 422, "invalid_request", &["/status"]),
    ];
    for (body, status, code, pointers) in wrong {
        let headers = [("idempotency-key", "k")];
        let reply = api.send(&GUEST, Method::POST, "/api/v1/checkout", &headers, Some(body.clone())).await;
        assert_eq!(reply.status, *status, "{body}: {}", reply.body);
        assert_eq!((reply.refused(), &*reply.pointers()), ((*status, *code), *pointers), "{body}");
    }
    let post = async |headers: &[(&str, &str)]| {
        let body = Some(purchase(1, "tok_ok").to_string());
        api.send(&GUEST, Method::POST, "/api/v1/checkout", headers, body).await
    };
    assert_eq!(post(&[]).await.refused(), (400, "idempotency_key_required"));
    let as_text = [("idempotency-key", "k"), ("content-type", "text/plain")];
    assert_eq!(post(&as_text).await.refused(), (415, "unsupported_media_type"));
    let read = api.get(&GUEST, "/api/v1/checkout").await;
    assert_eq!((read.refused(), read.header(header::ALLOW)), ((405, "method_not_allowed"), "POST"));
    assert_eq!(api.shop.count("select count(*) from orders").await, 0);
    assert!(api.shop.neighbours.held.lock().unwrap().is_empty(), "nothing is reserved");
}

/// Refusals of what is well said: each names its reason, and the next attempt goes through.
#[tokio::test]
async fn the_state_of_things_may_refuse_a_checkout() {
    let api = Api::open().await;
    let neighbours = &api.shop.neighbours;
    *neighbours.no_cart.lock().unwrap() = true;
    assert_eq!(api.checkout(&GUEST, "k1", &purchase(1, "tok_ok")).await.refused(), (404, "not_found"));
    *neighbours.no_cart.lock().unwrap() = false;
    let declined = api.checkout(&GUEST, "k2", &purchase(1, "tok_declined")).await;
    assert_eq!(declined.refused(), (402, "payment_declined"));
    *neighbours.stock.lock().unwrap() = 1;
    assert_eq!(api.checkout(&GUEST, "k3", &purchase(1, "tok_ok")).await.refused(), (409, "out_of_stock"));
    *neighbours.stock.lock().unwrap() = 2;
    let other = api.checkout(&GUEST, "k3", &purchase(1, "tok_other")).await;
    assert_eq!(other.refused(), (422, "idempotency_key_reused"), "one key is one purchase");
    assert_eq!(api.checkout(&GUEST, "k4", &purchase(1, "tok_ok")).await.status, 201);
    let again = api.checkout(&GUEST, "k5", &purchase(1, "tok_ok")).await;
    assert_eq!(again.refused(), (409, "cart_bought"));
}

#[tokio::test]
async fn customers_list_their_own_orders_page_by_page() {
    let api = Api::open().await;
    let mut placed = Vec::new();
    for cart in 1..=5 {
        placed.push(id(&api.bought(&ADA, cart).await["order"]).to_owned());
    }
    api.bought(&BOB, 6).await;
    api.bought(&GUEST, 7).await;
    api.shop.all_ended().await;
    placed.reverse();

    let ids = |reply: &Reply| -> Vec<String> {
        reply.body["items"].as_array().unwrap().iter().map(|order| id(order).to_owned()).collect()
    };
    let (mut seen, mut pages, mut next) = (Vec::new(), 0, Some("/api/v1/orders?limit=2".to_owned()));
    while let Some(path) = next {
        let page = api.get(&ADA, &path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        seen.extend(ids(&page));
        pages += 1;
        let links = page.header(header::LINK);
        let follows = links.split(", ").find_map(|link| link.strip_suffix(">; rel=\"next\"")?.strip_prefix('<'));
        assert_eq!(follows.is_some(), page.body["next_cursor"].is_string(), "{links}");
        assert!(links.contains("</api/v1/orders?limit=2>; rel=\"first\""), "{links}");
        next = follows.map(str::to_owned);
    }
    assert_eq!((seen, pages), (placed.clone(), 3), "the newest first, each once");

    assert_eq!(ids(&api.get(&ADA, "/api/v1/orders").await), placed, "all fit into a page");
    assert_eq!(api.cancel(&ADA, &placed[1], &[], "{}").await.status, 200);
    let cancelled = api.get(&ADA, "/api/v1/orders?status=cancelled").await;
    assert_eq!(ids(&cancelled), [placed[1].clone()]);

    assert_eq!(api.get(&GUEST, "/api/v1/orders?limit=0").await.refused(), (401, "not_signed_in"));
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("limit=two", "/limit"),
        ("status=lost", "/status"),
        ("page=2", "/page"),
    ] {
        let refused = api.get(&ADA, &format!("/api/v1/orders?{query}")).await;
        assert_eq!((refused.refused(), refused.pointers()), ((422, "invalid_query"), vec![pointer]), "{query}");
    }
    let refused = api.get(&ADA, "/api/v1/orders?cursor=nowhere").await;
    assert_eq!(refused.refused().0, 422, "{}", refused.body);
}

#[tokio::test]
async fn an_order_is_read_and_cancelled_by_its_version() {
    let api = Api::open().await;
    let placed = api.bought(&ADA, 1).await;
    api.shop.all_ended().await;
    let order = id(&placed["order"]).to_owned();
    let path = format!("/api/v1/orders/{order}");
    let read = api.get(&ADA, &path).await;
    let tag = read.header(header::ETAG).to_owned();
    let known = [("if-none-match", &*tag)];
    let unchanged = api.send(&ADA, Method::GET, &path, &known, None).await;
    assert_eq!((unchanged.status, &unchanged.body, unchanged.header(header::ETAG)), (304, &Value::Null, &*tag));

    for (who, expected) in [(&GUEST, (401, "not_signed_in")), (&BOB, (404, "not_found"))] {
        assert_eq!(api.cancel(who, &order, &[], "{}").await.refused(), expected);
    }
    assert_eq!(api.cancel(&GUEST, &format!("{order}?token=guessed"), &[], "{}").await.refused(), (404, "not_found"));
    let reason = json!({"reason": "x".repeat(501)}).to_string();
    for (body, pointer) in [(&*reason, "/reason"), (r#"{"refund": 1}"#, "/refund"), (r#"{"reason": 7}"#, "/reason")] {
        let refused = api.cancel(&ADA, &order, &[], body).await;
        assert_eq!((refused.refused(), refused.pointers()), ((422, "invalid_request"), vec![pointer]), "{body}");
    }
    for stale in ["\"1-0\"", "W/\"3-0\"", "\"no tag of ours\""] {
        let refused = api.cancel(&ADA, &order, &[("if-match", stale)], "{}").await;
        assert_eq!(refused.refused(), (412, "precondition_failed"), "{stale}");
    }
    assert_eq!(api.get(&ADA, &path).await.header(header::ETAG), tag, "nothing was changed");

    let cancelled = api.cancel(&ADA, &order, &[("if-match", &*tag)], r#"{"reason": "too blue"}"#).await;
    assert_eq!((cancelled.status, &cancelled.body["status"]), (200, &json!("cancelled")));
    assert_ne!(cancelled.header(header::ETAG), tag);
    api.shop.all_ended().await;
    let changed = api.send(&ADA, Method::GET, &path, &known, None).await;
    assert_eq!((changed.status, &changed.body["payment_status"]), (200, &json!("refunded")), "known is an older one");
    assert_eq!(api.shop.neighbours.captured(), 0);
    assert_eq!(api.cancel(&ADA, &order, &[("if-match", "*")], "{}").await.status, 200, "again changes nothing");
}

#[tokio::test]
async fn what_is_on_its_way_is_not_cancelled() {
    let api = Api::open().await;
    let placed = api.bought(&GUEST, 1).await;
    api.shop.all_ended().await;
    let db = api.shop.test.db("order").await;
    db.write_one("update orders set status = 'shipped', version = version + 1", &[]).await.unwrap();
    let order = format!("{}?token={}", id(&placed["order"]), placed["token"].as_str().unwrap());
    assert_eq!(api.cancel(&GUEST, &order, &[], "{}").await.refused(), (409, "order_not_cancellable"));
    let seen = api.get(&GUEST, &format!("/api/v1/orders/{order}")).await;
    assert_eq!((seen.status, &seen.body["status"]), (200, &json!("shipped")));
    assert_eq!(api.shop.neighbours.captured(), 2490, "the money stays");
}
