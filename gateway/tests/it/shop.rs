//! Fake services behind the gateway in these tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use souk_gateway::{CanaryConfig, Gateway, GatewayConfig, GatewayDeps, PageParameters, Upstream, Upstreams};
use souk_identity_api::*;
use souk_kernel::{Clock, Kind, Problem, Secret};
use souk_rpc::{Cx, fake_of};
use souk_runtime::Tasks;
use souk_tls::PublicTls;
use souk_web::{ApiError, Cached};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use uuid::Uuid;

use crate::client::{Client, PATIENCE, Reply, post, request};

/// The token of the one customer who is signed in, and their id.
pub const SESSION: &str = "good-session";
pub const CUSTOMER: Uuid = Uuid::from_u128(42);

/// Parameters of the pages in these tests.
const PAGES: &[PageParameters] =
    &[PageParameters { path: "/p/{slug}", names: &["a", "b", "q"] }, PageParameters { path: "/search", names: &["q"] }];

/// Where a write of `POST /cart/lines` is in the log.
pub const WROTE: u64 = 123_456;

pub struct Shop {
    renders: watch::Sender<usize>,
    /// Renders wait for a permit while the gate is closed.
    gate: Semaphore,
    gated: AtomicBool,
    pub failing: AtomicBool,
    /// Told when the endless answer is no longer wanted.
    pub dropped: Arc<Notify>,
}

impl Shop {
    pub fn renders(&self) -> usize {
        *self.renders.borrow()
    }

    pub async fn rendering(&self, count: usize) {
        let mut renders = self.renders.subscribe();
        let reached = renders.wait_for(|n| *n >= count);
        tokio::time::timeout(PATIENCE, reached).await.expect("rendered in time").unwrap();
    }

    pub fn close_gate(&self) {
        self.gated.store(true, Ordering::SeqCst);
    }

    pub fn open_gate(&self) {
        self.gated.store(false, Ordering::SeqCst);
        self.gate.add_permits(1000);
    }

    async fn render(&self) -> usize {
        let mut number = 0;
        self.renders.send_modify(|n| {
            *n += 1;
            number = *n;
        });
        if self.gated.load(Ordering::SeqCst) {
            self.gate.acquire().await.unwrap().forget();
        }
        number
    }
}

fn who(request: &Request) -> String {
    request.extensions().get::<Cx>().map(|cx| cx.actor.scope()).unwrap_or_default()
}

/// A shared page: says how often it was made and for whom.
async fn page(State(shop): State<Arc<Shop>>, Path(slug): Path<String>, request: Request) -> Response {
    let host = request.headers().get("host").map(|h| h.to_str().unwrap().to_owned()).unwrap_or_default();
    let (who, cookies) = (who(&request), request.headers().contains_key("cookie"));
    let number = shop.render().await;
    if shop.failing.load(Ordering::SeqCst) {
        return ApiError::from(Problem::unavailable("broken", "broken")).into_response();
    }
    let query = request.uri().query().unwrap_or_default();
    let filling = "<li>a product in a list</li>".repeat(200);
    let text = format!("<h1>{slug}</h1> render {number} for {who} at {host} cookies {cookies} query {query} {filling}");
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let cached = Cached::bytes(html, text, &[format!("product/{slug}"), "page".to_owned()]);
    match slug.as_str() {
        "gone" => cached.with_status(StatusCode::NOT_FOUND).into_response(),
        "tiny" => Cached::bytes(HeaderValue::from_static("text/plain"), "tiny", &["tiny"]).into_response(),
        "sets-cookie" => ([("set-cookie", "a=b")], cached).into_response(),
        _ => cached.into_response(),
    }
}

/// What is of one visitor: says what arrived here.
async fn echo(State(shop): State<Arc<Shop>>, request: Request) -> Response {
    shop.render().await;
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let cx = parts.extensions.get::<Cx>().unwrap();
    let text = |headers: &HeaderMap| {
        let pairs = headers.iter().map(|(n, v)| (n.to_string(), json!(v.to_str().unwrap_or("?"))));
        Value::Object(pairs.collect())
    };
    let asked = cx.min_lsn();
    if parts.method == http::Method::POST && parts.uri.path() == "/cart/lines" {
        cx.wrote(WROTE);
    }
    let seen = json!({
        "position": asked.to_string(), "method": parts.method.as_str(), "uri": parts.uri.to_string(), "headers": text(&parts.headers),
        "client": cx.client.map(|client| client.to_string()),
        "body": bytes.len(), "actor": cx.actor.scope(), "request_id": &*cx.request_id, "key": cx.idempotency_key.as_deref(),
        "seconds": cx.time_left().map(|left| left.as_secs_f64().round()), "filling": "x".repeat(2000),
    });
    let mut response = souk_web::no_store(&seen).into_response();
    for (name, value) in
        [("connection", "x-internal"), ("x-internal", "1"), ("x-souk-lsn", "7"), ("surrogate-key", "a")]
    {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Bytes without end, until the client goes away.
async fn endless(State(shop): State<Arc<Shop>>) -> Response {
    struct Told(Arc<Notify>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let told = Told(shop.dropped.clone());
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    let stream = futures_util::stream::repeat(chunk).map(move |chunk| {
        let _ = &told;
        Ok::<_, std::convert::Infallible>(chunk)
    });
    ([("content-type", "text/event-stream")], Body::from_stream(stream)).into_response()
}

async fn panics() -> Response {
    panic!("expected in this test")
}

/// An identity with one customer and one key.
#[derive(Default)]
pub struct FakeIdentity {
    pub calls: AtomicUsize,
    pub down: AtomicBool,
}

pub fn signing_key() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[7; 32])
}

impl FakeIdentity {
    pub async fn session(&self, _: &Cx, request: SessionRequest) -> Result<Session, Problem> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(Problem::unavailable("upstream_unavailable", "down"));
        }
        if request.session_token.reveal() != SESSION {
            return Err(Problem::new(Kind::Unauthenticated, "session_ended", "please sign in"));
        }
        Ok(Session { customer_id: CustomerId(CUSTOMER), name: "Ada".into() })
    }

    pub async fn jwks(&self, _: &Cx, _: JwksRequest) -> Result<Jwks, Problem> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Ok(Jwks { keys: vec![token::jwk("k1", &signing_key().verifying_key())] })
    }
}

/// A running gateway with its shop.
pub struct World {
    pub address: SocketAddr,
    pub gateway: Gateway,
    pub shop: Arc<Shop>,
    pub identity: Arc<FakeIdentity>,
    pub clock: Clock,
    pub tasks: Tasks,
}

pub fn shop() -> (Arc<Shop>, Router) {
    let shop = Arc::new(Shop {
        renders: watch::Sender::new(0),
        gate: Semaphore::new(0),
        gated: AtomicBool::new(false),
        failing: AtomicBool::new(false),
        dropped: Arc::default(),
    });
    let router = Router::new()
        .route("/p/{slug}", get(page))
        .route("/endless", get(endless))
        .route("/panics", get(panics))
        .fallback(any(echo))
        .layer(axum::middleware::from_fn(souk_web::response_layer))
        .with_state(shop.clone());
    (shop, router)
}

impl World {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let (shop, router) = shop();
        Self::over(shop, Upstream::Local(router), change).await
    }

    pub async fn over(shop: Arc<Shop>, upstream: Upstream, change: impl FnOnce(&mut GatewayConfig)) -> Self {
        Self::build(shop, upstream, change, Vec::new(), None, None).await
    }

    /// With new versions of roles beside `upstream`.
    pub async fn with_canaries(upstream: Upstream, canaries: Vec<(CanaryConfig, Upstream)>) -> Self {
        let (shop, _) = shop();
        Self::build(shop, upstream, |_| {}, canaries, None, None).await
    }

    /// Over TLS.
    pub async fn secure(tls: PublicTls, change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let (shop, router) = shop();
        let https = |config: &mut GatewayConfig| {
            config.https = true;
            change(config);
        };
        Self::build(shop, Upstream::Local(router), https, Vec::new(), Some(tls), None).await
    }

    /// In front of services that read from replicas.
    pub async fn replicated(shop: Arc<Shop>, upstream: Upstream) -> Self {
        Self::build(shop, upstream, |_| {}, Vec::new(), None, Some(Secret::new([3; 32]))).await
    }

    async fn build(
        shop: Arc<Shop>,
        upstream: Upstream,
        change: impl FnOnce(&mut GatewayConfig),
        canaries: Vec<(CanaryConfig, Upstream)>,
        tls: Option<PublicTls>,
        position_key: Option<Secret<[u8; 32]>>,
    ) -> Self {
        let mut config = GatewayConfig { public_host: Some("public.test".into()), ..GatewayConfig::default() };
        change(&mut config);
        let clock = Clock::manual(jiff::Timestamp::from_second(1_700_000_000).unwrap());
        let tasks = Tasks::new();
        let identity = Arc::new(FakeIdentity::default());
        let roles: [(_, &[_]); 6] = [
            ("storefront", &["/media/art"]),
            ("catalog", &["/api/v1/products", "/api/v1/categories", "/media"]),
            ("search", &["/api/v1/search", "/api/v1/suggest"]),
            ("cart", &["/api/v1/carts"]),
            ("order", &["/api/v1/checkout", "/api/v1/orders"]),
            ("identity", &["/api/v1/auth", "/api/v1/me", "/.well-known/jwks.json"]),
        ];
        let upstreams =
            roles.iter().fold(Upstreams::new(), |all, (role, paths)| all.with(role, paths, upstream.clone()));
        let deps = GatewayDeps {
            upstreams,
            identity: Some(fake_of!(&identity, IdentityFake { session, jwks }).into()),
            pages: PAGES.to_vec(),
            document: json!({ "openapi": "3.1.0", "info": { "title": "x".repeat(2000) } }),
            clock: clock.clone(),
            tasks: tasks.clone(),
            tls,
            position_key,
            canaries,
            rates: None,
        };
        let gateway = Gateway::new(config, deps).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = gateway.clone();
        tasks.spawn("gateway", async move { serving.serve(listener).await });
        Self { address, gateway, shop, identity, clock, tasks }
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub async fn send(&self, raw: impl AsRef<[u8]>) -> Reply {
        self.client().await.send(raw).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(request("GET", path, "")).await
    }

    pub async fn get_with(&self, path: &str, headers: &str) -> Reply {
        self.send(request("GET", path, headers)).await
    }

    pub async fn post(&self, path: &str, headers: &str, body: &str) -> Reply {
        self.send(post("POST", path, headers, body)).await
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.advance(jiff::SignedDuration::from_secs(seconds));
    }

    /// A token of the customer, valid from now.
    pub fn bearer(&self) -> String {
        let iat = self.clock.now().as_second();
        let claims = AccessClaims {
            iss: token::ISSUER.into(),
            aud: token::AUDIENCE.into(),
            sub: CUSTOMER,
            iat,
            exp: iat + token::VALID_SECONDS,
        };
        token::sign(&claims, "k1", &signing_key())
    }

    pub async fn stop(self) {
        self.tasks.drain(Duration::from_secs(10)).await.unwrap();
    }
}

/// What a gateway without any role works with.
pub fn deps() -> GatewayDeps {
    GatewayDeps {
        upstreams: Upstreams::new(),
        identity: None,
        pages: Vec::new(),
        document: Value::Null,
        clock: Clock::system(),
        tasks: Tasks::new(),
        tls: None,
        position_key: None,
        canaries: Vec::new(),
        rates: None,
    }
}
