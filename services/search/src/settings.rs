//! Section `search` of the configuration: where the index is.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use souk_kernel::without_password;
use souk_tls::{TlsError, TrustRoots};

use crate::{IndexConfig, Language, Languages, OpenSearchConfig, check_url};

/// The search index. The same for all processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchSettings {
    /// Nodes of an OpenSearch cluster, `https://[user:password@]host:port` or `http://`; none: each search process has an
    /// index of its own.
    pub opensearch: Vec<String>,
    /// PEM of authorities that are believed beside those that the system knows.
    pub ca_file: Option<PathBuf>,
    /// Name of the index there: shops that share a cluster differ in it.
    pub index: String,
    /// Languages that products are described in, the most important first (`["de", "en"]`); none: that of the shop's country,
    /// and English. Another choice builds the index anew.
    pub languages: Vec<Language>,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self { opensearch: Vec::new(), ca_file: None, index: "souk-products".into(), languages: Vec::new() }
    }
}

impl SearchSettings {
    /// The index in OpenSearch.
    ///
    /// # Errors
    /// No trust root could vouch for its servers.
    pub fn shared(&self) -> Result<IndexConfig, TlsError> {
        let (urls, name, trust_roots) = (self.opensearch.clone(), self.index.clone(), self.trust_roots()?);
        Ok(IndexConfig::OpenSearch(OpenSearchConfig { urls, trust_roots, name }))
    }

    /// The languages of a shop in this country.
    pub fn languages(&self, country: &str) -> Languages {
        match self.languages.as_slice() {
            [] => Languages::of_country(country),
            languages => Languages::new(languages),
        }
    }

    fn trust_roots(&self) -> Result<TrustRoots, TlsError> {
        let https = self.opensearch.iter().any(|url| url.starts_with("https:"));
        match &self.ca_file {
            None if !https => Ok(TrustRoots::none()),
            file => TrustRoots::with_file(file.as_deref())?.required(),
        }
    }

    /// Says what cannot work, by key.
    pub fn check(&self, mut wrong: impl FnMut(&str, String)) {
        for url in &self.opensearch {
            if let Err(reason) = check_url(url) {
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
