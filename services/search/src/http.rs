//! Public REST of search. Hits go out as they are stored, without being taken apart unless their pictures are at a CDN.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderValue, Uri, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use souk_kernel::Problem;
use souk_search_api::{AttributeFilter, Facet, Hit, MAX_OFFSET, MAX_PAGE, SearchReply, SearchRequest, Sort};
use souk_web::{ApiError, Cached, Cdn, Operations, Reply, Routes, WebCx, op, page_links, query_of, query_pairs};

use crate::SearchService;
use crate::query::MAX_FILTER_VALUES;

/// Hits of a page when the client does not say how many.
const DEFAULT_LIMIT: u32 = 24;
/// Characters of a category's path: deeper than any tree.
const MAX_CATEGORY: usize = 1_000;
/// Searches are mostly distinct: kept just long enough that a popular one is answered once.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=15");

/// What names of attributes begin with in a query.
const ATTRIBUTE: &str = "attr.";

/// Routes of the public API.
pub fn routes(service: Arc<SearchService>) -> Routes {
    declared().with_state(service)
}

/// What they are, without a service: for the API's description in a process that runs none.
pub fn operations() -> Operations {
    declared().openapi().clone()
}

fn declared() -> Routes<Arc<SearchService>> {
    Routes::new().get(
        "/api/v1/search",
        search,
        op("searchProducts")
            .summary("Products that match, with facets")
            .description(
                "Every word must be found, in its stem; when no product has all of them, those that have most are \
                     returned and `partial` is true. `attr.<key>=<value>` filters by an attribute and may be repeated: \
                     values of one key are alternatives. Each facet ignores its own filter.",
            )
            .tag("search")
            .query::<SearchQuery>()
            .reply(200)
            .reply_headers(&["ETag", "Link"])
            .codes(&["not_found", "search_unavailable"])
            .link(200, "getProduct", &[("slug", "$response.body#/items/0/slug")], None),
    )
}

/// Query of a search; `attr.<key>` beside it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SearchQuery {
    /// Words. What stands behind 200 characters is not looked for.
    #[serde(default)]
    q: String,
    /// Path of a category, `computers/notebooks`; its descendants are included.
    #[schemars(length(max = MAX_CATEGORY))]
    category: Option<String>,
    /// Any of these brands.
    #[serde(default)]
    #[schemars(length(max = MAX_FILTER_VALUES))]
    brand: Vec<String>,
    /// Minor units, inclusive.
    #[schemars(range(min = 0))]
    price_min: Option<i64>,
    /// Minor units, inclusive.
    #[schemars(range(min = 0))]
    price_max: Option<i64>,
    /// `true`: only what can be bought now.
    #[serde(default)]
    available: bool,
    /// By best match when absent.
    sort: Option<SortJson>,
    /// Hits of a page; 24 when absent.
    #[schemars(range(min = 1, max = MAX_PAGE))]
    limit: Option<u32>,
    /// Hits to skip.
    #[serde(default)]
    #[schemars(range(max = MAX_OFFSET))]
    offset: u32,
    /// `false` leaves the facets out.
    #[serde(default = "yes")]
    facets: bool,
}

/// Order of the hits.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SearchSort")]
enum SortJson {
    /// Best match first; newest first when there are no words.
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

impl From<SortJson> for Sort {
    fn from(sort: SortJson) -> Self {
        match sort {
            SortJson::Relevance => Sort::Relevance,
            SortJson::Newest => Sort::Newest,
            SortJson::PriceAsc => Sort::PriceAsc,
            SortJson::PriceDesc => Sort::PriceDesc,
            SortJson::Title => Sort::Title,
        }
    }
}

fn yes() -> bool {
    true
}

/// What is answered: as `SearchReply`, hits unopened.
#[derive(Serialize)]
struct Answer {
    items: Vec<Box<RawValue>>,
    total: u64,
    facets: Vec<Facet>,
    partial: bool,
}

async fn search(
    State(service): State<Arc<SearchService>>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    uri: Uri,
) -> Result<Reply<SearchReply>, ApiError> {
    let request = request(query_pairs(&uri)?)?;
    let found = service.find(&cx, &request).await?;
    let next = u64::from(request.offset) + u64::from(request.limit);
    let next = (next < found.total && next <= u64::from(MAX_OFFSET)).then(|| next.to_string());
    let links = page_links(&uri, "offset", next.as_deref());
    let raw = |hit: Vec<u8>| {
        let text = String::from_utf8(shown(&cdn, hit)?).map_err(Problem::internal)?;
        RawValue::from_string(text).map_err(Problem::internal)
    };
    let answer = Answer {
        items: found.hits.into_iter().map(raw).collect::<Result<_, _>>()?,
        total: found.total,
        facets: found.facets,
        partial: found.partial,
    };
    let found = Cached::public(&answer, &["search"])?.with_cache_control(FRESH).described_as::<SearchReply>();
    Ok(Reply::from(found).with_header(header::LINK, links))
}

/// The hit with its picture where browsers get it.
fn shown(cdn: &Cdn, hit: Vec<u8>) -> Result<Vec<u8>, Problem> {
    if cdn.origin().is_none() {
        return Ok(hit);
    }
    let mut opened: Hit = serde_json::from_slice(&hit).map_err(Problem::internal)?;
    cdn.place(&mut opened.image);
    serde_json::to_vec(&opened).map_err(Problem::internal)
}

/// Reads the query string: `attr.<key>` are filters, the rest is a [`SearchQuery`].
fn request(pairs: Vec<(String, String)>) -> Result<SearchRequest, Problem> {
    let (filters, others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| name.starts_with(ATTRIBUTE));
    let query: SearchQuery = query_of(others)?;
    let mut attributes: Vec<AttributeFilter> = Vec::new();
    for (name, value) in filters {
        let key = &name[ATTRIBUTE.len()..];
        match attributes.iter_mut().find(|filter| filter.key == key) {
            Some(filter) => filter.values.push(value),
            None => attributes.push(AttributeFilter { key: key.to_owned(), values: vec![value] }),
        }
    }
    Ok(SearchRequest {
        q: query.q,
        category: query.category,
        brands: query.brand,
        price_min: query.price_min,
        price_max: query.price_max,
        available: query.available,
        attributes,
        sort: query.sort.map(Sort::from).unwrap_or_default(),
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
        offset: query.offset,
        facets: query.facets,
    })
}
