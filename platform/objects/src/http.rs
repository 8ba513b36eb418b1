//! HTTP client of object storage: ours, where `object_store` would bring one and a second TLS library of its own. A server
//! that answers slowly is given up here.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use souk_http_client::{Connections, Pool, Reach, Schemes};
use souk_tls::{TlsError, TrustRoots};
use tokio::time::{Instant, Sleep};

/// Longest wait for the beginning of an answer to a request without a body: the storage is near, and answers in some 50 ms.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// The same where a body goes out first: 10 MB over a line of 3 Mbit/s.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest pause within a body that comes in.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are closed before the other side would (S3 does after 20 s).
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Idle connections kept; requests under way are bounded by [`crate::MAX_CALLS`].
const MAX_IDLE: usize = 16;

/// Makes clients.
#[derive(Clone, Debug)]
pub(crate) struct Connector(pub(crate) TrustRoots);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // Set for storage on loopback and, by `object_store`, for the addresses where platforms hand out credentials.
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp).as_deref() == Some("true");
        let connections = Connections {
            // A machine without authorities can still speak to itself.
            schemes: if plain { Schemes::HttpToo } else { Schemes::Https },
            reach: Reach::Anywhere,
            trust_roots: self.0.clone(),
            idle: IDLE_TIMEOUT,
            max_idle: MAX_IDLE,
        };
        let failed = |error: TlsError| object_store::Error::Generic { store: "TLS", source: error.into() };
        let pool = Pool::new(connections).map_err(failed)?;
        Ok(HttpClient::new(Service(pool)))
    }
}

struct Service(Pool<HttpRequestBody>);

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Service")
    }
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let writes = matches!(*request.method(), Method::PUT | Method::POST);
        let patience = if writes { WRITE_TIMEOUT } else { READ_TIMEOUT };
        let answered = tokio::time::timeout(patience, self.0.request(request)).await;
        let slow = || HttpError::new(HttpErrorKind::Timeout, Slow(patience));
        let response = answered.map_err(|_| slow())?.map_err(|error| {
            let kind = if error.is_connect() { HttpErrorKind::Connect } else { kind_of(&error) };
            HttpError::new(kind, error)
        })?;
        Ok(response.map(|body| HttpResponseBody::new(Patient::new(body))))
    }
}

/// Nothing came for so long.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct Slow(Duration);

/// What failed, for the decision whether to try again.
fn kind_of(error: &(dyn Error + 'static)) -> HttpErrorKind {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_timeout() {
                return HttpErrorKind::Timeout;
            }
            // The connection ended before an answer did.
            if error.is_closed() || error.is_canceled() || error.is_incomplete_message() {
                return HttpErrorKind::Interrupted;
            }
        }
        if error.is::<std::io::Error>() {
            return HttpErrorKind::Interrupted;
        }
        next = error.source();
    }
    HttpErrorKind::Unknown
}

/// A body that fails when it pauses for too long.
struct Patient {
    body: Incoming,
    /// The reader waits for the next piece; how long the reader took over the last one does not count.
    waiting: bool,
    until: Pin<Box<Sleep>>,
}

impl Patient {
    fn new(body: Incoming) -> Self {
        Self { body, waiting: false, until: Box::pin(tokio::time::sleep(STALL_TIMEOUT)) }
    }
}

impl Body for Patient {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| HttpError::new(kind_of(&error), error))));
        }
        if !std::mem::replace(&mut self.waiting, true) {
            self.until.as_mut().reset(Instant::now() + STALL_TIMEOUT);
        }
        self.until.as_mut().poll(cx).map(|()| Some(Err(HttpError::new(HttpErrorKind::Timeout, Slow(STALL_TIMEOUT)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
