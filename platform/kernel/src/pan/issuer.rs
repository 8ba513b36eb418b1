//! Issuer ranges and check digits: whether some digits may be a card's number, whatever they are written like.

/// What Luhn's and the issuers' rules say of `digits` (values, not characters), where they were written as one number.
pub(super) fn is_card(digits: &[u8]) -> bool {
    issued(digits) && luhn(digits) && !is_article(digits)
}

/// The same for digits that are grouped as only cards are.
pub(super) fn is_card_as_written(digits: &[u8]) -> bool {
    issued(digits) && luhn(digits)
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The check digit of GS1: EAN-13, GTIN-14, SSCC.
fn is_article(digits: &[u8]) -> bool {
    let sum = || digits.iter().rev().enumerate().map(|(at, d)| u32::from(*d) * if at % 2 == 0 { 1 } else { 3 });
    matches!(digits.len(), 13 | 14 | 18) && sum().sum::<u32>().is_multiple_of(10)
}

/// Prefixes of issuers, with the lengths each uses.
fn issued(digits: &[u8]) -> bool {
    let Some(first) = digits.first_chunk::<4>() else { return false };
    let prefix = first.iter().fold(0, |number, digit| number * 10 + u32::from(*digit));
    let length = digits.len();
    match prefix {
        // Visa
        4000..=4999 => matches!(length, 13 | 16 | 19),
        // Mastercard
        2221..=2720 | 5100..=5599 => length == 16,
        // American Express
        3400..=3499 | 3700..=3799 => length == 15,
        // Diners Club
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => matches!(length, 14 | 16..=19),
        // JCB
        3528..=3589 => (16..=19).contains(&length),
        // Mir
        2200..=2204 => (16..=19).contains(&length),
        // Maestro, and within its range Discover (6011, 644 to 649, 65), UnionPay (62) and RuPay (60, 65, 508)
        5000..=5099 | 5600..=5899 | 6000..=6999 => (13..=19).contains(&length),
        // RuPay, UnionPay
        8100..=8299 => (16..=19).contains(&length),
        _ => false,
    }
}
