//! Under which name an answer is stored: the path and its query in a normal form. The same text is what gets rendered,
//! so nothing outside the name can change what everybody sees.

use std::borrow::Cow;

use http::Uri;

use crate::canary::Side;

/// Bytes of the longest name; what is longer is not cached.
pub(crate) const MAX_KEY_BYTES: usize = 1024;

/// Parameters that only tell where a visitor came from.
fn is_tracking(name: &str) -> bool {
    name.starts_with("utm_") || matches!(name, "gclid" | "fbclid" | "msclkid" | "mc_eid" | "_ga")
}

/// The name of a read, or none when it is too long. Parameters are sorted by name; repeated ones keep their order.
pub(crate) fn cache_key(uri: &Uri) -> Option<Cow<'_, str>> {
    let path = uri.path();
    let key = match uri.query() {
        None => Cow::Borrowed(path),
        Some(query) if !query.contains('&') && !query.is_empty() && !is_tracking(name_of(query)) => {
            Cow::Borrowed(uri.path_and_query().map_or(path, http::uri::PathAndQuery::as_str))
        }
        Some(query) => Cow::Owned(sorted(path, query)),
    };
    (key.len() <= MAX_KEY_BYTES).then_some(key)
}

/// What names of a canary's pages begin with: no path does.
const CANARY: char = '!';

/// The same read as a canary answers it.
pub(crate) fn of_canary(key: &str) -> String {
    format!("{CANARY}{key}")
}

/// What to ask whom for, from the name.
pub(crate) fn parts_of(key: &str) -> (Side, &str) {
    match key.strip_prefix(CANARY) {
        Some(path) => (Side::Canary, path),
        None => (Side::Stable, key),
    }
}

fn name_of(parameter: &str) -> &str {
    parameter.split('=').next().unwrap_or_default()
}

fn sorted(path: &str, query: &str) -> String {
    let mut parameters: Vec<&str> = query.split('&').filter(|p| !p.is_empty() && !is_tracking(name_of(p))).collect();
    parameters.sort_by_key(|parameter| name_of(parameter));
    let mut key = String::with_capacity(path.len() + query.len() + 1);
    key.push_str(path);
    for (i, parameter) in parameters.iter().enumerate() {
        key.push(if i == 0 { '?' } else { '&' });
        key.push_str(parameter);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_has_names_of_its_own() {
        assert_ne!(of_canary("/p/bag"), "/p/bag");
        assert_eq!(parts_of(&of_canary("/p/bag?a=!")), (Side::Canary, "/p/bag?a=!"));
        assert_eq!(parts_of("/p/bag"), (Side::Stable, "/p/bag"));
    }

    #[test]
    fn the_same_read_has_one_name() {
        let key = |uri: &str| cache_key(&uri.parse().unwrap()).unwrap().into_owned();
        assert_eq!(key("/p/bag"), "/p/bag");
        assert_eq!(key("http://shop.example/p/bag?b=1"), "/p/bag?b=1");
        assert_eq!(key("/s?q=x&brand=b&brand=a"), key("/s?brand=b&q=x&brand=a"));
        assert_ne!(key("/s?brand=a&brand=b"), key("/s?brand=b&brand=a"), "repeated ones keep their order");
        assert_eq!(key("/p?utm_source=x&gclid=1"), "/p");
        assert_eq!(key("/p?utm_source=x"), "/p");
        assert_eq!(key("/p?"), "/p");
        assert_eq!(key("/p?&&a=1&"), "/p?a=1");
        assert!(cache_key(&format!("/{}", "x".repeat(MAX_KEY_BYTES)).parse().unwrap()).is_none());
    }
}
