//! Pages that all visitors get: the same for all, and new as soon as what they show is.

use std::time::Duration;

use http::Method;
use souk_testkit::{Item, World, eventually};

everywhere!(crate::ordinary(); pages_follow_changes, pages_are_everybodys);

/// Purged by events within two seconds; the rest is for a machine that compiles beside the test. Without events a page
/// would stay for a minute.
const PURGED: Duration = Duration::from_secs(10);

async fn pages_follow_changes(world: &World) {
    let lamp = world.product("Lamp", 2_000, 1).await;
    shows(world, &lamp, "20.00", "the first price").await;
    let cached = world.shop.get("/p/lamp").await;
    assert!(cached.header("cache-control").contains("public"), "{:?}", cached.headers);
    world.price(&lamp, 3_100).await;
    shows(world, &lamp, "31.00", "a new price").await;
    world.describe("Lamp", "Lamp With A New Name").await;
    shows(world, &lamp, "Lamp With A New Name", "a new title").await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    guest.checkout(souk_testkit::tokens::OK).await.bought();
    shows(world, &lamp, "Sold out", "that it is sold out").await;
    world.stock(&lamp, 8).await;
    shows(world, &lamp, "Add to cart", "that there is more").await;
}

async fn shows(world: &World, item: &Item, text: &str, what: &str) {
    let path = format!("/p/{}", item.slug);
    eventually(&format!("the page shows {what}"), PURGED, || async {
        let page = world.shop.get(&path).await.text();
        if page.contains(text) { Ok(()) } else { Err(souk_testkit::text_of(&page)) }
    })
    .await;
    let json = eventually("the API shows the same", PURGED, || async {
        let reply = world.shop.get(&format!("/api/v1/products/{}", item.slug)).await;
        if reply.status == 200 { Ok(reply) } else { Err(reply.text()) }
    });
    json.await;
}

async fn pages_are_everybodys(world: &World) {
    let lamp = world.product("Lamp", 2_000, 5).await;
    let mut browser = world.browser();
    browser.add(&lamp.slug, &[]).await;
    browser.register("same@example.org", "").await;
    let cookie = |name: &str| format!("{name}={}", browser.cookie(name).expect("set by now"));
    let cookies = format!("{}; {}", cookie("souk_session"), cookie("souk_cart"));

    world.category_is_shown().await;
    for path in ["/", "/p/lamp", "/c/test-goods", "/search?q=lamp", "/help", "/api/v1/products", "/api/v1/categories"] {
        let anonymous = world.shop.get(path).await;
        assert_eq!(anonymous.status, 200, "{path}: {}", anonymous.text());
        let known = world.shop.send(Method::GET, path, &[("cookie", &cookies)], bytes::Bytes::new()).await;
        for reply in [&anonymous, &known] {
            assert!(!reply.headers.contains_key("set-cookie"), "{path} sets a cookie");
            assert!(reply.header("cache-control").contains("public"), "{path}: {:?}", reply.headers);
        }
        assert_eq!(anonymous.body, known.body, "{path} is not the same for everybody");
    }
    for path in ["/cart", "/account", "/fragments/header"] {
        let own = world.shop.send(Method::GET, path, &[("cookie", &cookies)], bytes::Bytes::new()).await;
        assert!(own.header("cache-control").contains("no-store"), "{path}: {:?}", own.headers);
    }
}
