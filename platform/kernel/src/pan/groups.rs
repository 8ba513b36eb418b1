//! Tokeniser of digits: groups of digits with separators between them, and the groupings in which cards are written.

use std::ops::Range;

use super::DIGITS;
use super::issuer::{is_card, is_card_as_written};

/// Characters between two groups of one number: `4111 - 1111`.
const MAX_SEPARATOR: usize = 3;
/// Latin words that may touch a card's number.
const WORDS: [&str; 17] = [
    "amex",
    "card",
    "carte",
    "cc",
    "cvc",
    "cvv",
    "exp",
    "karte",
    "kreditkarte",
    "mastercard",
    "mc",
    "no",
    "nr",
    "number",
    "pan",
    "tarjeta",
    "visa",
];

/// Digits without anything visible between them.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// Bytes of the text.
    start: usize,
    end: usize,
    /// The place of the first digit among the run's.
    at: usize,
    len: usize,
    /// What stands before it, within the run.
    separator: char,
}

/// Groups that may belong together: only separators are between them. Read again and again into the same memory.
#[derive(Default)]
pub(super) struct Run {
    digits: Vec<u8>,
    groups: Vec<Group>,
}

impl Run {
    /// Reads the next run at or after `at`, which moves behind it; false at the end of the text.
    pub(super) fn read(&mut self, text: &str, at: &mut usize) -> bool {
        self.digits.clear();
        self.groups.clear();
        // What was read since the last digit: the first separator, and how many.
        let (mut separator, mut gap) = ('\0', 0);
        while let Some(char) = text[*at..].chars().next() {
            let here = *at;
            if begins_uuid(text.as_bytes(), here) {
                *at += UUID_CHARS;
                if !self.groups.is_empty() {
                    return true;
                }
                continue;
            }
            *at += char.len_utf8();
            if let Some(digit) = digit(char) {
                match self.groups.last_mut() {
                    Some(group) if gap == 0 => (group.end, group.len) = (*at, group.len + 1),
                    _ => self.groups.push(Group { start: here, end: *at, at: self.digits.len(), len: 1, separator }),
                }
                self.digits.push(digit);
                (separator, gap) = ('\0', 0);
                continue;
            }
            if is_invisible(char) || self.groups.is_empty() {
                continue;
            }
            let Some(kind) = separates(char).filter(|_| gap < MAX_SEPARATOR) else { return true };
            // A blank beside another separator is decoration.
            separator = if gap == 0 || separator == ' ' { kind } else { separator };
            gap += 1;
        }
        !self.groups.is_empty()
    }

    /// Where a card's number stands in this run of `text`.
    pub(super) fn card(&self, text: &str) -> Option<Range<usize>> {
        if self.digits.len() < *DIGITS.start() || self.is_something_else(text) {
            return None;
        }
        let found = self.one_group(text).or_else(|| self.in_fours()).or_else(|| self.as_issuers_print());
        let (from, to) = found.or_else(|| self.digit_by_digit()).or_else(|| self.evenly())?;
        let (start, end) = (self.groups[from].start, self.groups[to - 1].end);
        let first = from > 0 || is_free(text[..start].chars().rev());
        let last = to < self.groups.len() || is_free(text[end..].chars());
        (first && last).then_some(start..end)
    }

    /// A phone number, an IBAN, or a parcel of USPS.
    fn is_something_else(&self, text: &str) -> bool {
        let (first, total) = (self.groups[0], self.digits.len());
        let before = text[..first.start].trim_end_matches('(');
        let phone = before.ends_with('+') && total <= 15 || self.digits.starts_with(&[0, 0]) && total <= 17;
        let letters = before.bytes().rev().take_while(u8::is_ascii_alphabetic).count();
        let iban = first.len == 2 && letters == 2 && self.groups.len() > 1;
        let parcel = self.digits[0] == 9 && first.len == 4 && (20..=26).contains(&total);
        phone || iban || parcel
    }

    fn digits_of(&self, from: usize, to: usize) -> &[u8] {
        let last = self.groups[to - 1];
        &self.digits[self.groups[from].at..last.at + last.len]
    }

    /// `4111111111111111`
    fn one_group(&self, text: &str) -> Option<(usize, usize)> {
        let fraction = |at: usize, group: &Group| {
            at > 0
                && group.separator == '.'
                && text[..group.start].ends_with('.')
                && self.groups[at - 1].end + 1 == group.start
        };
        let is = |(at, group): &(usize, &Group)| {
            DIGITS.contains(&group.len) && is_card(self.digits_of(*at, at + 1)) && !fraction(*at, group)
        };
        self.groups.iter().enumerate().find(is).map(|(at, _)| (at, at + 1))
    }

    /// `4111 1111 1111 1111`, with one to three digits at the end where the number is no multiple of four long.
    fn in_fours(&self) -> Option<(usize, usize)> {
        let (mut from, count) = (0, self.groups.len());
        while from < count {
            let fours = self.groups[from..].iter().take_while(|group| group.len == 4).count();
            if fours < 3 {
                from += fours.max(1);
                continue;
            }
            let end = from + fours;
            let tail = usize::from(self.groups.get(end).is_some_and(|group| group.len < 4));
            // In more fours than a card has it is the first ones or the last ones.
            let candidates = [(from, from + 4), (end.saturating_sub(4).max(from), end), (from, end + tail)];
            let fits = |(from, to): &(usize, usize)| *to <= count && self.fits(*from, *to, is_card);
            if let Some(found) = candidates.into_iter().find(fits) {
                return Some(found);
            }
            from = end;
        }
        None
    }

    /// `3782 822463 10005` and `3056 930902 5904`, as American Express and Diners Club print them.
    fn as_issuers_print(&self) -> Option<(usize, usize)> {
        let printed = |at: &usize| {
            let lengths: Vec<usize> = self.groups[*at..at + 3].iter().map(|group| group.len).collect();
            matches!(lengths[..], [4, 6, 5] | [4, 6, 4]) && self.fits(*at, at + 3, is_card_as_written)
        };
        (0..self.groups.len().saturating_sub(2)).find(printed).map(|at| (at, at + 3))
    }

    /// `4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1`: all single digits that stand together.
    fn digit_by_digit(&self) -> Option<(usize, usize)> {
        let mut from = 0;
        while from < self.groups.len() {
            let ones = self.groups[from..].iter().take_while(|group| group.len == 1).count();
            if self.is_uniform(from, from + ones) && self.fits(from, from + ones, is_card) {
                return Some((from, from + ones));
            }
            from += ones.max(1);
        }
        None
    }

    /// `41111 11111 111111`: the whole run, in groups of three and more with the same between them.
    fn evenly(&self) -> Option<(usize, usize)> {
        let count = self.groups.len();
        let grouped = self.digits.len() > *DIGITS.start() && self.groups.iter().all(|group| group.len >= 3);
        (grouped && self.is_uniform(0, count) && self.fits(0, count, is_card)).then_some((0, count))
    }

    fn fits(&self, from: usize, to: usize, is: impl Fn(&[u8]) -> bool) -> bool {
        to > from && {
            let digits = self.digits_of(from, to);
            DIGITS.contains(&digits.len()) && is(digits)
        }
    }

    fn is_uniform(&self, from: usize, to: usize) -> bool {
        self.groups[from..to].iter().skip(1).all(|group| group.separator == self.groups[from + 1].separator)
    }
}

/// True unless the nearest characters are a Latin word that does not announce a card. `near` walks away from the number.
fn is_free(near: impl Iterator<Item = char> + Clone) -> bool {
    let letters = near.clone().take_while(char::is_ascii_alphabetic).count();
    if letters == 0 {
        return true;
    }
    // `\n`: a line break, in a text that was made fit for a log.
    if letters == 1 && near.clone().nth(1) == Some('\\') {
        return true;
    }
    let word: String = near.take(letters).map(|char| char.to_ascii_lowercase()).collect();
    let backwards: String = word.chars().rev().collect();
    WORDS.iter().any(|known| *known == word || *known == backwards)
}

const UUID_CHARS: usize = 36;

/// True where `8-4-4-4-12` hexadecimal digits begin that are not part of a longer word.
fn begins_uuid(text: &[u8], at: usize) -> bool {
    let Some(part) = text.get(at..at + UUID_CHARS) else { return false };
    let dashes = [8, 13, 18, 23];
    if !dashes.iter().all(|dash| part[*dash] == b'-') {
        return false;
    }
    let hexadecimal = |(at, byte): (usize, &u8)| byte.is_ascii_hexdigit() || dashes.contains(&at);
    let word = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    part.iter().enumerate().all(hexadecimal) && !word(at.checked_sub(1)) && !word(Some(at + UUID_CHARS))
}

/// The kind of a separator, for telling whether all of a number are the same.
fn separates(char: char) -> Option<char> {
    match char {
        ' ' | '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(' '),
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => Some('-'),
        '.' | '\u{b7}' | '\u{2022}' | '\u{2024}' | '\u{ff0e}' => Some('.'),
        '_' | '/' => Some(char),
        _ => None,
    }
}

/// Soft hyphens, joiners, marks of direction and order: they are not seen, so they separate nothing.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// The value of a decimal digit of any script (Unicode's general category Nd).
fn digit(char: char) -> Option<u8> {
    if char.is_ascii() {
        return char.is_ascii_digit().then(|| char as u8 - b'0');
    }
    let code = u32::from(char);
    if let MATHEMATICAL.. = code
        && code < MATHEMATICAL + 50
    {
        return u8::try_from((code - MATHEMATICAL) % 10).ok();
    }
    let zero = ZEROS.partition_point(|zero| *zero <= code).checked_sub(1).map(|at| ZEROS[at])?;
    u8::try_from(code - zero).ok().filter(|value| *value < 10)
}

/// Bold, double-struck and other digits of formulas: five times ten.
const MATHEMATICAL: u32 = 0x1d7ce;

/// The zeros of all other scripts, in order.
const ZEROS: [u32; 62] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50,
    0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136,
    0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0,
    0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e950, 0x1fbf0,
];
