//! A small HTTP client on the shop's public listener. Redirects are not followed and nothing is decompressed: tests look
//! at what is on the wire.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::de::DeserializeOwned;

/// Above every budget of the shop, debug builds on a busy machine included: what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(40);

/// A shop's public listener. Clones share connections.
#[derive(Clone)]
pub struct Shop {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its mails are, if actors are to read theirs.
    pub mails: Option<Arc<Path>>,
    origin: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// What is spoken over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// How long connections are kept for the next request: less than the shop keeps them (75 s), so that it does not close one
/// on which a request is on its way.
const KEEP: Duration = Duration::from_secs(5);

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Reply {
    /// As text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// As JSON of a type; panics with the answer when it is none.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.text()))
    }

    /// A header, empty when missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The code of a problem; panics unless this is a well-formed one.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.text());
        let problem: serde_json::Value = self.json();
        assert_eq!(problem["status"], self.status.as_u16(), "{problem}");
        problem["code"].as_str().unwrap_or_else(|| panic!("no code: {problem}")).to_owned()
    }
}

impl Shop {
    /// The shop at `address`.
    pub fn at(address: SocketAddr) -> Self {
        let connector = HttpsConnectorBuilder::new().with_tls_config(trusting(RootCertStore::empty()));
        Self::over(address, format!("http://{address}"), connector.https_or_http().enable_http1().build())
    }

    /// The same, whose mails are files in this folder.
    pub fn with_mails(self, folder: impl Into<Arc<Path>>) -> Self {
        Self { mails: Some(folder.into()), ..self }
    }

    /// The newest link to `path` that was mailed to `email`; waits for it.
    pub async fn mailed_link(&self, email: &str, path: &str) -> String {
        let folder = self.mails.as_ref().expect("a shop whose mails are read: Shop::with_mails");
        crate::mailbox::link(folder, email, path).await
    }

    /// The same over TLS, whose certificate is for `localhost` and by this authority, in PEM. Nothing else is spoken.
    pub fn secure(address: SocketAddr, authority: &[u8], protocol: Protocol) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority).unwrap()).unwrap();
        let mut tls = trusting(roots);
        tls.alpn_protocols = match protocol {
            Protocol::Http1 => Vec::new(),
            Protocol::Http2 => vec![b"h2".to_vec()],
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let mut connector = HttpsConnector::from((tcp, tls));
        connector.enforce_https();
        Self::over(address, format!("https://localhost:{}", address.port()), connector)
    }

    fn over(address: SocketAddr, origin: String, connector: HttpsConnector<HttpConnector>) -> Self {
        let mut client = Client::builder(TokioExecutor::new());
        let client = client.pool_timer(TokioTimer::new()).pool_idle_timeout(KEEP).build(connector);
        Self { address, mails: None, origin, client }
    }

    /// GETs a path.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// What the API finds for `words`, from no cache, whose answers may be 15 s old: each search is another by a highest price
    /// that nothing has.
    pub async fn search(&self, words: &str) -> serde_json::Value {
        static SEARCHES: AtomicU64 = AtomicU64::new(1_000_000_000);
        let words = percent_encoding::utf8_percent_encode(words, percent_encoding::NON_ALPHANUMERIC);
        let price = SEARCHES.fetch_add(1, Ordering::Relaxed);
        self.get(&format!("/api/v1/search?q={words}&price_max={price}")).await.json()
    }

    /// Sends JSON.
    pub async fn json(&self, method: Method, path: &str, body: &serde_json::Value) -> Reply {
        let json = [("content-type", "application/json")];
        self.send(method, path, &json, serde_json::to_vec(body).unwrap().into()).await
    }

    /// Sends anything; panics when no answer comes.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Bytes) -> Reply {
        let what = format!("{method} {path}");
        self.try_send(method, path, headers, body).await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// The same where the shop may be gone.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> anyhow::Result<Reply> {
        let uri = match path.starts_with("http://") {
            true => path.to_owned(),
            false => format!("{}{path}", self.origin),
        };
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header(header::USER_AGENT, "souk-testkit").body(Full::new(body))?;
        let exchange = async {
            let (head, body) = self.client.request(request).await?.into_parts();
            Ok::<_, anyhow::Error>(Reply {
                status: head.status,
                headers: head.headers,
                body: body.collect().await?.to_bytes(),
            })
        };
        tokio::time::timeout(PATIENCE, exchange).await?
    }
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring knows the versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
