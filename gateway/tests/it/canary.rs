//! Canary releases: which visitors get the new version and which the old one, what is cached for whom, and what happens when
//! it is sick.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::{HeaderValue, StatusCode};
use souk_eventually::eventually;
use souk_gateway::{CanaryConfig, Upstream};
use souk_rpc::ActorKey;
use souk_rpc_http::{HttpTransport, Remote, accept};
use souk_web::Cached;
use tokio::net::TcpListener;

use crate::client::{Reply, post};
use crate::shop::World;

/// A version of the shop that says its name.
struct Version {
    name: &'static str,
    asked: AtomicUsize,
    failing: AtomicBool,
}

impl Version {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, asked: AtomicUsize::new(0), failing: AtomicBool::new(false) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn router(self: &Arc<Self>) -> Router {
        let own = format!("/assets/souk.{}.css", self.name);
        Router::new()
            .route("/p/{slug}", get(page))
            .route(&own, get(page))
            .route("/assets/{*other}", get(async || StatusCode::NOT_FOUND))
            .fallback(any(personal))
            .with_state(self.clone())
    }

    fn note(&self) -> Option<Response> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.failing.load(Ordering::SeqCst).then(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }
}

async fn page(State(version): State<Arc<Version>>, request: Request) -> Response {
    let broken = version.note();
    let text = format!("{} of {}", request.uri().path(), version.name);
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    broken.unwrap_or_else(|| Cached::bytes(html, text, &["product/bag".to_owned()]).into_response())
}

async fn personal(State(version): State<Arc<Version>>, request: Request) -> Response {
    let broken = version.note();
    let told = request.headers().keys().any(|name| name.as_str().starts_with("souk-canary"));
    broken.unwrap_or_else(|| souk_web::no_store(&format!("{} told {told}", version.name)).into_response())
}

fn config(percent: f64) -> CanaryConfig {
    let header = Some("souk-canary".to_owned());
    CanaryConfig { role: "storefront".into(), addresses: vec!["127.0.0.1:1".into()], percent, header }
}

async fn split(percent: f64) -> (World, Arc<Version>, Arc<Version>) {
    let (old, new) = (Version::new("old"), Version::new("new"));
    let canaries = vec![(config(percent), Upstream::Local(new.router()))];
    let world = World::with_canaries(Upstream::Local(old.router()), canaries).await;
    (world, old, new)
}

const ALWAYS: &str = "Souk-Canary: always\r\n";
const NEVER: &str = "Souk-Canary: never\r\n";
const BROWSER: &str = "Accept: text/html,*/*\r\n";

fn cohort(reply: &Reply) -> Option<String> {
    let cookie = reply.header("set-cookie").strip_prefix("souk_cohort=")?;
    Some(cookie.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_canarys_pages_are_cached_for_its_visitors_alone() {
    let (world, old, new) = split(0.0).await;
    for _ in 0..3 {
        let stable = world.get("/p/bag").await;
        assert_eq!((stable.text().as_str(), stable.header("cache-control")), ("/p/bag of old", "public, max-age=60"));
        let canary = world.get_with("/p/bag", ALWAYS).await;
        let control = canary.header("cache-control");
        assert_eq!((canary.text().as_str(), control), ("/p/bag of new", "private, max-age=60"));
        assert!(!canary.headers.contains_key("set-cookie") && !stable.headers.contains_key("set-cookie"));
    }
    assert_eq!((old.asked(), new.asked()), (1, 1), "each once: both are cached");
    world.gateway.cache().purge(&["product/bag"]);
    world.get("/p/bag").await;
    world.get_with("/p/bag", ALWAYS).await;
    assert_eq!((old.asked(), new.asked()), (2, 2), "a purge reaches both");
    world.stop().await;
    // Made for one visitor, because of their cookie: still nothing for caches between us and them.
    let (world, _, _) = split(0.0).await;
    let known = |headers: &str| format!("{headers}Cookie: a=b\r\n");
    let control = world.get_with("/p/bag", &known(ALWAYS)).await.header("cache-control").to_owned();
    assert_eq!(control, "private, no-cache");
    let control = world.get_with("/p/bag", &known(NEVER)).await.header("cache-control").to_owned();
    assert!(control.starts_with("public"), "{control}");
    world.stop().await;
}

#[tokio::test]
async fn a_browser_keeps_its_side_and_others_are_told_apart_without_a_cookie() {
    let (world, _, _) = split(50.0).await;
    let mut sides = [0, 0];
    for n in 0..60 {
        let agent = format!("User-Agent: browser-{n}\r\n");
        let page = world.get_with("/p/bag", &agent).await.text();
        let first = world.get_with("/cart", &format!("{agent}{BROWSER}")).await;
        let cohort = cohort(&first).expect("a page of one's own brings the cookie");
        let side = usize::from(first.text().contains("new"));
        assert_eq!(page.ends_with("new"), side == 1, "shared pages, too");
        sides[side] += 1;
        // Another address, in effect: another browser's name. The cookie counts.
        // The name of the release before counts, too.
        let cookie = if n % 2 == 0 { "souk_cohort" } else { "souk_lot" };
        let kept = format!("User-Agent: other-{n}\r\nCookie: {cookie}={cohort}\r\n{BROWSER}");
        let again = world.get_with("/cart", &kept).await;
        assert_eq!(usize::from(again.text().contains("new")), side);
        assert!(!again.headers.contains_key("set-cookie"), "told once");
    }
    assert!(sides[0] >= 12 && sides[1] >= 12, "{sides:?}");
    let program = world.get_with("/cart", "Accept: application/json\r\n").await;
    assert!(!program.headers.contains_key("set-cookie"), "a program would not bring it back");
    world.stop().await;
}

#[tokio::test]
async fn the_header_decides_and_goes_no_further() {
    for percent in [0.0, 100.0] {
        let (world, _, _) = split(percent).await;
        assert_eq!(world.get_with("/cart", ALWAYS).await.text(), "\"new told false\"");
        assert_eq!(world.get_with("/cart", NEVER).await.text(), "\"old told false\"");
        assert_eq!(world.get("/cart").await.text().contains("new"), percent == 100.0);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_program_keeps_its_side_whatever_token_and_address_it_comes_with() {
    let (world, _, _) = split(50.0).await;
    let ask = async |agent: &str| {
        let headers = format!("Authorization: Bearer {}\r\nUser-Agent: {agent}\r\n", world.bearer());
        world.get_with("/cart", &headers).await.text()
    };
    let first = ask("a").await;
    for agent in ["b", "c", "d", "e", "f", "g", "h", "i"] {
        world.pass(1);
        assert_eq!(ask(agent).await, first);
    }
    world.stop().await;
}

#[tokio::test]
async fn without_a_canary_nothing_is_different() {
    let old = Version::new("old");
    let world = World::with_canaries(Upstream::Local(old.router()), Vec::new()).await;
    let cart = world.get_with("/cart", &format!("{ALWAYS}{BROWSER}")).await;
    assert!(cart.text().contains("old") && !cart.headers.contains_key("set-cookie"), "{cart:?}");
    world.stop().await;
}

#[tokio::test]
async fn a_canary_that_cannot_be_reached_costs_no_visitor_an_answer() {
    let old = Version::new("old");
    let remote = Remote { role: "storefront", addresses: vec!["127.0.0.1:1".into()] };
    let gone = Upstream::Remote(HttpTransport::plain(remote, ActorKey::new([9; 32])).into());
    let world = World::with_canaries(Upstream::Local(old.router()), vec![(config(100.0), gone)]).await;
    for n in 0..20 {
        assert_eq!(world.get(&format!("/p/{n}")).await.text(), format!("/p/{n} of old"));
        let order = world.send(post("POST", "/cart", "", "{}")).await;
        assert_eq!((order.status, order.text().contains("old")), (200, true), "nothing was sent: it is asked again");
    }
    assert_eq!(old.asked(), 40, "each once");
    world.stop().await;
}

#[tokio::test]
async fn a_canary_that_keeps_failing_is_left_alone_and_taken_back() {
    let (world, old, new) = split(100.0).await;
    new.failing.store(true, Ordering::SeqCst);
    let mut faults = 0;
    for _ in 0..50 {
        let reply = world.get("/cart").await;
        assert!(reply.status == 500 || reply.text().contains("old"), "{reply:?}");
        faults += usize::from(reply.status == 500);
    }
    // Five, and one more with each pause that ends meanwhile.
    assert!((5..=8).contains(&faults), "{faults}");
    assert_eq!((old.asked(), new.asked()), (50 - faults, faults));
    assert_eq!(world.get("/p/bag").await.text(), "/p/bag of old", "pages, too");
    new.failing.store(false, Ordering::SeqCst);
    let back = async || world.get("/cart").await.text().contains("new");
    eventually("it is asked again after a while", crate::client::PATIENCE, back).await;
    assert_eq!(world.get("/cart").await.text(), "\"new told false\"", "and stays");
    world.stop().await;
}

#[tokio::test]
async fn a_file_of_the_other_version_is_found() {
    let (world, _, new) = split(0.0).await;
    for (headers, file) in [("", "new"), (ALWAYS, "old"), ("", "old"), (ALWAYS, "new")] {
        let path = format!("/assets/souk.{file}.css");
        assert_eq!(world.get_with(&path, headers).await.text(), format!("{path} of {file}"));
    }
    assert_eq!(world.get("/assets/nobodys.css").await.status, 404);
    new.failing.store(true, Ordering::SeqCst);
    assert_eq!(world.get("/assets/nobodys-either.css").await.status, 404, "the other side's trouble is not ours");
    world.stop().await;
}

/// Over the network, in front of two real listeners.
#[tokio::test]
async fn the_split_of_a_role_elsewhere() {
    let (old, new) = (Version::new("old"), Version::new("new"));
    let key = ActorKey::new([9; 32]);
    let listen = async |version: &Arc<Version>| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = vec![listener.local_addr().unwrap().to_string()];
        let served = axum::serve(listener, accept(version.router(), key.clone()));
        let serving = tokio::task::JoinSet::from_iter([async { served.await.unwrap() }]);
        let remote = Remote { role: "storefront", addresses };
        (serving, Upstream::Remote(HttpTransport::plain(remote, key.clone()).into()))
    };
    let ((_a, stable), (_b, canary)) = (listen(&old).await, listen(&new).await);
    let world = World::with_canaries(stable, vec![(config(0.0), canary)]).await;
    for _ in 0..5 {
        assert_eq!(world.get_with("/cart", ALWAYS).await.text(), "\"new told false\"");
        assert_eq!(world.get("/cart").await.text(), "\"old told false\"");
        assert_eq!(world.get_with("/p/bag", ALWAYS).await.text(), "/p/bag of new");
        assert_eq!(world.get("/p/bag").await.text(), "/p/bag of old");
    }
    assert_eq!((old.asked(), new.asked()), (6, 6));
    world.stop().await;
}
