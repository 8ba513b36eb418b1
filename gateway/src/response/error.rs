//! Error responses of the gateway itself: a problem (RFC 9457) for programs, a short page for people.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use souk_rpc::header::REQUEST_ID;
use souk_web::ApiError;

use super::body::ResponseBody;
use super::headers::SecurityHeaders;
use crate::rate_limit::response_headers;
use crate::request::context::RequestContext;

/// An error as a response, with everything that every response has. `asked`: headers of the request.
pub(crate) fn refuse(
    error: &ApiError,
    context: &RequestContext,
    asked: &HeaderMap,
    security: &SecurityHeaders,
) -> Response<ResponseBody> {
    let mut response = render(error, context.id(), asked);
    security.add(response.headers_mut());
    if matches!(error.status(), StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
        // The rest of the body is not read: what follows on this connection is not a request.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if error.status() == StatusCode::TOO_MANY_REQUESTS {
        response_headers::add(context.tightest.status(), response.headers_mut());
    }
    response.headers_mut().insert(REQUEST_ID, context.id.clone());
    response
}

/// Logs an error. Shed load is counted, not logged: under a flood the log must not be the next thing to give way.
pub(crate) fn log(error: &ApiError, request_id: &str) {
    if error.problem().is("overloaded") {
        tracing::debug!(request_id, "shed");
    } else {
        error.log(request_id);
    }
}

fn render(error: &ApiError, request_id: &str, headers: &HeaderMap) -> Response<ResponseBody> {
    log(error, request_id);
    let response = error.render(Some(request_id));
    let (mut parts, body) = response.into_parts();
    let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).unwrap_or_default();
    if !text(header::ACCEPT).contains("text/html") {
        return Response::from_parts(parts, ResponseBody::Stream(body));
    }
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    parts.headers.remove(header::CONTENT_LENGTH);
    let page = error_page(error, request_id);
    Response::from_parts(parts, ResponseBody::Full(page.into()))
}

/// A page for a person, without styles: it must not depend on any service.
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
