//! One stored answer: compressed body, finished headers, and until when it may be shown.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::keys::KeyState;
use crate::answer::Answer;
use crate::compress;
use crate::headers::{SecurityHeaders, strip_internal};

/// Seconds a public absence is kept at most: strangers ask for anything.
const MAX_ABSENCE_SECONDS: i64 = 10;
/// Seconds anything is kept at most.
const MAX_FRESH_SECONDS: i64 = 24 * 3600;
/// Microseconds after which somebody else may try to make a new one, when the first try came to nothing.
const REFRESH_AGAIN_US: i64 = 5_000_000;
/// Bytes of an entry beside body, headers and key: the struct, its Arc, the slot in the cache.
const OVERHEAD: u64 = 400;
/// Bytes of a header in a map beside its text.
const HEADER_OVERHEAD: u64 = 96;
const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// Values of `Age` up to twenty minutes, made once.
static AGES: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| (0..1200u64).map(HeaderValue::from).collect());

/// How long an answer may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) fresh_us: i64,
    pub(crate) stale_us: i64,
    immutable: bool,
}

/// What a client wants of an entry.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Want<'r> {
    pub(crate) head: bool,
    pub(crate) gzip: bool,
    pub(crate) if_none_match: Option<&'r HeaderValue>,
}

/// A stored answer.
pub(crate) struct Entry {
    status: StatusCode,
    /// Of the stored form, finished.
    headers: HeaderMap,
    body: Bytes,
    /// Length before compression; the body is compressed when there is one.
    plain_len: Option<usize>,
    pub(super) epoch: u64,
    pub(super) keys: Box<[Arc<KeyState>]>,
    pub(super) stored_at: i64,
    pub(super) fresh_until: i64,
    pub(super) stale_until: i64,
    refresh_claimed: AtomicI64,
    /// Memory it takes; set when it is stored.
    pub(super) bytes: u64,
}

/// Whether everybody may get this answer, and for how long. Only what says `public` and how long; never errors, never
/// what sets a cookie or depends on more than its name.
pub(crate) fn may_store(parts: &Parts) -> Option<Policy> {
    let absent = match parts.status {
        StatusCode::OK | StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT => false,
        StatusCode::NOT_FOUND | StatusCode::GONE => true,
        _ => return None,
    };
    let headers = &parts.headers;
    if headers.contains_key(header::SET_COOKIE) || headers.contains_key(header::CONTENT_ENCODING) {
        return None;
    }
    let only_encoding = |vary: &HeaderValue| vary.as_bytes().eq_ignore_ascii_case(b"accept-encoding");
    if !headers.get_all(header::VARY).iter().all(only_encoding) {
        return None;
    }
    let mut policy = parse_cache_control(headers)?;
    if absent {
        policy =
            Policy { fresh_us: policy.fresh_us.min(MAX_ABSENCE_SECONDS * 1_000_000), stale_us: 0, immutable: false };
    }
    Some(policy)
}

fn parse_cache_control(headers: &HeaderMap) -> Option<Policy> {
    let (mut public, mut immutable) = (false, false);
    let (mut max_age, mut shared_age, mut stale) = (None, None, 0);
    let seconds = |text: &str| text.trim_matches('"').parse::<i64>().ok().map(|s| s.clamp(0, MAX_FRESH_SECONDS));
    let lines = headers.get_all(header::CACHE_CONTROL);
    for directive in lines.iter().filter_map(|v| v.to_str().ok()).flat_map(|line| line.split(',')) {
        let (name, value) = directive.trim().split_once('=').unwrap_or((directive.trim(), ""));
        match name {
            "public" => public = true,
            "immutable" => immutable = true,
            "private" | "no-store" | "no-cache" => return None,
            "max-age" => max_age = seconds(value),
            "s-maxage" => shared_age = seconds(value),
            "stale-while-revalidate" => stale = seconds(value).unwrap_or(0),
            _ => {}
        }
    }
    let fresh = shared_age.or(max_age).filter(|seconds| public && *seconds > 0)?;
    Some(Policy { fresh_us: fresh * 1_000_000, stale_us: stale * 1_000_000, immutable })
}

impl Policy {
    /// What caches beyond us are told. Showing stale answers is our business alone: nobody can purge a browser.
    fn downstream(self) -> HeaderValue {
        let seconds = self.fresh_us / 1_000_000;
        let suffix = if self.immutable { ", immutable" } else { "" };
        HeaderValue::try_from(format!("public, max-age={seconds}{suffix}")).expect("digits and letters")
    }
}

impl Entry {
    /// Compresses a public answer and finishes its headers.
    pub(crate) fn new(parts: &Parts, plain: Bytes, policy: Policy, security: &SecurityHeaders) -> Self {
        let mut headers = parts.headers.clone();
        strip_internal(&mut headers);
        let text = compress::is_text(headers.get(header::CONTENT_TYPE));
        headers.entry(header::ETAG).or_insert_with(|| souk_web::etag_of(&plain));
        let packed = (text && plain.len() >= compress::MIN_BYTES).then(|| compress::gzip(&plain));
        let plain_len = packed.is_some().then_some(plain.len());
        let body = packed.unwrap_or_else(|| Bytes::copy_from_slice(&plain));
        headers.insert(header::CACHE_CONTROL, policy.downstream());
        if text {
            headers.insert(header::VARY, VARY);
        }
        if plain_len.is_some() {
            headers.insert(header::CONTENT_ENCODING, GZIP);
        }
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        security.add(&mut headers);
        Self {
            status: parts.status,
            headers,
            body,
            plain_len,
            epoch: 0,
            keys: Box::default(),
            stored_at: 0,
            fresh_until: 0,
            stale_until: 0,
            refresh_claimed: AtomicI64::new(0),
            bytes: 0,
        }
    }

    /// The answer for one client at `now` (microseconds).
    pub(crate) fn answer(&self, want: Want<'_>, now: i64) -> Response<Answer> {
        let mut response = Response::new(Answer::EMPTY);
        let age = usize::try_from((now - self.stored_at) / 1_000_000).unwrap_or(0);
        let etag = self.headers.get(header::ETAG).filter(|_| self.status == StatusCode::OK);
        if let (Some(known), Some(etag)) = (want.if_none_match, etag)
            && souk_web::etag_matches(known, etag.as_bytes())
        {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.headers_mut() = unchanged_headers(&self.headers, etag);
        } else {
            *response.status_mut() = self.status;
            *response.headers_mut() = self.headers.clone();
            self.put_body(&mut response, want);
        }
        let age = AGES.get(age).cloned().unwrap_or_else(|| HeaderValue::from(age));
        response.headers_mut().insert(header::AGE, age);
        response
    }

    fn put_body(&self, response: &mut Response<Answer>, want: Want<'_>) {
        let mut body = self.body.clone();
        if let Some(len) = self.plain_len.filter(|_| !want.gzip) {
            let headers = response.headers_mut();
            headers.remove(header::CONTENT_ENCODING);
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(len));
            if !want.head {
                body = compress::gunzip(&body, len);
            }
        }
        if !want.head {
            *response.body_mut() = Answer::Full(body);
        }
    }

    /// True for the one caller that has to make a new one.
    pub(super) fn claim_refresh(&self, now: i64) -> bool {
        let claimed = self.refresh_claimed.load(Ordering::Relaxed);
        now - claimed >= REFRESH_AGAIN_US
            && self.refresh_claimed.compare_exchange(claimed, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Adds up the memory it takes.
    pub(super) fn weigh(&self) -> u64 {
        // Names, and the values of security headers, are static: they take no memory of their own.
        let map = |headers: &HeaderMap| -> u64 {
            let own = |name: &HeaderName| [header::ETAG, header::CONTENT_LENGTH, header::LAST_MODIFIED].contains(name);
            headers.iter().map(|(name, value)| if own(name) { value.len() as u64 } else { 0 } + HEADER_OVERHEAD).sum()
        };
        let headers = map(&self.headers);
        self.body.len() as u64 + headers + self.keys.len() as u64 * 8 + OVERHEAD
    }
}

fn unchanged_headers(headers: &HeaderMap, etag: &HeaderValue) -> HeaderMap {
    let mut unchanged = HeaderMap::with_capacity(4);
    unchanged.insert(header::ETAG, etag.clone());
    for name in [header::CACHE_CONTROL, header::VARY, header::STRICT_TRANSPORT_SECURITY] {
        if let Some(value) = headers.get(&name) {
            unchanged.insert(name, value.clone());
        }
    }
    unchanged
}
