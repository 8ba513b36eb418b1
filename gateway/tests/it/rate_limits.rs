//! Rate limits, at a time of the test's own.

use souk_gateway::{By, Gateway, GatewayConfig, Profile, Rate, RouteThrottle, Throttles};

use crate::client::{post, request};
use crate::shop::{SESSION, World};

/// A cart's id.
fn cart(number: u128) -> String {
    uuid::Uuid::from_u128(0xabcd_0000 + number).to_string()
}

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
        assert_eq!(client.send(post("POST", "/api/v1/checkout", "", &of(&cart(1)))).await.status, 200);
    }
    assert_eq!(client.send(post("POST", "/api/v1/checkout", "", &of(&cart(1)))).await.status, 429);
    assert_eq!(client.send(post("POST", "/api/v1/checkout", "", &of(&cart(2)))).await.status, 200);
    let bearer = format!("Authorization: Bearer {}\r\n", world.bearer());
    for n in 0..10 {
        let body = of(&cart(n));
        assert_eq!(client.send(post("POST", "/api/v1/checkout", &bearer, &body)).await.status, 200);
    }
    let fresh = client.send(post("POST", "/api/v1/checkout", &bearer, &of(&cart(3)))).await;
    assert_eq!(fresh.status, 429, "a fresh cart does not make a fresh customer");
    world.stop().await;
}

#[tokio::test]
async fn coupon_codes_are_not_guessed() {
    let world = World::start().await;
    let mut client = world.client().await;
    let path = |number: u128| format!("/api/v1/carts/{}", cart(number));
    let with = "{\"email\":\"a@b.example\",\"coupons\":[\"X\"]}";
    for _ in 0..5 {
        assert_eq!(client.send(post("PUT", &path(1), "", with)).await.status, 200);
        assert_eq!(client.send(post("PATCH", &path(1), "", with)).await.status, 200);
    }
    let refused = client.send(post("PUT", &path(1), "", with)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "360"));
    for without in ["{\"email\":\"a@b.example\"}", "{\"coupons\":[ ]}", "{\"coupons\":null}"] {
        assert_eq!(client.send(post("PUT", &path(1), "", without)).await.status, 200, "{without}");
    }
    for _ in 0..2 {
        let five = "{\"coupons\":[\"A\",\"B\",\"C\",\"D\",\"E\"]}";
        assert_eq!(client.send(post("PUT", &path(2), "", five)).await.status, 200);
    }
    assert_eq!(client.send(post("PUT", &path(2), "", with)).await.status, 429, "five codes are five tries");
    let form = format!("Cookie: souk_cart={}\r\n", cart(3));
    for _ in 0..10 {
        assert_eq!(client.send(post("POST", "/cart/coupon", &form, "code=X")).await.status, 200);
    }
    assert_eq!(client.send(post("POST", "/cart/coupon", &form, "code=X")).await.status, 429);
    world.stop().await;
}

/// The services behind take all of these for a try, or refuse them; the control is what the gateway let through when it read
/// bodies and paths in its own way: all 2,400.
#[tokio::test]
async fn no_form_of_a_guess_goes_uncounted() {
    let world = World::start().await;
    let mut client = world.client().await;
    let id = cart(1);
    let spellings =
        [id.clone(), id.to_uppercase(), id.replace('-', ""), id.replace('0', "%30"), id.replace('-', "%2D")];
    let bodies = [
        r#"[null,null,null,["X"]]"#,
        r#"{"coupons":[],"coupons":["X"]}"#,
        r#"{"\u0063oupons":["X"]}"#,
        r#"{"coupons":["X"],}"#,
    ];
    let mut let_in = 0;
    for n in 0..2_400 {
        let path = format!("/api/v1/carts/{}", spellings[n % spellings.len()]);
        let status = client.send(post("PUT", &path, "", bodies[n / 5 % bodies.len()])).await.status;
        assert!(matches!(status, 200 | 429), "{status}");
        let_in += usize::from(status == 200);
        if n % 190 == 0 {
            world.pass(1);
        }
    }
    assert_eq!(let_in, 10);
    world.stop().await;
}

#[tokio::test]
async fn a_cart_is_one_owner_however_it_is_written() {
    let world = World::start().await;
    let mut client = world.client().await;
    let id = cart(1);
    let spellings = [id.clone(), id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}")];
    for n in 0..12 {
        let body = format!("{{\"cart_id\":\"{}\"}}", spellings[n % 4]);
        let status = client.send(post("POST", "/api/v1/checkout", "", &body)).await.status;
        assert_eq!(status, if n < 10 { 200 } else { 429 }, "{body}");
    }
    for n in 0..12 {
        let body = format!("[\"{}\", {{\"provider\":\"sandbox\"}}]", cart(100 + n));
        let status = client.send(post("POST", "/api/v1/checkout", "", &body)).await.status;
        assert_eq!(status, if n < 10 { 200 } else { 429 }, "what cannot be read is the address': {body}");
    }
    world.stop().await;
}

#[tokio::test]
async fn the_same_try_again_is_no_new_checkout() {
    let world = World::start().await;
    let body = format!("{{\"cart_id\":\"{}\"}}", cart(1));
    let again: Vec<_> = (0..50).map(|_| world.post("/api/v1/checkout", "Idempotency-Key: one\r\n", &body)).collect();
    let replies = futures_util::future::join_all(again).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 50, "the control: 10 when each counted");
    let mut client = world.client().await;
    for n in 0..10 {
        let key = format!("Idempotency-Key: other-{n}\r\n");
        let status = client.send(post("POST", "/api/v1/checkout", &key, &body)).await.status;
        assert_eq!(status, if n < 9 { 200 } else { 429 }, "{n}");
    }
    world.stop().await;
}

#[tokio::test]
async fn searches_of_guests_and_of_made_up_sessions_are_counted() {
    let world = World::start().await;
    let mut client = world.client().await;
    let mut refused = 0;
    for n in 0..700 {
        let cookie = match n % 2 {
            0 => String::new(),
            _ => format!("Cookie: souk_session=made-up-{n}\r\n"),
        };
        refused += usize::from(client.send(request("GET", &format!("/search?q={n}"), &cookie)).await.status == 429);
    }
    assert_eq!(refused, 100, "the control: 0 when only sessions were counted");
    world.pass(60);
    let bearer = format!("Authorization: Bearer {}\r\n", world.bearer());
    for n in 0..31 {
        let status = client.send(request("GET", &format!("/api/v1/search?q={n}"), &bearer)).await.status;
        assert_eq!(status, if n < 30 { 200 } else { 429 }, "{n} of a token");
    }
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
}

fn route(path: &str, methods: &[&str], by: By, rate: Rate) -> RouteThrottle {
    let methods = methods.iter().map(|method| (*method).to_owned()).collect();
    RouteThrottle { path: path.into(), methods, by, rate }
}

#[tokio::test]
async fn a_person_has_one_allowance_wherever_they_come_from() {
    let world = World::with(|config| {
        config.trusted_proxies = vec!["127.0.0.1".into()];
        config.throttles.user = Some(Rate::of(4, 60));
    })
    .await;
    let mut client = world.client().await;
    let cookie = format!("Cookie: souk_session={SESSION}\r\n");
    for n in 0..2 {
        let from = format!("{cookie}X-Forwarded-For: 203.0.113.{n}\r\n");
        assert_eq!(client.send(request("GET", "/account", &from)).await.status, 200);
    }
    // By token it is the same person.
    let bearer = || {
        world.pass(1);
        format!("Authorization: Bearer {}\r\n", world.bearer())
    };
    assert_eq!(client.send(request("GET", "/api/v1/me", &bearer())).await.status, 200);
    assert_eq!(client.send(request("GET", "/api/v1/me", &bearer())).await.status, 200);
    let refused = client.send(request("GET", "/api/v1/me", &bearer())).await;
    assert_eq!((refused.status, refused.header("ratelimit-policy")), (429, "\"user\";q=4;w=60"));
    assert_eq!(client.send(request("GET", "/account", "")).await.status, 200, "another customer");
    world.stop().await;
}

#[tokio::test]
async fn a_token_has_an_allowance_before_it_is_looked_at() {
    let world = World::with(|config| config.throttles.token = Some(Rate::of(3, 60))).await;
    let mut client = world.client().await;
    let forged = "Authorization: Bearer x.y.z\r\n";
    for status in [401, 401, 401, 429] {
        assert_eq!(client.send(request("GET", "/api/v1/me", forged)).await.status, status);
    }
    let good = format!("Authorization: Bearer {}\r\n", world.bearer());
    assert_eq!(client.send(request("GET", "/api/v1/me", &good)).await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn a_route_has_a_rate_by_whom_the_settings_say() {
    let twice = Rate::of(2, 60);
    let world = World::with(|config| {
        config.trusted_proxies = vec!["127.0.0.1".into()];
        config.throttles.routes = vec![
            route("/p/*", &[], By::Address, twice),
            route("/account/{what}", &["POST"], By::User, twice),
            route("/api/v1/carts/{id}/lines", &["POST"], By::Owner, twice),
            route("/api/v1/me", &[], By::Token, twice),
            route("/help", &["GET"], By::All, twice),
        ];
    })
    .await;
    let mut client = world.client().await;
    let mut statuses = async |method: &str, path: &str, headers: &[String]| {
        let mut statuses = Vec::new();
        for headers in headers {
            let raw = if method == "GET" { request("GET", path, headers) } else { post(method, path, headers, "{}") };
            statuses.push(client.send(raw).await.status);
        }
        statuses
    };
    let from = |address: &str| format!("X-Forwarded-For: {address}\r\n");
    let (one, other) = (from("203.0.113.1"), from("203.0.113.2"));
    let three = |headers: &str| vec![headers.to_owned(); 3];
    let refused = vec![200, 200, 429];
    // Also what is answered from memory.
    assert_eq!(statuses("GET", "/p/bag", &three(&one)).await, refused);
    assert_eq!(statuses("GET", "/p/hat", &three(&other)).await, refused, "another address");
    let session = format!("Cookie: souk_session={SESSION}\r\nSec-Fetch-Site: same-origin\r\n");
    let moving: Vec<String> = (1..4).map(|n| session.clone() + &from(&format!("203.0.113.{n}"))).collect();
    assert_eq!(statuses("POST", "/account/name", &moving).await, refused, "the person, not the address");
    assert_eq!(statuses("GET", "/account/name", &moving).await, [200, 200, 200], "another method");
    assert_eq!(statuses("POST", "/account/name/more", &moving).await, [200, 200, 200], "not below it");
    assert_eq!(statuses("POST", &format!("/api/v1/carts/{}/lines", cart(1)), &three(&one)).await, refused);
    assert_eq!(
        statuses("POST", &format!("/api/v1/carts/{}/lines", cart(2)), &three(&one)).await,
        refused,
        "another cart"
    );
    let tokens: Vec<String> = (0..2)
        .map(|_| {
            world.pass(1);
            format!("Authorization: Bearer {}\r\n", world.bearer())
        })
        .collect();
    for token in &tokens {
        assert_eq!(statuses("GET", "/api/v1/me", &three(token)).await, refused, "each token");
    }
    assert_eq!(statuses("GET", "/help", &[one, other, from("203.0.113.3")]).await, refused, "all together");
    world.stop().await;
}

#[tokio::test]
async fn programs_are_told_what_is_left() {
    let world = World::with(|config| {
        config.throttles.address = Some(Rate { count: 10, per_seconds: 1, burst: 20 });
        config.throttles.routes = vec![route("/api/v1/orders/*", &[], By::Address, Rate::of(5, 60))];
    })
    .await;
    let mut client = world.client().await;
    let left = |reply: &crate::client::Reply| {
        (reply.header("ratelimit-policy").to_owned(), reply.header("ratelimit").to_owned())
    };
    let told = |policy: &str, left: &str| (policy.to_owned(), left.to_owned());
    let reply = client.send(request("GET", "/api/v1/carts/a", "")).await;
    assert_eq!(left(&reply), told("\"address\";q=20;w=2", "\"address\";r=19;t=1"));
    let reply = client.send(request("GET", "/api/v1/orders/a", "")).await;
    assert_eq!(left(&reply), told("\"route\";q=5;w=60", "\"route\";r=4;t=12"), "the one that has least left");
    let page = client.send(request("GET", "/cart", "")).await;
    assert_eq!(left(&page), told("", ""), "people do not read headers");
    let shared = client.send(request("GET", "/p/bag", "")).await;
    assert_eq!(left(&shared), told("", ""), "and a public answer says nothing of one client");
    for _ in 0..4 {
        client.send(request("GET", "/api/v1/orders/a", "")).await;
    }
    let refused = client.send(request("GET", "/api/v1/orders/a", "")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "12"));
    assert_eq!(left(&refused), told("\"route\";q=5;w=60", "\"route\";r=0;t=12"));
    world.stop().await;
}

#[tokio::test]
async fn a_gateway_does_not_start_with_what_lets_nobody_in() {
    let mut config = GatewayConfig::default();
    config.throttles.login = Some(Rate { count: 0, per_seconds: 1, burst: 1 });
    let refused = Gateway::new(config, crate::shop::deps()).err().unwrap().to_string();
    assert!(refused.contains("throttle.login"), "{refused}");
}
