//! Styles, modules and pictures of the storefront: embedded in the binary, named by their content, kept by caches for
//! ever. A new release has new names, so nothing is ever invalidated.

use std::io::Write;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use souk_web::Cached;

/// Caches may keep what is named by its content for a year, the longest they are asked to (RFC 9111 advises it).
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// A release may draw better; a day later everybody sees it.
const A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");
/// Characters of a slug in an address of a drawn picture; the catalogue's have at most 120.
const MAX_SEED: usize = 200;
/// Hexadecimal digits of the hash in a name: 40 bits tell the releases of one file apart.
const HASH_DIGITS: usize = 10;

/// One file as it is served.
#[derive(Debug)]
pub struct Asset {
    /// Name in the sources, `souk.css`.
    pub name: &'static str,
    /// Name on the wire, `souk.0123456789.css`.
    pub file: String,
    /// Address, `/assets/souk.0123456789.css`.
    pub href: String,
    /// Media type.
    pub content_type: &'static str,
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
    let hash = blake3::hash(&content).to_hex();
    let file = format!("{stem}.{}.{extension}", &hash[..HASH_DIGITS]);
    let content_type = match extension {
        "css" => "text/css; charset=utf-8",
        "mjs" => "text/javascript; charset=utf-8",
        _ => "image/svg+xml",
    };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&content).expect("a Vec takes everything");
    let gzip = gzip.finish().expect("a Vec takes everything");
    Asset { name, href: format!("/assets/{file}"), file, content_type, content: content.into(), gzip: gzip.into() }
}

/// Every asset, for publishing to a CDN.
pub fn all() -> &'static [Asset] {
    &ASSETS
}

/// Address of the asset called `name` in the sources. Panics on a name that does not exist: names are literals in
/// templates, and the gallery test renders every template.
pub fn href(name: &str) -> &'static str {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    &asset.expect("templates name assets that exist").href
}

/// `GET /assets/{file}`.
pub(crate) async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.file == file) else {
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")]).into_response();
    };
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let gzip = accepts.split(',').any(|coding| coding.trim().split(';').next() == Some("gzip"));
    let mut response = if gzip { asset.gzip.clone() } else { asset.content.clone() }.into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    out.insert(header::CACHE_CONTROL, FOREVER);
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// `GET /media/art/{motif}/{seed}.svg`: the picture of a product that has none of its own (the catalogue's rule). Drawn
/// anew each time, in some 20 microseconds; the gateway and browsers keep it.
pub(crate) async fn drawn(Path((motif, file)): Path<(String, String)>) -> Response {
    let Some(seed) = file.strip_suffix(".svg").filter(|seed| seed.len() <= MAX_SEED && motif.len() <= MAX_SEED) else {
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")]).into_response();
    };
    Cached::bytes(SVG, souk_demo::art::of_product(&motif, seed), &["art"]).with_cache_control(A_DAY).into_response()
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
        for asset in all().iter().filter(|asset| asset.content_type == "image/svg+xml") {
            let text = std::str::from_utf8(&asset.content).unwrap();
            assert!(
                !text.contains("<script") && !text.contains("<style") && !text.contains(" style="),
                "{}",
                asset.name
            );
        }
    }
}
