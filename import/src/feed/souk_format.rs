//! Souk's own form: one draft a line, with the form's name first. `souk export` writes it and the importer knows it by
//! itself, so that an export that is imported again changes nothing.

use std::io::{self, Write};

use serde::Deserialize;
use souk_kernel::Currency;

use crate::draft::{Defect, ProductDraft, clip};
use crate::record::{Record, Value};

/// Name and version of the form; a version only rises when older readers would misread it.
pub const FORMAT: &str = "souk.product/1";

/// Writes one draft as a line.
pub fn write(out: &mut impl Write, draft: &ProductDraft) -> io::Result<()> {
    let json = serde_json::to_string(draft).map_err(io::Error::other)?;
    writeln!(out, "{{\"format\":\"{FORMAT}\",{}", &json[1..])
}

/// True for the first line of a file in this form.
pub(crate) fn is_own(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    let named = line.windows(14).any(|part| part == b"\"souk.product/");
    // A first line that is damaged further on still tells what the file is.
    named
        && (serde_json::from_slice::<Head>(line).is_ok_and(|head| head.format.starts_with("souk.product/"))
            || line.starts_with(b"{\"format\":\"souk.product/"))
}

/// Reads a draft; nothing when it is priced in another currency than the wanted one.
pub(crate) fn draft(row: &Record, wanted: Option<Currency>) -> Result<Option<ProductDraft>, Defect> {
    match row.text("format") {
        Some(format) if format == FORMAT => {}
        Some(other) => {
            return Err(Defect::new("unknown_format", format!("the form {:?} is not {FORMAT}", clip(&other))));
        }
        None => return Err(Defect::new("unknown_format", format!("the line does not say it is {FORMAT}"))),
    }
    let draft: ProductDraft = serde_json::from_value(json(row))
        .map_err(|error| Defect::new("invalid_draft", format!("no valid product: {}", clip(&error.to_string()))))?;
    draft.check()?;
    let other = |currency: Currency| draft.variants.iter().any(|v| v.price.currency != currency);
    Ok(if wanted.is_some_and(other) { None } else { Some(draft) })
}

fn json(row: &Record) -> serde_json::Value {
    fn of(value: &Value) -> serde_json::Value {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Number(text) => serde_json::from_str(text).unwrap_or(serde_json::Value::Null),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(of).collect(),
            Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), of(value))).collect(),
        }
    }
    row.iter().filter(|(name, _)| *name != "format").map(|(name, value)| (name.to_owned(), of(value))).collect()
}
