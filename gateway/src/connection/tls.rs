//! Connections over TLS: the handshake, then the protocol that both sides agreed on in it (ALPN). Nothing is guessed from
//! the first bytes, so there is no HTTP/2 without TLS.
//!
//! HTTP/2 lets one connection ask for much at once, so it has limits of its own.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use souk_runtime::Tasks;
use souk_tls::{ALPN_HTTP2, PublicTls, server::TlsStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::gateway::Inner;
use crate::server::{Reply, Visitor, serve_http1};
use crate::stall::Stall;

/// Requests under way on one connection; a page of the shop needs some twenty.
const MAX_STREAMS: u32 = 100;
/// Streams that were reset before we looked at them ("rapid reset", CVE-2023-44487); beyond, the connection is ended. What
/// hyper takes when nothing is said, said here so that nobody takes it away.
const MAX_PENDING_RESETS: usize = 20;
/// Streams that we had to reset for a client's errors; beyond, the connection is ended. What hyper takes by itself.
const MAX_ERROR_RESETS: usize = 1024;
/// Bytes written behind for one stream, so that a hundred streams nobody reads hold 6 MiB and not 40.
const STREAM_BUFFER: usize = 64 * 1024;
/// A client that has gone without a word is noticed by its silence to this.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// After so long every client is told to come back on a new connection, so that streams which nobody reads do not stay for
/// ever.
const MAX_AGE: Duration = Duration::from_secs(600);
/// How long requests under way get after that.
const LEAVE: Duration = Duration::from_secs(30);

/// How connections over TLS are served.
pub(crate) struct Secure {
    tls: PublicTls,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    handshake: Duration,
    drain: Duration,
}

impl Secure {
    pub(crate) fn new(tls: PublicTls, gateway: &Inner, http1: http1::Builder) -> Self {
        let limits = &gateway.config.limits;
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_local_error_reset_streams(MAX_ERROR_RESETS)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(STREAM_BUFFER)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT);
        Self {
            tls,
            http1,
            http2,
            handshake: Duration::from_millis(limits.header_ms),
            drain: Duration::from_millis(limits.drain_ms),
        }
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(&self, socket: Stall, visitor: Visitor, tasks: &Tasks) -> hyper::Result<()> {
        let stream = match tokio::time::timeout(self.handshake, self.tls.accept(socket)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "no handshake");
                return Ok(());
            }
            Err(_) => {
                tracing::debug!("the handshake took too long");
                return Ok(());
            }
        };
        if stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2) {
            serve_http2(self.http2.clone(), stream, visitor, self.drain, tasks.token()).await
        } else {
            serve_http1(&self.http1, stream, visitor, tasks).await
        }
    }
}

/// Until the client leaves, has been silent or here too long, or the process stops. In the last three cases it is told so,
/// and requests under way are finished.
async fn serve_http2(
    http: http2::Builder<TokioExecutor>,
    stream: TlsStream<Stall>,
    visitor: Visitor,
    drain: Duration,
    stop: &CancellationToken,
) -> hyper::Result<()> {
    let started = Instant::now();
    let last = Arc::new(AtomicU64::new(0));
    let (asked, waits) = (visitor.asked.clone(), visitor.waits.clone());
    let service = Noted { visitor, started, last: last.clone() };
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let patience = loop {
        let quiet = match last.load(Ordering::Relaxed) {
            0 => waits.first(),
            last => Duration::from_millis(last) + waits.idle(),
        };
        let (until, now) = (started + quiet.min(MAX_AGE), Instant::now());
        if until <= now {
            break LEAVE;
        }
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = stop.cancelled() => {
                // Before its first words a connection cannot be ended gracefully.
                tokio::select! {
                    ended = connection.as_mut() => return ended,
                    () = asked.once() => break drain,
                }
            }
            () = tokio::time::sleep_until(until.min(now + waits.look())) => {}
        }
    };
    connection.as_mut().graceful_shutdown();
    tokio::time::timeout(patience, connection).await.unwrap_or(Ok(()))
}

/// A visitor who is remembered to have asked.
struct Noted {
    visitor: Visitor,
    started: Instant,
    /// Milliseconds after `started`; 0 before the first request.
    last: Arc<AtomicU64>,
}

impl Service<Request<Incoming>> for Noted {
    type Response = <Visitor as Service<Request<Incoming>>>::Response;
    type Error = <Visitor as Service<Request<Incoming>>>::Error;
    type Future = Reply;

    fn call(&self, request: Request<Incoming>) -> Reply {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis.max(1), Ordering::Relaxed);
        self.visitor.call(request)
    }
}
