//! HTTP/1.1 connections, with and without TLS.

use std::pin::pin;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use souk_rpc_http::serve_until_drained;
use souk_runtime::Tasks;
use tokio::io::{AsyncRead, AsyncWrite};

use super::idle_timeout::TimedStream;
use super::service::ConnectionService;
use crate::config::RequestLimits;

/// Bytes read ahead and written behind per connection.
const BUFFER_BYTES: usize = 64 * 1024;

/// How HTTP/1.1 is served.
#[derive(Clone)]
pub(super) struct Http1 {
    builder: http1::Builder,
    drain: Duration,
}

impl Http1 {
    /// Not `pipeline_flush`: it lifts the limit on what is written behind, so one client that does not read an endless answer would
    /// take all memory, and it keeps back the 400 that ends a connection.
    pub(super) fn new(limits: &RequestLimits) -> Self {
        let mut builder = http1::Builder::new();
        builder
            // `TimedStream` knows more than one limit of time.
            .header_read_timeout(None)
            .max_header_size(limits.header_bytes)
            .max_buf_size(BUFFER_BYTES.max(limits.header_bytes));
        Self { builder, drain: Duration::from_millis(limits.drain_ms) }
    }

    /// Serves one connection to its end.
    pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        service: ConnectionService,
        tasks: &Tasks,
    ) -> hyper::Result<()> {
        let first = service.first.clone();
        let stream = TimedStream::new(stream, service.timeouts.clone(), service.responding.clone());
        let connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let ended = serve_until_drained(connection, &first, tasks.token(), self.drain).await;
        ended.unwrap_or_else(|| {
            tracing::warn!("a connection was still open after the drain");
            Ok(())
        })
    }
}
