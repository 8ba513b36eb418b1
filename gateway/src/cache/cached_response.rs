//! Cached response: compressed body, finished headers, and until when it may be shown.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use parking_lot::Mutex;
use souk_kernel::Problem;
use souk_web::ApiError;
use souk_web::compress::{self, GZIP, VARY, accepts_gzip};

use super::surrogate_keys::KeyState;
use crate::response::body::ResponseBody;
use crate::response::headers::{SecurityHeaders, strip_internal};

/// Seconds a public absence is kept at most: clients ask for anything.
const MAX_ABSENCE_SECONDS: i64 = 10;
/// Seconds anything is kept at most.
const MAX_FRESH_SECONDS: i64 = 24 * 3600;
/// Microseconds after which another request may try to make a new one, when the first try came to nothing.
const REFRESH_AGAIN_US: i64 = 5_000_000;
/// Bytes of an entry beside body, rare headers and key: the struct and its Arc, its places in the cache's table and
/// queues, its share of its surrogate keys' states. Measured, as the growth of a process by 16,000 entries.
const OVERHEAD: u64 = 800;
/// Bytes of a rare header beside its text: name and value as they lie in the list, the value's allocation.
const HEADER_OVERHEAD: u64 = 72 + 16;
/// What an allocator rounds up to, as a share of a body: a sixteenth on average.
const ROUNDING: u64 = 16;
/// Headers of an answer beside its rare ones: its own six, the security headers, `Age`, the request's id, the date.
const SHOWN: usize = 15;
/// Values shared at most; a service that makes up more gets them one by one.
const MAX_SHARED: usize = 256;

/// Values of `Age` up to twenty minutes, made once.
static AGES: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| (0..1200u64).map(HeaderValue::from).collect());

/// How long an answer may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) fresh_us: i64,
    pub(crate) stale_us: i64,
    immutable: bool,
    /// For some visitors only: caches beyond us must not show it to the others.
    private: bool,
}

/// Content negotiation: which form of a response a client wants.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Want<'r> {
    pub(crate) head: bool,
    pub(crate) gzip: bool,
    pub(crate) if_none_match: Option<&'r HeaderValue>,
}

impl<'r> Want<'r> {
    /// What a request with `headers` wants; `head`: no body.
    pub(crate) fn of(head: bool, headers: &'r HeaderMap) -> Self {
        let gzip = accepts_gzip(headers.get(header::ACCEPT_ENCODING));
        Self { head, gzip, if_none_match: headers.get(header::IF_NONE_MATCH) }
    }
}

/// A public answer as it is stored. Headers are kept apart by kind and joined when it is shown: a map of them takes two kilobytes, and
/// there are tens of thousands of entries.
pub(crate) struct CachedResponse {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    cache_control: HeaderValue,
    etag: HeaderValue,
    /// Headers that few answers have.
    rare: Box<[(HeaderName, HeaderValue)]>,
    /// The stored form.
    body: Bytes,
    /// May be compressed on the way, so its form depends on what the client accepts.
    text: bool,
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

/// Whether this answer is public, and for how long. Only what says `public` and how long; never errors, never
/// what sets a cookie or depends on more than its name.
pub(crate) fn may_store(status: StatusCode, headers: &HeaderMap) -> Option<Policy> {
    let absent = match status {
        StatusCode::OK | StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT => false,
        StatusCode::NOT_FOUND | StatusCode::GONE => true,
        _ => return None,
    };
    let readable = !headers.contains_key(header::CONTENT_ENCODING) || compress::is_gzip(headers);
    if headers.contains_key(header::SET_COOKIE) || !readable {
        return None;
    }
    let only_encoding = |vary: &HeaderValue| vary.as_bytes().eq_ignore_ascii_case(VARY.as_bytes());
    if !headers.get_all(header::VARY).iter().all(only_encoding) {
        return None;
    }
    let mut policy = parse_cache_control(headers)?;
    if absent {
        policy = Policy {
            fresh_us: policy.fresh_us.min(MAX_ABSENCE_SECONDS * 1_000_000),
            stale_us: 0,
            immutable: false,
            private: false,
        };
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
    Some(Policy { fresh_us: fresh * 1_000_000, stale_us: stale * 1_000_000, immutable, private: false })
}

impl Policy {
    /// The same for what a canary made: kept here and by browsers, and by no cache between.
    pub(crate) fn for_some_visitors(self) -> Self {
        Self { private: true, ..self }
    }

    /// What caches beyond us are told. Only we show stale answers: a browser cannot be purged.
    fn downstream(self) -> HeaderValue {
        let seconds = self.fresh_us / 1_000_000;
        let suffix = if self.immutable { ", immutable" } else { "" };
        let whose = if self.private { "private" } else { "public" };
        HeaderValue::try_from(format!("{whose}, max-age={seconds}{suffix}")).expect("digits and letters")
    }
}

impl CachedResponse {
    /// Compresses a public answer, unless its service has, and sorts its headers.
    ///
    /// # Errors
    /// `bad_gateway`: the service's compressed form is none.
    pub(crate) fn new(parts: &Parts, body: &[u8], policy: Policy) -> Result<Self, Problem> {
        let mut headers = parts.headers.clone();
        strip_internal(&mut headers);
        let packed = compress::is_gzip(&headers);
        for name in [header::CACHE_CONTROL, header::VARY, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
            headers.remove(name);
        }
        let content_type = headers.remove(header::CONTENT_TYPE);
        let etag = headers.remove(header::ETAG).unwrap_or_else(|| souk_web::etag_of(body));
        let text = packed || compress::is_text(content_type.as_ref());
        let (body, plain_len) = match packed {
            true => (Bytes::copy_from_slice(body), Some(compress::plain_len(body)?)),
            false if text && body.len() >= compress::MIN_BYTES => (compress::gzip(body), Some(body.len())),
            false => (Bytes::copy_from_slice(body), None),
        };
        Ok(Self {
            status: parts.status,
            content_type: content_type.map(shared),
            cache_control: shared(policy.downstream()),
            etag: detached(&etag),
            rare: headers.iter().map(|(name, value)| (name.clone(), detached(value))).collect(),
            text,
            plain_len,
            body,
            epoch: 0,
            keys: Box::default(),
            stored_at: 0,
            fresh_until: 0,
            stale_until: 0,
            refresh_claimed: AtomicI64::new(0),
            bytes: 0,
        })
    }

    /// The answer for one client at `now` (microseconds).
    pub(crate) fn answer(&self, want: Want<'_>, now: i64, security: &SecurityHeaders) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::EMPTY);
        let mut headers = HeaderMap::with_capacity(self.rare.len() + SHOWN);
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        if self.text {
            headers.insert(header::VARY, VARY);
        }
        let known = want.if_none_match.filter(|_| self.status == StatusCode::OK);
        if known.is_some_and(|known| souk_web::etag_matches(known, self.etag.as_bytes())) {
            // Only what RFC 9110, 15.4.5 wants repeated.
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            security.add_hsts(&mut headers);
        } else {
            *response.status_mut() = self.status;
            *response.body_mut() = match self.body(want, &mut headers) {
                Ok(body) => body,
                Err(problem) => return damaged(problem),
            };
            if let Some(content_type) = &self.content_type {
                headers.insert(header::CONTENT_TYPE, content_type.clone());
            }
            for (name, value) in &self.rare {
                headers.append(name.clone(), value.clone());
            }
            security.add(&mut headers);
        }
        let age = usize::try_from((now - self.stored_at) / 1_000_000).unwrap_or(0);
        headers.insert(header::AGE, AGES.get(age).cloned().unwrap_or_else(|| HeaderValue::from(age)));
        *response.headers_mut() = headers;
        response
    }

    /// The body in a form that the client accepts, and the headers that say which.
    fn body(&self, want: Want<'_>, headers: &mut HeaderMap) -> Result<ResponseBody, Problem> {
        let unpack = self.plain_len.filter(|_| !want.gzip);
        if self.plain_len.is_some() && unpack.is_none() {
            headers.insert(header::CONTENT_ENCODING, GZIP);
        }
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(unpack.unwrap_or(self.body.len())));
        Ok(match unpack {
            _ if want.head => ResponseBody::EMPTY,
            Some(_) => ResponseBody::Full(compress::gunzip(&self.body)?),
            None => ResponseBody::Full(self.body.clone()),
        })
    }

    /// True for the one caller that has to make a new one.
    pub(super) fn claim_refresh(&self, now: i64) -> bool {
        let claimed = self.refresh_claimed.load(Ordering::Relaxed);
        now - claimed >= REFRESH_AGAIN_US
            && self.refresh_claimed.compare_exchange(claimed, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Adds up the memory it takes.
    pub(super) fn weigh(&self) -> u64 {
        let rare: u64 = self.rare.iter().map(|(_, value)| value.len() as u64 + HEADER_OVERHEAD).sum();
        let body = self.body.len() as u64;
        body + body / ROUNDING + rare + self.keys.len() as u64 * 8 + OVERHEAD
    }
}

/// What a service sent is not what it said.
fn damaged(problem: Problem) -> Response<ResponseBody> {
    let error = ApiError::from(problem);
    error.log("cache");
    let mut response = Response::new(ResponseBody::EMPTY);
    *response.status_mut() = error.status();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The same value in an allocation of its own: one that came over the network keeps its whole read buffer alive.
fn detached(value: &HeaderValue) -> HeaderValue {
    HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone())
}

/// Values that many entries have, one allocation for all: media types and ages are few.
fn shared(value: HeaderValue) -> HeaderValue {
    static KNOWN: LazyLock<Mutex<HashSet<HeaderValue>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock();
    if let Some(known) = known.get(&value) {
        return known.clone();
    }
    let value = detached(&value);
    if known.len() < MAX_SHARED {
        known.insert(value.clone());
    }
    value
}
