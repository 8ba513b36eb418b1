//! Validation of input against the JSON Schema (2020-12) that the API's description publishes for it.
//!
//! Both come from the same type, so what is checked cannot differ from what is documented. A type's schema is compiled
//! once per process; a schema that says something that is not checked here ends the process when its route is declared,
//! so that no test that builds the routes can pass with it.

mod check;
mod query;
mod read;

use std::any::{TypeId, type_name};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;
use regex::Regex;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

pub(crate) use check::{check, refusal};
pub(crate) use query::object_of;
pub(crate) use read::{parse, typed};

/// Keyword for the sentence that says in words what a `pattern` asks for.
pub(crate) const IN_WORDS: &str = "x-in-words";
/// Largest integer of ours: what a 64-bit signed number holds, and every database column here.
const MAX_INTEGER: i64 = i64::MAX;

/// What one place of the input must be.
#[derive(Debug)]
pub(crate) struct Rule {
    nullable: bool,
    form: Form,
}

/// Its form, when it is not null.
#[derive(Debug)]
enum Form {
    /// Whatever JSON there is.
    Any,
    Flag,
    /// Both ends are allowed.
    Whole(i128, i128),
    Text(TextRule),
    List(ListRule),
    Object(ObjectRule),
}

/// A text.
#[derive(Debug, Default)]
struct TextRule {
    /// Characters.
    least: u64,
    most: Option<u64>,
    pattern: Option<(Regex, String)>,
    /// The only texts there are, where these are fixed.
    one_of: Vec<String>,
    uuid: bool,
}

/// A list.
#[derive(Debug)]
struct ListRule {
    item: Box<Rule>,
    least: u64,
    most: Option<u64>,
}

/// An object.
#[derive(Debug)]
struct ObjectRule {
    fields: BTreeMap<String, Rule>,
    required: Vec<String>,
    /// True when fields that are not listed are refused.
    closed: bool,
}

static RULES: LazyLock<RwLock<HashMap<TypeId, Arc<Rule>>>> = LazyLock::new(RwLock::default);

/// The rule of `T`.
pub(crate) fn rule_of<T: JsonSchema + 'static>() -> Arc<Rule> {
    let known = RULES.read().get(&TypeId::of::<T>()).cloned();
    known.unwrap_or_else(|| {
        let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).for_deserialize();
        let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
        tidy(&mut schema);
        let rule = Rule::compile(&schema).unwrap_or_else(|why| panic!("the schema of {}: {why}", type_name::<T>()));
        let rule = Arc::new(rule);
        RULES.write().insert(TypeId::of::<T>(), rule.clone());
        rule
    })
}

/// Brings a schema into the form that is published and checked: the ends of Rust's integers are said in numbers, their
/// names are not said at all.
pub(crate) fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            keywords.values_mut().for_each(tidy);
            let format = keywords.get("format").and_then(Value::as_str).unwrap_or_default();
            let (least, most, stays) = match format {
                "uint8" => (0, i64::from(u8::MAX), false),
                "uint16" => (0, i64::from(u16::MAX), false),
                "uint32" => (0, i64::from(u32::MAX), false),
                "uint64" | "uint" => (0, MAX_INTEGER, false),
                "int32" => (i64::from(i32::MIN), i64::from(i32::MAX), true),
                "int64" => (i64::MIN, MAX_INTEGER, true),
                _ => return,
            };
            if !stays {
                keywords.remove("format");
            }
            // The full range of 64 bits goes without saying: `format` does, and readers of JSON round such numbers.
            if least > i64::MIN {
                keywords.entry("minimum").or_insert(least.into());
            }
            if most < MAX_INTEGER {
                keywords.entry("maximum").or_insert(most.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

impl Rule {
    /// The rule of a schema without references; the reason when it says what cannot be checked.
    fn compile(schema: &Value) -> Result<Self, String> {
        let Some(keywords) = schema.as_object() else { return Ok(Self::anything()) };
        if let Some(branches) = keywords.get("anyOf").or_else(|| keywords.get("oneOf")).and_then(Value::as_array) {
            return Self::one_of(branches);
        }
        if let Some(only) = keywords.get("const") {
            let only = only.as_str().ok_or("only texts may be constant")?.to_owned();
            return Ok(Self::always(Form::Text(TextRule { one_of: vec![only], ..TextRule::default() })));
        }
        let (name, nullable) = match &schema["type"] {
            Value::String(name) => (name.as_str(), false),
            Value::Array(names) => {
                let mut real = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
                let name = real.next().unwrap_or("null");
                if real.next().is_some() {
                    return Err(format!("several types: {names:?}"));
                }
                (name, names.iter().any(|name| name == "null"))
            }
            _ if keywords.keys().all(|word| is_remark(word)) => return Ok(Self::anything()),
            _ => return Err(format!("no type: {schema}")),
        };
        let (form, known): (Form, &[&str]) = match name {
            "boolean" => (Form::Flag, &[]),
            "integer" => (whole(schema), &["minimum", "maximum", "format"]),
            "string" => (Form::Text(text(schema)?), &["minLength", "maxLength", "pattern", "enum", "format"]),
            "array" => (Form::List(list(schema)?), &["items", "minItems", "maxItems"]),
            "object" => (Form::Object(object(schema)?), &["properties", "required", "additionalProperties"]),
            other => return Err(format!("nothing checks {other}")),
        };
        match keywords.keys().find(|word| *word != "type" && !is_remark(word) && !known.contains(&word.as_str())) {
            Some(word) => Err(format!("nothing checks `{word}` of {name}")),
            None => Ok(Self { nullable, form }),
        }
    }

    /// Either of several: something or null, or one of some fixed texts.
    fn one_of(branches: &[Value]) -> Result<Self, String> {
        let (nulls, others): (Vec<&Value>, Vec<&Value>) = branches.iter().partition(|branch| branch["type"] == "null");
        let nullable = !nulls.is_empty();
        if let [one] = others[..] {
            let rule = Self::compile(one)?;
            return Ok(Self { nullable: nullable || rule.nullable, ..rule });
        }
        let mut one_of = Vec::new();
        for branch in others {
            match Self::compile(branch)?.form {
                Form::Text(text) if !text.one_of.is_empty() => one_of.extend(text.one_of),
                _ => return Err("alternatives that are not fixed texts".into()),
            }
        }
        Ok(Self { nullable, form: Form::Text(TextRule { one_of, ..TextRule::default() }) })
    }

    fn always(form: Form) -> Self {
        Self { nullable: false, form }
    }

    fn anything() -> Self {
        Self { nullable: true, form: Form::Any }
    }
}

/// Keywords that ask for nothing.
fn is_remark(word: &str) -> bool {
    matches!(word, "$schema" | "title" | "description" | "default" | "examples" | "deprecated" | "writeOnly")
        || word == IN_WORDS
}

fn whole(schema: &Value) -> Form {
    let end = |word: &str, default: i64| schema[word].as_i64().map_or(i128::from(default), i128::from);
    Form::Whole(end("minimum", i64::MIN), end("maximum", MAX_INTEGER))
}

fn text(schema: &Value) -> Result<TextRule, String> {
    let pattern = match schema["pattern"].as_str() {
        None => None,
        Some(pattern) => {
            let compiled = Regex::new(pattern).map_err(|error| error.to_string())?;
            let words = schema[IN_WORDS].as_str().ok_or_else(|| format!("`{pattern}` is not said in words"))?;
            Some((compiled, words.to_owned()))
        }
    };
    // Other formats say what a text means; code that knows the meaning checks these.
    let uuid = schema["format"] == "uuid";
    let texts = |list: &Vec<Value>| list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let one_of = schema["enum"].as_array().map(texts).unwrap_or_default();
    let (least, most) = (schema["minLength"].as_u64().unwrap_or(0), schema["maxLength"].as_u64());
    Ok(TextRule { least, most, pattern, one_of, uuid })
}

fn list(schema: &Value) -> Result<ListRule, String> {
    let item = Box::new(Rule::compile(&schema["items"])?);
    Ok(ListRule { item, least: schema["minItems"].as_u64().unwrap_or(0), most: schema["maxItems"].as_u64() })
}

fn object(schema: &Value) -> Result<ObjectRule, String> {
    let mut fields = BTreeMap::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        fields.insert(name.clone(), Rule::compile(field).map_err(|why| format!("{name}: {why}"))?);
    }
    let required = schema["required"].as_array().into_iter().flatten();
    let required = required.filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(ObjectRule { fields, required, closed: schema["additionalProperties"] == false })
}
