//! The public surface as a whole: its description, its limits, what is not there.

use http::Method;
use serde_json::Value;
use souk_testkit::World;

everywhere!(souk_testkit::Options { demo_products: 30, ..crate::ordinary() }; description_is_complete, crowds_behind_one_address);

/// Searches from one address: an office, or a phone company.
const SEARCHES: usize = 135;

async fn description_is_complete(world: &World) {
    let document: Value = world.shop.get("/api/v1/openapi.json").await.json();
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() >= 15, "{paths:?}");
    let mut guest = world.guest();
    guest.register().await;
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operationId"));
            let reference = operation["responses"].as_object().unwrap_or_else(|| panic!("{id} has no responses"));
            assert!(!reference.is_empty(), "{id}");
            // Every route exists: with a parameter made up, it answers, but never with "no such route" or a fault.
            let real = path.replace(['{', '}'], "");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let reply = guest.send(method.clone(), &real, &[], None).await;
            assert!(reply.status != 405 && !reply.status.is_server_error(), "{method} {real}: {}", reply.status);
            let needs = operation["parameters"].as_array().is_some_and(|all| all.iter().any(|p| p["required"] == true));
            if method == Method::GET && !needs {
                assert!(reply.status.is_success(), "{method} {real}: {} {}", reply.status, reply.text());
            }
            let documented = reference.contains_key(reply.status.as_str()) || reference.contains_key("default");
            assert!(
                documented,
                "{method} {real} answers {}, which is not documented: {:?}",
                reply.status,
                reference.keys()
            );
        }
    }
    for path in ["/api", "/api/v1", "/api/v1/nothing", "/api/v2/products", "/api/v1/products/x/y", "/api/v1/staff"] {
        let reply = world.shop.get(path).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
        reply.code();
    }
    let reply = world.shop.send(Method::DELETE, "/api/v1/products", &[], bytes::Bytes::new()).await;
    assert_eq!(reply.status, 405, "{}", reply.text());
    references_resolve(&document, &document);
}

/// Every `$ref` of the document points at something in it.
fn references_resolve(document: &Value, part: &Value) {
    match part {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads elsewhere"));
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            map.values().for_each(|value| references_resolve(document, value));
        }
        Value::Array(items) => items.iter().for_each(|value| references_resolve(document, value)),
        _ => {}
    }
}

async fn crowds_behind_one_address(world: &World) {
    for number in 0..SEARCHES {
        let reply = world.shop.get(&format!("/api/v1/search?q=word{number}")).await;
        assert_eq!(reply.status, 200, "search {number}: {}", reply.text());
    }
    // One cart is one buyer: the eleventh attempt within a minute waits.
    let mut guest = world.guest();
    guest.cart_path().await;
    let mut last = None;
    for _ in 0..11 {
        last = Some(guest.checkout(souk_testkit::tokens::OK).await.refused());
    }
    let last = last.unwrap();
    assert_eq!(last.status, 429, "{last:?}");
    let mut other = world.guest();
    other.cart_path().await;
    assert_ne!(other.checkout(souk_testkit::tokens::OK).await.refused().status, 429, "others are not held up");
}
