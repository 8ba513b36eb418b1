//! HTTP client: it speaks what a shop answers.

use std::io::ErrorKind;

use axum::Router;
use axum::body::Body;
use axum::http::header;
use axum::routing::get;
use souk_bench::client::{Accept, Client};
use souk_bench::target::Target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::fake::serve;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn lengths_chunks_and_gzip_are_read_on_one_connection() {
    let long = "y".repeat(300_000);
    let zipped = gzip(r#"{"id":"7"}"#);
    let bytes = zipped.len() as u64;
    let chunks = long.clone();
    let router = Router::new()
        .route("/long", get(move || async move { long }))
        .route("/none", get(|| async { axum::http::StatusCode::NO_CONTENT }))
        .route("/zip", get(move || async move { ([(header::CONTENT_ENCODING, "gzip")], zipped) }))
        .route(
            "/chunks",
            get(move || async move {
                let parts: Vec<_> = chunks.into_bytes().chunks(777).map(<[u8]>::to_vec).collect();
                Body::from_stream(Parts(parts.into_iter()))
            }),
        );
    let server = serve(router).await;
    let mut client = Client::new(server.target.clone());
    for _ in 0..3 {
        let answer = client.get("/long", Accept::Page).await.unwrap();
        assert_eq!((answer.status, answer.bytes), (200, 300_000));
        assert_eq!(client.get("/none", Accept::Page).await.unwrap().status, 204);
        let answer = client.get("/chunks", Accept::Page).await.unwrap();
        assert_eq!(answer.bytes, 300_000);
        assert!(client.raw().iter().all(|byte| *byte == b'y'));
        let answer = client.get("/zip", Accept::Data).await.unwrap();
        assert_eq!(answer.bytes, bytes);
        assert_eq!(client.json::<serde_json::Value>(answer).unwrap()["id"], "7");
    }
}

struct Parts(std::vec::IntoIter<Vec<u8>>);

impl futures_util::Stream for Parts {
    type Item = Result<Vec<u8>, std::convert::Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next().map(Ok))
    }
}

/// Answers the first request on each connection with `bytes` and closes.
async fn says(bytes: &'static [u8]) -> (Target, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::at(listener.local_addr().unwrap()).unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _request = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(bytes).await.unwrap();
        }
    });
    (target, task)
}

#[tokio::test]
async fn answers_that_are_cut_or_broken_are_errors_and_the_next_request_connects_anew() {
    for (bytes, kind) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"[..], ErrorKind::UnexpectedEof),
        (b"HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n", ErrorKind::InvalidData),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", ErrorKind::InvalidData),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n", ErrorKind::InvalidData),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", ErrorKind::InvalidData),
        (b"SMTP ready\r\n\r\n", ErrorKind::InvalidData),
        (b"", ErrorKind::UnexpectedEof),
    ] {
        let (target, _task) = says(bytes).await;
        let mut client = Client::new(target);
        for _ in 0..2 {
            let error = client.get("/", Accept::Page).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{:?}: {error}", String::from_utf8_lossy(bytes));
        }
    }
    let (target, _task) =
        says(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    let mut client = Client::new(target);
    for _ in 0..2 {
        assert_eq!(client.get("/", Accept::Page).await.unwrap().bytes, 2);
    }
}
