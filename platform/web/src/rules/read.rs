//! JSON reader: text as a value and a value as a type. A name that stands twice in an object is refused (RFC 8259, 4:
//! readers disagree about what it means), as is what is nested without end.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Number, Value};
use souk_kernel::{FieldError, Problem};

/// Levels of nesting that the reader goes into (`serde_json`'s own limit).
const JSON_DEPTH: usize = 127;

/// The value of a text; why it is none.
pub(crate) fn parse(text: &[u8]) -> Result<Value, String> {
    let place = |error: &serde_json::Error| format!("line {}, column {}", error.line(), error.column());
    match serde_json::from_slice::<Strict>(text) {
        Ok(Strict(value)) => Ok(value),
        // Only our own complaint is about data: every JSON is a value.
        Err(error) if error.is_data() => Err(format!("a name stands twice in one object, at {}", place(&error))),
        Err(error) if error.to_string().starts_with("recursion limit") => {
            Err(format!("nested more than {JSON_DEPTH} levels deep"))
        }
        Err(error) if error.to_string().starts_with("number out of range") => {
            Err(format!("a number is too large, at {}", place(&error)))
        }
        Err(error) => Err(format!("not JSON, at {}", place(&error))),
    }
}

/// The `T` that a checked value is.
pub(crate) fn typed<T: DeserializeOwned>(code: &'static str, value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer_of(error.path());
        let detail = "does not have the form that the API's description asks for";
        let fields = vec![FieldError { pointer, detail: detail.to_owned() }];
        Problem::invalid_fields(code, "a field is not right", fields).with_internal(error.into_inner().to_string())
    })
}

/// A JSON pointer (RFC 6901) of a path into a document.
fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

/// A value in whose objects every name stands once.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom("twice"));
            }
        }
        Ok(Value::Object(object))
    }
}
