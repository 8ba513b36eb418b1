//! Outbound HTTP client, for payment providers, OpenSearch, object storage and what else is not a role of ours. Every call of
//! an [`HttpClient`] has a timeout, a cap on its answer and a circuit breaker. When the other side is asked too often (429 with
//! `Retry-After`), calls are refused at once until it may be asked again; so what must not stop for others' calls has a client
//! of its own. A [`Downloader`] gets files from addresses that a third party named. A [`Pool`] alone is for streams, whose reader sets
//! the limits. All reach only where they are meant to.

mod download;
mod pool;
mod reach;
mod retry_after;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use parking_lot::Mutex;
use souk_runtime::CircuitBreaker;
use souk_tls::TlsError;
use souk_trace::{Kind, Span};

pub use download::{Download, DownloadError, DownloadSettings, Downloader, Validators};
pub use pool::{Connections, Pool, Schemes};
pub use reach::{OutOfReach, Reach, is_public};
pub use retry_after::retry_after;

/// What a client is for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The other side, in metrics: `sandbox`.
    pub name: &'static str,
    /// Calls under way at once; more wait.
    pub concurrent: usize,
    /// Bytes of the largest answer.
    pub max_answer: usize,
    /// How connections are made.
    pub connections: Connections,
}

/// A client of one other side. What it keeps (connections, what is known of failures) all its callers share.
pub struct HttpClient {
    name: &'static str,
    max_answer: usize,
    pool: Pool<Full<Bytes>>,
    breaker: CircuitBreaker,
    /// The other side was asked too often, and said so: not before then.
    not_before: Mutex<Option<Instant>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The request did not leave.
    #[error("{0}")]
    NotSent(String),
    /// It may have arrived, and have had its effect.
    #[error("{0}")]
    Unknown(String),
}

impl HttpClient {
    /// A client; connects when first used.
    ///
    /// # Errors
    /// No authority is known that could vouch for the other side.
    pub fn new(settings: Settings) -> Result<Self, TlsError> {
        Ok(Self {
            name: settings.name,
            max_answer: settings.max_answer,
            pool: Pool::new(settings.connections)?,
            breaker: CircuitBreaker::new(settings.concurrent),
            not_before: Mutex::new(None),
        })
    }

    /// Sends `request`, its URI in absolute form, and reads the whole answer, whatever its status. Is never repeated here.
    ///
    /// # Errors
    /// [`NoAnswer`], after `within` at the latest.
    pub async fn send(&self, mut request: Request<Bytes>, within: Duration) -> Result<Response<Bytes>, NoAnswer> {
        let started = Instant::now();
        let mut call = Call::begin(self.name, &mut request, started);
        if let Some(pause) = self.asked_to_wait(started) {
            return Err(call.rejected(&format!("it asked to be left alone for {pause:?} more")));
        }
        let _permit = self.breaker.enter(within).await.map_err(|why| call.rejected(&why))?;
        let mut attempt = Attempt { client: self, call, deadline: started + within, outcome: None };
        let left = within.saturating_sub(started.elapsed());
        let result = tokio::time::timeout(left, self.round_trip(request)).await;
        let result = result.unwrap_or_else(|_| Err(NoAnswer::Unknown(format!("nothing within {within:?}"))));
        attempt.outcome = Some(match &result {
            Ok(answer) if is_fault(answer.status()) => "fault",
            Ok(_) => "ok",
            Err(NoAnswer::NotSent(_)) => "not_sent",
            Err(NoAnswer::Unknown(_)) => "unknown",
        });
        if let Ok(answer) = &result {
            attempt.call.span.set("http.response.status_code", answer.status().as_u16());
            self.heed(answer);
        }
        result
    }

    async fn round_trip(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let response = self.pool.request(request.map(Full::new)).await.map_err(|error| no_answer(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, self.max_answer).collect().await;
        let body = body.map_err(|error| NoAnswer::Unknown(format!("the answer was cut off: {error}")))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    /// Remembers how long to stay away from a side that was asked too often. A fault (503) is the circuit breaker's: what
    /// became of the call is to be asked at once.
    fn heed(&self, answer: &Response<Bytes>) {
        if answer.status() != StatusCode::TOO_MANY_REQUESTS {
            return;
        }
        if let Some(pause) = retry_after(answer.headers()) {
            let mut not_before = self.not_before.lock();
            *not_before = (*not_before).max(Some(Instant::now() + pause));
        }
    }

    fn asked_to_wait(&self, now: Instant) -> Option<Duration> {
        let mut not_before = self.not_before.lock();
        let left = not_before.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero());
        if left.is_none() {
            *not_before = None;
        }
        left
    }
}

/// What is measured of a call, by OpenTelemetry's conventions for HTTP clients. Paths and queries are left out: they hold what is
/// the other side's.
struct Call {
    to: &'static str,
    method: Method,
    address: String,
    started: Instant,
    span: Span,
}

impl Call {
    /// Its span is named in the request's headers (W3C trace context); none outside of every trace.
    fn begin(to: &'static str, request: &mut Request<Bytes>, started: Instant) -> Self {
        let (method, uri) = (request.method().clone(), request.uri());
        let address = uri.host().unwrap_or_default().to_owned();
        let mut span = Span::none();
        if souk_trace::on() {
            span = Span::child(Kind::Client, method.to_string());
            span.set("http.request.method", method.to_string());
            span.set("server.address", address.clone());
            span.set("server.port", uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 }));
            span.set("souk.http.to", to);
        }
        if let Some(place) = span.trace() {
            let state = place.tracestate().map(str::to_owned);
            for (name, text) in [("traceparent", Some(place.traceparent())), ("tracestate", state)] {
                if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
                    request.headers_mut().insert(name, value);
                }
            }
        }
        Self { to, method, address, started, span }
    }

    /// It was not even tried.
    fn rejected(&mut self, why: &dyn std::fmt::Display) -> NoAnswer {
        self.end("rejected");
        NoAnswer::NotSent(why.to_string())
    }

    fn end(&mut self, outcome: &'static str) {
        if outcome != "ok" {
            self.span.fail(outcome);
        }
        metrics::histogram!(
            "http_client_request_duration_seconds",
            "http_request_method" => self.method.to_string(), "server_address" => self.address.clone(),
            "to" => self.to, "outcome" => outcome
        )
        .record(self.started.elapsed());
    }
}

/// Counts a call however it ends, also when it is dropped because its time is over. One that is dropped earlier, because its
/// caller does not wait for the answer any more, says nothing about the other side.
struct Attempt<'c> {
    client: &'c HttpClient,
    call: Call,
    deadline: Instant,
    outcome: Option<&'static str>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        if let Some(outcome) = self.outcome.or((now >= self.deadline).then_some("unknown")) {
            self.client.breaker.record(outcome == "ok", now);
            self.call.end(outcome);
        }
    }
}

fn no_answer(error: &hyper_util::client::legacy::Error) -> NoAnswer {
    if let Some(refused) = OutOfReach::cause_of(error) {
        return NoAnswer::NotSent(refused.to_string());
    }
    match error.is_connect() {
        true => NoAnswer::NotSent(format!("{error:?}")),
        false => NoAnswer::Unknown(format!("{error:?}")),
    }
}

/// A server that fails may have failed after the fact, and one that gave up waiting for the request is overloaded.
pub fn is_fault(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

#[cfg(test)]
mod tests;
