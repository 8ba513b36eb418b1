//! Detector of primary account numbers (ISO/IEC 7812): finds payment cards' numbers in text, and takes them out of it.
//!
//! No card number may enter the shop: buyers type theirs at the payment provider. What comes in by mistake is refused at the
//! edge, and what would be written to a log is replaced. A false alarm refuses a purchase, so a number has to look like a card's
//! in every respect: an issuer's prefix with a length that this issuer uses, a check digit that fits (Luhn), a grouping in
//! which people write cards, and nothing that says that it is something else. Where two meanings overlap:
//!
//! | this | is | because |
//! |---|---|---|
//! | 13 digits with the check digit of an EAN, 14 with that of a GTIN, 18 with that of an SSCC | an article, a parcel | cards of these lengths are rare; one in ten of them has such a digit too, and passes. 14 digits written 4-6-4 are a card |
//! | after `+` up to 15 digits, after `00` up to 15 more | a phone number | E.164; so is an American Express number of 15 digits behind a plus |
//! | `8-4-4-4-12` hexadecimal digits | a UUID | it names carts and orders in addresses |
//! | digits that touch a Latin letter | part of an SKU, a digest, an IBAN | except behind a word that announces a card: `card4111...` |
//! | 13 digits and more right after `0.` | a fraction | floating-point numbers in logs |
//! | pairs (`38 39 40 41 42 43 44`) | a list | sizes, prices; cards are written in fours, or digit by digit |
//! | 20 to 26 digits in fours that begin with 9 | a parcel | USPS |
//!
//! Digits of all scripts count, invisible characters do not. This finds accidents: a client that wants to hide a card number
//! in a text always finds a way.

mod groups;
mod issuer;
mod json;

use std::borrow::Cow;
use std::ops::Range;

use groups::Run;
pub use json::{find_in_json, scrub_json};

/// What stands for a card number in what is kept.
pub const REMOVED: &str = "[card number removed]";

/// Digits of the shortest and the longest number.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// False when there is surely no card number in `text`, also not after escapes in it are undone: JSON's, or those of
/// addresses and forms. One pass over the bytes.
pub fn may_hold(text: &[u8]) -> bool {
    // Every digit of every script takes at least one of these, escaped or not.
    let digit_or_begin = |byte: &&u8| byte.is_ascii_digit() || **byte >= 0xc0;
    text.len() >= *DIGITS.start() && text.iter().filter(digit_or_begin).count() >= *DIGITS.start()
}

/// True when a card number stands in `text`.
pub fn holds(text: &str) -> bool {
    find(text).is_some()
}

/// Where the first card number stands, in bytes.
pub fn find(text: &str) -> Option<Range<usize>> {
    if !may_hold(text.as_bytes()) {
        return None;
    }
    find_from(text, 0)
}

/// `text` with [`REMOVED`] in the place of every card number; borrowed when there is none.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let Some(first) = find(text) else { return Cow::Borrowed(text) };
    let (mut out, mut at, mut next) = (String::with_capacity(text.len()), 0, Some(first));
    while let Some(found) = next {
        out.push_str(&text[at..found.start]);
        out.push_str(REMOVED);
        at = found.end;
        next = find_from(text, at);
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

fn find_from(text: &str, from: usize) -> Option<Range<usize>> {
    let (mut run, mut at) = (Run::default(), from);
    while run.read(text, &mut at) {
        if let Some(found) = run.card(text) {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests;
