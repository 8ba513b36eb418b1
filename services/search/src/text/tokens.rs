//! Tokeniser: cuts text in normal form into words, numbers, codes and runs of scripts without spaces, each with what stood
//! before it. Nothing is joined, stemmed or left out here.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;

use super::number;
use super::script::Script;
use super::units;

/// Characters of a term; what is longer is cut, in texts and queries alike.
const MAX_TERM: usize = 64;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters of a script with spaces.
    Word(Script),
    /// `17.3`, whichever sign stood for the point.
    Number,
    /// `1/2`.
    Fraction,
    /// Letters and digits: `dv7`.
    Code,
    /// Words without spaces between them.
    Run(Script),
    /// What stands between the sides of a size: `60 x 40`.
    Times,
    /// The sign for inches after a number.
    Inch,
}

/// What stood between a token and the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing: `4GB`.
    None,
    /// One sign that joins: `wi-fi`.
    Sign(char),
    /// Spaces, or signs that separate.
    Space,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) kind: Kind,
    pub(super) gap: Gap,
    /// The other number that `10.000` may mean.
    pub(super) other: Option<String>,
}

/// The tokens of a text in normal form.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut scanner = Scanner { text, at: 0, gap: Gap::Space, tokens: Vec::with_capacity(text.len() / 6 + 1) };
    while let Some(c) = scanner.rest().chars().next() {
        scanner.step(c);
    }
    scanner.tokens
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    gap: Gap,
    tokens: Vec<Token<'a>>,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn step(&mut self, c: char) {
        if let Some(sign) = self.times(c) {
            return self.push(Kind::Times, sign);
        }
        if c.is_ascii_digit() {
            return self.number();
        }
        if c.is_alphanumeric() && !is_combining_mark(c) {
            let script = Script::of(c);
            return if script.is_unspaced() { self.run(script) } else { self.word(script) };
        }
        if let Some(sign) = self.inch() {
            return self.push(Kind::Inch, sign);
        }
        self.at += c.len_utf8();
        self.gap = match (c, self.gap) {
            // A mark without a letter says nothing.
            (c, gap) if is_combining_mark(c) => gap,
            ('-' | '.' | '_' | '/' | '+' | '&' | '\'' | ':' | '#' | '*' | '~' | '=', Gap::None) => Gap::Sign(c),
            _ => Gap::Space,
        };
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let text = &self.rest()[..length];
        self.at += length;
        self.put(kind, Cow::Borrowed(text), None);
    }

    fn put(&mut self, kind: Kind, mut text: Cow<'a, str>, other: Option<String>) {
        if !matches!(kind, Kind::Run(_))
            && text.len() > MAX_TERM
            && let Some((end, _)) = text.char_indices().nth(MAX_TERM)
        {
            text = Cow::Owned(text[..end].to_owned());
        }
        self.tokens.push(Token { text, kind, gap: self.gap, other });
        self.gap = Gap::None;
    }

    /// Bytes of a sign between two sides of a size: a cross, or a letter that stands for it.
    fn times(&self, c: char) -> Option<usize> {
        if !matches!(c, '×' | '*' | 'x' | 'х') || !self.after_measure() {
            return None;
        }
        let after = &self.rest()[c.len_utf8()..];
        after.trim_start_matches(' ').starts_with(|c: char| c.is_ascii_digit()).then_some(c.len_utf8())
    }

    /// True after a number, or a number with its unit.
    fn after_measure(&self) -> bool {
        match self.tokens.as_slice() {
            [.., last] if last.kind == Kind::Number => true,
            [.., number, unit] => number.kind == Kind::Number && units::of(unit).is_some(),
            _ => false,
        }
    }

    fn inch(&self) -> Option<usize> {
        let after_number = matches!(self.tokens.last()?.kind, Kind::Number | Kind::Fraction) && self.gap == Gap::None;
        let sign = ["\"", "''"].into_iter().find(|sign| self.rest().starts_with(sign))?;
        after_number.then_some(sign.len())
    }

    fn number(&mut self) {
        let rest = self.rest();
        let touches = matches!(self.gap, Gap::Sign('/' | '.'));
        if let Some(length) = number::fraction(rest).filter(|_| !touches) {
            return self.push(Kind::Fraction, length);
        }
        let number = number::read(rest);
        let after = &rest[number.length..];
        let letters = word_length(after);
        let is_size = after.starts_with(['x', 'х']) && after.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
        self.at += number.length;
        // `106R01335` is one code; `4GB` is a number and a word.
        if !is_size && after[..letters].bytes().any(|b| b.is_ascii_digit()) {
            self.at += letters;
            return self.put(Kind::Code, Cow::Owned(format!("{}{}", number.text, &after[..letters])), None);
        }
        self.put(Kind::Number, number.text, number.other);
    }

    fn word(&mut self, script: Script) {
        let length = word_length(self.rest());
        let code = self.rest()[..length].bytes().any(|b| b.is_ascii_digit());
        self.push(if code { Kind::Code } else { Kind::Word(script) }, length);
    }

    fn run(&mut self, script: Script) {
        let same = |c: char| (c.is_alphanumeric() && Script::of(c) == script) || is_combining_mark(c);
        let length = self.rest().find(|c| !same(c)).unwrap_or(self.rest().len());
        self.push(Kind::Run(script), length);
    }
}

/// Bytes of the word that begins here: letters and digits of scripts with spaces, their marks, and an apostrophe between
/// letters.
fn word_length(text: &str) -> usize {
    let mut letters = text.char_indices().peekable();
    let mut last = None;
    while let Some((at, c)) = letters.next() {
        let goes_on = match c {
            '\'' => {
                let next = letters.peek().map(|(_, next)| *next);
                let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() && !Script::of(c).is_unspaced());
                is_letter(last) && is_letter(next)
            }
            c if c.is_ascii() => c.is_ascii_alphanumeric(),
            c if is_combining_mark(c) => at > 0,
            c => c.is_alphanumeric() && !Script::of(c).is_unspaced(),
        };
        if !goes_on {
            return at;
        }
        last = Some(c);
    }
    text.len()
}
