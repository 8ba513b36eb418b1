//! Tests of downloads against servers that behave as strangers do.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use souk_tls::TrustRoots;
use tokio::net::TcpListener;

use super::*;
use crate::{Reach, Schemes};

const MAX: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(2);

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

fn downloader(reach: Reach) -> Downloader {
    Downloader::new(DownloadSettings {
        name: "test",
        user_agent: "Souk".into(),
        accept: "image/*",
        max_bytes: MAX,
        within: PATIENCE,
        per_host: 2,
        connections: Connections {
            schemes: Schemes::HttpToo,
            reach,
            trust_roots: TrustRoots::none(),
            idle: PATIENCE,
            max_idle: 4,
        },
    })
    .unwrap()
}

fn full(status: u16, headers: &[(&str, &str)], content: &'static [u8]) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::new(Bytes::from_static(content)).boxed_unsync()).unwrap()
}

/// A server on loopback that answers by `answer`.
async fn server(answer: impl Fn(&Request<Incoming>) -> Response<Body> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[allow(clippy::disallowed_methods)] // ends with the test's runtime
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let answer = answer.clone();
            let service = service_fn(move |request| {
                let response = answer(&request);
                async move { Ok::<_, Infallible>(response) }
            });
            tokio::spawn(async move {
                let http = hyper::server::conn::http1::Builder::new();
                drop(http.serve_connection(TokioIo::new(socket), service).await);
            });
        }
    });
    address
}

async fn get(reach: Reach, address: &str) -> Result<Download, DownloadError> {
    downloader(reach).get(address, &Validators::default()).await
}

#[tokio::test]
async fn a_file_comes_once_and_then_only_when_it_has_changed() {
    let address = server(|request| match request.headers().get("if-none-match") {
        Some(tag) if tag == "\"1\"" => full(304, &[], b""),
        _ => full(200, &[("etag", "\"1\""), ("last-modified", "Mon, 01 Jan 2024 00:00:00 GMT")], b"picture"),
    })
    .await;
    let (client, address) = (downloader(Reach::Anywhere), format!("http://{address}/ein bild/größe.jpg#top"));
    let Download::File { content, validators } = client.get(&address, &Validators::default()).await.unwrap() else {
        panic!("it is new")
    };
    assert_eq!(&content[..], b"picture");
    assert_eq!(validators.last_modified.as_deref(), Some("Mon, 01 Jan 2024 00:00:00 GMT"));
    assert_eq!(client.get(&address, &validators).await.unwrap(), Download::Unchanged);
}

#[tokio::test]
async fn redirects_are_followed_and_end() {
    let address = server(|request| match request.uri().path() {
        "/a" => full(302, &[("location", "/b")], b""),
        "/b" => full(308, &[("location", "c")], b""),
        "/c" => full(200, &[], b"there"),
        "/round" => full(301, &[("location", "/round")], b""),
        "/file" => full(302, &[("location", "file:///etc/passwd")], b""),
        _ => full(302, &[], b""),
    })
    .await;
    let at = |path: &str| format!("http://user:secret@{address}{path}");
    assert!(matches!(get(Reach::Anywhere, &at("/a")).await, Ok(Download::File { content, .. }) if content == "there"));
    assert_eq!(get(Reach::Anywhere, &at("/round")).await, Err(DownloadError::TooManyRedirects));
    for nowhere in ["/file", "/none"] {
        let refused = get(Reach::Anywhere, &at(nowhere)).await.unwrap_err();
        assert!(matches!(&refused, DownloadError::Address(why) if !why.contains("secret")), "{refused:?}");
    }
}

#[tokio::test]
async fn no_address_within_a_private_network_is_asked_however_it_is_reached() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let address = server(|_| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        full(200, &[], b"secret")
    })
    .await;
    let port = address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "[::1]", "0"] {
        let refused = get(Reach::PublicOnly, &format!("http://{host}:{port}/x.jpg")).await.unwrap_err();
        assert!(matches!(refused, DownloadError::OutOfReach(_)), "{host}: {refused:?}");
    }
    assert_eq!(ASKED.load(Ordering::SeqCst), 0);
    for nothing in ["ftp://example.com/x", "file:///etc/passwd", "//x/y.jpg", "x.jpg", "http://", "javascript:1"] {
        let refused = get(Reach::Anywhere, nothing).await.unwrap_err();
        assert!(matches!(refused, DownloadError::Address(_)), "{nothing}: {refused:?}");
    }
}

#[tokio::test]
async fn what_is_too_large_or_has_no_end_is_cut_off() {
    let address = server(|request| match request.uri().path() {
        "/said" => full(200, &[], &[0; MAX + 1]),
        "/exact" => full(200, &[], &[0; MAX]),
        _ => {
            let pieces = futures_util::stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[0; 100]))));
            Response::new(StreamBody::new(pieces).boxed_unsync())
        }
    })
    .await;
    let at = |path: &str| format!("http://{address}{path}");
    for path in ["/said", "/endless"] {
        assert_eq!(get(Reach::Anywhere, &at(path)).await, Err(DownloadError::TooLarge(MAX)), "{path}");
    }
    assert!(get(Reach::Anywhere, &at("/exact")).await.is_ok());
}

#[tokio::test]
async fn what_may_pass_is_told_from_what_will_not() {
    let address = server(|request| match request.uri().path() {
        "/gone" => full(404, &[], b""),
        "/locked" => full(403, &[], b""),
        "/busy" => full(429, &[], b""),
        "/slow" => Response::new(StreamBody::new(futures_util::stream::pending()).boxed_unsync()),
        _ => full(503, &[], b""),
    })
    .await;
    for (path, passes) in [("/gone", false), ("/locked", false), ("/busy", true), ("/down", true), ("/slow", true)] {
        let error = get(Reach::Anywhere, &format!("http://{address}{path}")).await.unwrap_err();
        assert_eq!(error.may_pass(), passes, "{path}: {error}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = get(Reach::Anywhere, &format!("http://{closed}/")).await.unwrap_err();
    assert!(refused.may_pass() && refused.to_string().contains("refused"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_host_is_left_alone_for_as_long_as_it_asks() {
    let host = Host::new(1);
    let mut headers = HeaderMap::new();
    host.heed(&headers);
    assert_eq!(*host.not_before.lock(), None);
    headers.insert("retry-after", HeaderValue::from_static("30"));
    host.heed(&headers);
    let first = *host.not_before.lock();
    headers.insert("retry-after", HeaderValue::from_static("1"));
    host.heed(&headers);
    assert!(first.is_some_and(|until| until > Instant::now() + Duration::from_secs(25)));
    assert_eq!(*host.not_before.lock(), first, "a shorter pause undoes no longer one");
}

#[tokio::test]
async fn a_host_is_asked_for_a_few_files_at_a_time() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let address = server(|_| {
        let now = NOW.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(now, Ordering::SeqCst);
        let end = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            NOW.fetch_sub(1, Ordering::SeqCst);
            Ok(Frame::data(Bytes::from_static(b"x")))
        };
        Response::new(StreamBody::new(futures_util::stream::once(end)).boxed_unsync())
    })
    .await;
    let client = downloader(Reach::Anywhere);
    let nothing = Validators::default();
    let all = (0..10).map(|n| format!("http://{address}/{n}"));
    let got = futures_util::future::join_all(all.map(async |at| client.get(&at, &nothing).await)).await;
    assert!(got.iter().all(Result::is_ok), "{got:?}");
    assert_eq!(MOST.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_host_that_is_down_is_not_asked_for_every_file() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let address = server(|_| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        full(500, &[], b"")
    })
    .await;
    let (client, other) = (downloader(Reach::Anywhere), server(|_| full(200, &[], b"x")).await);
    let get = async |at: SocketAddr| client.get(&format!("http://{at}/"), &Validators::default()).await;
    for _ in 0..20 {
        assert!(get(address).await.unwrap_err().may_pass());
    }
    assert_eq!(ASKED.load(Ordering::SeqCst), DOWN_AFTER as usize);
    assert!(client.get(&format!("http://localhost:{}/", other.port()), &Validators::default()).await.is_ok());
}
