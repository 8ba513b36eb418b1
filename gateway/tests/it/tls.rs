//! TLS connections: which protocol, with which certificate, and how they end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use souk_gateway::GatewayConfig;
use souk_tls::{Authority, Files, PublicTls, Reload, Validity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Client, PATIENCE, request};
use crate::shop::{CUSTOMER, SESSION, World};

/// A shop over TLS, and those who trust its authority.
struct Secure {
    world: World,
    authority: Authority,
    dir: tempfile::TempDir,
    tls: PublicTls,
}

impl Secure {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let (authority, dir) = (Authority::new(Validity::around_now(1)).unwrap(), tempfile::tempdir().unwrap());
        authority.issue_host("localhost", Validity::around_now(1)).unwrap().save(dir.path(), "shop", false).unwrap();
        let file = |name| dir.path().join(name);
        let tls =
            PublicTls::load(Files { certificate: file("shop.pem"), key: file("shop.key"), authority: None }).unwrap();
        Self { world: World::secure(tls.clone(), change).await, authority, dir, tls }
    }

    async fn connect(&self, alpn: &[&[u8]]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let socket = TcpStream::connect(self.world.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
    }

    async fn http2(&self) -> Http2 {
        let stream = self.connect(&[b"h2", b"http/1.1"]).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let ended = self.world.tasks.run("client", async move { connection.await.map_err(|error| error.to_string()) });
        Http2 { sender, ended }
    }
}

struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    ended: tokio::sync::oneshot::Receiver<Result<(), String>>,
}

impl Http2 {
    async fn send(&mut self, request: http::request::Builder, body: &'static str) -> (Response<()>, String) {
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        whole(self.sender.send_request(request).await.unwrap()).await
    }
}

async fn whole(response: Response<Incoming>) -> (Response<()>, String) {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (Response::from_parts(parts, ()), String::from_utf8(body.to_vec()).unwrap())
}

fn get(path: &str) -> http::request::Builder {
    Request::get(format!("https://shop.test{path}"))
}

async fn http1(mut stream: TlsStream<TcpStream>, raw: &str) -> String {
    stream.write_all(raw.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    // Ends when the gateway closes; some say goodbye badly.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("closed in time");
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn browsers_get_http2_with_all_that_http1_has() {
    let shop = Secure::start().await;
    let mut client = shop.http2().await;
    let (head, first) = client.send(get("/p/bag"), "").await;
    assert_eq!((head.status(), head.version()), (StatusCode::OK, Version::HTTP_2));
    assert!(first.contains("render 1 for anonymous at public.test"), "{first}");
    assert!(head.headers().contains_key("strict-transport-security"));
    let (_, again) = client.send(get("/p/bag"), "").await;
    assert_eq!((again, shop.world.shop.renders()), (first, 1), "from the page cache");

    // Cookies come in pieces, the host in the address; a service sees what it always sees.
    let post = Request::post("https://shop.test/account")
        .header("cookie", "a=1")
        .header("cookie", format!("__Host-souk_session={SESSION}"))
        .header("origin", "https://shop.test");
    let (head, seen) = client.send(post, "{}").await;
    let seen: serde_json::Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(head.status(), StatusCode::OK, "{seen}");
    assert_eq!(seen["actor"], format!("customer:{CUSTOMER}"));
    assert_eq!((&seen["uri"], &seen["headers"]["host"]), (&"/account".into(), &"shop.test".into()));
    assert_eq!(seen["headers"]["cookie"], format!("a=1; __Host-souk_session={SESSION}"));
    let elsewhere = Request::post("https://shop.test/account")
        .header("cookie", format!("__Host-souk_session={SESSION}"))
        .header("origin", "https://evil.test");
    assert_eq!(client.send(elsewhere, "{}").await.0.status(), StatusCode::FORBIDDEN);
    let two_hosts = get("/p/bag").header("host", "evil.test");
    let (head, said) = client.send(two_hosts, "").await;
    assert!(head.status() == StatusCode::BAD_REQUEST && said.contains("bad_host"), "{said}");
    shop.world.stop().await;
}

#[tokio::test]
async fn others_get_http1_and_there_is_no_http2_without_tls() {
    let shop = Secure::start().await;
    for alpn in [&[][..], &[&b"http/1.1"[..]]] {
        let said = http1(shop.connect(alpn).await, &request("GET", "/p/bag", "Connection: close\r\n")).await;
        assert!(said.starts_with("HTTP/1.1 200") && said.contains("<h1>bag</h1>"), "{said}");
    }
    let mut plain = Client::connect(shop.world.address).await;
    plain.write(request("GET", "/p/bag", "")).await;
    let said = plain.closed().await;
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    shop.world.stop().await;
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_the_next() {
    let shop = Secure::start().await;
    let shown = async || shop.connect(&[]).await.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
    let first = shown().await;
    std::fs::write(shop.dir.path().join("shop.pem"), "broken").unwrap();
    shop.tls.reload().unwrap_err();
    assert_eq!(shown().await, first);
    let renewed = shop.authority.issue_host("localhost", Validity::around_now(2)).unwrap();
    renewed.save(shop.dir.path(), "shop", true).unwrap();
    assert!(shop.tls.reload().unwrap());
    assert_ne!(shown().await, first);
    shop.world.stop().await;
}

/// Who leaves says so in both protocols; what is under way is finished.
#[tokio::test]
async fn the_end_is_graceful_in_both_protocols() {
    let shop = Secure::start().await;
    let mut client = shop.http2().await;
    client.send(get("/p/bag"), "").await;
    shop.world.tasks.leave();
    let said = http1(shop.connect(&[b"http/1.1"]).await, &request("GET", "/p/bag", "")).await;
    assert!(said.starts_with("HTTP/1.1 200") && said.to_lowercase().contains("connection: close"), "{said}");
    let slow = http1(shop.connect(&[b"http/1.1"]).await, &request("GET", "/other", "")).await;
    assert!(slow.to_lowercase().contains("connection: close"), "{slow}");

    shop.world.shop.close_gate();
    let mut sender = client.sender.clone();
    let under_way = get("/p/slow").body(Full::new(Bytes::new())).unwrap();
    let answer =
        shop.world.tasks.run("under way", async move { whole(sender.send_request(under_way).await.unwrap()).await });
    shop.world.shop.rendering(3).await;
    shop.world.tasks.stop();
    tokio::time::timeout(PATIENCE, closed(shop.world.address)).await.expect("the listener closes");
    shop.world.shop.open_gate();
    let (head, said) = answer.await.unwrap();
    assert!(head.status() == StatusCode::OK && said.contains("<h1>slow</h1>"), "{said}");
    client.ended.await.unwrap().unwrap();
    shop.world.stop().await;
}

/// A minute and more between two requests, and seconds for a connection that asks nothing at all.
#[tokio::test]
async fn idle_connections_are_told_to_leave_in_both_protocols() {
    let shop = Secure::with(|config| (config.limits.header_ms, config.limits.idle_ms) = (300, 1_500)).await;
    let began = Instant::now();
    let mut client = shop.http2().await;
    client.send(get("/p/bag"), "").await;
    let silent = shop.http2().await;
    silent.ended.await.unwrap().unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(client.send(get("/p/bag"), "").await.0.status(), StatusCode::OK);
    let asked = Instant::now();
    client.ended.await.unwrap().unwrap();
    assert!(asked.elapsed() >= Duration::from_millis(1_400), "HTTP/2: {:?}", asked.elapsed());

    let asked = Instant::now();
    let said = http1(shop.connect(&[b"http/1.1"]).await, &request("GET", "/p/bag", "")).await;
    assert!(said.starts_with("HTTP/1.1 200") && asked.elapsed() >= Duration::from_millis(1_500), "{said}");
    let asked = Instant::now();
    let half = http1(shop.connect(&[b"http/1.1"]).await, "GET /p/bag HTTP/1.1\r\nHost: ").await;
    assert!(half.is_empty() && asked.elapsed() >= Duration::from_millis(300), "{half}");
    shop.world.stop().await;
}

async fn closed(address: SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// A frame of HTTP/2 (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CANCEL: [u8; 4] = [0, 0, 0, 8];
const ENHANCE_YOUR_CALM: [u8; 4] = [0, 0, 0, 11];

/// Requests that are given up as soon as they are sent (CVE-2023-44487).
#[tokio::test]
async fn resets_in_a_row_end_the_connection() {
    let shop = Secure::start().await;
    let mut stream = shop.connect(&[b"h2"]).await;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    // GET / of https, by their numbers in HPACK's table, and a host.
    let head = [&[0x82, 0x84, 0x87, 0x41, 9], &b"shop.test"[..]].concat();
    for stream in (1..400).step_by(2) {
        // The whole request: end of headers, end of stream.
        bytes.extend(frame(HEADERS, 4 | 1, stream, &head));
        bytes.extend(frame(RST_STREAM, 0, stream, &CANCEL));
    }
    stream.write_all(&bytes).await.unwrap();
    let mut said = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("closed in time");
    let mut rest = said.as_slice();
    let mut reasons = Vec::new();
    while rest.len() >= 9 {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        if rest[3] == GOAWAY {
            reasons.push(rest[13..17].to_vec());
        }
        rest = &rest[9 + length..];
    }
    assert_eq!(reasons, [ENHANCE_YOUR_CALM]);
    shop.world.stop().await;
}
