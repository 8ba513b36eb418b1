//! Writers of drafts: Souk's own NDJSON ([`write_ndjson`]), which imports again without a change, and CSV for
//! spreadsheets, one row per variant, with cells that no spreadsheet runs as a formula.

use std::io::{self, Write};

use souk_catalog_api::{AttributeValue, MediaInput, Status, VariantInput};

use crate::draft::{Offer, ProductDraft};
pub use crate::feed::souk_format::{FORMAT, write as write_ndjson};

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
    for (variant, offer) in draft.offered() {
        let cells = cells(draft, variant, offer);
        let line: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        writeln!(out, "{}", line.join(","))?;
    }
    Ok(())
}

fn cells(draft: &ProductDraft, variant: &VariantInput, offer: &Offer) -> Vec<String> {
    let product = &draft.product;
    let named = product.options.iter().zip(&variant.option_values);
    let options: Vec<String> = named.map(|(option, value)| format!("{}: {value}", option.name)).collect();
    let address = |media: &'_ MediaInput| media.source_url.clone().or_else(|| media.url.clone());
    let media: Vec<String> = product.media.iter().filter_map(address).collect();
    let attributes: Vec<String> =
        product.attributes.iter().map(|a| format!("{}: {}", a.label, shown(&a.value))).collect();
    let number = |value: Option<String>| value.unwrap_or_default();
    vec![
        product.source.clone(),
        product.external_id.clone(),
        product.slug.clone(),
        product.title.clone(),
        product.brand.clone().unwrap_or_default(),
        product.description.clone(),
        draft.category.join(" > "),
        match product.status {
            Status::Published => "published".into(),
            Status::Unlisted => "unlisted".into(),
            Status::Draft => "draft".into(),
        },
        product.tags.join(", "),
        options.join("; "),
        variant.sku.clone(),
        variant.external_id.clone().unwrap_or_default(),
        offer.price.decimal(),
        number(offer.compare_at.map(souk_kernel::Money::decimal)),
        offer.price.currency.to_string(),
        variant.barcode.clone().unwrap_or_default(),
        number((variant.weight_grams > 0).then(|| variant.weight_grams.to_string())),
        number(offer.stock.map(|units| units.to_string())),
        variant.tax_category.clone(),
        media.join(" "),
        attributes.join("; "),
    ]
}

fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Text(text) => text.clone(),
        AttributeValue::Number { value, unit: Some(unit) } => format!("{value} {unit}"),
        AttributeValue::Number { value, unit: None } => value.clone(),
        AttributeValue::Bool(flag) => if *flag { "yes" } else { "no" }.into(),
    }
}

/// A cell that a spreadsheet shows instead of running it: what begins like a formula gets an apostrophe first
/// (OWASP, CSV injection).
pub fn cell(text: &str) -> String {
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
