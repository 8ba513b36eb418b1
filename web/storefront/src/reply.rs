//! Responses and forms: public pages with their surrogate keys, personal ones that no cache keeps, redirects after forms,
//! and the fields of a form as they were sent.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use souk_kernel::{Kind, Problem};
use souk_web::{ApiError, Cached};

/// Media type of pages.
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// What is personal stays with the browser that asked, and not even there.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// What handlers return when it does not work.
pub(crate) type PageResult = Result<Response, ApiError>;

/// A page that is the same for all visitors; `keys` name what it shows.
pub(crate) fn public(page: &impl Template, keys: &[String]) -> PageResult {
    Ok(Cached::bytes(HTML, render(page)?, keys).into_response())
}

/// A page for one visitor.
pub(crate) fn private(status: StatusCode, page: &impl Template) -> PageResult {
    let headers = [(header::CONTENT_TYPE, HTML), (header::CACHE_CONTROL, PRIVATE)];
    Ok((status, headers, render(page)?).into_response())
}

fn render(page: &impl Template) -> Result<String, Problem> {
    page.render().map_err(Problem::internal)
}

/// The answer to a form: look there (POST, redirect, GET).
pub(crate) fn see_other(location: &str) -> Response {
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::CACHE_CONTROL, PRIVATE)]).into_response()
}

/// Adds cookies to an answer.
pub(crate) fn with_cookies(mut response: Response, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// True for requests of our modules, which want JSON instead of a page.
pub(crate) fn wants_json(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"))
}

/// Surrogate keys of products.
pub(crate) fn product_keys<'a>(ids: impl IntoIterator<Item = &'a uuid::Uuid>) -> Vec<String> {
    ids.into_iter().map(|id| format!("product/{id}")).collect()
}

/// Fields of a form as they were sent, in their order.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Fields that were sent earlier.
    pub fn of(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// True when nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a field, trimmed; empty when it was not sent.
    pub fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The value as it was typed: a password may begin with a space.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The value, unless empty.
    pub fn some(&self, name: &str) -> Option<String> {
        Some(self.get(name)).filter(|value| !value.is_empty()).map(str::to_owned)
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        let empty = request.headers().get(header::CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0");
        let is_form = essence.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let no_body = essence.is_empty() && empty;
        if !is_form && !no_body {
            let detail = "this address takes forms";
            return Err(ApiError::transport(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            let large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
            let too_large =
                || Problem::new(Kind::TooLarge, "body_too_large", "the form is larger than this page allows");
            let unreadable =
                || ApiError::transport(StatusCode::BAD_REQUEST, "body_unreadable", "the form could not be read");
            if large { too_large().into() } else { unreadable() }
        })?;
        let malformed =
            |_| ApiError::transport(StatusCode::BAD_REQUEST, "malformed_form", "the form could not be read");
        serde_html_form::from_bytes(&body).map(Form).map_err(malformed)
    }
}
