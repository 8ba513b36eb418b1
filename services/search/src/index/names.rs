//! String interning: brands, categories and attribute values are counted as numbers that are the same in all segments, and
//! become texts again only for what is shown.

use std::collections::HashMap;
use std::sync::Arc;

use super::document::split_term;

/// No name.
pub const NONE: u32 = u32::MAX;

/// Numbers given so far. Numbers are never taken back, so what was numbered stays valid.
#[derive(Clone, Default)]
pub struct Names {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Names {
    /// The number of `text`, a new one if it has none.
    pub fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(NONE);
        let text: Arc<str> = text.into();
        self.texts.push(text.clone());
        self.numbers.insert(text, number);
        number
    }

    /// The number of `text`, if it has one.
    pub fn find(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// All texts in the order of their numbers.
    pub fn texts(&self) -> &[Arc<str>] {
        &self.texts
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }
}

/// Numbers of the attribute values that are facets somewhere.
#[derive(Clone, Default)]
pub struct AttributeNames {
    /// Attribute keys that are facets in some category, with a label.
    keys: Vec<(Arc<str>, Arc<str>)>,
    by_key: HashMap<Arc<str>, u16>,
    values: Names,
    key_of: Vec<u16>,
}

impl AttributeNames {
    /// Ready to number values of these keys (with their labels). Keys beyond 65,535 are no facets.
    pub fn new(keys: Vec<(Arc<str>, Arc<str>)>) -> Self {
        let by_key = (0u16..).zip(&keys).map(|(number, (key, _))| (key.clone(), number)).collect();
        Self { keys, by_key, values: Names::default(), key_of: Vec::new() }
    }

    /// True when these are the keys.
    pub fn has_keys(&self, keys: &[(Arc<str>, Arc<str>)]) -> bool {
        self.keys == keys
    }

    /// The number of an attribute's term; none when its key is no facet.
    pub fn number(&mut self, term: &str) -> u32 {
        let Some(key) = split_term(term).and_then(|(key, _)| self.by_key.get(key)) else { return NONE };
        let number = self.values.number(term);
        if number as usize == self.key_of.len() {
            self.key_of.push(*key);
        }
        number
    }

    /// The number of an attribute's term, if it has one.
    pub fn find(&self, term: &str) -> Option<u32> {
        self.values.find(term)
    }

    /// The number of a key, if it is a facet.
    pub fn key(&self, key: &str) -> Option<u16> {
        self.by_key.get(key).copied()
    }

    /// Numbers of the keys of all values, in the order of the values' numbers.
    pub fn keys_of_values(&self) -> &[u16] {
        &self.key_of
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.key_of.len()
    }

    /// Keys with labels, ascending, in the order of their numbers.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.keys.iter().map(|(key, label)| (&**key, &**label))
    }

    /// The value with this number, without its key.
    pub fn value(&self, number: u32) -> &str {
        self.values.texts().get(number as usize).and_then(|term| split_term(term)).map_or("", |(_, value)| value)
    }
}
