//! Typed parts of a request. What does not fit its type is answered with a problem that points at the place.

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use http::StatusCode;
use http::header;
use http::request::Parts;
use serde::de::DeserializeOwned;
use souk_kernel::{FieldError, Kind, Problem};
use souk_rpc::Cx;

use crate::ApiError;
use crate::objects::Objects;

/// The context of the request: who asks, until when, under which id. Set by the gateway or by `souk_rpc::accept`.
#[derive(Clone, Debug)]
pub struct WebCx(pub Cx);

impl<S: Send + Sync> FromRequestParts<S> for WebCx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let cx = parts.extensions.get::<Cx>().cloned();
        let cx = cx.ok_or_else(|| Problem::internal("a public route was reached without gateway or souk_rpc::accept"));
        Ok(Self(cx?))
    }
}

/// A JSON body. 415 for another media type, 400 for what is no JSON, 413 for too much, 422 with a JSON pointer for what
/// does not fit `T`. Unknown fields are refused when `T` says `deny_unknown_fields`, as types of writes do.
#[derive(Clone, Copy, Debug)]
pub struct ApiJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(ApiError::transport(status, "unsupported_media_type", "send application/json"));
        }
        let body = Bytes::from_request(request, state).await.map_err(body_rejected)?;
        parse_json(&body).map(Self)
    }
}

fn is_json(headers: &http::HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn body_rejected(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(Kind::TooLarge, "body_too_large", "the body is larger than this call allows").into();
    }
    ApiError::transport(StatusCode::BAD_REQUEST, "body_unreadable", "the body could not be read")
}

fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let malformed = |error: serde_json::Error| {
        let detail = format!("not JSON: line {}, column {}", error.line(), error.column());
        ApiError::transport(StatusCode::BAD_REQUEST, "malformed_json", detail)
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(Objects(&mut json)).map_err(|error| {
        let pointer = pointer_of(error.path());
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => misfit("invalid_request", pointer, &inner.to_string()),
            _ => malformed(inner),
        }
    })?;
    json.end().map_err(malformed)?;
    Ok(value)
}

fn misfit(code: &'static str, pointer: String, reason: &str) -> ApiError {
    // serde_json ends its messages with the position, which the pointer says better.
    let reason = reason.split(" at line ").next().unwrap_or(reason).to_owned();
    let fields = vec![FieldError { pointer, detail: reason.clone() }];
    Problem::invalid_fields(code, reason, fields).into()
}

/// A JSON pointer (RFC 6901) of a path into a document.
fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

/// The query string; a repeated name fills a `Vec`. 422 `invalid_query` for what does not fit.
#[derive(Clone, Copy, Debug)]
pub struct ApiQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let form = serde_html_form::Deserializer::from_bytes(query.as_bytes());
        let value = serde_path_to_error::deserialize(form).map_err(|error| {
            let pointer = pointer_of(error.path());
            misfit("invalid_query", pointer, &error.into_inner().to_string())
        })?;
        Ok(Self(value))
    }
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
