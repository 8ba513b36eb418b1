//! Directory of the index. It holds nothing that the catalogue does not: whatever is wrong with it, a new one is built, and
//! no operator has to be asked.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use souk_bus::OutboxOffset;
use tantivy::store::Compressor;
use tantivy::{Index, IndexSettings};

use super::schema::{fields, format, register};
use crate::text::Analyzer;

/// Bytes of a block of stored hits: few hits, so that reading one copies little; not compressed for the same reason.
const STORE_BLOCK: usize = 2_048;
/// Name of our directory inside the one we are given: only this one is ever deleted.
const DIRECTORY: &str = "products";

/// Written with each commit: what the documents of this commit reflect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Format of documents and terms ([`format`]).
    pub format: String,
    /// Which database they are from.
    pub database: String,
    /// How far each owner's log is reflected. None while a new index is being built: such a one is not complete.
    pub cursors: Option<BTreeMap<String, OutboxOffset>>,
}

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be used.
    #[error("the index directory {path}: {error}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A new index cannot be made.
    #[error("the search index: {0}")]
    Index(#[from] tantivy::TantivyError),
}

/// The index in its directory.
pub struct Storage {
    /// The index.
    pub index: Index,
    /// What its last commit reflects; none for a new one.
    pub payload: Option<Payload>,
}

impl Storage {
    /// Opens the index below `directory`, or makes an empty one when there is none, it is damaged, or of another format (also when the
    /// shop's languages are others).
    ///
    /// # Errors
    /// [`OpenError`] when not even an empty one can be made.
    pub fn open(directory: &Path, analyzer: &Analyzer) -> Result<Self, OpenError> {
        let path = directory.join(DIRECTORY);
        let unusable = |error| OpenError::Directory { path: path.clone(), error };
        if path.exists() {
            match Self::existing(&path, analyzer) {
                Ok(storage) => return Ok(storage),
                Err(reason) => {
                    tracing::warn!(path = %path.display(), reason, "the search index is built anew");
                    std::fs::remove_dir_all(&path).map_err(unusable)?;
                }
            }
        }
        std::fs::create_dir_all(&path).map_err(unusable)?;
        let settings = IndexSettings {
            docstore_compression: Compressor::None,
            docstore_compress_dedicated_thread: false,
            docstore_blocksize: STORE_BLOCK,
            ..IndexSettings::default()
        };
        let index = Index::builder().schema(fields().0.clone()).settings(settings).create_in_dir(&path)?;
        register(&index, analyzer);
        Ok(Self { index, payload: None })
    }

    fn existing(path: &Path, analyzer: &Analyzer) -> Result<Self, String> {
        let index = Index::open_in_dir(path).map_err(|error| format!("it cannot be opened: {error}"))?;
        if index.schema() != fields().0 {
            return Err("it has other fields".into());
        }
        let damaged = index.validate_checksum().map_err(|error| format!("it cannot be read: {error}"))?;
        if let Some(file) = damaged.iter().next() {
            return Err(format!("{} is damaged", file.display()));
        }
        let metas = index.load_metas().map_err(|error| format!("it cannot be read: {error}"))?;
        let payload = match metas.payload.as_deref().map(serde_json::from_str::<Payload>) {
            None => None,
            Some(Ok(payload)) if payload.format == format(analyzer) => Some(payload),
            Some(_) => return Err("it is of another format".into()),
        };
        if payload.is_none() && !metas.segments.is_empty() {
            return Err("it does not say what it reflects".into());
        }
        register(&index, analyzer);
        Ok(Self { index, payload })
    }
}
