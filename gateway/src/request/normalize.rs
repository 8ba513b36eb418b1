//! Request normalization: the one form in which services see requests, whichever version of HTTP they came by.

use http::request::Parts;
use http::{HeaderValue, Uri, header};
use souk_kernel::Problem;
use souk_web::ApiError;

/// Gives a request the form that services know: the host in a header, all cookies in one (RFC 9113, 8.2.3 and 8.3.1).
pub(crate) fn as_http1(parts: &mut Parts) -> Result<(), ApiError> {
    if let Some(authority) = parts.uri.authority() {
        let host = HeaderValue::from_str(authority.as_str()).map_err(Problem::internal)?;
        parts.headers.insert(header::HOST, host);
    }
    if parts.headers.get_all(header::COOKIE).iter().count() > 1 {
        let all: Vec<&[u8]> = parts.headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
        let joined = HeaderValue::from_bytes(&all.join(&b"; "[..])).map_err(Problem::internal)?;
        parts.headers.insert(header::COOKIE, joined);
    }
    Ok(())
}

/// Path and query alone: services never see under which name they were called.
pub(crate) fn origin_form(uri: Uri) -> Result<Uri, ApiError> {
    if uri.authority().is_none() {
        return Ok(uri);
    }
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    Ok(path.parse().map_err(Problem::internal)?)
}
