//! Terms of a text for the index.

use std::sync::Arc;

use super::normalize::{fold, normalize};
use super::spellings::{Reason, spellings};
use super::tokens::{Gap, Kind, Token, tokens};
use super::{Analyzer, KEPT_WORDS, Script, Term, compounds, segment};

/// Runs of letters and of digits that a code is cut into.
const MAX_RUNS: usize = 4;

impl Analyzer {
    /// Terms of a text for the index, by their places.
    pub fn terms(&self, text: &str) -> Vec<Term> {
        let text = normalize(text);
        let tokens = tokens(&text);
        let mut terms = Vec::with_capacity(tokens.len() * 2);
        let mut positions = Vec::with_capacity(tokens.len());
        let mut position = 0;
        let mut run: Option<&Token<'_>> = None;
        for token in &tokens {
            positions.push(position);
            let main = |text: &str| Term { text: text.to_owned(), position, extra: false };
            let extra = |text: String| Term { text, position, extra: true };
            match token.kind {
                Kind::Word(script) => {
                    let forms = self.kept(&token.text, script);
                    terms.push(main(&forms[0]));
                    terms.extend(forms[1..].iter().cloned().map(extra));
                    position += 1;
                }
                Kind::Number | Kind::Fraction => {
                    terms.push(main(&token.text));
                    terms.extend(token.other.clone().map(extra));
                    position += 1;
                }
                Kind::Code => {
                    let code = fold(&token.text);
                    terms.push(main(&code));
                    terms.extend(pieces_of_code(&code).map(extra));
                    position += 1;
                }
                Kind::Run(script) => {
                    let before =
                        run.filter(|_| token.gap == Gap::Space).and_then(|run| segment::last_letter(&run.text));
                    let words = segment::words(&token.text);
                    let is_word = |piece: &String| words.contains(&piece.as_str());
                    let pieces = segment::pieces(&token.text, before, script).into_iter();
                    terms.extend(pieces.filter(|piece| !is_word(piece)).map(extra));
                    for word in &words {
                        terms.push(Term { text: (*word).to_owned(), position, extra: false });
                        position += 1;
                    }
                }
                Kind::Times | Kind::Inch => {}
            }
            run = matches!(token.kind, Kind::Run(_)).then_some(token);
        }
        for spelling in spellings(&tokens, &self.languages) {
            let position = positions[*spelling.tokens.start()];
            let forms = match spelling.reason {
                Reason::Words => {
                    let script = spelling.text.chars().next().map_or(Script::Other, Script::of);
                    self.kept(&spelling.text, script).to_vec()
                }
                _ => vec![spelling.text],
            };
            terms.extend(forms.into_iter().map(|text| Term { text, position, extra: true }));
        }
        // Tantivy writes places as differences.
        terms.sort_by_key(|term| term.position);
        terms
    }

    /// Terms of a word with the parts that it may be made of, from memory when it was met before.
    fn kept(&self, word: &str, script: Script) -> Arc<[String]> {
        if let Some(terms) = self.kept.lock().get(word) {
            return terms.clone();
        }
        let mut terms = self.forms(word, script);
        if self.languages.joins_words && script == Script::Latin {
            terms.extend(compounds::parts(word).into_iter().flat_map(|part| self.as_part(part, script)));
        }
        let terms: Arc<[String]> = super::distinct(terms).into();
        let mut kept = self.kept.lock();
        if kept.len() >= KEPT_WORDS {
            kept.clear();
        }
        kept.insert(word.to_owned(), terms.clone());
        terms
    }
}

/// Runs of letters and digits of a code that stand together, but for single characters: `gsr18v` is found by `gsr` and by
/// `18v`.
fn pieces_of_code(code: &str) -> impl Iterator<Item = String> {
    let mut runs: Vec<&str> = Vec::new();
    let mut begin = 0;
    let mut last: Option<bool> = None;
    for (at, c) in code.char_indices() {
        let digit = c.is_ascii_digit() || (c == '.' && last == Some(true));
        if last.is_some_and(|last| last != digit) {
            runs.push(&code[begin..at]);
            begin = at;
        }
        last = Some(digit);
    }
    runs.push(&code[begin..]);
    runs.truncate(MAX_RUNS);
    let mut pieces = Vec::new();
    for first in 0..runs.len() {
        for last in first..runs.len() {
            let piece = runs[first..=last].concat();
            if piece.len() > 1 && piece != code {
                pieces.push(piece);
            }
        }
    }
    pieces.into_iter()
}
