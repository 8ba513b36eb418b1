//! Connection draining: a listener and its connections end such that each that is connected gets an answer.
//!
//! Two moments are easily lost. A connection that the system has made and no process accepted is reset when the listener
//! closes. And one on which nothing was asked yet looks idle, while its request may be on the way.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::HttpService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Connections taken at most after the end was decided: as many as wait in the longest queue that is usual.
const MAX_QUEUED: usize = 8192;
/// How long the first request of a new connection may take to arrive after that: several round trips across the world.
const FIRST_REQUEST: Duration = Duration::from_secs(2);

/// Connections that still stand in the queue of `listener`, which closes when the queue is empty.
///
/// The system is asked for each, and not the runtime: that one knows of a connection only when it has looked for news, and
/// what it does not know of would be reset by the close.
pub fn accept_backlog(listener: TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
    let listener = listener.into_std().ok();
    let accept = move || {
        let (socket, peer) = listener.as_ref()?.accept().ok()?;
        socket.set_nonblocking(true).ok()?;
        socket.set_nodelay(true).ok()?;
        Some((TcpStream::from_std(socket).ok()?, peer))
    };
    std::iter::from_fn(accept).take(MAX_QUEUED)
}

/// Whether anything was asked on a connection.
#[derive(Debug, Default)]
pub struct FirstRequest {
    arrived: AtomicBool,
    arrival: Notify,
}

impl FirstRequest {
    /// Call it for every request.
    pub fn note(&self) {
        if !self.arrived.load(Ordering::Relaxed) && !self.arrived.swap(true, Ordering::Relaxed) {
            self.arrival.notify_one();
        }
    }

    /// Until something was asked, or it took too long.
    pub async fn wait(&self) {
        if !self.arrived.load(Ordering::Relaxed) {
            // Too long or not: what matters is that it was waited for.
            let _ = tokio::time::timeout(FIRST_REQUEST, self.arrival.notified()).await;
        }
    }
}

/// Serves an HTTP/1.1 connection until it ends. When `stop` is cancelled an idle one is closed, what is under way is finished,
/// and who has only just connected may ask once. `None`: something was still under way after `patience`.
pub async fn serve_until_drained<I, S>(
    mut connection: Pin<&mut http1::Connection<I, S>>,
    first: &FirstRequest,
    stop: &CancellationToken,
    patience: Duration,
) -> Option<hyper::Result<()>>
where
    I: Read + Write + Unpin,
    S: HttpService<Incoming>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::ResBody: Body + 'static,
    <S::ResBody as Body>::Error: Into<Box<dyn Error + Send + Sync>>,
{
    tokio::select! {
        biased;
        ended = connection.as_mut() => return Some(ended),
        () = stop.cancelled() => {}
    }
    tokio::select! {
        biased;
        ended = connection.as_mut() => return Some(ended),
        () = first.wait() => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::time::timeout(patience, connection).await.ok()
}
