//! Search request to OpenSearch: the text decides what matches, filters come after it, and each facet is counted with all
//! filters but its own.

use std::collections::HashMap;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use souk_kernel::Problem;
use souk_rpc::Cx;
use souk_search_api::{SearchRequest, Sort};

use super::client::unavailable;
use super::counts;
use super::filters::Filters;
use super::indices::Indices;
use super::query_parser;
use crate::query::{Found, SearchError, check};
use crate::text::Analyzer;
use crate::tree::Tree;

/// Longest search, when the caller has more time than that.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// What one search asks with.
pub(crate) struct Search<'a> {
    indices: &'a Indices,
    cx: &'a Cx,
}

/// A page and counts, as they come.
#[derive(Deserialize)]
pub(crate) struct Reply {
    hits: Hits,
    #[serde(default)]
    pub(crate) aggregations: HashMap<String, Value>,
}

#[derive(Deserialize)]
struct Hits {
    total: Total,
    hits: Vec<HitLine>,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
}

#[derive(Deserialize)]
struct HitLine {
    #[serde(rename = "_source")]
    source: Source,
}

#[derive(Deserialize)]
struct Source {
    hit: Box<RawValue>,
}

/// Searches the index behind the alias.
///
/// # Errors
/// As the embedded index; unavailable when OpenSearch does not answer in time.
pub(crate) async fn search(
    indices: &Indices,
    tree: &Tree,
    analyzer: &Analyzer,
    cx: &Cx,
    request: &SearchRequest,
) -> Result<Found, Problem> {
    check(request)?;
    let node = match &request.category {
        Some(path) => Some(tree.find(path).ok_or(SearchError::UnknownCategory)?),
        None => None,
    };
    let words = analyzer.query(&request.q);
    if words.words.is_empty() && !request.q.trim().is_empty() {
        // Nothing in it is a letter or digit: it asks for something, and nothing has it.
        return Ok(Found::default());
    }
    let filters = Filters::new(tree, request, node);
    let search = Search { indices, cx };
    let mut partial = false;
    let mut query = search.query(&query_parser::plain(&words), &filters);
    let mut reply = search.page(request, &filters, &query, tree, node).await?;
    if !words.words.is_empty() && reply.matched() == 0 {
        let alone = words.words.len() < 2 || !filters.terms.is_empty() || !words.phrases.is_empty();
        let Some(text) = query_parser::helped(&search, &words, alone).await? else { return Ok(Found::default()) };
        partial = text.partial;
        query = search.query(&text.query, &filters);
        reply = search.page(request, &filters, &query, tree, node).await?;
    }
    let hits = reply.hits.hits.iter().map(|line| line.source.hit.get().as_bytes().to_vec()).collect();
    let mut found = Found { hits, total: reply.hits.total.value, facets: Vec::new(), partial };
    if request.facets {
        found.facets =
            counts::facets(&search, &query, reply.aggregations, &filters, tree, node, request, &found).await?;
    }
    Ok(found)
}

impl Search<'_> {
    /// What matches: the text, and filters on attributes that are facets nowhere.
    fn query(&self, text: &Value, filters: &Filters) -> Value {
        let mut filter = vec![json!({ "term": { "live": true } })];
        filter.extend(filters.terms.iter().cloned());
        json!({ "bool": { "must": text, "filter": filter } })
    }

    async fn page(
        &self,
        request: &SearchRequest,
        filters: &Filters,
        query: &Value,
        tree: &Tree,
        node: Option<usize>,
    ) -> Result<Reply, Problem> {
        let mut aggs = Map::new();
        aggs.insert("matched".into(), json!({ "filter": { "match_all": {} } }));
        if request.facets {
            counts::ask(&mut aggs, filters, tree, node, request);
        }
        let newest = json!({ "newest": "desc" });
        let sort = match request.sort {
            Sort::Relevance if request.q.trim().is_empty() => json!([newest]),
            Sort::Relevance => json!(["_score", newest]),
            Sort::Newest => json!([newest]),
            Sort::PriceAsc => json!([{ "price": "asc" }, newest]),
            Sort::PriceDesc => json!([{ "price": "desc" }, newest]),
            Sort::Title => json!([{ "title_key": "asc" }, newest]),
        };
        self.ask(json!({
            "query": query,
            "post_filter": filters.but(None),
            "sort": sort,
            "from": request.offset,
            "size": request.limit,
            "track_total_hits": true,
            "aggs": aggs,
        }))
        .await
    }

    /// For each query whether it finds anything that is live.
    pub(crate) async fn any(&self, queries: &[Value]) -> Result<Vec<bool>, Problem> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let named = |(at, query): (usize, &Value)| (at.to_string(), json!({ "filter": query }));
        let aggs: Map<String, Value> = queries.iter().enumerate().map(named).collect();
        let live = json!({ "bool": { "filter": { "term": { "live": true } } } });
        let reply = self.ask(json!({ "size": 0, "query": live, "aggs": aggs })).await?;
        let any = |at: usize| reply.aggregations.get(&at.to_string()).is_some_and(|agg| agg["doc_count"] != 0);
        Ok((0..queries.len()).map(any).collect())
    }

    /// One request.
    pub(crate) async fn ask(&self, body: Value) -> Result<Reply, Problem> {
        let timeout = self.cx.time_left().map_or(TIMEOUT, |left| left.min(TIMEOUT));
        // All of it or nothing: a page of what the reachable shards have would look like the truth.
        let path = format!(
            "/{}/_search?allow_partial_search_results=false&filter_path=hits.total,hits.hits._source,aggregations",
            self.indices.name
        );
        let reply = self.indices.nodes.send(Method::POST, &path, body.to_string(), timeout).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Err(unavailable("there is no index yet"));
        }
        let mut reply: Value = reply.json()?;
        // Left out by the path when there are none.
        if let Some(hits) = reply["hits"].as_object_mut() {
            hits.entry("hits").or_insert_with(|| json!([]));
        }
        if reply["hits"]["total"].is_null() {
            reply["hits"] = json!({ "total": { "value": 0 }, "hits": reply["hits"]["hits"] });
        }
        serde_json::from_value(reply).map_err(Problem::internal)
    }
}

impl Reply {
    /// Matches before filters.
    fn matched(&self) -> u64 {
        self.aggregations.get("matched").and_then(|agg| agg["doc_count"].as_u64()).unwrap_or(0)
    }
}
