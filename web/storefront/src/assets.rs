//! Static assets of the storefront, its styles, modules and pictures: embedded in the binary, named by their content, kept
//! by caches for ever. A new release has new names, so nothing is ever invalidated.

use std::io::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha384};
use souk_objects::{AssetKind, AssetName};

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

/// The asset of this release with this name on the wire.
pub(crate) fn by_file(file: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.file.as_str() == file)
}

fn named(name: &str) -> &'static Asset {
    ASSETS.iter().find(|asset| asset.name == name).expect("templates name assets that exist")
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
