//! Methods of a resource: answers OPTIONS, and says in `Allow` what a resource knows when a method is refused (RFC 9110, 9.3.7
//! and 15.5.6). The role that owns the path is asked, so there is no second list of routes.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use souk_kernel::Problem;
use souk_rpc::{Actor, Cx};
use souk_web::ApiError;

use crate::Upstream;
use crate::answer::Answer;
use crate::canary;
use crate::fast::Visit;
use crate::gateway::Inner;
use crate::shed::Class;

/// Methods that services know. A request with another one is never forwarded.
const KNOWN: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
/// Of what the gateway answers itself.
const READ_ONLY: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

pub(crate) fn is_known(method: &Method) -> bool {
    KNOWN.contains(method)
}

/// The answer to OPTIONS, or the refusal of a method that no resource knows; with what `upstream` knows of the path.
pub(crate) async fn answer(
    gateway: &Inner,
    (role, upstream): (&'static str, &Upstream),
    method: &Method,
    uri: &Uri,
    visit: &Visit,
) -> Result<Response<Answer>, ApiError> {
    let mut place = gateway.shed.take(role, Class::Explore)?;
    let cx = Cx::new(visit.id(), Actor::Anonymous).within(Duration::from_millis(gateway.config.limits.request_ms));
    let mut question = Request::new(Bytes::new());
    *question.method_mut() = Method::OPTIONS;
    *question.uri_mut() = uri.path().parse().map_err(Problem::internal)?;
    let canary = gateway.canaries.of(role).map(|canary| (canary, visit.side));
    let sent = canary::send(canary, upstream, &cx, Some(visit.client), question).await;
    let mut response = sent.inspect_err(|problem| place.failed(problem))?;
    place.answered(response.status());
    if response.status().is_success() && !response.headers().contains_key(header::ALLOW) {
        // Its handler takes every method.
        response.headers_mut().insert(header::ALLOW, all());
    }
    complete(response.headers_mut());
    match response.headers().get(header::ALLOW) {
        Some(allow) if *method == Method::OPTIONS => Ok(options(allow.clone())),
        Some(allow) => Err(refused(allow.clone())),
        None if response.status().is_server_error() => {
            Err(Problem::unavailable("upstream_failed", response.status()).into())
        }
        None => Err(Problem::not_found("resource").into()),
    }
}

/// The same for what the gateway answers itself.
pub(crate) fn read_only(method: &Method) -> Result<Response<Answer>, ApiError> {
    if *method == Method::OPTIONS { Ok(options(READ_ONLY)) } else { Err(refused(READ_ONLY)) }
}

/// `OPTIONS *`: what the server knows as a whole.
pub(crate) fn of_server() -> Response<Answer> {
    options(all())
}

fn all() -> HeaderValue {
    let all: Vec<&str> = KNOWN.iter().map(Method::as_str).collect();
    HeaderValue::try_from(all.join(", ")).expect("names of methods are header values")
}

/// Adds OPTIONS, which the gateway answers for every resource.
pub(crate) fn complete(headers: &mut HeaderMap) {
    let Some(allow) = headers.get(header::ALLOW).and_then(|allow| allow.to_str().ok()) else { return };
    let mut methods: Vec<&str> = allow.split(',').map(str::trim).filter(|method| !method.is_empty()).collect();
    if !methods.contains(&"OPTIONS") {
        methods.push("OPTIONS");
    }
    if let Ok(allow) = HeaderValue::try_from(methods.join(", ")) {
        headers.insert(header::ALLOW, allow);
    }
}

fn options(allow: HeaderValue) -> Response<Answer> {
    let mut response = Response::new(Answer::EMPTY);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

fn refused(allow: HeaderValue) -> ApiError {
    let detail = "this resource does not know that method; Allow says which it knows";
    ApiError::transport(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).with_header(header::ALLOW, allow)
}
