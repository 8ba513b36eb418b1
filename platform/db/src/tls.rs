//! TLS to the database server. Where it is asked for it is whole: the certificate is by an authority we believe, and for the
//! host we asked for. PostgreSQL's own `require` believes any certificate, which keeps out no attacker in between.

use std::{future::Future, io, path::Path, pin::Pin};

use souk_tls::TrustRoots;
use tokio_postgres::{
    Socket,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::DbError;

type TlsConnector = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;
/// What is spoken over when TLS is.
pub(crate) type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// How connections are encrypted; by default not at all.
#[derive(Clone, Default)]
pub(crate) struct Tls(Option<MakeRustlsConnect>);

impl Tls {
    /// Servers show certificates by one of the authorities in a PEM file or, without a file, of those that the system knows.
    pub(crate) fn verified(ca_file: Option<&Path>) -> Result<Self, DbError> {
        let trust_roots = match ca_file {
            Some(file) => TrustRoots::in_file(file),
            None => TrustRoots::of_system().required(),
        };
        let trust_roots = trust_roots.map_err(|error| DbError::Other(format!("sslrootcert: {error}")))?;
        Ok(Self(Some(MakeRustlsConnect::new(trust_roots.client()))))
    }
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
pub(crate) struct Handshake(Option<TlsConnector>);

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
