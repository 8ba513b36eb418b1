//! Methods, host names, encodings and origins (CORS) at the edge.

use crate::client::{post, request};
use crate::shop::World;

#[tokio::test]
async fn a_resource_says_which_methods_it_knows() {
    let world = World::start().await;
    for (method, path, status, allow) in [
        ("OPTIONS", "/p/bag", 204, "GET,HEAD,OPTIONS"),
        ("OPTIONS", "/api/v1/openapi.json", 204, "GET,HEAD,OPTIONS"),
        ("OPTIONS", "/livez", 404, ""),
        ("POST", "/p/bag", 405, "GET,HEAD,OPTIONS"),
        ("DELETE", "/api/v1/openapi.json", 405, "GET,HEAD,OPTIONS"),
        ("TRACE", "/p/bag", 405, "GET,HEAD,OPTIONS"),
        ("PROPFIND", "/p/bag", 405, "GET,HEAD,OPTIONS"),
        ("PROPFIND", "/livez", 404, ""),
    ] {
        let reply = world.send(request(method, path, "")).await;
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(reply.header("allow").replace(' ', ""), allow, "{method} {path}");
    }
    let server = world.send("OPTIONS * HTTP/1.1\r\nHost: shop.test\r\n\r\n").await;
    assert_eq!((server.status, server.header("allow")), (204, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    assert_eq!(world.shop.renders(), 0, "no page was made for any of it");
    let head = world.send(request("HEAD", "/p/bag", "")).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    world.stop().await;
}

#[tokio::test]
async fn a_host_is_a_name_or_an_address_and_nothing_else() {
    let world = World::start().await;
    let with = |host: &str| format!("GET /p/bag HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for fine in
        ["shop.test", "shop.test:8080", "127.0.0.1:80", "[::1]:8080", "[::1]", "xn--bcher-kva.example", "a_b.test"]
    {
        assert_eq!(world.send(with(fine)).await.status, 200, "{fine}");
    }
    for bad in [
        "shop test",
        "user@shop.test",
        "user:secret@shop.test",
        "shop.test:80a",
        "",
        ":80",
        "[::1",
        "shop.test/x",
        "a,b",
    ] {
        let reply = world.send(with(bad)).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "bad_host"), "{bad:?}");
    }
    let absolute = "GET http://user@shop.test/p/bag HTTP/1.1\r\nHost: shop.test\r\n\r\n";
    assert_eq!(world.send(absolute).await.status, 400);
    world.stop().await;
}

#[tokio::test]
async fn compressed_bodies_are_refused_with_what_is_taken() {
    let world = World::start().await;
    for encoding in ["gzip", "br", "gzip, identity", "x"] {
        let reply = world.post("/cart", &format!("Content-Encoding: {encoding}\r\n"), "{}").await;
        assert_eq!((reply.status, reply.header("accept-encoding")), (415, "identity"), "{encoding}");
        assert_eq!(reply.code(), "unsupported_content_encoding");
    }
    assert_eq!(world.post("/cart", "Content-Encoding: identity\r\n", "{}").await.status, 200);
    assert_eq!(world.shop.renders(), 1);
    world.stop().await;
}

#[tokio::test]
async fn parameters_that_a_page_does_not_know_make_no_page() {
    let world = World::start().await;
    let page = world.get("/p/bag?a=1").await.text();
    for n in 0..50 {
        assert_eq!(world.get(&format!("/p/bag?a=1&made-up-{n}={n}&utm_source=x")).await.text(), page);
    }
    assert_eq!((world.shop.renders(), world.gateway.cache().stats().entries), (1, 1), "51 and 51 before");
    world.stop().await;
}

/// A guest opens the link in a mail: no cookie, and the token is all there is.
#[tokio::test]
async fn a_personal_page_gets_all_parameters() {
    let world = World::start().await;
    for path in ["/orders/1?token=secret", "/account?next=%2Fcart", "/cart?b=1&a=2"] {
        for _ in 0..2 {
            assert_eq!(world.get(path).await.json()["uri"], path, "without its query when names leave some out");
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn other_origins_read_the_api_only_when_they_are_named() {
    let asked = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n\
                 Access-Control-Request-Headers: content-type\r\n";
    let closed = World::start().await;
    let preflight = closed.send(request("OPTIONS", "/api/v1/carts", asked)).await;
    assert_eq!(preflight.header("access-control-allow-origin"), "");
    closed.stop().await;

    let world = World::with(|config| config.cors.origins = vec!["https://app.example".into()]).await;
    let preflight = world.send(request("OPTIONS", "/api/v1/carts", asked)).await;
    assert_eq!((preflight.status, world.shop.renders()), (204, 0));
    assert_eq!(preflight.header("access-control-allow-origin"), "https://app.example");
    assert!(preflight.header("access-control-allow-methods").contains("PATCH"));
    assert!(preflight.header("access-control-allow-headers").contains("idempotency-key"));
    assert_eq!((preflight.header("access-control-max-age"), preflight.header("vary")), ("600", "origin"));
    assert_eq!(preflight.header("access-control-allow-credentials"), "", "cookies are never shared");

    let origin = |name: &str| format!("Origin: {name}\r\n");
    let ours = world.send(post("POST", "/api/v1/carts", &origin("https://app.example"), "{}")).await;
    assert_eq!(ours.header("access-control-allow-origin"), "https://app.example");
    assert!(ours.header("access-control-expose-headers").contains("etag"));
    let refused = world.get_with("/api/v1/nothing", &origin("https://app.example")).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (404, "https://app.example"));
    for stranger in ["https://app.example.evil.test", "null", "http://app.example"] {
        let reply = world.get_with("/api/v1/products/bag", &origin(stranger)).await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, ""), "{stranger}");
        let mut vary = reply.headers.get_all("vary").iter();
        assert!(vary.any(|value| value == "origin"), "a cache must not show it to others as theirs");
    }
    assert_eq!(
        world.get_with("/p/bag", &origin("https://app.example")).await.header("access-control-allow-origin"),
        ""
    );
    world.stop().await;

    let open = World::with(|config| config.cors.origins = vec!["*".into()]).await;
    assert_eq!(open.get_with("/api/v1/products/bag", &origin("null")).await.header("access-control-allow-origin"), "*");
    open.stop().await;
}
