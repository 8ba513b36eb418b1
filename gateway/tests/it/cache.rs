//! Page cache: whose answers are kept, for how long, and what ends them.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;

use crate::client::request;
use crate::shop::{SESSION, World};

#[tokio::test]
async fn a_public_page_is_rendered_once_for_all() {
    let world = World::start().await;
    let first = world.get("/p/bag").await;
    assert_eq!((first.status, first.header("age")), (200, "0"));
    assert!(first.text().contains("render 1 for anonymous at public.test"), "{}", first.text());
    world.pass(7);
    let cookies = format!("Cookie: souk_session={SESSION}; souk_cart=x\r\nX-Forwarded-Host: evil.test\r\n");
    let second = world.get_with("/p/bag?utm_source=mail", &cookies).await;
    assert_eq!(second.text(), first.text());
    assert_eq!(second.header("age"), "7");
    assert_eq!(second.header("cache-control"), "public, max-age=60", "a browser cannot be purged");
    assert_ne!(second.header("x-request-id"), first.header("x-request-id"));
    for internal in ["surrogate-key", "set-cookie"] {
        assert_eq!(second.header(internal), "");
    }
    assert_eq!(world.shop.renders(), 1);
    let stats = world.gateway.cache().stats();
    assert_eq!((stats.hits, stats.misses, stats.entries), (1, 1, 1));
    world.stop().await;
}

#[tokio::test]
async fn a_visitor_with_cookies_fills_the_cache_with_the_shared_page() {
    let world = World::start().await;
    let session = format!("Cookie: souk_session={SESSION}\r\n");
    let first = world.get_with("/p/a", &session).await;
    assert!(first.text().contains("for customer:"), "nothing is known of /p yet: {}", first.text());
    let anonymous = world.get_with("/p/a", "").await;
    assert!(anonymous.text().contains("for anonymous at public.test cookies false"), "{}", anonymous.text());
    let other = world.get_with("/p/b", &session).await;
    assert!(other.text().contains("for anonymous at public.test cookies false"), "{}", other.text());
    assert_eq!(world.get("/p/b").await.text(), other.text());
    assert_eq!(world.shop.renders(), 3);
    world.stop().await;
}

#[tokio::test]
async fn forms_of_one_page() {
    let world = World::start().await;
    let plain = world.get("/p/bag").await;
    let gzip = world.get_with("/p/bag", "Accept-Encoding: gzip, deflate, br\r\n").await;
    assert_eq!((plain.header("content-encoding"), gzip.header("content-encoding")), ("", "gzip"));
    assert!(gzip.body.len() * 4 < plain.body.len());
    assert_eq!(gzip.text(), plain.text());
    assert_eq!((plain.header("vary"), gzip.header("vary")), ("accept-encoding", "accept-encoding"));
    let etag = gzip.header("etag");
    let unchanged = world.get_with("/p/bag", &format!("If-None-Match: \"x\", {etag}\r\n")).await;
    assert_eq!((unchanged.status, unchanged.body.len(), unchanged.header("etag")), (304, 0, etag));
    assert_eq!(world.get_with("/p/bag", "If-None-Match: \"x\"\r\n").await.status, 200);
    let mut client = world.client().await;
    for encoding in ["", "Accept-Encoding: gzip\r\n"] {
        let head = client.send(request("HEAD", "/p/bag", encoding)).await;
        let expected = if encoding.is_empty() { plain.body.len() } else { gzip.body.len() };
        assert_eq!((head.status, head.header("content-length")), (200, expected.to_string().as_str()));
    }
    assert_eq!(client.send(request("GET", "/p/bag", "")).await.text(), plain.text(), "HEAD left nothing behind");
    assert_eq!(world.shop.renders(), 1);
    let tiny = world.get_with("/p/tiny", "Accept-Encoding: gzip\r\n").await;
    assert_eq!((tiny.header("content-encoding"), tiny.text().as_str()), ("", "tiny"));
    let head_first = world.send(request("HEAD", "/p/new", "")).await;
    assert_eq!(head_first.status, 200);
    assert_eq!(world.get("/p/new").await.body.len().to_string(), head_first.header("content-length"));
    assert_eq!(world.shop.renders(), 3, "HEAD and GET are one page");
    world.stop().await;
}

#[tokio::test]
async fn a_purge_ends_a_page_and_its_neighbours_stay() {
    let world = World::start().await;
    let cache = world.gateway.cache();
    world.get("/p/a").await;
    world.get("/p/b").await;
    cache.purge(&["product/a".to_owned()]);
    assert!(world.get("/p/a").await.text().contains("render 3"));
    assert!(world.get("/p/b").await.text().contains("render 2"));
    world.pass(10);
    cache.purge(&["page"]);
    assert!(world.get("/p/b").await.text().contains("render 4"));
    world.stop().await;
}

#[tokio::test]
async fn a_purge_during_a_render_wins() {
    let world = World::start().await;
    world.shop.close_gate();
    let mut early = world.client().await;
    early.write(request("GET", "/p/bag", "")).await;
    world.shop.rendering(1).await;
    world.gateway.cache().purge(&["product/bag"]);
    let mut late = world.client().await;
    late.write(request("GET", "/p/bag", "")).await;
    world.shop.open_gate();
    assert!(early.read(false).await.unwrap().text().contains("render 1"), "asked before the purge");
    assert!(late.read(false).await.unwrap().text().contains("render 2"), "asked after it");
    assert!(world.get("/p/bag").await.text().contains("render 2"), "and what was older is not kept");
    world.stop().await;
}

#[tokio::test]
async fn the_first_renders_and_the_others_wait() {
    let world = World::start().await;
    world.shop.close_gate();
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = world.client().await;
        client.write(request("GET", "/p/bag", "")).await;
        clients.push(client);
    }
    world.shop.rendering(1).await;
    drop(clients.remove(0));
    world.shop.open_gate();
    let replies = join_all(clients.iter_mut().map(|client| client.read(false))).await;
    assert!(replies.into_iter().all(|reply| reply.unwrap().text().contains("render 1")));
    assert_eq!(world.shop.renders(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_stale_page_is_shown_while_one_new_one_is_made() {
    let world = World::start().await;
    world.get("/p/bag").await;
    world.pass(61);
    world.shop.close_gate();
    let replies = join_all((0..10).map(|_| world.get("/p/bag"))).await;
    assert!(replies.iter().all(|reply| reply.text().contains("render 1") && reply.header("age") == "61"));
    world.shop.rendering(2).await;
    world.shop.open_gate();
    loop {
        let reply = world.get("/p/bag").await;
        if reply.text().contains("render 2") {
            break;
        }
        assert!(reply.text().contains("render 1"));
        tokio::task::yield_now().await;
    }
    assert_eq!(world.shop.renders(), 2, "one render for ten visitors");
    world.stop().await;
}

#[tokio::test]
async fn an_old_page_is_better_than_an_error_unless_it_was_purged() {
    let world = World::start().await;
    world.get("/p/bag").await;
    world.pass(10_000);
    world.shop.failing.store(true, Ordering::SeqCst);
    let old = world.get("/p/bag").await;
    assert_eq!((old.status, old.header("age")), (200, "10000"));
    world.gateway.cache().purge(&["product/bag"]);
    assert_eq!(world.get("/p/bag").await.status, 503);
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_public_is_not_stored() {
    let world = World::start().await;
    for n in 1..=3 {
        assert_eq!(world.get("/account").await.json()["actor"], "anonymous");
        assert_eq!(world.shop.renders(), n);
    }
    for _ in 0..2 {
        let reply = world.get("/p/sets-cookie").await;
        assert_eq!((reply.header("set-cookie"), reply.header("cache-control")), ("a=b", "no-store"));
    }
    assert_eq!(world.shop.renders(), 5);
    world.shop.failing.store(true, Ordering::SeqCst);
    assert_eq!(world.get("/p/broken").await.status, 503);
    assert_eq!(world.get("/p/broken").await.status, 503);
    assert_eq!(world.shop.renders(), 7);
    assert_eq!(world.gateway.cache().stats().entries, 0);
    world.stop().await;
}

#[tokio::test]
async fn an_absence_is_remembered_for_seconds() {
    let world = World::start().await;
    assert_eq!(world.get("/p/gone").await.status, 404);
    world.pass(9);
    assert_eq!(world.get("/p/gone").await.status, 404);
    assert_eq!(world.shop.renders(), 1);
    world.pass(2);
    world.get("/p/gone").await;
    assert_eq!(world.shop.renders(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_query_is_part_of_the_name_whatever_its_order() {
    let world = World::start().await;
    let one = world.get("/p/bag?b=2&a=1").await;
    assert!(one.text().contains("query a=1&b=2 "), "rendered under its own name: {}", one.text());
    assert_eq!(world.get("/p/bag?a=1&b=2").await.text(), one.text());
    assert_eq!(world.shop.renders(), 1);
    world.get("/p/bag?a=1&b=3").await;
    assert_eq!(world.shop.renders(), 2);
    let long = format!("/p/bag?q={}", "x".repeat(2000));
    assert_eq!(world.get(&long).await.status, 200);
    world.get(&long).await;
    assert_eq!(world.shop.renders(), 4, "what has too long a name is not kept");
    world.stop().await;
}

#[tokio::test]
async fn ranges_and_bearers_go_past_the_cache() {
    let world = World::start().await;
    world.get("/p/bag").await;
    assert!(world.get_with("/p/bag", "Range: bytes=0-1\r\n").await.text().contains("render 2"));
    let bearer = format!("Authorization: Bearer {}\r\n", world.bearer());
    assert!(world.get_with("/p/bag", &bearer).await.text().contains("render 3 for customer:"));
    assert!(world.get("/p/bag").await.text().contains("render 1"));
    world.stop().await;
}
