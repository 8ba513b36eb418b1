//! Input validation: limits of what callers may ask for, and the sentences that name the wrong field.

use std::collections::HashSet;

use souk_inventory_api::{Adjust, Change, MAX_BATCH, MAX_LINES, MAX_QUANTITY, PolicyOf, Reserve};
use souk_kernel::{FieldError, Kind, Problem};

use super::Lines;

/// Bytes of a SKU: longer than any real one, short enough for an index.
pub const MAX_SKU: usize = 200;
/// Units of one correction: a container ship of screws.
const MAX_UNITS: i64 = 1_000_000_000;
/// Bytes of a note in the ledger.
const MAX_NOTE: usize = 200;
/// Longest hold: a day. A caller that needs longer allocates.
const MAX_TTL_SECONDS: u32 = 86_400;

/// The lines of a reservation, or every wrong field.
pub fn check_reserve(request: &Reserve) -> Result<Lines, Problem> {
    if request.lines.is_empty() || request.lines.len() > MAX_LINES {
        return Err(Problem::invalid_field("/lines", format!("must have 1 to {MAX_LINES} lines")));
    }
    if request.ttl_seconds == 0 || request.ttl_seconds > MAX_TTL_SECONDS {
        return Err(Problem::invalid_field("/ttl_seconds", format!("must be 1 to {MAX_TTL_SECONDS}")));
    }
    let (mut lines, mut wrong) = (Lines::new(), Vec::new());
    for (i, line) in request.lines.iter().enumerate() {
        if let Some(detail) = wrong_sku(&line.sku) {
            wrong.push(field(format!("/lines/{i}/sku"), detail));
        }
        if line.quantity == 0 || line.quantity > MAX_QUANTITY {
            wrong.push(field(format!("/lines/{i}/quantity"), &format!("must be 1 to {MAX_QUANTITY}")));
        }
        if lines.insert(line.sku.clone(), i64::from(line.quantity)).is_some() {
            wrong.push(field(format!("/lines/{i}/sku"), "occurs more than once"));
        }
    }
    refuse(wrong).map(|()| lines)
}

/// Ok when a batch of corrections makes sense.
pub fn check_adjust(request: &Adjust) -> Result<(), Problem> {
    if request.lines.len() > MAX_BATCH {
        return Err(Problem::new(Kind::TooLarge, "batch_too_large", format!("at most {MAX_BATCH} entries")));
    }
    let (mut seen, mut wrong) = (HashSet::new(), Vec::new());
    if request.note.len() > MAX_NOTE || request.note.contains('\0') {
        wrong.push(field("/note".into(), "must be at most 200 bytes of text"));
    }
    for (i, line) in request.lines.iter().enumerate() {
        if let Some(detail) = wrong_sku(&line.sku) {
            wrong.push(field(format!("/lines/{i}/sku"), detail));
        }
        let least = if matches!(line.change, Change::Receive(_)) { 1 } else { 0 };
        let (Change::InitialIfNew(units) | Change::Count(units) | Change::Receive(units)) = line.change;
        if !(least..=MAX_UNITS).contains(&units) {
            wrong.push(field(format!("/lines/{i}/change"), &format!("must be {least} to {MAX_UNITS} units")));
        }
        if !seen.insert(line.sku.as_str()) {
            wrong.push(field(format!("/lines/{i}/sku"), "occurs more than once"));
        }
    }
    refuse(wrong)
}

/// Ok when a batch of policies names each SKU once.
pub fn check_policies(items: &[PolicyOf]) -> Result<(), Problem> {
    if items.len() > MAX_BATCH {
        return Err(Problem::new(Kind::TooLarge, "batch_too_large", format!("at most {MAX_BATCH} entries")));
    }
    let (mut seen, mut wrong) = (HashSet::new(), Vec::new());
    for (i, item) in items.iter().enumerate() {
        if let Some(detail) = wrong_sku(&item.sku) {
            wrong.push(field(format!("/items/{i}/sku"), detail));
        }
        if !seen.insert(item.sku.as_str()) {
            wrong.push(field(format!("/items/{i}/sku"), "occurs more than once"));
        }
    }
    refuse(wrong)
}

/// Ok when `skus` are at most `max` and can be SKUs.
pub fn check_skus(skus: &[String], max: usize) -> Result<(), Problem> {
    if skus.len() > max {
        return Err(Problem::new(Kind::TooLarge, "batch_too_large", format!("at most {max} SKUs")));
    }
    match skus.iter().find_map(|sku| wrong_sku(sku)) {
        Some(detail) => Err(Problem::invalid_field("/skus", format!("a SKU {detail}"))),
        None => Ok(()),
    }
}

fn wrong_sku(sku: &str) -> Option<&'static str> {
    if sku.is_empty() || sku.len() > MAX_SKU {
        return Some("must be 1 to 200 bytes");
    }
    sku.chars().any(char::is_control).then_some("must not contain control characters")
}

fn field(pointer: String, detail: &str) -> FieldError {
    FieldError { pointer, detail: detail.to_owned() }
}

fn refuse(wrong: Vec<FieldError>) -> Result<(), Problem> {
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Problem::invalid_fields("invalid_request", "the request is not valid", wrong)),
    }
}

#[cfg(test)]
mod tests {
    use souk_inventory_api::{AdjustLine, StockLine};
    use uuid::Uuid;

    use super::*;

    fn reserve(lines: &[(&str, u32)]) -> Reserve {
        let line = |(sku, quantity): &(&str, u32)| StockLine { sku: (*sku).to_owned(), quantity: *quantity };
        Reserve { key: Uuid::nil(), lines: lines.iter().map(line).collect(), ttl_seconds: 900 }
    }

    #[test]
    fn wrong_lines_are_named() {
        let problem = check_reserve(&reserve(&[("a", 1), ("a", 0), ("\0", u32::MAX)])).unwrap_err();
        let pointers: Vec<&str> = problem.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/lines/1/quantity", "/lines/1/sku", "/lines/2/sku", "/lines/2/quantity"]);
        assert!(check_reserve(&reserve(&[])).is_err());
        assert!(check_reserve(&Reserve { ttl_seconds: 0, ..reserve(&[("a", 1)]) }).is_err());
        assert_eq!(check_reserve(&reserve(&[("b", 2), ("a", 1)])).unwrap().len(), 2);
    }

    #[test]
    fn corrections_are_never_negative() {
        let adjust = |change| Adjust {
            lines: vec![AdjustLine { product_id: Uuid::nil(), sku: "a".into(), change }],
            note: String::new(),
        };
        for change in [Change::Count(-1), Change::InitialIfNew(-1), Change::Receive(0), Change::Receive(i64::MAX)] {
            assert!(check_adjust(&adjust(change)).is_err(), "{change:?}");
        }
        assert!(check_adjust(&adjust(Change::Count(0))).is_ok());
    }
}
