//! How encoded calls leave this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_kernel::{Kind, Problem};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::breaker::Breaker;
use crate::{ActorKey, Cx, MAX_RPC_BODY, header};

/// Longest wait for a call whose context has no deadline.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for a connection: roles are near each other.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Calls under way to one role from this process; more wait, and give up at their deadline.
const MAX_CONCURRENT: usize = 1024;
/// Repeats of one call.
const MAX_RETRIES: u32 = 2;
/// Pause before the first repeat; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(15);

/// The way to another role: over HTTP, or encoded without a socket (contract tests).
#[derive(Clone)]
pub enum Channel {
    /// Over the network.
    Http(Arc<HttpChannel>),
    /// Encoded and decoded, but in this process.
    Loopback(Router, ActorKey),
}

/// Address book entry of a remote role.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Role name, for messages.
    pub role: &'static str,
    /// `host:port` of every instance.
    pub addresses: Vec<String>,
}

/// Connections to all instances of one role.
pub struct HttpChannel {
    remote: Remote,
    next: AtomicUsize,
    client: Client<HttpConnector, Full<Bytes>>,
    key: ActorKey,
    permits: Semaphore,
    breaker: Breaker,
}

impl Channel {
    /// A channel to the instances of `remote`.
    pub fn http(remote: Remote, key: ActorKey) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self::Http(Arc::new(HttpChannel {
            remote,
            next: AtomicUsize::new(0),
            client,
            key,
            permits: Semaphore::new(MAX_CONCURRENT),
            breaker: Breaker::new(),
        }))
    }

    /// Calls `path` with `request`. `repeatable`: the method may be repeated when no answer came.
    pub async fn call<Q: Serialize + Sync, R: DeserializeOwned>(
        &self,
        path: &'static str,
        repeatable: bool,
        cx: &Cx,
        request: &Q,
    ) -> Result<R, Problem> {
        let body = Bytes::from(serde_json::to_vec(request).map_err(Problem::internal)?);
        let response = match self {
            Channel::Http(http) => http.call(path, repeatable || cx.idempotency_key.is_some(), cx, body).await?,
            Channel::Loopback(router, key) => loopback(router, key, path, cx, body).await?,
        };
        decode(path, cx, response)
    }
}

async fn loopback(
    router: &Router,
    key: &ActorKey,
    path: &'static str,
    cx: &Cx,
    body: Bytes,
) -> Result<Response<Bytes>, Problem> {
    let mut request = Request::post(path).body(axum::body::Body::from(body)).map_err(Problem::internal)?;
    cx.write_headers(request.headers_mut(), key);
    let response = router.clone().oneshot(request).await.map_err(Problem::internal)?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Problem::internal)?.to_bytes();
    Ok(Response::from_parts(parts, body))
}

fn decode<R: DeserializeOwned>(path: &str, cx: &Cx, response: Response<Bytes>) -> Result<R, Problem> {
    let lsn = response.headers().get(header::LSN).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    if let Some(lsn) = lsn {
        cx.wrote(lsn);
    }
    let bytes = response.body();
    if response.status() == StatusCode::OK {
        return serde_json::from_slice(bytes).map_err(|error| Problem::internal(format!("{path} replied: {error}")));
    }
    Err(serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Problem::unavailable("bad_gateway", format!("{path} replied {}", response.status()))))
}

impl HttpChannel {
    async fn call(
        &self,
        path: &'static str,
        repeatable: bool,
        cx: &Cx,
        body: Bytes,
    ) -> Result<Response<Bytes>, Problem> {
        let mut pause = FIRST_PAUSE;
        for attempt in 0.. {
            let problem = match self.try_call(path, cx, body.clone()).await {
                Ok(response) => return Ok(response),
                Err(problem) => problem,
            };
            let harmless = problem.kind.retry_helps() || (repeatable && problem.is("connection_lost"));
            let in_time = cx.time_left().is_none_or(|left| left > pause);
            if !harmless || attempt >= MAX_RETRIES || !in_time || !self.breaker.may_retry() {
                return Err(problem);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the loop returns")
    }

    async fn try_call(&self, path: &'static str, cx: &Cx, body: Bytes) -> Result<Response<Bytes>, Problem> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(path);
        request.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let response = self.send(cx, request).await?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_RPC_BODY).collect().await.map_err(|error| {
            Problem::new(Kind::Timeout, "connection_lost", "the answer was cut off").with_internal(error.to_string())
        })?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    /// Sends any request to an instance of the role, with `cx` in its headers: the gateway forwards with it.
    ///
    /// `Unavailable` means that nothing was sent; `connection_lost` that it may have happened.
    pub async fn send(&self, cx: &Cx, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Problem> {
        let role = self.remote.role;
        if !self.breaker.admit(Instant::now()) {
            return Err(Problem::unavailable("circuit_open", format!("{role} keeps failing")));
        }
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.remote.addresses.len().max(1);
        let address =
            self.remote.addresses.get(at).ok_or_else(|| {
                Problem::unavailable("no_address", format!("no address of role {role} is configured"))
            })?;
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("http://{address}{path}").parse().map_err(Problem::internal)?;
        cx.write_headers(request.headers_mut(), &self.key);
        let timeout = cx.time_left().unwrap_or(DEFAULT_TIMEOUT);
        let exchange = async {
            let _permit = self.permits.acquire().await.map_err(Problem::internal)?;
            self.client.request(request).await.map_err(|error| {
                let text = format!("{role} at {address}: {error:?}");
                match error.is_connect() {
                    true => Problem::unavailable("upstream_unavailable", text),
                    false => Problem::new(Kind::Timeout, "connection_lost", "no answer came").with_internal(text),
                }
            })
        };
        let result = tokio::time::timeout(timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(Problem::timeout(format!("call of {role}"))));
        self.breaker.record(result.is_ok(), Instant::now());
        result
    }
}
