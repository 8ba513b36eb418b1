//! Authentication and header filtering: who asks, what goes further, what comes back.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::client::{post, request};
use crate::shop::{CUSTOMER, SESSION, World};

#[tokio::test]
async fn what_is_claimed_or_of_the_connection_goes_no_further() {
    let world = World::start().await;
    let headers = "X-Souk-Actor: forged\r\nX-Souk-Lsn: 1\r\nX-Souk-Client-Ip: 1.1.1.1\r\nX-Forwarded-For: 9.9.9.9\r\n\
                   Forwarded: for=9.9.9.9\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\nTE: trailers\r\n\
                   Upgrade: h2c\r\nProxy-Authorization: x\r\nX-Mine: kept\r\nAccept-Encoding: br\r\nIdempotency-Key: abc-1\r\n";
    let reply = world.post("/cart", headers, "{}").await;
    let seen = reply.json();
    assert_eq!((&seen["actor"], &seen["key"], &seen["body"]), (&"anonymous".into(), &"abc-1".into(), &2.into()));
    let seen = seen["headers"].as_object().unwrap().clone();
    let mut names: Vec<&str> = seen.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "host", "x-mine", "x-souk-client-ip"]);
    assert_eq!(seen["x-souk-client-ip"], "127.0.0.1");
    assert_eq!(seen["host"], "shop.test");
    for internal in ["x-internal", "x-souk-lsn", "surrogate-key", "connection"] {
        assert_eq!(reply.header(internal), "", "{internal}");
    }
    let key = format!("Idempotency-Key: {}\r\n", "x".repeat(256));
    assert_eq!(world.post("/cart", &key, "{}").await.code(), "invalid_idempotency_key");
    world.stop().await;
}

#[tokio::test]
async fn trusted_proxies_say_who_asks() {
    let world = World::with(|config| config.trusted_proxies = vec!["127.0.0.0/8".into()]).await;
    let seen = world.get_with("/cart", "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n").await.json();
    assert_eq!(seen["headers"]["x-souk-client-ip"], Value::Null, "a shared render does not say who asked");
    let seen = world.post("/cart", "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n", "").await.json();
    assert_eq!((&seen["headers"]["x-souk-client-ip"], &seen["client"]), (&json!("203.0.113.9"), &json!("203.0.113.9")));
    world.stop().await;
}

#[tokio::test]
async fn a_request_id_is_taken_over_only_when_harmless() {
    let world = World::start().await;
    let reply = world.get_with("/cart", "X-Request-Id: trace-1.2_3\r\n").await;
    assert_eq!((reply.header("x-request-id"), &reply.json()["request_id"]), ("trace-1.2_3", &"trace-1.2_3".into()));
    for bad in ["a b", "a\"level\":\"error", "<script>", &"x".repeat(65), "\u{e9}"] {
        let reply = world.get_with("/cart", &format!("X-Request-Id: {bad}\r\n")).await;
        let id = reply.header("x-request-id");
        assert_eq!((id.len(), reply.json()["request_id"].as_str()), (24, Some(id)), "{bad}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_bearer_token_of_ours_names_the_customer_and_no_other_does() {
    let world = World::start().await;
    let with = |token: &str| request("GET", "/api/v1/me", &format!("Authorization: Bearer {token}\r\n"));
    let good = world.bearer();
    let customer = format!("customer:{CUSTOMER}");
    for _ in 0..3 {
        assert_eq!(world.send(with(&good)).await.json()["actor"], customer.as_str());
    }
    assert_eq!(world.identity.calls.load(Ordering::SeqCst), 1, "the keys are fetched once");
    let mut forged = good.clone();
    forged.replace_range(good.len() - 4.., "AAAA");
    for bad in [forged.as_str(), "", "x.y.z", "eyJhbGciOiJub25lIn0.e30."] {
        let reply = world.send(with(bad)).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "invalid_token"), "{bad}");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
    let basic = world.get_with("/api/v1/me", "Authorization: Basic dTpw\r\n").await;
    assert_eq!(basic.status, 401);
    world.pass(661);
    assert_eq!(world.send(with(&good)).await.status, 401, "expired, although it was remembered");
    world.stop().await;
}

#[tokio::test]
async fn made_up_keys_are_no_load_on_identity() {
    let world = World::start().await;
    let key = crate::shop::signing_key();
    let now = world.clock.now().as_second();
    for n in 0..20 {
        let claims = souk_identity_api::AccessClaims {
            iss: "souk".into(),
            aud: "souk-api".into(),
            sub: CUSTOMER,
            iat: now,
            exp: now + 60,
        };
        let token = souk_identity_api::token::sign(&claims, &format!("made-up-{n}"), &key);
        let reply = world.get_with("/api/v1/me", &format!("Authorization: Bearer {token}\r\n")).await;
        assert_eq!(reply.status, 401);
    }
    assert_eq!(world.identity.calls.load(Ordering::SeqCst), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_session_names_the_customer_until_it_may_have_ended() {
    let world = World::start().await;
    let actor = async |cookie: &str| {
        world.get_with("/account", &format!("Cookie: souk_session={cookie}\r\n")).await.json()["actor"].clone()
    };
    let customer = format!("customer:{CUSTOMER}");
    assert_eq!(actor(SESSION).await, customer.as_str());
    assert_eq!(actor(SESSION).await, customer.as_str());
    assert_eq!(world.identity.calls.load(Ordering::SeqCst), 1, "believed for seconds");
    assert_eq!(actor("ended").await, "anonymous");
    world.pass(4);
    assert_eq!(actor(SESSION).await, customer.as_str());
    assert_eq!(world.identity.calls.load(Ordering::SeqCst), 3);
    let own = format!("Cookie: souk_session={SESSION}\r\nSec-Fetch-Site: same-origin\r\n");
    world.post("/logout", &own, "").await;
    actor(SESSION).await;
    assert_eq!(world.identity.calls.load(Ordering::SeqCst), 4, "asked again after what may have ended it");
    world.stop().await;
}

#[tokio::test]
async fn a_request_of_another_site_is_refused_when_a_cookie_proves_who_asks() {
    let world = World::start().await;
    let cookie = format!("Cookie: souk_session={SESSION}\r\n");
    let put = |extra: &str| post("PUT", "/api/v1/me", &format!("{cookie}{extra}"), "{}");
    for refused in ["", "Sec-Fetch-Site: cross-site\r\n", "Origin: https://evil.test\r\n", "Origin: null\r\n"] {
        let reply = world.send(put(refused)).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "cross_site"), "{refused}");
    }
    assert_eq!(world.shop.renders(), 0);
    for own in ["Sec-Fetch-Site: same-origin\r\n", "Origin: http://shop.test\r\n"] {
        assert_eq!(world.send(put(own)).await.status, 200, "{own}");
    }
    let bearer = format!("Authorization: Bearer {}\r\n", world.bearer());
    assert_eq!(world.send(post("PUT", "/api/v1/me", &bearer, "{}")).await.status, 200, "no browser adds it by itself");
    world.stop().await;
}

#[tokio::test]
async fn without_identity_reading_goes_on_and_writing_does_not() {
    let world = World::start().await;
    world.identity.down.store(true, Ordering::SeqCst);
    let cookie = format!("Cookie: souk_session={SESSION}\r\nSec-Fetch-Site: same-origin\r\n");
    assert_eq!(world.get_with("/account", &cookie).await.json()["actor"], "anonymous");
    assert_eq!(world.post("/account", &cookie, "{}").await.status, 503);
    world.stop().await;
}

#[tokio::test]
async fn an_anonymous_request_costs_identity_nothing() {
    let world = World::start().await;
    world.get("/p/bag").await;
    world.get("/account").await;
    world.post("/cart", "Cookie: souk_cart=1\r\n", "{}").await;
    assert_eq!(world.identity.calls.load(Ordering::SeqCst), 0);
    world.stop().await;
}

#[tokio::test]
async fn internal_paths_answer_nothing_and_the_document_is_ours() {
    let world = World::start().await;
    for path in ["/rpc/order/v1/place", "/livez", "/readyz", "/metrics", "/api/v1/nothing"] {
        let reply = world.get(path).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{path}");
    }
    assert_eq!(world.shop.renders(), 0);
    let document = world.get_with("/api/v1/openapi.json", "Accept-Encoding: gzip\r\n").await;
    assert_eq!((document.status, document.header("content-encoding")), (200, "gzip"));
    assert_eq!(document.json()["openapi"], "3.1.0");
    assert_eq!(world.send(post("POST", "/api/v1/openapi.json", "", "{}")).await.status, 405);
    world.stop().await;
}

#[tokio::test]
async fn every_answer_is_guarded_and_text_is_compressed() {
    let world = World::with(|config| config.https = true).await;
    let page = world.get("/p/bag").await;
    assert!(page.header("content-security-policy").contains("script-src 'self'; style-src 'self';"));
    assert_eq!(page.header("strict-transport-security"), "max-age=63072000");
    assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
    assert_eq!(page.header("referrer-policy"), "strict-origin-when-cross-origin");
    let personal = world.get_with("/account", "Accept-Encoding: gzip\r\n").await;
    assert_eq!((personal.header("content-encoding"), personal.header("vary")), ("gzip", "accept-encoding"));
    assert_eq!(personal.json()["filling"].as_str().unwrap().len(), 2000);
    let (refused, panicked) = (world.get("/livez").await, world.get("/panics").await);
    for reply in [&page, &personal, &refused, &panicked] {
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{reply:?}");
    }
    assert_eq!((panicked.status, panicked.code().as_str()), (500, "internal"));
    assert!(!panicked.text().contains("expected in this test"));
    let person = world.get_with("/panics", "Accept: text/html\r\n").await;
    assert!(person.text().contains("<h1>Internal Server Error</h1>") && person.status == 500);
    world.stop().await;
}

#[tokio::test]
async fn checkouts_may_take_longer() {
    let world = World::start().await;
    assert_eq!(world.post("/api/v1/checkout", "", "{}").await.json()["seconds"], 10.0);
    assert_eq!(world.post("/api/v1/carts", "", "{}").await.json()["seconds"], 5.0);
    world.stop().await;
}
