//! HTTP client of a virtual user: one keep-alive connection. Written by hand on `httparse`, because shop and generator share
//! the cores: what the client burns, the shop lacks. It knows what a shop answers (Content-Length or chunks, gzip), no more.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::target::Target;

/// Longest wait for one answer: far above every budget of the shop, so that what ends here is lost, not slow.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer's head; the shop's own limit is the same.
const MAX_HEAD: usize = 16 * 1024;
/// Headers of an answer.
const MAX_HEADERS: usize = 64;
/// Bytes of one body, 16 MiB: more is a fault.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Bytes asked of the socket at once: a page of 20 KB in one read.
const READ: usize = 64 * 1024;

/// What came back; the body is in the client's buffer until the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Bytes of the body on the wire, compressed or not.
    pub bytes: u64,
    /// Seconds that the server asks to wait before the next try.
    pub retry_after: Option<u16>,
    gzip: bool,
}

/// A connection, opened when needed.
pub struct Client {
    target: Target,
    stream: Option<TcpStream>,
    out: Vec<u8>,
    buffer: BytesMut,
    body: Vec<u8>,
}

/// How a request is made.
#[derive(Clone, Copy, Debug)]
pub enum Accept {
    /// As a browser asks for a page.
    Page,
    /// As a program asks for data; only gzip, because the generator reads some of it.
    Data,
}

impl Accept {
    fn headers(self) -> &'static str {
        match self {
            Accept::Page => {
                "accept: text/html,application/xhtml+xml\r\naccept-language: en\r\naccept-encoding: gzip, br\r\n\r\n"
            }
            Accept::Data => "accept: application/json\r\naccept-encoding: gzip\r\n\r\n",
        }
    }
}

impl Client {
    /// Not connected yet.
    pub fn new(target: Target) -> Self {
        Self { target, stream: None, out: Vec::new(), buffer: BytesMut::with_capacity(READ), body: Vec::new() }
    }

    /// Connects, if it is not: for crowds that are to come at once.
    ///
    /// # Errors
    /// No server listens.
    pub async fn connect(&mut self) -> io::Result<()> {
        if self.stream.is_none() {
            let stream = timeout(PATIENCE, TcpStream::connect(self.target.address)).await??;
            stream.set_nodelay(true)?;
            self.buffer.clear();
            self.stream = Some(stream);
        }
        Ok(())
    }

    /// GETs `path`.
    ///
    /// # Errors
    /// No answer within [`PATIENCE`], or none that HTTP knows.
    pub async fn get(&mut self, path: &str, accept: Accept) -> io::Result<Answer> {
        self.start("GET", path);
        self.out.extend_from_slice(accept.headers().as_bytes());
        self.exchange().await
    }

    /// Sends JSON; `key` becomes the `Idempotency-Key`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn send(&mut self, method: &str, path: &str, body: &str, key: Option<&str>) -> io::Result<Answer> {
        self.start(method, path);
        let length = body.len();
        self.out
            .extend_from_slice(format!("content-type: application/json\r\ncontent-length: {length}\r\n").as_bytes());
        if let Some(key) = key {
            self.out.extend_from_slice(format!("idempotency-key: {key}\r\n").as_bytes());
        }
        self.out.extend_from_slice(Accept::Data.headers().as_bytes());
        self.out.extend_from_slice(body.as_bytes());
        self.exchange().await
    }

    /// The last answer's body as it came.
    pub fn raw(&self) -> &[u8] {
        &self.body
    }

    /// The last answer's body as text, decompressed.
    ///
    /// # Errors
    /// Broken gzip, or no UTF-8.
    pub fn text(&self, answer: Answer) -> io::Result<String> {
        if !answer.gzip {
            return String::from_utf8(self.body.clone()).map_err(invalid);
        }
        let mut text = String::new();
        let decoder = flate2::read::GzDecoder::new(&self.body[..]);
        io::Read::read_to_string(&mut io::Read::take(decoder, MAX_BODY as u64), &mut text)?;
        Ok(text)
    }

    /// The last answer's body as JSON.
    ///
    /// # Errors
    /// It is none, or not of this shape.
    pub fn json<T: DeserializeOwned>(&self, answer: Answer) -> io::Result<T> {
        if answer.gzip {
            return serde_json::from_str(&self.text(answer)?).map_err(invalid);
        }
        serde_json::from_slice(&self.body).map_err(invalid)
    }

    fn start(&mut self, method: &str, path: &str) {
        self.out.clear();
        for part in [method, " ", path, " HTTP/1.1\r\nhost: ", &self.target.authority, "\r\nuser-agent: souk-bench\r\n"]
        {
            self.out.extend_from_slice(part.as_bytes());
        }
    }

    async fn exchange(&mut self) -> io::Result<Answer> {
        let answer = match timeout(PATIENCE, self.attempt()).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")),
        };
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    async fn attempt(&mut self) -> io::Result<Answer> {
        self.connect().await?;
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(&self.out).await?;
        let head = loop {
            if let Some(head) = Head::parse(&self.buffer)? {
                // An informational answer only announces the real one.
                if head.status >= 200 {
                    break head;
                }
                self.buffer.advance(head.length);
                continue;
            }
            fill(stream, &mut self.buffer).await?;
        };
        self.buffer.advance(head.length);
        self.body.clear();
        match head.body {
            Body::Length(length) => read_exactly(stream, &mut self.buffer, &mut self.body, length).await?,
            Body::Chunks => read_chunks(stream, &mut self.buffer, &mut self.body).await?,
        }
        if head.close {
            self.stream = None;
        }
        Ok(Answer {
            status: head.status,
            bytes: self.body.len() as u64,
            retry_after: head.retry_after,
            gzip: head.gzip,
        })
    }
}

enum Body {
    Length(usize),
    Chunks,
}

struct Head {
    status: u16,
    length: usize,
    body: Body,
    gzip: bool,
    close: bool,
    retry_after: Option<u16>,
}

impl Head {
    /// The head of an answer, once all of it is there.
    fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = response.parse(bytes).map_err(invalid)? else {
            return if bytes.len() > MAX_HEAD { Err(invalid("the head is too long")) } else { Ok(None) };
        };
        let status = response.code.unwrap_or_default();
        let mut head = Head { status, length, body: Body::Length(0), gzip: false, close: false, retry_after: None };
        for header in response.headers.iter() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            let says = |value: &str| header.value.eq_ignore_ascii_case(value.as_bytes());
            if is("content-length") {
                let text = std::str::from_utf8(header.value).map_err(invalid)?;
                head.body = Body::Length(text.trim().parse().map_err(invalid)?);
            } else if is("transfer-encoding") && says("chunked") {
                head.body = Body::Chunks;
            } else if is("content-encoding") {
                head.gzip = says("gzip");
            } else if is("retry-after") {
                head.retry_after = std::str::from_utf8(header.value).ok().and_then(|text| text.parse().ok());
            } else if is("connection") {
                head.close = says("close");
            }
        }
        if status < 200 || status == 204 || status == 304 {
            head.body = Body::Length(0);
        }
        Ok(Some(head))
    }
}

async fn fill(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<()> {
    buffer.reserve(READ);
    match stream.read_buf(buffer).await? {
        0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")),
        _ => Ok(()),
    }
}

async fn read_exactly(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    body: &mut Vec<u8>,
    length: usize,
) -> io::Result<()> {
    if body.len() + length > MAX_BODY {
        return Err(invalid("the body is too long"));
    }
    let end = body.len() + length;
    loop {
        let part = buffer.len().min(end - body.len());
        body.extend_from_slice(&buffer[..part]);
        buffer.advance(part);
        if body.len() == end {
            return Ok(());
        }
        fill(stream, buffer).await?;
    }
}

async fn read_chunks(stream: &mut TcpStream, buffer: &mut BytesMut, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let (start, length) = match httparse::parse_chunk_size(buffer).map_err(|_| invalid("a broken chunk"))? {
            httparse::Status::Complete(size) => size,
            httparse::Status::Partial => {
                fill(stream, buffer).await?;
                continue;
            }
        };
        buffer.advance(start);
        let length = usize::try_from(length).map_err(invalid)?;
        read_exactly(stream, buffer, body, length).await?;
        while buffer.len() < 2 {
            fill(stream, buffer).await?;
        }
        if !buffer.starts_with(b"\r\n") {
            return Err(invalid("trailers, or a broken chunk"));
        }
        buffer.advance(2);
        if length == 0 {
            return Ok(());
        }
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
