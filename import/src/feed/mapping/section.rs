//! Reader of one table of a mapping file, key by key: wrong types name their key, and an unknown key is an error that lists
//! what could have been meant.

use std::ops::RangeInclusive;

use crate::feed::error::MappingError;

/// One table, and where it stands.
pub(super) struct Section {
    path: String,
    table: toml::Table,
    asked: Vec<&'static str>,
}

impl Section {
    pub(super) fn new(path: impl Into<String>, table: toml::Table) -> Self {
        Self { path: path.into(), table, asked: Vec::new() }
    }

    /// `product.title` for `title` in `product`.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn error(&self, key: &str, reason: impl Into<String>) -> MappingError {
        MappingError::new(self.path(key), reason)
    }

    /// A value as it stands.
    pub(super) fn take(&mut self, key: &'static str) -> Option<toml::Value> {
        self.asked.push(key);
        self.table.remove(key)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, MappingError> {
        match self.take(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.error(key, format!("a text is wanted, not {}", kind(&other)))),
        }
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Result<bool, MappingError> {
        match self.take(key) {
            None => Ok(false),
            Some(toml::Value::Boolean(flag)) => Ok(flag),
            Some(other) => Err(self.error(key, format!("true or false is wanted, not {}", kind(&other)))),
        }
    }

    /// A list of texts; one text stands for a list of one.
    pub(super) fn texts(&mut self, key: &'static str) -> Result<Vec<String>, MappingError> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(value) => texts(&self.path(key), value),
        }
    }

    /// Lists of texts; one list stands for a list of one.
    pub(super) fn text_lists(&mut self, key: &'static str) -> Result<Vec<Vec<String>>, MappingError> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(toml::Value::Array(items)) if items.iter().any(toml::Value::is_array) => {
                let list = |(i, item)| texts(&format!("{}[{i}]", self.path(key)), item);
                items.into_iter().enumerate().map(list).collect()
            }
            Some(value) => texts(&self.path(key), value).map(|list| vec![list]),
        }
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        within: RangeInclusive<i64>,
    ) -> Result<Option<i64>, MappingError> {
        match self.take(key) {
            None => Ok(None),
            Some(toml::Value::Integer(number)) if within.contains(&number) => Ok(Some(number)),
            Some(_) => {
                let reason = format!("a whole number from {} to {} is wanted", within.start(), within.end());
                Err(self.error(key, reason))
            }
        }
    }

    /// What is left of the table as lists of texts by their keys.
    pub(super) fn lists(&mut self) -> Result<Vec<(String, Vec<String>)>, MappingError> {
        let table = std::mem::take(&mut self.table);
        table.into_iter().map(|(key, value)| Ok((key.clone(), texts(&self.path(&key), value)?))).collect()
    }

    /// A table; missing is empty.
    pub(super) fn section(&mut self, key: &'static str) -> Result<Section, MappingError> {
        match self.take(key) {
            None => Ok(Section::new(self.path(key), toml::Table::new())),
            Some(value) => table(&self.path(key), value).map(|table| Section::new(self.path(key), table)),
        }
    }

    /// A list of tables, `[[category.rule]]`.
    pub(super) fn sections(&mut self, key: &'static str) -> Result<Vec<Section>, MappingError> {
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let toml::Value::Array(items) = value else {
            return Err(self.error(key, format!("a list of tables is wanted, not {}", kind(&value))));
        };
        let mut sections = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            let path = format!("{}[{i}]", self.path(key));
            sections.push(Section::new(path.clone(), table(&path, item)?));
        }
        Ok(sections)
    }

    /// A table of texts, `[attributes.units]`.
    pub(super) fn pairs(&mut self, key: &'static str) -> Result<Vec<(String, String)>, MappingError> {
        let section = self.section(key)?;
        let mut pairs = Vec::new();
        for (name, value) in section.table {
            match value {
                toml::Value::String(text) => pairs.push((name, text)),
                other => {
                    let path = format!("{}.{name}", section.path);
                    return Err(MappingError::new(path, format!("a text is wanted, not {}", kind(&other))));
                }
            }
        }
        Ok(pairs)
    }

    /// What is left is a mistake.
    pub(super) fn finish(mut self) -> Result<(), MappingError> {
        let Some(unknown) = self.table.keys().next().cloned() else { return Ok(()) };
        self.asked.sort_unstable();
        self.asked.dedup();
        Err(self.error(&unknown, format!("unknown key; known here: {}", self.asked.join(", "))))
    }
}

/// A value that must be a table.
pub(super) fn table(path: &str, value: toml::Value) -> Result<toml::Table, MappingError> {
    match value {
        toml::Value::Table(table) => Ok(table),
        other => Err(MappingError::new(path, format!("a table is wanted, not {}", kind(&other)))),
    }
}

/// A value that must be a text or a list of texts.
pub(super) fn texts(path: &str, value: toml::Value) -> Result<Vec<String>, MappingError> {
    match value {
        toml::Value::String(text) => Ok(vec![text]),
        toml::Value::Array(items) => {
            let mut texts = Vec::with_capacity(items.len());
            for (i, item) in items.into_iter().enumerate() {
                match item {
                    toml::Value::String(text) => texts.push(text),
                    other => {
                        let reason = format!("a text is wanted, not {}", kind(&other));
                        return Err(MappingError::new(format!("{path}[{i}]"), reason));
                    }
                }
            }
            Ok(texts)
        }
        other => Err(MappingError::new(path, format!("a text or a list of texts is wanted, not {}", kind(&other)))),
    }
}

/// What a value is, for people.
pub(super) fn kind(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::String(_) => "a text",
        toml::Value::Integer(_) | toml::Value::Float(_) => "a number",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Datetime(_) => "a date",
        toml::Value::Array(_) => "a list",
        toml::Value::Table(_) => "a table",
    }
}
