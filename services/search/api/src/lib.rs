//! Contract of search: finding products by words, filters and order, with counts for the filters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use souk_kernel::Money;
use uuid::Uuid;

/// Hits of one page.
pub const MAX_PAGE: u32 = 100;
/// Hits one may page into; beyond it a search is to be narrowed.
pub const MAX_OFFSET: u32 = 10_000;
/// Characters of a query; what stands behind them is not looked for ([`cut_query`]).
pub const MAX_QUERY: usize = 200;

/// A query without what is too much of it: cut before the word that passes [`MAX_QUERY`], or within it when it is the only
/// one.
pub fn cut_query(q: &str) -> &str {
    let Some((end, next)) = q.char_indices().nth(MAX_QUERY) else { return q };
    let cut = &q[..end];
    match cut.rfind(char::is_whitespace) {
        Some(space) if !next.is_whitespace() && !cut[..space].trim().is_empty() => &cut[..space],
        _ => cut,
    }
}

souk_rpc::service! {
    /// Product search.
    pub trait SearchApi at "/rpc/search/v1", client SearchClient, serve serve_search, fake SearchFake {
        /// Published products that match, with facets.
        fn search(SearchRequest) -> SearchReply [idempotent];
        /// How much is indexed and how far behind the events the index is.
        fn status(StatusRequest) -> IndexStatus [idempotent];
    }
}

/// What is looked for. Everything is optional: with only a category it is the category's page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SearchRequest {
    /// Words; every one must be found (in its stem), else the best partial matches are returned. One that is too long is cut
    /// ([`cut_query`]).
    #[serde(default)]
    pub q: String,
    /// Category path (`computers/notebooks`); descendants are included.
    #[serde(default)]
    pub category: Option<String>,
    /// Any of these brands.
    #[serde(default)]
    pub brands: Vec<String>,
    /// Minor units, inclusive.
    #[serde(default)]
    pub price_min: Option<i64>,
    /// Minor units, inclusive.
    #[serde(default)]
    pub price_max: Option<i64>,
    /// Only what can be bought now.
    #[serde(default)]
    pub available: bool,
    /// Attribute filters: per key any of the values, as displayed.
    #[serde(default)]
    pub attributes: Vec<AttributeFilter>,
    /// Order.
    #[serde(default)]
    pub sort: Sort,
    /// 1 to [`MAX_PAGE`].
    pub limit: u32,
    /// 0 to [`MAX_OFFSET`].
    #[serde(default)]
    pub offset: u32,
    /// Count facets too.
    #[serde(default)]
    pub facets: bool,
}

/// One attribute with the values that are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttributeFilter {
    /// Attribute key.
    pub key: String,
    /// Any of these, as displayed.
    pub values: Vec<String>,
}

/// Order of the hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Best match first; newest first when there are no words.
    #[default]
    Relevance,
    /// Newest first.
    Newest,
    /// Cheapest first.
    PriceAsc,
    /// Dearest first.
    PriceDesc,
    /// By title.
    Title,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SearchReply {
    /// The page.
    pub items: Vec<Hit>,
    /// All matches.
    pub total: u64,
    /// Counts over all matches; each facet ignores its own filter, so that one may widen it.
    pub facets: Vec<Facet>,
    /// True when not every word was found and partial matches are shown.
    #[serde(default)]
    pub partial: bool,
}

/// One product as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// The product.
    pub id: Uuid,
    /// The source's own id.
    pub external_id: Option<String>,
    /// Address below `/p/`.
    pub slug: String,
    /// Name.
    pub title: String,
    /// Maker.
    pub brand: Option<String>,
    /// Cheapest variant.
    pub price: Money,
    /// What that one is compared with.
    pub compare_at: Option<Money>,
    /// True when variants differ in price.
    pub price_varies: bool,
    /// True when something of it can be bought now.
    pub available: bool,
    /// Picture: relative to the shop's root, in the public API absolute when the shop has a CDN. When its name ends with its size,
    /// as `-1280x960.jpg`, other widths are beside it: `-<width>.webp` for 160, 320, 480, 800 and its own, `-<width>.avif` for
    /// 320 and 480, none wider than it.
    pub image: String,
    /// A blurred miniature of the picture, as a `data:` address, to show until it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// Where the picture may be cut: the place that stays visible, in percent from the left and from the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<[u8; 2]>,
    /// The only variant's SKU, for a button that puts it into the cart; none when there is a choice to make.
    pub sku: Option<String>,
}

/// A filter with its values and counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Facet {
    /// `category`, `brand`, `price`, `availability`, or `attr.<key>`.
    pub key: String,
    /// For people.
    pub label: String,
    /// Most frequent first; price ranges ascending.
    pub values: Vec<FacetValue>,
}

/// One value of a facet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FacetValue {
    /// What a filter is set to; for prices `min-max` in minor units, open ends empty.
    pub value: String,
    /// For people.
    pub label: String,
    /// Matches.
    pub count: u64,
    /// True when the request filters by it.
    pub selected: bool,
}

/// Asks how the index is.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct StatusRequest {}

/// State of the index.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct IndexStatus {
    /// Products in it that buyers can find.
    pub products: u64,
    /// Events not yet applied.
    pub behind: u64,
}

#[cfg(test)]
mod tests {
    use super::{MAX_QUERY, cut_query};

    #[test]
    fn a_long_query_is_cut_before_a_word_and_never_within_a_character() {
        let thai = "เครื่องชาร์จ".repeat(16);
        assert_eq!((cut_query("mug"), cut_query(&thai)), ("mug", thai.as_str()), "576 bytes are no 200 characters");
        let long = "充電器".repeat(100);
        assert_eq!(cut_query(&long).chars().count(), MAX_QUERY);
        let words = format!("red mug {}", "x".repeat(300));
        assert_eq!(cut_query(&words), "red mug");
        let fits = format!("{} tail", "x".repeat(MAX_QUERY));
        assert_eq!(cut_query(&fits), "x".repeat(MAX_QUERY));
        assert_eq!(cut_query(&format!("  {long}")).chars().count(), MAX_QUERY, "nothing else is left");
    }
}
