//! `Allow`: which methods a resource knows, said to OPTIONS and with a 405 (RFC 9110, 9.3.7 and 15.5.6). There is no second list of
//! routes: what services say is completed here, and `pipeline/options.rs` asks the role that owns a path.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use souk_web::ApiError;

use super::body::ResponseBody;

/// Methods that services know. A request with another one is never forwarded.
const KNOWN: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
/// Of what the gateway answers itself.
const READ_ONLY: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

pub(crate) fn is_known(method: &Method) -> bool {
    KNOWN.contains(method)
}

/// The response for a resource that knows the methods of `allow`, to OPTIONS or to a method that it does not know.
pub(crate) fn respond(method: &Method, allow: HeaderValue) -> Result<Response<ResponseBody>, ApiError> {
    if *method == Method::OPTIONS {
        return Ok(options(allow));
    }
    let detail = "this resource does not know that method; Allow says which it knows";
    Err(ApiError::transport(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        .with_header(header::ALLOW, allow))
}

/// The same for what the gateway answers itself.
pub(crate) fn read_only(method: &Method) -> Result<Response<ResponseBody>, ApiError> {
    respond(method, READ_ONLY)
}

/// `OPTIONS *`: what the server knows as a whole.
pub(crate) fn of_server() -> Response<ResponseBody> {
    options(all())
}

pub(crate) fn all() -> HeaderValue {
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

fn options(allow: HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::EMPTY);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, allow);
    response
}
