//! Index mapping: what the index is told about its fields, and how a document is written. Words are analysed here, not
//! there: both engines hold the very same terms, and no server needs a plugin.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use souk_search_api::{MAX_OFFSET, MAX_PAGE};

use crate::index::{self, Document, split_term};
use crate::text::Analyzer;

/// What an index says it reflects, in its `_meta`.
pub(crate) fn meta(format: &str, database: &str) -> Value {
    json!({ "souk": { "format": format, "database": database } })
}

/// Changes with fields, documents and terms: an index of another format is built anew.
pub(crate) fn format(analyzer: &Analyzer) -> String {
    let body = format!("{} {} {}", index::format(analyzer), settings(), properties());
    blake3::hash(body.as_bytes()).to_hex()[..16].to_owned()
}

/// Numbers of shards and replicas are the operator's, by an index template of their own.
fn settings() -> Value {
    json!({ "index": {
        // Said, so that a quiet index is refreshed too: what was changed is found within a second.
        "refresh_interval": "1s",
        "max_result_window": MAX_OFFSET + MAX_PAGE,
    } })
}

fn properties() -> Value {
    let words = |norms: bool, options: &str| json!({ "type": "text", "analyzer": "whitespace", "norms": norms, "index_options": options });
    json!({
        // A rich description is no fault: length does not count against a product here, only in its title.
        "all": words(false, "positions"),
        "title": words(true, "freqs"),
        "strong": words(false, "freqs"),
        "attribute": { "type": "keyword" },
        "attribute_key": { "type": "keyword" },
        "brand": { "type": "keyword" },
        "category": { "type": "keyword" },
        "price": { "type": "long" },
        "available": { "type": "boolean" },
        "newest": { "type": "long" },
        "title_key": { "type": "keyword" },
        "live": { "type": "boolean" },
        "reading": { "type": "long" },
        "hit": { "type": "object", "enabled": false },
    })
}

/// The body that makes an index, under one alias.
pub(crate) fn index(format: &str, database: &str, alias: &str) -> Value {
    json!({
        "settings": settings(),
        "mappings": {
            "dynamic": "strict",
            // Everything else is made of the catalogue again when it is needed.
            "_source": { "includes": ["hit"] },
            "_meta": meta(format, database),
            "properties": properties(),
        },
        "aliases": { alias: {} },
    })
}

/// A document as it is sent. What buyers no longer find stays as a stone with its version, so that nothing older comes
/// back; the next new index is without it.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Sent<'a> {
    /// A product.
    Live(Box<Live<'a>>),
    /// What was one.
    Gone { live: bool, reading: i64 },
}

/// A product that buyers find.
#[derive(Serialize)]
pub(crate) struct Live<'a> {
    live: bool,
    reading: i64,
    all: Vec<String>,
    title: String,
    strong: String,
    attribute: &'a [String],
    attribute_key: Vec<&'a str>,
    brand: Option<&'a str>,
    category: Option<&'a str>,
    price: u64,
    available: bool,
    newest: u64,
    title_key: &'a str,
    hit: &'a RawValue,
}

impl<'a> Sent<'a> {
    /// The document of a reading; none: buyers do not find the product.
    ///
    /// # Errors
    /// When the hit is no JSON.
    pub(crate) fn new(document: Option<&'a Document>, analyzer: &Analyzer, reading: i64) -> serde_json::Result<Self> {
        let Some(document) = document else { return Ok(Sent::Gone { live: false, reading }) };
        let terms = |text: &str| analyzer.terms(text).into_iter().map(|term| term.text);
        let mut all = Vec::with_capacity(document.all.len() + 1);
        let mut extra = Vec::new();
        for text in &document.all {
            let (more, plain): (Vec<_>, Vec<_>) = analyzer.terms(text).into_iter().partition(|term| term.extra);
            extra.extend(more.into_iter().map(|term| term.text));
            all.push(plain.into_iter().map(|term| term.text).collect::<Vec<_>>().join(" "));
        }
        // Apart, so that between the words of a phrase there is nothing else; and from each other, so that they make none.
        all.append(&mut extra);
        all.retain(|text| !text.is_empty());
        let mut attribute_key: Vec<&str> =
            document.attributes.iter().filter_map(|term| Some(split_term(term)?.0)).collect();
        attribute_key.sort_unstable();
        attribute_key.dedup();
        Ok(Sent::Live(Box::new(Live {
            live: true,
            reading,
            all,
            title: terms(&document.title).collect::<Vec<_>>().join(" "),
            strong: document.strong.iter().flat_map(|text| terms(text)).collect::<Vec<_>>().join(" "),
            attribute: &document.attributes,
            attribute_key,
            brand: document.brand.as_deref(),
            category: document.category.as_deref(),
            price: document.price,
            available: document.available,
            newest: document.newest,
            title_key: &document.title_key,
            hit: serde_json::from_slice(&document.hit)?,
        })))
    }
}
