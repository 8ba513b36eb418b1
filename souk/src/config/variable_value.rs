//! Parser of environment variables' values: `true`, `5`, `0.5`, `[a, "b, c"]` and `{count = 5}` are what they look like, everything
//! else is text as it stands. Words in lists need no quotes, which a shell would take away.

use toml::{Table, Value};

/// What a variable of this text sets.
pub(super) fn parse(text: &str) -> Value {
    let mut rest = text;
    match value(&mut rest) {
        Some(value) if rest.trim().is_empty() => value,
        // `[::1]:8080`, `true story`, `"open`.
        _ => Value::String(text.to_owned()),
    }
}

fn value(rest: &mut &str) -> Option<Value> {
    *rest = rest.trim_start();
    match rest.chars().next() {
        Some('[') => list(rest).map(Value::Array),
        Some('{') => table(rest).map(Value::Table),
        Some('"') => quoted(rest).map(Value::String),
        _ => Some(word(rest)),
    }
}

fn list(rest: &mut &str) -> Option<Vec<Value>> {
    let mut items = Vec::new();
    members(rest, '[', ']', |rest| {
        items.push(value(rest)?);
        Some(())
    })?;
    Some(items)
}

fn table(rest: &mut &str) -> Option<Table> {
    let mut table = Table::new();
    members(rest, '{', '}', |rest| {
        let key = if rest.starts_with('"') { quoted(rest)? } else { bare_key(rest)? };
        *rest = rest.trim_start().strip_prefix('=')?;
        table.insert(key, value(rest)?);
        Some(())
    })?;
    Some(table)
}

/// Reads what stands between `open` and `close`, separated by commas.
fn members(rest: &mut &str, open: char, close: char, mut member: impl FnMut(&mut &str) -> Option<()>) -> Option<()> {
    *rest = rest.strip_prefix(open)?.trim_start();
    while !rest.starts_with(close) {
        member(rest)?;
        *rest = rest.trim_start();
        match rest.strip_prefix(',') {
            Some(more) => *rest = more.trim_start(),
            None if rest.starts_with(close) => {}
            None => return None,
        }
    }
    *rest = rest.strip_prefix(close)?;
    Some(())
}

fn bare_key(rest: &mut &str) -> Option<String> {
    let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !"_-".contains(letter))?;
    let (key, after) = rest.split_at(end);
    *rest = after;
    (!key.is_empty()).then(|| key.to_owned())
}

/// Text in quotes, with the escapes of TOML.
fn quoted(rest: &mut &str) -> Option<String> {
    let mut escaped = false;
    let closes = |letter: char| match letter {
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' => {
            escaped = true;
            false
        }
        letter => letter == '"',
    };
    let end = rest.strip_prefix('"')?.find(closes)? + 2;
    let (token, after) = rest.split_at(end);
    *rest = after;
    match token.parse().ok()? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn word(rest: &mut &str) -> Value {
    let end = rest.find([',', '[', ']', '{', '}']).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    let word = word.trim();
    let float = || if word.contains('.') { word.parse().map(Value::Float).ok() } else { None };
    let number = || word.parse().map(Value::Integer).ok();
    let flag = word.parse().map(Value::Boolean).ok();
    flag.or_else(float).or_else(number).unwrap_or_else(|| Value::String(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_look_like() {
        for (text, toml) in [
            ("true", "true"),
            (" false ", "false"),
            ("64", "64"),
            ("-2", "-2"),
            ("0.5", "0.5"),
            ("[a:1, b:2]", "['a:1', 'b:2']"),
            ("[]", "[]"),
            ("[ 1, true, hi, \"a, b \", ]", "[1, true, 'hi', 'a, b ']"),
            ("[[-1], {a=[ b ]}]", "[[-1], { a = ['b'] }]"),
            ("{count = 5, per_seconds=1, \"x y\" = z}", "{ count = 5, per_seconds = 1, 'x y' = 'z' }"),
            (r#""a\tb\"""#, r#""a\tb\"""#),
            (r#""64""#, "'64'"),
        ] {
            assert_eq!(parse(text), toml.parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn everything_else_is_text_as_it_stands() {
        for text in [
            "[::1]:8080",
            "true story",
            "\"open",
            "[a, b",
            "{a}",
            "{=1}",
            "info,souk_gateway=debug",
            "postgresql://a:p@h/d",
            "1.2.3.4",
            "2026-01-01",
            "1_000",
            "0x10",
            "inf",
            "",
            "99999999999999999999",
            "[a b]c",
        ] {
            assert_eq!(parse(text), Value::String(text.into()), "{text}");
        }
    }
}
