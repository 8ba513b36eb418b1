//! Pairs of names and values that stand in one cell: `size=XS,color=Black`, `Name=Size|Value=Small`.

use regex::Regex;

use super::rule::{Rule, regex};
use super::section::Section;
use crate::feed::error::MappingError;
use crate::feed::record::Record;
use crate::text;

/// Where pairs stand, and how they are written.
#[derive(Clone, Debug)]
pub(crate) struct Pairs {
    pub(crate) from: Rule,
    reading: Reading,
}

#[derive(Clone, Debug)]
enum Reading {
    /// Each match is a pair: its first group the name, its second the value.
    Pattern(Regex),
    /// What parts two pairs. The name ends at the first `=`; a piece without one goes on with the value before.
    Between(String),
}

impl Pairs {
    /// Reads `pairs` with `match` or `between` of a table, if it has pairs.
    pub(super) fn take(section: &mut Section) -> Result<Option<Self>, MappingError> {
        let Some(from) = Rule::take(section, "pairs")? else { return Ok(None) };
        let reading = match (section.text("match")?, section.text("between")?) {
            (Some(pattern), None) => {
                let pattern = regex(&section.path("match"), &pattern)?;
                if pattern.captures_len() != 3 {
                    return Err(section.error("match", "two groups are wanted: a name and a value"));
                }
                Reading::Pattern(pattern)
            }
            (None, Some(between)) if !between.is_empty() => Reading::Between(between),
            _ => return Err(section.error("between", "what stands between two pairs is wanted, or match")),
        };
        Ok(Some(Self { from, reading }))
    }

    /// All pairs of a row.
    pub(crate) fn read(&self, row: &Record) -> Vec<(String, String)> {
        self.lists(row).into_iter().flatten().collect()
    }

    /// The pairs of each text that the rule yields.
    pub(crate) fn lists(&self, row: &Record) -> Vec<Vec<(String, String)>> {
        self.from.texts(row).iter().map(|text| self.parse(text)).collect()
    }

    /// The pairs of a text that another rule yields.
    pub(crate) fn parse(&self, text: &str) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = match &self.reading {
            Reading::Pattern(pattern) => {
                pattern.captures_iter(text).map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
            }
            Reading::Between(between) => {
                let mut pairs: Vec<(String, String)> = Vec::new();
                for piece in text.split(between.as_str()) {
                    match (piece.split_once('='), pairs.last_mut()) {
                        (Some((name, value)), _) => pairs.push((name.to_owned(), value.to_owned())),
                        (None, Some((_, value))) => value.push_str(&format!("{between}{piece}")),
                        (None, None) => {}
                    }
                }
                pairs
            }
        };
        for (name, value) in &mut pairs {
            (*name, *value) = (text::plain_line(name), text::plain_line(value));
        }
        pairs.retain(|(name, value)| !name.is_empty() && !value.is_empty());
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(table: &str, cell: &str) -> Vec<(String, String)> {
        let table: toml::Table = table.parse().unwrap();
        let pairs = Pairs::take(&mut Section::new("option[0]", table)).unwrap().unwrap();
        pairs.read(&Record::Json(vec![("a".into(), crate::feed::record::Value::Text(cell.into()))]))
    }

    #[test]
    fn pairs_by_separators_and_by_patterns() {
        let own = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let between = "pairs = 'a'\nbetween = ','";
        assert_eq!(pairs(between, "size=XS, color=Red, dark,fit="), own(&[("size", "XS"), ("color", "Red, dark")]));
        assert_eq!(pairs(between, "nothing"), []);
        let pattern = "pairs = 'a'\nmatch = 'Name=([^|]+)\\|Value=([^|]+?)(?:Type=|$)'";
        assert_eq!(
            pairs(pattern, "Type=Swatch|Name=Color|Value=RedType=Rectangle|Name=Size|Value=S"),
            own(&[("Color", "Red"), ("Size", "S")])
        );
        let wrong: toml::Table = "pairs = 'a'\nmatch = '(x)'".parse().unwrap();
        assert!(Pairs::take(&mut Section::new("option[0]", wrong)).is_err());
    }
}
