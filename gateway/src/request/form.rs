//! Request validation: what no service should be asked to read, because two parsers could read it in two ways.

use http::{HeaderValue, Request, StatusCode, Version, header};
use souk_web::ApiError;

/// Checks the length of the address, and that one host is named.
pub(crate) fn check_target<B>(request: &Request<B>, max_uri_bytes: usize) -> Result<(), ApiError> {
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, str::len) > max_uri_bytes {
        return Err(ApiError::transport(StatusCode::URI_TOO_LONG, "uri_too_long", "the address is too long"));
    }
    if !names_one_host(request) {
        return Err(ApiError::transport(StatusCode::BAD_REQUEST, "bad_host", "a request names one host"));
    }
    Ok(())
}

/// Checks that the path is in its normal form, and that the body is sent as it is.
pub(crate) fn check_form<B>(request: &Request<B>) -> Result<(), ApiError> {
    let path = request.uri().path().to_ascii_lowercase();
    let tricky = |part: &str| matches!(part.replace("%2e", ".").as_str(), "." | "..");
    if !path.starts_with('/') || path.contains("%00") || path.contains('\\') || path.split('/').any(tricky) {
        return Err(ApiError::transport(StatusCode::BAD_REQUEST, "bad_path", "this is no path"));
    }
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let error =
            ApiError::transport(status, "unsupported_content_encoding", "send the body as it is, not compressed");
        return Err(error.with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    Ok(())
}

/// HTTP/1.1 names the host in a header, HTTP/2 in the address; two that differ are an attack (RFC 9113, 8.3.1).
fn names_one_host<B>(request: &Request<B>) -> bool {
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let mut named = request.headers().get_all(header::HOST).iter().map(HeaderValue::as_bytes).chain(authority);
    if !named.all(is_host) {
        return false;
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (request.version(), hosts.next()) {
        (Version::HTTP_2, None) => request.uri().authority().is_some(),
        (Version::HTTP_2, Some(host)) => {
            let named = request.uri().authority().map(|authority| authority.as_str().as_bytes());
            hosts.next().is_none() && named.is_none_or(|named| named == host.as_bytes())
        }
        (version, None) => version < Version::HTTP_11,
        (_, Some(_)) => hosts.next().is_none(),
    }
}

/// A name or an address, with or without a port (RFC 9110, 7.2): no user, no blank, nothing that only some parsers read.
fn is_host(host: &[u8]) -> bool {
    let (name, port) = match host.iter().rposition(|byte| *byte == b':') {
        Some(at) if !host[at..].contains(&b']') => (&host[..at], &host[at + 1..]),
        _ => (host, &b""[..]),
    };
    let literal = name.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let fits = match literal {
        Some(address) => address.iter().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte)),
        None => name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte)),
    };
    fits && !name.is_empty() && port.iter().all(u8::is_ascii_digit)
}
