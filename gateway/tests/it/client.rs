//! Raw HTTP client: sends exactly the bytes it is told and reads one answer at a time.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Nothing in these tests takes that long; a test that hangs should say where.
pub const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        let body = match self.header("content-encoding") {
            "gzip" => {
                let mut out = Vec::new();
                flate2::read::GzDecoder::new(&*self.body).read_to_end(&mut out).unwrap();
                out
            }
            _ => self.body.clone(),
        };
        String::from_utf8(body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text()).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], self.status);
        assert_eq!(json["request_id"], self.header("x-request-id"));
        json["code"].as_str().unwrap().to_owned()
    }
}

pub struct Client(BufReader<TcpStream>);

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    pub async fn write(&mut self, raw: impl AsRef<[u8]>) {
        self.0.write_all(raw.as_ref()).await.unwrap();
    }

    /// The next answer; `None` when the other side closed instead.
    pub async fn read(&mut self, head: bool) -> Option<Reply> {
        tokio::time::timeout(PATIENCE, self.read_reply(head)).await.expect("an answer in time")
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).await.ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    async fn read_reply(&mut self, head: bool) -> Option<Reply> {
        let status_line = self.line().await?;
        let status: u16 = status_line.split(' ').nth(1)?.parse().unwrap();
        let mut headers = HeaderMap::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.trim()).unwrap());
        }
        let mut body = Vec::new();
        if !head && status != 304 && status != 204 {
            if let Some(length) = headers.get("content-length") {
                body.resize(length.to_str().unwrap().parse().unwrap(), 0);
                self.0.read_exact(&mut body).await.ok()?;
            } else if headers.contains_key("transfer-encoding") {
                loop {
                    let size = usize::from_str_radix(&self.line().await?, 16).unwrap();
                    let mut chunk = vec![0; size];
                    self.0.read_exact(&mut chunk).await.ok()?;
                    self.line().await?;
                    if size == 0 {
                        break;
                    }
                    body.extend(chunk);
                }
            }
        }
        Some(Reply { status, headers, body })
    }

    /// Waits until the other side closes; what it still sent is returned.
    pub async fn closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("closed in time");
        // A reset is a way to close, too.
        let _ = read;
        rest
    }

    pub async fn send(&mut self, raw: impl AsRef<[u8]>) -> Reply {
        let head = raw.as_ref().starts_with(b"HEAD");
        self.write(raw).await;
        self.read(head).await.expect("an answer")
    }
}

/// A request without a body; `headers` end with a line break each.
pub fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: shop.test\r\n{headers}\r\n")
}

/// A request with a JSON body.
pub fn post(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

impl Client {
    /// Writes and says whether the other side is still there.
    pub async fn try_write(&mut self, raw: &[u8]) -> std::io::Result<()> {
        self.0.write_all(raw).await?;
        self.0.flush().await
    }
}
