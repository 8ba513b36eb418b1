//! Property tests of the detector: what is found however it is written, and what passes although it looks like a card.

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// Numbers that payment providers publish for tests.
const CARDS: [&str; 15] = [
    "4111111111111111",
    "4242424242424242",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "6011000990139424",
    "3530111333300000",
    "6200000000000005",
    "6205500000000000004",
    "6759649826438453",
    "2200000000000004",
    "6062826786276634",
];

fn check_digit(digits: &[u8]) -> u8 {
    (0..10).find(|last| luhn_holds(digits, *last)).unwrap()
}

/// Written apart from the code it tests.
fn luhn_holds(digits: &[u8], last: u8) -> bool {
    let mut sum = u32::from(last);
    for (at, digit) in digits.iter().rev().enumerate() {
        let doubled = u32::from(*digit) * if at % 2 == 0 { 2 } else { 1 };
        sum += doubled / 10 + doubled % 10;
    }
    sum % 10 == 0
}

fn text_of(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

/// A card of an issuer with prefix and length.
fn card(random: &mut StdRng, prefix: &str, length: usize) -> String {
    let mut digits: Vec<u8> = prefix.bytes().map(|byte| byte - b'0').collect();
    while digits.len() + 1 < length {
        digits.push(random.random_range(0..10));
    }
    digits.push(check_digit(&digits));
    text_of(&digits)
}

fn gs1(random: &mut StdRng, prefix: &str, length: usize) -> String {
    let mut digits: Vec<u8> = prefix.bytes().map(|byte| byte - b'0').collect();
    while digits.len() + 1 < length {
        digits.push(random.random_range(0..10));
    }
    let sum: u32 = digits.iter().rev().enumerate().map(|(at, d)| u32::from(*d) * if at % 2 == 0 { 3 } else { 1 }).sum();
    digits.push(u8::try_from((10 - sum % 10) % 10).unwrap());
    text_of(&digits)
}

#[test]
fn known_numbers_are_found_however_they_are_written() {
    for number in CARDS {
        assert_eq!(find(number), Some(0..number.len()), "{number}");
        for text in [
            format!("pay {number}, please"),
            format!("({number})"),
            format!("token={number}&x"),
            format!("tok_{number}"),
            format!("card{number}exp0127"),
            format!("No{number}"),
            format!("卡号{number}号"),
            format!("12/27 {number} 999"),
            format!("\\n{number}"),
            number.chars().map(|digit| format!("{digit} ")).collect(),
            number.chars().map(|digit| format!("{digit}\u{200b}")).collect(),
        ] {
            assert!(holds(&text), "{text}");
        }
    }
    for text in [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111\u{a0}1111\u{2009}1111\u{202f}1111",
        "4111.1111.1111.1111",
        "4111 - 1111 - 1111 - 1111",
        "4111\u{2013}1111\u{2013}1111\u{2013}1111",
        "4111_1111_1111_1111",
        "41111 11111 111111",
        "12 4111 1111 1111 1111 99",
        "4111 1111 1111 1111 1227",
        "3782 822463 10005",
        "3056 930902 5904",
        "６０１１ １１１１ １１１１ １１１７",
        "٤١١١١١١١١١١١١١١١",
        "+49 171 1234567 4111 1111 1111 1111",
        "order S-1000001: 4111111111111111",
    ] {
        assert!(holds(text), "{text}");
    }
}

#[test]
fn what_is_no_card_passes() {
    for text in [
        "",
        "4111111111111112",
        "S-1000001",
        "order 1000001 of 2026-11-29 02:47:32.123456789",
        "4006381333931",
        "EAN 4 006381 333931, 9783161484100",
        "04006381333931",
        "SKU4111111111111111",
        "4111111111111111kg",
        "ABC4111111111111111XYZ",
        "DE89 3704 0044 0532 0130 00",
        "GB82 WEST 1234 5698 7654 32",
        "+49 (0) 30 12345678",
        "0049 171 123456789",
        "+1 415-555-2671, 415-555-2672",
        "1Z999AA10123456784",
        "00340434161094015902",
        "9400 1000 0000 0000 0000 00",
        "0.4532015112830366",
        "38 39 40 41 42 43 44",
        "12.99 13.49 14.00 15.50 16.00 17.00",
        "1999 2001 2004 2010",
        "1700000000000",
        "{\"at\":1700000000000000,\"took\":0.4532015112830366}",
        "00000000-0000-4000-8411-111111111111",
        "/api/v1/carts/41111111-1111-4111-8111-111111111111/lines",
        "5d41402abc4b2a76b9719d911017c592",
    ] {
        assert_eq!(find(text), None, "{text}");
    }
}

#[test]
fn only_the_number_is_taken_out() {
    assert_eq!(scrub("a 4111 1111 1111 1111, b 378282246310005."), "a [card number removed], b [card number removed].");
    assert!(matches!(scrub("cart 41111111-1111-4111-8111-111111111111"), Cow::Borrowed(_)));
}

/// A hundred thousand of each, the same every time.
#[test]
fn no_identifier_in_usual_writing_is_taken_for_a_card() {
    let random = &mut StdRng::seed_from_u64(9);
    for _ in 0..100_000 {
        let uuid = uuid::Uuid::from_u128(random.random());
        // The worst case: only decimal digits.
        let decimal: Vec<u8> = (0..32).map(|_| random.random_range(0..10)).collect();
        let decimal = text_of(&decimal);
        let decimal = [&decimal[..8], &decimal[8..12], &decimal[12..16], &decimal[16..20], &decimal[20..]].join("-");
        let ean_prefix = random.random_range(100..1000).to_string();
        let (ean, gtin) = (gs1(random, &ean_prefix, 13), gs1(random, "", 14));
        let order = format!("S-{}", random.random_range(1_000_000u64..10_000_000_000));
        let (country, area) = (random.random_range(1..1000), random.random_range(10..1000));
        let (left, right) = (random.random_range(1_000..100_000), random.random_range(10..10_000));
        for text in [
            format!("/carts/{uuid}"),
            format!("/carts/{decimal}/lines"),
            ean.clone(),
            format!("GTIN {gtin}"),
            format!("{order} {ean} {gtin}"),
            order,
            format!("+{country} {area} {left} {right}"),
            format!("+{country}{area}{left}"),
            format!("+{country}-{area}-{left}"),
            format!("00{country} {area} {left}{right}"),
            format!("0{area} {left} {right}"),
            format!("0{area}/{left}-{right}"),
            format!("({area}) 555-{right:04}"),
        ] {
            assert_eq!(find(&text), None, "{text}");
        }
    }
}

#[test]
fn every_issuers_numbers_are_found_in_text() {
    const ISSUERS: [(&str, usize); 22] = [
        ("4", 16),
        ("4", 19),
        ("51", 16),
        ("55", 16),
        ("2221", 16),
        ("2720", 16),
        ("34", 15),
        ("37", 15),
        ("6011", 16),
        ("644", 16),
        ("65", 19),
        ("305", 16),
        ("36", 16),
        ("39", 16),
        ("3528", 16),
        ("3589", 16),
        ("62", 16),
        ("62", 19),
        ("50", 16),
        ("67", 19),
        ("2204", 16),
        ("8171", 16),
    ];
    const SEPARATORS: [&str; 12] =
        ["", " ", "-", ".", "\u{a0}", "\u{2009}", "\u{2013}", "_", " - ", "\u{200b}", "\u{3000}", "/"];
    let random = &mut StdRng::seed_from_u64(10);
    for round in 0..100_000 {
        let (prefix, length) = ISSUERS[round % ISSUERS.len()];
        let number = card(random, prefix, length);
        let separator = SEPARATORS[random.random_range(0..SEPARATORS.len())];
        let size = [1, 4, 4, 4][random.random_range(0..4)];
        // Fifteen digits are printed 4-6-5.
        let cuts: Vec<usize> =
            if size == 4 && length == 15 { vec![4, 10] } else { (1..length).filter(|at| at % size == 0).collect() };
        let mut written = String::new();
        for (at, digit) in number.chars().enumerate() {
            if cuts.contains(&at) {
                written.push_str(separator);
            }
            // A zero, in the script that is used.
            let zero = [0x30, 0xff10, 0x660, 0x966][(round / 7) % 4];
            written.push(char::from_u32(zero + digit.to_digit(10).unwrap()).unwrap());
        }
        let (before, after) =
            (["", "my card: ", "12 ", "n\u{b0} "][round % 4], ["", " thanks", ", 12/27", ") "][round / 4 % 4]);
        // Single digits are told from lists only where nothing more of the kind stands beside them.
        let text = format!("{before}{written}{after}");
        assert!(holds(&text), "{text}");
        assert!(!holds(&scrub(&text)), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_and_what_is_scrubbed_holds_none(text in "\\PC*|[0-9 .\\-]{0,80}|[0-9a-f\\-]{0,80}") {
        let scrubbed = scrub(&text);
        if let Some(found) = find(&text) {
            prop_assert!(text.is_char_boundary(found.start) && text.is_char_boundary(found.end));
            prop_assert!(scrubbed.contains(REMOVED));
        }
    }
}
