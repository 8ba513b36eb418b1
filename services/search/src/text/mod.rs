//! Text analysis, in the index and in queries alike, for both engines: OpenSearch is sent the very terms that Tantivy gets.
//! Text is brought to a normal form (`normalize`), cut into tokens (`tokens`), and each becomes one or several terms: stems by
//! the shop's languages (`language`), words and pieces of runs without spaces (`segment`), parts of compounds (`compounds`),
//! numbers, measures and codes however they are written (`spellings`). See docs/search.md.

mod compounds;
mod language;
mod normalize;
mod number;
mod query;
mod script;
mod segment;
mod spellings;
mod stop_words;
mod terms;
#[cfg(test)]
mod tests;
mod tokenizer;
mod tokens;
mod units;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

pub use language::{Language, Languages};
pub(crate) use normalize::fold;
pub use query::{Word, Words};

use script::Script;

/// Changes with every change of what a text becomes: an index made with another one is built anew.
pub const VERSION: u32 = 2;
/// Words whose terms are kept: the vocabulary of some thousand products, in about 3 MB.
const KEPT_WORDS: usize = 10_000;

/// A term with its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// As it stands in the index.
    pub text: String,
    /// Words before it.
    pub position: usize,
    /// Only in the index: another way to write or find what stands there.
    pub extra: bool,
}

/// Turns text into terms.
#[derive(Clone)]
pub struct Analyzer {
    languages: Arc<Languages>,
    /// Terms of words met before, while texts are indexed.
    kept: Arc<Mutex<HashMap<String, terms::Kept>>>,
}

impl Analyzer {
    /// For texts in these languages.
    pub fn new(languages: &Languages) -> Self {
        Self { languages: Arc::new(languages.clone()), kept: Arc::default() }
    }

    /// Tells an index that other analysis made.
    pub fn format(&self) -> String {
        format!("{VERSION} {}", self.languages.codes())
    }

    /// Terms of a word, the one that stands for it first: without accents, as it is written, and with its umlauts in two
    /// letters. Most words have one.
    fn forms(&self, word: &str, script: Script) -> Vec<String> {
        let word = self.without_apostrophe(word);
        let stem = self.languages.stem(&word, script);
        if word.is_ascii() {
            let noun = self.languages.stem_of_noun(&word).filter(|noun| *noun != stem);
            return std::iter::once(stem).chain(noun).collect();
        }
        let folded = fold(&word);
        // As most type it; with its accents the same word may have another stem.
        let mut forms = vec![fold(&self.languages.stem(&folded, script)).into_owned()];
        forms.push(fold(&stem).into_owned());
        forms.push(stem);
        forms.extend(self.languages.stem_of_noun(&folded));
        forms.extend(normalize::expand(&word).map(|expanded| self.languages.stem(&expanded, script)));
        distinct(forms)
    }

    /// The word after an elided one (`l'écran`); an apostrophe within a word is dropped (`men's`).
    fn without_apostrophe<'w>(&self, word: &'w str) -> std::borrow::Cow<'w, str> {
        let Some((before, after)) = word.split_once('\'') else { return word.into() };
        if self.languages.elides && language::is_elided(before) && after.chars().count() > 1 {
            return after.replace('\'', "").into();
        }
        word.replace('\'', "").into()
    }
}

/// Each once, in their order.
fn distinct(mut texts: Vec<String>) -> Vec<String> {
    let mut at = 0;
    while at < texts.len() {
        match texts[..at].contains(&texts[at]) {
            true => drop(texts.remove(at)),
            false => at += 1,
        }
    }
    texts
}
