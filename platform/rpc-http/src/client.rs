//! HTTP transport, client side: load-balanced calls of a role that runs elsewhere, with retries and a circuit breaker. An
//! instance is picked, a connection found or made, and what fails without harm is tried again at another instance, as long
//! as deadline and budget allow.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioIo};
use souk_kernel::{Kind, Problem};
use souk_rpc::{ActorKey, Channel, Cx, Transport};
use souk_runtime::CircuitBreaker;
use souk_tls::Identity;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::MAX_RPC_BODY;
use crate::balancer::{Balancer, Resolver, system_resolver};
use crate::endpoint::{Endpoint, Sender};
use crate::response_body::ResponseBody;

/// Longest wait for a call whose context has no deadline.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for a connection, handshake included: roles are near each other.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Calls under way to one role from this process; more wait, and give up at their deadline.
const MAX_CONCURRENT: usize = 1024;
/// Repeats of one call.
const MAX_RETRIES: usize = 2;
/// Pause before an instance is tried a second time; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(15);

/// Address book entry of a remote role.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Role name: for messages and, with TLS, who must answer.
    pub role: &'static str,
    /// `host:port` of its instances; a name may stand for several, and for others later.
    pub addresses: Vec<String>,
}

/// Connections to all instances of one role, on behalf of one other.
pub struct HttpTransport {
    role: &'static str,
    host: HeaderValue,
    balancer: Arc<Balancer>,
    identity: Option<Identity>,
    key: ActorKey,
    breaker: CircuitBreaker,
}

/// How one try ended without an answer.
enum Failure {
    /// The request did not leave this process, or was refused before it was read: here it is again.
    NotSent(Box<Request<Full<Bytes>>>, String),
    /// It may have happened.
    Lost(String),
    /// The other side does not accept our certificate. Nothing was read, but no other instance will accept it either.
    CertificateRejected(String),
}

impl HttpTransport {
    /// To the instances of `remote` without TLS: on loopback, where nothing listens in.
    pub fn plain(remote: Remote, key: ActorKey) -> Self {
        Self::with_resolver(remote, key, None, system_resolver())
    }

    /// Over TLS: `caller` shows its certificate, and the other end must show that of `remote`'s role.
    pub fn tls(remote: Remote, key: ActorKey, caller: Identity) -> Self {
        Self::with_resolver(remote, key, Some(caller), system_resolver())
    }

    pub(crate) fn with_resolver(remote: Remote, key: ActorKey, identity: Option<Identity>, resolver: Resolver) -> Self {
        Self {
            role: remote.role,
            host: HeaderValue::from_static(remote.role),
            balancer: Balancer::new(remote.role, remote.addresses, resolver),
            identity,
            key,
            breaker: CircuitBreaker::new(MAX_CONCURRENT),
        }
    }

    /// Sends any request, its URI in origin form, to an instance of the role, with `cx` in its headers: the gateway forwards
    /// with it. `repeatable`: it may be sent again when no answer came; what certainly was not sent always is.
    ///
    /// `Unavailable` means that nothing was sent; `connection_lost` that it may have happened.
    pub async fn send(
        &self,
        cx: &Cx,
        mut request: Request<Full<Bytes>>,
        repeatable: bool,
    ) -> Result<Response<ResponseBody>, Problem> {
        cx.write_headers(request.headers_mut(), &self.key);
        request.headers_mut().entry(header::HOST).or_insert_with(|| self.host.clone());
        let role = self.role;
        let patience = cx.time_left().unwrap_or(DEFAULT_TIMEOUT);
        let _permit = self
            .breaker
            .enter(patience)
            .await
            .map_err(|why| Problem::unavailable("circuit_open", format!("role {role} is not called: {why}")))?;
        let deadline = cx.deadline.unwrap_or_else(|| Instant::now() + DEFAULT_TIMEOUT);
        let tries = self.tries(cx, request, repeatable, deadline);
        let ended = tokio::time::timeout_at(deadline.into(), tries).await;
        ended.unwrap_or_else(|_| Err(Problem::timeout(format!("call of {role}"))))
    }

    async fn tries(
        &self,
        cx: &Cx,
        mut request: Request<Full<Bytes>>,
        repeatable: bool,
        deadline: Instant,
    ) -> Result<Response<ResponseBody>, Problem> {
        let (role, mut tried, mut pause) = (self.role, Vec::new(), FIRST_PAUSE);
        loop {
            let list = self.balancer.instances().await;
            let endpoint = self.balancer.pick(&list, &tried, Instant::now()).ok_or_else(|| {
                Problem::unavailable("no_address", format!("no address of role {role} is configured or resolves"))
            })?;
            let copy = repeatable.then(|| request.clone());
            let watch = Watch { transport: self, endpoint: &endpoint, deadline, ended: false };
            let failure = match self.exchange(&endpoint, request).await {
                Ok(response) => {
                    watch.answered(response.status().is_server_error());
                    return Ok(response);
                }
                Err(failure) => failure,
            };
            watch.failed();
            let at = endpoint.address;
            let (again, problem) = match failure {
                Failure::NotSent(request, why) => {
                    (Some(*request), Problem::unavailable("upstream_unavailable", format!("{role} at {at}: {why}")))
                }
                Failure::Lost(why) => (copy, lost(format!("{role} at {at}: {why}"))),
                Failure::CertificateRejected(why) => {
                    (None, Problem::unavailable("certificate_refused", format!("{role} at {at}: {why}")))
                }
            };
            let Some(again) = again.filter(|_| tried.len() < MAX_RETRIES) else { return Err(problem) };
            tried.push(at);
            // Another instance has done nothing to deserve a pause.
            let elsewhere = list.iter().any(|other| !tried.contains(&other.address));
            let wait = if elsewhere { Duration::ZERO } else { pause };
            if Instant::now() + wait >= deadline || !self.breaker.may_retry() {
                return Err(problem);
            }
            metrics::counter!("souk_rpc_retries_total", "role" => role).increment(1);
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
                pause *= 2;
            }
            request = again;
            cx.write_timeout(request.headers_mut());
        }
    }

    /// One request on one connection to `endpoint`.
    async fn exchange(
        &self,
        endpoint: &Arc<Endpoint>,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<ResponseBody>, Failure> {
        let call = endpoint.begin();
        loop {
            let idle = endpoint.take_idle(Instant::now());
            let reused = idle.is_some();
            let mut sender = match idle {
                Some(sender) => sender,
                // In a box: it is large and rare, and every caller's future carries it along otherwise.
                None => match Box::pin(self.connect(endpoint.address)).await {
                    Ok(sender) => sender,
                    Err(error) => return Err(Failure::NotSent(Box::new(request), error.to_string())),
                },
            };
            // The last answer was read to its end, so this only waits for the connection to notice that, or that it closed.
            if sender.ready().await.is_err() && reused {
                continue;
            }
            let mut error = match sender.try_send_request(request).await {
                Ok(response) => {
                    if closes(&response) {
                        endpoint.leaves(Instant::now());
                    }
                    return Ok(response.map(|incoming| ResponseBody::new(incoming, sender, call)));
                }
                Err(error) => error,
            };
            let back = error.take_message();
            let why = reasons(error.error());
            if souk_tls::refused(error.error()) {
                return Err(Failure::CertificateRejected(why));
            }
            match back {
                // It closed while idle: nothing was sent.
                Some(unsent) if reused => request = unsent,
                Some(unsent) => return Err(Failure::NotSent(Box::new(unsent), why)),
                None => return Err(Failure::Lost(why)),
            }
        }
    }

    async fn connect(&self, address: SocketAddr) -> std::io::Result<Sender> {
        let connecting = async {
            let socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            match &self.identity {
                Some(identity) => handshake(identity.connect(self.role, socket).await?).await,
                None => handshake(socket).await,
            }
        };
        let late =
            |_| std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no connection within {CONNECT_TIMEOUT:?}"));
        tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.map_err(late)?
    }
}

#[async_trait]
impl Transport for HttpTransport {
    /// POSTs an encoded request and reads the whole answer, at most [`MAX_RPC_BODY`] bytes.
    async fn call(
        &self,
        path: &'static str,
        repeatable: bool,
        cx: &Cx,
        body: Bytes,
    ) -> Result<Response<Bytes>, Problem> {
        for attempt in 0.. {
            let (parts, body) = self.send(cx, post(path, body.clone()), repeatable).await?.into_parts();
            let error = match Limited::new(body, MAX_RPC_BODY).collect().await {
                Ok(body) => return Ok(Response::from_parts(parts, body.to_bytes())),
                Err(error) => error.to_string(),
            };
            if !repeatable || attempt == MAX_RETRIES || !self.breaker.may_retry() {
                let cut = Problem::new(Kind::Timeout, "connection_lost", "the answer was cut off");
                return Err(cut.with_internal(format!("{}: {error}", self.role)));
            }
        }
        unreachable!("the loop returns")
    }
}

impl From<HttpTransport> for Channel {
    fn from(transport: HttpTransport) -> Self {
        Self::new(Arc::new(transport))
    }
}

fn post(path: &'static str, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(path);
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}

/// Speaks HTTP/1.1 on `socket`; what drives the connection ends with it.
async fn handshake<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(socket: S) -> std::io::Result<Sender> {
    use hyper::rt::Executor;
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(std::io::Error::other)?;
    TokioExecutor::new().execute(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = reasons(&error), "connection to another role ended");
        }
    });
    Ok(sender)
}

fn lost(text: String) -> Problem {
    Problem::new(Kind::Timeout, "connection_lost", "no answer came").with_internal(text)
}

/// True when the other side said that this was the last answer on the connection: it is about to stop.
fn closes<B>(response: &Response<B>) -> bool {
    let said = response.headers().get(header::CONNECTION);
    said.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// An error with what caused it.
fn reasons(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Sees to it that every try is counted, also one that is dropped because its time is over. One that is dropped earlier,
/// because its caller does not wait for the answer any more, says nothing about the instance.
struct Watch<'c> {
    transport: &'c HttpTransport,
    endpoint: &'c Endpoint,
    deadline: Instant,
    ended: bool,
}

impl Watch<'_> {
    fn answered(mut self, fault: bool) {
        self.ended = true;
        let now = Instant::now();
        self.transport.breaker.record(true, now);
        if fault { self.transport.balancer.failed(self.endpoint, now) } else { self.endpoint.answered() }
    }

    fn failed(mut self) {
        self.ended = true;
        self.note();
    }

    fn note(&self) {
        let now = Instant::now();
        self.transport.breaker.record(false, now);
        self.transport.balancer.failed(self.endpoint, now);
        self.transport.balancer.doubt();
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.ended && Instant::now() >= self.deadline {
            self.note();
        }
    }
}
