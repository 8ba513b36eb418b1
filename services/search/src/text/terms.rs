//! Terms of a text for the index.

use std::sync::Arc;

use super::normalize::{fold, normalize};
use super::spellings::{Reason, spellings};
use super::tokens::{Gap, Kind, Token, tokens};
use super::{Analyzer, KEPT_WORDS, Script, Term, compounds, segment};

/// Bytes of the longest text whose compounds are cut: titles, categories, tags, values and short descriptions. Longer ones are
/// prose, in which some part of a word is found for every query.
const MAX_NAME: usize = 400;
/// Changes between letters and digits that a code is cut at.
const MAX_CHANGES: usize = 3;

impl Analyzer {
    /// Terms of a text for the index, by their places.
    pub fn terms(&self, text: &str) -> Vec<Term> {
        let text = normalize(text);
        let prose = text.len() > MAX_NAME;
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
                    let kept = self.kept(&token.text, script, prose);
                    terms.push(main(&kept.terms()[0]));
                    terms.extend(kept.terms()[1..].iter().cloned().map(extra));
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
                    self.kept(&spelling.text, script, prose).terms().to_vec()
                }
                _ => vec![spelling.text],
            };
            terms.extend(forms.into_iter().map(|text| Term { text, position, extra: true }));
        }
        // Tantivy writes places as differences.
        terms.sort_by_key(|term| term.position);
        terms
    }

    /// Terms of a word, from memory when it was met before; with the parts that it may be made of, unless it is from prose.
    fn kept(&self, word: &str, script: Script, prose: bool) -> Kept {
        let known = self.kept.lock().get(word).cloned();
        let kept = known.unwrap_or_else(|| {
            let kept = self.analyzed(word, script);
            let mut all = self.kept.lock();
            if all.len() >= KEPT_WORDS {
                all.clear();
            }
            all.insert(word.to_owned(), kept.clone());
            kept
        });
        Kept { used: if prose { kept.forms } else { kept.terms.len() }, ..kept }
    }

    fn analyzed(&self, word: &str, script: Script) -> Kept {
        let mut terms = self.forms(word, script);
        let forms = terms.len();
        if self.languages.joins_words && script == Script::Latin {
            let parts = compounds::parts(word).into_iter().flat_map(|part| self.forms(part, script));
            let parts: Vec<String> = parts.filter(|part| !terms.contains(part)).collect();
            // The word itself counts for more than what it may be a part of.
            terms.push(terms[0].clone());
            terms.extend(super::distinct(parts));
        }
        Kept { used: terms.len(), terms: terms.into(), forms }
    }
}

/// Terms of a word.
#[derive(Clone)]
pub(super) struct Kept {
    /// Its forms, then its parts.
    terms: Arc<[String]>,
    forms: usize,
    /// How many of them a text gets.
    used: usize,
}

impl Kept {
    fn terms(&self) -> &[String] {
        &self.terms[..self.used]
    }
}

/// What stands before and after each change between letters and digits of a code, but for single characters: `gsr18v` is
/// found by `gsr` and by `18v`; of what stands between two changes, what is long: `3080` of `rtx3080ti`.
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
    let mut pieces = Vec::new();
    for at in (1..runs.len()).take(MAX_CHANGES) {
        let (before, after) = (runs[..at].concat(), runs[at..].concat());
        pieces.extend([before, after].into_iter().filter(|piece| piece.len() > 1));
    }
    if let [_, within @ .., _] = runs.as_slice() {
        let long = within.iter().filter(|run| run.len() > 2).take(MAX_CHANGES);
        pieces.extend(long.map(|run| (*run).to_owned()));
    }
    pieces.into_iter()
}
