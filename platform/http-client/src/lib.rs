//! Outbound HTTP client: the only one in Souk, for payment providers, OpenSearch, object storage and whatever else is not a
//! role of ours. Every call has a timeout, a cap on its answer and a circuit breaker, waits when the other side says so
//! (`Retry-After`), and reaches only where it is meant to.

mod pool;
mod reach;
mod retry_after;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use souk_runtime::CircuitBreaker;
use souk_tls::TlsError;
use souk_trace::{Kind, Span};

pub use pool::{Connections, Pool, Schemes};
pub use reach::{Reach, is_public};
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
    /// The other side asked us to stay away until then.
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
        if let Some(pause) = self.asked_to_wait(started) {
            return Err(NoAnswer::NotSent(format!("it asked to be left alone for {pause:?} more")));
        }
        let mut span = self.span(&mut request);
        let _permit = self.breaker.enter(within).await.map_err(|why| NoAnswer::NotSent(why.to_string()))?;
        let left = within.saturating_sub(started.elapsed());
        let result = tokio::time::timeout(left, self.round_trip(request)).await;
        let result = result.unwrap_or_else(|_| Err(NoAnswer::Unknown(format!("nothing within {within:?}"))));
        let outcome = match &result {
            Ok(answer) if is_fault(answer.status()) => "fault",
            Ok(_) => "ok",
            Err(NoAnswer::NotSent(_)) => "not_sent",
            Err(NoAnswer::Unknown(_)) => "unknown",
        };
        if outcome != "ok" {
            span.fail(outcome);
        }
        self.breaker.record(outcome == "ok", Instant::now());
        metrics::histogram!("souk_http_client_seconds", "to" => self.name, "outcome" => outcome)
            .record(started.elapsed());
        if let Ok(answer) = &result {
            span.set("http.response.status_code", answer.status().as_u16());
            self.heed(answer);
        }
        result
    }

    /// The span of a call, named in its headers (W3C trace context); none outside of every trace. Paths and queries are left out:
    /// they hold what is the other side's.
    fn span(&self, request: &mut Request<Bytes>) -> Span {
        if !souk_trace::on() {
            return Span::none();
        }
        let mut span = Span::child(Kind::Client, request.method().to_string());
        let Some(place) = span.trace() else { return span };
        span.set("http.request.method", request.method().to_string());
        span.set("server.address", request.uri().host().unwrap_or_default().to_owned());
        span.set("souk.http.to", self.name);
        let texts = [("traceparent", Some(place.traceparent())), ("tracestate", place.tracestate().map(str::to_owned))];
        for (name, text) in texts {
            if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
                request.headers_mut().insert(name, value);
            }
        }
        span
    }

    async fn round_trip(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let response = self.pool.request(request.map(Full::new)).await?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, self.max_answer).collect().await;
        let body = body.map_err(|error| NoAnswer::Unknown(format!("the answer was cut off: {error}")))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    /// Remembers what an overloaded side asks for.
    fn heed(&self, answer: &Response<Bytes>) {
        if !matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            return;
        }
        if let Some(pause) = retry_after(answer.headers()) {
            *self.not_before.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + pause);
        }
    }

    fn asked_to_wait(&self, now: Instant) -> Option<Duration> {
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        let left = not_before.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero());
        if left.is_none() {
            *not_before = None;
        }
        left
    }
}

/// A server that fails may have failed after the fact, and one that gave up waiting for the request is overloaded.
pub fn is_fault(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

#[cfg(test)]
mod tests;
