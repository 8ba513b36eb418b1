//! Price mapping of a column: minor or major units, point or comma, which currency; no float anywhere.

use souk_kernel::{Currency, Money};

use super::rule::Rule;
use super::section::Section;
use crate::decimal::Decimal;
use crate::draft::{Defect, clip};
use crate::feed::error::MappingError;
use crate::feed::record::Record;

/// `[price]` of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct PriceRules {
    amount: Rule,
    compare_at: Option<Rule>,
    /// What the source says; `default_currency` holds where it says nothing.
    pub(crate) currency: Option<Rule>,
    pub(crate) default_currency: Option<Currency>,
    minor: bool,
    comma: bool,
    accept_zero: bool,
    /// Rows of other currencies are refused one by one instead of only counted.
    pub(crate) refuse_others: bool,
}

/// A price and the price it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Priced {
    pub(crate) price: Money,
    pub(crate) compare_at: Option<Money>,
}

impl PriceRules {
    pub(super) fn parse(mut section: Section) -> Result<Self, MappingError> {
        let Some(amount) = Rule::take(&mut section, "amount")? else {
            return Err(section.error("amount", "is missing: which column holds the price?"));
        };
        let choice = |section: &mut Section, key: &'static str, first: &str, second: &str| match section.text(key)? {
            None => Ok(false),
            Some(text) if text == first => Ok(false),
            Some(text) if text == second => Ok(true),
            Some(text) => Err(section.error(key, format!("{first:?} or {second:?} is wanted, not {text:?}"))),
        };
        let minor = choice(&mut section, "unit", "major", "minor")?;
        let comma = choice(&mut section, "decimal", ".", ",")?;
        let accept_zero = choice(&mut section, "zero", "refuse", "accept")?;
        let refuse_others = choice(&mut section, "other_currencies", "skip", "refuse")?;
        let default_currency = match section.text("default_currency")? {
            None => None,
            Some(code) => Some(
                code.parse()
                    .map_err(|_| section.error("default_currency", format!("{code:?} is no ISO 4217 currency")))?,
            ),
        };
        let compare_at = Rule::take(&mut section, "compare_at")?;
        let currency = Rule::take(&mut section, "currency")?;
        section.finish()?;
        Ok(Self { amount, compare_at, currency, default_currency, minor, comma, accept_zero, refuse_others })
    }

    /// The currency a row names, if it names one.
    pub(crate) fn currency_of(&self, row: &Record) -> Result<Option<Currency>, Defect> {
        let Some(code) = self.currency.as_ref().and_then(|rule| rule.text(row)) else { return Ok(None) };
        let known = code.to_ascii_uppercase().parse();
        known
            .map(Some)
            .map_err(|_| Defect::new("unknown_currency", format!("{:?} is no ISO 4217 currency", clip(&code))))
    }

    /// True when the row has something in its price column, be it zero.
    pub(crate) fn has_amount(&self, row: &Record) -> bool {
        self.amount.text(row).is_some()
    }

    /// The price of a row in the currency it is known to be in; nothing when the column is empty.
    pub(crate) fn read(&self, row: &Record, currency: Currency) -> Result<Option<Priced>, Defect> {
        let Some(text) = self.amount.text(row) else { return Ok(None) };
        let price = self.money("price", &text, currency)?;
        if price.amount < 0 {
            return Err(Defect::new("negative_price", format!("the price {price} is negative")));
        }
        if price.amount == 0 && !self.accept_zero {
            return Err(Defect::new("zero_price", "the price is zero"));
        }
        let compare_at = match self.compare_at.as_ref().and_then(|rule| rule.text(row)) {
            // Exports write 0 or the price itself for "none": a comparison that shows no saving is none.
            Some(text) => {
                Some(self.money("compare_at", &text, currency)?).filter(|before| before.amount > price.amount)
            }
            None => None,
        };
        Ok(Some(Priced { price, compare_at }))
    }

    fn money(&self, what: &str, text: &str, currency: Currency) -> Result<Money, Defect> {
        let wrong = |reason: &str| Defect::new("invalid_price", format!("{what} {:?}: {reason}", clip(text)));
        let plain = ungroup(text, self.comma).ok_or_else(|| wrong("not a number"))?;
        let number: Decimal = plain.parse().map_err(|_| wrong("not a number"))?;
        let digits = if self.minor { 0 } else { currency.minor_digits() };
        let Some(missing) = digits.checked_sub(u32::from(number.scale())) else {
            return Err(wrong(&format!("more than {digits} digits after the point")));
        };
        let amount = 10i64.checked_pow(missing).and_then(|unit| number.unscaled().checked_mul(unit));
        amount.map(|amount| currency.of(amount)).ok_or_else(|| wrong("too large"))
    }
}

/// A number without its thousands separators and with a point: `1.234,50` (comma) and `1,234.50` give `1234.50`.
/// Groups must be of three digits, else `1,5` would silently become 15.
fn ungroup(text: &str, comma: bool) -> Option<String> {
    let (point, group) = if comma { (',', '.') } else { ('.', ',') };
    let text = text.trim();
    let (whole, fraction) = match text.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let separators = [group, '\'', '’', ' ', '\u{a0}', '\u{202f}'];
    let mut groups = whole.split(separators);
    let mut out = groups.next()?.to_owned();
    let digits = out.trim_start_matches('-').len();
    for part in groups {
        if part.len() != 3 || !part.bytes().all(|b| b.is_ascii_digit()) || !(1..=3).contains(&digits) {
            return None;
        }
        out.push_str(part);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> PriceRules {
        PriceRules::parse(Section::new("price", text.parse().unwrap())).unwrap()
    }

    fn read(text: &str, row: &str, currency: &str) -> Result<Option<String>, &'static str> {
        let row = crate::feed::json::record(row).unwrap();
        let read = rules(text).read(&row, currency.parse().unwrap());
        let show = |p: Priced| p.compare_at.map_or(p.price.to_string(), |c| format!("{} < {c}", p.price));
        read.map(|priced| priced.map(show)).map_err(|d| d.code)
    }

    #[test]
    fn units_and_separators() {
        let major = "amount = 'p'\ncompare_at = 'c'";
        let minor = "amount = 'p'\nunit = 'minor'";
        let comma = "amount = 'p'\ndecimal = ','";
        let ok = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(read(major, r#"{"p":"879.99","c":"0"}"#, "USD"), ok("879.99 USD"));
        assert_eq!(read(major, r#"{"p":100,"c":"129.99"}"#, "USD"), ok("100.00 USD < 129.99 USD"));
        assert_eq!(read(major, r#"{"p":0.1}"#, "EUR"), ok("0.10 EUR"));
        assert_eq!(read(major, r#"{"p":"1,234.50"}"#, "EUR"), ok("1234.50 EUR"));
        assert_eq!(read(minor, r#"{"p":4995}"#, "EUR"), ok("49.95 EUR"));
        assert_eq!(read(minor, r#"{"p":4995.0}"#, "JPY"), ok("4995 JPY"));
        assert_eq!(read(comma, r#"{"p":"1.234,5"}"#, "EUR"), ok("1234.50 EUR"));
        assert_eq!(read(comma, r#"{"p":"1 234,5"}"#, "KWD"), ok("1234.500 KWD"));
        assert_eq!(read(major, r#"{"p":" "}"#, "EUR"), Ok(None));
        for (row, code) in [
            (r#"{"p":"-1"}"#, "negative_price"),
            (r#"{"p":"0.00"}"#, "zero_price"),
            (r#"{"p":"1.005"}"#, "invalid_price"),
            (r#"{"p":"1,5"}"#, "invalid_price"),
            (r#"{"p":"free"}"#, "invalid_price"),
            (r#"{"p":"99999999999999999999"}"#, "invalid_price"),
            (r#"{"p":99999999999999999}"#, "invalid_price"),
            (r#"{"p":"1","c":"x"}"#, "invalid_price"),
        ] {
            assert_eq!(read(major, row, "EUR"), Err(code), "{row}");
        }
        assert_eq!(read(minor, r#"{"p":49.95}"#, "EUR"), Err("invalid_price"));
    }
}
