//! Filters of a request as numbers, and what a product fails.

use souk_search_api::SearchRequest;

use crate::index::{Columns, Snapshot, attribute_term};

/// What narrows a search. Those on attributes that are facets nowhere are not counted by and become part of the query.
pub(super) struct Filters {
    categories: Option<Vec<bool>>,
    brands: Option<Vec<u32>>,
    price: Option<(u64, u64)>,
    available: bool,
    /// Key and values, ascending, of each filter on a facet.
    attributes: Vec<(u16, Vec<u32>)>,
    /// Terms of filters on other attributes: any of each.
    pub(super) terms: Vec<Vec<String>>,
}

/// Which filters a product fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fails {
    /// None: it is a match.
    Nothing,
    /// This one alone: it counts for that filter's own facet, which shows what widening it would bring.
    Only(Filter),
    /// More than one.
    Several,
}

/// A kind of filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// By category.
    Category,
    /// By brand.
    Brand,
    /// By price.
    Price,
    /// By availability.
    Available,
    /// By the attribute key with this number.
    Attribute(u16),
}

impl Filters {
    pub(super) fn new(snapshot: &Snapshot, request: &SearchRequest, node: Option<usize>) -> Self {
        let mut filters = Self {
            categories: node.map(|node| branch(snapshot, node)),
            brands: None,
            price: None,
            available: request.available,
            attributes: Vec::new(),
            terms: Vec::new(),
        };
        if !request.brands.is_empty() {
            filters.brands = Some(request.brands.iter().filter_map(|brand| snapshot.brands.find(brand)).collect());
        }
        if request.price_min.is_some() || request.price_max.is_some() {
            let bound = |price: i64| u64::try_from(price).unwrap_or(0);
            filters.price = Some((request.price_min.map_or(0, bound), request.price_max.map_or(u64::MAX, bound)));
        }
        for filter in request.attributes.iter().filter(|filter| !filter.values.is_empty()) {
            let terms = filter.values.iter().filter_map(|value| attribute_term(&filter.key, value));
            match snapshot.attributes.key(&filter.key) {
                Some(key) => {
                    let mut values: Vec<u32> = terms.filter_map(|term| snapshot.attributes.find(&term)).collect();
                    values.sort_unstable();
                    filters.attributes.push((key, values));
                }
                None => filters.terms.push(terms.collect()),
            }
        }
        filters
    }

    /// What the product in row `doc` fails.
    pub(super) fn fails(&self, columns: &Columns, doc: u32) -> Fails {
        let at = doc as usize;
        let mut fails = Fails::Nothing;
        let mut fail = |filter| {
            fails = if fails == Fails::Nothing { Fails::Only(filter) } else { Fails::Several };
            fails == Fails::Several
        };
        if let Some(categories) = &self.categories
            && !categories.get(columns.category[at] as usize).copied().unwrap_or(false)
            && fail(Filter::Category)
        {
            return Fails::Several;
        }
        if let Some(brands) = &self.brands
            && !brands.contains(&columns.brand[at])
            && fail(Filter::Brand)
        {
            return Fails::Several;
        }
        if let Some((from, to)) = self.price
            && !(from..=to).contains(&columns.price[at])
            && fail(Filter::Price)
        {
            return Fails::Several;
        }
        if self.available && !columns.available[at] && fail(Filter::Available) {
            return Fails::Several;
        }
        for (key, wanted) in &self.attributes {
            let has = columns.values(doc).iter().any(|value| wanted.binary_search(value).is_ok());
            if !has && fail(Filter::Attribute(*key)) {
                return Fails::Several;
            }
        }
        fails
    }
}

/// By number of the category: whether it is at or below the node.
fn branch(snapshot: &Snapshot, node: usize) -> Vec<bool> {
    let below = |id: &str| {
        let id = id.parse().ok()?;
        let at = snapshot.tree.node(id)?;
        snapshot.tree.upwards(at).any(|ancestor| ancestor == node).then_some(())
    };
    snapshot.categories.texts().iter().map(|id| below(id).is_some()).collect()
}
