//! Query parser: from words to a query. Every word must be found; where the index has not even one of it, beginnings and one slip of
//! the keyboard are tried before the word is given up.

use std::collections::HashMap;

use tantivy::query::{
    BooleanQuery, BoostQuery, EnableScoring, FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use crate::index::fields;
use crate::text::{Word, Words};

/// How much a word counts for being there at all, in the title, among brand, codes and category.
pub(crate) const ALL_BOOST: f32 = 0.5;
pub(crate) const TITLE_BOOST: f32 = 3.0;
pub(crate) const STRONG_BOOST: f32 = 2.0;
/// Letters from which on a word without a match is taken for the beginning of others.
pub(crate) const MIN_PREFIX: usize = 3;
/// Words that a beginning or a slip stands for at most, the most frequent ones.
pub(crate) const MAX_EXPANSIONS: usize = 16;
/// Terms looked at to find those.
const MAX_EXAMINED: usize = 2_000;
/// Letters of words that may hold a slip: in shorter ones it makes another word.
const FUZZY_LETTERS: std::ops::RangeInclusive<usize> = 4..=24;

impl Word {
    /// The term that a slip of the keyboard may have changed: of a plain word that is long enough.
    pub(crate) fn may_be_a_slip(&self) -> Option<&String> {
        let plain = self.parts.len() == 1 && self.typed.bytes().all(|b| b.is_ascii_lowercase());
        self.parts[0].first().filter(|_| plain && FUZZY_LETTERS.contains(&self.typed.len()))
    }
}

/// What a query may still be helped with, since each guess costs: a beginning is many words at once, a slip is a walk
/// over the whole dictionary.
pub(crate) struct Guesses {
    pub(crate) beginnings: usize,
    pub(crate) slips: usize,
}

impl Default for Guesses {
    fn default() -> Self {
        Self { beginnings: 3, slips: 2 }
    }
}

/// Takes one, if there is one left.
pub(crate) fn take(left: &mut usize) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}

/// The text part of a search, ready to run.
pub(super) enum Text {
    /// No words: everything.
    All,
    /// No word of it is in the index.
    Nothing,
    /// Words that must all match; and each by itself, should nothing have all of them.
    Words {
        /// All of them.
        all: Box<dyn Weight>,
        /// Each.
        each: Vec<Box<dyn Weight>>,
        /// Some were given up.
        partial: bool,
    },
}

impl Text {
    /// True when words were given up that the index does not have.
    pub(super) fn partial(&self) -> bool {
        matches!(self, Text::Words { partial: true, .. })
    }
}

/// The query for these words; `terms` are filters on attributes that are no facets, each a list of alternatives.
pub(super) fn text(searcher: &Searcher, words: &Words, terms: &[Vec<String>]) -> tantivy::Result<Text> {
    let mut must: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    let mut each = Vec::new();
    let mut partial = false;
    let mut guesses = Guesses::default();
    for word in &words.words {
        match query_of(searcher, word, &mut guesses)? {
            Some(query) => {
                each.push(query.box_clone());
                must.push((Occur::Must, query));
            }
            None => partial = true,
        }
    }
    if each.is_empty() && !words.words.is_empty() {
        return Ok(Text::Nothing);
    }
    for phrase in &words.phrases {
        let terms = phrase.iter().map(|part| Term::from_field_text(fields().1.all, part)).collect();
        must.push((Occur::Must, Box::new(PhraseQuery::new(terms))));
    }
    for alternatives in terms {
        let any = alternatives.iter().map(|term| (Occur::Should, term_query(fields().1.attribute, term))).collect();
        must.push((Occur::Must, Box::new(BooleanQuery::new(any))));
    }
    if must.is_empty() {
        return Ok(Text::All);
    }
    let scoring = EnableScoring::enabled_from_searcher(searcher);
    let all = match must.len() {
        1 => must.remove(0).1,
        _ => Box::new(BooleanQuery::new(must)) as Box<dyn Query>,
    };
    // With filters that are part of the query, or phrases, parts of it are no answer.
    let alone = each.len() < 2 || !terms.is_empty() || !words.phrases.is_empty();
    let each = if alone { Vec::new() } else { each };
    Ok(Text::Words {
        all: all.weight(scoring)?,
        each: each.iter().map(|query| query.weight(scoring)).collect::<Result<_, _>>()?,
        partial,
    })
}

fn query_of(searcher: &Searcher, word: &Word, guesses: &mut Guesses) -> tantivy::Result<Option<Box<dyn Query>>> {
    let known = |terms: &[String]| -> tantivy::Result<Vec<Box<dyn Query>>> {
        let mut queries = Vec::with_capacity(terms.len());
        for term in terms {
            if searcher.doc_freq(&Term::from_field_text(fields().1.all, term))? > 0 {
                queries.push(weighted(term));
            }
        }
        Ok(queries)
    };
    let mut alternatives = known(&word.also)?;
    let mut parts = Vec::with_capacity(word.parts.len());
    for forms in &word.parts {
        let forms = known(forms)?;
        if forms.is_empty() {
            parts.clear();
            break;
        }
        parts.push(disjunction(forms));
    }
    if !parts.is_empty() {
        alternatives.insert(0, conjunction(parts));
    }
    if !alternatives.is_empty() {
        return Ok(Some(disjunction(alternatives)));
    }
    let mut others = Vec::new();
    if word.typed.chars().count() >= MIN_PREFIX && take(&mut guesses.beginnings) {
        others = expansions(searcher, &word.typed)?;
    }
    if let Some(slip) = word.may_be_a_slip().filter(|_| others.is_empty() && take(&mut guesses.slips)) {
        others = slips(searcher, slip)?;
    }
    let others: Vec<_> = others.iter().map(|term| weighted(term)).collect();
    Ok((!others.is_empty()).then(|| disjunction(others)))
}

/// The most frequent words that begin so.
fn expansions(searcher: &Searcher, typed: &str) -> tantivy::Result<Vec<String>> {
    let mut counts = HashMap::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(fields().1.all)?;
        let mut terms = index.terms().range().ge(typed).into_stream()?;
        let mut examined = 0;
        while terms.advance() && examined < MAX_EXAMINED && terms.key().starts_with(typed.as_bytes()) {
            count(&mut counts, terms.key(), terms.value().doc_freq);
            examined += 1;
        }
    }
    Ok(most_frequent(counts))
}

/// The most frequent words that differ in one letter: of titles, which are fewer, else of anything.
fn slips(searcher: &Searcher, word: &str) -> tantivy::Result<Vec<String>> {
    let in_titles = slips_in(searcher, fields().1.title, word)?;
    if in_titles.is_empty() { slips_in(searcher, fields().1.all, word) } else { Ok(in_titles) }
}

fn slips_in(searcher: &Searcher, field: Field, word: &str) -> tantivy::Result<Vec<String>> {
    let fuzzy = FuzzyTermQuery::new(Term::from_field_text(field, word), 1, true);
    let mut counts = HashMap::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(field)?;
        let mut terms = index.terms().search(fuzzy.automaton()?).into_stream()?;
        while terms.advance() {
            count(&mut counts, terms.key(), terms.value().doc_freq);
        }
    }
    Ok(most_frequent(counts))
}

fn count(counts: &mut HashMap<String, u32>, term: &[u8], documents: u32) {
    if let Ok(term) = std::str::from_utf8(term) {
        *counts.entry(term.to_owned()).or_default() += documents;
    }
}

fn most_frequent(counts: HashMap<String, u32>) -> Vec<String> {
    let mut found: Vec<(u32, String)> = counts.into_iter().map(|(term, count)| (count, term)).collect();
    found.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    found.truncate(MAX_EXPANSIONS);
    found.into_iter().map(|(_, term)| term).collect()
}

/// A term that must be somewhere and counts for more where it matters. Nested one by one: a required part with one
/// optional part is looked up only where the required one matches.
fn weighted(term: &str) -> Box<dyn Query> {
    let field = fields().1;
    let boosted = |of, boost| Box::new(BoostQuery::new(scored(of, term), boost)) as Box<dyn Query>;
    let mut query = boosted(field.all, ALL_BOOST);
    for (of, boost) in [(field.title, TITLE_BOOST), (field.strong, STRONG_BOOST)] {
        query = Box::new(BooleanQuery::new(vec![(Occur::Must, query), (Occur::Should, boosted(of, boost))]));
    }
    query
}

fn scored(field: Field, term: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, term), IndexRecordOption::WithFreqs))
}

fn term_query(field: Field, term: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, term), IndexRecordOption::Basic))
}

fn conjunction(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.len() {
        1 => queries.remove(0),
        _ => Box::new(BooleanQuery::intersection(queries)),
    }
}

fn disjunction(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.len() {
        1 => queries.remove(0),
        _ => Box::new(BooleanQuery::union(queries)),
    }
}
