//! What `souk export products` writes: Souk's own NDJSON, which imports again without a change, and CSV for
//! spreadsheets, one row per variant, with cells that no spreadsheet runs as a formula.

use std::io::{self, Write};

use crate::draft::{AttributeValue, DraftStatus, ProductDraft, VariantDraft};

pub use crate::own::{FORMAT, write as write_ndjson};

const COLUMNS: &[&str] = &[
    "source",
    "external_id",
    "slug",
    "title",
    "brand",
    "description",
    "category",
    "status",
    "tags",
    "options",
    "sku",
    "variant_external_id",
    "price",
    "compare_at",
    "currency",
    "barcode",
    "weight_grams",
    "stock",
    "tax_category",
    "media",
    "attributes",
];

/// Writes the header of the CSV form.
pub fn write_csv_header(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", COLUMNS.join(","))
}

/// Writes one row per variant.
pub fn write_csv(out: &mut impl Write, draft: &ProductDraft) -> io::Result<()> {
    for variant in &draft.variants {
        let cells = cells(draft, variant);
        let line: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        writeln!(out, "{}", line.join(","))?;
    }
    Ok(())
}

fn cells(draft: &ProductDraft, variant: &VariantDraft) -> Vec<String> {
    let named = draft.options.iter().zip(&variant.option_values);
    let options: Vec<String> = named.map(|(option, value)| format!("{}: {value}", option.name)).collect();
    let media: Vec<&str> = draft.media.iter().map(|media| media.source_url.as_str()).collect();
    let attributes: Vec<String> =
        draft.attributes.iter().map(|a| format!("{}: {}", a.label, shown(&a.value))).collect();
    let number = |value: Option<String>| value.unwrap_or_default();
    vec![
        draft.source.clone(),
        draft.external_id.clone(),
        draft.slug.clone(),
        draft.title.clone(),
        draft.brand.clone().unwrap_or_default(),
        draft.description.clone(),
        draft.category.join(" > "),
        if draft.status == DraftStatus::Published { "published".into() } else { "draft".into() },
        draft.tags.join(", "),
        options.join("; "),
        variant.sku.clone(),
        variant.external_id.clone().unwrap_or_default(),
        variant.price.decimal(),
        number(variant.compare_at.map(souk_kernel::Money::decimal)),
        variant.price.currency.to_string(),
        variant.barcode.clone().unwrap_or_default(),
        number(variant.weight_grams.map(|grams| grams.to_string())),
        number(variant.stock.map(|units| units.to_string())),
        variant.tax_category.clone(),
        media.join(" "),
        attributes.join("; "),
    ]
}

fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Text(text) => text.clone(),
        AttributeValue::Number { value, unit: Some(unit) } => format!("{value} {unit}"),
        AttributeValue::Number { value, unit: None } => value.to_string(),
        AttributeValue::Bool(flag) => if *flag { "yes" } else { "no" }.into(),
    }
}

/// A cell that a spreadsheet shows instead of running it: what begins like a formula gets an apostrophe first
/// (OWASP, CSV injection).
fn cell(text: &str) -> String {
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', ';', '"', '\n', '\r', '\t']) || text.starts_with(' ') || formula {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, want) in [
            ("plain", "plain"),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            (" =1+1", "\"' =1+1\""),
            ("+49", "\"'+49\""),
            ("@x", "\"'@x\""),
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("12.50", "12.50"),
        ] {
            assert_eq!(cell(text), want);
        }
    }
}
