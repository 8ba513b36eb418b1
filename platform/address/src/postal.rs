//! Postal codes: what those of a country look like, however a buyer's keyboard writes them. What may differ is how one is
//! typed (capitals, the blank or hyphen within, digits of another script, the country's sign in front), never its digits.

use std::sync::OnceLock;

use regex::Regex;

/// The postal codes of one country.
#[derive(Debug)]
pub(crate) struct PostalCodes {
    code: &'static str,
    pattern: &'static str,
    prefix: &'static str,
    pub(crate) examples: Vec<&'static str>,
    compiled: OnceLock<Option<Regex>>,
}

/// Signs that vehicles have and letters had, where they are not the country's code.
const SIGNS: &[(&str, &str)] = &[
    ("AT", "A"),
    ("BE", "B"),
    ("DE", "D"),
    ("ES", "E"),
    ("FI", "FIN"),
    ("FR", "F"),
    ("HU", "H"),
    ("IT", "I"),
    ("LI", "FL"),
    ("LU", "L"),
    ("NO", "N"),
    ("PT", "P"),
    ("SE", "S"),
    ("SI", "SLO"),
];

/// Zeros of the digits that keyboards have.
const ZEROS: &[char] = &[
    '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{be6}', '\u{c66}', '\u{ce6}',
    '\u{d66}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{17e0}', '\u{ff10}',
];

impl PostalCodes {
    /// None where the data set has no pattern.
    pub(crate) fn new(
        code: &'static str,
        pattern: &'static str,
        examples: &'static str,
        prefix: &'static str,
    ) -> Option<Self> {
        let examples = examples.split(',').filter(|example| !example.is_empty()).collect();
        (!pattern.is_empty()).then(|| Self { code, pattern, prefix, examples, compiled: OnceLock::new() })
    }

    /// True for a code that the country may have, in the form of [`plain`].
    pub(crate) fn matches(&self, plain: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| Regex::new(&self.tolerant()).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(plain))
    }

    /// The data set's pattern for the whole text, with either separator or none where it has one, and the country's sign in
    /// front allowed.
    fn tolerant(&self) -> String {
        let sign = SIGNS.iter().find(|(code, _)| *code == self.code).map_or(self.code, |(_, sign)| sign);
        let prefix = match self.prefix.trim_end_matches('-') {
            "" => self.code,
            prefix => prefix,
        };
        // Letters that every code of the country begins with may be left out when digits follow.
        let letters = self.pattern.find(|c: char| !c.is_ascii_uppercase() && c != ' ' && c != '-').unwrap_or(0);
        let (fixed, rest) = self.pattern.split_at(letters);
        let digits_follow = rest.starts_with("\\d") || (rest.starts_with('[') && !self.pattern.contains('|'));
        let body = match digits_follow && !fixed.is_empty() {
            true => format!("(?:{fixed})?{rest}"),
            false => self.pattern.to_owned(),
        };
        format!("^(?:(?:{}|{prefix})[ -]?|{sign}-)?(?:{})$", self.code, any_separator(&body))
    }

    #[cfg(test)]
    pub(crate) fn as_published(&self) -> Regex {
        Regex::new(&format!("^(?:{})$", self.pattern)).unwrap()
    }
}

/// `pattern` with `[ -]?` for each blank and hyphen in it.
fn any_separator(pattern: &str) -> String {
    let pattern = pattern.replace("[ \\-]", " ");
    let mut out = String::with_capacity(pattern.len() + 16);
    let (mut in_class, mut chars) = (false, pattern.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            ' ' | '-' if !in_class => {
                out.push_str("[ -]?");
                chars.next_if_eq(&'?');
                continue;
            }
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        out.push(c);
    }
    out
}

/// A postal code as it is compared: capitals, ASCII digits, hyphens of one kind, single blanks, without the Japanese sign.
pub(crate) fn plain(typed: &str) -> String {
    let mut out = String::with_capacity(typed.len());
    for c in typed.chars().filter(|c| !matches!(c, '〒' | '〶')) {
        let c = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{fe58}' | '\u{fe63}' | '\u{ff70}' => '-',
            c => ascii_digit(c).unwrap_or(c),
        };
        match c.is_whitespace() {
            true if out.is_empty() || out.ends_with([' ', '-']) => {}
            true => out.push(' '),
            false => {
                if c == '-' && out.ends_with(' ') {
                    out.pop();
                }
                out.extend(c.to_uppercase());
            }
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn ascii_digit(c: char) -> Option<char> {
    let value = ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(u32::from(*zero)).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

/// Letters and digits of a postal code, without the country's sign: what territories are told by.
pub(crate) fn bare(country: &str, typed: &str) -> String {
    let plain = plain(typed);
    let sign = SIGNS.iter().find(|(code, _)| *code == country).map(|(_, sign)| format!("{sign}-"));
    let code = Some(country).filter(|_| plain.len() > 4);
    let rest = sign.as_deref().and_then(|sign| plain.strip_prefix(sign)).or_else(|| {
        // `GB` may be the country's sign; the letters of a British postcode are its own.
        code.and_then(|code| plain.strip_prefix(code)).filter(|rest| rest.starts_with(['-', ' ']) || *country != *"GB")
    });
    rest.unwrap_or(&plain).chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::country;

    fn fits(code: &str, typed: &str) -> bool {
        country(code).unwrap().postal_codes.as_ref().unwrap().matches(&plain(typed))
    }

    #[test]
    fn a_code_may_be_typed_in_any_way() {
        for (code, typed) in [
            ("DE", "10115"),
            ("DE", " 10115 "),
            ("DE", "D-10115"),
            ("DE", "DE-10115"),
            ("DE", "１０１１５"),
            ("AT", "A-1010"),
            ("GB", "sw1a1aa"),
            ("GB", "SW1A 1AA"),
            ("GB", "sw1a-1aa"),
            ("GB", "BT1  1AA"),
            ("PT", "2725079"),
            ("PT", "2725 079"),
            ("PL", "00950"),
            ("PL", "00–950"),
            ("BR", "40301110"),
            ("JP", "〒154-0023"),
            ("JP", "１５４ー００２３"),
            ("JP", "1540023"),
            ("NL", "1234ab"),
            ("NL", "1234 AB"),
            ("US", "22162 1010"),
            ("US", "221621010"),
            ("CA", "h3z2y7"),
            ("CA", "H3Z-2Y7"),
            ("LV", "1073"),
            ("LV", "LV1073"),
            ("LT", "LT-04340"),
            ("SE", "SE-114 55"),
            ("SE", "S-11455"),
            ("CZ", "10000"),
            ("GR", "15124"),
            ("AD", "100"),
            ("BB", "23026"),
            ("KY", "KY1 1100"),
            ("IE", "a65f4e2"),
            ("IN", "110 001"),
            ("EG", "١٢٤١١"),
            ("IR", "۱۱۹۳۶-۱۲۳۴۵"),
            ("IN", "११०००१"),
            ("TH", "๑๐๑๕๐"),
            ("BD", "১৩৪০"),
            ("SV", "1101"),
            ("AX", "AX-22150"),
            ("MC", "MC 98000"),
            ("FI", "FIN-00550"),
            ("CL", "834-0457"),
            ("KZ", "A15H9Y1"),
            ("LI", "FL-9490"),
            ("CH", "CH-8001"),
            ("SA", "11564-1234"),
            ("LU", "L-2998"),
            ("MD", "MD-2012"),
            ("AI", "AI-2640"),
            ("GI", "gx111aa"),
        ] {
            assert!(
                fits(code, typed),
                "{code} {typed:?}: {}",
                country(code).unwrap().postal_codes.as_ref().unwrap().tolerant()
            );
        }
    }

    #[test]
    fn digits_too_many_or_of_another_country_do_not_pass() {
        for (code, typed) in [
            ("DE", "1011"),
            ("DE", "101155"),
            ("DE", "1011A"),
            ("DE", "F-75001"),
            ("DE", "SW1A 1AA"),
            ("DE", "10-115"),
            ("DE", "-"),
            ("GB", "10115"),
            ("GB", "ZZ1 1AA"),
            ("PT", "154-0023"),
            ("JP", "2725-079"),
            ("JP", "10115"),
            ("US", "1011"),
            ("US", "H3Z 2Y7"),
            ("CA", "90210"),
            ("CA", "D3Z 2Y7"),
            ("NL", "1234"),
            ("NL", "0234 AB"),
            ("FR", "1234"),
            ("AX", "00550"),
            ("FK", ""),
            ("FK", "1ZZ"),
            ("GI", "GX11"),
            ("VA", "00121"),
            ("SM", "47880"),
            ("PL", "009-50"),
            ("BR", "4030-1110"),
        ] {
            assert!(!fits(code, typed), "{code} {typed:?}");
        }
    }

    #[test]
    fn every_pattern_compiles_and_takes_its_examples() {
        for country in crate::countries() {
            for example in country.postal_examples() {
                assert!(fits(country.code, example), "{} {example}", country.code);
                assert!(fits(country.code, &example.to_lowercase()), "{} {example}", country.code);
            }
            if let Some(codes) = &country.postal_codes {
                assert!(!codes.examples.is_empty(), "{}", country.code);
                assert!(codes.compiled.get().is_some_and(Option::is_some), "{}: {}", country.code, codes.tolerant());
            }
        }
    }

    #[test]
    fn the_sign_is_no_part_of_the_bare_code() {
        assert_eq!(bare("ES", "35001"), "35001");
        assert_eq!(bare("ES", "E-35 001"), "35001");
        assert_eq!(bare("DE", "DE-27498"), "27498");
        assert_eq!(bare("GB", "bt1 1aa"), "BT11AA");
        assert_eq!(bare("FR", "FR 98000"), "98000");
        assert_eq!(bare("AX", "AX-22150"), "22150");
    }
}
