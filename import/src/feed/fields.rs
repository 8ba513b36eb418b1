//! Field parsers: status, stock and weight of a variant or product out of their text.

use souk_catalog_api::Status;

use crate::decimal::Decimal;
use crate::draft::{Defect, clip};

/// Published unless the source says otherwise.
pub(crate) fn status(text: Option<String>) -> Result<Status, Defect> {
    let Some(text) = text else { return Ok(Status::Published) };
    match text.to_ascii_lowercase().as_str() {
        "published" | "active" | "enabled" | "true" | "yes" | "1" => Ok(Status::Published),
        "draft" | "archived" | "inactive" | "disabled" | "hidden" | "false" | "no" | "0" => Ok(Status::Draft),
        _ => Err(Defect::new("invalid_status", format!("{:?} is neither published nor draft", clip(&text)))),
    }
}

/// Whole units; what is oversold is none, and half a unit is a mistake.
pub(crate) fn stock(text: Option<String>) -> Result<Option<i64>, Defect> {
    let Some(text) = text else { return Ok(None) };
    let number: Option<Decimal> = text.parse().ok();
    match number {
        Some(number) if number.scale() == 0 => Ok(Some(number.unscaled().max(0))),
        _ => Err(Defect::new("invalid_stock", format!("stock {:?} is not a whole number", clip(&text)))),
    }
}

/// Grams, half a gram up; zero means that the weight is not known.
pub(crate) fn weight(text: Option<String>, unit: Option<String>) -> Result<u32, Defect> {
    let Some(text) = text else { return Ok(0) };
    let wrong = |reason: &str| Defect::new("invalid_weight", format!("weight {:?}: {reason}", clip(&text)));
    // Hundred-thousandths of a gram in one unit: exact for pounds and ounces (NIST Handbook 44, appendix C).
    let unit = match unit.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("g" | "gram" | "grams") => 100_000,
        Some("kg" | "kilogram" | "kilograms") => 100_000_000,
        Some("lb" | "lbs" | "pound" | "pounds") => 45_359_237,
        Some("oz" | "ounce" | "ounces") => 2_834_952,
        Some(other) => return Err(wrong(&format!("the unit {:?} is none of g, kg, lb, oz", clip(other)))),
    };
    let number: Decimal = text.parse().map_err(|_| wrong("not a number"))?;
    if number.unscaled() < 0 {
        return Err(wrong("negative"));
    }
    let divisor = 10i128.pow(u32::from(number.scale())) * 100_000;
    let grams = (i128::from(number.unscaled()) * unit * 2 + divisor) / (divisor * 2);
    u32::try_from(grams).map_err(|_| wrong("too heavy"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_readers() {
        let grams = |text: &str, unit: &str| weight(Some(text.into()), Some(unit.into())).map_err(|d| d.code);
        assert_eq!(grams("19.8", "lb"), Ok(8981));
        assert_eq!(grams("1.5", "KG"), Ok(1500));
        assert_eq!(grams("0.4999", "g"), Ok(0));
        assert_eq!(grams("-1", "g"), Err("invalid_weight"));
        assert_eq!(grams("1", "stone"), Err("invalid_weight"));
        assert_eq!(grams("99999999", "kg"), Err("invalid_weight"));
        assert_eq!(stock(Some("-3".into())), Ok(Some(0)));
        assert_eq!(stock(Some("5.0".into())), Ok(Some(5)));
        assert_eq!(stock(Some("many".into())).map_err(|d| d.code), Err("invalid_stock"));
        assert_eq!(status(None), Ok(Status::Published));
        assert!(status(Some("maybe".into())).is_err());
    }
}
