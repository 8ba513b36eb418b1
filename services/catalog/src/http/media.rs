//! Route of stored pictures. A name that is not exactly a hash and a known ending is absent, so nothing outside is
//! reachable; what a name means never changes, so it may be kept for ever.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use souk_kernel::Problem;
use souk_objects::{IMMUTABLE, MediaKind, ObjectName};
use souk_web::{ApiError, ApiPath, etag_matches};

use super::MediaName;
use crate::CatalogService;

/// A drawing opened by itself may style itself and do nothing else.
const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

pub(super) async fn get(
    State(service): State<Arc<CatalogService>>,
    ApiPath(MediaName(file)): ApiPath<MediaName>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let absent = || ApiError::from(Problem::not_found("picture")).public_absence();
    let name: ObjectName = file.parse().map_err(|_| absent())?;
    let etag = HeaderValue::from_str(&format!("\"{name}\"")).map_err(Problem::internal)?;
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| etag_matches(known, etag.as_bytes())) {
        let kept = [(header::ETAG, etag), (header::CACHE_CONTROL, HeaderValue::from_static(IMMUTABLE))];
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    let object = service.pictures.objects.get(&name).await.map_err(Problem::from)?.ok_or_else(absent)?;
    let mut response = Response::new(Body::from_stream(object.stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(name.kind().content_type()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(object.size));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(IMMUTABLE));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::ETAG, etag);
    if name.kind() == MediaKind::Svg {
        headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    }
    Ok(response)
}
