//! OpenSearch, with the modules that Souk's index needs.

use souk_engines::OpenSearch;

use crate::{HUNG, http};

const INDEX: &str = r#"{
    "settings": {"number_of_replicas": 0, "analysis": {
        "filter": {"start": {"type": "edge_ngram", "min_gram": 1, "max_gram": 10}},
        "analyzer": {"start": {"tokenizer": "standard", "filter": ["lowercase", "asciifolding", "start"]}}}},
    "mappings": {"properties": {
        "title": {"type": "text", "analyzer": "english"}, "begin": {"type": "text", "analyzer": "start"},
        "brand": {"type": "keyword"}, "sold": {"type": "rank_feature"}}}}"#;
const SHOE: &str = r#"{"title": "Running shoes", "begin": "Café", "brand": "Ada", "sold": 3}"#;
const SEARCH: &str = r#"{"query": {"script_score": {"query": {"match": {"title": "run"}}, "script": {"source": "_score + 1"}}},
    "aggs": {"brands": {"terms": {"field": "brand"}}}}"#;

#[tokio::test]
async fn it_indexes_hangs_dies_and_comes_back_with_its_data() {
    let opensearch = OpenSearch::start().await.unwrap();
    let url = opensearch.url();
    let (_, about) = http(&url, "GET", "/", "").await.unwrap();
    assert!(about.contains("\"number\" : \"2.19."), "{about}");
    // Analysis, scripts, facets, features and the copying of indices come from modules.
    assert_eq!(http(&url, "PUT", "/products", INDEX).await.unwrap().0, 200);
    let versioned = "/products/_doc/1?version=7&version_type=external&refresh=true";
    assert_eq!(http(&url, "PUT", versioned, SHOE).await.unwrap().0, 201);
    assert_eq!(http(&url, "PUT", versioned, SHOE).await.unwrap().0, 409, "the same version again");
    let copy = r#"{"source": {"index": "products"}, "dest": {"index": "copy"}}"#;
    assert_eq!(http(&url, "POST", "/_reindex?refresh=true", copy).await.unwrap().0, 200);
    let (status, found) = http(&url, "POST", "/products/_search", SEARCH).await.unwrap();
    assert!(status == 200 && found.contains(r#""key":"Ada","doc_count":1"#), "{found}");

    opensearch.pause().unwrap();
    assert!(tokio::time::timeout(HUNG, http(&url, "GET", "/", "")).await.is_err(), "hung, not gone");
    opensearch.resume().unwrap();
    assert_eq!(http(&url, "GET", "/copy/_count", "").await.unwrap().0, 200);

    opensearch.kill();
    assert!(http(&url, "GET", "/", "").await.is_err());
    opensearch.restart().await.unwrap();
    let (status, found) = http(&url, "POST", "/products/_search", SEARCH).await.unwrap();
    assert!(status == 200 && found.contains(r#""key":"Ada","doc_count":1"#), "{found}");
}
