//! Card numbers in JSON: in strings with their escapes undone, in names, and in numbers.

use serde_json::Value;

use super::{find, may_hold, scrub};

/// JSON pointer (RFC 6901) of the value in `body` that a card number stands in; empty where only the text as a whole can be
/// named, as for what is no JSON. A name that is a card number itself is taken out of the pointer.
pub fn find_in_json(body: &[u8]) -> Option<String> {
    if !may_hold(body) {
        return None;
    }
    let text = String::from_utf8_lossy(body);
    let plain = find(&text).is_some();
    if !plain && !text.contains("\\u") {
        return None;
    }
    let mut pointer = String::new();
    match serde_json::from_str::<Value>(&text) {
        Ok(value) if walk(&value, &mut pointer) => Some(pointer),
        // Said twice, and the second time as something else: still sent.
        _ => plain.then(String::new),
    }
}

/// `value` with card numbers taken out; for what is written to a log.
pub fn scrub_json(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(scrubbed) = scrub(text) {
                *text = scrubbed;
            }
        }
        Value::Number(number) if find(&number.to_string()).is_some() => *value = Value::from(super::REMOVED),
        Value::Array(items) => items.iter_mut().for_each(scrub_json),
        Value::Object(map) => {
            let kept = std::mem::take(map);
            for (name, mut item) in kept {
                scrub_json(&mut item);
                map.insert(scrub(&name).into_owned(), item);
            }
        }
        _ => {}
    }
}

fn walk(value: &Value, pointer: &mut String) -> bool {
    let end = pointer.len();
    match value {
        Value::String(text) => return find(text).is_some(),
        Value::Number(number) => return find(&number.to_string()).is_some(),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{at}"));
                if walk(item, pointer) {
                    return true;
                }
                pointer.truncate(end);
            }
        }
        Value::Object(map) => {
            for (name, item) in map {
                pointer.push('/');
                pointer.push_str(&scrub(name).replace('~', "~0").replace('/', "~1"));
                if find(name).is_some() || walk(item, pointer) {
                    return true;
                }
                pointer.truncate(end);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_named_and_the_number_is_not() {
        let place = |body: &str| find_in_json(body.as_bytes());
        for (body, pointer) in [
            (r#"{"payment":{"token":"4111 1111 1111 1111"}}"#, "/payment/token"),
            (r#"{"payment":{"token":"\u0034111111111111111"}}"#, "/payment/token"),
            (r#"{"a":[1,{"b/c":4111111111111111}]}"#, "/a/1/b~1c"),
            (r#"{"4111111111111111":1}"#, "/[card number removed]"),
            (r#"{"a":"4111111111111111","a":"x"}"#, ""),
            ("4111111111111111", ""),
            ("note 4111-1111-1111-1111", ""),
            (r#"{"a":"line\n4111111111111111"}"#, "/a"),
        ] {
            assert_eq!(place(body).as_deref(), Some(pointer), "{body}");
        }
        for body in [
            r#"{"a":[4111,1111,1111,1111],"b":"4111","c":"1111 1111 1111"}"#,
            r#"{"cart_id":"41111111-1111-4111-8111-111111111111","barcode":"4006381333931","at":1700000000000000}"#,
            r#"{"share":0.4532015112830366}"#,
        ] {
            assert_eq!(place(body), None, "{body}");
        }
    }

    #[test]
    fn a_line_of_a_log_stays_json() {
        let mut value =
            serde_json::json!({ "n": 4111111111111111u64, "4111111111111111": ["a 4111111111111111"], "b": 1 });
        scrub_json(&mut value);
        assert_eq!(
            value,
            serde_json::json!({ "n": super::super::REMOVED, super::super::REMOVED: ["a [card number removed]"], "b": 1 })
        );
    }
}
