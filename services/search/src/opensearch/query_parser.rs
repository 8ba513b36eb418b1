//! Query parser for OpenSearch, with the rules of the embedded index: every word must be found; where the index has not even one of it,
//! beginnings and one slip of the keyboard are tried before the word is given up. Which words the index has is asked only
//! when the plain query finds nothing.

use serde_json::{Value, json};
use souk_kernel::Problem;

use super::search::Search;
use crate::query::query_parser::{ALL_BOOST, Guesses, MAX_EXPANSIONS, MIN_PREFIX, STRONG_BOOST, TITLE_BOOST, take};
use crate::text::{Word, Words};

/// The text part of a search.
pub(crate) struct Text {
    /// What must match.
    pub(crate) query: Value,
    /// Not every word is looked for, or not all are found together.
    pub(crate) partial: bool,
}

/// All words as they are, with phrases.
pub(crate) fn plain(words: &Words) -> Value {
    all(words.words.iter().map(literal).collect(), words)
}

fn all(mut must: Vec<Value>, words: &Words) -> Value {
    for phrase in &words.phrases {
        must.push(json!({ "match_phrase": { "all": { "query": phrase.join(" ") } } }));
    }
    match must.is_empty() {
        true => json!({ "match_all": {} }),
        false => json!({ "bool": { "must": must } }),
    }
}

/// A query for what there is, when the plain one finds nothing; none when the index has no word of it. `alone`: parts of the
/// query are no answer.
pub(crate) async fn helped(search: &Search<'_>, words: &Words, alone: bool) -> Result<Option<Text>, Problem> {
    let mut queries = Vec::new();
    for word in &words.words {
        queries.extend(word.terms().map(|term| term_of("all", term)));
    }
    let mut known = search.any(&queries).await?.into_iter();
    let mut found: Vec<Option<Value>> = Vec::new();
    for word in &words.words {
        let terms: Vec<&String> = word.terms().filter(|_| known.next().unwrap_or(false)).collect();
        found.push(matching(word, |term| terms.contains(&term)));
    }
    guess(search, words, &mut found).await?;
    let partial = found.iter().any(Option::is_none);
    let each: Vec<Value> = found.into_iter().flatten().collect();
    if each.is_empty() {
        return Ok(None);
    }
    if each.len() < 2 || alone {
        return Ok(Some(Text { query: all(each, words), partial }));
    }
    let at_least = |count: usize| json!({ "bool": { "should": each, "minimum_should_match": count } });
    let counts: Vec<usize> = (1..=each.len()).rev().collect();
    let any = search.any(&counts.iter().map(|count| at_least(*count)).collect::<Vec<_>>()).await?;
    let best = counts.iter().zip(any).find(|(_, any)| *any).map_or(1, |(count, _)| *count);
    Ok(Some(Text { query: at_least(best), partial: partial || best < each.len() }))
}

/// Fills in what unknown words may mean.
async fn guess(search: &Search<'_>, words: &Words, found: &mut [Option<Value>]) -> Result<(), Problem> {
    let mut left = Guesses::default();
    let mut begins: Vec<(usize, Value)> = Vec::new();
    for (at, word) in words.words.iter().enumerate().filter(|(at, _)| found[*at].is_none()) {
        if word.typed.chars().count() >= MIN_PREFIX && take(&mut left.beginnings) {
            begins.push((at, beginning(&word.typed)));
        }
    }
    fill(search, begins, found).await?;
    let mut slips: Vec<(usize, Value)> = Vec::new();
    for (at, word) in words.words.iter().enumerate().filter(|(at, _)| found[*at].is_none()) {
        if let Some(term) = word.may_be_a_slip().filter(|_| take(&mut left.slips)) {
            slips.push((at, slip(term)));
        }
    }
    fill(search, slips, found).await
}

/// Takes those guesses that find something.
async fn fill(search: &Search<'_>, guesses: Vec<(usize, Value)>, found: &mut [Option<Value>]) -> Result<(), Problem> {
    let queries: Vec<Value> = guesses.iter().map(|(_, query)| query.clone()).collect();
    let any = search.any(&queries).await?;
    for ((at, query), any) in guesses.into_iter().zip(any) {
        found[at] = any.then_some(query);
    }
    Ok(())
}

fn literal(word: &Word) -> Value {
    matching(word, |_| true).unwrap_or_else(|| json!({ "match_none": {} }))
}

/// What finds a word by those of its terms that are known; none without any.
fn matching(word: &Word, known: impl Fn(&String) -> bool) -> Option<Value> {
    let weighted_of = |terms: &[String]| -> Vec<Value> {
        terms.iter().filter(|term| known(term)).map(|term| weighted(term)).collect()
    };
    let parts: Vec<Vec<Value>> = word.parts.iter().map(|forms| weighted_of(forms)).collect();
    let mut alternatives = Vec::new();
    if parts.iter().all(|forms| !forms.is_empty()) {
        alternatives.push(all_of(parts.into_iter().map(any_of).collect()));
    }
    alternatives.extend(weighted_of(&word.also));
    (!alternatives.is_empty()).then(|| any_of(alternatives))
}

fn all_of(mut queries: Vec<Value>) -> Value {
    if queries.len() == 1 { queries.remove(0) } else { json!({ "bool": { "must": queries } }) }
}

fn any_of(mut queries: Vec<Value>) -> Value {
    match queries.len() {
        1 => queries.remove(0),
        _ => json!({ "bool": { "should": queries, "minimum_should_match": 1 } }),
    }
}

/// A term that must be somewhere and counts for more where it matters.
fn weighted(term: &str) -> Value {
    lifted(|field, boost| json!({ "term": { field: { "value": term, "boost": boost } } }))
}

/// Words that begin so: all of them, and all alike.
fn beginning(typed: &str) -> Value {
    lifted(
        |field, boost| json!({ "prefix": { field: { "value": typed, "boost": boost, "rewrite": "constant_score" } } }),
    )
}

/// Words that differ in one letter.
fn slip(word: &str) -> Value {
    lifted(|field, boost| {
        json!({ "fuzzy": { field: {
            "value": word, "fuzziness": 1, "transpositions": true, "max_expansions": MAX_EXPANSIONS, "boost": boost,
        } } })
    })
}

fn lifted(query: impl Fn(&str, f32) -> Value) -> Value {
    let should = [query("title", TITLE_BOOST), query("strong", STRONG_BOOST)];
    json!({ "bool": { "must": [query("all", ALL_BOOST)], "should": should } })
}

fn term_of(field: &str, term: &str) -> Value {
    json!({ "term": { field: term } })
}
