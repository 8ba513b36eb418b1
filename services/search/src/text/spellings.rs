//! Other spellings of what stands in several tokens: `4 GB` is `4gb`, `DV7-1211ea` is `dv71211ea`, `Wi-Fi` is `wifi`,
//! `60 × 40 cm` is `60x40`, `GSR 18V-60` is `gsr18v60`. Texts get them as extra terms, and a word of a query may be found by
//! one that covers it.

use std::ops::RangeInclusive;

use super::language::Languages;
use super::normalize::fold;
use super::number::trimmed;
use super::tokens::{Gap, Kind, Token};
use super::units;

/// Parts of a code that are also kept in one piece: `WD-40-EZ-1`.
const MAX_PARTS: usize = 4;
/// Letters of a unit of measure that nobody told us: `rpm`, `dpi`.
const MAX_UNIT: usize = 4;
/// Sides of a size.
const MAX_SIDES: usize = 4;
/// Letters of a name before a number: `iphone 15`.
const MAX_NAME: usize = 8;
/// Letters of a syllable that some write apart: `wi fi`, `t shirt`.
const MAX_SYLLABLE: usize = 2;
/// Digits of a code of digits alone; fewer are two numbers.
const MIN_DIGITS: usize = 5;

/// How a spelling came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A number with its unit.
    Measure,
    /// A number and what may be its unit.
    PerhapsMeasure,
    /// Sides of a size.
    Size,
    /// Letters and digits with signs between them.
    Code,
    /// Words with a hyphen, or a space after a syllable.
    Words,
    /// A name and the number behind it.
    Name,
    /// `10 000`.
    Thousands,
}

/// Another spelling of some tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spelling {
    pub(super) tokens: RangeInclusive<usize>,
    pub(super) text: String,
    pub(super) reason: Reason,
}

/// All of them, by where they begin.
pub(super) fn spellings(tokens: &[Token<'_>], languages: &Languages) -> Vec<Spelling> {
    let mut finder = Finder { tokens, languages, found: Vec::new() };
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Number | Kind::Fraction => {
                finder.measure(at);
                finder.size(at);
                finder.thousands(at);
            }
            Kind::Word(_) => finder.name(at),
            Kind::Code | Kind::Run(_) | Kind::Times | Kind::Inch => {}
        }
        finder.chunk(at);
    }
    finder.found
}

/// The texts of a number with its unit, when `tokens` are these two.
pub(super) fn measure(number: &Token<'_>, unit: &Token<'_>) -> Option<(Vec<String>, Reason)> {
    if !matches!(number.kind, Kind::Number | Kind::Fraction)
        || !matches!(unit.gap, Gap::None | Gap::Space | Gap::Sign('-'))
    {
        return None;
    }
    let numbers = std::iter::once(number.text.as_ref()).chain(number.other.as_deref());
    if let Some(unit) = units::of(unit) {
        return Some((numbers.map(|number| format!("{}{unit}", trimmed(number))).collect(), Reason::Measure));
    }
    let Kind::Word(_) = unit.kind else { return None };
    let (letters, folded) = (unit.text.chars().count(), fold(&unit.text));
    match unit.gap {
        Gap::None => Some((numbers.map(|number| format!("{number}{folded}")).collect(), Reason::Measure)),
        Gap::Space if letters <= MAX_UNIT && unit.text.bytes().all(|b| b.is_ascii_lowercase()) => {
            Some((numbers.map(|number| format!("{number}{folded}")).collect(), Reason::PerhapsMeasure))
        }
        _ => None,
    }
}

struct Finder<'t, 'a> {
    tokens: &'t [Token<'a>],
    languages: &'t Languages,
    found: Vec<Spelling>,
}

impl<'a> Finder<'_, 'a> {
    fn add(&mut self, tokens: RangeInclusive<usize>, text: String, reason: Reason) {
        self.found.push(Spelling { tokens, text, reason });
    }

    fn get(&self, at: usize) -> Option<&Token<'a>> {
        self.tokens.get(at)
    }

    fn measure(&mut self, at: usize) {
        let number = &self.tokens[at];
        let Some((texts, reason)) = self.get(at + 1).and_then(|unit| measure(number, unit)) else { return };
        // One and a half inches are not half an inch.
        let whole = match at.checked_sub(1).map(|before| &self.tokens[before]) {
            Some(whole) if number.kind == Kind::Fraction && whole.kind == Kind::Number && number.gap != Gap::None => {
                format!("{}-", whole.text)
            }
            _ => String::new(),
        };
        let first = if whole.is_empty() { at } else { at - 1 };
        for text in texts {
            self.add(first..=at + 1, format!("{whole}{text}"), reason);
        }
    }

    /// Sides from `at` on, each with its unit or without.
    fn size(&mut self, at: usize) {
        let is = |at: usize, kind| self.get(at).is_some_and(|token| token.kind == kind);
        let begins = at == 0 || !is(at - 1, Kind::Times);
        let mut sides = Vec::new();
        let mut next = at;
        while begins && is(next, Kind::Number) && sides.len() < MAX_SIDES {
            sides.push(next);
            let unit = self.get(next + 1).and_then(units::of).is_some();
            next += 1 + usize::from(unit);
            if !is(next, Kind::Times) {
                break;
            }
            next += 1;
        }
        if sides.len() < 2 {
            return;
        }
        let written =
            |sides: &[usize]| sides.iter().map(|at| trimmed(&self.tokens[*at].text)).collect::<Vec<_>>().join("x");
        let mut texts = vec![(sides[0]..=sides[sides.len() - 1], written(&sides))];
        if sides.len() > 2 {
            texts.extend(sides.windows(2).map(|two| (two[0]..=two[1], written(two))));
        }
        let last = sides[sides.len() - 1] + 1;
        if let Some(unit) = self.get(last).and_then(units::of) {
            texts.push((sides[0]..=last, format!("{}{unit}", written(&sides))));
            texts.extend(sides.iter().map(|at| (*at..=*at, format!("{}{unit}", trimmed(&self.tokens[*at].text)))));
        }
        for (tokens, text) in texts {
            self.add(tokens, text, Reason::Size);
        }
    }

    fn thousands(&mut self, at: usize) {
        let digits = |at: usize, wanted: RangeInclusive<usize>, gap: Option<Gap>| {
            self.get(at).is_some_and(|token| {
                let plain = token.kind == Kind::Number && token.text.bytes().all(|b| b.is_ascii_digit());
                plain && wanted.contains(&token.text.len()) && gap.is_none_or(|gap| token.gap == gap)
            })
        };
        if !digits(at, 1..=3, None) {
            return;
        }
        let groups = (at + 1..self.tokens.len()).take(3).take_while(|at| digits(*at, 3..=3, Some(Gap::Space))).count();
        if groups == 0 {
            return;
        }
        let last = at + groups;
        let text: String = self.tokens[at..=last].iter().map(|token| token.text.as_ref()).collect();
        if let Some(unit) = self.get(last + 1).and_then(units::of) {
            self.add(at..=last + 1, format!("{text}{unit}"), Reason::Thousands);
        }
        self.add(at..=last, text, Reason::Thousands);
    }

    /// The tokens from `at` on that no space parts, when they begin here.
    fn chunk_from(&self, at: usize) -> Option<&[Token<'a>]> {
        let joins = |token: &Token<'_>| {
            !matches!(token.kind, Kind::Run(_) | Kind::Inch | Kind::Fraction)
                && matches!(token.gap, Gap::None | Gap::Sign('-' | '.' | '_' | '/' | '+' | '&' | ':'))
        };
        let first = &self.tokens[at];
        let goes_on = at > 0 && joins(first) && !matches!(self.tokens[at - 1].kind, Kind::Run(_) | Kind::Inch);
        if goes_on || matches!(first.kind, Kind::Run(_) | Kind::Inch | Kind::Fraction | Kind::Times) {
            return None;
        }
        let length = 1 + self.tokens[at + 1..].iter().take_while(|token| joins(token)).count();
        Some(&self.tokens[at..at + length])
    }

    fn chunk(&mut self, at: usize) {
        let Some(chunk) = self.chunk_from(at) else { return };
        let parts = 1 + chunk[1..].iter().filter(|token| token.gap != Gap::None).count();
        if !(2..=MAX_PARTS).contains(&parts) {
            return;
        }
        let length = chunk.len();
        if let Some(code) = code(chunk) {
            return self.add(at..=at + length - 1, code, Reason::Code);
        }
        let words = chunk.iter().all(|token| matches!(token.kind, Kind::Word(_)));
        if !words || chunk[1..].iter().any(|token| token.gap != Gap::Sign('-')) {
            return;
        }
        let text = |words: &[Token<'_>]| words.iter().map(|word| word.text.as_ref()).collect::<String>();
        let mut texts = vec![(at..=at + length - 1, text(chunk))];
        if length > 2 {
            texts.extend(chunk.windows(2).enumerate().map(|(n, two)| (at + n..=at + n + 1, text(two))));
        }
        for (tokens, text) in texts {
            self.add(tokens, text, Reason::Words);
        }
    }

    /// A name with the number or the syllable behind it.
    fn name(&mut self, at: usize) {
        let (name, Some(next)) = (&self.tokens[at], self.get(at + 1)) else { return };
        let letters = |token: &Token<'_>| token.text.chars().count();
        let unit = at > 0 && self.tokens[at - 1].kind == Kind::Number && units::of(name).is_some();
        if unit || next.gap != Gap::Space || letters(name) > MAX_NAME || self.languages.says_nothing(&name.text) {
            return;
        }
        if let Kind::Word(_) = next.kind {
            let syllable = letters(name).min(letters(next)) <= MAX_SYLLABLE;
            if syllable && letters(next) <= MAX_NAME && !self.languages.says_nothing(&next.text) {
                self.add(at..=at + 1, format!("{}{}", name.text, next.text), Reason::Words);
            }
            return;
        }
        let number = next.text.starts_with(|c: char| c.is_ascii_digit()) && !next.text.contains(['.', '/']);
        let measure =
            self.get(at + 2).and_then(|unit| measure(next, unit)).is_some_and(|(_, reason)| reason == Reason::Measure);
        let apart = self.get(at + 2).is_some_and(|unit| unit.gap == Gap::Space);
        let Some(chunk) = self.chunk_from(at + 1).filter(|_| number && !(measure && apart)) else { return };
        let name = fold(&name.text);
        let glued = 1 + chunk[1..].iter().take_while(|token| token.gap == Gap::None).count();
        let mut ends = vec![1, glued, chunk.len()];
        ends.dedup();
        let texts = ends.into_iter().filter(|end| *end <= MAX_PARTS * 2);
        let texts: Vec<_> = texts.map(|end| (end, format!("{name}{}", plain(&chunk[..end])))).collect();
        for (end, text) in texts {
            self.add(at..=at + end, text, Reason::Name);
        }
    }
}

/// A code in one piece: it has a digit and no decimals. Digits alone are one only when they are many, with hyphens.
fn code(chunk: &[Token<'_>]) -> Option<String> {
    let digits = |token: &Token<'_>| token.text.bytes().filter(u8::is_ascii_digit).count();
    let count: usize = chunk.iter().map(digits).sum();
    let decimals = chunk.iter().any(|token| token.text.contains('.'));
    let numbers = chunk.iter().all(|token| token.kind == Kind::Number);
    let hyphens = chunk[1..].iter().all(|token| token.gap == Gap::Sign('-'));
    (count > 0 && !decimals && (!numbers || (hyphens && count >= MIN_DIGITS))).then(|| plain(chunk))
}

fn plain(chunk: &[Token<'_>]) -> String {
    chunk.iter().map(|token| if token.kind == Kind::Times { "x".into() } else { fold(&token.text) }).collect()
}
