//! JSON Schemas (2020-12) of the kernel's types, for the OpenAPI document.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{Currency, Money, Secret};

/// `pattern` of a text without control characters.
pub const ONE_LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";
/// What [`ONE_LINE`] asks for, for people: the keyword `x-in-words` beside `pattern`.
pub const ONE_LINE_IN_WORDS: &str = "must be one line without control characters";
/// `pattern` of a text without control characters that says something.
pub const FILLED_LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
/// What [`FILLED_LINE`] asks for, for people.
pub const FILLED_LINE_IN_WORDS: &str = "must not be blank, and be one line without control characters";

impl JsonSchema for Currency {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[A-Z]{3}$",
            "x-in-words": "must be a currency code in capitals, such as EUR",
            "description": "ISO 4217 code",
            "examples": ["EUR"]
        })
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "An amount in minor units (cents) of one currency",
            "properties": {
                "amount": { "type": "integer", "format": "int64", "description": "minor units", "examples": [1999] },
                "currency": generator.subschema_for::<Currency>()
            },
            "required": ["amount", "currency"]
        })
    }
}

impl<T: JsonSchema> JsonSchema for Secret<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
