//! Where the search index is.

use serde::{Deserialize, Serialize};
use souk_search::{IndexConfig, OpenSearchConfig};

use crate::database::without_password;

/// The search index. The same for all processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    /// Nodes of an OpenSearch cluster, `http://[user:password@]host:port`; none: each search process has an index of its own.
    pub opensearch: Vec<String>,
    /// Name of the index there: shops that share a cluster differ in it.
    pub index: String,
}

impl Default for Search {
    fn default() -> Self {
        Self { opensearch: Vec::new(), index: "souk-products".into() }
    }
}

impl Search {
    /// The index in OpenSearch.
    pub fn shared(&self) -> IndexConfig {
        IndexConfig::OpenSearch(OpenSearchConfig { urls: self.opensearch.clone(), name: self.index.clone() })
    }

    /// Says what cannot work, by key.
    pub(super) fn check(&self, mut wrong: impl FnMut(&str, String)) {
        for url in &self.opensearch {
            if let Err(reason) = souk_search::check_url(url) {
                wrong("search.opensearch", format!("{:?} {reason}", without_password(url)));
            }
        }
        let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-".contains(letter);
        let begins = self.index.starts_with(|letter: char| letter.is_ascii_lowercase());
        if !begins || self.index.len() > 100 || !self.index.chars().all(allowed) {
            let reason = "must be 1 to 100 small letters, digits, dashes and underscores, a letter first";
            wrong("search.index", reason.into());
        }
    }
}
