//! Category mapping of a product: what the source says, else the first rule that fits, else the fallback. All keywords of
//! all rules are looked for in one pass over the text (Aho-Corasick), so rules may be many.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;

use super::rule::{Rule, regex};
use super::section::{Section, texts};
use crate::feed::error::MappingError;
use crate::feed::record::Record;
use crate::limits;
use crate::text;

/// `[category]` of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct CategoryRules {
    from: Option<Rule>,
    separator: Option<String>,
    title: Option<Rule>,
    text: Vec<Rule>,
    in_title: Words,
    in_text: Words,
    rules: Vec<CategoryRule>,
    fallback: Vec<String>,
}

#[derive(Clone, Debug)]
struct CategoryRule {
    path: Vec<String>,
    title: Vec<usize>,
    also: Vec<usize>,
    not: Vec<usize>,
    text: Vec<usize>,
    pattern: Option<Regex>,
    brand: Vec<String>,
    has: Vec<String>,
    equals: Vec<(String, Vec<String>)>,
}

/// Keywords with numbers, found in one pass. A keyword is whole words, `usb cable`; with a star its last word may go
/// on, `cable*`.
#[derive(Clone, Debug, Default)]
struct Words {
    numbers: HashMap<String, usize>,
    patterns: Vec<String>,
    finder: Option<AhoCorasick>,
}

/// Which keywords stand in a text.
struct Found(Vec<bool>);

impl Found {
    fn any(&self, keywords: &[usize]) -> bool {
        keywords.iter().any(|keyword| self.0[*keyword])
    }
}

impl Words {
    fn add(&mut self, path: &str, keyword: &str) -> Result<usize, MappingError> {
        let mut pattern = text::words(keyword);
        if pattern.trim().is_empty() {
            return Err(MappingError::new(path, format!("the keyword {keyword:?} has no letter or digit")));
        }
        if keyword.ends_with('*') {
            pattern.pop();
        }
        if let Some(number) = self.numbers.get(&pattern) {
            return Ok(*number);
        }
        let number = self.patterns.len();
        self.patterns.push(pattern.clone());
        self.numbers.insert(pattern, number);
        Ok(number)
    }

    fn build(&mut self) -> Result<(), MappingError> {
        let built = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&self.patterns);
        self.finder =
            Some(built.map_err(|error| MappingError::new("category.rule", format!("too many keywords: {error}")))?);
        Ok(())
    }

    fn find(&self, words: &str) -> Found {
        let mut found = vec![false; self.patterns.len()];
        if let Some(finder) = &self.finder {
            for hit in finder.find_overlapping_iter(words) {
                found[hit.pattern().as_usize()] = true;
            }
        }
        Found(found)
    }
}

impl CategoryRules {
    /// Its rules by their keys.
    pub(super) fn rules(&self) -> impl Iterator<Item = (String, &Rule)> {
        let single = [("category.from", self.from.as_ref()), ("category.title", self.title.as_ref())];
        let single = single.into_iter().filter_map(|(key, rule)| Some((key.to_owned(), rule?)));
        single.chain(self.text.iter().enumerate().map(|(i, rule)| (format!("category.text[{i}]"), rule)))
    }

    pub(super) fn parse(mut section: Section) -> Result<Self, MappingError> {
        let mut all = Self {
            from: Rule::take(&mut section, "from")?,
            separator: section.text("separator")?,
            title: Rule::take(&mut section, "title")?,
            text: section.texts("text")?.iter().map(|column| Rule::column(column)).collect(),
            in_title: Words::default(),
            in_text: Words::default(),
            rules: Vec::new(),
            fallback: section.texts("fallback")?,
        };
        if all.separator.as_deref() == Some("") {
            return Err(section.error("separator", "is empty"));
        }
        if all.fallback.is_empty() {
            return Err(section.error("fallback", "is missing: where do products go that no rule fits?"));
        }
        let rules = section.sections("rule")?;
        if rules.len() > limits::RULES {
            return Err(section.error("rule", format!("{} rules; the limit is {}", rules.len(), limits::RULES)));
        }
        for rule in rules {
            let rule = all.rule(rule)?;
            all.rules.push(rule);
        }
        section.finish()?;
        all.in_title.build()?;
        all.in_text.build()?;
        Ok(all)
    }

    fn rule(&mut self, mut section: Section) -> Result<CategoryRule, MappingError> {
        let path = section.texts("path")?;
        if path.is_empty() || path.iter().any(|name| name.trim().is_empty()) {
            return Err(section.error("path", "is missing, or has an empty name"));
        }
        let keywords = |section: &mut Section, key: &'static str, words: &mut Words| {
            let at = section.path(key);
            section.texts(key)?.iter().map(|keyword| words.add(&at, keyword)).collect::<Result<Vec<_>, _>>()
        };
        let title = keywords(&mut section, "title", &mut self.in_title)?;
        let also = keywords(&mut section, "also", &mut self.in_title)?;
        let not = keywords(&mut section, "not", &mut self.in_title)?;
        let text = keywords(&mut section, "text", &mut self.in_text)?;
        let pattern = section.text("match")?.map(|pattern| regex(&section.path("match"), &pattern)).transpose()?;
        let brand = section.texts("brand")?.iter().map(|brand| brand.to_lowercase()).collect();
        let has = section.texts("has")?;
        let mut equals = Vec::new();
        if let Some(value) = section.take("where") {
            for (column, value) in super::section::table(&section.path("where"), value)? {
                let at = section.path(&format!("where.{column}"));
                equals.push((column, texts(&at, value)?.iter().map(|text| text.to_lowercase()).collect()));
            }
        }
        let rule = CategoryRule { path, title, also, not, text, pattern, brand, has, equals };
        if rule.asks_nothing() {
            return Err(
                section.error("path", "the rule has no condition; for everything else there is category.fallback")
            );
        }
        section.finish()?;
        Ok(rule)
    }

    /// The path for a product: from its row, with the title and brand it has been found to have.
    pub(crate) fn choose(&self, row: &Record, title: &str, brand: Option<&str>) -> Vec<String> {
        if let Some(path) = self.from.as_ref().and_then(|rule| rule.text(row)) {
            let names: Vec<String> = match &self.separator {
                Some(separator) => text::plain_line(&path).split(separator.as_str()).map(text::plain_line).collect(),
                None => vec![text::plain_line(&path)],
            };
            let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
            if !names.is_empty() {
                return names;
            }
        }
        if self.rules.is_empty() {
            return self.fallback.clone();
        }
        let subject = self.title.as_ref().and_then(|rule| rule.text(row));
        let subject = subject.as_deref().unwrap_or(title);
        let words = text::words(subject);
        let in_title = self.in_title.find(&words);
        let mut all_words = words;
        for column in &self.text {
            if let Some(text) = column.text(row) {
                all_words.push_str(&text::words(&text)[1..]);
            }
        }
        let in_text = self.in_text.find(&all_words);
        let brand = brand.unwrap_or_default().to_lowercase();
        let fits = |rule: &&CategoryRule| rule.fits(row, subject, &brand, &in_title, &in_text);
        self.rules.iter().find(fits).map_or_else(|| self.fallback.clone(), |rule| rule.path.clone())
    }
}

impl CategoryRule {
    fn asks_nothing(&self) -> bool {
        let lists = [&self.title, &self.also, &self.text].iter().all(|list| list.is_empty());
        lists && self.pattern.is_none() && self.brand.is_empty() && self.has.is_empty() && self.equals.is_empty()
    }

    /// Every condition that is given holds; within one, any of its words will do.
    fn fits(&self, row: &Record, title: &str, brand: &str, in_title: &Found, in_text: &Found) -> bool {
        (self.title.is_empty() || in_title.any(&self.title))
            && (self.also.is_empty() || in_title.any(&self.also))
            && !in_title.any(&self.not)
            && (self.text.is_empty() || in_text.any(&self.text))
            && (self.brand.is_empty() || self.brand.iter().any(|known| known == brand))
            && (self.has.is_empty() || self.has.iter().any(|column| row.text(column).is_some()))
            && self.equals.iter().all(|(column, wanted)| {
                row.text(column).is_some_and(|text| wanted.iter().any(|value| *value == text.to_lowercase()))
            })
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(title))
    }
}
