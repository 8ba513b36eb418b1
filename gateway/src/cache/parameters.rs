//! Query parameters that belong to a cache key. A parameter that a page does not know changes nothing it shows, so it has no part in
//! the page's key: else made-up parameters (`/p/bag?x=1`, `?x=2`, ...) would have pages made and stored without end.

use serde_json::Value;

use crate::request::path_pattern::PathPattern;

/// The API refuses what it does not know, pages ignore it.
const API: &str = "/api/";

/// Query parameters of a page of the storefront.
#[derive(Clone, Copy, Debug)]
pub struct PageParameters {
    /// Template of its path: `/search`, `/c/*`.
    pub path: &'static str,
    /// Names; `attr.*` stands for all that begin with `attr.`.
    pub names: &'static [&'static str],
}

/// What is known of all paths.
#[derive(Debug, Default)]
pub(crate) struct KnownParameters(Vec<(PathPattern, Vec<String>)>);

impl KnownParameters {
    /// From the API's description and the storefront's list.
    pub(crate) fn new(document: &Value, pages: &[PageParameters]) -> Self {
        let mut known = Vec::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
            let queries = parameters.filter(|parameter| parameter["in"] == "query");
            let names: Vec<String> = queries.filter_map(|query| query["name"].as_str()).map(str::to_owned).collect();
            if !names.is_empty() {
                known.push((PathPattern::new(path), names));
            }
        }
        for page in pages {
            known.push((PathPattern::new(page.path), page.names.iter().map(|name| (*name).to_owned()).collect()));
        }
        Self(known)
    }

    /// Judges the parameters of `path` by name.
    pub(crate) fn of<'k>(&'k self, path: &str) -> Parameters<'k> {
        let names = self.0.iter().find(|(pattern, _)| pattern.matches(path)).map(|(_, names)| names.as_slice());
        Parameters { names: names.unwrap_or_default(), strict: path.starts_with(API) }
    }
}

/// The parameters of one path.
#[derive(Clone, Copy)]
pub(crate) struct Parameters<'k> {
    names: &'k [String],
    strict: bool,
}

/// What a parameter does to the key of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It belongs to it.
    Known,
    /// It changes nothing.
    Ignored,
    /// The request is refused by its service, so no stored answer suits it.
    Refused,
}

impl Parameters<'_> {
    pub(crate) fn part(&self, name: &str) -> Part {
        let known = |known: &String| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == known,
        };
        match self.names.iter().any(known) {
            true => Part::Known,
            false if self.strict && !is_tracking(name) => Part::Refused,
            false => Part::Ignored,
        }
    }
}

/// Parameters that advertisers append to every address, the API's too.
fn is_tracking(name: &str) -> bool {
    name.starts_with("utm_") || matches!(name, "gclid" | "fbclid" | "msclkid" | "mc_eid" | "_ga")
}
