//! NDJSON parser: one line into a [`Record`]. The grammar is serde_json's; bounded here are depth and number of values, and
//! numbers keep their text.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::draft::Defect;
use crate::feed::record::{Record, Value};
use crate::limits;

/// Members of an object in their order, values not yet looked at.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Reads one row.
pub(crate) fn record(line: &str) -> Result<Record, Defect> {
    let mut left = limits::JSON_VALUES;
    let Members(members) = serde_json::from_str(line).map_err(broken)?;
    Ok(Record::Json(object(members, limits::JSON_DEPTH, &mut left)?))
}

fn broken(error: serde_json::Error) -> Defect {
    let (column, text) = (error.column(), error.to_string());
    let reason = text.split(" at line ").next().unwrap_or_default();
    Defect::new("broken_json", format!("no valid JSON object: {reason} at column {column}"))
}

fn object(members: Vec<(String, &RawValue)>, depth: usize, left: &mut usize) -> Result<Vec<(String, Value)>, Defect> {
    let mut out: Vec<(String, Value)> = Vec::with_capacity(members.len());
    for (name, raw) in members {
        out.push((name, value(raw.get(), depth, left)?));
    }
    let mut names: Vec<&str> = out.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let reason = format!("the member {:?} stands twice in one object", crate::draft::clip(twice[0]));
        return Err(Defect::new("duplicate_member", reason));
    }
    Ok(out)
}

fn value(raw: &str, depth: usize, left: &mut usize) -> Result<Value, Defect> {
    *left = left
        .checked_sub(1)
        .ok_or_else(|| Defect::new("too_many", format!("more than {} values in one row", limits::JSON_VALUES)))?;
    let nested = raw.starts_with(['[', '{']);
    if nested && depth == 0 {
        return Err(Defect::new("too_deep", format!("nested deeper than {} levels", limits::JSON_DEPTH)));
    }
    Ok(match raw.as_bytes().first() {
        Some(b'"') => Value::Text(serde_json::from_str(raw).map_err(broken)?),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'n') => Value::Null,
        Some(b'{') => {
            let Members(members) = serde_json::from_str(raw).map_err(broken)?;
            Value::Object(object(members, depth - 1, left)?)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(broken)?;
            Value::List(items.into_iter().map(|item| value(item.get(), depth - 1, left)).collect::<Result<_, _>>()?)
        }
        _ => Value::Number(raw.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(line: &str) -> &'static str {
        record(line).map(|_| "ok").unwrap_or_else(|defect| defect.code)
    }

    #[test]
    fn values_keep_their_text() {
        let row =
            record(r#"{"a":1.10,"b":"x\u00e9\n","c":[null,"",7],"d":{"e":true},"f":12345678901234567890.5}"#).unwrap();
        assert_eq!(row.get("a"), Some(&Value::Number("1.10".into())));
        assert_eq!(row.text("b").unwrap(), "xé");
        assert_eq!(row.text("c").unwrap(), "7");
        assert_eq!(row.text("d.e").unwrap(), "true");
        assert_eq!(row.text("f").unwrap(), "12345678901234567890.5");
        assert_eq!(row.text("nothing"), None);
    }

    #[test]
    fn what_is_no_row_is_refused() {
        for bad in ["", "[]", "{\"a\":}", "{\"a\":1}x", "null", "{\"a\":\"\\ud800\"}", "{\"a\":01}"] {
            assert_eq!(code(bad), "broken_json", "{bad}");
        }
        assert_eq!(code(r#"{"a":1,"a":2}"#), "duplicate_member");
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(code(&nested(limits::JSON_DEPTH)), "ok");
        assert_eq!(code(&nested(limits::JSON_DEPTH + 1)), "too_deep");
        assert_eq!(code(&nested(1_000_000)), "too_deep");
        assert_eq!(code(&format!("{{\"a\":{}", "[".repeat(1_000_000))), "broken_json");
        assert_eq!(code(&format!("{{\"a\":[{}1]}}", "1,".repeat(limits::JSON_VALUES))), "too_many");
    }
}
