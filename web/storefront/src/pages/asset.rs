//! Static assets and drawn pictures: `GET /assets/{file}` and `GET /media/art/{motif}/{seed}.svg`. The assets of this release
//! are embedded ([`crate::assets`]), those of other releases are in the shop's storage.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use souk_catalog_api::moved_to;
use souk_kernel::{Kind, Problem};
use souk_objects::{AssetKind, AssetName, IMMUTABLE, Object};
use souk_web::compress::{GZIP, VARY, accepts_gzip};
use souk_web::{ApiError, ApiPath, Cached, WebCx};

use crate::app::App;
use crate::assets::{Asset, by_file};

/// What is named by its content may be kept for ever.
const FOREVER: HeaderValue = HeaderValue::from_static(IMMUTABLE);
/// Browsers fetch modules and styles with an integrity hash across origins only where CORS allows it; they are the same for
/// all visitors.
const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");
/// A release may draw better; a day later every visitor sees it.
const A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");
/// Stands in a drawn picture's address for the category of a product that has none.
const NO_CATEGORY: &str = "other";

/// `GET /assets/{file}`: one of this release, or one that another has published. While a release is rolled out, pages of
/// both are about.
pub(crate) async fn serve(
    State(app): State<App>,
    ApiPath(file): ApiPath<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(asset) = by_file(&file) {
        return Ok(embedded(asset, &headers));
    }
    let absent = || (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")]).into_response();
    let (Ok(name), Some(published)) = (file.parse::<AssetName>(), &app.clients.published) else { return Ok(absent()) };
    let found = published.get_asset(&name).await.map_err(Problem::from)?;
    Ok(found.map_or_else(absent, |object| stored(&name, object)))
}

fn embedded(asset: &Asset, headers: &HeaderMap) -> Response {
    let gzip = accepts_gzip(headers.get(header::ACCEPT_ENCODING));
    let mut response = if gzip { asset.gzip.clone() } else { asset.content.clone() }.into_response();
    describe(&mut response, asset.file.kind());
    response.headers_mut().insert(header::VARY, VARY);
    if gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, GZIP);
    }
    response
}

fn stored(name: &AssetName, object: Object) -> Response {
    let mut response = Response::new(Body::from_stream(object.stream));
    describe(&mut response, name.kind());
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(object.size));
    response
}

fn describe(response: &mut Response, kind: AssetKind) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind.content_type()));
    headers.insert(header::CACHE_CONTROL, FOREVER);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN);
}

/// `GET /media/art/{motif}/{seed}.svg`: the picture of a product that has none of its own (the catalogue's rule). Drawn
/// anew each time, in some 20 microseconds; the gateway and browsers keep it. 404 when there is no such product or no such
/// category: else made-up addresses would fill the caches. The product need not be in that category any more, nor without a
/// picture: orders of before show it as it was.
pub(crate) async fn drawn(
    State(app): State<App>,
    WebCx(cx): WebCx,
    ApiPath((motif, file)): ApiPath<(String, String)>,
) -> Result<Response, ApiError> {
    let absent = || ApiError::from(Problem::not_found("picture")).public_absence();
    let slug = file.strip_suffix(".svg").ok_or_else(absent)?;
    if motif != NO_CATEGORY && !app.nav(&cx).await?.tree.items.iter().any(|category| last_slug(&category.path) == motif)
    {
        return Err(absent());
    }
    match app.reads.product(&cx, slug.to_owned()).await {
        Ok(_) => {}
        Err(problem) if moved_to(&problem).is_some() => {}
        Err(problem) if problem.kind == Kind::NotFound => return Err(absent()),
        Err(problem) => return Err(problem.into()),
    }
    let drawing = souk_art::of_product(&motif, slug);
    Ok(Cached::bytes(SVG, drawing, &["art"]).with_cache_control(A_DAY).into_response())
}

/// The slug of a category, from its path.
fn last_slug(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
