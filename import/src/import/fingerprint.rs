//! Fingerprint of a product: equal ones need not be written again, by this release or a later one.

use souk_catalog_api::ProductInput;
use souk_kernel::Problem;

/// Digits of the hash in the address of a stored picture.
const HASH_DIGITS: usize = 64;

/// The fingerprint over what the catalogue keeps, and nothing else: prices and stock have their own services, and where a picture is
/// stored says nothing about the product, but which one it is does where no address elsewhere says that.
pub(super) fn fingerprint(product: &mut ProductInput) -> Result<String, Problem> {
    product.content_hash.clear();
    let urls: Vec<Option<String>> = product.media.iter_mut().map(|media| media.url.take()).collect();
    for (media, url) in product.media.iter_mut().zip(&urls).filter(|(media, _)| media.source_url.is_none()) {
        media.url = url.as_deref().map(content);
    }
    let json = serde_json::to_vec(product).map_err(Problem::internal)?;
    product.media.iter_mut().zip(urls).for_each(|(media, url)| media.url = url);
    Ok(blake3::hash(&json).to_hex()[..32].to_owned())
}

/// The hash of the picture at an address of the shop, which is part of it; its size and format are not.
fn content(url: &str) -> String {
    let name = url.strip_prefix("/media/").unwrap_or(url);
    let is_hash = |hash: &&str| hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    name.get(..HASH_DIGITS).filter(is_hash).unwrap_or(url).to_owned()
}

#[cfg(test)]
mod tests {
    use souk_catalog_api::{Attribute, AttributeValue, ProductOption, Status, VariantInput};

    use super::*;
    use crate::draft::{NO_CATEGORY, picture};

    /// The fingerprint of a product that an earlier release has imported: it must not change, or every product of every shop
    /// would be written again by the next import.
    #[test]
    fn a_fingerprint_is_the_same_in_every_release() {
        let mut product = ProductInput {
            source: "shop".into(),
            external_id: "1".into(),
            slug: "lamp-1".into(),
            title: "Lamp".into(),
            brand: Some("Lumen".into()),
            description: "Bright.".into(),
            description_html: None,
            status: Status::Published,
            category_id: NO_CATEGORY,
            attributes: vec![Attribute {
                key: "weight".into(),
                label: "Weight".into(),
                value: AttributeValue::Number { value: "1.5".into(), unit: Some("kg".into()) },
            }],
            options: vec![ProductOption { name: "Size".into(), values: vec!["S".into()] }],
            variants: vec![VariantInput {
                external_id: None,
                sku: "LAMP".into(),
                option_values: vec!["S".into()],
                barcode: None,
                weight_grams: 1_500,
                tax_category: "standard".into(),
                media: Some(0),
            }],
            media: vec![picture("https://x.example/1.jpg".into(), "A lamp".into())],
            tags: vec!["new".into()],
            seo_title: None,
            seo_description: None,
            content_hash: String::new(),
        };
        let expected = "d3d1aa7076ae97a41f214aaddb04a2a9";
        assert_eq!(fingerprint(&mut product).unwrap(), expected);
        product.media[0].url = Some("/media/x.svg".into());
        product.content_hash = expected.into();
        assert_eq!(fingerprint(&mut product).unwrap(), expected, "where a picture is stored says nothing");
        assert_eq!(product.media[0].url.as_deref(), Some("/media/x.svg"));

        // Without an address elsewhere its content counts, and not in which size and format it is kept.
        product.media[0].source_url = None;
        let mut stored_at = |url: String| {
            product.media[0].url = Some(url);
            fingerprint(&mut product).unwrap()
        };
        let (one, other) = ("ab".repeat(32), "cd".repeat(32));
        let expected = "b18c69ffe13c1f4172a3fd2b92e124c9";
        assert_eq!(stored_at(format!("/media/{one}-1280x960.jpg")), expected);
        assert_eq!(stored_at(format!("/media/{one}.svg")), expected);
        assert_ne!(stored_at(format!("/media/{other}-1280x960.jpg")), expected);
    }
}
