//! Listing query: what a listing's address asks for, read from its query string and written back into links.
//!
//! Parameters are written in one fixed order, so that the same choice has one address and one place in the cache.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use souk_search_api::{AttributeFilter, MAX_OFFSET, SearchRequest, Sort, cut_query};

/// Products of one page: rows of 2, 3 and 4 are all full.
pub const PAGE_SIZE: u32 = 24;
/// Filters of one request: more than any page offers to tick; the rest is ignored.
const MAX_FILTERS: usize = 50;
/// Characters of one filter's value.
const MAX_VALUE: usize = 200;

/// Characters that stand for themselves in a query (RFC 3986, unreserved).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A listing as its address describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListingQuery {
    /// Words.
    pub q: String,
    /// Category path, on the search page.
    pub category: Option<String>,
    /// Any of these brands.
    pub brands: Vec<String>,
    /// `min-max` in minor units, open ends empty.
    pub price: Option<String>,
    /// Only what can be bought now.
    pub available: bool,
    /// Key and value of attributes.
    pub attributes: Vec<(String, String)>,
    /// Order.
    pub sort: Sort,
    /// From 1.
    pub page: u32,
}

/// Names of the parameters that [`ListingQuery::parse`] reads; `attr.*` are all that begin with `attr.`.
pub const PARAMETERS: &[&str] = &["q", "category", "brand", "price", "available", "sort", "page", "attr.*"];

/// The same of a category's page, whose path says which category.
pub const CATEGORY_PARAMETERS: &[&str] = &["q", "brand", "price", "available", "sort", "page", "attr.*"];

impl ListingQuery {
    /// Reads a query string. What makes no sense is ignored: a listing is never an error.
    pub fn parse(query: &str) -> Self {
        let pairs: Vec<(String, String)> = serde_html_form::from_str(query).unwrap_or_default();
        let mut query = Self { page: 1, ..Self::default() };
        // What is too long is no filter that a page offers. Words are cut: without them everything would be found.
        let fits =
            |(name, value): &(String, String)| !value.is_empty() && (name == "q" || value.chars().count() <= MAX_VALUE);
        let filters = pairs.into_iter().filter(fits);
        for (name, value) in filters.take(MAX_FILTERS) {
            match name.as_str() {
                "q" => query.q = cut_query(value.trim()).trim_end().to_owned(),
                "category" => query.category = Some(value),
                "brand" if !query.brands.contains(&value) => query.brands.push(value),
                "price" if bounds(&value).is_some() => query.price = Some(value),
                "available" => query.available = value == "1",
                "sort" => query.sort = SORTS.iter().find(|(key, ..)| *key == value).map_or(Sort::default(), |s| s.2),
                "page" => query.page = value.parse().unwrap_or(1).clamp(1, MAX_OFFSET / PAGE_SIZE),
                name => {
                    if let Some(key) = name.strip_prefix("attr.") {
                        let pair = (key.to_owned(), value);
                        if !query.attributes.contains(&pair) {
                            query.attributes.push(pair);
                        }
                    }
                }
            }
        }
        query.brands.sort();
        query.attributes.sort();
        query
    }

    /// The question for search; `category` is the one of the page, if it is a category's.
    pub fn request(&self, category: Option<&str>) -> SearchRequest {
        let (price_min, price_max) = self.price.as_deref().and_then(bounds).unwrap_or_default();
        let mut attributes: Vec<AttributeFilter> = Vec::new();
        for (key, value) in &self.attributes {
            match attributes.last_mut().filter(|filter| filter.key == *key) {
                Some(filter) => filter.values.push(value.clone()),
                None => attributes.push(AttributeFilter { key: key.clone(), values: vec![value.clone()] }),
            }
        }
        SearchRequest {
            q: self.q.clone(),
            category: category.map(str::to_owned).or_else(|| self.category.clone()),
            brands: self.brands.clone(),
            price_min,
            price_max,
            available: self.available,
            attributes,
            sort: self.sort,
            limit: PAGE_SIZE,
            offset: (self.page - 1) * PAGE_SIZE,
            facets: true,
        }
    }

    /// True when something is filtered, beside words and category of the page.
    pub fn is_filtered(&self) -> bool {
        *self != Self { q: self.q.clone(), sort: self.sort, page: self.page, ..Self::default() }
    }

    /// The same without filters.
    pub fn unfiltered(&self) -> Self {
        Self { q: self.q.clone(), sort: self.sort, page: 1, ..Self::default() }
    }

    /// The same on another page.
    pub fn on_page(&self, page: u32) -> Self {
        Self { page, ..self.clone() }
    }

    /// The same in another order, from the beginning.
    pub fn sorted(&self, sort: Sort) -> Self {
        Self { sort, page: 1, ..self.clone() }
    }

    /// The same without one filter, by the name of its parameter and its value.
    pub fn without(&self, name: &str, value: &str) -> Self {
        let mut query = Self { page: 1, ..self.clone() };
        match name {
            "category" => query.category = None,
            "brand" => query.brands.retain(|brand| brand != value),
            "price" => query.price = None,
            "available" => query.available = false,
            name => query.attributes.retain(|(key, v)| name.strip_prefix("attr.") != Some(key) || v != value),
        }
        query
    }

    /// Its address below `path`.
    pub fn href(&self, path: &str) -> String {
        let mut href = path.to_owned();
        for (i, (name, value)) in self.pairs().into_iter().enumerate() {
            href.push(if i == 0 { '?' } else { '&' });
            href.extend(utf8_percent_encode(&name, PLAIN));
            href.push('=');
            href.extend(utf8_percent_encode(&value, PLAIN));
        }
        href
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        let mut put = |name: &str, value: String| pairs.push((name.to_owned(), value));
        if !self.q.is_empty() {
            put("q", self.q.clone());
        }
        if let Some(category) = &self.category {
            put("category", category.clone());
        }
        self.brands.iter().for_each(|brand| put("brand", brand.clone()));
        if let Some(price) = &self.price {
            put("price", price.clone());
        }
        if self.available {
            put("available", "1".into());
        }
        self.attributes.iter().for_each(|(key, value)| put(&format!("attr.{key}"), value.clone()));
        if self.sort != Sort::default() {
            put("sort", sort_key(self.sort).into());
        }
        if self.page > 1 {
            put("page", self.page.to_string());
        }
        pairs
    }
}

/// Orders offered: value of the parameter, name for people.
pub const SORTS: [(&str, &str, Sort); 5] = [
    ("relevance", "Best match", Sort::Relevance),
    ("newest", "Newest first", Sort::Newest),
    ("price_asc", "Price: low to high", Sort::PriceAsc),
    ("price_desc", "Price: high to low", Sort::PriceDesc),
    ("title", "By name", Sort::Title),
];

/// Value of the `sort` parameter.
pub fn sort_key(sort: Sort) -> &'static str {
    SORTS.iter().find(|(.., other)| *other == sort).map_or("relevance", |(key, ..)| key)
}

/// Lower and upper end of `min-max`; both may be open, but not both missing.
fn bounds(range: &str) -> Option<(Option<i64>, Option<i64>)> {
    let (low, high) = range.split_once('-')?;
    let end = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().filter(|n| *n >= 0).map(Some) };
    let ends = (end(low)?, end(high)?);
    (ends != (None, None)).then_some(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_back_in_one_order() {
        let query = "attr.size=M&brand=Oda+%26+Sons&q=red+mug&page=3&brand=Ferro&attr.size=L&sort=price_asc&price=1000-&available=1";
        let query = ListingQuery::parse(query);
        assert_eq!(
            query.href("/search"),
            "/search?q=red%20mug&brand=Ferro&brand=Oda%20%26%20Sons&price=1000-&available=1&attr.size=L&attr.size=M&sort=price_asc&page=3"
        );
        assert_eq!(ListingQuery::parse(query.href("").trim_start_matches('?')), query);
        let request = query.request(None);
        assert_eq!((request.price_min, request.price_max, request.offset), (Some(1000), None, 48));
        assert_eq!(request.attributes, [AttributeFilter { key: "size".into(), values: vec!["L".into(), "M".into()] }]);
    }

    #[test]
    fn nonsense_is_ignored() {
        for query in
            ["price=-", "price=a-b", "price=-5-9", "sort=best", "page=0", "page=x", "colour=red", "=", "%ff=%ff", "&&&"]
        {
            assert_eq!(ListingQuery::parse(query), ListingQuery::parse(""), "{query}");
        }
        assert_eq!(ListingQuery::parse("page=999999999").page, MAX_OFFSET / PAGE_SIZE);
        assert!(ListingQuery::parse(&"brand=x&attr.a=".repeat(10_000)).brands.len() <= MAX_FILTERS);
    }

    #[test]
    fn words_that_are_too_long_are_cut_and_never_dropped() {
        for words in
            ["mug ".repeat(80), "เครื่องชาร์จ ".repeat(40), "急速充電器".repeat(60), "x".repeat(5_000), "é".repeat(150)]
        {
            let href = ListingQuery { q: words.clone(), page: 1, ..ListingQuery::default() }.href("");
            let read = ListingQuery::parse(href.trim_start_matches('?'));
            assert!(!read.q.is_empty() && words.starts_with(&read.q), "{words}");
            assert!(read.q.chars().count() > 150 || read.q == words.trim(), "{words}");
        }
        assert_eq!(ListingQuery::parse("q=++").q, "");
        let long = format!("brand={}&brand=B", "x".repeat(300));
        assert_eq!(ListingQuery::parse(&long).brands, ["B"], "a filter that no page offers");
    }

    #[test]
    fn the_list_of_parameters_is_what_is_read() {
        let value = |name: &str| match name {
            "price" => "1-2",
            "available" => "1",
            "sort" => "newest",
            "page" => "2",
            _ => "x",
        };
        for name in PARAMETERS {
            let name = name.replace('*', "colour");
            let query = format!("{name}={}", value(&name));
            assert_ne!(ListingQuery::parse(&query), ListingQuery::parse(""), "{query}");
        }
        let all = ListingQuery::parse("q=x&category=c&brand=b&price=1-2&available=1&attr.a=1&sort=newest&page=2");
        for (name, _) in all.pairs() {
            let listed =
                |known: &&str| known.strip_suffix('*').map_or(name == **known, |start| name.starts_with(start));
            assert!(PARAMETERS.iter().any(listed), "{name} is written and not listed");
        }
        let without: Vec<&&str> = PARAMETERS.iter().filter(|name| **name != "category").collect();
        assert!(without.into_iter().eq(CATEGORY_PARAMETERS));
    }

    #[test]
    fn a_filter_can_be_taken_away_again() {
        let query = ListingQuery::parse("brand=A&brand=B&attr.x=1&page=4");
        assert_eq!(query.without("brand", "A").href("/c"), "/c?brand=B&attr.x=1");
        assert_eq!(query.without("attr.x", "1").href("/c"), "/c?brand=A&brand=B");
        assert!(query.is_filtered() && !query.unfiltered().is_filtered());
    }
}
