//! Test fixture: a sandbox on a real socket, a merchant who calls it, and a place for its webhooks.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use souk_kernel::Secret;
use souk_psp_sandbox::{SandboxConfig, SandboxError, serve};
use souk_runtime::Tasks;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

pub const API_KEY: &str = "sk_sandbox";

pub fn config(directory: &Path) -> SandboxConfig {
    let mut config = SandboxConfig::new(directory.to_owned(), Secret::new(API_KEY.to_owned()));
    config.slow = Duration::from_millis(50);
    config
}

/// A running sandbox.
pub struct Sandbox {
    pub merchant: Merchant,
    shutdown: CancellationToken,
    ended: oneshot::Receiver<Result<(), SandboxError>>,
}

impl Sandbox {
    pub async fn start(config: SandboxConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let ended = Tasks::new().run("sandbox", serve(listener, config, shutdown.clone()));
        Self { merchant: Merchant::new(address), shutdown, ended }
    }

    pub async fn stop(self) -> Result<(), SandboxError> {
        self.shutdown.cancel();
        self.ended.await.unwrap()
    }

    /// The outcome of a sandbox that ends by itself.
    pub async fn ended(self) -> Result<(), SandboxError> {
        self.ended.await.unwrap()
    }
}

/// Calls the sandbox as a shop does.
#[derive(Clone)]
pub struct Merchant {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Merchant {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    pub async fn raw(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Option<(StatusCode, Bytes)> {
        let response = self.client.request(request.body(Full::new(body.into())).unwrap()).await.ok()?;
        let status = response.status();
        Some((status, response.into_body().collect().await.ok()?.to_bytes()))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn try_post(&self, path: &str, key: &str, body: Value) -> Option<(u16, Value)> {
        let request = Request::post(self.url(path))
            .header("authorization", format!("Bearer {API_KEY}"))
            .header("idempotency-key", key);
        let (status, body) = self.raw(request, body.to_string()).await?;
        Some((status.as_u16(), serde_json::from_slice(&body).unwrap()))
    }

    pub async fn post(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        self.try_post(path, key, body).await.expect("the sandbox answers")
    }

    pub async fn authorise(&self, key: &str, amount: i64, token: &str) -> (u16, Value) {
        self.post("/v1/authorisations", key, json!({"amount": amount, "currency": "EUR", "token": token})).await
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let request = Request::get(self.url(path)).header("authorization", format!("Bearer {API_KEY}"));
        let (status, body) = self.raw(request, "").await.expect("the sandbox answers");
        (status.as_u16(), serde_json::from_slice(&body).unwrap())
    }

    pub async fn ledger(&self) -> Vec<Value> {
        let (mut items, mut after) = (Vec::new(), 0);
        loop {
            let (status, page) = self.get(&format!("/v1/ledger?after={after}&limit=7")).await;
            assert_eq!(status, 200);
            items.extend(page["items"].as_array().unwrap().clone());
            match page["next"].as_u64() {
                Some(next) => after = next,
                None => return items,
            }
        }
    }
}

/// Receives webhooks; refuses the first `refuse` of them.
#[derive(Clone)]
pub struct Sink {
    pub url: String,
    got: Arc<Mutex<Vec<(String, Bytes)>>>,
    bell: Arc<Notify>,
}

impl Sink {
    pub async fn start(refuse: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let sink = Self { url, got: Arc::default(), bell: Arc::default() };
        let (keeper, refused) = (sink.clone(), Arc::new(Mutex::new(0)));
        let handler = move |headers: HeaderMap, body: Bytes| {
            let (keeper, refused) = (keeper.clone(), refused.clone());
            async move {
                let mut refused = refused.lock().unwrap();
                if *refused < refuse {
                    *refused += 1;
                    return StatusCode::INTERNAL_SERVER_ERROR;
                }
                let signature = headers["souk-signature"].to_str().unwrap().to_owned();
                keeper.got.lock().unwrap().push((signature, body));
                keeper.bell.notify_waiters();
                StatusCode::OK
            }
        };
        let router = Router::new().route("/hook", post(handler));
        Tasks::new().spawn("sink", async move { axum::serve(listener, router).await.unwrap() });
        sink
    }

    /// The first `count` deliveries, once they are there.
    pub async fn wait(&self, count: usize) -> Vec<(String, Bytes)> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let rung = self.bell.notified();
            let got = self.got.lock().unwrap().clone();
            if got.len() >= count {
                return got;
            }
            tokio::time::timeout_at(deadline, rung).await.expect("webhooks arrive");
        }
    }
}
