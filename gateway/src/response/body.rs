//! Bodies that leave the gateway: bytes from the cache, or a stream from a service.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::{Frame, SizeHint};
use souk_web::ApiError;

/// A response's body.
pub(crate) enum Answer {
    Full(Bytes),
    Stream(Body),
}

impl Answer {
    pub(crate) const EMPTY: Self = Self::Full(Bytes::new());
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Self::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_empty(),
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(body) => body.size_hint(),
        }
    }
}

/// An error of the gateway itself: a problem for programs, a short page for people.
pub(crate) fn problem(error: &ApiError, request_id: &str, headers: &HeaderMap) -> Response<Answer> {
    log(error, request_id);
    let response = error.render(Some(request_id));
    let (mut parts, body) = response.into_parts();
    let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).unwrap_or_default();
    if !text(header::ACCEPT).contains("text/html") {
        return Response::from_parts(parts, Answer::Stream(body));
    }
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    parts.headers.remove(header::CONTENT_LENGTH);
    let page = error_page(error, request_id);
    Response::from_parts(parts, Answer::Full(page.into()))
}

/// What was shed is counted, not logged: under a flood the log must not be the next thing to give way.
pub(crate) fn log(error: &ApiError, request_id: &str) {
    if error.problem().is("overloaded") {
        tracing::debug!(request_id, "shed");
    } else {
        error.log(request_id);
    }
}

/// A page for a person whom no service could answer. No styles: it must not depend on anything.
fn error_page(error: &ApiError, request_id: &str) -> String {
    let status = error.status();
    let reason = status.canonical_reason().unwrap_or("Error");
    let advice = match status.as_u16() {
        _ if error.problem().is("card_number_refused") => {
            "What you sent has a payment card's number in it. The shop keeps none, so nothing was done. Please go back and take it \
             out; the number belongs in the payment provider's form alone."
        }
        429 => "You were very quick. Please wait a moment and try again.",
        503 => "There is a lot going on right now. Please try again in a moment.",
        500..=599 => "Something went wrong on our side. Please try again in a moment.",
        _ => "That did not work.",
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{reason}</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <h1>{reason}</h1><p>{advice}</p><p>Request {request_id}</p><p><a href=\"/\">To the shop</a></p></html>"
    )
}
