//! Errors of reading: lines that cannot be taken, and what keeps a whole file from being read.

use serde::Serialize;
use souk_kernel::Problem;

use crate::draft::{Defect, clip};

/// What is wrong with a line, or with the lines of a product: it cannot be taken, or it is taken without a detail. Everything else
/// in the file is not touched by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// First line, counted from 1.
    pub line: u64,
    /// Last line.
    pub end_line: u64,
    /// The source's id of the product, when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Stable and machine readable: `missing_price`.
    pub code: &'static str,
    /// A sentence for people.
    pub reason: String,
}

impl Finding {
    /// A defect found on these lines.
    pub fn new(line: u64, end_line: u64, external_id: Option<&str>, defect: Defect) -> Self {
        let Defect { code, reason } = defect;
        Self { line, end_line, external_id: external_id.map(clip), code, reason }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.end_line {
            end if end > self.line => write!(f, "lines {}-{end}", self.line)?,
            _ => write!(f, "line {}", self.line)?,
        }
        if let Some(id) = &self.external_id {
            write!(f, " ({id})")?;
        }
        write!(f, ": {} [{}]", self.reason, self.code)
    }
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The file is missing, unreadable or no valid gzip.
    #[error("cannot read the file: {0}")]
    Io(#[from] std::io::Error),
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Another kind of file.
    #[error("this is {0}, not a table of products")]
    NotATable(String),
    /// No format that is recognised by itself.
    #[error("{0}: say what its columns mean with --mapping FILE.toml (`souk import suggest` writes one to start from)")]
    Unrecognised(String),
    /// The file's beginning contradicts its format.
    #[error("{0}")]
    Format(String),
    /// The mapping names columns that the file does not have.
    #[error("the mapping does not fit the file: {0}")]
    MissingColumns(String),
    /// The mapping is wrong.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// Prices without a currency.
    #[error("the file does not say which currency its prices are in: give one with --currency")]
    CurrencyNeeded,
}

/// What is wrong with a mapping file: which key, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("mapping: {key}: {reason}")]
pub struct MappingError {
    /// Path of the key, `product.title[1].from`.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

impl MappingError {
    /// This key is wrong for this reason.
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        let code = match &error {
            FeedError::Io(_) => "feed_unreadable",
            FeedError::Empty => "feed_empty",
            FeedError::NotATable(_) => "feed_not_a_table",
            FeedError::Unrecognised(_) => "feed_unrecognised",
            FeedError::Format(_) => "feed_format",
            FeedError::MissingColumns(_) => "feed_missing_columns",
            FeedError::Mapping(_) => "feed_mapping",
            FeedError::CurrencyNeeded => "feed_currency_needed",
        };
        Problem::invalid(code, error.to_string())
    }
}
