//! Query-string decoder, which turns names and values into the object that a rule asks for: everything there is text, so a
//! number is what reads as one where the rule wants a number.

use serde_json::{Map, Number, Value};
use souk_kernel::{FieldError, Problem};

use super::{Form, Rule};

/// The object of `pairs`; a name that stands twice is refused unless its field is a list.
pub(crate) fn object_of(rule: &Rule, pairs: Vec<(String, String)>) -> Result<Value, Problem> {
    let mut object = Map::new();
    for (name, text) in pairs {
        let form = match &rule.form {
            Form::Object(object) => object.fields.get(&name).map(|rule| &rule.form),
            _ => None,
        };
        match (form, object.get_mut(&name)) {
            (Some(Form::List(list)), Some(Value::Array(items))) => items.push(value_of(&list.item.form, text)),
            (Some(Form::List(list)), None) => {
                object.insert(name, Value::Array(vec![value_of(&list.item.form, text)]));
            }
            (_, Some(_)) => return Err(twice(&name)),
            (Some(form), None) => {
                object.insert(name, value_of(form, text));
            }
            (None, None) => {
                object.insert(name, Value::String(text));
            }
        }
    }
    Ok(Value::Object(object))
}

fn twice(name: &str) -> Problem {
    let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let fields = vec![FieldError { pointer, detail: "is given twice".to_owned() }];
    Problem::invalid_fields("invalid_query", format!("{name} is given twice"), fields)
}

/// The text as what the form asks for where it reads as such, else as the text it is, which the check then refuses.
fn value_of(form: &Form, text: String) -> Value {
    match form {
        Form::Flag => match text.as_str() {
            "true" | "1" => Value::Bool(true),
            "false" | "0" => Value::Bool(false),
            _ => Value::String(text),
        },
        Form::Whole(..) => match serde_json::from_str::<Number>(&text) {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(text),
        },
        _ => Value::String(text),
    }
}
