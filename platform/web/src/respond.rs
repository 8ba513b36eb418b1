//! Replies: their bodies' types, which the API's description shows, and cache headers, which say what caches may do with them.

use std::marker::PhantomData;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use souk_kernel::Problem;

use crate::ApiError;

/// Names the things a public reply shows, separated by spaces; caches are purged by them. Not sent to browsers.
pub const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");

/// Public replies are fresh for a minute and may be shown stale for ten while a new one is made (ARCHITECTURE 6).
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=60, stale-while-revalidate=600");
/// What no cache may keep.
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON answer of a REST call: a `T`, which the API's description thereby knows, with its headers.
#[derive(Debug)]
pub struct Reply<T> {
    response: Response,
    of: PhantomData<fn() -> T>,
}

impl<T> Reply<T> {
    /// A `T` as JSON, made already.
    pub(crate) fn finished(body: Vec<u8>, cache_control: HeaderValue) -> Self {
        Self { response: json(body, cache_control), of: PhantomData }
    }

    /// An answer to the same call that is no `T`: a redirect, 304, an error.
    pub fn without_body(response: Response) -> Self {
        Self { response, of: PhantomData }
    }

    /// Another status than 200.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        *self.response.status_mut() = status;
        self
    }

    /// With a header more, if there is one.
    pub fn with_header(mut self, name: HeaderName, value: impl Into<Option<HeaderValue>>) -> Self {
        if let Some(value) = value.into() {
            self.response.headers_mut().insert(name, value);
        }
        self
    }
}

impl<T> From<Cached<T>> for Reply<T> {
    fn from(cached: Cached<T>) -> Self {
        Self { response: cached.into_response(), of: PhantomData }
    }
}

impl<T> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        self.response
    }
}

/// A reply that is the same for all callers: `Cached::public(&product, &["product/<id>"])`, a `T`, or a page.
#[derive(Debug)]
pub struct Cached<T = ()> {
    status: StatusCode,
    content_type: HeaderValue,
    cache_control: HeaderValue,
    body: Bytes,
    keys: String,
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize> Cached<T> {
    /// `value` as JSON; `keys` name the things it shows.
    pub fn public(value: &T, keys: &[impl AsRef<str>]) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(value).map_err(Problem::internal)?;
        Ok(Self::of(JSON, body.into(), keys))
    }
}

impl Cached {
    /// A finished body, for example a page.
    pub fn bytes(content_type: HeaderValue, body: impl Into<Bytes>, keys: &[impl AsRef<str>]) -> Self {
        Self::of(content_type, body.into(), keys)
    }
}

impl<T> Cached<T> {
    fn of(content_type: HeaderValue, body: Bytes, keys: &[impl AsRef<str>]) -> Self {
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        Self {
            status: StatusCode::OK,
            content_type,
            cache_control: PUBLIC,
            body,
            keys: keys.join(" "),
            of: PhantomData,
        }
    }

    /// The same document, described by the type that clients read it as: `T` writes it faster.
    pub fn described_as<U>(self) -> Cached<U> {
        let Self { status, content_type, cache_control, body, keys, of: _ } = self;
        Cached { status, content_type, cache_control, body, keys, of: PhantomData }
    }

    /// Another status: a cacheable 404 page.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Another freshness: `public, max-age=5`.
    pub fn with_cache_control(mut self, value: HeaderValue) -> Self {
        self.cache_control = value;
        self
    }
}

impl<T> IntoResponse for Cached<T> {
    fn into_response(self) -> Response {
        let etag = etag_of(&self.body);
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type);
        headers.insert(header::CACHE_CONTROL, self.cache_control);
        headers.insert(header::ETAG, etag);
        if let Ok(keys) = HeaderValue::from_str(&self.keys)
            && !self.keys.is_empty()
        {
            headers.insert(SURROGATE_KEY, keys);
        }
        response
    }
}

/// A weak entity tag of the content: weak because the gateway may send it compressed.
pub fn etag_of(body: &[u8]) -> HeaderValue {
    let hash = blake3::hash(body).to_hex();
    HeaderValue::from_str(&format!("W/\"{}\"", &hash[..22])).expect("hexadecimal digits are a header value")
}

/// `value` as JSON that no cache may keep.
pub fn no_store<T: Serialize>(value: &T) -> Reply<T> {
    match serde_json::to_vec(value) {
        Ok(body) => Reply::finished(body, NO_STORE),
        Err(error) => Reply::without_body(ApiError::from(Problem::internal(error)).into_response()),
    }
}

/// A finished JSON body.
pub(crate) fn json(body: Vec<u8>, cache_control: HeaderValue) -> Response {
    ([(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, cache_control)], body).into_response()
}
