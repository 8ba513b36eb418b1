//! Cross-origin resource sharing (Fetch standard, "CORS protocol"): which other origins' scripts may call the public API. Off
//! unless configured. Cookies are never shared: a script of another origin authenticates with a bearer token.

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::body::ResponseBody;
use crate::config::CorsConfig;

/// Only the API is for programs; pages are not.
const API: &str = "/api/";
const ANY: HeaderValue = HeaderValue::from_static("*");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// Headers of answers that scripts may read beside those that every browser shows.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "etag, link, location, retry-after, ratelimit, ratelimit-policy, souk-position, www-authenticate, x-request-id",
);

/// The settings, ready for answers.
pub(crate) struct Cors {
    any: bool,
    origins: Vec<String>,
    request_headers: HeaderValue,
    max_age: HeaderValue,
}

impl Cors {
    /// None when no origin is allowed.
    pub(crate) fn new(config: &CorsConfig) -> Option<Self> {
        if config.origins.is_empty() {
            return None;
        }
        Some(Self {
            any: config.origins.iter().any(|origin| origin == "*"),
            origins: config.origins.iter().map(|origin| origin.to_ascii_lowercase()).collect(),
            request_headers: HeaderValue::try_from(config.headers.join(", ")).ok()?,
            max_age: HeaderValue::from(config.max_age_seconds),
        })
    }

    /// Answers a preflight request of an allowed origin; none for every other request.
    pub(crate) fn preflight(&self, method: &Method, path: &str, asked: &HeaderMap) -> Option<Response<ResponseBody>> {
        let preflight = *method == Method::OPTIONS && asked.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !preflight || !path.starts_with(API) || self.allowed(asked).is_none() {
            return None;
        }
        let mut response = Response::new(ResponseBody::EMPTY);
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, self.request_headers.clone());
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        Some(response)
    }

    /// Adds to any answer of the API whether the asking origin may read it. An answer that depends on the origin says so, for
    /// caches beyond us.
    pub(crate) fn add(&self, path: &str, asked: &HeaderMap, headers: &mut HeaderMap) {
        if !path.starts_with(API) {
            return;
        }
        if !self.any {
            headers.append(header::VARY, HeaderValue::from_name(header::ORIGIN));
        }
        if let Some(allowed) = self.allowed(asked) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            // Other answers may not be loaded by other sites at all.
            let policy = HeaderName::from_static("cross-origin-resource-policy");
            headers.insert(policy, HeaderValue::from_static("cross-origin"));
        }
    }

    fn allowed(&self, asked: &HeaderMap) -> Option<HeaderValue> {
        let origin = asked.get(header::ORIGIN)?;
        if self.any {
            return Some(ANY);
        }
        let name = origin.to_str().ok()?.to_ascii_lowercase();
        self.origins.contains(&name).then(|| origin.clone())
    }
}
