//! Where the search index is.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use souk_search::{IndexConfig, OpenSearchConfig};
use souk_tls::{TlsError, TrustRoots};

use crate::database::without_password;

/// The search index. The same for all processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    /// Nodes of an OpenSearch cluster, `https://[user:password@]host:port` or `http://`; none: each search process has an
    /// index of its own.
    pub opensearch: Vec<String>,
    /// PEM of authorities that are believed beside those that the system knows.
    pub ca_file: Option<PathBuf>,
    /// Name of the index there: shops that share a cluster differ in it.
    pub index: String,
}

impl Default for Search {
    fn default() -> Self {
        Self { opensearch: Vec::new(), ca_file: None, index: "souk-products".into() }
    }
}

impl Search {
    /// The index in OpenSearch.
    ///
    /// # Errors
    /// Nobody could vouch for its servers.
    pub fn shared(&self) -> Result<IndexConfig, TlsError> {
        let (urls, name, trust_roots) = (self.opensearch.clone(), self.index.clone(), self.trust_roots()?);
        Ok(IndexConfig::OpenSearch(OpenSearchConfig { urls, trust_roots, name }))
    }

    fn trust_roots(&self) -> Result<TrustRoots, TlsError> {
        let https = self.opensearch.iter().any(|url| url.starts_with("https:"));
        match &self.ca_file {
            None if !https => Ok(TrustRoots::none()),
            file => TrustRoots::with_file(file.as_deref())?.required(),
        }
    }

    /// Says what cannot work, by key.
    pub(super) fn check(&self, mut wrong: impl FnMut(&str, String)) {
        for url in &self.opensearch {
            if let Err(reason) = souk_search::check_url(url) {
                wrong("search.opensearch", format!("{:?} {reason}", without_password(url)));
            }
        }
        if let Err(error) = self.trust_roots() {
            wrong("search.ca_file", error.to_string());
        }
        let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-".contains(letter);
        let begins = self.index.starts_with(|letter: char| letter.is_ascii_lowercase());
        if !begins || self.index.len() > 100 || !self.index.chars().all(allowed) {
            let reason = "must be 1 to 100 small letters, digits, dashes and underscores, a letter first";
            wrong("search.index", reason.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, tests::keys};

    #[test]
    fn nodes_of_opensearch_are_addresses_and_their_passwords_not_shown() {
        let mut config = Config::default();
        config.search.opensearch = vec!["http://souk:s3cret@search-1:9200".into(), "ftp://u:s3cret@search-2".into()];
        config.search.index = "Souk".into();
        assert_eq!(keys(&config), ["search.opensearch", "search.index"]);
        assert_eq!(config.redacted().search.opensearch[0], "http://souk:***@search-1:9200");
        assert!(!config.check().iter().any(|complaint| complaint.reason.contains("s3cret")));
        config.search = Search {
            opensearch: vec!["https://search-1:9200".into()],
            ca_file: Some("/nowhere/ca.pem".into()),
            ..Search::default()
        };
        assert_eq!(keys(&config), ["search.ca_file"]);
    }
}
