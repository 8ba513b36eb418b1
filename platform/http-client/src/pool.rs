//! Connection pool: kept-alive connections over HTTP/1.1, with or without TLS: hyper and rustls, as everywhere in Souk. By
//! itself for bodies that are streams (object storage); else behind [`crate::HttpClient`].

use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use souk_tls::{TlsError, TrustRoots};

use crate::Reach;
use crate::reach::{Guard, Resolver};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Which URLs are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schemes {
    /// `https://` only.
    Https,
    /// `http://` too, within a private network.
    HttpToo,
}

/// How connections are made and kept.
#[derive(Clone, Debug)]
pub struct Connections {
    /// Which URLs.
    pub schemes: Schemes,
    /// Which addresses.
    pub reach: Reach,
    /// Who vouches for servers.
    pub trust_roots: TrustRoots,
    /// Idle ones are closed after that: before the other side would.
    pub idle: Duration,
    /// Idle ones kept to one host.
    pub max_idle: usize,
}

/// Connections to any number of hosts.
#[derive(Clone)]
pub struct Pool<B> {
    client: Client<HttpsConnector<Guard>, B>,
}

impl<B> Pool<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// No connections yet.
    ///
    /// # Errors
    /// No authority is known that could vouch for a server, and there is no other way.
    pub fn new(connections: Connections) -> Result<Self, TlsError> {
        let Connections { schemes, reach, trust_roots, idle, max_idle } = connections;
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new(reach));
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.enforce_http(false);
        let connector = match schemes {
            Schemes::Https => {
                HttpsConnectorBuilder::new().with_tls_config(trust_roots.required()?.client()).https_only()
            }
            // A machine without authorities can still speak to itself.
            Schemes::HttpToo => HttpsConnectorBuilder::new().with_tls_config(trust_roots.client()).https_or_http(),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(idle)
            .pool_max_idle_per_host(max_idle)
            .pool_timer(TokioTimer::new())
            .build(connector.enable_http1().wrap_connector(Guard::new(reach, tcp)));
        Ok(Self { client })
    }

    /// Sends `request`; its answer's body is read by the caller, who also decides how long all that may take.
    ///
    /// # Errors
    /// Hyper's.
    pub async fn request(&self, request: Request<B>) -> Result<Response<Incoming>, Error> {
        self.client.request(request).await
    }
}
