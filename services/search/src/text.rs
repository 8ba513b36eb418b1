//! Text analysis, in the index and in queries alike: folded to plain lower case, cut at everything that is no letter or
//! digit, stemmed as English. Product texts are full of codes and measures, so those get extra terms in the index:
//! `DV7-1211ea` is also found as `dv71211ea`, `4 GB` as `4gb`, and `4GB` by `4 gb`.

use std::collections::HashSet;

use frostem::{Algorithm, Stemmer};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Letters of a term; longer ones are no words, and no visitor types them.
const MAX_TERM: usize = 40;
/// Parts of a code that are also kept in one piece: `WD-40-EZ-1`.
const MAX_JOINED_PARTS: usize = 4;
/// Letters of a unit of measure: `rpm`, `dpi`, `inch`.
const MAX_UNIT: usize = 4;
/// Words of a query that are looked for; the rest of a very long one is ignored.
pub const MAX_WORDS: usize = 12;

/// Words that say nothing about a product; a query of nothing else is taken as it is.
const STOP_WORDS: &[&str] =
    &["a", "an", "and", "at", "by", "for", "from", "in", "is", "of", "on", "or", "the", "to", "with"];

/// A term with its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Folded and stemmed.
    pub text: String,
    /// Words before it.
    pub position: usize,
    /// Only in the index: another way to write what stands there.
    pub extra: bool,
}

/// One word of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Word {
    /// Terms that must all be there: one, or the parts of a code.
    pub parts: Vec<String>,
    /// The code in one piece, which will do as well.
    pub joined: Option<String>,
    /// As typed, folded and not stemmed, for matching beginnings.
    pub typed: String,
}

/// What a visitor looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Each at most once.
    pub words: Vec<Word>,
    /// What stood in quotation marks: terms that follow each other.
    pub phrases: Vec<Vec<String>>,
}

/// Turns text into terms.
#[derive(Clone, Copy)]
pub struct Analyzer {
    stemmer: Stemmer,
}

impl Default for Analyzer {
    fn default() -> Self {
        Self { stemmer: Stemmer::new(Algorithm::English) }
    }
}

impl Analyzer {
    /// Terms of a text for the index.
    pub fn terms(&self, text: &str) -> Vec<Term> {
        let mut terms = Vec::new();
        let mut position = 0;
        let mut number: Option<(usize, String)> = None;
        for chunk in text.split_whitespace() {
            let parts = parts(chunk);
            let begins = position;
            for part in &parts {
                terms.push(Term { text: self.stem(part), position, extra: false });
                if let Some((digits, unit)) = measure(part) {
                    terms.push(Term { text: digits.to_owned(), position, extra: true });
                    terms.push(Term { text: self.stem(unit), position, extra: true });
                }
                position += 1;
            }
            if let Some(joined) = joined(&parts) {
                terms.push(Term { text: joined, position: begins, extra: true });
            }
            let [part] = parts.as_slice() else {
                number = None;
                continue;
            };
            if let Some((at, digits)) = number.take().filter(|_| is_unit(part)) {
                terms.push(Term { text: format!("{digits}{part}"), position: at, extra: true });
            }
            number = is_number(part).then(|| (begins, part.clone()));
        }
        terms
    }

    /// What a query looks for. Nothing in it is syntax except quotation marks.
    pub fn query(&self, text: &str) -> Words {
        let mut words = Vec::new();
        let mut seen = HashSet::new();
        for chunk in text.split_whitespace().flat_map(|chunk| chunk.split('"')) {
            let parts = parts(chunk);
            if parts.is_empty() {
                continue;
            }
            let word = Word {
                joined: joined(&parts),
                typed: parts.concat(),
                parts: parts.iter().map(|part| self.stem(part)).collect(),
            };
            if seen.insert(word.parts.clone()) {
                words.push(word);
            }
        }
        let phrase = |quoted: &str| parts_of(quoted).map(|part| self.stem(&part)).take(MAX_WORDS).collect();
        let mut phrases: Vec<Vec<String>> = quoted(text).into_iter().map(phrase).collect();
        phrases.retain(|phrase| phrase.len() > 1);
        let says_nothing = |word: &Word| STOP_WORDS.contains(&word.typed.as_str());
        if !words.iter().all(says_nothing) {
            words.retain(|word| !says_nothing(word));
        }
        words.truncate(MAX_WORDS);
        Words { words, phrases }
    }

    fn stem(&self, part: &str) -> String {
        // Codes are not words: `dv7s` is not several `dv7`.
        match part.bytes().any(|b| b.is_ascii_digit()) {
            true => part.to_owned(),
            false => self.stemmer.stem(part).into_owned(),
        }
    }
}

/// What stands in quotation marks. One opens after a space and closes before one, so that inch marks (`17"`) are none.
fn quoted(text: &str) -> Vec<&str> {
    let mut quoted = Vec::new();
    let mut opened: Option<usize> = None;
    for (at, _) in text.match_indices('"') {
        let free = |c: Option<char>| c.is_none_or(char::is_whitespace);
        let (before, after) = (text[..at].chars().next_back(), text[at + 1..].chars().next());
        match opened {
            Some(begin) if free(after) => {
                quoted.push(&text[begin..at]);
                opened = None;
            }
            None if free(before) => opened = Some(at + 1),
            _ => {}
        }
    }
    quoted
}

fn parts_of(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split_whitespace().flat_map(parts)
}

/// The folded runs of letters and digits of a chunk without spaces. A point between digits is kept (`17.3`), an
/// apostrophe between letters is dropped (`men's`).
fn parts(chunk: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut folded = chunk.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).peekable();
    while let Some(c) = folded.next() {
        let next_is = |of: fn(char) -> bool, next: Option<&char>| next.is_some_and(|c| of(*c));
        match c {
            'ß' => part.push_str("ss"),
            'æ' => part.push_str("ae"),
            'œ' => part.push_str("oe"),
            'ø' => part.push('o'),
            'ł' => part.push('l'),
            'đ' | 'ð' => part.push('d'),
            'ı' => part.push('i'),
            '²' => part.push('2'),
            '³' => part.push('3'),
            c if c.is_alphanumeric() => part.push(c),
            '.' if part.ends_with(|c: char| c.is_ascii_digit())
                && next_is(|c| c.is_ascii_digit(), folded.peek())
                && is_number(&part) =>
            {
                part.push('.');
            }
            '\'' | '’' if part.ends_with(char::is_alphabetic) && next_is(char::is_alphabetic, folded.peek()) => {}
            _ => finish(&mut part, &mut parts),
        }
    }
    finish(&mut part, &mut parts);
    parts
}

fn finish(part: &mut String, parts: &mut Vec<String>) {
    let part = std::mem::take(part);
    if !part.is_empty() && part.chars().count() <= MAX_TERM {
        parts.push(part);
    }
}

/// A code with something between its parts, in one piece.
fn joined(parts: &[String]) -> Option<String> {
    let code = (2..=MAX_JOINED_PARTS).contains(&parts.len())
        && parts.iter().any(|part| part.bytes().any(|b| b.is_ascii_digit()))
        && !parts.iter().any(|part| part.contains('.'));
    let joined = parts.concat();
    (code && joined.len() <= MAX_TERM).then_some(joined)
}

fn is_number(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_digit() || b == b'.') && part.bytes().filter(|b| *b == b'.').count() <= 1
}

fn is_unit(part: &str) -> bool {
    part.len() <= MAX_UNIT && part.bytes().all(|b| b.is_ascii_lowercase())
}

/// `4gb` as `4` and `gb`.
fn measure(part: &str) -> Option<(&str, &str)> {
    let letters = part.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = part.split_at(letters);
    (!number.is_empty() && is_number(number) && is_unit(unit)).then_some((number, unit))
}

impl Tokenizer for Analyzer {
    type TokenStream<'a> = Terms;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Terms {
        Terms { terms: self.terms(text).into_iter(), token: Token::default() }
    }
}

/// Terms as the index writer takes them.
pub struct Terms {
    terms: std::vec::IntoIter<Term>,
    token: Token,
}

impl TokenStream for Terms {
    fn advance(&mut self) -> bool {
        let Some(term) = self.terms.next() else { return false };
        self.token = Token { position: term.position, text: term.text, ..Token::default() };
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn indexed(text: &str) -> Vec<String> {
        Analyzer::default().terms(text).into_iter().map(|term| term.text).collect()
    }

    fn words(text: &str) -> Vec<Vec<String>> {
        Analyzer::default().query(text).words.into_iter().map(|word| word.parts).collect()
    }

    #[test]
    fn words_are_folded_and_stemmed() {
        assert_eq!(indexed("Crème BRÛLÉES"), ["creme", "brule"]);
        assert_eq!(indexed("Intel® Core™2 Duo"), ["intel", "core", "2", "core2", "duo"]);
        assert_eq!(indexed("men's running-shoes"), ["men", "run", "shoe"]);
        assert_eq!(words("Notebooks notebook"), [["notebook"]]);
        assert_eq!(words("the cartridge for a Xerox"), [["cartridg"], ["xerox"]]);
        assert_eq!(words("the who").len(), 1);
        assert_eq!(words("for the"), [["for"], ["the"]]);
    }

    #[test]
    fn codes_and_measures_are_found_however_they_are_written() {
        assert_eq!(indexed("DV7-1211ea"), ["dv7", "1211ea", "1211", "ea", "dv71211ea"]);
        assert_eq!(indexed("106R01335"), ["106r01335"]);
        assert_eq!(indexed("4 GB DDR2"), ["4", "gb", "4gb", "ddr2"]);
        assert_eq!(indexed("4GB"), ["4gb", "4", "gb"]);
        assert_eq!(indexed("17.3\" 43.2cm"), ["17.3", "43.2cm", "43.2", "cm"]);
        assert_eq!(words("DV7-1211ea"), [["dv7", "1211ea"]]);
        let code = Analyzer::default().query("DV7-1211ea");
        assert_eq!(code.words[0].joined.as_deref(), Some("dv71211ea"));
    }

    #[test]
    fn quotation_marks_make_phrases_and_inch_marks_do_not() {
        let quoted = Analyzer::default().query("\"black toner\" xerox");
        assert_eq!((quoted.phrases.len(), quoted.words.len()), (1, 3));
        assert_eq!(quoted.phrases[0], ["black", "toner"]);
        for inches in ["17\" notebook 15\"", "9\" PhotoFrame Philips", "- 9\"/22cm bag", "\"unclosed black toner"] {
            let inches = Analyzer::default().query(inches);
            assert_eq!((inches.words.len(), inches.phrases.len()), (3, 0), "{inches:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_only_words(text in "\\PC{0,200}") {
            let words = Analyzer::default().query(&text);
            prop_assert!(words.words.len() <= MAX_WORDS);
            for word in &words.words {
                prop_assert!(!word.parts.is_empty());
                prop_assert!(word.parts.iter().all(|part| part.chars().all(|c| c.is_alphanumeric() || c == '.')));
            }
        }

        #[test]
        fn what_a_query_looks_for_is_what_the_text_has(text in "[A-Za-z0-9 .,'-]{1,60}") {
            let index: HashSet<_> = indexed(&text).into_iter().collect();
            for word in Analyzer::default().query(&text).words {
                prop_assert!(word.parts.iter().all(|part| index.contains(part)), "{word:?} in {index:?}");
                prop_assert!(word.joined.is_none_or(|joined| index.contains(&joined)));
            }
        }
    }
}
