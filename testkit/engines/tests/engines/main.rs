//! Engines that `scripts/engines` installs: they start, answer, hang, die and come back with what they had.
#![allow(clippy::unwrap_used)] // a test may panic

mod kafka;
mod opensearch;
mod s3;

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a hung server is listened to: a running one answers within milliseconds.
const HUNG: Duration = Duration::from_millis(500);

/// Status and body of one HTTP request with a JSON body. HTTP/1.0: the reply ends with the connection.
async fn http(url: &str, method: &str, path: &str, body: &str) -> io::Result<(u16, String)> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok((status, reply.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned()))
}
