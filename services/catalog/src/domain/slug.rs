//! Slugs of categories, unique slugs of products, and the folded titles lists are sorted by.

use souk_kernel::{cut_slug, slugify};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::limits;

/// Lower case without accents: what people type and sort by.
pub fn folded(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// What a title is sorted by.
pub fn title_key(title: &str) -> String {
    folded(title.trim()).chars().take(limits::TITLE_KEY).collect()
}

/// Characters of a category's slug; a longer one ends in a hash of the name instead.
const CATEGORY_SLUG: usize = 150;
/// Hex digits of that hash.
const HASH: usize = 8;

/// The slug of a category's name: `Power Supplies & UPS` is `power-supplies-ups`. A name without a letter or digit gets one made
/// of its hash, so that no name is refused.
pub fn category_slug(name: &str) -> String {
    let slug = slugify(name);
    let hash = || blake3::hash(name.as_bytes()).to_hex()[..HASH].to_owned();
    match slug.len() {
        0 => format!("c-{}", hash()),
        1..=CATEGORY_SLUG => slug,
        _ => format!("{}-{}", cut_slug(&slug, CATEGORY_SLUG - HASH - 1), hash()),
    }
}

/// True when `slug` is `wanted` or `wanted` with a number appended: a product keeps the one it has.
pub fn answers(slug: &str, wanted: &str) -> bool {
    match slug.strip_prefix(wanted) {
        Some("") => true,
        Some(rest) => rest.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())),
        None => false,
    }
}

/// `wanted`, or the first of `wanted-2`, `wanted-3` … that is free.
pub fn first_free(wanted: &str, free: impl Fn(&str) -> bool) -> String {
    let numbered = (2u64..).map(|number| format!("{wanted}-{number}"));
    let mut wishes = std::iter::once(wanted.to_owned()).chain(numbered);
    wishes.find(|slug| free(slug)).unwrap_or_else(|| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_slugs() {
        assert_eq!(category_slug("Power Supplies & UPS"), "power-supplies-ups");
        assert_eq!(category_slug("  Café – Crème  "), "cafe-creme");
        assert_eq!(category_slug("Straße"), "strasse");
        assert_eq!(category_slug("Œuvres"), "oeuvres");
        assert_eq!(category_slug("книги"), "knigi");
        let other = category_slug("🎉");
        assert!(other.starts_with("c-") && other.len() == 10 && other != category_slug("🎁"));
        let long = |end: &str| category_slug(&format!("{}{end}", "東".repeat(140)));
        assert!(long("京").len() <= CATEGORY_SLUG && long("京") != long("西"));
    }

    #[test]
    fn a_taken_slug_gets_the_first_free_number() {
        let free = |slug: &str| !["a", "a-2", "a-4"].contains(&slug);
        assert_eq!(first_free("a", free), "a-3");
        assert_eq!(first_free("b", free), "b");
    }

    #[test]
    fn a_numbered_slug_answers_its_wish() {
        assert!(answers("a", "a") && answers("a-2", "a") && answers("a-17", "a"));
        assert!(!answers("a-b", "a") && !answers("a-", "a") && !answers("ab", "a") && !answers("b", "a"));
    }

    #[test]
    fn titles_sort_as_people_read() {
        assert!(title_key("Écran") < title_key("edge") && title_key("apple") < title_key("Banana"));
        assert_eq!(title_key(&"x".repeat(500)).len(), limits::TITLE_KEY);
    }
}
