//! TLS identity of a role: what it shows, and whom it believes. A process with several roles holds several, so that taking
//! over one role's work does not give the rights of another.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::files::Pem;
use crate::verify::RoleVerifier;
use crate::{Files, Reload, TlsError, TrustDomain, certificate};

/// A role's certificate and key, and the authority it judges others by. Clones share it, and see it renewed.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    role: &'static str,
    domain: TrustDomain,
    files: Files,
    current: RwLock<Loaded>,
}

#[derive(Clone)]
struct Loaded {
    digest: [u8; 32],
    not_after: i64,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Identity {
    /// The identity of `role` from the folder `dir` (see [`Files::of_role`]). Refuses what no peer could accept: a key that
    /// does not fit, a certificate of another role, of another authority, or of another time.
    pub fn load(dir: &Path, domain: &TrustDomain, role: &'static str) -> Result<Self, TlsError> {
        let files = Files::of_role(dir, role);
        let current = RwLock::new(Loaded::new(&files.read()?, &files, domain, role)?);
        Ok(Self(Arc::new(Inner { role, domain: domain.clone(), files, current })))
    }

    /// Whose it is.
    pub fn role(&self) -> &'static str {
        self.0.role
    }

    /// The server's side of a handshake: the caller must have a certificate of our authority. Gives the role it names, if
    /// it names one of our trust domain.
    pub async fn accept(&self, socket: TcpStream) -> io::Result<(server::TlsStream<TcpStream>, Option<Box<str>>)> {
        let config = self.loaded(|loaded| loaded.server.clone());
        let stream = TlsAcceptor::from(config).accept(socket).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let role = shown.and_then(|certificate| self.0.domain.role_of(certificate));
        Ok((stream, role))
    }

    /// The client's side: the server that answers must be `role`, at whatever address.
    pub async fn connect(&self, role: &'static str, socket: TcpStream) -> io::Result<client::TlsStream<TcpStream>> {
        let config = self.loaded(|loaded| loaded.client.clone());
        let name = ServerName::try_from(role).map_err(io::Error::other)?;
        TlsConnector::from(config).connect(name, socket).await
    }

    fn loaded<T>(&self, take: impl FnOnce(&Loaded) -> T) -> T {
        take(&self.0.current.read())
    }
}

impl Reload for Identity {
    fn name(&self) -> &str {
        self.0.role
    }

    fn not_after(&self) -> i64 {
        self.loaded(|loaded| loaded.not_after)
    }

    fn reload(&self) -> Result<bool, TlsError> {
        let (inner, pem) = (&self.0, self.0.files.read()?);
        if pem.digest() == self.loaded(|loaded| loaded.digest) {
            return Ok(false);
        }
        let new = Loaded::new(&pem, &inner.files, &inner.domain, inner.role)?;
        *inner.current.write() = new;
        Ok(true)
    }
}

impl Loaded {
    fn new(pem: &Pem, files: &Files, domain: &TrustDomain, role: &str) -> Result<Self, TlsError> {
        let (chain, key) = (pem.chain(files)?, pem.private_key(files)?);
        let unusable = |reason: String| TlsError::Unusable { file: files.certificate.clone(), reason };
        let roots = Arc::new(roots(pem, files)?);
        let provider = Arc::new(ring::default_provider());
        let callers = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
        let callers = callers.map_err(|error| unusable(error.to_string()))?;
        check_own(&chain, callers.as_ref(), domain, role).map_err(unusable)?;
        let not_after = certificate::not_after(&chain[0]).map_err(unusable)?;
        let callees = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
        let callees = callees.map_err(|error| unusable(error.to_string()))?;
        let server = server_config(&provider, callers, &chain, &key).map_err(|error| unusable(error.to_string()))?;
        let verifier = RoleVerifier { inner: callees, domain: domain.clone() };
        let client = client_config(provider, verifier, chain, key).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { digest: pem.digest(), not_after, server: Arc::new(server), client: Arc::new(client) })
    }
}

fn roots(pem: &Pem, files: &Files) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in pem.authorities(files)? {
        let file = files.authority.clone().unwrap_or_default();
        roots.add(authority).map_err(|error| TlsError::Unusable { file, reason: error.to_string() })?;
    }
    Ok(roots)
}

/// What every other role would refuse is refused here, where the operator reads the log.
fn check_own(
    chain: &[CertificateDer<'static>],
    callers: &dyn ClientCertVerifier,
    domain: &TrustDomain,
    role: &str,
) -> Result<(), String> {
    let (own, intermediates) = chain.split_first().ok_or("holds no certificate")?;
    let verified = callers.verify_client_cert(own, intermediates, UnixTime::now());
    verified.map_err(|error| format!("nobody would accept it: {error}"))?;
    match domain.role_of(own) {
        Some(named) if *named == *role => Ok(()),
        Some(named) => Err(format!("is the certificate of role {named}, not of {role}")),
        None => Err(format!("does not name the role: {} is missing", domain.uri(role))),
    }
}

/// No session is resumed: a client that connects proves a certificate that is good now. Connections live long, so the full
/// handshake costs little.
fn server_config(
    provider: &Arc<CryptoProvider>,
    callers: Arc<dyn ClientCertVerifier>,
    chain: &[CertificateDer<'static>],
    key: &rustls::pki_types::PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS13])?;
    let builder = builder.with_client_cert_verifier(callers);
    let mut config = builder.with_single_cert(chain.to_vec(), key.clone_key())?;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn client_config(
    provider: Arc<CryptoProvider>,
    verifier: RoleVerifier,
    chain: Vec<CertificateDer<'static>>,
    key: rustls::pki_types::PrivateKeyDer<'static>,
) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13])?;
    // "Dangerous" is what rustls calls any verifier of one's own; ours adds a condition to rustls' own.
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = builder.with_client_auth_cert(chain, key)?;
    config.resumption = Resumption::disabled();
    Ok(config)
}
