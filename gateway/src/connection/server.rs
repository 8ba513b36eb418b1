//! Accepts connections, speaks HTTP/1.1 on them (TLS and HTTP/2: `secure.rs`), and drains them at the end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use souk_rpc::{Asked, queued, to_the_end};
use souk_runtime::Tasks;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::Answer;
use crate::fast::{self, Fast, Peer};
use crate::gateway::Inner;
use crate::secure::Secure;
use crate::slow;
use crate::stall::Stall;
use crate::waits::{Ours, Turn, Waiting, Waits};

/// Pause after an accept failed: usually the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Bytes read ahead and written behind per connection.
const BUFFER_BYTES: usize = 64 * 1024;

/// Serves `listener` until the tasks are told to stop; its connections are tasks, and end by themselves.
pub(crate) async fn serve(gateway: Arc<Inner>, listener: TcpListener) {
    let limits = &gateway.config.limits;
    let permits = Arc::new(Semaphore::new(limits.connections));
    let waits = Arc::new(Waits::new(limits, permits.clone()));
    let http = protocol(&gateway);
    let secure = gateway.tls.clone().map(|tls| Arc::new(Secure::new(tls, &gateway, http.clone())));
    let stop = gateway.tasks.token().clone();
    let begin = |(socket, peer, permit): Accepted| {
        let socket = Stall::new(socket, Duration::from_millis(limits.stall_ms));
        let visitor = Visitor::new(&gateway, &waits, peer);
        let connections = gateway.meters.connections.clone();
        connections.increment(1);
        let (tasks, secure, http) = (gateway.tasks.clone(), secure.clone(), http.clone());
        gateway.tasks.spawn("gateway.connection", async move {
            let ended = match &secure {
                Some(secure) => secure.serve(socket, visitor, &tasks).await,
                None => serve_http1(&http, socket, visitor, &tasks).await,
            };
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "connection ended");
            }
            connections.decrement(1);
            drop(permit);
        });
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Ok(accepted) => begin(accepted),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Who connected before we closed is not turned away.
    for (socket, peer) in queued(listener) {
        let Ok(permit) = permits.clone().try_acquire_owned() else { break };
        begin((socket, peer, permit));
    }
}

/// Serves one HTTP/1.1 connection to its end.
pub(crate) async fn serve_http1<S: AsyncRead + AsyncWrite + Unpin>(
    http: &http1::Builder,
    stream: S,
    visitor: Visitor,
    tasks: &Tasks,
) -> hyper::Result<()> {
    let (asked, patience) = (visitor.asked.clone(), Duration::from_millis(visitor.gateway.config.limits.drain_ms));
    let stream = Waiting::new(stream, visitor.waits.clone(), visitor.turn.clone());
    let connection = pin!(http.serve_connection(TokioIo::new(stream), visitor));
    let ended = to_the_end(connection, &asked, tasks.token(), patience).await;
    ended.unwrap_or_else(|| {
        tracing::warn!("a connection was still open after the drain");
        Ok(())
    })
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> std::io::Result<Accepted> {
    let permit = permits.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (socket, peer) = listener.accept().await?;
    socket.set_nodelay(true)?;
    Ok((socket, peer, permit))
}

/// Not `pipeline_flush`: it lifts the limit on what is written behind, so one client who does not read an endless answer
/// would take all memory, and it keeps back the 400 that ends a connection.
fn protocol(gateway: &Inner) -> http1::Builder {
    let limits = &gateway.config.limits;
    let mut http = http1::Builder::new();
    // Waiting knows more than one limit of time.
    http.header_read_timeout(None)
        .max_header_size(limits.header_bytes)
        .max_buf_size(BUFFER_BYTES.max(limits.header_bytes));
    http
}

/// What one connection calls.
pub(crate) struct Visitor {
    gateway: Arc<Inner>,
    peer: Arc<Peer>,
    pub(crate) waits: Arc<Waits>,
    pub(crate) asked: Arc<Asked>,
    turn: Arc<Turn>,
}

impl Visitor {
    fn new(gateway: &Arc<Inner>, waits: &Arc<Waits>, peer: SocketAddr) -> Self {
        let peer = Arc::new(Peer::new(gateway, peer.ip().to_canonical()));
        let (gateway, waits) = (gateway.clone(), waits.clone());
        Self { gateway, peer, waits, asked: Arc::default(), turn: Arc::default() }
    }
}

/// Says that the connection ends with this answer, when the process is about to stop: clients and balancers go elsewhere of
/// themselves. HTTP/2 has a frame for it.
pub(crate) fn end_connection(gateway: &Inner, version: Version, response: &mut Response<Answer>) {
    if gateway.tasks.leaving() && version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

impl Service<Request<Incoming>> for Visitor {
    type Response = Response<Told>;
    type Error = Infallible;
    type Future = Reply;

    fn call(&self, request: Request<Incoming>) -> Reply {
        self.asked.note();
        let ours = Some(self.turn.begin());
        let pace = match fast::answer(&self.gateway, &self.peer, &request) {
            Fast::Done(mut response) => {
                end_connection(&self.gateway, request.version(), &mut response);
                if let Some(cors) = &self.gateway.cors {
                    cors.add(request.uri().path(), request.headers(), response.headers_mut());
                }
                Pace::Done(Some(response))
            }
            Fast::Slow(visit) => Pace::Slow(Box::pin(slow::answer(self.gateway.clone(), request, visit))),
        };
        Reply { pace, ours }
    }
}

/// An answer under way. It is our turn on the connection until it is written.
pub(crate) struct Reply {
    pace: Pace,
    ours: Option<Ours>,
}

/// An answer that is there, or one that takes its time. Only the latter is boxed.
enum Pace {
    Done(Option<Response<Answer>>),
    Slow(Pin<Box<dyn Future<Output = Response<Answer>> + Send>>),
}

impl Future for Reply {
    type Output = Result<Response<Told>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let response = match &mut this.pace {
            Pace::Done(response) => response.take().expect("polled once"),
            Pace::Slow(future) => ready!(future.as_mut().poll(cx)),
        };
        let ours = this.ours.take();
        Poll::Ready(Ok(response.map(|answer| Told { answer, _ours: ours })))
    }
}

/// What a connection is told; dropped when all of it is written.
pub(crate) struct Told {
    answer: Answer,
    _ours: Option<Ours>,
}

impl http_body::Body for Told {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().answer).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}
