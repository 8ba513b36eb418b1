//! TLS to the server. Whoever asks for it gets it whole: the certificate is by an authority we believe, and for the host we
//! asked for. PostgreSQL's own `require` believes anybody, which keeps out nobody who can stand between.

use std::{
    future::Future,
    io,
    path::Path,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_postgres::{
    Socket,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::DbError;

type Connector = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;
/// What is spoken over when TLS is.
pub(crate) type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// How connections are encrypted; by default not at all.
#[derive(Clone, Default)]
pub(crate) struct Tls(Option<MakeRustlsConnect>);

impl Tls {
    /// Servers show certificates by one of the authorities in a PEM file or, without a file, of those that the system knows.
    pub(crate) fn verified(authorities: Option<&Path>) -> Result<Self, DbError> {
        let roots = match authorities {
            Some(file) => Arc::new(from_file(file)?),
            None => system()?,
        };
        let config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| DbError::Other(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Some(MakeRustlsConnect::new(config))))
    }
}

fn from_file(file: &Path) -> Result<RootCertStore, DbError> {
    let wrong = |why: String| DbError::Other(format!("sslrootcert {}: {why}", file.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() { Err(wrong("holds no certificates".into())) } else { Ok(roots) }
}

/// Read once: there are some hundred.
fn system() -> Result<Arc<RootCertStore>, DbError> {
    static KNOWN: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    if known.is_empty() {
        let none = "the system knows no certificate authorities (package ca-certificates): name some with sslrootcert";
        return Err(DbError::Other(none.into()));
    }
    Ok(known.clone())
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Stream;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        // Asked for sockets without a host, too, though nothing is encrypted there.
        let Some(make) = &mut self.0 else { return Ok(Handshake(None)) };
        let made = MakeTlsConnect::<Socket>::make_tls_connect(make, host);
        made.map(|connector| Handshake(Some(connector))).map_err(io::Error::other)
    }
}

/// One connection's.
pub(crate) struct Handshake(Option<Connector>);

impl TlsConnect<Socket> for Handshake {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let Some(connector) = self.0 else { return Err(io::Error::other("TLS was not asked for")) };
            connector.connect(socket).await.map_err(io::Error::other)
        })
    }
}
