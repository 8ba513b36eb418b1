//! Duplicate detection in a large file by fingerprints: hashes instead of text, with a limit, so that memory does not grow with the
//! width of rows.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use crate::limits;

/// Names that have been used in a file.
#[derive(Default)]
pub(crate) struct SeenNames(HashSet<u64>);

impl SeenNames {
    pub(crate) fn knows(&self, print: u64) -> bool {
        self.0.contains(&print)
    }

    /// Notes a name. False when there are too many.
    pub(crate) fn note(&mut self, print: u64) -> bool {
        if self.0.len() >= limits::FINGERPRINTS {
            return false;
        }
        self.0.insert(print);
        true
    }
}

/// 64 bits of a name within its kind: among ten million names a clash in one of 400,000 files. Only kept while a file
/// is read, so the standard library may change how it hashes.
pub(crate) fn fingerprint(kind: &str, parts: &[&str]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    (kind, parts).hash(&mut hasher);
    hasher.finish()
}
