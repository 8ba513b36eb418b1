//! Survey of a file before it is read: whether it has the columns that the mapping names, and how it writes numbers.

use std::collections::BTreeSet;

use super::error::FeedError;
use super::fields::without_unit;
use super::input::{Input, TextFormat};
use super::mapping::Mapping;
use super::mapping::rule::Rule;
use super::number::{DecimalMark, Evidence};
use super::record::Record;
use super::rows::Rows;

/// Rows that are looked at. What the first of a file leave open, later ones seldom settle.
const ROWS: usize = 10_000;
/// Members of JSON rows that are remembered.
const MEMBERS: usize = 10_000;

/// What stands before decimals, by field: some programs write prices as their shop's country does and weights as programs do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DecimalMarks {
    pub(crate) price: Option<DecimalMark>,
    pub(crate) weight: Option<DecimalMark>,
    pub(crate) stock: Option<DecimalMark>,
}

impl DecimalMarks {
    /// Of each field what its own numbers say, else what the mapping says of prices, else what all numbers say.
    fn told(of_prices: Option<DecimalMark>, price: Evidence, weight: Evidence, stock: Evidence) -> Self {
        let all = of_prices.or(price.and(weight).and(stock).mark());
        let mark = |own: Evidence| if own.is_empty() { all } else { own.mark() };
        Self { price: of_prices.or(mark(price)), weight: mark(weight), stock: mark(stock) }
    }
}

/// Looks at a file.
///
/// # Errors
/// [`FeedError::MissingColumns`], and those of opening the file.
pub(crate) fn survey(input: &Input, text_format: TextFormat, mapping: &Mapping) -> Result<DecimalMarks, FeedError> {
    let rows = Rows::mapped(input, text_format, mapping)?;
    if let Some(header) = rows.header() {
        mapping.check_columns(&|name| header.has(name), header.names())?;
    }
    let of_prices = mapping.price.decimal;
    if of_prices.is_some() && mapping.is_lenient() {
        return Ok(DecimalMarks { price: of_prices, weight: of_prices, stock: of_prices });
    }
    let of_json = rows.header().is_none();
    let (mut price, mut weight, mut stock) = (Evidence::default(), Evidence::default(), Evidence::default());
    let mut lacking = if of_json { mapping.columns() } else { BTreeSet::new() };
    let mut members: BTreeSet<String> = BTreeSet::new();
    for row in rows.take(ROWS).flatten() {
        let record = &row.record;
        if of_json {
            lacking.retain(|name| record.get(name).is_none());
            for (name, _) in record.iter() {
                // Names are listed when one is missing.
                if members.len() < MEMBERS && !members.contains(name) {
                    members.insert(name.to_owned());
                }
            }
        }
        mapping.price.observe(record, &mut price);
        observe(mapping.variant.weight.as_ref(), record, &mut weight);
        observe(mapping.variant.stock.as_ref(), record, &mut stock);
    }
    // Where no line is a row, that is said of each line.
    if !members.is_empty() {
        let names: Vec<String> = members.into_iter().collect();
        mapping.check_columns(&|name| !lacking.contains(name), &names)?;
    }
    Ok(DecimalMarks::told(of_prices, price, weight, stock))
}

fn observe(rule: Option<&Rule>, record: &Record, evidence: &mut Evidence) {
    if let Some((text, false)) = rule.and_then(|rule| rule.number(record)) {
        evidence.observe(without_unit(&text).0);
    }
}
