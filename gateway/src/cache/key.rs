//! Cache key: the path and its query in a normal form. The same text is what gets rendered, so nothing outside the key can change a
//! shared answer.

use std::borrow::Cow;

use http::Uri;
use percent_encoding::percent_decode_str;

use super::parameters::{KnownParameters, Parameters, Part};
use crate::upstream::canary::Side;

/// Bytes of the longest key; what is longer is not cached.
pub(crate) const MAX_KEY_BYTES: usize = 1024;

/// The key of a read; none when it is too long, or when no stored answer suits its parameters. Parameters are sorted by name,
/// repeated ones keep their order, and those that the page does not know are left out.
pub(crate) fn cache_key<'u>(uri: &'u Uri, known: &KnownParameters) -> Option<Cow<'u, str>> {
    let path = uri.path();
    let key = match uri.query() {
        None => Cow::Borrowed(path),
        Some(query) => {
            let parameters = known.of(path);
            match parameters.part(name_of(query)) {
                Part::Known if !query.contains('&') && !query.contains('%') => {
                    Cow::Borrowed(uri.path_and_query().map_or(path, http::uri::PathAndQuery::as_str))
                }
                _ => Cow::Owned(sorted(path, query, parameters)?),
            }
        }
    };
    (key.len() <= MAX_KEY_BYTES).then_some(key)
}

/// What keys of a canary's pages begin with: no path does.
const CANARY: char = '!';

/// The same read as a canary answers it.
pub(crate) fn of_canary(key: &str) -> String {
    format!("{CANARY}{key}")
}

/// Which version to ask for which path, from the key.
pub(crate) fn parts_of(key: &str) -> (Side, &str) {
    match key.strip_prefix(CANARY) {
        Some(path) => (Side::Canary, path),
        None => (Side::Stable, key),
    }
}

fn name_of(parameter: &str) -> &str {
    parameter.split(['=', '&']).next().unwrap_or_default()
}

/// None when a parameter is one that the service refuses.
fn sorted(path: &str, query: &str, known: Parameters<'_>) -> Option<String> {
    let mut parameters: Vec<(Cow<'_, str>, &str)> = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let name = percent_decode_str(name_of(parameter)).decode_utf8_lossy();
        match known.part(&name) {
            Part::Known => parameters.push((name, parameter)),
            Part::Ignored => {}
            Part::Refused => return None,
        }
    }
    parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut key = String::with_capacity(path.len() + query.len() + 1);
    key.push_str(path);
    for (i, (_, parameter)) in parameters.iter().enumerate() {
        key.push(if i == 0 { '?' } else { '&' });
        key.push_str(parameter);
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cache::PageParameters;

    #[test]
    fn a_canary_has_names_of_its_own() {
        assert_ne!(of_canary("/p/bag"), "/p/bag");
        assert_eq!(parts_of(&of_canary("/p/bag?a=!")), (Side::Canary, "/p/bag?a=!"));
        assert_eq!(parts_of("/p/bag"), (Side::Stable, "/p/bag"));
    }

    fn known() -> KnownParameters {
        let names = json!([{ "name": "limit", "in": "query" }, { "name": "Accept", "in": "header" }]);
        let document = json!({ "paths": { "/api/v1/products/{slug}": { "get": { "parameters": names } } } });
        KnownParameters::new(&document, &[PageParameters { path: "/s", names: &["a", "q", "brand", "attr.*"] }])
    }

    #[test]
    fn the_same_read_has_one_name() {
        let key = |uri: &str| cache_key(&uri.parse().unwrap(), &known()).unwrap().into_owned();
        assert_eq!(key("/p/bag"), "/p/bag");
        assert_eq!(key("http://shop.example/s?q=1"), "/s?q=1");
        assert_eq!(key("/s?q=x&brand=b&brand=a"), key("/s?brand=b&q=x&brand=a"));
        assert_ne!(key("/s?brand=a&brand=b"), key("/s?brand=b&brand=a"), "repeated ones keep their order");
        assert_eq!(key("/s?"), "/s");
        assert_eq!(key("/s?&&a=1&"), "/s?a=1");
        assert!(cache_key(&format!("/{}", "x".repeat(MAX_KEY_BYTES)).parse().unwrap(), &known()).is_none());
    }

    #[test]
    fn what_a_page_does_not_know_is_not_in_its_name() {
        let key = |uri: &str| cache_key(&uri.parse().unwrap(), &known()).map(Cow::into_owned);
        for made_up in ["/s?x=1", "/s?utm_source=x&gclid=1", "/s?x", "/s?=", "/s?Q=1", "/s?q%20=1"] {
            assert_eq!(key(made_up).as_deref(), Some("/s"), "{made_up}");
        }
        assert_eq!(key("/p/bag?q=1").as_deref(), Some("/p/bag"), "another page's parameter");
        assert_eq!(key("/s?attr.colour=red&attribute=1").as_deref(), Some("/s?attr.colour=red"));
        assert_eq!(key("/s?%71=1&zz=2").as_deref(), Some("/s?%71=1"), "a name may be written in other ways");
        assert_eq!(key("/api/v1/products/bag?limit=1").as_deref(), Some("/api/v1/products/bag?limit=1"));
        assert_eq!(key("/api/v1/products/bag?limit=1&utm_source=a").as_deref(), Some("/api/v1/products/bag?limit=1"));
        assert_eq!(key("/api/v1/products/bag?limt=1"), None, "the API says that it does not know it");
        assert_eq!(key("/api/v1/products/bag?Accept=1"), None, "a header is no query parameter");
    }
}
