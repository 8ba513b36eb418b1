//! The public search. Hits go out as they are stored, without being taken apart unless their pictures are at a CDN.

use std::sync::Arc;

use axum::extract::State;
use http::HeaderValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use souk_kernel::Problem;
use souk_search_api::{AttributeFilter, Facet, Hit, SearchReply, SearchRequest, Sort};
use souk_web::{ApiError, ApiQuery, Cached, Cdn, Operations, Routes, WebCx, op};

use crate::SearchService;

/// Hits of a page when nobody says how many.
const DEFAULT_LIMIT: u32 = 24;
/// Searches are mostly distinct: kept just long enough that a popular one is answered once.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=15");

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
            .reply::<SearchReply>(200)
            .problems(&[404, 422, 503]),
    )
}

/// Query of a search; `attr.<key>` beside it.
#[derive(JsonSchema)]
#[allow(dead_code)] // documents what `request` reads
struct SearchQuery {
    /// Words; at most 200 characters.
    q: Option<String>,
    /// Path of a category, `computers/notebooks`; its descendants are included.
    category: Option<String>,
    /// Any of these brands.
    brand: Option<Vec<String>>,
    /// Minor units, inclusive.
    price_min: Option<u64>,
    /// Minor units, inclusive.
    price_max: Option<u64>,
    /// `true`: only what can be bought now.
    available: Option<bool>,
    /// `relevance`, `newest`, `price_asc`, `price_desc` or `title`.
    sort: Option<String>,
    /// 1 to 100; 24 when absent.
    limit: Option<u32>,
    /// 0 to 10,000.
    offset: Option<u32>,
    /// `false` leaves the facets out.
    facets: Option<bool>,
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
    ApiQuery(pairs): ApiQuery<Vec<(String, String)>>,
) -> Result<Cached, ApiError> {
    let found = service.find(&cx, &request(pairs)?).await?;
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
    Ok(Cached::public(&answer, &["search"])?.with_cache_control(FRESH))
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

/// Reads the query string; what is not known is refused, as is what is given twice and means one thing.
fn request(pairs: Vec<(String, String)>) -> Result<SearchRequest, Problem> {
    let mut request = SearchRequest { limit: DEFAULT_LIMIT, facets: true, ..SearchRequest::default() };
    let mut seen = std::collections::HashSet::new();
    for (name, value) in pairs {
        if let Some(key) = name.strip_prefix("attr.") {
            match request.attributes.iter_mut().find(|filter| filter.key == key) {
                Some(filter) => filter.values.push(value),
                None => request.attributes.push(AttributeFilter { key: key.to_owned(), values: vec![value] }),
            }
            continue;
        }
        if name != "brand" && !seen.insert(name.clone()) {
            return Err(wrong(&name, "given twice"));
        }
        match name.as_str() {
            "q" => request.q = value,
            "category" => request.category = Some(value),
            "brand" => request.brands.push(value),
            "price_min" => request.price_min = Some(parsed(&name, &value)?),
            "price_max" => request.price_max = Some(parsed(&name, &value)?),
            "available" => request.available = flag(&name, &value)?,
            "facets" => request.facets = flag(&name, &value)?,
            "sort" => request.sort = sort(&value)?,
            "limit" => request.limit = parsed(&name, &value)?,
            "offset" => request.offset = parsed(&name, &value)?,
            _ => return Err(wrong(&name, "no such parameter")),
        }
    }
    Ok(request)
}

fn parsed<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, Problem> {
    value.parse().map_err(|_| wrong(name, "not a whole number in range"))
}

fn flag(name: &str, value: &str) -> Result<bool, Problem> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(wrong(name, "true or false")),
    }
}

fn sort(value: &str) -> Result<Sort, Problem> {
    let name = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(value);
    Sort::deserialize(name).map_err(|_| wrong("sort", "one of relevance, newest, price_asc, price_desc, title"))
}

fn wrong(name: &str, detail: &str) -> Problem {
    let pointer = name.replace('~', "~0").replace('/', "~1");
    let fields = vec![souk_kernel::FieldError { pointer: format!("/{pointer}"), detail: detail.to_owned() }];
    Problem::invalid_fields("invalid_query", format!("{name}: {detail}"), fields)
}
