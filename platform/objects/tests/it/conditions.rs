//! Conditional puts: servers of the S3 protocol that do not know them. None that can be installed is like that, so this one
//! is made up: it takes what is put without a condition, and answers others with 501.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use souk_kernel::Secret;
use souk_objects::{Objects, Storage};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::suite::PNG;

/// Requests with and without a condition.
#[derive(Default)]
struct Seen {
    conditional: AtomicUsize,
    plain: AtomicUsize,
}

async fn answer(socket: TcpStream, seen: &Seen) -> std::io::Result<()> {
    let mut stream = BufReader::new(socket);
    let (mut length, mut conditional) = (0, false);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        conditional |= line == "if-none-match: *";
        length = line.strip_prefix("content-length: ").map_or(length, |length| length.parse().unwrap());
    }
    stream.read_exact(&mut vec![0; length]).await?;
    let (counter, status) = match conditional {
        true => (&seen.conditional, "501 Not Implemented"),
        false => (&seen.plain, "200 OK\r\netag: \"1\""),
    };
    counter.fetch_add(1, Ordering::Relaxed);
    let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(reply.as_bytes()).await
}

#[tokio::test]
async fn a_server_without_conditional_puts_is_overwritten_with_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let storage = Storage {
        endpoint: Some(format!("http://{}", listener.local_addr().unwrap())),
        account: Some("id".into()),
        secret: Some(Secret::new("secret".into())),
        ..Storage::at("s3://souk".parse().unwrap())
    };
    let seen = Arc::new(Seen::default());
    let mut serving = JoinSet::new();
    let counted = seen.clone();
    serving.spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            answer(socket, &counted).await.unwrap();
        }
    });
    let objects = Objects::open(&storage).unwrap();
    objects.put(Bytes::from_static(PNG)).await.unwrap();
    assert!(seen.conditional.load(Ordering::Relaxed) > 0, "first it is asked to create");
    assert_eq!(seen.plain.load(Ordering::Relaxed), 1);
}
