//! Addresses: slugs of categories, unique slugs of products, and the folded titles lists are sorted by.

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

/// The slug of a category's name: `Power Supplies & UPS` is `power-supplies-ups`. A name without a Latin letter or
/// digit gets one made of its hash, so that no name is refused for its script.
pub fn category_slug(name: &str) -> String {
    let mut slug = String::new();
    for c in folded(name).chars() {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            'ß' => slug.push_str("ss"),
            'ø' => slug.push('o'),
            'æ' => slug.push_str("ae"),
            'ł' => slug.push('l'),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let slug = slug.trim_end_matches('-');
    match slug {
        "" => format!("c-{}", &blake3::hash(name.as_bytes()).to_hex()[..8]),
        _ => slug.to_owned(),
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
        let other = category_slug("книги");
        assert!(other.starts_with("c-") && other.len() == 10 && other != category_slug("игры"));
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
