//! Facet selection, by which attributes buyers filter in each category: at most eight, chosen by how many of its products
//! have them, among those that divide the products into few groups. Drafts go in one by one; memory is bounded by limits,
//! not by their number.

use std::collections::{BTreeMap, HashMap};

use souk_catalog_api::AttributeValue;

use crate::draft::ProductDraft;
use crate::feed::Mapping;
use crate::feed::fingerprint;
use crate::limits;

/// Categories that are counted; more are left without facets.
const CATEGORIES: usize = 20_000;
/// Attribute keys counted in one category.
const KEYS: usize = 5_000;
/// Different values counted of one key; what has more is no facet.
const VALUES: usize = 120;
/// Characters of a value that fits beside a tick box.
const VALUE_CHARS: usize = 48;
/// Products of a category that must have the attribute, in percent.
const COVERAGE_PERCENT: u64 = 8;
/// Percent of the products having it that may share one value: beyond, choosing it changes nothing.
const DOMINANT_PERCENT: u64 = 97;

/// An attribute to filter by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// Attribute key.
    pub key: String,
    /// Name for people.
    pub label: String,
}

/// The facets of one category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryFacets {
    /// Names from the root.
    pub path: Vec<String>,
    /// The most useful first, at most [`limits::FACETS_PER_CATEGORY`].
    pub facets: Vec<Facet>,
}

/// Counts attributes per category. A parent counts the products of its children too, since its page lists them.
#[derive(Default)]
pub struct FacetPlan {
    categories: BTreeMap<Vec<String>, Category>,
}

#[derive(Default)]
struct Category {
    products: u64,
    keys: HashMap<String, Key>,
}

struct Key {
    label: String,
    products: u64,
    /// Products per value, by fingerprint; `None` after too many or too long ones.
    values: Option<HashMap<u64, u64>>,
}

impl FacetPlan {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a draft.
    pub fn add(&mut self, draft: &ProductDraft) {
        let values: Vec<(&str, &str, Option<u64>)> = draft
            .product
            .attributes
            .iter()
            .map(|a| (a.key.as_str(), a.label.as_str(), value_print(&a.value)))
            .collect();
        for depth in 1..=draft.category.len() {
            let path = &draft.category[..depth];
            if self.categories.len() >= CATEGORIES && !self.categories.contains_key(path) {
                continue;
            }
            let category = self.categories.entry(path.to_vec()).or_default();
            category.products += 1;
            for (key, label, print) in &values {
                category.count(key, label, *print);
            }
        }
    }

    /// The facets of every category seen, parents before children. `mapping` names attributes that never are.
    pub fn choose(&self, mapping: Option<&Mapping>) -> Vec<CategoryFacets> {
        let never = |key: &str| mapping.is_some_and(|mapping| mapping.never_facet(key));
        let choose = |(path, category): (&Vec<String>, &Category)| {
            let facets = category.choose(&never);
            CategoryFacets { path: path.clone(), facets }
        };
        self.categories.iter().map(choose).collect()
    }
}

impl Category {
    fn count(&mut self, key: &str, label: &str, print: Option<u64>) {
        if !self.keys.contains_key(key) {
            if self.keys.len() >= KEYS {
                return;
            }
            let new = Key { label: label.to_owned(), products: 0, values: Some(HashMap::new()) };
            self.keys.insert(key.to_owned(), new);
        }
        let Some(counted) = self.keys.get_mut(key) else { return };
        counted.products += 1;
        match (print, &mut counted.values) {
            (Some(print), Some(values)) if values.len() < VALUES || values.contains_key(&print) => {
                *values.entry(print).or_default() += 1;
            }
            _ => counted.values = None,
        }
    }

    fn choose(&self, never: &impl Fn(&str) -> bool) -> Vec<Facet> {
        let mut ranked: Vec<(u64, &String, &Key)> = Vec::new();
        for (key, counted) in &self.keys {
            if let Some(score) = self.score(counted).filter(|_| !never(key)) {
                ranked.push((score, key, counted));
            }
        }
        // Equal scores in the order of keys: the same file always gives the same facets.
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        let facet =
            |(_, key, counted): &(u64, &String, &Key)| Facet { key: (*key).clone(), label: counted.label.clone() };
        ranked.iter().take(limits::FACETS_PER_CATEGORY).map(facet).collect()
    }

    /// Coverage in millionths, weighed by how well the values divide the products; nothing for what is no facet.
    fn score(&self, key: &Key) -> Option<u64> {
        let values = key.values.as_ref()?;
        let distinct = u64::try_from(values.len()).ok()?;
        let largest = *values.values().max()?;
        let rare = key.products < 2 || key.products * 100 < self.products * COVERAGE_PERCENT;
        let useless = distinct < 2 || largest * 100 > key.products * DOMINANT_PERCENT;
        // A facet whose values have one product each is a list of products; small categories may have a few.
        let scattered = distinct > 6 && distinct * 3 > key.products;
        if rare || useless || scattered {
            return None;
        }
        let coverage = key.products * 1_000_000 / self.products.max(1);
        let crowd = if distinct > 40 { 60 } else { 100 };
        let division = 50 + (100 - largest * 100 / key.products.max(1)) / 2;
        Some(coverage * crowd / 100 * division / 100)
    }
}

fn value_print(value: &AttributeValue) -> Option<u64> {
    match value {
        AttributeValue::Text(text) if text.len() > VALUE_CHARS || text.contains('\n') => None,
        AttributeValue::Text(text) => Some(fingerprint("text", &[text])),
        AttributeValue::Number { value, unit } => {
            Some(fingerprint("number", &[value, unit.as_deref().unwrap_or_default()]))
        }
        AttributeValue::Bool(flag) => Some(u64::from(*flag)),
    }
}
