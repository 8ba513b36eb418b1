//! Accepts connections, speaks HTTP/1.1 on them, and drains them at the end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::answer::Answer;
use crate::fast::{self, Fast, Peer};
use crate::gateway::Inner;
use crate::slow;
use crate::stall::Stall;

/// Pause after an accept failed: usually the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Bytes read ahead and written behind per connection.
const BUFFER_BYTES: usize = 64 * 1024;

/// Serves `listener` until the tasks are told to stop, then until its connections are done or the patience is over.
pub(crate) async fn serve(gateway: Arc<Inner>, listener: TcpListener) {
    let limits = &gateway.config.limits;
    let permits = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let http = protocol(&gateway);
    let stop = gateway.tasks.token().clone();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let (socket, peer, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let io = TokioIo::new(Stall::new(socket, Duration::from_millis(limits.stall_ms)));
        let service =
            Visitor { gateway: gateway.clone(), peer: Arc::new(Peer::new(&gateway, peer.ip().to_canonical())) };
        let connection = graceful.watch(http.serve_connection(io, service));
        let connections = gateway.meters.connections.clone();
        connections.increment(1);
        gateway.tasks.spawn("gateway.connection", async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "connection ended");
            }
            connections.decrement(1);
            drop(permit);
        });
    }
    drop(listener);
    let patience = Duration::from_millis(limits.drain_ms);
    if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were still open after the drain");
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
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
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_ms))
        .max_header_size(limits.header_bytes)
        .max_buf_size(BUFFER_BYTES.max(limits.header_bytes));
    http
}

/// What one connection calls.
struct Visitor {
    gateway: Arc<Inner>,
    peer: Arc<Peer>,
}

impl Service<Request<Incoming>> for Visitor {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Reply;

    fn call(&self, request: Request<Incoming>) -> Reply {
        match fast::answer(&self.gateway, &self.peer, &request) {
            Fast::Done(response) => Reply::Done(Some(response)),
            Fast::Slow(visit) => Reply::Slow(Box::pin(slow::answer(self.gateway.clone(), request, visit))),
        }
    }
}

/// An answer that is there, or one that takes its time. Only the latter is boxed.
enum Reply {
    Done(Option<Response<Answer>>),
    Slow(Pin<Box<dyn Future<Output = Response<Answer>> + Send>>),
}

impl Future for Reply {
    type Output = Result<Response<Answer>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Reply::Done(response) => Poll::Ready(Ok(response.take().expect("polled once"))),
            Reply::Slow(future) => future.as_mut().poll(cx).map(Ok),
        }
    }
}
