//! One row of a source, whatever its format: names and values exactly as written. Numbers stay text, so that no price
//! and no attribute passes through a float.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::draft::Defect;
use crate::text::is_invisible;

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// JSON's null.
    Null,
    /// True or false.
    Bool(bool),
    /// A number as its text.
    Number(String),
    /// Words.
    Text(String),
    /// Several.
    List(Vec<Value>),
    /// Named ones.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// A scalar as trimmed text; a list gives its first filled scalar; nothing for what is empty.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null | Self::Object(_) => None,
            Self::Bool(true) => Some("true".into()),
            Self::Bool(false) => Some("false".into()),
            Self::Number(text) => Some(text.as_str().into()),
            Self::Text(text) => Some(text.trim_matches(is_blank)).filter(|t| !t.is_empty()).map(Cow::Borrowed),
            Self::List(values) => values.iter().find_map(Value::text),
        }
    }

    /// All filled scalars of a list; a scalar alone gives itself.
    pub fn texts(&self) -> Vec<Cow<'_, str>> {
        match self {
            Self::List(values) => values.iter().filter_map(Value::text).collect(),
            one => one.text().into_iter().collect(),
        }
    }
}

/// What is no part of a value at its ends.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

/// The columns of a CSV file.
#[derive(Clone, Debug)]
pub struct Header {
    names: Vec<String>,
    index: HashMap<String, Vec<usize>>,
}

impl Header {
    /// Columns in the order of the file. Names are found whatever their case, blanks and apostrophes; several columns may have one
    /// name.
    pub fn new(names: Vec<String>) -> Self {
        let mut header = Self { index: HashMap::with_capacity(names.len()), names };
        for i in 0..header.names.len() {
            let name = header.names[i].clone();
            let plain = plain_name(&name);
            if plain != name {
                header.index.entry(name).or_default().push(i);
            }
            header.index.entry(plain).or_default().push(i);
        }
        header
    }

    /// The columns' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether there is a column of this name.
    pub fn has(&self, name: &str) -> bool {
        !self.places(name).is_empty()
    }

    /// Has each column found by a further name, where `other` knows one for its own.
    pub fn also(&mut self, other: impl Fn(&str) -> Option<String>) {
        for i in 0..self.names.len() {
            if let Some(name) = other(&self.names[i]) {
                self.index.entry(plain_name(&name)).or_default().push(i);
            }
        }
    }

    /// Where the columns of this name stand.
    pub(crate) fn places(&self, name: &str) -> &[usize] {
        self.index.get(name).or_else(|| self.index.get(&plain_name(name))).map_or(&[], Vec::as_slice)
    }
}

/// A name of a column as names are compared.
pub(crate) fn plain_name(name: &str) -> String {
    let words: Vec<String> = name
        .split(is_blank)
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().replace('’', "'"))
        .collect();
    words.join(" ")
}

/// A row: columns of CSV, or members of a JSON object.
#[derive(Clone, Debug)]
pub enum Record {
    /// A CSV record: one value per column.
    Csv(Arc<Header>, Vec<Value>),
    /// A JSON object.
    Json(Vec<(String, Value)>),
}

impl Record {
    /// About what it takes in memory.
    pub fn bytes(&self) -> usize {
        fn of(value: &Value) -> usize {
            let own = match value {
                Value::Number(text) | Value::Text(text) => text.capacity(),
                Value::List(items) => items.iter().map(of).sum(),
                Value::Object(members) => members.iter().map(|(name, value)| name.capacity() + of(value)).sum(),
                Value::Null | Value::Bool(_) => 0,
            };
            own + size_of::<Value>()
        }
        match self {
            Self::Csv(_, values) => values.iter().map(of).sum(),
            Self::Json(members) => members.iter().map(|(name, value)| name.capacity() + of(value)).sum(),
        }
    }

    /// The values of a column, several where columns have one name. In JSON a point steps into an object, when no member has
    /// the whole name: `price.amount`.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &Value> {
        let (places, values, member) = match self {
            Self::Csv(header, values) => (header.places(name), values.as_slice(), None),
            Self::Json(members) => (&[][..], &[][..], step(members, name)),
        };
        places.iter().filter_map(|place| values.get(*place)).chain(member)
    }

    /// The value of a column.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values(name).next()
    }

    /// Trimmed text of a column; nothing when it is missing or empty.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.values(name).find_map(Value::text)
    }

    /// All columns with their names.
    pub fn iter(&self) -> Box<dyn Iterator<Item = (&str, &Value)> + '_> {
        match self {
            Self::Csv(header, values) => Box::new(header.names.iter().map(String::as_str).zip(values)),
            Self::Json(members) => Box::new(members.iter().map(|(name, value)| (name.as_str(), value))),
        }
    }
}

fn step<'a>(members: &'a [(String, Value)], name: &str) -> Option<&'a Value> {
    if let Some((_, value)) = members.iter().find(|(member, _)| member == name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    match members.iter().find(|(member, _)| member == first)? {
        (_, Value::Object(inner)) => step(inner, rest),
        _ => None,
    }
}

/// A row and the lines it stands on.
#[derive(Clone, Debug)]
pub struct Row {
    /// First line, counted from 1.
    pub line: u64,
    /// Last line: a quoted field of CSV may have several.
    pub end_line: u64,
    /// What it says.
    pub record: Record,
    /// Details of it that could not be read.
    pub defects: Vec<Defect>,
}
