//! Validator: applies rules, every wrong place at once, each with its JSON pointer (RFC 6901) and a sentence for people.

use serde_json::{Map, Value};
use souk_kernel::{FieldError, Problem};

use super::{Form, ListRule, ObjectRule, Rule, TextRule};

/// Wrong places that one answer names; a client that sent more has a fault that these show.
const MAX_ERRORS: usize = 20;
/// Characters of a name that a client sent, as an answer repeats it.
const MAX_NAME_SHOWN: usize = 60;

/// What is wrong with `value`. Whole numbers that were written with a fraction of zero (`960.0`, which JSON Schema takes
/// for an integer) are whole numbers afterwards.
pub(crate) fn check(rule: &Rule, value: &mut Value) -> Vec<FieldError> {
    let mut wrong = Wrong::default();
    rule.check(value, &mut wrong);
    wrong.errors
}

/// The problem of some wrong places; none is no problem.
pub(crate) fn refusal(code: &'static str, errors: Vec<FieldError>) -> Result<(), Problem> {
    let detail = match &errors[..] {
        [] => return Ok(()),
        [one] if one.pointer.is_empty() => format!("the body {}", one.detail),
        [one] => format!("{} {}", one.pointer.trim_start_matches('/'), one.detail),
        many => format!("{} fields are not right", many.len()),
    };
    Err(Problem::invalid_fields(code, detail, errors))
}

/// Wrong places so far, and the pointer to where the check stands.
#[derive(Default)]
struct Wrong {
    pointer: String,
    errors: Vec<FieldError>,
}

impl Wrong {
    fn note(&mut self, detail: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(FieldError { pointer: self.pointer.clone(), detail: detail.into() });
        }
    }

    /// Goes one step down for the time of `inside`.
    fn below(&mut self, step: &str, inside: impl FnOnce(&mut Self)) {
        let before = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        inside(self);
        self.pointer.truncate(before);
    }
}

impl Rule {
    fn check(&self, value: &mut Value, wrong: &mut Wrong) {
        if value.is_null() && self.nullable {
            return;
        }
        match (&self.form, value) {
            (Form::Any, _) | (Form::Flag, Value::Bool(_)) => {}
            (Form::Whole(least, most), value @ Value::Number(_)) => whole(*least, *most, value, wrong),
            (Form::Text(rule), Value::String(text)) => rule.check(text, wrong),
            (Form::List(rule), Value::Array(items)) => rule.check(items, wrong),
            (Form::Object(rule), Value::Object(fields)) => rule.check(fields, wrong),
            (form, _) => wrong.note(format!("must be {}", name_of(form))),
        }
    }
}

fn name_of(form: &Form) -> &'static str {
    match form {
        Form::Any => "a value",
        Form::Flag => "true or false",
        Form::Whole(..) => "a whole number",
        Form::Text(_) => "a text",
        Form::List(_) => "a list",
        Form::Object(_) => "an object with fields",
    }
}

fn whole(least: i128, most: i128, value: &mut Value, wrong: &mut Wrong) {
    let Some(number) = whole_of(value) else { return wrong.note("must be a whole number") };
    if number < least || number > most {
        return wrong.note(match (least, most) {
            (least, most) if least == i128::from(i64::MIN) => format!("must be at most {most}"),
            (least, most) if most == i128::from(i64::MAX) && number < least => format!("must be at least {least}"),
            (_, most) if most == i128::from(i64::MAX) => format!("must be at most {most}"),
            (least, most) => format!("must be {least} to {most}"),
        });
    }
    if !value.is_i64()
        && let Ok(number) = i64::try_from(number)
    {
        *value = number.into();
    }
}

/// The mathematical integer that a JSON number is; none for a fraction. Beyond 64 bits only its size matters.
fn whole_of(value: &Value) -> Option<i128> {
    if let Some(number) = value.as_i64() {
        return Some(number.into());
    }
    if let Some(number) = value.as_u64() {
        return Some(number.into());
    }
    let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
    // Saturates, and every end is far below what that reaches.
    #[allow(clippy::cast_possible_truncation)]
    Some(number as i128)
}

impl TextRule {
    fn check(&self, text: &str, wrong: &mut Wrong) {
        if !self.one_of.is_empty() && !self.one_of.iter().any(|one| one == text) {
            return wrong.note(format!("must be one of {}", self.one_of.join(", ")));
        }
        // Only what may be out of bounds is counted.
        let bytes = text.len() as u64;
        if self.most.is_some_and(|most| bytes > most) || bytes < self.least.saturating_mul(4) {
            let characters = text.chars().count() as u64;
            match (self.least, self.most) {
                (least, _) if characters < least && least == 1 => return wrong.note("must not be empty"),
                (least, _) if characters < least => {
                    return wrong.note(format!("must have at least {least} characters"));
                }
                (_, Some(most)) if characters > most => {
                    return wrong.note(format!("must have at most {most} characters"));
                }
                _ => {}
            }
        }
        if self.uuid && !is_uuid(text) {
            return wrong.note("must be an id such as 018f3c1e-0000-7000-8000-000000000001");
        }
        if let Some((pattern, words)) = &self.pattern
            && !pattern.is_match(text)
        {
            wrong.note(words.clone());
        }
    }
}

/// The one form of RFC 9562, section 4; capital letters are fine.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

impl ListRule {
    fn check(&self, items: &mut [Value], wrong: &mut Wrong) {
        let count = items.len() as u64;
        if count < self.least {
            return wrong.note(format!("must have at least {}", entries(self.least)));
        }
        if let Some(most) = self.most.filter(|most| count > *most) {
            return wrong.note(format!("must have at most {}", entries(most)));
        }
        for (at, item) in items.iter_mut().enumerate() {
            wrong.below(&at.to_string(), |wrong| self.item.check(item, wrong));
        }
    }
}

fn entries(count: u64) -> String {
    if count == 1 { "one entry".to_owned() } else { format!("{count} entries") }
}

impl ObjectRule {
    fn check(&self, fields: &mut Map<String, Value>, wrong: &mut Wrong) {
        for name in self.required.iter().filter(|name| !fields.contains_key(*name)) {
            wrong.below(name, |wrong| wrong.note("is missing"));
        }
        for (name, value) in fields {
            match self.fields.get(name) {
                Some(rule) => wrong.below(name, |wrong| rule.check(value, wrong)),
                None if self.closed => {
                    let shown: String = name.chars().take(MAX_NAME_SHOWN).collect();
                    wrong.below(&shown, |wrong| wrong.note(self.unknown()));
                }
                None => {}
            }
        }
    }

    fn unknown(&self) -> String {
        if self.fields.is_empty() {
            return "is not known: there are no fields here".to_owned();
        }
        let names: Vec<&str> = self.fields.keys().map(String::as_str).collect();
        format!("is not known; there are {}", names.join(", "))
    }
}
