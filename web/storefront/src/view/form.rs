//! Form fields: what they are called, what was typed, what is wrong with it.

use std::borrow::Cow;

use souk_address::MAX_LINE;
use souk_kernel::Problem;

/// One labelled field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Prefix of its id, so that two forms of one page do not collide.
    pub form: &'static str,
    /// Name it is sent under.
    pub name: &'static str,
    /// For people.
    pub label: &'static str,
    /// Type of the input element.
    pub kind: &'static str,
    /// What browsers fill in (HTML, autofill detail tokens).
    pub auto: &'static str,
    /// Width: a class of the stylesheet.
    pub class: &'static str,
    /// Must be filled in.
    pub required: bool,
    /// A word of help.
    pub hint: Cow<'static, str>,
    /// What is in it.
    pub value: String,
    /// What is wrong with it.
    pub error: Option<String>,
    /// Most characters.
    pub max: usize,
    /// Fewest characters; 0 for no limit.
    pub min: usize,
    /// Values to choose from; none for free text.
    pub choices: Vec<(&'static str, &'static str)>,
}

impl Field {
    /// A required line of text.
    pub fn text(form: &'static str, name: &'static str, label: &'static str, auto: &'static str) -> Self {
        Self {
            form,
            name,
            label,
            kind: "text",
            auto,
            class: "",
            required: true,
            hint: Cow::Borrowed(""),
            value: String::new(),
            error: None,
            max: MAX_LINE,
            min: 0,
            choices: Vec::new(),
        }
    }

    /// The same for another type of input.
    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    /// The same with a value.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// The same, but it may stay empty.
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// The same, narrower.
    pub fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    /// The same with a word of help.
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Its id in the page.
    pub fn id(&self) -> String {
        format!("{}-{}", self.form, self.name)
    }

    /// True when something below it belongs to it.
    pub fn described(&self) -> bool {
        self.error.is_some() || !self.hint.is_empty()
    }
}

/// Writes what is wrong to the fields concerned; returns what belongs to none of them.
pub fn place_errors(fields: &mut [Field], problem: &Problem) -> Vec<String> {
    let mut rest = Vec::new();
    for wrong in &problem.fields {
        let name = wrong.pointer.rsplit('/').next().unwrap_or_default();
        match fields.iter_mut().find(|field| field.name == name) {
            Some(field) => field.error = Some(super::message::sentence(&wrong.detail)),
            None => rest.push(super::message::sentence(&wrong.detail)),
        }
    }
    if problem.fields.is_empty() {
        rest.push(super::message::sentence(&problem.detail));
    }
    rest
}
