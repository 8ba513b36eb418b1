//! Numbers as the country of a file writes them: point or comma before the decimals, groups of digits, digits of other scripts.
//! What may mean two things is no number until the file or the mapping has settled which.

use super::fields::code;
use crate::decimal::Decimal;
use crate::text::visible;

/// What stands before the decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecimalMark {
    Point,
    Comma,
}

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoNumber {
    /// Something else.
    Other,
    /// `1.299`: thousands, or decimals.
    Ambiguous,
}

impl NoNumber {
    /// For people, after what was read.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Other => "not a number",
            Self::Ambiguous => {
                "may be thousands or decimals, and no other number of the file says which: set decimal in the mapping"
            }
        }
    }
}

/// Signs that stand between groups of digits and nowhere else in a number.
const GROUP_SIGNS: &[char] = &['\'', '’', '\u{2bc}', ' ', '\u{a0}', '\u{202f}', '\u{2009}', '_'];

/// What the numbers of a file say about its decimal mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    point: bool,
    comma: bool,
}

impl Evidence {
    /// Takes one more number into account.
    pub(crate) fn observe(&mut self, text: &str) {
        let Some(parts) = Parts::of(text) else { return };
        match parts.mark() {
            Mark::Only(mark) if parts.number(Some(mark)).is_none() => {}
            Mark::Only(DecimalMark::Point) => self.point = true,
            Mark::Only(DecimalMark::Comma) => self.comma = true,
            Mark::None | Mark::Either => {}
        }
    }

    /// The one mark that was seen.
    pub(crate) fn mark(self) -> Option<DecimalMark> {
        match (self.point, self.comma) {
            (true, false) => Some(DecimalMark::Point),
            (false, true) => Some(DecimalMark::Comma),
            _ => None,
        }
    }

    /// Whether it was seen at all.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// What both say.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { point: self.point || other.point, comma: self.comma || other.comma }
    }
}

/// A number whose decimal mark is `mark`, or is told by the number itself: one that can only have the other mark has it, as files are
/// put together from several.
pub(crate) fn read(text: &str, mark: Option<DecimalMark>) -> Result<Decimal, NoNumber> {
    // What programs write needs no more: `12`, `12.50`, `1e3`.
    if (mark == Some(DecimalMark::Point) || !text.contains(['.', ',']))
        && let Ok(number) = text.parse()
    {
        return Ok(number);
    }
    let parts = Parts::of(text).ok_or(NoNumber::Other)?;
    let mark = match (mark, parts.mark()) {
        (Some(mark), Mark::Only(own)) if parts.number(Some(mark)).is_none() => Some(own),
        (Some(mark), _) | (None, Mark::Only(mark)) => Some(mark),
        (None, Mark::None) => None,
        (None, Mark::Either) => return Err(NoNumber::Ambiguous),
    };
    parts.number(mark).ok_or(NoNumber::Other)
}

/// Whether a number could be thousands as well as decimals, were it not for others.
pub(crate) fn is_ambiguous(text: &str) -> bool {
    Parts::of(text).is_some_and(|parts| matches!(parts.mark(), Mark::Either))
}

/// What a number says about its decimal mark.
enum Mark {
    /// It has none.
    None,
    /// It can only be this one.
    Only(DecimalMark),
    /// One point or comma with three digits behind it.
    Either,
}

/// A number taken apart: groups of ASCII digits and the signs between them, `.` for a point, `,` for a comma and `'` for any
/// other.
struct Parts {
    negative: bool,
    groups: Vec<String>,
    signs: Vec<char>,
}

impl Parts {
    fn of(text: &str) -> Option<Self> {
        let text = visible(text);
        let text = code(&text);
        let minus = |c: char| matches!(c, '-' | '−' | '－' | '﹣');
        let (negative, text) = match (text.strip_prefix(minus), text.strip_suffix(minus)) {
            (Some(rest), None) | (None, Some(rest)) => (true, rest),
            (None, None) => (false, text.strip_prefix(['+', '＋']).unwrap_or(text)),
            (Some(_), Some(_)) => return None,
        };
        let mut parts = Self { negative, groups: vec![String::new()], signs: Vec::new() };
        for c in text.trim().chars() {
            let sign = match c {
                '.' | '．' => '.',
                ',' | '，' | '٫' | '،' => ',',
                '٬' => '٬',
                c if GROUP_SIGNS.contains(&c) => '\'',
                c => {
                    parts.groups.last_mut()?.push(digit(c)?);
                    continue;
                }
            };
            parts.signs.push(sign);
            parts.groups.push(String::new());
        }
        // The Arabic sign for thousands is often typed for that of decimals, which is the only thing it can be where no three
        // digits follow.
        let decimals = parts.groups.last().is_some_and(|last| last.len() != 3);
        if decimals
            && parts.signs.iter().filter(|sign| **sign == '٬').count() == 1
            && !parts.signs.contains(&',')
            && let Some(last) = parts.signs.last_mut().filter(|sign| **sign == '٬')
        {
            *last = ',';
        }
        parts.signs.iter_mut().filter(|sign| **sign == '٬').for_each(|sign| *sign = '\'');
        // `.5` is a number, `5.` and `1..5` are not.
        let whole = parts.groups.iter().skip(1).all(|group| !group.is_empty());
        (whole && (parts.groups.len() > 1 || !parts.groups[0].is_empty())).then_some(parts)
    }

    fn mark(&self) -> Mark {
        let only = |sign: char| Mark::Only(if sign == '.' { DecimalMark::Point } else { DecimalMark::Comma });
        let other = |sign: char| only(if sign == '.' { ',' } else { '.' });
        let marks: Vec<char> = self.signs.iter().copied().filter(|sign| *sign != '\'').collect();
        let Some(last) = marks.last().copied() else { return Mark::None };
        if marks.iter().any(|sign| *sign != last) || marks.len() < self.signs.len() {
            // Two kinds of signs: the last one stands before the decimals. Where it stands twice nothing fits.
            return match marks.iter().filter(|sign| **sign == last).count() {
                1 if self.signs.last() == Some(&last) => only(last),
                _ => other(last),
            };
        }
        if marks.len() > 1 {
            return other(last);
        }
        let (before, after) = (&self.groups[0], &self.groups[1]);
        let groups = after.len() == 3 && (1..=3).contains(&before.len()) && !before.starts_with('0');
        if groups { Mark::Either } else { only(last) }
    }

    fn number(&self, mark: Option<DecimalMark>) -> Option<Decimal> {
        let sign = match mark {
            Some(DecimalMark::Point) => '.',
            Some(DecimalMark::Comma) => ',',
            None => '\0',
        };
        let decimals = match self.signs.iter().filter(|s| **s == sign).count() {
            0 => None,
            1 if self.signs.last() == Some(&sign) => self.groups.last(),
            _ => return None,
        };
        let whole = &self.groups[..self.groups.len() - usize::from(decimals.is_some())];
        if !are_groups(whole) {
            return None;
        }
        let mut text = if self.negative { "-".to_owned() } else { String::new() };
        text.push_str(if whole.len() == 1 && whole[0].is_empty() { "0" } else { "" });
        whole.iter().for_each(|group| text.push_str(group));
        if let Some(decimals) = decimals {
            text.push('.');
            text.push_str(decimals);
        }
        text.parse().ok()
    }
}

/// Groups of three digits, or of two before the last three as in India; else `1,5` would silently become 15.
fn are_groups(groups: &[String]) -> bool {
    let Some((first, rest)) = groups.split_first() else { return false };
    let Some((last, middle)) = rest.split_last() else { return true };
    let of_two = middle.first().is_some_and(|group| group.len() == 2);
    let longest = if of_two { 2 } else { 3 };
    (1..=longest).contains(&first.len()) && last.len() == 3 && middle.iter().all(|group| group.len() == longest)
}

/// A decimal digit of any script as ASCII has it.
fn digit(c: char) -> Option<char> {
    /// The zeros; nine digits follow each.
    const ZEROS: &[char] =
        &['0', '٠', '۰', '߀', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '๐', '໐', '༠', '၀', '០', '᠐', '０'];
    let zero = ZEROS.iter().rev().find(|zero| **zero <= c)?;
    char::from_digit(u32::from(c) - u32::from(*zero), 10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, mark: Option<DecimalMark>) -> String {
        match read(text, mark) {
            Ok(number) => number.to_string(),
            Err(NoNumber::Ambiguous) => "?".to_owned(),
            Err(NoNumber::Other) => "-".to_owned(),
        }
    }

    #[test]
    fn numbers_of_every_country() {
        for (text, want) in [
            ("12", "12"),
            ("12.50", "12.5"),
            ("12,50", "12.5"),
            ("0,125", "0.125"),
            (".5", "0.5"),
            ("-3,5", "-3.5"),
            ("−3.5", "-3.5"),
            ("3,50-", "-3.5"),
            ("+7", "7"),
            ("1.299,00", "1299"),
            ("1,299.00", "1299"),
            ("1'299.00", "1299"),
            ("1’299,50", "1299.5"),
            ("1 299", "1299"),
            ("15\u{202f}000,5", "15000.5"),
            ("1.234.567", "1234567"),
            ("12,34,567.80", "1234567.8"),
            ("12,34,567", "1234567"),
            ("1234,567", "1234.567"),
            ("１，２３４．５", "1234.5"),
            ("١٢٣٫٥", "123.5"),
            ("۱۲٬۳۴۵", "12345"),
            ("١٢٬٥٠", "12.5"),
            ("١٢،٥٠", "12.5"),
            ("١٬٢٩٩٫٥٠", "1299.5"),
            ("\u{200f}-\u{200e}12.50\u{202c}", "-12.5"),
            ("'0012", "12"),
            ("=\"12.5\"", "12.5"),
            ("१२.५", "12.5"),
            ("1e3", "1000"),
            ("1.299", "?"),
            ("999,000", "?"),
            ("1.2.3", "-"),
            ("1,5,0", "-"),
            ("1.234,567.8", "-"),
            ("12 50", "-"),
            ("5.", "-"),
            ("", "-"),
            ("-", "-"),
            ("--1", "-"),
            ("-1-", "-"),
            ("a few", "-"),
            ("12 kg", "-"),
        ] {
            assert_eq!(shown(text, None), want, "{text}");
        }
        assert_eq!(shown("1.299", Some(DecimalMark::Comma)), "1299");
        assert_eq!(shown("1.299", Some(DecimalMark::Point)), "1.299");
        assert_eq!(shown("1,299", Some(DecimalMark::Point)), "1299");
        assert_eq!(shown("1,5", Some(DecimalMark::Point)), "1.5", "it can be nothing else");
        assert_eq!(shown("12.50", Some(DecimalMark::Comma)), "12.5");
        assert_eq!(shown("1.2.3", Some(DecimalMark::Comma)), "-");
    }

    #[test]
    fn a_file_settles_what_a_number_leaves_open() {
        let settled = |texts: &[&str]| {
            let mut evidence = Evidence::default();
            texts.iter().for_each(|text| evidence.observe(text));
            evidence.mark()
        };
        assert_eq!(settled(&["1.299", "12,50"]), Some(DecimalMark::Comma));
        assert_eq!(settled(&["1.299", "1,299.50"]), Some(DecimalMark::Point));
        assert_eq!(settled(&["1.234.567"]), Some(DecimalMark::Comma));
        assert_eq!(settled(&["1.299", "12", "x"]), None);
        assert_eq!(settled(&["12.5", "12,5"]), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_or_none(text in "\\PC{0,12}|[0-9.,' -]{0,12}") {
            for mark in [None, Some(DecimalMark::Point), Some(DecimalMark::Comma)] {
                let _ = read(&text, mark);
            }
        }

        #[test]
        fn what_a_country_writes_is_what_is_read(number in 0i64..10_000_000, cents in 0u32..100) {
            let digits = number.to_string();
            let grouped = |sign: &str| {
                let start = digits.len() % 3;
                let mut groups: Vec<&str> = if start > 0 { vec![&digits[..start]] } else { vec![] };
                groups.extend((start..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
                groups.join(sign)
            };
            let want = Decimal::new(number * 100 + i64::from(cents), 2);
            for (group, mark) in [(".", ","), (",", "."), ("'", "."), ("\u{202f}", ","), ("", ","), ("", ".")] {
                let text = format!("{}{mark}{cents:02}", grouped(group));
                prop_assert_eq!(read(&text, None), Ok(want), "{}", text);
            }
        }
    }
}
