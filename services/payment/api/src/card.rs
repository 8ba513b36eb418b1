//! Finds what looks like a card number in text, so that it can be refused at the door and scrubbed from everything else.
//!
//! Card data never enters the shop (PCI DSS 4.0, requirement 3.2); this is the net below that rule, for mistakes.

use std::ops::Range;

/// Digits of the shortest and longest card numbers (ISO/IEC 7812-1).
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// What replaces a number.
const SCRUBBED: &str = "[card number removed]";

/// True when `text` holds 13 to 19 digits, alone or in groups set apart by single spaces or dashes, that pass the Luhn
/// check. UUIDs do not count: one in some hundred would pass by chance.
pub fn looks_like_card(text: &str) -> bool {
    find(text.as_bytes(), 0).is_some()
}

/// The text with everything that [`looks_like_card`] replaced.
pub fn scrub(text: &str) -> std::borrow::Cow<'_, str> {
    let Some(mut hit) = find(text.as_bytes(), 0) else { return text.into() };
    let (mut clean, mut from) = (String::with_capacity(text.len()), 0);
    loop {
        clean.push_str(&text[from..hit.start]);
        clean.push_str(SCRUBBED);
        from = hit.end;
        match find(text.as_bytes(), from) {
            Some(next) => hit = next,
            None => break,
        }
    }
    clean.push_str(&text[from..]);
    clean.into()
}

/// The first card number at or after `from`. Its ends are digits, so slicing there never splits a character.
fn find(text: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    while at < text.len() {
        if let Some(end) = uuid_at(text, at) {
            at = end;
        } else if text[at].is_ascii_digit() {
            let groups = groups_at(text, at);
            if let Some(hit) = card_in(text, &groups) {
                return Some(hit);
            }
            at = groups.last().map_or(at + 1, |group| group.end);
        } else {
            at += 1;
        }
    }
    None
}

/// The groups of digits that start at `at` and are set apart by one space or dash each.
fn groups_at(text: &[u8], mut at: usize) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    loop {
        let start = at;
        while text.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        groups.push(start..at);
        let separated = matches!(text.get(at), Some(b' ' | b'-'));
        if !separated || !text.get(at + 1).is_some_and(u8::is_ascii_digit) || uuid_at(text, at + 1).is_some() {
            return groups;
        }
        at += 1;
    }
}

/// Neighbouring groups that together are a card number.
fn card_in(text: &[u8], groups: &[Range<usize>]) -> Option<Range<usize>> {
    for (first, group) in groups.iter().enumerate() {
        let mut digits: Vec<u8> = Vec::with_capacity(*DIGITS.end());
        for last in &groups[first..] {
            if digits.len() + last.len() > *DIGITS.end() {
                break;
            }
            digits.extend(text[last.clone()].iter().map(|byte| byte - b'0'));
            if DIGITS.contains(&digits.len()) && digits[0] != 0 && luhn(&digits) {
                return Some(group.start..last.end);
            }
        }
    }
    None
}

/// The check digit rule of ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = (digits.iter().rev().enumerate())
        .map(|(place, digit)| u32::from(if place % 2 == 1 { doubled(*digit) } else { *digit }))
        .sum();
    sum.is_multiple_of(10)
}

/// Where the UUID that starts at `at` ends.
fn uuid_at(text: &[u8], at: usize) -> Option<usize> {
    const LENGTH: usize = 36;
    let boundary = |byte: Option<&u8>| !byte.is_some_and(u8::is_ascii_alphanumeric);
    let candidate = text.get(at..at + LENGTH)?;
    let shaped = (candidate.iter().enumerate()).all(|(place, byte)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    (shaped && boundary(before) && boundary(text.get(at + LENGTH))).then_some(at + LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_found_however_they_are_written() {
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "5500-0055-5555-5559 12/27",
            "my card is:378282246310005.",
            "{\"token\":\"tok_4222222222222\"}",
            "7 4111111111111111",
            "ü6011000990139424ü",
        ] {
            assert!(looks_like_card(text), "{text}");
            assert!(!looks_like_card(&scrub(text)), "{text}");
        }
        assert_eq!(scrub("a 4111111111111111 b 4111 1111 1111 1111 c"), format!("a {SCRUBBED} b {SCRUBBED} c"));
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "4111111111111112",
            "0000000000000000",
            "411111111111",
            "S-1000042",
            "2026-11-20T10:11:12.123456Z",
            "41111111-1111-4111-8111-111111111111",
            "tok_ok",
            "",
        ] {
            assert!(!looks_like_card(text), "{text}");
            assert_eq!(scrub(text), text);
        }
    }
}
