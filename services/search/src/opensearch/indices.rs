//! Indices and aliases of a shop: `<name>-1`, `<name>-2`, ...; searches read the one behind the alias `<name>`, and while a
//! new one is built it stands behind `<name>-next`.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use souk_kernel::Problem;

use super::client::{Nodes, unavailable};
use super::mapping;

/// Longest wait for a change of an index: the cluster's nodes agree on it.
const CHANGE: Duration = Duration::from_secs(30);
/// Longest wait for a look.
const LOOK: Duration = Duration::from_secs(5);

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IndexSet {
    /// The index that is searched.
    pub(crate) live: Option<String>,
    /// The one being built.
    pub(crate) next: Option<String>,
    /// All, those without an alias included.
    pub(crate) all: Vec<String>,
}

impl IndexSet {
    /// Indices that events go to.
    pub(crate) fn written(&self) -> Vec<&str> {
        self.live.iter().chain(&self.next).map(String::as_str).collect()
    }
}

/// The indices of one name.
pub(crate) struct Indices {
    pub(crate) nodes: Nodes,
    /// The alias; names of indices begin with it.
    pub(crate) name: String,
    /// Of fields, documents and terms.
    pub(crate) format: String,
}

#[derive(Deserialize)]
struct Aliases {
    aliases: BTreeMap<String, Value>,
}

impl Indices {
    /// The alias of the index being built.
    pub(crate) fn next_alias(&self) -> String {
        format!("{}-next", self.name)
    }

    /// What there is.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn list(&self) -> Result<IndexSet, Problem> {
        let path = format!("/{}-*/_alias", self.name);
        let reply = self.nodes.send(Method::GET, &path, "", LOOK).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(IndexSet::default());
        }
        let mut indices = IndexSet::default();
        for (index, Aliases { aliases }) in reply.json::<BTreeMap<String, Aliases>>()? {
            // A shop called `souk-products-old` beside `souk-products` is another one.
            if self.number(&index).is_none() {
                continue;
            }
            if aliases.contains_key(&self.name) {
                indices.live = Some(index.clone());
            } else if aliases.contains_key(&self.next_alias()) {
                indices.next = Some(index.clone());
            }
            indices.all.push(index);
        }
        Ok(indices)
    }

    /// The number of an index of ours.
    fn number(&self, index: &str) -> Option<u64> {
        index.strip_prefix(&self.name)?.strip_prefix('-')?.parse().ok()
    }

    /// Makes an empty one behind the alias of the next.
    ///
    /// # Errors
    /// Unavailable; internal when it is refused, as when it is there already.
    pub(crate) async fn create(&self, indices: &IndexSet, database: &str) -> Result<String, Problem> {
        let last = indices.all.iter().filter_map(|index| self.number(index)).max().unwrap_or(0);
        let index = format!("{}-{}", self.name, last + 1);
        let body = mapping::index(&self.format, database, &self.next_alias()).to_string();
        self.nodes.send(Method::PUT, &format!("/{index}"), body, CHANGE).await?.done()?;
        Ok(index)
    }

    /// Makes `next` the one that is searched, in one step.
    ///
    /// # Errors
    /// Unavailable; internal when `next` is no longer the one being built.
    pub(crate) async fn swap(&self, next: &str, live: Option<&str>) -> Result<(), Problem> {
        let mut actions = vec![
            json!({ "remove": { "index": next, "alias": self.next_alias(), "must_exist": true } }),
            json!({ "add": { "index": next, "alias": self.name } }),
        ];
        if let Some(live) = live {
            actions.push(json!({ "remove": { "index": live, "alias": self.name } }));
        }
        let body = json!({ "actions": actions }).to_string();
        self.nodes.send(Method::POST, "/_aliases", body, CHANGE).await?.done()
    }

    /// Takes an index away, if it is there.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn delete(&self, index: &str) -> Result<(), Problem> {
        let path = format!("/{index}?ignore_unavailable=true");
        self.nodes.send(Method::DELETE, &path, "", CHANGE).await?.done()
    }

    /// Makes everything written findable.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn refresh(&self, index: &str) -> Result<(), Problem> {
        self.nodes.send(Method::POST, &format!("/{index}/_refresh"), "", CHANGE).await?.done()
    }

    /// Documents in an index or behind an alias: those that are found, or stones too.
    ///
    /// # Errors
    /// Unavailable, also when there is no such index.
    pub(crate) async fn count(&self, index: &str, stones: bool) -> Result<u64, Problem> {
        #[derive(Deserialize)]
        struct Count {
            count: u64,
        }
        let query = match stones {
            true => json!({ "query": { "match_all": {} } }),
            false => json!({ "query": { "term": { "live": true } } }),
        };
        let reply = self.nodes.send(Method::POST, &format!("/{index}/_count"), query.to_string(), LOOK).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Err(unavailable("there is no index yet"));
        }
        Ok(reply.json::<Count>()?.count)
    }

    /// True when an index holds documents of this format and database, none of them read later than `reading`: else the
    /// database was restored to an earlier moment.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn is_ours(&self, index: &str, database: &str, reading: i64) -> Result<bool, Problem> {
        let reply = self.nodes.send(Method::GET, &format!("/{index}/_mapping"), "", LOOK).await?.json::<Value>()?;
        if reply[index]["mappings"]["_meta"] != mapping::meta(&self.format, database) {
            return Ok(false);
        }
        let newest = json!({ "size": 0, "aggs": { "newest": { "max": { "field": "reading" } } } });
        let reply = self.nodes.send(Method::POST, &format!("/{index}/_search"), newest.to_string(), LOOK).await?;
        let newest = reply.json::<Value>()?["aggregations"]["newest"]["value"].as_f64().unwrap_or(0.0);
        // Readings are far below where floats lose units.
        Ok(newest <= reading as f64)
    }
}
