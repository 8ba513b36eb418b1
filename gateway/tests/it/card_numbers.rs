//! Card-number guard: card numbers stay outside, and what only looks like one comes in.

use crate::client::{Reply, post, request};
use crate::shop::World;

const CARD: &str = "4111 1111 1111 1111";

const FORM: &str = "application/x-www-form-urlencoded";

fn typed(path: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: shop.test\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn refused(reply: &Reply, place: &str) {
    let told = reply.text();
    assert_eq!((reply.status, reply.code().as_str()), (422, "card_number_refused"), "{told}");
    assert!(told.contains(place), "{told}");
    assert!(!souk_kernel::pan::holds(&told), "{told}");
}

#[tokio::test]
async fn a_card_number_is_refused_wherever_it_stands() {
    let world = World::start().await;
    for path in
        ["/p/4111111111111111", "/p/4111-1111-1111-1111", "/p/4111%201111%201111%201111", "/p/%34111111111111111"]
    {
        refused(&world.get(path).await, "in the address");
        refused(&world.get(path).await, "in the address");
    }
    for query in
        ["q=4111+1111+1111+1111", "q=4111%201111%201111%201111", "utm_source=4111111111111111", "4111111111111111"]
    {
        refused(&world.get(&format!("/search?{query}")).await, "in the query");
        refused(&world.get(&format!("/p/bag?{query}")).await, "in the query");
    }
    for header in
        ["Idempotency-Key: 4111-1111-1111-1111", "User-Agent: 4111111111111111", "Referer: http://x/4111111111111111"]
    {
        let reply = world.post("/api/v1/checkout", &format!("{header}\r\n"), "{}").await;
        refused(&reply, &header.split(':').next().unwrap().to_lowercase());
    }
    for (body, pointer) in [
        (format!("{{\"payment\":{{\"token\":\"{CARD}\"}}}}"), "/payment/token"),
        ("{\"a\":[{\"b\":4111111111111111}]}".to_owned(), "/a/0/b"),
        ("{\"a\":\"\\u0034111111111111111\"}".to_owned(), "\"/a\""),
        (format!("{{\"{CARD}\":1}}"), "/[card number removed]"),
        (format!("[\"{CARD}\"]"), "\"/0\""),
        (format!("not json: {CARD}"), "in the body"),
    ] {
        refused(&world.post("/api/v1/checkout", "", &body).await, pointer);
        refused(&world.send(post("PATCH", "/api/v1/carts/x", "", &body)).await, pointer);
        refused(&world.send(typed("/cart", "text/plain", &body)).await, "in the body");
    }
    for body in ["line1=4111+1111+1111+1111", "line1=x&4111%2D1111%2D1111%2D1111=y", "a=%EF%BC%94111111111111111"] {
        for kind in [FORM, "Application/X-WWW-Form-Urlencoded; charset=utf-8"] {
            refused(&world.send(typed("/checkout/address", kind, body)).await, "in the form");
        }
    }
    assert_eq!(world.shop.renders(), 0, "nothing arrived behind the gateway");
    world.stop().await;
}

#[tokio::test]
async fn a_person_gets_a_page_that_says_what_to_do() {
    let world = World::start().await;
    let form = typed("/checkout/address", &format!("{FORM}\r\nAccept: text/html"), "line1=4111+1111+1111+1111");
    let page = world.send(form).await;
    assert_eq!((page.status, page.header("content-type")), (422, "text/html; charset=utf-8"));
    assert!(page.text().contains("card's number"), "{}", page.text());
    assert!(!souk_kernel::pan::holds(&page.text()));
    world.stop().await;
}

#[tokio::test]
async fn what_only_looks_like_a_card_number_comes_in() {
    let world = World::start().await;
    for path in [
        "/search?q=4006381333931",
        "/api/v1/search?q=4006381333931",
        "/api/v1/carts/41111111-1111-4111-8111-111111111111",
        "/api/v1/orders/S-1000001",
        "/p/shirt-4111111111111112",
    ] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    let body = "{\"phone\":\"+49 171 123456789\",\"barcode\":\"4006381333931\",\"at\":1700000000000000,\"sku\":\"A4111111111111111\"}";
    assert_eq!(world.post("/api/v1/checkout", "", body).await.status, 200);
    let id = "X-Request-Id: 4111-1111-1111-1111\r\n";
    let reply = world.get_with("/p/bag", id).await;
    assert_eq!(reply.status, 200);
    assert!(!souk_kernel::pan::holds(reply.header("x-request-id")), "a name of our own is taken instead");
    let cookie = "Cookie: other=4111111111111111\r\n";
    assert_eq!(world.send(request("GET", "/cart", cookie)).await.status, 200, "what another site's script left");
    world.stop().await;
}
