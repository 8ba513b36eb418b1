//! Attribute mapping, which columns are attributes and what they are: groups of columns by prefix, single columns, labels,
//! units.

use std::collections::HashMap;
use std::sync::Arc;

use souk_catalog_api::{Attribute, AttributeValue};
use souk_kernel::slugify;

use super::NUMBERED;
use super::pairs::Pairs;
use super::rule::{Rule, affirms};
use super::section::Section;
use crate::draft::{Defect, clip};
use crate::feed::error::MappingError;
use crate::feed::number::{self, DecimalMark, NoNumber};
use crate::feed::record::{Record, Value};
use crate::feed::words;
use crate::limits;
use crate::text;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Bool,
}

/// `[attributes]` of a mapping.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttributeRules {
    prefixes: Vec<(String, Kind)>,
    fields: Vec<Field>,
    /// Columns with the name of an attribute, and those with its value.
    pairs: Vec<(Rule, Rule)>,
    /// Cells with the names and values of attributes.
    lists: Vec<Pairs>,
    skip: Patterns,
    units: HashMap<String, String>,
    labels: HashMap<String, String>,
}

#[derive(Clone, Debug)]
struct Field {
    from: Rule,
    kind: Kind,
    named: Arc<Named>,
}

/// Names of keys, or beginnings of names with a star.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patterns(Vec<String>);

impl Patterns {
    pub(super) fn new(patterns: Vec<String>) -> Self {
        Self(patterns)
    }

    /// True when one of them fits.
    pub(crate) fn fit(&self, key: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => match start.strip_prefix('*') {
                Some(middle) => key.contains(middle),
                None => key.starts_with(start),
            },
            None => pattern.strip_prefix('*').map_or(key == pattern, |end| key.ends_with(end)),
        })
    }
}

/// What a column becomes.
#[derive(Clone, Debug)]
struct Named {
    key: String,
    label: String,
    unit: Option<String>,
}

/// What has been found out about columns: files have the same few thousand in every row.
#[derive(Default)]
pub(crate) struct KnownColumns(HashMap<String, Option<(Kind, Arc<Named>)>>);

/// Columns remembered; beyond that a hostile file only costs time.
const KNOWN_COLUMNS: usize = 50_000;

impl AttributeRules {
    /// The rules of single fields by their keys.
    pub(super) fn rules(&self) -> impl Iterator<Item = (String, &Rule)> {
        self.fields.iter().enumerate().map(|(i, field)| (format!("attributes.field[{i}].from"), &field.from))
    }

    /// The rules for cells that name their attributes themselves.
    pub(super) fn pair_rules(&self) -> impl Iterator<Item = &Rule> {
        let pairs = self.pairs.iter().flat_map(|(name, value)| [name, value]);
        pairs.chain(self.lists.iter().map(|pairs| &pairs.from))
    }

    /// Whether a column is an attribute by its name.
    pub(super) fn is_column(&self, name: &str) -> bool {
        self.prefixes.iter().any(|(prefix, _)| name.starts_with(prefix.as_str()))
    }

    pub(super) fn parse(mut section: Section) -> Result<Self, MappingError> {
        let mut rules = Self::default();
        for (key, kind) in [("text_prefix", Kind::Text), ("number_prefix", Kind::Number), ("bool_prefix", Kind::Bool)] {
            rules.prefixes.extend(section.texts(key)?.into_iter().map(|prefix| (prefix, kind)));
        }
        if rules.prefixes.iter().any(|(prefix, _)| prefix.is_empty()) {
            return Err(section.error("text_prefix", "a prefix is empty"));
        }
        rules.skip = Patterns(section.texts("skip")?);
        rules.units = section.pairs("units")?.into_iter().collect();
        rules.labels = section.pairs("labels")?.into_iter().collect();
        for mut field in section.sections("field")? {
            let Some(from) = Rule::take(&mut field, "from")? else {
                return Err(field.error("from", "is missing"));
            };
            let Some(key) = field.text("key")? else { return Err(field.error("key", "is missing")) };
            if text::attribute_key(&key) != key {
                return Err(field.error("key", format!("{key:?} is not of [a-z0-9_]")));
            }
            let kind = match field.text("type")?.as_deref() {
                None | Some("text") => Kind::Text,
                Some("number") => Kind::Number,
                Some("bool") => Kind::Bool,
                Some(other) => {
                    return Err(field.error("type", format!("text, number or bool is wanted, not {other:?}")));
                }
            };
            let label = field.text("label")?.unwrap_or_else(|| text::label(&key));
            let named = Arc::new(Named { key, label, unit: field.text("unit")? });
            field.finish()?;
            rules.fields.push(Field { from, kind, named });
        }
        for mut pair in section.sections("pair")? {
            if let Some(pairs) = Pairs::take(&mut pair)? {
                pair.finish()?;
                rules.lists.push(pairs);
                continue;
            }
            let Some(name) = Rule::take(&mut pair, "name")? else { return Err(pair.error("name", "is missing")) };
            let Some(value) = Rule::take(&mut pair, "value")? else { return Err(pair.error("value", "is missing")) };
            pair.finish()?;
            match value.is_numbered() {
                true => rules.pairs.extend((1..=NUMBERED).map(|n| (name.numbered(n), value.numbered(n)))),
                false => rules.pairs.push((name, value)),
            }
        }
        section.finish()?;
        Ok(rules)
    }

    /// The attributes of a product: of each column the first row of the product that fills it. Sorted by key. What is not of the
    /// type it should have is left out, and said; what the product's options are (`used`) is no attribute of it.
    pub(crate) fn read(
        &self,
        rows: &[&Record],
        used: &[String],
        known: &mut KnownColumns,
        clean: impl Fn(&str) -> String,
        defects: &mut Vec<Defect>,
    ) -> Vec<Attribute> {
        let mut found: Vec<(Kind, Arc<Named>, AttributeValue)> = Vec::new();
        for field in &self.fields {
            let Some(text) = rows.iter().find_map(|row| field.from.text(row)) else { continue };
            match value(&Value::Text(text), field.kind, &field.named, &clean) {
                Ok(value) => found.extend(value.map(|value| (field.kind, Arc::clone(&field.named), value))),
                Err(defect) => defects.push(defect),
            }
        }
        if let Some(row) = rows.first() {
            let columns = self
                .pairs
                .iter()
                .filter_map(|(name, values)| Some((text::plain_line(&name.text(row)?), values.texts(row).join(", "))));
            let cells = self.lists.iter().flat_map(|pairs| pairs.read(row));
            // A key of a program is no name for people.
            let cells = cells.map(|(name, value)| (text::label(&name), value));
            for (label, value) in columns.chain(cells) {
                let key = slugify(&label).replace('-', "_");
                if key.is_empty() || self.skip.fit(&key) || used.contains(&label) {
                    continue;
                }
                let text = clean(&value);
                if !text.is_empty() {
                    let label = self.labels.get(&key).cloned().unwrap_or(label);
                    let named = Arc::new(Named { key, label, unit: None });
                    found.push((Kind::Text, named, AttributeValue::Text(text)));
                }
            }
        }
        if !self.prefixes.is_empty() {
            for (i, row) in rows.iter().enumerate() {
                for (column, raw) in row.iter() {
                    let Some((kind, named)) = self.named(column, known) else { continue };
                    // Later rows are variants: they add what earlier ones leave empty.
                    if i > 0 && found.iter().any(|(k, n, _)| *k == kind && n.key == named.key) {
                        continue;
                    }
                    match value(raw, kind, &named, &clean) {
                        Ok(value) => found.extend(value.map(|value| (kind, named, value))),
                        Err(defect) => defects.push(defect),
                    }
                }
            }
        }
        settle(found)
    }

    fn named(&self, column: &str, known: &mut KnownColumns) -> Option<(Kind, Arc<Named>)> {
        if let Some(known) = known.0.get(column) {
            return known.clone();
        }
        let named = self.name(column);
        if known.0.len() < KNOWN_COLUMNS {
            known.0.insert(column.to_owned(), named.clone());
        }
        named
    }

    fn name(&self, column: &str) -> Option<(Kind, Arc<Named>)> {
        let (kind, raw) =
            self.prefixes.iter().find_map(|(prefix, kind)| Some((*kind, column.strip_prefix(prefix)?)))?;
        let key = text::attribute_key(raw);
        if key.is_empty() || key.len() > limits::ATTRIBUTE_KEY_CHARS || self.skip.fit(&key) {
            return None;
        }
        let label = self.labels.get(&key).cloned().unwrap_or_else(|| text::label(raw));
        let unit = if kind == Kind::Number { self.units.get(&key).cloned() } else { None };
        Some((kind, Arc::new(Named { key, label, unit })))
    }
}

fn value(
    raw: &Value,
    kind: Kind,
    named: &Named,
    clean: impl Fn(&str) -> String,
) -> Result<Option<AttributeValue>, Defect> {
    let texts = raw.texts();
    let Some(first) = texts.first() else { return Ok(None) };
    let wrong = |what: &str| {
        Defect::new("invalid_attribute", format!("attribute {}: {:?} is not {what}", named.key, clip(first)))
    };
    Ok(match kind {
        Kind::Text => {
            let text = clean(&texts.join(", "));
            (!text.is_empty()).then_some(AttributeValue::Text(text))
        }
        Kind::Number => {
            let exact = matches!(raw, Value::Number(_)).then_some(DecimalMark::Point);
            let value = number::read(first, exact).map_err(|no| match no {
                NoNumber::Other => wrong("a number"),
                NoNumber::Ambiguous => wrong("clear: thousands or decimals?"),
            })?;
            Some(AttributeValue::Number { value: value.to_string(), unit: named.unit.clone() })
        }
        Kind::Bool if !affirms(first) => Some(AttributeValue::Bool(false)),
        Kind::Bool if words::answer(&first.to_lowercase()) == Some(true) => Some(AttributeValue::Bool(true)),
        Kind::Bool => return Err(wrong("true or false")),
    })
}

/// One value per key, sorted. Where a feed has one name with several types (`attr_n_size`, `attr_t_size`), the words
/// keep it and the others say what they are, in every run the same.
fn settle(mut found: Vec<(Kind, Arc<Named>, AttributeValue)>) -> Vec<Attribute> {
    let rank = |kind: Kind| match kind {
        Kind::Text => 0,
        Kind::Number => 1,
        Kind::Bool => 2,
    };
    found.sort_by(|a, b| a.1.key.cmp(&b.1.key).then(rank(a.0).cmp(&rank(b.0))));
    found.dedup_by(|a, b| a.1.key == b.1.key && a.0 == b.0);
    let mut attributes: Vec<Attribute> = Vec::with_capacity(found.len());
    for (i, (kind, named, value)) in found.iter().enumerate() {
        let twin = i > 0 && found[i - 1].1.key == named.key;
        let suffix = match (twin, kind) {
            (false, _) => "",
            (true, Kind::Bool) => "_available",
            (true, _) => "_value",
        };
        attributes.push(Attribute {
            key: format!("{}{suffix}", named.key),
            label: named.label.clone(),
            value: value.clone(),
        });
    }
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    attributes.dedup_by(|a, b| a.key == b.key);
    attributes
}
