//! Internal listener of a role: HTTP/1.1, with TLS when the role has an identity, and an end that callers do not notice.
//!
//! The end has two steps. [`Tasks::leave`]: everything is served as before, and every answer tells its caller to close the
//! connection, so that callers go elsewhere of themselves and no connection is cut while a request is on its way.
//! [`Tasks::stop`]: connections that stand in the queue of the listener are still accepted, then no more; what is under way
//! is finished.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use souk_runtime::Tasks;
use souk_tls::Identity;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::authorize_caller::Peer;
use crate::drain::{FirstRequest, accept_backlog, serve_until_drained};

/// Connections at once; more wait in the listener's queue. Callers keep up to 128 each.
const MAX_CONNECTIONS: usize = 4096;
/// How long a connection may be idle, and how long a request's head may take: longer than callers keep connections
/// (`endpoint::IDLE_FOR`), so that it is they who close.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Longest wait for a handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long what is under way may take after the listener closed: the longest call, and a little.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);
/// Pause after an accept failed: usually the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is served where.
pub struct Listener {
    /// For the log.
    pub name: &'static str,
    /// Bound already.
    pub socket: TcpListener,
    /// What answers.
    pub router: Router,
    /// Who we are, when callers must show who they are.
    pub identity: Option<Identity>,
}

/// Serves until `tasks` stop, and until its connections are done.
pub async fn serve(listener: Listener, tasks: Tasks) {
    let Listener { name, socket, router, identity } = listener;
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = Connections { router, identity, tasks: tasks.clone() };
    let stop = tasks.token().clone();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&socket, &permits) => accepted,
        };
        match accepted {
            Ok((socket, permit)) => connections.spawn(socket, permit),
            Err(error) => {
                tracing::warn!(listener = name, %error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Who connected before we closed is not turned away.
    for (socket, _) in accept_backlog(socket) {
        let Ok(permit) = permits.clone().try_acquire_owned() else { break };
        connections.spawn(socket, permit);
    }
}

async fn accept(socket: &TcpListener, permits: &Arc<Semaphore>) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (socket, _) = socket.accept().await?;
    socket.set_nodelay(true)?;
    Ok((socket, permit))
}

/// What every connection is served with.
#[derive(Clone)]
struct Connections {
    router: Router,
    identity: Option<Identity>,
    tasks: Tasks,
}

impl Connections {
    fn spawn(&self, socket: TcpStream, permit: OwnedSemaphorePermit) {
        let this = self.clone();
        self.tasks.spawn("rpc.connection", async move {
            let Some(identity) = &this.identity else {
                this.http(socket, Peer(None)).await;
                return;
            };
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, identity.accept(socket)).await {
                Ok(Ok((stream, role))) => this.http(stream, Peer(role.map(Into::into))).await,
                Ok(Err(error)) => tracing::warn!(role = identity.role(), %error, "a caller could not show who it is"),
                Err(_) => tracing::debug!(role = identity.role(), "a handshake took too long"),
            }
            drop(permit);
        });
    }

    async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, peer: Peer) {
        let (router, tasks, first) = (&self.router, &self.tasks, FirstRequest::default());
        let service = service_fn(|request| {
            first.note();
            answer(router.clone(), request, peer.clone(), tasks)
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT);
        let connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        match serve_until_drained(connection, &first, tasks.token(), DRAIN_PATIENCE).await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!(%error, "connection of another role ended"),
            None => tracing::warn!("a call was still under way after the drain"),
        }
    }
}

fn answer(
    router: Router,
    mut request: Request<Incoming>,
    peer: Peer,
    tasks: &Tasks,
) -> impl Future<Output = Result<Response, Infallible>> + use<'_> {
    request.extensions_mut().insert(peer);
    async move {
        let mut response = router.oneshot(request).await?;
        if tasks.leaving() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}
