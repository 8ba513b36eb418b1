//! HTTP/2 connections. The protocol lets one connection ask for much at once, so it has limits of its own.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use souk_tls::server::TlsStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::service::{ConnectionService, ResponseFuture};
use super::write_timeout::WriteTimeout;
use crate::config::RequestLimits;

/// Requests under way on one connection; a page of the shop needs some twenty.
const MAX_STREAMS: u32 = 100;
/// Streams that were reset before we looked at them ("rapid reset", CVE-2023-44487); beyond, the connection is ended. hyper's
/// default, repeated here so that a later default does not lift it.
const MAX_PENDING_RESETS: usize = 20;
/// Streams that we had to reset for a client's errors; beyond, the connection is ended. hyper's default.
const MAX_ERROR_RESETS: usize = 1024;
/// Bytes written behind for one stream, so that a hundred streams that a client does not read hold 6 MiB and not 40.
const STREAM_BUFFER: usize = 64 * 1024;
/// A client that has gone without a word is noticed by its silence to this.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// After so long every client is told to come back on a new connection, so that streams which a client does not read do not stay for
/// ever.
const MAX_AGE: Duration = Duration::from_secs(600);
/// How long requests under way get after that.
const LEAVE: Duration = Duration::from_secs(30);

/// How HTTP/2 is served.
pub(super) struct Http2 {
    builder: http2::Builder<TokioExecutor>,
    drain: Duration,
}

impl Http2 {
    pub(super) fn new(limits: &RequestLimits) -> Self {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_local_error_reset_streams(MAX_ERROR_RESETS)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(STREAM_BUFFER)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT);
        Self { builder, drain: Duration::from_millis(limits.drain_ms) }
    }

    /// Serves one connection until the client leaves, has been silent or here too long, or the process stops. In the last three cases
    /// it is told so, and requests under way are finished.
    pub(super) async fn serve(
        &self,
        stream: TlsStream<WriteTimeout>,
        service: ConnectionService,
        stop: &CancellationToken,
    ) -> hyper::Result<()> {
        let started = Instant::now();
        let last = Arc::new(AtomicU64::new(0));
        let (first, timeouts) = (service.first.clone(), service.timeouts.clone());
        let service = TimedService { service, started, last: last.clone() };
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let patience = loop {
            let quiet = match last.load(Ordering::Relaxed) {
                0 => timeouts.first(),
                last => Duration::from_millis(last) + timeouts.idle(),
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
                        () = first.wait() => break self.drain,
                    }
                }
                () = tokio::time::sleep_until(until.min(now + timeouts.check_interval())) => {}
            }
        };
        connection.as_mut().graceful_shutdown();
        tokio::time::timeout(patience, connection).await.unwrap_or(Ok(()))
    }
}

/// Notes when the last request came.
struct TimedService {
    service: ConnectionService,
    started: Instant,
    /// Milliseconds after `started`; 0 before the first request.
    last: Arc<AtomicU64>,
}

impl Service<Request<Incoming>> for TimedService {
    type Response = <ConnectionService as Service<Request<Incoming>>>::Response;
    type Error = <ConnectionService as Service<Request<Incoming>>>::Error;
    type Future = ResponseFuture;

    fn call(&self, request: Request<Incoming>) -> ResponseFuture {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis.max(1), Ordering::Relaxed);
        self.service.call(request)
    }
}
