//! Outlier and duplicate detection in a large file: prices that stand far from their product, and fingerprints that find
//! doubles. Both hold hashes instead of text and have a limit, so that memory does not grow with the width of rows.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use crate::limits;

/// A price in minor units of the wanted currency.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenPrice {
    pub(crate) price: i64,
    pub(crate) compare_at: Option<i64>,
}

/// Prices in the wanted currency of a file that mixes currencies, by product and SKU, and whether a variant has taken
/// them.
#[derive(Default)]
pub(crate) struct SeenPrices(HashMap<u64, (SeenPrice, Cell<bool>)>);

impl SeenPrices {
    /// What a variant is known by.
    pub(crate) fn key(group: &str, sku: &str) -> u64 {
        fingerprint("price", &[group, sku])
    }

    /// Notes a price; the first one counts. False when there are too many.
    pub(crate) fn note(&mut self, key: u64, price: SeenPrice) -> bool {
        if self.0.len() >= limits::PRICE_ROWS {
            return false;
        }
        self.0.entry(key).or_insert((price, Cell::new(false)));
        true
    }

    /// A price for a variant that names another currency.
    pub(crate) fn take(&self, key: u64) -> Option<SeenPrice> {
        let (price, taken) = self.0.get(&key)?;
        taken.set(true);
        Some(*price)
    }

    /// True when a variant has that price.
    pub(crate) fn is_taken(&self, key: u64) -> bool {
        self.0.get(&key).is_some_and(|(_, taken)| taken.get())
    }

    pub(crate) fn knows(&self, key: u64) -> bool {
        self.0.contains_key(&key)
    }
}

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
