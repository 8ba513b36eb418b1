//! Query parser for OpenSearch, with the rules of the embedded index: every word must be found; where the index has not even one of it,
//! beginnings and one slip of the keyboard are tried before the word is given up. Which words the index has is asked only
//! when the plain query finds nothing.

use serde_json::{Value, json};
use souk_kernel::Problem;

use super::search::Search;
use crate::query::query_parser::{
    ALL_BOOST, FUZZY_LETTERS, Guesses, MAX_EXPANSIONS, MIN_PREFIX, STRONG_BOOST, TITLE_BOOST, take,
};
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
        queries.extend(word.parts.iter().chain(&word.joined).map(|term| term_of("all", term)));
    }
    let mut known = search.any(&queries).await?.into_iter();
    let mut found: Vec<Option<Value>> = Vec::new();
    for word in &words.words {
        let parts = known.by_ref().take(word.parts.len()).fold(true, |all, known| all & known);
        let joined = word.joined.as_ref().filter(|_| known.next().unwrap_or(false));
        found.push(match (parts, joined) {
            (true, _) => Some(literal(word)),
            (false, Some(joined)) => Some(weighted(joined)),
            (false, None) => None,
        });
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
        let plain = word.parts.len() == 1 && word.typed.bytes().all(|b| b.is_ascii_lowercase());
        if plain && FUZZY_LETTERS.contains(&word.typed.len()) && take(&mut left.slips) {
            slips.push((at, slip(&word.parts[0])));
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
    let mut parts: Vec<Value> = word.parts.iter().map(|part| weighted(part)).collect();
    let parts = if parts.len() == 1 { parts.remove(0) } else { json!({ "bool": { "must": parts } }) };
    match &word.joined {
        Some(joined) => json!({ "bool": { "should": [parts, weighted(joined)], "minimum_should_match": 1 } }),
        None => parts,
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
