//! Response rewriting: answers of services in the form that was asked for, guarded, without what is internal.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, header};
use souk_web::ApiError;
use souk_web::compress::{accepts_gzip, negotiate_encoding};

use super::allow;
use super::body::ResponseBody;
use super::headers::{SecurityHeaders, strip_internal};

/// Compressed or not as `asked` says, with security headers, without what is internal.
pub(crate) async fn from_service(
    mut response: Response<Body>,
    asked: &HeaderMap,
    security: &SecurityHeaders,
) -> Result<Response<ResponseBody>, ApiError> {
    strip_internal(response.headers_mut());
    allow::complete(response.headers_mut());
    if response.headers().contains_key(header::SET_COOKIE) {
        // A cookie is for one visitor, whatever the service says about the rest.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    security.add(response.headers_mut());
    let response = negotiate_encoding(response, accepts_gzip(asked.get(header::ACCEPT_ENCODING))).await?;
    Ok(response.map(ResponseBody::Stream))
}
