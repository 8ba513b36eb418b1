//! Bad input: a clear problem, nothing changed, nothing lost.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use souk_testkit::{World, tokens};

everywhere!(crate::crowded(); bad_bodies, foreign_ids, tricky_paths);

/// Method, path, body.
type Attempt = (Method, String, String);

const JSON: (&str, &str) = ("content-type", "application/json");

async fn bad_bodies(world: &World) {
    let lamp = world.product("Lamp", 2_000, 5).await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    let before = guest.look().await;
    let path = guest.cart_path().await;
    let lines = format!("{path}/lines");
    let deep = "[".repeat(20_000);
    let big = format!("{{\"sku\":\"{}\",\"quantity\":1}}", "x".repeat(2 * 1024 * 1024));
    let line = |text: &str| (Method::POST, lines.clone(), text.to_owned());
    let cart = |text: &str| (Method::PUT, path.clone(), text.to_owned());
    let buy = |body: Value| (Method::POST, "/api/v1/checkout".to_owned(), body.to_string());
    let sku = &lamp.sku;
    let mut checkout = guest.checkout_body(tokens::OK);
    checkout["total"] = json!({ "amount": 1, "currency": "EUR" });
    let mut unknown = guest.checkout_body(tokens::OK);
    unknown["payment"]["token"] = json!("tok_of_nobody");
    let mut card = guest.checkout_body(tokens::OK);
    card["payment"]["token"] = json!("4111 1111 1111 1111");
    let table: [(Attempt, &[u16]); 33] = [
        (line("{"), &[400]),
        (line(""), &[400, 415]),
        (line("nonsense"), &[400]),
        (line("[]"), &[422]),
        (line("null"), &[422]),
        (line(&deep), &[400, 422]),
        (line(&big), &[413]),
        (line(&format!(r#"{{"sku":"{sku}"}}"#)), &[422]),
        (line(&format!(r#"{{"sku":"{sku}","quantity":"1"}}"#)), &[422]),
        (line(&format!(r#"{{"sku":"{sku}","quantity":-1}}"#)), &[422]),
        (line(&format!(r#"{{"sku":"{sku}","quantity":0}}"#)), &[422]),
        (line(&format!(r#"{{"sku":"{sku}","quantity":1.5}}"#)), &[422]),
        (line(&format!(r#"{{"sku":"{sku}","quantity":4294967297}}"#)), &[422]),
        (line(&format!(r#"{{"sku":"{sku}","quantity":1e99}}"#)), &[400, 422]),
        (line(&format!(r#"{{"sku":"{sku}","quantity":1000}}"#)), &[409, 422]),
        (line(&format!(r#"{{"sku":"{sku}","quantity":1,"price":1}}"#)), &[422]),
        (line(&format!(r#"{{"sku":"{sku}","quantity":1,"unit_price":{{"amount":1,"currency":"EUR"}}}}"#)), &[422]),
        (line(r#"{"sku":"no such thing","quantity":1}"#), &[404]),
        (line(r#"{"sku":"' or 1=1 --","quantity":1}"#), &[404, 422]),
        (line("{\"sku\":\"a\\u0000b\",\"quantity\":1}"), &[404, 422]),
        (cart(r#"{"status":"confirmed"}"#), &[422]),
        (cart(r#"{"totals":{"total":{"amount":1,"currency":"EUR"}}}"#), &[422]),
        (cart(r#"{"customer_id":"00000000-0000-0000-0000-000000000000"}"#), &[422]),
        (cart(r#"{"email":"nobody"}"#), &[422]),
        (cart("{\"email\":\"a@example.org\\r\\nBcc: b@example.org\"}"), &[422]),
        (cart(r#"{"shipping_method":"rocket"}"#), &[422]),
        (cart(r#"{"shipping_address":{"name":"x"}}"#), &[422]),
        (cart(r#"{"coupons":["A","B","C","D","E","F"]}"#), &[422]),
        (buy(checkout), &[422]),
        (buy(card), &[422]),
        (buy(unknown), &[402, 422]),
        (buy(json!({ "cart_id": "nonsense", "payment": { "provider": "sandbox", "token": "tok_ok" } })), &[422]),
        (buy(json!({ "cart_id": before.id, "payment": { "provider": "none", "token": "tok_ok" } })), &[422]),
    ];
    for ((method, path, body), wanted) in table {
        let shown: String = body.chars().take(120).collect();
        let key = uuid::Uuid::new_v4().to_string();
        let headers = [JSON, ("idempotency-key", key.as_str())];
        let reply = world.shop.send(method.clone(), &path, &headers, Bytes::from(body)).await;
        assert!(wanted.contains(&reply.status.as_u16()), "{method} {shown}: {} {}", reply.status, reply.text());
        assert!(!reply.code().is_empty(), "{method} {shown}");
        assert!(!reply.text().contains("4111"), "a card number comes back");
    }
    let text = [("content-type", "text/plain")];
    let reply = world.shop.send(Method::POST, &lines, &text, Bytes::from_static(b"{}")).await;
    assert_eq!(reply.status, 415, "{}", reply.text());
    let forged = world.shop.send(Method::POST, "/webhooks/sandbox", &[JSON], Bytes::from_static(b"{}")).await;
    assert_eq!(forged.status, 401, "{}", forged.text());

    let after = guest.look().await;
    assert_eq!(
        (after.lines, after.totals, after.email),
        (before.lines, before.totals, before.email),
        "nothing changed"
    );
    assert_eq!(world.available(&lamp).await, 5);
    let placed = guest.checkout(tokens::OK).await.bought();
    assert_eq!(placed.order.status, souk_order_api::OrderStatus::Confirmed);
}

async fn foreign_ids(world: &World) {
    let lamp = world.product("Lamp", 2_000, 5).await;
    let (mut owner, mut thief) = (world.guest(), world.guest());
    owner.register().await;
    thief.register().await;
    owner.fill(&lamp.sku, 1).await;
    let cart = owner.cart_path().await;
    let line = owner.look().await.lines[0].id;
    // A customer's cart is theirs alone, even before a client that knows its id.
    let quantity = json!({ "quantity": 2 });
    let attempts: [(Method, String, Option<Value>); 5] = [
        (Method::GET, cart.clone(), None),
        (Method::PUT, cart.clone(), Some(json!({ "email": "thief@example.org" }))),
        (Method::POST, format!("{cart}/lines"), Some(json!({ "sku": lamp.sku, "quantity": 1 }))),
        (Method::PATCH, format!("{cart}/lines/{line}"), Some(quantity)),
        (Method::GET, format!("{cart}/shipping-methods"), None),
    ];
    for (method, path, body) in attempts {
        let reply = thief.send(method.clone(), &path, &[], body.as_ref()).await;
        assert_eq!(reply.status, 404, "{method} {path}: {}", reply.text());
        reply.code();
    }
    thief.cart = owner.cart;
    let stolen = thief.checkout(tokens::OK).await.refused();
    assert_eq!(stolen.status, 404, "{stolen:?}");

    let placed = owner.checkout(tokens::OK).await.bought();
    let path = format!("/api/v1/orders/{}", placed.order.id);
    let nowhere = "/api/v1/orders/00000000-0000-7000-8000-000000000000".to_owned();
    // Another last character, whichever it was.
    let (start, last) = placed.token.split_at(placed.token.len() - 1);
    let forged = format!("{path}?token={start}{}", if last == "x" { "y" } else { "x" });
    for path in [path.clone(), format!("{path}?token="), forged, nowhere, "/api/v1/orders/nonsense".into()] {
        let reply = thief.send(Method::GET, &path, &[], None).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
    }
    assert_eq!(thief.cancel(&placed.order).await.unwrap_err().status, 404);
    // No client says who it is by a header of ours.
    let claimed = [("x-souk-actor", "system"), ("x-souk-client-ip", "10.0.0.1")];
    let reply = world.shop.send(Method::GET, &path, &claimed, Bytes::new()).await;
    assert_eq!(reply.status, 404, "{}", reply.text());
    let bearer = [("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.")];
    let reply = world.shop.send(Method::GET, "/api/v1/orders", &bearer, Bytes::new()).await;
    assert_eq!(reply.status, 401, "{}", reply.text());
}

async fn tricky_paths(world: &World) {
    std::fs::write(world.data_dir().join("secret.txt"), "secret").unwrap();
    for path in [
        "/media/../master.key",
        "/media/%2e%2e/master.key",
        "/media/..%2fmaster.key",
        "/media/..%5cmaster.key",
        "/media/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/media/.",
        "/media/a%00.svg",
        "/media/art/../../master.key",
        "/assets/../Cargo.toml",
        "/rpc/order/v1/list",
        "/rpc/catalog/v1/put_products",
        "/metrics",
        "/readyz",
        "//etc/passwd",
    ] {
        let reply = world.shop.get(path).await;
        assert!(reply.status.is_client_error(), "{path}: {}", reply.status);
        assert!(!reply.text().contains("secret"), "{path}");
    }
    let rpc = world.shop.json(Method::POST, "/rpc/order/v1/list", &json!({ "limit": 10, "cursor": null })).await;
    assert!(rpc.status == 404 || rpc.status == 405, "contracts are not public: {} {}", rpc.status, rpc.text());
    let long = format!("/search?q={}", "a".repeat(10_000));
    assert!(world.shop.get(&long).await.status.is_client_error());
    let script = world.shop.get("/search?q=%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!script.text().contains("<script>alert"), "what was searched for is shown as text");
}
