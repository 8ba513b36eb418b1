//! TLS connections: the handshake, then the protocol that both sides agreed on in it (ALPN). Nothing is guessed from the first bytes,
//! so there is no HTTP/2 without TLS.

use std::time::Duration;

use souk_runtime::Tasks;
use souk_tls::{ALPN_HTTP2, PublicTls};

use super::http1::Http1;
use super::http2::Http2;
use super::service::ConnectionService;
use super::write_timeout::WriteTimeout;
use crate::config::RequestLimits;

/// How connections over TLS are served.
pub(super) struct Tls {
    tls: PublicTls,
    http1: Http1,
    http2: Http2,
    handshake: Duration,
}

impl Tls {
    pub(super) fn new(tls: PublicTls, limits: &RequestLimits, http1: Http1) -> Self {
        Self { tls, http1, http2: Http2::new(limits), handshake: Duration::from_millis(limits.header_ms) }
    }

    /// Serves one connection to its end.
    pub(super) async fn serve(
        &self,
        socket: WriteTimeout,
        service: ConnectionService,
        tasks: &Tasks,
    ) -> hyper::Result<()> {
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
            self.http2.serve(stream, service, tasks.token()).await
        } else {
            self.http1.serve(stream, service, tasks).await
        }
    }
}
