//! Normal form of text: characters that are only written differently become the same (NFKC, lower case, digits of every
//! script), and spellings of a word that readers take for each other are listed. Marks are letters in most scripts
//! (dakuten, vowel signs, the breve of й), so they are dropped as accents in Latin and Greek alone.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::script::Script;

/// The digits zero of scripts that have their own; nine more follow each.
const ZEROS: &[u32] = &[
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040,
    0x17e0, 0x1810,
];

/// Text in lower case and normal form.
pub(super) fn normalize(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    let mut digit = false;
    let prepared = text.chars().filter(|c| !is_ignorable(*c)).flat_map(move |c| {
        // `1½` is one and a half, not eleven halves.
        let apart = digit && is_fraction(c);
        digit = c.is_numeric();
        apart.then_some(' ').into_iter().chain([same_sign(c)])
    });
    Cow::Owned(prepared.nfkc().flat_map(char::to_lowercase).map(same_letter).collect())
}

/// Characters without a shape of their own, or that only make a word longer.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | 'ـ' | '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

fn is_fraction(c: char) -> bool {
    matches!(c, '¼'..='¾' | '⅐'..='⅟' | '↉')
}

/// One sign for those that NFKC keeps apart, or takes for letters.
fn same_sign(c: char) -> char {
    match c {
        '™' | '℠' | '®' | '©' | '‐'..='―' | '−' => '-',
        '‘' | '’' | '‛' | '′' | '´' | '`' | 'ʼ' | 'ʹ' => '\'',
        '“' | '”' | '„' | '‟' | '″' => '"',
        '✕' | '✖' | '⨯' | '╳' => '×',
        '\u{200b}' => ' ',
        'İ' => 'i',
        c => c,
    }
}

/// One letter for those that differ by their place or script alone.
fn same_letter(c: char) -> char {
    match c {
        '\u{2044}' => '/',
        'ς' => 'σ',
        'ё' => 'е',
        '٫' => '.',
        '٬' => ',',
        c if c.is_ascii() => c,
        c => {
            let number = u32::from(c);
            let digit = ZEROS.iter().find_map(|zero| number.checked_sub(*zero).filter(|digit| *digit < 10));
            digit.and_then(|digit| char::from_digit(digit, 10)).unwrap_or(c)
        }
    }
}

/// A word in normal form as it is typed on a keyboard without its accents.
pub(crate) fn fold(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return Cow::Borrowed(word);
    }
    let mut folded = String::with_capacity(word.len());
    let mut script = Script::Other;
    for c in word.chars() {
        if is_combining_mark(c) && !is_letter_of(c, script) {
            continue;
        }
        if !is_combining_mark(c) {
            script = Script::of(c);
        }
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'أ' | 'إ' | 'آ' | 'ٱ' => folded.push('ا'),
            'ى' | 'ی' => folded.push('ي'),
            'ک' => folded.push('ك'),
            'ة' => folded.push('ه'),
            'ؤ' => folded.push('و'),
            'ئ' => folded.push('ي'),
            c if matches!(script, Script::Latin | Script::Greek) => {
                folded.extend(std::iter::once(c).nfd().filter(|c| !is_combining_mark(*c)));
            }
            c => folded.push(c),
        }
    }
    Cow::Owned(folded)
}

/// True for a mark that is part of the word after a letter of this script. Arabic and Hebrew vowel points are for learners:
/// names of goods are written without.
fn is_letter_of(mark: char, script: Script) -> bool {
    match script {
        Script::Latin | Script::Greek | Script::Arabic | Script::Hebrew => false,
        // Stress marks.
        Script::Cyrillic => !matches!(mark, '\u{300}' | '\u{301}'),
        _ => true,
    }
}

/// As it is written where there are no umlauts: `kuehler`. None when there are none in it.
pub(super) fn expand(word: &str) -> Option<String> {
    let umlaut = |c| matches!(c, 'ä' | 'ö' | 'ü' | 'å' | 'ø');
    if !word.contains(umlaut) {
        return None;
    }
    let mut expanded = String::with_capacity(word.len() + 2);
    for c in word.chars() {
        match c {
            'ä' => expanded.push_str("ae"),
            'ö' | 'ø' => expanded.push_str("oe"),
            'ü' => expanded.push_str("ue"),
            'å' => expanded.push_str("aa"),
            c => expanded.push(c),
        }
    }
    Some(fold(&expanded).into_owned())
}
