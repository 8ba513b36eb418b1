//! Query execution of one search: words to a query, filters to numbers, one pass over the matches that ranks and counts,
//! texts for what is shown.

mod collector;
pub(crate) mod facets;
mod filter;
pub(crate) mod query_parser;
#[cfg(test)]
mod tests;
mod top_k;

use souk_kernel::{Currency, Problem};
use souk_search_api::{Facet, Hit, MAX_OFFSET, MAX_PAGE, SearchRequest};
use tantivy::schema::Value;
use tantivy::{DocAddress, TantivyDocument};

use crate::index::{Snapshot, fields};
use crate::text::Analyzer;

/// Filter values of one kind; a page offers fewer.
pub const MAX_FILTER_VALUES: usize = 50;
/// Attributes one filters by at the same time.
pub const MAX_ATTRIBUTE_FILTERS: usize = 20;

/// What a search failed with.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The request is not one; says which part.
    #[error("{pointer}: {detail}")]
    Invalid {
        /// Pointer to the part.
        pointer: &'static str,
        /// What is wrong, for people.
        detail: String,
    },
    /// There is no such category.
    #[error("there is no such category")]
    UnknownCategory,
    /// The index cannot be read.
    #[error("search index: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// A stored hit is not what was written.
    #[error("stored hit: {0}")]
    Hit(String),
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Invalid { pointer, detail } => Problem::invalid_field(pointer, detail),
            SearchError::UnknownCategory => Problem::not_found("category"),
            SearchError::Index(_) => Problem::unavailable("search_unavailable", error),
            SearchError::Hit(_) => Problem::internal(error),
        }
    }
}

/// What was found; hits still encoded, since most callers pass them on as they are.
#[derive(Debug, Default)]
pub struct Found {
    /// The page, each hit in JSON.
    pub hits: Vec<Vec<u8>>,
    /// All matches.
    pub total: u64,
    /// Counts, when asked for.
    pub facets: Vec<Facet>,
    /// Not every word was found.
    pub partial: bool,
}

impl Found {
    /// The currency of the first hit; a shop has one.
    pub(crate) fn currency(&self) -> Option<Currency> {
        self.hits.first().and_then(|hit| serde_json::from_slice::<Hit>(hit).ok()).map(|hit| hit.price.currency)
    }

    /// The hits as values.
    ///
    /// # Errors
    /// When a stored hit is not what was written.
    pub fn decoded(&self) -> Result<Vec<Hit>, SearchError> {
        let decode = |hit: &Vec<u8>| serde_json::from_slice(hit).map_err(|error| SearchError::Hit(error.to_string()));
        self.hits.iter().map(decode).collect()
    }
}

/// Searches one state of the index.
///
/// # Errors
/// [`SearchError`].
pub fn search(snapshot: &Snapshot, analyzer: &Analyzer, request: &SearchRequest) -> Result<Found, SearchError> {
    check(request)?;
    let node = match &request.category {
        Some(path) => Some(snapshot.tree.find(path).ok_or(SearchError::UnknownCategory)?),
        None => None,
    };
    let filters = filter::Filters::new(snapshot, request, node);
    let words = analyzer.query(&request.q);
    if words.words.is_empty() && !request.q.trim().is_empty() {
        // Nothing in it is a letter or digit: it asks for something, and nothing has it.
        return Ok(Found::default());
    }
    let text = query_parser::text(&snapshot.searcher, &words, &filters.terms)?;
    let mut found = Found { partial: text.partial(), ..Found::default() };
    collector::with_scratch(snapshot, |scratch| {
        let mut collector = collector::Collector::new(snapshot, request, &filters, scratch)?;
        found.partial |= collector.run(&text)?;
        found.total = collector.total();
        let page = collector.page(request.offset as usize, request.limit as usize);
        found.hits = page.into_iter().map(|address| hit(snapshot, address)).collect::<Result<_, _>>()?;
        if request.facets {
            let currency = found.currency();
            let tally = collector.counts().tally(snapshot, request, node, currency, found.total);
            found.facets = facets::facets(&tally, request);
        }
        Ok(found)
    })
}

pub(crate) fn check(request: &SearchRequest) -> Result<(), SearchError> {
    let invalid = |pointer, detail: String| Err(SearchError::Invalid { pointer, detail });
    if request.limit == 0 || request.limit > MAX_PAGE {
        return invalid("/limit", format!("from 1 to {MAX_PAGE}"));
    }
    if request.offset > MAX_OFFSET {
        return invalid("/offset", format!("at most {MAX_OFFSET}; narrow the search instead"));
    }
    if request.price_min.is_some_and(|price| price < 0) {
        return invalid("/price_min", "not below zero".into());
    }
    if request.price_max.is_some_and(|price| price < 0) {
        return invalid("/price_max", "not below zero".into());
    }
    if request.brands.len() > MAX_FILTER_VALUES {
        return invalid("/brand", format!("at most {MAX_FILTER_VALUES}"));
    }
    let values = request.attributes.iter().map(|filter| filter.values.len()).max().unwrap_or(0);
    if request.attributes.len() > MAX_ATTRIBUTE_FILTERS || values > MAX_FILTER_VALUES {
        let detail = format!("at most {MAX_ATTRIBUTE_FILTERS} attributes with {MAX_FILTER_VALUES} values each");
        return invalid("/attributes", detail);
    }
    Ok(())
}

fn hit(snapshot: &Snapshot, address: DocAddress) -> Result<Vec<u8>, SearchError> {
    let document: TantivyDocument = snapshot.searcher.doc(address)?;
    let hit = document.get_first(fields().1.hit).and_then(|value| value.as_bytes());
    hit.map(<[u8]>::to_vec).ok_or_else(|| SearchError::Hit("a document without one".into()))
}
