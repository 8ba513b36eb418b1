//! Styles, modules and pictures of the storefront: embedded in the binary, named by their content, kept by caches for
//! ever. A new release has new names, so nothing is ever invalidated.

use std::io::Write;
use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha384};
use souk_catalog_api::moved_to;
use souk_kernel::{Kind, Problem};
use souk_objects::{AssetKind, AssetName, IMMUTABLE, Object};
use souk_web::compress::{GZIP, VARY, accepts_gzip};
use souk_web::{ApiError, ApiPath, Cached, WebCx};

use crate::app::App;

/// What is named by its content may be kept for ever.
const FOREVER: HeaderValue = HeaderValue::from_static(IMMUTABLE);
/// Modules and checked styles are fetched across origins only from who allows it; they are the same for everybody.
const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");
/// A release may draw better; a day later everybody sees it.
const A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");
/// Stands in a drawn picture's address for the category of a product that has none.
const NO_CATEGORY: &str = "other";

/// One file as it is served.
#[derive(Debug)]
pub struct Asset {
    /// Name in the sources, `souk.css`.
    pub name: &'static str,
    /// Name on the wire, `souk.0123456789.css`.
    pub file: AssetName,
    /// Address, `/assets/souk.0123456789.css`.
    pub href: String,
    /// What a browser compares the content with (Subresource Integrity), `sha384-...`.
    pub integrity: String,
    /// Content.
    pub content: Bytes,
    /// Content, compressed.
    pub gzip: Bytes,
}

/// Files others refer to come first: their names are needed to hash those that refer to them.
const FILES: [(&str, &[u8]); 6] = [
    ("tiles.svg", include_bytes!("../assets/tiles.svg")),
    ("icon.svg", include_bytes!("../assets/icon.svg")),
    ("placeholder.svg", include_bytes!("../assets/placeholder.svg")),
    ("souk.css", include_bytes!("../assets/souk.css")),
    ("souk.mjs", include_bytes!("../assets/souk.mjs")),
    ("product.mjs", include_bytes!("../assets/product.mjs")),
];

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let mut assets: Vec<Asset> = Vec::with_capacity(FILES.len());
    for (name, content) in FILES {
        let mut text = String::from_utf8_lossy(content).into_owned();
        for known in &assets {
            text = text.replace(&format!("/assets/{}", known.name), &known.href);
        }
        assets.push(asset(name, text.into_bytes()));
    }
    assets
});

fn asset(name: &'static str, content: Vec<u8>) -> Asset {
    let (stem, extension) = name.split_once('.').expect("every file has an extension");
    let kind = match extension {
        "css" => AssetKind::Css,
        "mjs" => AssetKind::Mjs,
        _ => AssetKind::Svg,
    };
    let file = AssetName::new(stem, &content, kind).expect("names in the sources are plain");
    let integrity = format!("sha384-{}", STANDARD.encode(Sha384::digest(&content)));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&content).expect("a Vec takes everything");
    let gzip = gzip.finish().expect("a Vec takes everything");
    Asset { name, href: format!("/assets/{file}"), file, integrity, content: content.into(), gzip: gzip.into() }
}

/// Every asset, for publishing to a CDN.
pub fn all() -> &'static [Asset] {
    &ASSETS
}

/// Address of the asset called `name` in the sources. Panics on a name that does not exist: names are literals in
/// templates, and the gallery test renders every template.
pub fn href(name: &str) -> &'static str {
    &named(name).href
}

/// What a browser compares its content with; panics as [`href`] does.
pub(crate) fn integrity(name: &str) -> &'static str {
    &named(name).integrity
}

fn named(name: &str) -> &'static Asset {
    ASSETS.iter().find(|asset| asset.name == name).expect("templates name assets that exist")
}

/// `GET /assets/{file}`: one of this release, or one that another has published. While a release is rolled out, pages of
/// both are about.
pub(crate) async fn serve(
    State(app): State<App>,
    ApiPath(file): ApiPath<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(asset) = ASSETS.iter().find(|asset| asset.file.as_str() == file) {
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
    match app.shelf.product(&cx, slug.to_owned()).await {
        Ok(_) => {}
        Err(problem) if moved_to(&problem).is_some() => {}
        Err(problem) if problem.kind == Kind::NotFound => return Err(absent()),
        Err(problem) => return Err(problem.into()),
    }
    let drawing = souk_demo::art::of_product(&motif, slug);
    Ok(Cached::bytes(SVG, drawing, &["art"]).with_cache_control(A_DAY).into_response())
}

/// The slug of a category, from its path.
fn last_slug(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_with_the_content_and_styles_refer_to_hashed_names() {
        assert_ne!(asset("a.css", b"x".to_vec()).file, asset("a.css", b"y".to_vec()).file);
        let css = ASSETS.iter().find(|asset| asset.name == "souk.css").unwrap();
        let text = std::str::from_utf8(&css.content).unwrap();
        assert!(text.contains(href("tiles.svg")) && !text.contains("/assets/tiles.svg"));
    }

    #[test]
    fn nothing_embedded_breaks_the_content_security_policy() {
        for asset in all().iter().filter(|asset| asset.file.kind() == AssetKind::Svg) {
            let text = std::str::from_utf8(&asset.content).unwrap();
            assert!(
                !text.contains("<script") && !text.contains("<style") && !text.contains(" style="),
                "{}",
                asset.name
            );
        }
    }
}
