//! Facet aggregations: what is asked for, and how it becomes the same tally that the embedded index makes.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use souk_kernel::Problem;
use souk_search_api::{Facet, SearchRequest};

use super::filters::{Filters, Kind};
use super::search::Search;
use crate::index::{attribute_term, split_term};
use crate::query::Found;
use crate::query::facets::{KeyTally, MAX_BRANDS, MAX_VALUES, PRICE_STEPS, Tally, common_keys, facets as shown};
use crate::tree::{MAX_FACETS, Tree};

/// Categories counted: more than a shop's tree has.
const MAX_CATEGORIES: usize = 10_000;
/// Attribute keys counted in a search over everything. Those that a tenth of the matches have are among them as long as a
/// match has a hundred attributes or fewer.
const MAX_KEYS: usize = 1_000;
/// Of those the values are counted of so many at first: some have one value only and are no facet.
const LOOK: usize = 2 * MAX_FACETS;

/// Adds the counts of everything but attribute values that only a first look can name.
pub(crate) fn ask(
    aggs: &mut Map<String, Value>,
    filters: &Filters,
    tree: &Tree,
    node: Option<usize>,
    request: &SearchRequest,
) {
    let mut add = |name: &str, kind: Option<Kind>, inner: Value| {
        aggs.insert(name.into(), json!({ "filter": filters.but(kind.as_ref()), "aggs": inner }));
    };
    let terms = |field: &str, size: usize| json!({ "terms": { "field": field, "size": size } });
    add("category", Some(Kind::Category), json!({ "values": terms("category", MAX_CATEGORIES) }));
    let mut brands = json!({ "values": terms("brand", MAX_BRANDS) });
    if !request.brands.is_empty() {
        brands["selected"] = included("brand", &request.brands);
    }
    add("brand", Some(Kind::Brand), brands);
    let mut ranges = vec![json!({ "to": PRICE_STEPS[0] })];
    ranges.extend(PRICE_STEPS.windows(2).map(|pair| json!({ "from": pair[0], "to": pair[1] })));
    ranges.extend(PRICE_STEPS.last().map(|last| json!({ "from": last })));
    add("price", Some(Kind::Price), json!({ "values": { "range": { "field": "price", "ranges": ranges } } }));
    add("available", Some(Kind::Available), json!({ "values": { "filter": { "term": { "available": true } } } }));
    let keys = fixed_keys(tree, node);
    if keys.is_empty() {
        add("keys", None, json!({ "values": terms("attribute_key", MAX_KEYS) }));
    } else {
        let filtered = filtered_keys(tree, request);
        ask_values(aggs, filters, request, keys.into_iter().chain(filtered));
    }
}

/// Keys that a category has said are its facets.
fn fixed_keys(tree: &Tree, node: Option<usize>) -> Vec<&str> {
    node.map(|node| tree.facets(node).collect()).unwrap_or_default()
}

fn filtered_keys<'a>(tree: &Tree, request: &'a SearchRequest) -> impl Iterator<Item = &'a str> {
    let filtered = request.attributes.iter().filter(|filter| !filter.values.is_empty());
    filtered.map(|filter| filter.key.as_str()).filter(|key| tree.is_facet(key))
}

fn ask_values<'a>(
    aggs: &mut Map<String, Value>,
    filters: &Filters,
    request: &SearchRequest,
    keys: impl Iterator<Item = &'a str>,
) {
    for key in keys {
        let Some(any) = attribute_term(key, "x") else { continue };
        let begin = escaped(any.trim_end_matches('x'));
        let include = format!("{begin}.*");
        let mut inner =
            json!({ "values": { "terms": { "field": "attribute", "include": include, "size": MAX_VALUES } } });
        let wanted = request.attributes.iter().filter(|filter| filter.key == key).flat_map(|filter| &filter.values);
        let wanted: Vec<String> = wanted.filter_map(|value| attribute_term(key, value)).collect();
        if !wanted.is_empty() {
            inner["selected"] = included("attribute", &wanted);
        }
        let filter = filters.but(Some(&Kind::Attribute(key.to_owned())));
        aggs.insert(name_of(key), json!({ "filter": filter, "aggs": inner }));
    }
}

/// Exactly these values, however rare.
fn included(field: &str, values: &[String]) -> Value {
    json!({ "terms": { "field": field, "include": values, "size": values.len(), "min_doc_count": 0 } })
}

/// As a regular expression that matches just this.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// Names and counts of a terms aggregation, those selected included.
fn buckets(agg: &Value) -> Vec<(&str, u64)> {
    let mut buckets: Vec<(&str, u64)> = Vec::new();
    for name in ["values", "selected"] {
        for bucket in agg[name]["buckets"].as_array().into_iter().flatten() {
            let Some((text, count)) = bucket["key"].as_str().zip(bucket["doc_count"].as_u64()) else { continue };
            if !buckets.iter().any(|(known, _)| *known == text) {
                buckets.push((text, count));
            }
        }
    }
    buckets
}

/// Those that any match has.
fn positive(agg: &Value) -> impl Iterator<Item = (&str, u64)> {
    buckets(agg).into_iter().filter(|(_, count)| *count > 0)
}

/// Of the counts of an attribute's values.
fn name_of(key: &str) -> String {
    format!("attr.{key}")
}

/// The facets of a page.
#[allow(clippy::too_many_arguments)] // what a search is about
pub(crate) async fn facets(
    search: &Search<'_>,
    query: &Value,
    mut aggs: HashMap<String, Value>,
    filters: &Filters,
    tree: &Tree,
    node: Option<usize>,
    request: &SearchRequest,
    found: &Found,
) -> Result<Vec<Facet>, Problem> {
    if let Some(keys) = aggs.remove("keys") {
        let facet_keys = buckets(&keys).into_iter().filter(|(key, _)| tree.is_facet(key));
        let common = common_keys(found.total, facet_keys);
        let mut wanted: Vec<&str> = filtered_keys(tree, request).collect();
        let (mut several, mut rest, mut look) = (0, &common[..], LOOK);
        // Few matches have much in common: of their attributes most have one value, and are no facet.
        while several < MAX_FACETS && !(rest.is_empty() && wanted.is_empty()) {
            let (now, later) = rest.split_at(look.min(rest.len()));
            wanted.extend(now.iter().filter(|key| !aggs.contains_key(&name_of(key))));
            let mut more = Map::new();
            ask_values(&mut more, filters, request, wanted.drain(..));
            if !more.is_empty() {
                let reply = search.ask(json!({ "size": 0, "query": query, "aggs": more })).await?;
                aggs.extend(reply.aggregations);
            }
            let counted = now.iter().filter_map(|key| aggs.get(&name_of(key)));
            several += counted.filter(|agg| positive(agg).nth(1).is_some()).count();
            (rest, look) = (later, look * 2);
        }
    }
    let none = Value::Null;
    let of = |name: &str| aggs.get(name).unwrap_or(&none);
    let labels = tree.facet_keys();
    let mut keys: Vec<KeyTally<'_>> = Vec::new();
    for (key, label) in &labels {
        let Some(agg) = aggs.get(&name_of(key)) else { continue };
        let listed: u64 =
            agg["values"]["buckets"].as_array().into_iter().flatten().filter_map(|b| b["doc_count"].as_u64()).sum();
        let rest = agg["values"]["sum_other_doc_count"].as_u64().unwrap_or(0);
        let values = positive(agg).filter_map(|(term, count)| Some((split_term(term)?.1, count))).collect();
        keys.push(KeyTally { key, label, matches: listed + rest, values });
    }
    let prices = of("price")["values"]["buckets"].as_array().into_iter().flatten();
    let tally = Tally {
        tree,
        node,
        categories: buckets(of("category")),
        brands: buckets(of("brand")),
        prices: prices.map(|bucket| bucket["doc_count"].as_u64().unwrap_or(0)).collect(),
        available: of("available")["values"]["doc_count"].as_u64().unwrap_or(0),
        keys,
        total: found.total,
        currency: found.currency(),
    };
    Ok(shown(&tally, request))
}
