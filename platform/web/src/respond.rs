//! Replies with cache headers, which say what caches may do with them.

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

/// A reply that is the same for all callers: `Cached::public(&product, &["product/<id>"])`.
#[derive(Debug)]
pub struct Cached {
    status: StatusCode,
    content_type: HeaderValue,
    cache_control: HeaderValue,
    body: Bytes,
    keys: String,
}

impl Cached {
    /// `value` as JSON; `keys` name the things it shows.
    pub fn public<T: Serialize + ?Sized>(value: &T, keys: &[impl AsRef<str>]) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(value).map_err(Problem::internal)?;
        Ok(Self::bytes(JSON, body, keys))
    }

    /// A finished body, for example a page.
    pub fn bytes(content_type: HeaderValue, body: impl Into<Bytes>, keys: &[impl AsRef<str>]) -> Self {
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        Self { status: StatusCode::OK, content_type, cache_control: PUBLIC, body: body.into(), keys: keys.join(" ") }
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

impl IntoResponse for Cached {
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

/// `value` as JSON that no cache may keep. Combine with a status: `(StatusCode::CREATED, no_store(&cart))`.
pub fn no_store<T: Serialize + ?Sized>(value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => json(body, NO_STORE),
        Err(error) => ApiError::from(Problem::internal(error)).into_response(),
    }
}

/// A finished JSON body.
pub(crate) fn json(body: Vec<u8>, cache_control: HeaderValue) -> Response {
    ([(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, cache_control)], body).into_response()
}
