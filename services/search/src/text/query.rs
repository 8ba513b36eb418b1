//! What a query looks for: words, each with the terms that it may be found by, and phrases.

use std::collections::HashSet;
use std::ops::Range;

use souk_search_api::cut_query;

use super::normalize::{fold, normalize};
use super::script::Script;
use super::spellings::{Reason, Spelling, measure, spellings};
use super::tokens::{Gap, Kind, Token, tokens};
use super::{Analyzer, distinct, segment};

/// Words of a query that are looked for; the rest of a very long one is ignored.
pub const MAX_WORDS: usize = 12;

/// One word of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// What must all be there: the word, the parts of a code, or the pieces of a word without spaces around it. Each in any
    /// of its forms.
    pub parts: Vec<Vec<String>>,
    /// Terms that will do as well: the whole in another spelling.
    pub also: Vec<String>,
    /// As typed, without accents and not stemmed, for matching beginnings.
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

impl Word {
    /// Every term that it may be found by.
    pub fn terms(&self) -> impl Iterator<Item = &String> {
        self.parts.iter().flatten().chain(&self.also)
    }
}

impl Analyzer {
    /// What a query looks for. Nothing in it is syntax except quotation marks.
    pub fn query(&self, text: &str) -> Words {
        let text = normalize(cut_query(text));
        let quoted = quoted(&text);
        let mut phrases: Vec<Vec<String>> = quoted.iter().map(|span| self.phrase(&text[span.clone()])).collect();
        phrases.retain(|phrase| phrase.len() > 1);
        let mut text = text.into_owned();
        for span in quoted {
            // Marks around a phrase are no inches.
            text.replace_range(span.start - 1..span.start, " ");
            text.replace_range(span.end..span.end + 1, " ");
        }
        let tokens = tokens(&text);
        let spellings = spellings(&tokens, &self.languages);
        let mut found = Vec::new();
        for group in groups(&tokens) {
            match tokens[group.start].kind {
                Kind::Run(script) => self.run(&tokens, group.start, script, &spellings, &mut found),
                _ => found.extend(self.word(&tokens, group, &spellings)),
            }
        }
        let mut seen = HashSet::new();
        let mut words: Vec<(bool, Word)> = Vec::with_capacity(found.len());
        for (says_nothing, word) in found {
            if seen.insert(word.parts.clone()) {
                words.push((says_nothing, word));
            }
        }
        if !words.iter().all(|(says_nothing, _)| *says_nothing) {
            words.retain(|(says_nothing, _)| !says_nothing);
        }
        words.truncate(MAX_WORDS);
        Words { words: words.into_iter().map(|(_, word)| word).collect(), phrases }
    }

    /// The word that these tokens are, and whether it says nothing about a product.
    fn word(&self, tokens: &[Token<'_>], group: Range<usize>, spellings: &[Spelling]) -> Option<(bool, Word)> {
        let mut word = Word::default();
        let mut at = group.start;
        while at < group.end {
            let token = &tokens[at];
            let glued =
                tokens[at + 1..group.end].first().filter(|next| next.gap == Gap::None && next.kind != Kind::Inch);
            if let Some((texts, _)) = glued.and_then(|unit| measure(token, unit)) {
                word.parts.push(texts);
                at += 2;
                continue;
            }
            match token.kind {
                Kind::Word(script) => word.parts.push(self.forms(&token.text, script)),
                Kind::Number | Kind::Fraction => {
                    word.parts.push(std::iter::once(token.text.to_string()).chain(token.other.clone()).collect());
                }
                Kind::Code => word.parts.push(vec![fold(&token.text).into_owned()]),
                Kind::Run(_) | Kind::Times | Kind::Inch => {}
            }
            at += 1;
        }
        if word.parts.is_empty() {
            return None;
        }
        let typed = tokens[group.clone()].iter().filter(|token| token.kind != Kind::Inch);
        word.typed = typed.map(|token| fold(&token.text).replace('\'', "")).collect();
        word.also = self.also(tokens, &group, spellings);
        if let [part] = word.parts.as_slice() {
            word.also.retain(|also| !part.contains(also));
        }
        let says_nothing = match &tokens[group] {
            [Token { kind: Kind::Word(_), text, .. }] => self.languages.says_nothing(text),
            _ => false,
        };
        Some((says_nothing, word))
    }

    /// The words of a run without spaces.
    fn run(
        &self,
        tokens: &[Token<'_>],
        at: usize,
        script: Script,
        spellings: &[Spelling],
        found: &mut Vec<(bool, Word)>,
    ) {
        let words = segment::words(&tokens[at].text);
        for text in &words {
            let pieces = segment::needed(text, script);
            let mut word = Word { typed: (*text).to_owned(), ..Word::default() };
            match pieces.as_slice() {
                [] => word.parts.push(vec![(*text).to_owned()]),
                [piece] if piece == text => word.parts.push(pieces),
                _ => {
                    word.parts = pieces.into_iter().map(|piece| vec![piece]).collect();
                    word.also.push((*text).to_owned());
                }
            }
            if words.len() == 1 {
                word.also.extend(self.also(tokens, &(at..at + 1), spellings));
            }
            found.push((self.languages.says_nothing(text), word));
        }
    }

    /// Spellings that a word may be found by as well: those that cover it.
    fn also(&self, tokens: &[Token<'_>], group: &Range<usize>, spellings: &[Spelling]) -> Vec<String> {
        let covers =
            |spelling: &&Spelling| *spelling.tokens.start() <= group.start && *spelling.tokens.end() + 1 >= group.end;
        let single = |at: usize| tokens[at].text.chars().nth(1).is_none();
        let mut also = Vec::new();
        for Spelling { tokens, text, reason } in spellings.iter().filter(covers) {
            match reason {
                Reason::Words => also.extend(self.forms(text, text.chars().next().map_or(Script::Other, Script::of))),
                // Longer pieces of a code are found by themselves.
                Reason::Name if !single(*tokens.start()) && !single(*tokens.start() + 1) => {}
                Reason::PerhapsMeasure => {}
                _ => also.push(text.clone()),
            }
        }
        distinct(also)
    }

    /// Terms that follow each other in a text like this.
    fn phrase(&self, text: &str) -> Vec<String> {
        let mut phrase = Vec::new();
        for token in tokens(text) {
            match token.kind {
                Kind::Word(script) => phrase.extend(self.forms(&token.text, script).into_iter().take(1)),
                Kind::Number | Kind::Fraction => phrase.push(token.text.into_owned()),
                Kind::Code => phrase.push(fold(&token.text).into_owned()),
                Kind::Run(_) => phrase.extend(segment::words(&token.text).into_iter().map(str::to_owned)),
                Kind::Times | Kind::Inch => {}
            }
        }
        phrase.truncate(MAX_WORDS);
        phrase
    }
}

/// Tokens that make a word: those that no space parts, and the sides of a size.
fn groups(tokens: &[Token<'_>]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let goes_on = at > 0 && {
            let before = &tokens[at - 1];
            let run = |token: &Token<'_>| matches!(token.kind, Kind::Run(_));
            let size = before.kind == Kind::Times || token.kind == Kind::Times;
            let apart = token.gap == Gap::Space || before.kind == Kind::Inch;
            !run(before) && !run(token) && (size || !apart || token.kind == Kind::Inch)
        };
        match groups.last_mut().filter(|_| goes_on) {
            Some(group) => group.end = at + 1,
            None => groups.push(at..at + 1),
        }
    }
    groups
}

/// What stands in quotation marks. One opens after a space and closes before one, so that inch marks (`17"`) are none.
fn quoted(text: &str) -> Vec<Range<usize>> {
    let mut quoted = Vec::new();
    let mut opened: Option<usize> = None;
    for (at, _) in text.match_indices('"') {
        let free = |c: Option<char>| c.is_none_or(char::is_whitespace);
        let (before, after) = (text[..at].chars().next_back(), text[at + 1..].chars().next());
        match opened {
            Some(begin) if free(after) => {
                quoted.push(begin..at);
                opened = None;
            }
            None if free(before) => opened = Some(at + 1),
            _ => {}
        }
    }
    quoted
}
