//! Extractors: typed parts of a request. What does not fit its type is answered with a problem that points at every wrong
//! place.

use axum::body::HttpBody;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Request};
use bytes::Bytes;
use http::header;
use http::request::Parts;
use http::{Method, StatusCode, Uri};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use souk_kernel::{Kind, Problem};
use souk_rpc::Cx;

use crate::{ApiError, rules};

/// The context of the request: who asks, until when, under which id. Set by the gateway or by `souk_rpc_http::admit`.
#[derive(Clone, Debug)]
pub struct WebCx(pub Cx);

impl<S: Send + Sync> FromRequestParts<S> for WebCx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let cx = parts.extensions.get::<Cx>().cloned();
        let cx =
            cx.ok_or_else(|| Problem::internal("a public route was reached without gateway or souk_rpc_http::admit"));
        Ok(Self(cx?))
    }
}

/// Media types of a partial change; elsewhere only the first (RFC 7396).
const PATCH_MEDIA_TYPES: [&str; 2] = ["application/json", "application/merge-patch+json"];

/// A JSON body. 415 for another media type, 400 for what is no JSON, 413 for too much, 422 with a JSON pointer for every
/// place that is not as the schema of `T` says, which is the one that the API's description shows.
#[derive(Clone, Copy, Debug)]
pub struct ApiJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + JsonSchema + 'static> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let accepted = media_types(request.method());
        if !is_one_of(accepted, request.headers()) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let detail = format!("send {}", accepted.join(" or "));
            return Err(ApiError::transport(status, "unsupported_media_type", detail));
        }
        let body = Bytes::from_request(request, state).await.map_err(body_rejected)?;
        let malformed = |detail: String| {
            ApiError::transport(StatusCode::BAD_REQUEST, "malformed_json", format!("the body is {detail}"))
        };
        let value = rules::parse(&body).map_err(malformed)?;
        Ok(Self(checked("invalid_request", value)?))
    }
}

/// A body that may be left out; one that is there is read like any other.
impl<S: Send + Sync, T: DeserializeOwned + JsonSchema + 'static> OptionalFromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, ApiError> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

/// Media types that a body of a call with this method may have.
pub(crate) fn media_types(method: &Method) -> &'static [&'static str] {
    if *method == Method::PATCH { &PATCH_MEDIA_TYPES } else { &PATCH_MEDIA_TYPES[..1] }
}

fn is_one_of(accepted: &[&str], headers: &http::HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim();
    accepted.iter().any(|one| essence.eq_ignore_ascii_case(one))
}

fn body_rejected(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(Kind::TooLarge, "body_too_large", "the body is larger than this call allows").into();
    }
    ApiError::transport(StatusCode::BAD_REQUEST, "body_unreadable", "the body could not be read")
}

/// The `T` that `value` is, or every place where it is not as the schema says.
fn checked<T: DeserializeOwned + JsonSchema + 'static>(code: &'static str, mut value: Value) -> Result<T, Problem> {
    let errors = rules::check(&rules::rule_of::<T>(), &mut value);
    rules::refusal(code, errors)?;
    rules::typed(code, value)
}

/// The query string; a repeated name fills a `Vec`. 422 `invalid_query` for what is not as the schema of `T` says.
#[derive(Clone, Copy, Debug)]
pub struct ApiQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + JsonSchema + 'static> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(query_of(query_pairs(&parts.uri)?)?))
    }
}

/// Names and values of a query string, as they stand there.
pub fn query_pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let unreadable = |_| Problem::invalid("invalid_query", "the query string is not UTF-8 text");
    serde_html_form::from_str(uri.query().unwrap_or_default()).map_err(unreadable)
}

/// The `T` that names and values of a query string say: for queries that are more than `T`, which [`ApiQuery`] reads.
pub fn query_of<T: DeserializeOwned + JsonSchema + 'static>(pairs: Vec<(String, String)>) -> Result<T, Problem> {
    checked("invalid_query", rules::object_of(&rules::rule_of::<T>(), pairs)?)
}

/// Parameters of the path. What cannot be an id names nothing: 404.
#[derive(Clone, Copy, Debug)]
pub struct ApiPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) if rejection.status().is_server_error() => Err(Problem::internal(rejection).into()),
            Err(_) => Err(Problem::not_found("resource").into()),
        }
    }
}
