//! Price mapping of a column: minor or major units, which currency; no float anywhere.

use jiff::civil::Date;
use souk_kernel::{Currency, Money};

use super::rule::Rule;
use super::section::Section;
use crate::decimal::Decimal;
use crate::draft::{Defect, clip};
use crate::feed::currency_sign::{self, Signed};
use crate::feed::error::MappingError;
use crate::feed::number::{self, DecimalMark, Evidence};
use crate::feed::record::Record;
use crate::text::visible;

/// `[price]` of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct PriceRules {
    amount: Rule,
    compare_at: Option<Rule>,
    /// A reduced price, which counts instead while its days last.
    sale: Option<Sale>,
    /// What the source says; `default_currency` holds where it says nothing.
    pub(crate) currency: Option<Rule>,
    pub(crate) default_currency: Option<Currency>,
    minor: bool,
    /// What stands before decimals in all numbers of the source; without it the file's own numbers tell.
    pub(crate) decimal: Option<DecimalMark>,
    accept_zero: bool,
    /// Rows of other currencies are refused one by one instead of only counted.
    pub(crate) refuse_others: bool,
}

/// Where a reduced price stands, and from which day to which it holds.
#[derive(Clone, Debug)]
struct Sale {
    amount: Rule,
    start: Option<Rule>,
    end: Option<Rule>,
}

/// A price and the price it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Priced {
    pub(crate) price: Money,
    pub(crate) compare_at: Option<Money>,
}

impl Sale {
    /// Whether it holds on a day. A day that cannot be read keeps the price from being reduced.
    fn holds(&self, row: &Record, today: Date) -> Result<bool, Defect> {
        let day = |rule: &Option<Rule>| -> Result<Option<Date>, Defect> {
            let Some(text) = rule.as_ref().and_then(|rule| rule.text(row)) else { return Ok(None) };
            let wrong = || {
                Defect::new(
                    "invalid_date",
                    format!("the day {:?} of a sale cannot be read: it is not reduced", clip(&text)),
                )
            };
            day_of(&text).map(Some).ok_or_else(wrong)
        };
        let (start, end) = (day(&self.start)?, day(&self.end)?);
        Ok(start.is_none_or(|start| start <= today) && end.is_none_or(|end| today <= end))
    }
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
        let decimal = match section.text("decimal")?.as_deref() {
            None => None,
            Some(".") => Some(DecimalMark::Point),
            Some(",") => Some(DecimalMark::Comma),
            Some(text) => return Err(section.error("decimal", format!("\".\" or \",\" is wanted, not {text:?}"))),
        };
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
        let (start, end) = (Rule::take(&mut section, "sale_start")?, Rule::take(&mut section, "sale_end")?);
        let sale = match Rule::take(&mut section, "sale")? {
            Some(amount) => Some(Sale { amount, start, end }),
            None if start.is_some() || end.is_some() => return Err(section.error("sale", "is missing")),
            None => None,
        };
        let currency = Rule::take(&mut section, "currency")?;
        section.finish()?;
        Ok(Self { amount, compare_at, sale, currency, default_currency, minor, decimal, accept_zero, refuse_others })
    }

    /// The currency a row names, if it names one: in a column, or beside the amount.
    pub(crate) fn currency_of(&self, row: &Record) -> Result<Option<Currency>, Defect> {
        let Some(code) = self.currency.as_ref().and_then(|rule| rule.text(row)) else {
            return Ok(self.amount.text(row).and_then(|text| currency_sign::named(&text)));
        };
        match currency_sign::currencies(&code).as_slice() {
            [only] => Ok(Some(*only)),
            _ => Err(Defect::new("unknown_currency", format!("{:?} is no ISO 4217 currency", clip(&code)))),
        }
    }

    /// True when prices say their currency, or may.
    pub(crate) fn names_currency(&self) -> bool {
        self.currency.is_some() || self.default_currency.is_some()
    }

    /// True when the row has something in its price column, be it zero.
    pub(crate) fn has_amount(&self, row: &Record) -> bool {
        self.amount.text(row).is_some()
    }

    /// The texts of a row's prices that are no numbers of the source's format: what tells how the file writes them.
    pub(crate) fn observe(&self, row: &Record, evidence: &mut Evidence) {
        let sale = self.sale.as_ref().map(|sale| &sale.amount);
        for rule in [Some(&self.amount), self.compare_at.as_ref(), sale].into_iter().flatten() {
            if let Some((text, false)) = rule.number(row) {
                evidence.observe(Signed::of(&visible(&text)).number);
            }
        }
    }

    /// Its rules by their keys.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (&'static str, &Rule)> {
        let rules = [
            ("price.amount", Some(&self.amount)),
            ("price.compare_at", self.compare_at.as_ref()),
            ("price.currency", self.currency.as_ref()),
            ("price.sale", self.sale.as_ref().map(|sale| &sale.amount)),
            ("price.sale_start", self.sale.as_ref().and_then(|sale| sale.start.as_ref())),
            ("price.sale_end", self.sale.as_ref().and_then(|sale| sale.end.as_ref())),
        ];
        rules.into_iter().filter_map(|(key, rule)| Some((key, rule?)))
    }

    /// The price of a row in the currency it is known to be in; nothing when the column is empty. A price to compare with that
    /// cannot be read is left out, and said.
    pub(crate) fn read(
        &self,
        row: &Record,
        currency: Currency,
        mark: Option<DecimalMark>,
        today: Date,
    ) -> Result<Option<(Priced, Vec<Defect>)>, Defect> {
        let Some(written) = self.amount.number(row) else { return Ok(None) };
        let mut defects = Vec::new();
        let price = self.money("price", &written, currency, mark, &mut defects)?;
        if price.amount < 0 {
            return Err(Defect::new("negative_price", format!("the price {price} is negative")));
        }
        if price.amount == 0 && !self.accept_zero {
            return Err(Defect::new("zero_price", "the price is zero"));
        }
        let compared = self.compare_at.as_ref().and_then(|rule| rule.number(row));
        let compared = compared.map(|written| self.money("compare_at", &written, currency, mark, &mut defects));
        let before = match compared.transpose() {
            Ok(before) => before,
            Err(defect) => {
                defects.push(defect);
                None
            }
        };
        let mut priced = Priced { price, compare_at: before };
        if let Some(sale) = &self.sale
            && let Some(written) = sale.amount.number(row)
        {
            match self.money("sale price", &written, currency, mark, &mut defects) {
                Ok(reduced) if reduced.amount <= 0 || reduced.amount >= price.amount => {}
                Ok(reduced) => match sale.holds(row, today) {
                    Ok(true) => priced = Priced { price: reduced, compare_at: Some(price) },
                    Ok(false) => {}
                    Err(no) => defects.push(no),
                },
                Err(no) => defects.push(no),
            }
        }
        // Exports write 0 or the price itself for "none": a comparison that shows no saving is none.
        priced.compare_at = priced.compare_at.filter(|before| before.amount > priced.price.amount);
        Ok(Some((priced, defects)))
    }

    fn money(
        &self,
        what: &str,
        (text, exact): &(String, bool),
        currency: Currency,
        mark: Option<DecimalMark>,
        defects: &mut Vec<Defect>,
    ) -> Result<Money, Defect> {
        let mark = if *exact { Some(DecimalMark::Point) } else { mark };
        let text = visible(text);
        let text = text.as_ref();
        let wrong = |reason: &str| Defect::new("invalid_price", format!("{what} {:?}: {reason}", clip(text)));
        let signed = Signed::of(text);
        if let Some(meant) = signed.currencies() {
            if meant.is_empty() {
                return Err(wrong("not a number"));
            }
            if !meant.contains(&currency) {
                return Err(Defect::new("other_currency", format!("{what} {:?} is not in {currency}", clip(text))));
            }
        }
        let number: Decimal = number::read(signed.number, mark).map_err(|no| wrong(no.reason()))?;
        let digits = if self.minor { 0 } else { currency.minor_digits() };
        if let Some(missing) = digits.checked_sub(u32::from(number.scale())) {
            let amount = 10i64.checked_pow(missing).and_then(|unit| number.unscaled().checked_mul(unit));
            return amount.map(|amount| currency.of(amount)).ok_or_else(|| wrong("too large"));
        }
        // Net prices of gross ones have more digits than money has. Where money has none at all the digits say that it is another
        // currency, and three of them may be thousands.
        let is_clear = *exact || !number::is_ambiguous(signed.number);
        let Some(money) = rounded(number, digits).filter(|_| digits > 0 && is_clear).map(|amount| currency.of(amount))
        else {
            return Err(wrong(&format!("more than {digits} digits after the point")));
        };
        defects.push(Defect::new("rounded_price", format!("{what} {:?} is rounded: {money}", clip(text))));
        Ok(money)
    }
}

/// The day that a text names: `2026-11-30T10:00`, `30.11.2026`, `11/30/26`. What may be two days (`1/2/2026`) is none.
fn day_of(text: &str) -> Option<Date> {
    let text = text.split([' ', 'T', ',']).next().unwrap_or_default();
    let parts: Vec<&str> = text.split(['-', '/', '.']).filter(|part| !part.is_empty()).collect();
    let [first, second, third] = <[&str; 3]>::try_from(parts).ok()?;
    let number = |part: &str| part.parse::<i16>().ok();
    let (year, month, day) = match (number(first)?, number(second)?, number(third)?) {
        (year, month, day) if first.len() == 4 => (year, month, day),
        (day, month, year) if text.contains('.') || day > 12 => (year, month, day),
        (month, day, year) if day > 12 || day == month => (year, month, day),
        _ => return None,
    };
    let year = if year < 100 { year + 2000 } else { year };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// A number in units of which `10^digits` are one, half a unit up.
fn rounded(number: Decimal, digits: u32) -> Option<i64> {
    let unit = 10i64.checked_pow(u32::from(number.scale()).checked_sub(digits)?)?;
    let (whole, rest) = (number.unscaled().div_euclid(unit), number.unscaled().rem_euclid(unit));
    Some(if rest >= unit - rest { whole + 1 } else { whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> PriceRules {
        PriceRules::parse(Section::new("price", text.parse().unwrap())).unwrap()
    }

    fn read(text: &str, row: &str, currency: &str) -> Result<Option<String>, &'static str> {
        let row = crate::feed::json::record(row).unwrap();
        let rules = rules(text);
        let read = rules.read(&row, currency.parse().unwrap(), rules.decimal, jiff::civil::date(2026, 11, 30));
        let show = |(p, defects): (Priced, Vec<Defect>)| {
            let compare_at = p.compare_at.map(|money| format!(" < {money}")).unwrap_or_default();
            format!(
                "{}{compare_at}{}",
                p.price,
                defects.iter().map(|defect| format!(" {}", defect.code)).collect::<String>()
            )
        };
        read.map(|priced| priced.map(show)).map_err(|d| d.code)
    }

    #[test]
    fn days_as_they_are_written() {
        for (text, want) in [
            ("2026-11-30", Some("2026-11-30")),
            ("2026-11-30T08:00-0800", Some("2026-11-30")),
            ("2026/1/5 10:00", Some("2026-01-05")),
            ("30.11.2026", Some("2026-11-30")),
            ("5. 1. 2026", None),
            ("1.2.26", Some("2026-02-01")),
            ("11/30/26, 12:00 AM", Some("2026-11-30")),
            ("30/11/2026", Some("2026-11-30")),
            ("1/2/2026", None),
            ("31.02.2026", None),
            ("soon", None),
            ("99999-1-1", None),
        ] {
            assert_eq!(day_of(text).map(|day| day.to_string()).as_deref(), want, "{text}");
        }
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
        assert_eq!(read(major, r#"{"p":"1,5"}"#, "EUR"), ok("1.50 EUR"));
        assert_eq!(read(major, r#"{"p":"15.00 EUR"}"#, "EUR"), ok("15.00 EUR"));
        assert_eq!(read(major, r#"{"p":"15 000 Fcfa"}"#, "XOF"), ok("15000 XOF"));
        assert_eq!(read(major, r#"{"p":1.299}"#, "KWD"), ok("1.299 KWD"));
        assert_eq!(read(major, r#"{"p":"1","c":"x"}"#, "EUR"), ok("1.00 EUR invalid_price"));
        assert_eq!(read(major, r#"{"p":" "}"#, "EUR"), Ok(None));
        assert_eq!(read(major, r#"{"p":"12.416667"}"#, "EUR"), ok("12.42 EUR rounded_price"));
        assert_eq!(read(major, r#"{"p":"12.4950"}"#, "EUR"), ok("12.50 EUR rounded_price"));
        assert_eq!(read(major, r#"{"p":12.495}"#, "EUR"), ok("12.50 EUR rounded_price"));
        assert_eq!(read(major, r#"{"p":"$1,299.00 USD"}"#, "USD"), ok("1299.00 USD"));
        assert_eq!(read(major, r#"{"p":"\u200f12.50 د.إ.\u200f"}"#, "AED"), ok("12.50 AED"));
        for (row, code) in [
            (r#"{"p":"-1"}"#, "negative_price"),
            (r#"{"p":"0.00"}"#, "zero_price"),
            (r#"{"p":"1.005"}"#, "invalid_price"),
            (r#"{"p":"1,299"}"#, "invalid_price"),
            (r#"{"p":"12 pieces"}"#, "invalid_price"),
            (r#"{"p":"12 USD"}"#, "other_currency"),
            (r#"{"p":"$12"}"#, "other_currency"),
            (r#"{"p":"free"}"#, "invalid_price"),
            (r#"{"p":"99999999999999999999"}"#, "invalid_price"),
            (r#"{"p":99999999999999999}"#, "invalid_price"),
        ] {
            assert_eq!(read(major, row, "EUR"), Err(code), "{row}");
        }
        assert_eq!(read(minor, r#"{"p":49.95}"#, "EUR"), Err("invalid_price"));
    }
}
