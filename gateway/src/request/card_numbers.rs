//! Card-number guard: refuses public requests that bring a payment card's number, before anything keeps or logs it.
//!
//! Looks at path, query, headers and body, in the form in which services read them. What is answered from the page cache is not
//! looked at: its key was when it was made, and nothing else of such a request is read, kept or passed on.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use souk_kernel::{FieldError, Problem, pan};
use souk_rpc::header::{REQUEST_ID, TRACEPARENT};
use souk_web::ApiError;

/// Headers that are not looked at. Two hold random text of ours, which is compared and never kept; the others go no further
/// (a trace id only without one), and are replaced by our own.
const UNREAD: [HeaderName; 4] = [header::AUTHORIZATION, header::COOKIE, REQUEST_ID, TRACEPARENT];
const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Checks everything but the body.
pub(crate) fn check_head(uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    if pan::holds(&unescaped(uri.path())) {
        return Err(refused("in the address", None));
    }
    if let Some(name) = in_pairs(uri.query().unwrap_or_default()) {
        return Err(refused("in the query", Some(name)));
    }
    for (name, value) in headers {
        if UNREAD.contains(name) {
            continue;
        }
        if pan::may_hold(value.as_bytes()) && pan::holds(&String::from_utf8_lossy(value.as_bytes())) {
            return Err(refused(&format!("in the header {name}"), None));
        }
    }
    Ok(())
}

/// Checks a body as what its media type says that it is; JSON also where that says something else.
pub(crate) fn check_body(headers: &HeaderMap, body: &[u8]) -> Result<(), ApiError> {
    if !pan::may_hold(body) {
        return Ok(());
    }
    let media_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    if media_type.get(..FORM.len()).is_some_and(|essence| essence.eq_ignore_ascii_case(FORM)) {
        let form = String::from_utf8_lossy(body);
        return in_pairs(&form).map_or(Ok(()), |name| Err(refused("in the form", Some(name))));
    }
    match pan::find_in_json(body) {
        Some(pointer) => Err(refused("in the body", Some(pointer))),
        None => Ok(()),
    }
}

/// A problem says the place and never the number.
fn refused(place: &str, pointer: Option<String>) -> ApiError {
    let detail = format!(
        "there is a payment card's number {place}: the shop must not be sent any, please give it to the payment provider alone"
    );
    let field = |pointer| FieldError { pointer, detail: "looks like a payment card's number".into() };
    Problem::invalid_fields("card_number_refused", detail, pointer.into_iter().map(field).collect()).into()
}

/// The name of the parameter that a card number stands in; the name itself is not told when it is the number.
fn in_pairs(pairs: &str) -> Option<String> {
    if !pan::may_hold(pairs.as_bytes()) {
        return None;
    }
    for pair in pairs.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (unescaped(name), unescaped(value));
        if pan::holds(&name) || pan::holds(&value) {
            return Some(format!("/{}", pan::scrub(&name)));
        }
    }
    None
}

/// Percent-encoding undone, and a plus is a blank: in paths, too, where many who make addresses write it as they do in queries.
fn unescaped(text: &str) -> Cow<'_, str> {
    let text = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    match text.contains('%') {
        true => Cow::Owned(percent_decode_str(&text).decode_utf8_lossy().into_owned()),
        false => text,
    }
}

/// What may be logged of a path that was answered with `status`.
pub(crate) fn loggable(uri: &Uri, status: u16) -> &str {
    let suspect = status == StatusCode::UNPROCESSABLE_ENTITY.as_u16();
    if suspect && pan::holds(&unescaped(uri.path())) { pan::REMOVED } else { uri.path() }
}
