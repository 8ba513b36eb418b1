//! Facet counts, and what becomes of them: the facets of a page, with texts only for what is shown.

use std::collections::HashMap;
use std::sync::Arc;

use souk_kernel::Currency;
use souk_search_api::{Facet, FacetValue, SearchRequest};

use crate::index::{AttributeNames, Snapshot};
use crate::tree::{MAX_FACETS, Tree};

/// Values of the brand facet.
pub(crate) const MAX_BRANDS: usize = 30;
/// Values of an attribute's facet.
pub(crate) const MAX_VALUES: usize = 20;
/// Price ranges shown.
const MAX_RANGES: usize = 6;
/// Upper ends of the ranges prices are counted in, exclusive, in minor units: 1, 2, 5, 10 … of everything.
pub(crate) const PRICE_STEPS: [u64; 37] = price_steps();
/// An attribute that fewer than one in so many matches have is no facet of a free search.
const COMMON: u64 = 10;

const fn price_steps() -> [u64; 37] {
    let mut steps = [0; 37];
    let mut at = 0;
    let mut power = 1;
    while at < 36 {
        steps[at] = power;
        steps[at + 1] = 2 * power;
        steps[at + 2] = 5 * power;
        power *= 10;
        at += 3;
    }
    steps[36] = power;
    steps
}

/// Matches by number of category, brand, attribute value; by price step; by availability.
#[derive(Default)]
pub(super) struct Counts {
    categories: Vec<u32>,
    brands: Vec<u32>,
    values: Vec<u32>,
    key_of_value: Arc<AttributeNames>,
    prices: Vec<u32>,
    available: u32,
}

impl Counts {
    /// All zero, with room for the names of this snapshot.
    pub(super) fn clear(&mut self, snapshot: &Snapshot) {
        let zero = |counts: &mut Vec<u32>, names: usize| {
            counts.clear();
            counts.resize(names, 0);
        };
        zero(&mut self.categories, snapshot.categories.len());
        zero(&mut self.brands, snapshot.brands.len());
        zero(&mut self.values, snapshot.attributes.len());
        self.key_of_value = snapshot.attributes.clone();
        zero(&mut self.prices, PRICE_STEPS.len() + 1);
        self.available = 0;
    }

    pub(super) fn category(&mut self, number: u32) {
        bump(&mut self.categories, number);
    }

    pub(super) fn brand(&mut self, number: u32) {
        bump(&mut self.brands, number);
    }

    pub(super) fn price(&mut self, price: u64) {
        self.prices[PRICE_STEPS.partition_point(|step| *step <= price)] += 1;
    }

    pub(super) fn available(&mut self, available: bool) {
        self.available += u32::from(available);
    }

    pub(super) fn value(&mut self, number: u32) {
        bump(&mut self.values, number);
    }

    /// Counts those of `values` that are of one key.
    pub(super) fn values_of(&mut self, values: &[u32], key: u16) {
        for value in values {
            if self.key_of_value.keys_of_values().get(*value as usize) == Some(&key) {
                bump(&mut self.values, *value);
            }
        }
    }
}

/// No name has a number beyond all counts.
fn bump(counts: &mut [u32], number: u32) {
    if let Some(count) = counts.get_mut(number as usize) {
        *count += 1;
    }
}

/// What was counted, with names: the same from every engine.
pub(crate) struct Tally<'a> {
    pub(crate) tree: &'a Tree,
    /// The category chosen.
    pub(crate) node: Option<usize>,
    /// Matches by id of the category, those with any.
    pub(crate) categories: Vec<(&'a str, u64)>,
    /// Matches by brand, those with any and those filtered by.
    pub(crate) brands: Vec<(&'a str, u64)>,
    /// Matches by step of [`PRICE_STEPS`]; the last is beyond all steps.
    pub(crate) prices: Vec<u64>,
    pub(crate) available: u64,
    /// Attributes that are facets somewhere, ascending by key.
    pub(crate) keys: Vec<KeyTally<'a>>,
    /// All matches.
    pub(crate) total: u64,
    pub(crate) currency: Option<Currency>,
}

/// Counts of one attribute's values.
pub(crate) struct KeyTally<'a> {
    pub(crate) key: &'a str,
    pub(crate) label: &'a str,
    /// Sum over all values.
    pub(crate) matches: u64,
    /// Those with any.
    pub(crate) values: Vec<(&'a str, u64)>,
}

impl Counts {
    /// Names for what was counted.
    pub(super) fn tally<'a>(
        &self,
        snapshot: &'a Snapshot,
        request: &SearchRequest,
        node: Option<usize>,
        currency: Option<Currency>,
        total: u64,
    ) -> Tally<'a> {
        let named = |texts: &'a [Arc<str>], counts: &[u32], wanted: &[String]| {
            let shown = |text: &Arc<str>, count: u32| count > 0 || wanted.iter().any(|wanted| **wanted == **text);
            let counted = texts.iter().zip(counts).filter(|(text, count)| shown(text, **count));
            counted.map(|(text, count)| (&**text, u64::from(*count))).collect::<Vec<_>>()
        };
        let names = &snapshot.attributes;
        let key = |(key, label)| KeyTally { key, label, matches: 0, values: Vec::new() };
        let mut keys: Vec<_> = names.keys().map(key).collect();
        for ((number, count), key) in (0u32..).zip(&self.values).zip(names.keys_of_values()) {
            if *count > 0 {
                let tally = &mut keys[usize::from(*key)];
                tally.matches += u64::from(*count);
                tally.values.push((names.value(number), u64::from(*count)));
            }
        }
        Tally {
            tree: &snapshot.tree,
            node,
            categories: named(snapshot.categories.texts(), &self.categories, &[]),
            brands: named(snapshot.brands.texts(), &self.brands, &request.brands),
            prices: self.prices.iter().map(|count| u64::from(*count)).collect(),
            available: u64::from(self.available),
            keys,
            total,
            currency,
        }
    }
}

/// The facets of a search: category, brand, price, availability, attributes.
pub(crate) fn facets(tally: &Tally<'_>, request: &SearchRequest) -> Vec<Facet> {
    let mut facets =
        vec![categories(tally), brands(tally, request), prices(tally, request), availability(tally, request)];
    facets.extend(attributes(tally, request));
    facets.retain(|facet| !facet.values.is_empty());
    facets
}

fn facet(key: &str, label: &str, values: Vec<FacetValue>) -> Facet {
    Facet { key: key.to_owned(), label: label.to_owned(), values }
}

fn categories(tally: &Tally<'_>) -> Facet {
    let Tally { tree, node: current, .. } = *tally;
    let mut of_node: HashMap<usize, u64> = HashMap::new();
    for (id, count) in &tally.categories {
        let node = id.parse().ok().and_then(|id| tree.node(id));
        for at in node.into_iter().flat_map(|node| tree.upwards(node)) {
            *of_node.entry(at).or_default() += *count;
        }
    }
    let value = |node: &usize| {
        let (category, selected) = (tree.category(*node), current == Some(*node));
        let count = of_node.get(node).copied().unwrap_or(0);
        let (value, label) = (category.path.clone(), category.name.clone());
        (count > 0 || selected).then_some(FacetValue { value, label, count, selected })
    };
    let mut values: Vec<_> = tree.choices(current).iter().filter_map(value).collect();
    most_first(&mut values, usize::MAX);
    facet("category", "Category", values)
}

fn brands(tally: &Tally<'_>, request: &SearchRequest) -> Facet {
    let selected = |name: &str| request.brands.iter().any(|brand| brand == name);
    let mut values: Vec<_> = tally.brands.iter().map(|(name, count)| named(name, *count, selected(name))).collect();
    most_first(&mut values, MAX_BRANDS);
    facet("brand", "Brand", values)
}

fn availability(tally: &Tally<'_>, request: &SearchRequest) -> Facet {
    let count = tally.available;
    let value = FacetValue { value: "true".into(), label: "In stock".into(), count, selected: request.available };
    let shown = count > 0 || request.available;
    facet("availability", "Availability", shown.then_some(value).into_iter().collect())
}

/// Keys that a search of `total` matches shows, of those counted, `matches` telling how often.
pub(crate) fn common_keys<'k>(total: u64, counted: impl Iterator<Item = (&'k str, u64)>) -> Vec<&'k str> {
    let mut common: Vec<(&str, u64)> = counted.filter(|(_, matches)| matches * COMMON >= total).collect();
    common.sort_by_key(|(_, matches)| std::cmp::Reverse(*matches));
    common.into_iter().map(|(key, _)| key).collect()
}

fn attributes(tally: &Tally<'_>, request: &SearchRequest) -> Vec<Facet> {
    let find = |key: &str| tally.keys.binary_search_by(|known| known.key.cmp(key)).ok().map(|at| &tally.keys[at]);
    let mut shown: Vec<&KeyTally<'_>> = match tally.node {
        Some(node) => tally.tree.facets(node).filter_map(find).collect(),
        None => Vec::new(),
    };
    if shown.is_empty() {
        let several = tally.keys.iter().filter(|key| key.values.len() > 1);
        let common = common_keys(tally.total, several.map(|key| (key.key, key.matches)));
        shown = common.into_iter().filter_map(find).collect();
    }
    shown.truncate(MAX_FACETS);
    for filter in request.attributes.iter().filter(|filter| !filter.values.is_empty()) {
        let filtered = find(&filter.key).filter(|key| !shown.iter().any(|other| other.key == key.key));
        shown.extend(filtered);
    }
    let facet = |key: &&KeyTally<'_>| {
        let wanted = request.attributes.iter().filter(|filter| filter.key == key.key);
        let wanted: Vec<&String> = wanted.flat_map(|filter| &filter.values).collect();
        let value = |(text, count): &(&str, u64)| named(text, *count, wanted.iter().any(|value| *value == text));
        let mut values: Vec<FacetValue> = key.values.iter().map(value).collect();
        let absent = wanted.iter().filter(|text| !values.iter().any(|value| value.value == ***text));
        let absent: Vec<_> = absent.map(|text| named(text, 0, true)).collect();
        values.extend(absent);
        most_first(&mut values, MAX_VALUES);
        facet(&format!("attr.{}", key.key), key.label, values)
    };
    shown.iter().map(facet).collect()
}

fn named(text: &str, count: u64, selected: bool) -> FacetValue {
    FacetValue { value: text.to_owned(), label: text.to_owned(), count, selected }
}

/// Most frequent first, at most so many, and those that are selected whatever their count.
fn most_first(values: &mut Vec<FacetValue>, limit: usize) {
    values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.label.cmp(&b.label)));
    let mut place = 0;
    values.retain(|value| {
        place += 1;
        place <= limit || value.selected
    });
}

/// Ranges of prices with about as many matches each as their steps allow, ascending.
fn prices(tally: &Tally<'_>, request: &SearchRequest) -> Facet {
    // Ranges of steps: first and last step, matches.
    let mut ranges: Vec<(usize, usize, u64)> = Vec::new();
    for (step, count) in tally.prices.iter().enumerate().filter(|(_, count)| **count > 0) {
        ranges.push((step, step, *count));
    }
    while ranges.len() > MAX_RANGES {
        let pair = |at: &usize| ranges[*at].2 + ranges[at + 1].2;
        let Some(least) = (0..ranges.len() - 1).min_by_key(pair) else { break };
        let (_, last, count) = ranges.remove(least + 1);
        ranges[least].1 = last;
        ranges[least].2 += count;
    }
    let selected = (request.price_min, request.price_max);
    let ends = ranges.len();
    let value = |(at, (first, last, count)): (usize, &(usize, usize, u64))| {
        let step = |step: usize| PRICE_STEPS.get(step).and_then(|price| i64::try_from(*price).ok());
        // The outer ranges are open, so that nothing cheaper or dearer is left out later.
        let from = (at > 0).then(|| first.checked_sub(1).and_then(step)).flatten();
        let below = (at + 1 < ends).then(|| step(*last)).flatten();
        let to = below.map(|price| price - 1);
        let text = |price: Option<i64>| price.map(|price| price.to_string()).unwrap_or_default();
        FacetValue {
            value: format!("{}-{}", text(from), text(to)),
            label: range_label(from, below, tally.currency),
            count: *count,
            selected: selected != (None, None) && selected == (from, to),
        }
    };
    facet("price", "Price", ranges.iter().enumerate().map(value).collect())
}

fn range_label(from: Option<i64>, below: Option<i64>, currency: Option<Currency>) -> String {
    let money = |amount: i64| currency.map_or_else(|| amount.to_string(), |currency| currency.of(amount).to_string());
    match (from, below) {
        (None, None) => "Any price".into(),
        (None, Some(below)) => format!("Under {}", money(below)),
        (Some(from), Some(below)) => format!("{} to {}", money(from), money(below)),
        (Some(from), None) => format!("{} and above", money(from)),
    }
}
