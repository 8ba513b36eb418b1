//! Numbers as they are written: with a point or a comma, with groups of three digits, as fractions.

use std::borrow::Cow;

/// Denominators of fractions that sizes are given in.
const DENOMINATORS: &[u32] = &[2, 3, 4, 5, 6, 8, 10, 16, 32, 64];

/// A number at the beginning of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Number<'a> {
    /// Bytes it takes.
    pub(super) length: usize,
    /// With a point before decimals and nothing between thousands.
    pub(super) text: Cow<'a, str>,
    /// What else it may mean: `10.000` is ten, or ten thousand.
    pub(super) other: Option<String>,
}

/// Reads the number that `text` begins with; its first character is a digit.
pub(super) fn read(text: &str) -> Number<'_> {
    let (groups, signs) = groups(text);
    let plain = |group: &'_ str| group.len();
    let number = |count: usize, text: Cow<'_, str>, other| {
        let length = groups[..count].iter().map(|group| plain(group) + 1).sum::<usize>() - 1;
        (length, text.into_owned(), other)
    };
    let whole = |count: usize| groups[..count].concat();
    let (length, written, other) = match signs.as_slice() {
        [] => return Number { length: groups[0].len(), text: Cow::Borrowed(groups[0]), other: None },
        ['\''] => number(2, whole(2).into(), None),
        [_] => {
            let thousands = is_grouped(&groups) && groups[0] != "0";
            number(2, format!("{}.{}", groups[0], groups[1]).into(), thousands.then(|| whole(2)))
        }
        [first, .., last] if first != last && signs[..signs.len() - 1].iter().all(|sign| sign == first) => {
            match is_grouped(&groups[..signs.len()]) {
                true => number(groups.len(), format!("{}.{}", whole(signs.len()), groups[signs.len()]).into(), None),
                false => return first_of(&groups),
            }
        }
        [first, ..] if signs.iter().any(|sign| sign != first) => return first_of(&groups),
        _ if is_grouped(&groups) => number(groups.len(), whole(groups.len()).into(), None),
        // A version.
        ['.', ..] => number(groups.len(), groups.join(".").into(), None),
        // A list.
        _ => return first_of(&groups),
    };
    Number { length, text: Cow::Owned(written), other }
}

fn first_of<'a>(groups: &[&'a str]) -> Number<'a> {
    Number { length: groups[0].len(), text: Cow::Borrowed(groups[0]), other: None }
}

/// Runs of digits with the sign between each two.
fn groups(text: &str) -> (Vec<&str>, Vec<char>) {
    let (mut groups, mut signs) = (Vec::with_capacity(1), Vec::new());
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        groups.push(&rest[..end]);
        let mut after = rest[end..].chars();
        let Some(sign @ ('.' | ',' | '\'')) = after.next() else { break };
        rest = after.as_str();
        let three = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()) == 3;
        if !rest.starts_with(|c: char| c.is_ascii_digit()) || (sign == '\'' && !three) {
            break;
        }
        signs.push(sign);
    }
    (groups, signs)
}

/// True for groups of thousands, also as India writes them: `1,00,000`.
fn is_grouped(groups: &[&str]) -> bool {
    let [first, middle @ .., last] = groups else { return groups.len() == 1 };
    (1..=3).contains(&first.len()) && last.len() == 3 && middle.iter().all(|group| (2..=3).contains(&group.len()))
}

/// Bytes of the proper fraction that `text` begins with: `12/24` is two numbers.
pub(super) fn fraction(text: &str) -> Option<usize> {
    let (above, rest) = text.split_once('/')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let below = &rest[..end];
    let small = |number: &str| number.parse::<u32>().ok().filter(|_| number.len() <= 2 && !number.starts_with('0'));
    let (numerator, denominator) = (small(above)?, small(below)?);
    // A date or a path goes on.
    let mut after = rest[end..].chars();
    let goes_on = matches!(after.next(), Some('/' | '.' | ',')) && after.next().is_some_and(|c| c.is_ascii_digit());
    let proper = numerator < denominator && DENOMINATORS.contains(&denominator) && !goes_on;
    proper.then_some(above.len() + 1 + end)
}

/// Without zeros that say nothing: `2.50` is `2.5`.
pub(super) fn trimmed(number: &str) -> &str {
    match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_countries_write_them() {
        for (text, length, number, other) in [
            ("17", 2, "17", None),
            ("17.3 x", 4, "17.3", None),
            ("17,3\"", 4, "17.3", None),
            ("3,5", 3, "3.5", None),
            ("10.000", 6, "10.000", Some("10000")),
            ("10,000", 6, "10.000", Some("10000")),
            ("0,125", 5, "0.125", None),
            ("1.234.567", 9, "1234567", None),
            ("1.234,50", 8, "1234.50", None),
            ("1,234.5", 7, "1234.5", None),
            ("1'000", 5, "1000", None),
            ("1,00,000", 8, "100000", None),
            ("1.2.3", 5, "1.2.3", None),
            ("1,2,3", 1, "1", None),
            ("12,", 2, "12", None),
            ("5.", 1, "5", None),
            ("5' x", 1, "5", None),
            ("1,5.2,7", 1, "1", None),
        ] {
            let read = read(text);
            let got = (read.length, read.text.as_ref(), read.other.as_deref());
            assert_eq!(got, (length, number, other), "{text}");
        }
    }

    #[test]
    fn a_fraction_is_proper_and_ends() {
        for (text, length) in [("1/2", Some(3)), ("3/8\"", Some(3)), ("15/16 zoll", Some(5)), ("1/2. ", Some(3))] {
            assert_eq!(fraction(text), length, "{text}");
        }
        for text in ["12/24", "1/2/3", "5/3", "100/240", "1/7", "01/02", "1/", "1/x", "1", "1/2.5"] {
            assert_eq!(fraction(text), None, "{text}");
        }
        assert_eq!((trimmed("2.50"), trimmed("2.0"), trimmed("20"), trimmed("3.5")), ("2.5", "2", "20", "3.5"));
    }
}
