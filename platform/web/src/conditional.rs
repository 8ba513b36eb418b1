//! Conditional requests (RFC 9110, 13) on things that carry a version: their entity tags, and `If-Match`.
//!
//! A tag is `"<version>-<hash>"`, strong. The hash is of what is shown, since a cart shows today's prices and stock:
//! `If-None-Match` must not answer 304 when those moved. `If-Match` compares the version alone: what a write changes is the
//! stored thing, and a price that moved meanwhile does not stand in its way.

use axum::extract::FromRequestParts;
use axum::response::IntoResponse;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use souk_kernel::Problem;

use crate::respond::NO_STORE;
use crate::{ApiError, Reply, etag_of};

/// The browser or client that asked may keep it, and asks again whether it is still so before showing it.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Tags of an `If-Match` that are looked at: more than a client has versions of one thing.
const MAX_TAGS: usize = 16;

/// Versions that `If-Match` names; none when it was not sent, or is `*`: what is written to exists anyway, else 404.
///
/// What is no tag of ours, or a weak one, matches nothing (RFC 9110, 13.1.1: strong comparison), so the list may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(pub Option<Vec<i64>>);

impl IfMatch {
    fn of(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(header::IF_MATCH).iter().peekable();
        if lines.peek().is_none() {
            return Self(None);
        }
        let mut versions = Vec::new();
        for tag in lines.flat_map(|line| line.as_bytes().split(|b| *b == b',')).take(MAX_TAGS) {
            match tag.trim_ascii() {
                b"*" => return Self(None),
                tag => versions.extend(version_of(tag)),
            }
        }
        Self(Some(versions))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self::of(&parts.headers))
    }
}

/// The version in a tag of ours.
fn version_of(tag: &[u8]) -> Option<i64> {
    let inner = std::str::from_utf8(tag).ok()?.strip_prefix('"')?.strip_suffix('"')?;
    inner.split_once('-')?.0.parse().ok()
}

/// `value` as JSON with its tag, for who asked alone: `If-None-Match` on a read gives 304.
pub fn versioned<T: Serialize>(value: &T, version: i64) -> Reply<T> {
    with_tag(value, version, REVALIDATE)
}

/// The same as the answer to a write, which no cache keeps.
pub fn written<T: Serialize>(value: &T, version: i64) -> Reply<T> {
    with_tag(value, version, NO_STORE)
}

fn with_tag<T: Serialize>(value: &T, version: i64, cache_control: HeaderValue) -> Reply<T> {
    let body = match serde_json::to_vec(value) {
        Ok(body) => body,
        Err(error) => return Reply::without_body(ApiError::from(Problem::internal(error)).into_response()),
    };
    let hash = etag_of(&body);
    let hash = hash.to_str().unwrap_or_default().trim_start_matches("W/").trim_matches('"');
    match HeaderValue::from_str(&format!("\"{version}-{hash}\"")) {
        Ok(tag) => Reply::finished(body, cache_control).with_header(header::ETAG, tag),
        Err(error) => Reply::without_body(ApiError::from(Problem::internal(error)).into_response()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn if_match(lines: &[&str]) -> Option<Vec<i64>> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_MATCH, line.parse().unwrap());
        }
        IfMatch::of(&headers).0
    }

    #[test]
    fn a_tag_goes_there_and_back() {
        let response = versioned(&serde_json::json!({ "price": 1 }), 7).into_response();
        let tag = response.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert!(tag.starts_with("\"7-") && tag.ends_with('"'), "{tag}");
        assert_eq!(if_match(&[&tag]), Some(vec![7]));
        let dearer = versioned(&serde_json::json!({ "price": 2 }), 7).into_response();
        assert_ne!(dearer.headers()[header::ETAG].to_str().unwrap(), tag, "the same version shows another price");
    }

    #[test]
    fn lists_weak_tags_and_nonsense() {
        assert_eq!(if_match(&[]), None);
        assert_eq!(if_match(&["*"]), None);
        assert_eq!(if_match(&["\"1-a\", \"2-b\"", "\"3-c\""]), Some(vec![1, 2, 3]));
        for matches_nothing in ["W/\"1-a\"", "1-a", "\"1\"", "\"x-1\"", "", "\"1-a"] {
            assert_eq!(if_match(&[matches_nothing]), Some(vec![]), "{matches_nothing}");
        }
    }
}
