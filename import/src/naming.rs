//! Generated slugs and SKUs for products that have none: unique and the same in every run, whatever else stands in the file.
//! A name alone is not unique and a counter depends on the order of rows, so both are derived from the external id.

use souk_kernel::{cut_slug, slugify};
use unicode_normalization::UnicodeNormalization;

use crate::limits;

/// Characters of the readable part of a slug; the id follows.
const SLUG_STEM_CHARS: usize = 80;
/// Longest external id that a slug shows as it is.
const SHORT_ID_CHARS: usize = 24;
/// Hex digits of a hash in a slug: 64 bits, so that one shop in 300,000 with ten million products has a clash.
const SLUG_HASH_CHARS: usize = 16;
/// Hex digits of a hash in a SKU, which only has to tell few twins apart.
const SKU_HASH_CHARS: usize = 8;

/// Letters that do not fall apart into a base letter and a mark, and count in SKUs all the same.
const LATIN: &str = "ßẞæÆœŒøØłŁđĐþÞðı";

/// A text as SKUs are made of: Latin letters and digits. A derived SKU is a variant's identity, so what was no part of it when
/// a variant was first imported (other scripts, signs) is none today; a hash tells such variants apart.
fn sku_words(text: &str) -> String {
    let plain = |c: char| c.is_ascii() || LATIN.contains(c);
    let parts = text.chars().flat_map(|c| if matches!(c, '®' | '™') { ' ' } else { c }.nfkd());
    let kept = parts.filter(|c| !matches!(c, '\u{300}'..='\u{36f}' | '’'));
    slugify(&kept.map(|c| if plain(c) { c } else { ' ' }).collect::<String>())
}

fn hash(text: &str, chars: usize) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..chars].to_owned()
}

/// A slug out of a title and the product's external id. Two different ids never give one slug (but for a hash clash):
/// what stands behind the last hyphen is the id, or a hash of it where the id is long or has other characters.
pub fn derive_slug(title: &str, external_id: &str) -> String {
    let short = (1..=SHORT_ID_CHARS).contains(&external_id.len());
    let plain = external_id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let tail = if short && plain { external_id.to_owned() } else { hash(external_id, SLUG_HASH_CHARS) };
    match cut_slug(&slugify(title), SLUG_STEM_CHARS) {
        "" => tail,
        stem => format!("{stem}-{tail}"),
    }
}

/// The slug a source gives, when it is one; else one derived from it, which keeps different handles apart.
pub fn adopt_slug(given: &str) -> String {
    let valid = slugify(given) == given && given.len() <= limits::SLUG_CHARS;
    if valid { given.to_owned() } else { derive_slug(given, &format!("handle {given}")) }
}

/// A SKU within the limit that is as different from others as the long one.
pub fn shorten(sku: &str) -> String {
    own_sku(sku, sku, &[])
}

/// An external id within the limit that is as different from others as the long one, and the same in every run.
pub fn shorten_id(id: &str) -> String {
    let stem: String = id.chars().take(limits::EXTERNAL_ID_CHARS - SLUG_HASH_CHARS - 1).collect();
    format!("{stem}-{}", hash(id, SLUG_HASH_CHARS))
}

/// A SKU for a variant whose own one another product has: the SKU it was given, and what tells this product's from the other's.
pub fn own_sku(given: &str, external_id: &str, options: &[String]) -> String {
    let told = hash(&format!("{external_id}\u{1f}{}", options.join("\u{1f}")), SKU_HASH_CHARS).to_ascii_uppercase();
    let stem: String = given.chars().take(limits::SKU_CHARS - SKU_HASH_CHARS - 1).collect();
    format!("{stem}-{told}")
}

/// SKUs for the variants of one product that have none: `OCEAN-BLUE-SHIRT`, `VARSITY-TOP.SMALL`. The point separates,
/// because neither side contains one; what loses something on the way to capitals gets a hash of its exact form.
pub fn derive_skus(base: &str, options: &[&[String]]) -> Vec<String> {
    let faithful = !base.is_empty() && base.len() <= 80 && slugify(base) == base;
    let stem = match faithful {
        true => base.to_ascii_uppercase(),
        false => format!(
            "{}-{}",
            cut_slug(&sku_words(base), 60).to_ascii_uppercase(),
            hash(base, SKU_HASH_CHARS).to_ascii_uppercase()
        ),
    };
    let stem = stem.trim_start_matches('-');
    let code = |values: &[String]| {
        values.iter().map(|v| cut_slug(&sku_words(v), 24).to_ascii_uppercase()).collect::<Vec<_>>().join(".")
    };
    let codes: Vec<String> = options.iter().map(|values| code(values)).collect();
    let mut skus = Vec::with_capacity(codes.len());
    for (values, own) in options.iter().zip(&codes) {
        let twins = codes.iter().filter(|other| *other == own).count();
        let exact = values.iter().all(|v| !v.contains('-')) && values.iter().all(|v| sku_words(v).len() <= 24);
        skus.push(match (values.is_empty(), twins > 1 || !exact || own.split('.').any(str::is_empty)) {
            (true, _) => stem.to_owned(),
            (false, false) => format!("{stem}.{own}"),
            (false, true) => {
                format!("{stem}.{own}.{}", hash(&values.join("\u{1f}"), SKU_HASH_CHARS).to_ascii_uppercase())
            }
        });
    }
    skus
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn sku(base: &str, values: &[&str]) -> String {
        let values: Vec<String> = values.iter().map(|v| (*v).to_owned()).collect();
        derive_skus(base, &[&values]).remove(0)
    }

    #[test]
    fn slugs_are_readable() {
        assert_eq!(derive_slug("Xerox 006R90321 toner", "3920564"), "xerox-006r90321-toner-3920564");
        assert_eq!(derive_slug("Œuvres", "7"), "oeuvres-7");
        assert_eq!(derive_slug("日本語", "7"), "ri-ben-yu-7");
        assert_eq!(derive_slug("🎉", "7"), "7");
        assert_ne!(derive_slug("a", "A/1"), derive_slug("a", "A-1"));
        assert_eq!(adopt_slug("tower-fan"), "tower-fan");
        assert_ne!(adopt_slug("Tower-Fan"), "tower-fan");
        assert!(derive_slug(&"word ".repeat(100), "1").len() <= limits::SLUG_CHARS);
    }

    #[test]
    fn skus_are_readable_and_twins_differ() {
        assert_eq!(sku("ocean-blue-shirt", &[]), "OCEAN-BLUE-SHIRT");
        assert_eq!(sku("varsity-top", &["Small", "Dark Red"]), "VARSITY-TOP.SMALL.DARK-RED");
        assert_ne!(sku("a", &["S-M"]), sku("a", &["S M"]));
        assert_eq!(sku("lamp", &["Größe ½", "Łódź"]), "LAMP.GROSSE-1-2.LODZ");
        assert_eq!(sku("lamp", &["日本"]), format!("LAMP..{}", hash("日本", SKU_HASH_CHARS).to_ascii_uppercase()));
        let (red, dark) = (vec!["red".to_owned()], vec!["Red".to_owned()]);
        let twins = derive_skus("a", &[&red, &dark]);
        assert_ne!(twins[0], twins[1]);
    }

    proptest! {
        #[test]
        fn a_slug_is_a_slug(title in "\\PC{0,200}", id in "\\PC{1,60}") {
            let slug = derive_slug(&title, &id);
            prop_assert!(!slug.is_empty() && slug.len() <= limits::SLUG_CHARS);
            prop_assert!(slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            prop_assert_eq!(&slug, &derive_slug(&title, &id));
            let adopted = adopt_slug(&slug);
            prop_assert_eq!(adopted, slug);
        }

        #[test]
        fn different_ids_give_different_slugs(rows in prop::collection::vec(("[ab -]{0,4}", "[ab1-]{1,4}"), 1..200)) {
            let ids: HashSet<&String> = rows.iter().map(|(_, id)| id).collect();
            let one: std::collections::HashMap<&String, &String> = rows.iter().map(|(t, id)| (id, t)).collect();
            let slugs: HashSet<String> = one.iter().map(|(id, title)| derive_slug(title, id)).collect();
            prop_assert_eq!(slugs.len(), ids.len());
        }

        #[test]
        fn different_variants_give_different_skus(
            bases in prop::collection::hash_set("[a-c-]{1,4}|[A-Ba-b. ]{1,4}", 1..12),
            values in prop::collection::hash_set(prop::collection::vec("[a-bA-B-]{1,3}", 2), 1..8),
        ) {
            let values: Vec<Vec<String>> = values.into_iter().collect();
            let options: Vec<&[String]> = values.iter().map(Vec::as_slice).collect();
            let skus: Vec<String> = bases.iter().flat_map(|base| derive_skus(base, &options)).collect();
            prop_assert_eq!(skus.iter().collect::<HashSet<_>>().len(), bases.len() * values.len());
            prop_assert!(skus.iter().all(|sku| sku.len() <= limits::SKU_CHARS));
        }
    }
}
