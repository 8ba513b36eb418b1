//! Public TLS for buyers: the shop's certificate, HTTP/2 where the browser can, and TLS 1.2 for those that are old.

use std::io;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::ring;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, server};

use crate::files::Pem;
use crate::{Files, Reload, TlsError, certificate};

/// HTTP/2 in the handshake (RFC 7301, RFC 9113 3.2).
pub const ALPN_HTTP2: &[u8] = b"h2";
/// HTTP/1.1 in the handshake.
pub const ALPN_HTTP1: &[u8] = b"http/1.1";

/// The public certificate. Clones share it, and see it renewed.
#[derive(Clone)]
pub struct PublicTls(Arc<Inner>);

struct Inner {
    files: Files,
    current: RwLock<Loaded>,
}

struct Loaded {
    digest: [u8; 32],
    not_after: i64,
    config: Arc<ServerConfig>,
}

impl PublicTls {
    /// From PEM files: certificate with its chain, and key.
    pub fn load(files: Files) -> Result<Self, TlsError> {
        let current = RwLock::new(Loaded::new(&files.read()?, &files)?);
        Ok(Self(Arc::new(Inner { files, current })))
    }

    /// The server's side of a handshake.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, socket: S) -> io::Result<server::TlsStream<S>> {
        let config = self.loaded(|loaded| loaded.config.clone());
        TlsAcceptor::from(config).accept(socket).await
    }

    fn loaded<T>(&self, take: impl FnOnce(&Loaded) -> T) -> T {
        take(&self.0.current.read())
    }
}

impl Reload for PublicTls {
    fn name(&self) -> &str {
        "public"
    }

    fn not_after(&self) -> i64 {
        self.loaded(|loaded| loaded.not_after)
    }

    fn reload(&self) -> Result<bool, TlsError> {
        let pem = self.0.files.read()?;
        if pem.digest() == self.loaded(|loaded| loaded.digest) {
            return Ok(false);
        }
        let new = Loaded::new(&pem, &self.0.files)?;
        *self.0.current.write() = new;
        Ok(true)
    }
}

impl Loaded {
    fn new(pem: &Pem, files: &Files) -> Result<Self, TlsError> {
        let unusable = |reason: String| TlsError::Unusable { file: files.certificate.clone(), reason };
        let (chain, key) = (pem.chain(files)?, pem.private_key(files)?);
        let not_after = certificate::not_after(&chain[0]).map_err(unusable)?;
        let config = config(chain, key).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { digest: pem.digest(), not_after, config: Arc::new(config) })
    }
}

/// Returning visitors resume without another signature: by ticket, which costs no memory, or (TLS 1.2 without tickets) not
/// at all.
fn config(
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: rustls::pki_types::PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}
