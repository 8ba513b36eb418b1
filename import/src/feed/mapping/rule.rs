//! Field rule, where a field comes from: a column, a template, a constant, or the first of several that yields something;
//! narrowed by a condition, a regular expression, a table of replacements.

use std::borrow::Cow;
use std::collections::HashMap;

use regex::Regex;

use super::NUMBERED;
use super::section::{Section, kind};
use crate::feed::error::MappingError;
use crate::feed::record::{Record, Value};
use crate::feed::words;
use crate::text;

/// Bytes a compiled regular expression may take: they come from files of strangers.
const REGEX_BYTES: usize = 1024 * 1024;

/// The first alternative that yields something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule(Vec<Alternative>);

#[derive(Clone, Debug)]
struct Alternative {
    sources: Vec<Source>,
    /// A column that must be filled and not say no.
    when: Option<String>,
    /// A column that must be there, and be empty or say no.
    unless: Option<String>,
    /// A column that must not be filled or say no; it need not be there.
    except: Option<String>,
    pattern: Option<Regex>,
    /// Replacements by lower-case value; `*` is any other.
    map: Option<HashMap<String, String>>,
    split: Option<String>,
    /// What stands before a separator that is none.
    escape: Option<String>,
    /// All columns count, not the first that is filled.
    each: bool,
}

#[derive(Clone, Debug)]
enum Source {
    Column(String),
    Template(Vec<Part>),
    Constant(String),
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Column(String),
}

impl Rule {
    /// A column as it is.
    pub(crate) fn column(name: &str) -> Self {
        Self(vec![Alternative::of(vec![Source::Column(name.to_owned())])])
    }

    /// Reads a rule: `"column"`, `{ from = …, match = … }`, or a list of those.
    pub(super) fn parse(path: &str, value: toml::Value) -> Result<Self, MappingError> {
        match value {
            toml::Value::Array(items) if items.is_empty() => Err(MappingError::new(path, "the list is empty")),
            toml::Value::Array(items) => {
                let parse = |(i, item)| Alternative::parse(&format!("{path}[{i}]"), item);
                Ok(Self(items.into_iter().enumerate().map(parse).collect::<Result<_, _>>()?))
            }
            one => Ok(Self(vec![Alternative::parse(path, one)?])),
        }
    }

    /// The rule at a key, if there is one.
    pub(super) fn take(section: &mut Section, key: &'static str) -> Result<Option<Self>, MappingError> {
        let path = section.path(key);
        section.take(key).map(|value| Self::parse(&path, value)).transpose()
    }

    /// The rule with a number for each `{n}` in the names of its columns.
    pub(crate) fn numbered(&self, n: usize) -> Self {
        let number = |name: &String| name.replace("{n}", &n.to_string());
        let mut rule = self.clone();
        for alternative in &mut rule.0 {
            alternative.when = alternative.when.as_ref().map(number);
            alternative.unless = alternative.unless.as_ref().map(number);
            alternative.except = alternative.except.as_ref().map(number);
            for source in &mut alternative.sources {
                if let Source::Column(name) = source {
                    *name = number(name);
                }
            }
        }
        rule
    }

    /// True for a rule that is meant for several columns with a number in their name.
    pub(crate) fn is_numbered(&self) -> bool {
        self.columns().iter().any(|name| name.contains("{n}"))
    }

    /// A list of rules, each for itself.
    pub(super) fn list(section: &mut Section, key: &'static str) -> Result<Vec<Self>, MappingError> {
        let path = section.path(key);
        match section.take(key) {
            None => Ok(Vec::new()),
            Some(toml::Value::Array(items)) => {
                let rule = |(i, item)| Self::parse(&format!("{path}[{i}]"), item);
                items.into_iter().enumerate().map(rule).collect()
            }
            Some(one) => Self::parse(&path, one).map(|rule| vec![rule]),
        }
    }

    /// What it yields for a row.
    pub(crate) fn text(&self, row: &Record) -> Option<String> {
        self.0.iter().find_map(|alternative| alternative.texts(row).into_iter().next())
    }

    /// What a row has where the rule yields nothing, because no table of replacements and no pattern knows it. What a table
    /// replaces by an empty text is known, and says nothing.
    pub(crate) fn unknown(&self, row: &Record) -> Option<String> {
        if self.text(row).is_some() {
            return None;
        }
        self.0.iter().filter(|alternative| alternative.applies(row)).find_map(|alternative| {
            let found = alternative.sources.iter().find_map(|source| match source {
                Source::Column(name) => row.text(name).map(Cow::into_owned),
                Source::Template(_) | Source::Constant(_) => None,
            });
            found.filter(|text| !alternative.says_nothing(text))
        })
    }

    /// What it yields for a row, and whether the source has it as a number and not as text.
    pub(crate) fn number(&self, row: &Record) -> Option<(String, bool)> {
        self.0.iter().find_map(|alternative| {
            let text = alternative.texts(row).into_iter().next()?;
            Some((text, alternative.is_number(row)))
        })
    }

    /// All columns it may read.
    pub(crate) fn columns(&self) -> Vec<&str> {
        let mut columns = Vec::new();
        for alternative in &self.0 {
            columns.extend(alternative.when.as_deref());
            columns.extend(alternative.unless.as_deref());
            columns.extend(alternative.except.as_deref());
            for source in &alternative.sources {
                match source {
                    Source::Column(name) => columns.push(name.as_str()),
                    Source::Template(parts) => columns.extend(parts.iter().filter_map(|part| match part {
                        Part::Column(name) => Some(name.as_str()),
                        Part::Text(_) => None,
                    })),
                    Source::Constant(_) => {}
                }
            }
        }
        columns
    }

    /// As [`Rule::unknown`], for what should be a number.
    pub(crate) fn unknown_number(&self, row: &Record) -> Option<(String, bool)> {
        self.unknown(row).map(|text| (text, false))
    }

    /// The columns it reads, if a file with this header has none of them; the first of each alternative.
    pub(crate) fn missing(&self, has: &dyn Fn(&str) -> bool) -> Option<Vec<&str>> {
        self.0.iter().map(|alternative| alternative.missing(has)).collect()
    }

    /// All that its first fruitful alternative yields: the items of a JSON list, or the parts of a split text.
    pub(crate) fn texts(&self, row: &Record) -> Vec<String> {
        self.0.iter().map(|alternative| alternative.texts(row)).find(|texts| !texts.is_empty()).unwrap_or_default()
    }
}

impl Alternative {
    fn of(sources: Vec<Source>) -> Self {
        Self {
            sources,
            when: None,
            unless: None,
            except: None,
            pattern: None,
            map: None,
            split: None,
            escape: None,
            each: false,
        }
    }

    fn parse(path: &str, value: toml::Value) -> Result<Self, MappingError> {
        let table = match value {
            toml::Value::String(column) => return Ok(Self::of(vec![Source::Column(column)])),
            toml::Value::Table(table) => table,
            other => {
                let reason =
                    format!("a column, a table like {{ from = \"column\" }} or a list is wanted, not {}", kind(&other));
                return Err(MappingError::new(path, reason));
            }
        };
        let mut section = Section::new(path, table);
        let (from, each) = (section.texts("from")?, section.texts("each")?);
        let template = section.text("template")?;
        let constant = section.text("value")?;
        let given = [!from.is_empty(), !each.is_empty(), template.is_some(), constant.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err(MappingError::new(path, "exactly one of from, each, template and value is wanted"));
        }
        let (columns, each) = if each.is_empty() { (from, false) } else { (numbered(each), true) };
        let sources = match (template, constant) {
            (Some(template), _) => vec![Source::Template(parts(&section.path("template"), &template)?)],
            (_, Some(constant)) => vec![Source::Constant(constant)],
            _ => columns.into_iter().map(Source::Column).collect(),
        };
        let pattern = section.text("match")?.map(|pattern| regex(&section.path("match"), &pattern)).transpose()?;
        let map = section.pairs("map")?;
        let map = (!map.is_empty()).then(|| map.into_iter().map(|(from, to)| (from.to_lowercase(), to)).collect());
        let (split, escape) = (section.text("split")?, section.text("escape")?);
        if escape.is_some() && split.is_none() {
            return Err(MappingError::new(section.path("escape"), "is of use with split only"));
        }
        let (when, unless, except) = (section.text("when")?, section.text("unless")?, section.text("except")?);
        let alternative = Self { sources, when, unless, except, pattern, map, split, escape, each };
        section.finish()?;
        Ok(alternative)
    }

    fn applies(&self, row: &Record) -> bool {
        let says = |column: &str| row.text(column).is_some_and(|text| affirms(&text));
        // What the file does not have says nothing, neither yes nor no.
        let denies = |column: &String| row.get(column).is_some() && !says(column);
        self.when.as_deref().is_none_or(says)
            && self.unless.as_ref().is_none_or(denies)
            && !self.except.as_deref().is_some_and(says)
    }

    fn says_nothing(&self, text: &str) -> bool {
        self.map.as_ref().and_then(|map| replacement(map, text)).is_some_and(String::is_empty)
    }

    fn is_number(&self, row: &Record) -> bool {
        let filled = self.sources.iter().find_map(|source| match source {
            Source::Column(name) => row.values(name).find(|value| value.text().is_some()),
            Source::Template(_) | Source::Constant(_) => None,
        });
        matches!(filled, Some(Value::Number(_)))
    }

    /// A column without which it yields nothing, when the file lacks it.
    fn missing(&self, has: &dyn Fn(&str) -> bool) -> Option<&str> {
        let conditions = [self.when.as_deref(), self.unless.as_deref()];
        if let Some(column) = conditions.into_iter().flatten().find(|column| !has(column)) {
            return Some(column);
        }
        let lacks = |source: &Source| match source {
            Source::Constant(_) => false,
            Source::Column(name) => !has(name),
            Source::Template(parts) => parts.iter().any(|part| matches!(part, Part::Column(name) if !has(name))),
        };
        if !self.sources.iter().all(lacks) {
            return None;
        }
        self.sources.iter().find_map(|source| match source {
            Source::Column(name) => Some(name.as_str()),
            Source::Template(parts) => parts.iter().find_map(|part| match part {
                Part::Column(name) if !has(name) => Some(name.as_str()),
                _ => None,
            }),
            Source::Constant(_) => None,
        })
    }

    fn texts(&self, row: &Record) -> Vec<String> {
        if !self.applies(row) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for source in &self.sources {
            let raw: Vec<String> = match source {
                Source::Constant(text) => vec![text.clone()],
                Source::Template(parts) => fill(parts, row).into_iter().collect(),
                Source::Column(name) => row.values(name).flat_map(Value::texts).map(Cow::into_owned).collect(),
            };
            all.extend(raw.iter().flat_map(|text| self.pieces(text)).filter_map(|t| self.refine(&t)));
            if !all.is_empty() && !self.each {
                break;
            }
        }
        all
    }

    fn pieces<'a>(&self, text: &'a str) -> Vec<Cow<'a, str>> {
        let Some(separator) = &self.split else { return vec![text.into()] };
        let escape = self.escape.as_deref().filter(|escape| !escape.is_empty());
        let mut joined: Vec<Cow<'a, str>> = Vec::new();
        for piece in text.split(separator.as_str()) {
            match joined.last_mut() {
                Some(last) if escape.is_some_and(|escape| last.ends_with(escape)) => {
                    let last = last.to_mut();
                    last.truncate(last.len() - escape.map_or(0, str::len));
                    last.push_str(separator);
                    last.push_str(piece);
                }
                Some(last) if text::goes_on(last, piece) => {
                    let last = last.to_mut();
                    last.push_str(separator);
                    last.push_str(piece);
                }
                _ => joined.push(piece.into()),
            }
        }
        joined
            .into_iter()
            .map(|piece| piece.trim().to_owned().into())
            .filter(|piece: &Cow<'_, str>| !piece.is_empty())
            .collect()
    }

    fn refine(&self, text: &str) -> Option<String> {
        let text = match &self.pattern {
            None => text,
            Some(pattern) => {
                let found = pattern.captures(text)?;
                found.get(1).or_else(|| found.get(0))?.as_str().trim()
            }
        };
        let text = match &self.map {
            None => text,
            Some(map) => replacement(map, text)?,
        };
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// What a table has for a text: under the text itself, under a yes or no where it says that in another language, or under `*`.
fn replacement<'a>(map: &'a HashMap<String, String>, text: &str) -> Option<&'a String> {
    let word = text.trim().to_lowercase();
    let same = |yes| if yes { ["true", "yes", "y", "1"] } else { ["false", "no", "n", "0"] };
    let answered = || words::answer(&word).and_then(|yes| same(yes).into_iter().find_map(|word| map.get(word)));
    map.get(&word).or_else(answered).or_else(|| map.get("*"))
}

/// Each name with `{n}` as many names with a number.
fn numbered(names: Vec<String>) -> Vec<String> {
    let numbers = |name: &String| match name.contains("{n}") {
        true => (1..=NUMBERED).map(|n| name.replace("{n}", &n.to_string())).collect(),
        false => vec![name.clone()],
    };
    names.iter().flat_map(numbers).collect()
}

/// True for a filled value that does not say no.
pub(crate) fn affirms(text: &str) -> bool {
    !text.is_empty() && words::answer(&text.to_lowercase()) != Some(false)
}

/// Compiles a regular expression of a mapping, bounded in size.
pub(super) fn regex(path: &str, pattern: &str) -> Result<Regex, MappingError> {
    let built = regex::RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build();
    built.map_err(|error| MappingError::new(path, format!("no valid regular expression: {error}")))
}

fn parts(path: &str, template: &str) -> Result<Vec<Part>, MappingError> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').ok_or_else(|| MappingError::new(path, "a { is not closed"))? + open;
        parts.push(Part::Text(rest[..open].to_owned()));
        parts.push(Part::Column(rest[open + 1..close].trim().to_owned()));
        rest = &rest[close + 1..];
    }
    parts.push(Part::Text(rest.to_owned()));
    match parts.iter().any(|part| matches!(part, Part::Column(name) if name.is_empty())) {
        true => Err(MappingError::new(path, "{} names no column")),
        false => Ok(parts),
    }
}

fn fill(parts: &[Part], row: &Record) -> Option<String> {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Column(name) => out.push_str(&row.text(name)?),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Result<Rule, MappingError> {
        let table: toml::Table = text.parse().unwrap();
        Rule::parse("product.x", table["x"].clone())
    }

    fn yields(text: &str, row: &str) -> Vec<String> {
        rule(text).unwrap().texts(&crate::feed::json::record(row).unwrap())
    }

    #[test]
    fn every_form_of_a_rule() {
        assert_eq!(yields("x = 'a'", r#"{"a":" 1 "}"#), ["1"]);
        assert_eq!(yields("x = { from = ['a', 'b'] }", r#"{"a":"","b":"2"}"#), ["2"]);
        assert_eq!(yields("x = { each = ['a', 'b', 'c'] }", r#"{"a":"1","b":"","c":"2"}"#), ["1", "2"]);
        assert_eq!(yields("x = { template = '{a}-{b}' }", r#"{"a":"1","b":2}"#), ["1-2"]);
        assert!(yields("x = { template = '{a}-{b}' }", r#"{"a":"1"}"#).is_empty());
        assert_eq!(yields("x = ['a', { value = 'c' }]", "{}"), ["c"]);
        assert_eq!(yields(r"x = { from = 'a', match = '(\d+) W' }", r#"{"a":"about 12 W"}"#), ["12"]);
        assert_eq!(yields("x = { from = 'a', map = { Active = 'yes', '*' = 'no' } }", r#"{"a":"ACTIVE"}"#), ["yes"]);
        assert!(yields("x = { from = 'a', map = { Active = 'yes' } }", r#"{"a":"other"}"#).is_empty());
        let flag = |row| yields("x = { from = 'a', map = { true = 'yes', '0' = 'no' } }", row);
        assert_eq!((flag(r#"{"a":"WAHR"}"#), flag(r#"{"a":"faux"}"#)), (vec!["yes".to_owned()], vec!["no".to_owned()]));
        assert!(flag(r#"{"a":"perhaps"}"#).is_empty());
        assert_eq!(yields("x = { from = 'a', split = ',' }", r#"{"a":"x, y,, z"}"#), ["x", "y", "z"]);
        assert_eq!(yields(r"x = { from = 'a', split = ',', escape = '\' }", r#"{"a":"x\\, y, z"}"#), ["x, y", "z"]);
        let addresses = r#"{"a":"https://x.example/w_1,h_2/a.jpg?v=1,2,https://x.example/b.jpg, c.jpg,d.jpg"}"#;
        let want = ["https://x.example/w_1,h_2/a.jpg?v=1,2", "https://x.example/b.jpg", "c.jpg", "d.jpg"];
        assert_eq!(yields("x = { from = 'a', split = ',' }", addresses), want);
        assert!(yields("x = { from = 'a', when = 'b' }", r#"{"a":"1","b":"FALSE"}"#).is_empty());
        let unless = |row| yields("x = { value = 'u', unless = 'b' }", row);
        assert_eq!((unless(r#"{"b":""}"#), unless(r#"{"b":"no"}"#)), (vec!["u".to_owned()], vec!["u".to_owned()]));
        assert_eq!((unless(r#"{"b":"shopify"}"#), unless("{}")), (vec![], vec![]));
        let except = |row| yields("x = { value = 'u', except = 'b' }", row);
        assert_eq!((except(r#"{"b":"0"}"#), except("{}")), (vec!["u".to_owned()], vec!["u".to_owned()]));
        assert!(except(r#"{"b":"1"}"#).is_empty());
        assert_eq!(yields("x = 'a'", r#"{"a":["1","2"]}"#), ["1", "2"]);
    }

    #[test]
    fn mistakes_name_their_key() {
        for (text, want) in [
            ("x = 1", "product.x: a column, a table like"),
            ("x = []", "product.x: the list is empty"),
            ("x = { from = 'a', value = 'b' }", "product.x: exactly one of"),
            ("x = { form = 'a' }", "product.x: exactly one of"),
            (
                "x = { from = 'a', mach = 'b' }",
                "product.x.mach: unknown key; known here: each, escape, except, from, map, match",
            ),
            ("x = ['a', { from = 1 }]", "product.x[1].from: a text or a list"),
            ("x = { from = 'a', match = '(' }", "product.x.match: no valid regular expression"),
            ("x = { template = '{a' }", "product.x.template: a { is not closed"),
        ] {
            let message = rule(text).unwrap_err().to_string();
            assert!(message.starts_with(&format!("mapping: {want}")), "{text}: {message}");
        }
    }
}
