//! The response layer around every router, as middleware: problems get their request id and log line, unchanged reads become
//! 304, text is compressed for clients that accept it.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use souk_rpc::Cx;
use souk_trace::{Kind, Span, scope};

use crate::ApiError;
use crate::compress::{accepts_gzip, negotiate_encoding};

/// What a reply that says nothing about caching gets: what is not declared public is for its caller alone.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Middleware of [`crate::Routes::into_router`]; the storefront puts it around its pages as well.
pub async fn response_layer(mut request: Request, next: Next) -> Response {
    let mut span = span(&mut request);
    let response = scope(span.trace(), respond(request, next)).await;
    let status = response.status();
    span.set("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
    response
}

/// The span of a request at its route: below the gateway's where that is in this process, else of a caller elsewhere.
fn span(request: &mut Request) -> Span {
    if !souk_trace::on() {
        return Span::none();
    }
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let method = known_method(request.method());
    let name = route.as_ref().map_or(Cow::Borrowed(method), |route| format!("{method} {route}").into());
    let caller = request.extensions().get::<Cx>().and_then(|cx| cx.trace.clone());
    let mut span = match souk_trace::current() {
        Some(here) => Span::under(Some(&here), Kind::Internal, name),
        None => Span::root(caller.as_ref(), Kind::Server, name),
    };
    span.set("http.request.method", method);
    if let Some(route) = route {
        span.set("http.route", route);
    }
    if let Some(cx) = request.extensions_mut().get_mut::<Cx>() {
        cx.trace = span.trace();
    }
    span
}

/// Methods are any word a client likes; names of spans and labels of metrics are few.
pub fn known_method(method: &Method) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

async fn respond(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<Cx>().map(|cx| cx.request_id.clone());
    let readable = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get(header::IF_NONE_MATCH).filter(|_| readable).cloned();
    let gzip = accepts_gzip(request.headers().get(header::ACCEPT_ENCODING));
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let allow = response.headers_mut().remove(header::ALLOW);
        let mut response = render_error(&error, request_id.as_deref());
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        return response;
    }
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    }
    if let Some(known) = known
        && response.status() == StatusCode::OK
        && response.headers().get(header::ETAG).is_some_and(|etag| etag_matches(&known, etag.as_bytes()))
    {
        return not_modified(response);
    }
    negotiate_encoding(response, gzip)
        .await
        .unwrap_or_else(|problem| render_error(&problem.into(), request_id.as_deref()))
}

fn render_error(error: &ApiError, request_id: Option<&str>) -> Response {
    error.log(request_id.unwrap_or("-"));
    error.render(request_id)
}

/// True when `If-None-Match` names `etag` or `*` (RFC 9110, 13.1.2: weak comparison).
pub fn etag_matches(if_none_match: &HeaderValue, etag: &[u8]) -> bool {
    let strip = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
    let wanted = strip(etag);
    if_none_match.as_bytes().split(|b| *b == b',').any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || strip(tag) == wanted
    })
}

fn not_modified(response: Response) -> Response {
    let (parts, _) = response.into_parts();
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    *answer.headers_mut() = without_representation(parts.headers);
    answer
}

/// A 304 repeats what caches need and nothing that describes a body (RFC 9110, 15.4.5).
fn without_representation(mut headers: HeaderMap) -> HeaderMap {
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
        headers.remove(name);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_methods_are_few() {
        let brew = Method::from_bytes(b"BREW").unwrap();
        assert_eq!((known_method(&Method::PATCH), known_method(&brew)), ("PATCH", "_OTHER"));
    }
}
