//! Remote upstream: the same gateway in front of a role in another process.

use std::sync::Arc;

use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, serve};
use http::HeaderValue;
use souk_gateway::Upstream;
use souk_rpc::ActorKey;
use souk_rpc_http::{HttpTransport, Remote, accept};
use souk_web::Cached;
use tokio::net::TcpListener;

use crate::client::{Reply, post, request};
use crate::shop::{CUSTOMER, SESSION, Shop, World, shop};

async fn split() -> (World, Arc<Shop>) {
    split_by(async |shop, upstream| World::over(shop, upstream, |_| {}).await).await
}

pub async fn split_by(world: impl AsyncFnOnce(Arc<Shop>, Upstream) -> World) -> (World, Arc<Shop>) {
    let (shop, router) = shop();
    let key = ActorKey::new([9; 32]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = vec![listener.local_addr().unwrap().to_string()];
    let remote = Remote { role: "storefront", addresses };
    let upstream = Upstream::Remote(HttpTransport::plain(remote, key.clone()).into());
    let world = world(shop.clone(), upstream).await;
    let stop = world.tasks.token().clone();
    world.tasks.spawn("role", async move {
        let role = serve(listener, accept(router, key)).with_graceful_shutdown(stop.cancelled_owned());
        role.await.unwrap();
    });
    (world, shop)
}

#[tokio::test]
async fn the_actor_travels_signed_and_a_forged_one_does_not_arrive() {
    let (world, _) = split().await;
    let headers = format!(
        "Cookie: souk_session={SESSION}\r\nSec-Fetch-Site: same-origin\r\nX-Souk-Actor: forged\r\nX-Request-Id: abc\r\nIdempotency-Key: k\r\n"
    );
    let seen = world.post("/account", &headers, "{}").await.json();
    assert_eq!(seen["actor"], format!("customer:{CUSTOMER}"));
    assert_eq!((&seen["request_id"], &seen["key"], &seen["body"]), (&"abc".into(), &"k".into(), &2.into()));
    assert_eq!(seen["headers"]["host"], "shop.test", "forms are checked against the name the browser knows");
    assert_eq!(seen["headers"]["x-souk-client-ip"], "127.0.0.1");
    assert!(seen["seconds"].as_f64().unwrap() > 3.0);
    let seen = world.post("/account", "X-Souk-Actor: forged\r\n", "{}").await.json();
    assert_eq!(seen["actor"], "anonymous");
    world.stop().await;
}

#[tokio::test]
async fn pages_of_another_process_are_cached_and_purged_the_same() {
    let (world, shop) = split().await;
    let first = world.get("/p/bag").await;
    assert!(first.text().contains("render 1 for anonymous at public.test"), "{}", first.text());
    let gzip = world.get_with("/p/bag", "Accept-Encoding: gzip\r\n").await;
    assert_eq!((gzip.text(), gzip.header("content-encoding")), (first.text(), "gzip"));
    assert_eq!(world.send(request("HEAD", "/p/bag", "")).await.status, 200);
    world.gateway.cache().purge(&["product/bag"]);
    assert!(world.get("/p/bag").await.text().contains("render 2"));
    assert_eq!(shop.renders(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_role_is_asked_for_the_form_that_suits_and_its_visitor_gets_what_they_read() {
    let (world, _) = split().await;
    let asked = |reply: &Reply| reply.json()["headers"]["accept-encoding"].clone();
    let small = world.get_with("/account", "Accept-Encoding: br, gzip;q=0.5\r\n").await;
    assert_eq!((asked(&small), small.header("content-encoding")), ("gzip".into(), "gzip"));
    let plain = world.get_with("/account", "Accept-Encoding: br\r\n").await;
    assert_eq!((asked(&plain), plain.header("content-encoding")), (serde_json::Value::Null, ""));
    // Asked for by a shared render, hence small, and then for one visitor alone, who reads only what is plain.
    let alone = world.get("/p/sets-cookie").await;
    assert_eq!((alone.header("content-encoding"), alone.header("set-cookie")), ("", "a=b"));
    assert_eq!(alone.header("content-length"), alone.body.len().to_string());
    assert!(alone.text().starts_with("<h1>sets-cookie</h1>"));
    world.stop().await;
}

#[tokio::test]
async fn a_role_that_compresses_nothing_yet_is_compressed_for_and_a_damaged_form_is_not_shown() {
    let text = "<p>a product in a list</p>".repeat(200);
    let mut packed = souk_web::compress::gzip(text.as_bytes()).to_vec();
    let middle = packed.len() / 2;
    packed[middle] ^= 1;
    let page = |body: Vec<u8>, packed: bool| {
        move || async move {
            let page = Cached::bytes(HeaderValue::from_static("text/html"), body, &["page"]);
            if packed { ([("content-encoding", "gzip")], page).into_response() } else { page.into_response() }
        }
    };
    let router = Router::new()
        .route("/p/old", get(page(text.clone().into(), false)))
        .route("/p/none", get(page(text.clone().into(), true)))
        .route("/p/damaged", get(page(packed, true)));
    let world = World::over(shop().0, Upstream::Local(router), |_| {}).await;
    let gzip = world.get_with("/p/old", "Accept-Encoding: gzip\r\n").await;
    assert_eq!((gzip.header("content-encoding"), gzip.text()), ("gzip", text.clone()));
    assert_eq!(world.get("/p/old").await.text(), text);
    for path in ["/p/none", "/p/damaged"] {
        let reply = world.get(path).await;
        assert!(reply.status == 503 && !reply.text().contains("product"), "{path}: {}", reply.status);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_role_that_is_gone_is_unavailable_and_old_pages_stay() {
    let (shop, _) = shop();
    let remote = Remote { role: "storefront", addresses: vec!["127.0.0.1:1".into()] };
    let upstream = Upstream::Remote(HttpTransport::plain(remote, ActorKey::new([9; 32])).into());
    let world = World::over(shop, upstream, |_| {}).await;
    for raw in [request("GET", "/p/bag", ""), post("POST", "/cart", "", "{}")] {
        let reply = world.send(raw).await;
        assert_eq!((reply.status, reply.code().as_str()), (503, "upstream_unavailable"));
    }
    let person = world.get_with("/p/bag", "Accept: text/html,*/*\r\n").await;
    assert!(person.text().contains("Please try again"), "{}", person.text());
    world.stop().await;
}
