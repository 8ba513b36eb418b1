//! How often somebody may come, at a time of the test's own.

use souk_gateway::{Profile, Rate, Throttles};

use crate::client::{post, request};
use crate::shop::{SESSION, World};

#[tokio::test]
async fn an_address_has_a_rate_and_a_burst() {
    let world = World::with(|config| {
        config.throttles.address = Some(Rate { count: 2, per_seconds: 1, burst: 3 });
    })
    .await;
    for _ in 0..3 {
        assert_eq!(world.get("/p/bag").await.status, 200);
    }
    let refused = world.get("/p/bag").await;
    assert_eq!(
        (refused.status, refused.code().as_str(), refused.header("retry-after")),
        (429, "too_many_requests", "1")
    );
    let mut old = world.client().await;
    assert_eq!(old.send(request("GET", "/cart", "")).await.status, 429, "another connection, the same address");
    world.pass(1);
    assert_eq!(world.get("/p/bag").await.status, 200);
    assert_eq!(old.send(request("GET", "/cart", "")).await.status, 200);
    assert_eq!(world.get("/p/bag").await.status, 429);
    world.stop().await;
}

#[tokio::test]
async fn behind_a_proxy_every_client_has_an_address() {
    let world = World::with(|config| {
        config.trusted_proxies = vec!["127.0.0.1".into()];
        config.throttles.address = Some(Rate::of(1, 60));
    })
    .await;
    let mut client = world.client().await;
    for address in ["203.0.113.1", "203.0.113.2", "2001:db8::1"] {
        let from = format!("X-Forwarded-For: {address}\r\n");
        assert_eq!(client.send(request("GET", "/p/bag", &from)).await.status, 200, "{address}");
        assert_eq!(client.send(request("GET", "/p/bag", &from)).await.status, 429, "{address}");
    }
    let neighbour = "X-Forwarded-For: 2001:db8::ffff\r\n";
    assert_eq!(client.send(request("GET", "/p/bag", neighbour)).await.status, 429, "of the same subscriber");
    world.stop().await;
}

#[tokio::test]
async fn a_person_comparing_things_is_no_attack() {
    let world = World::start().await;
    let mut client = world.client().await;
    for n in 0..135 {
        let reply = client.send(request("GET", &format!("/api/v1/search?q=shoe{n}"), "")).await;
        assert_eq!(reply.status, 200, "search {n}");
    }
    let session = format!("Cookie: souk_session={SESSION}\r\n");
    for n in 0..30 {
        let path = format!("/search?q=shoe{n}");
        assert_eq!(client.send(request("GET", &path, &session)).await.status, 200, "search {n} of a session");
    }
    let refused = client.send(request("GET", "/api/v1/search?q=x", &session)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    assert_eq!(client.send(request("GET", "/p/bag", &session)).await.status, 200, "other pages are not searches");
    world.pass(10);
    assert_eq!(client.send(request("GET", "/search?q=x", &session)).await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn credentials_are_tried_twenty_times_a_minute() {
    let world = World::start().await;
    let mut client = world.client().await;
    for n in 0..20 {
        let path = if n % 2 == 0 { "/api/v1/auth/login" } else { "/login" };
        assert_eq!(client.send(post("POST", path, "", "{}")).await.status, 200);
    }
    assert_eq!(client.send(post("POST", "/api/v1/auth/login", "", "{}")).await.code(), "too_many_requests");
    assert_eq!(client.send(request("GET", "/login", "")).await.status, 200, "looking at the form is free");
    world.pass(3);
    assert_eq!(client.send(post("POST", "/api/v1/auth/login", "", "{}")).await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn checkouts_are_counted_per_owner_of_the_cart() {
    let world = World::start().await;
    let mut client = world.client().await;
    let of = |cart: &str| format!("{{\"cart_id\":\"{cart}\",\"payment\":{{}}}}");
    for _ in 0..10 {
        assert_eq!(client.send(post("POST", "/api/v1/checkout", "", &of("one"))).await.status, 200);
    }
    assert_eq!(client.send(post("POST", "/api/v1/checkout", "", &of("one"))).await.status, 429);
    assert_eq!(client.send(post("POST", "/api/v1/checkout", "", &of("two"))).await.status, 200);
    let bearer = format!("Authorization: Bearer {}\r\n", world.bearer());
    for n in 0..10 {
        let body = of(&n.to_string());
        assert_eq!(client.send(post("POST", "/api/v1/checkout", &bearer, &body)).await.status, 200);
    }
    let fresh = client.send(post("POST", "/api/v1/checkout", &bearer, &of("fresh"))).await;
    assert_eq!(fresh.status, 429, "a fresh cart does not make a fresh customer");
    world.stop().await;
}

#[tokio::test]
async fn coupon_codes_are_not_guessed() {
    let world = World::start().await;
    let mut client = world.client().await;
    let with = "{\"email\":\"a@b.example\",\"coupons\":[\"X\"]}";
    for _ in 0..10 {
        assert_eq!(client.send(post("PUT", "/api/v1/carts/one", "", with)).await.status, 200);
    }
    let refused = client.send(post("PUT", "/api/v1/carts/one", "", with)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "360"));
    for without in ["{\"email\":\"a@b.example\"}", "{\"coupons\":[]}", "{\"coupons\":null}", "not json"] {
        assert_eq!(client.send(post("PUT", "/api/v1/carts/one", "", without)).await.status, 200, "{without}");
    }
    assert_eq!(client.send(post("PUT", "/api/v1/carts/two", "", with)).await.status, 200);
    let form = "Cookie: souk_cart=three\r\n";
    for _ in 0..10 {
        assert_eq!(client.send(post("POST", "/cart/coupon", form, "code=X")).await.status, 200);
    }
    assert_eq!(client.send(post("POST", "/cart/coupon", form, "code=X")).await.status, 429);
    world.stop().await;
}

#[tokio::test]
async fn profiles_say_what_is_off() {
    let world = World::with(|config| config.throttles = Throttles::profile(Profile::Off)).await;
    let mut client = world.client().await;
    for _ in 0..1_100 {
        assert_eq!(client.send(post("POST", "/login", "", "{}")).await.status, 200);
    }
    world.stop().await;
    let none =
        souk_gateway::Throttles { login: Some(Rate { count: 0, per_seconds: 1, burst: 1 }), ..Throttles::default() };
    let config: souk_gateway::GatewayConfig = serde_json::from_value(serde_json::json!({ "throttles": none })).unwrap();
    assert_eq!(config.throttles.login.unwrap().count, 0);
}
