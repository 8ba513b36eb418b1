//! Download of files from addresses that a third party named: a merchant's file names a picture, its server may be slow, hostile,
//! or lead elsewhere. Redirects are followed by hand, each within reach; size and time are bounded; a host is asked for a few
//! files at a time, and left alone for as long as it asks (429, 503 with `Retry-After`). No trace context goes to strangers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use parking_lot::Mutex;
use souk_tls::TlsError;
use tokio::sync::Semaphore;
use url::Url;

use crate::{Connections, OutOfReach, Pool, retry_after};

/// Redirects that are followed: as many as a picture behind a shortener and a CDN needs, and not a loop.
const MAX_REDIRECTS: usize = 5;
/// Failures in a row after which a host is taken to be down.
const DOWN_AFTER: u32 = 6;
/// How long it is not asked then.
const DOWN_FOR: Duration = Duration::from_secs(30);
/// Hosts that are remembered; those that are not in use are forgotten beyond.
const MAX_HOSTS: usize = 1_000;

/// What a downloader is for.
#[derive(Clone, Debug)]
pub struct DownloadSettings {
    /// What is downloaded, in metrics: `pictures`.
    pub name: &'static str,
    /// Who asks: `User-Agent`.
    pub user_agent: String,
    /// What is wanted: `Accept`.
    pub accept: &'static str,
    /// Bytes of the largest file.
    pub max_bytes: usize,
    /// How long a file may take, redirects included.
    pub within: Duration,
    /// Files at a time from one host.
    pub per_host: usize,
    /// How connections are made.
    pub connections: Connections,
}

/// Gets files. What it knows of hosts all its callers share.
pub struct Downloader {
    name: &'static str,
    user_agent: HeaderValue,
    accept: HeaderValue,
    max_bytes: usize,
    within: Duration,
    per_host: usize,
    pool: Pool<Empty<Bytes>>,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

/// What a server said that a file is known by, to ask later whether it changed (RFC 9110, 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, as it was sent.
    pub etag: Option<String>,
    /// `Last-Modified`, as it was sent.
    pub last_modified: Option<String>,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Download {
    /// It is still what the validators say.
    Unchanged,
    /// The file.
    File {
        /// All of it.
        content: Bytes,
        /// What it is known by.
        validators: Validators,
    },
}

/// Why nothing came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownloadError {
    /// No address that can be asked.
    #[error("{0}")]
    Address(String),
    /// It leads into a private network.
    #[error(transparent)]
    OutOfReach(#[from] OutOfReach),
    /// It is not there, or not for us.
    #[error("the server answers {0}")]
    Status(StatusCode),
    /// Larger than allowed.
    #[error("the file is larger than {0} bytes")]
    TooLarge(usize),
    /// From one address to the next, for ever.
    #[error("it is redirected more than {MAX_REDIRECTS} times")]
    TooManyRedirects,
    /// The server is busy, or in trouble.
    #[error("the server answers {0}")]
    Busy(StatusCode),
    /// No connection, no answer in time, or a part of one.
    #[error("{0}")]
    NoAnswer(String),
}

impl DownloadError {
    /// True when the same request may succeed later.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::NoAnswer(_))
    }
}

/// How a host is treated.
struct Host {
    places: Semaphore,
    /// It asked to be left alone until then.
    not_before: Mutex<Option<Instant>>,
    trouble: Mutex<Trouble>,
}

/// Circuit breaker of a host: thousands of files of one that is down are not worth a timeout each.
#[derive(Default)]
struct Trouble {
    failures: u32,
    until: Option<Instant>,
}

impl Downloader {
    /// A downloader; connects when first used.
    ///
    /// # Errors
    /// No authority is known that could vouch for a server, and there is no other way.
    pub fn new(settings: DownloadSettings) -> Result<Self, TlsError> {
        let text = |text: &str| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("*/*"));
        Ok(Self {
            name: settings.name,
            user_agent: text(&settings.user_agent),
            accept: text(settings.accept),
            max_bytes: settings.max_bytes,
            within: settings.within,
            per_host: settings.per_host,
            pool: Pool::new(settings.connections)?,
            hosts: Mutex::default(),
        })
    }

    /// The file at `address`, if it is not what `known` says. Waits for its turn at the host before its time begins.
    ///
    /// # Errors
    /// [`DownloadError`].
    pub async fn get(&self, address: &str, known: &Validators) -> Result<Download, DownloadError> {
        let url = parse(address)?;
        let host = self.host(url.host_str().unwrap_or_default());
        let _place = host.places.acquire().await.map_err(|closed| DownloadError::NoAnswer(closed.to_string()))?;
        let pause = host.not_before.lock().map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        let started = Instant::now();
        if host.trouble.lock().until.is_some_and(|until| until > started) {
            return Err(DownloadError::NoAnswer(format!("{} does not answer", url.host_str().unwrap_or_default())));
        }
        let result = tokio::time::timeout(self.within, self.follow(url, known, &host)).await;
        let result = result.unwrap_or_else(|_| Err(DownloadError::NoAnswer(format!("not there in {:?}", self.within))));
        host.note(result.as_ref().err().is_some_and(DownloadError::may_pass));
        let outcome = match &result {
            Ok(Download::File { .. }) => "ok",
            Ok(Download::Unchanged) => "unchanged",
            Err(error) if error.may_pass() => "fault",
            Err(_) => "refused",
        };
        metrics::histogram!(
            "http_client_request_duration_seconds",
            "http_request_method" => "GET", "server_address" => "", "to" => self.name, "outcome" => outcome
        )
        .record(started.elapsed());
        result
    }

    async fn follow(&self, mut url: Url, known: &Validators, host: &Host) -> Result<Download, DownloadError> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(&url, known).await?;
            let status = response.status();
            match status {
                StatusCode::NOT_MODIFIED => return Ok(Download::Unchanged),
                StatusCode::OK => return self.read(response).await,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                    host.heed(response.headers());
                    return Err(DownloadError::Busy(status));
                }
                _ if status.is_server_error() => {
                    host.heed(response.headers());
                    return Err(DownloadError::Busy(status));
                }
                _ if status.is_redirection() => url = target(&url, &response)?,
                _ => return Err(DownloadError::Status(status)),
            }
        }
        Err(DownloadError::TooManyRedirects)
    }

    async fn ask(&self, url: &Url, known: &Validators) -> Result<Response<Incoming>, DownloadError> {
        let mut request = Request::get(url.as_str())
            .header(header::USER_AGENT, &self.user_agent)
            .header(header::ACCEPT, &self.accept)
            .header(header::ACCEPT_ENCODING, "identity");
        for (name, value) in [(header::IF_NONE_MATCH, &known.etag), (header::IF_MODIFIED_SINCE, &known.last_modified)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let request = request.body(Empty::new()).map_err(|error| DownloadError::Address(error.to_string()))?;
        self.pool.request(request).await.map_err(|error| match OutOfReach::cause_of(&error) {
            Some(refused) => refused.clone().into(),
            None => DownloadError::NoAnswer(last_cause(&error)),
        })
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Download, DownloadError> {
        let (parts, mut body) = response.into_parts();
        let declared = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if declared.is_some_and(|length: usize| length > self.max_bytes) {
            return Err(DownloadError::TooLarge(self.max_bytes));
        }
        let mut content = BytesMut::with_capacity(declared.unwrap_or(0));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| DownloadError::NoAnswer(format!("it was cut off: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            if content.len() + data.len() > self.max_bytes {
                return Err(DownloadError::TooLarge(self.max_bytes));
            }
            content.extend_from_slice(&data);
        }
        let text =
            |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
        let validators = Validators { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) };
        Ok(Download::File { content: content.freeze(), validators })
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = self.hosts.lock();
        if hosts.len() >= MAX_HOSTS {
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let new = || Arc::new(Host::new(self.per_host));
        hosts.entry(name.to_owned()).or_insert_with(new).clone()
    }
}

impl Host {
    fn new(places: usize) -> Self {
        Self { places: Semaphore::new(places), not_before: Mutex::default(), trouble: Mutex::default() }
    }

    fn note(&self, failed: bool) {
        let mut trouble = self.trouble.lock();
        trouble.failures = if failed { trouble.failures + 1 } else { 0 };
        trouble.until = (trouble.failures >= DOWN_AFTER).then(|| Instant::now() + DOWN_FOR);
    }

    fn heed(&self, headers: &HeaderMap) {
        if let Some(pause) = retry_after(headers) {
            let mut not_before = self.not_before.lock();
            *not_before = (*not_before).max(Some(Instant::now() + pause));
        }
    }
}

/// An address that can be asked, in ASCII: blanks and letters of other scripts are what people write.
fn parse(address: &str) -> Result<Url, DownloadError> {
    let wrong = |why: &str| DownloadError::Address(format!("{why}: {address}"));
    let url = Url::parse(address.trim()).map_err(|error| wrong(&format!("no address on the web ({error})")))?;
    checked(url).ok_or_else(|| wrong("no http or https address"))
}

/// Without a user's name and password, which are not for the server that a redirect leads to, and would stand in logs.
fn checked(mut url: Url) -> Option<Url> {
    let plain = matches!(url.scheme(), "http" | "https") && url.has_host();
    url.set_fragment(None);
    (plain && url.set_username("").is_ok() && url.set_password(None).is_ok()).then_some(url)
}

/// Where a redirect leads.
fn target(from: &Url, response: &Response<Incoming>) -> Result<Url, DownloadError> {
    let location =
        response.headers().get(header::LOCATION).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let wrong = || DownloadError::Address(format!("it is redirected to no http or https address: {location:?}"));
    location.and_then(|to| from.join(to).ok()).and_then(checked).ok_or_else(wrong)
}

/// What an error of a connection comes down to, in words for an operator.
fn last_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match cause.to_string() {
        text if text.is_empty() => error.to_string(),
        text => text,
    }
}

#[cfg(test)]
mod tests;
