//! Filter queries: the filters of a request, each by itself, so that a facet can be counted without its own.

use serde_json::{Value, json};
use souk_search_api::SearchRequest;

use crate::index::attribute_term;
use crate::tree::Tree;

/// A kind of filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By category.
    Category,
    /// By brand.
    Brand,
    /// By price.
    Price,
    /// By availability.
    Available,
    /// By this attribute.
    Attribute(String),
}

/// What narrows a search.
pub(crate) struct Filters {
    each: Vec<(Kind, Value)>,
    /// Filters on attributes that are facets nowhere: they are not counted by and belong to what matches.
    pub(crate) terms: Vec<Value>,
}

impl Filters {
    pub(crate) fn new(tree: &Tree, request: &SearchRequest, node: Option<usize>) -> Self {
        let mut filters = Self { each: Vec::new(), terms: Vec::new() };
        let mut add = |kind, query| filters.each.push((kind, query));
        if let Some(node) = node {
            let ids: Vec<String> = tree.branch(node).map(|id| id.to_string()).collect();
            add(Kind::Category, json!({ "terms": { "category": ids } }));
        }
        if !request.brands.is_empty() {
            add(Kind::Brand, json!({ "terms": { "brand": request.brands } }));
        }
        if request.price_min.is_some() || request.price_max.is_some() {
            let mut range = serde_json::Map::new();
            let bounds = [("gte", request.price_min), ("lte", request.price_max)];
            range.extend(bounds.iter().filter_map(|(name, price)| Some(((*name).to_owned(), json!((*price)?)))));
            add(Kind::Price, json!({ "range": { "price": range } }));
        }
        if request.available {
            add(Kind::Available, json!({ "term": { "available": true } }));
        }
        for filter in request.attributes.iter().filter(|filter| !filter.values.is_empty()) {
            let terms: Vec<String> =
                filter.values.iter().filter_map(|value| attribute_term(&filter.key, value)).collect();
            let query = json!({ "terms": { "attribute": terms } });
            match tree.is_facet(&filter.key) {
                true => filters.each.push((Kind::Attribute(filter.key.clone()), query)),
                false => filters.terms.push(query),
            }
        }
        filters
    }

    /// All of them but one.
    pub(crate) fn but(&self, without: Option<&Kind>) -> Value {
        let kept = self.each.iter().filter(|(kind, _)| Some(kind) != without);
        let kept: Vec<&Value> = kept.map(|(_, query)| query).collect();
        json!({ "bool": { "filter": kept } })
    }
}
