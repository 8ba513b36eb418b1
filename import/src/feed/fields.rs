//! Field parsers: status, stock and weight of a variant or product out of their text.

use souk_catalog_api::Status;
use souk_inventory_api::StockPolicy;

use crate::draft::{Defect, clip};
use crate::feed::number::{self, DecimalMark};
use crate::feed::words;
use crate::limits;
use crate::text::is_invisible;

/// What a field says, and what is wrong with it where it cannot be read. What stands in its place is never to the better: nothing
/// is published, in stock or of a weight because of a word that is not known.
pub(crate) struct Field<T> {
    pub(crate) value: T,
    pub(crate) defect: Option<Defect>,
}

impl<T> Field<T> {
    fn good(value: T) -> Self {
        Self { value, defect: None }
    }

    fn bad(value: T, code: &'static str, reason: String) -> Self {
        Self { value, defect: Some(Defect::new(code, reason)) }
    }

    /// The value; the defect joins the others.
    pub(crate) fn note(self, defects: &mut Vec<Defect>) -> T {
        defects.extend(self.defect);
        self.value
    }
}

/// Published unless the source says otherwise; not published where it says something that is not known.
pub(crate) fn status(text: Option<String>) -> Field<Status> {
    let Some(text) = text else { return Field::good(Status::Published) };
    let word = text.trim().to_lowercase();
    match words::is_published(&word) {
        Some(true) => Field::good(Status::Published),
        Some(false) => Field::good(Status::Draft),
        None if word == "unlisted" => Field::good(Status::Unlisted),
        None => {
            let reason = format!("the status {:?} is not known, so the product is not published", clip(&text));
            Field::bad(Status::Draft, "invalid_status", reason)
        }
    }
}

/// Whole units; what is oversold is none. What cannot be read is none, too, so that nothing is sold that is not there.
pub(crate) fn stock(text: Option<(String, bool)>, mark: Option<DecimalMark>) -> Field<Option<i64>> {
    let Some((text, exact)) = text else { return Field::good(None) };
    let bad = |units: i64, why: &str| {
        Field::bad(Some(units), "invalid_stock", format!("stock {:?} {why}: {units} units", clip(&text)))
    };
    match number::read(&text, if exact { Some(DecimalMark::Point) } else { mark }) {
        Ok(number) if number.scale() > 0 => {
            bad((number.unscaled() / 10i64.pow(number.scale().into())).max(0), "is not whole")
        }
        Ok(number) if number.unscaled() > limits::STOCK_UNITS => bad(limits::STOCK_UNITS, "is above the limit"),
        Ok(number) => Field::good(Some(number.unscaled().max(0))),
        Err(no) => match counted(&text) {
            Some(Counted { number, at_least }) => match stock(Some((number.to_owned(), exact)), mark) {
                Field { value: Some(units), defect: None } if at_least => bad(units, "is what there is at least"),
                Field { value, defect: None } => Field::good(value),
                Field { value, defect: Some(_) } => bad(value.unwrap_or_default(), &format!("is {}", no.reason())),
            },
            None => bad(0, &format!("is {}", no.reason())),
        },
    }
}

/// A count that has more beside it than digits.
struct Counted<'a> {
    number: &'a str,
    at_least: bool,
}

/// The count of `10+`, `> 5` and `5 pcs`. Other words may mean anything (`5 days`), so they are none.
fn counted(text: &str) -> Option<Counted<'_>> {
    let text = text.trim();
    let more = text.trim_start_matches(['>', '≥', '=']).trim_start();
    let more = more.strip_suffix('+').unwrap_or(more).trim_end();
    let number = more.trim_end_matches(|c: char| c.is_alphabetic() || c == '.').trim_end();
    let unit = more[number.len()..].trim().trim_end_matches('.').to_lowercase();
    let known = unit.is_empty() || words::PIECES.have(&unit);
    let changed = number.len() < text.len() && number.starts_with(char::is_numeric);
    (known && changed).then_some(Counted { number, at_least: text.starts_with(['>', '≥']) || text.ends_with('+') })
}

/// What happens when the stock runs out, where the source says something; where that is not known, no more is sold than there is.
pub(crate) fn stock_policy(text: Option<String>) -> Field<Option<StockPolicy>> {
    let Some(text) = text else { return Field::good(None) };
    let word = text.trim().to_lowercase();
    let policy = match (word.as_str(), words::answer(&word)) {
        ("deny" | "never", _) | (_, Some(false)) => StockPolicy::Deny,
        ("continue" | "backorder" | "allow" | "notify", _) | (_, Some(true)) => StockPolicy::Backorder,
        ("untracked", _) => StockPolicy::Untracked,
        _ => {
            let reason = format!("the stock policy {:?} is not known, so no more is sold than there is", clip(&text));
            return Field::bad(Some(StockPolicy::Deny), "invalid_stock_policy", reason);
        }
    };
    Field::good(Some(policy))
}

/// Grams, half a gram up; zero means that the weight is not known.
pub(crate) fn weight(text: Option<(String, bool)>, unit: Option<String>, mark: Option<DecimalMark>) -> Field<u32> {
    let Some((text, exact)) = text else { return Field::good(0) };
    match grams(&text, unit.as_deref(), if exact { Some(DecimalMark::Point) } else { mark }) {
        Ok(grams) => Field::good(grams),
        Err(reason) => Field::bad(0, "invalid_weight", format!("weight {:?} is left out: {reason}", clip(&text))),
    }
}

/// A weight without the letters of its unit, and those: `1,5 kg`, `Kg. 1,5`.
pub(crate) fn without_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let is_letter = |c: char| c.is_alphabetic() || c == '.';
    let digits = text.trim_end_matches(is_letter).trim_end();
    if digits.starts_with(char::is_alphabetic) {
        let digits = text.trim_start_matches(is_letter).trim_start();
        return (digits, text[..text.len() - digits.len()].trim().trim_end_matches('.'));
    }
    (digits, text[digits.len()..].trim().trim_end_matches('.'))
}

fn grams(text: &str, unit: Option<&str>, mark: Option<DecimalMark>) -> Result<u32, String> {
    // The unit beside the number counts more than that of the column.
    let (digits, written) = without_unit(text);
    let unit = if written.is_empty() { unit } else { Some(written) };
    // Hundred-thousandths of a gram in one unit: exact for pounds and ounces (NIST Handbook 44, appendix C).
    let unit = match unit.map(|unit| unit.trim().trim_end_matches('.').to_lowercase()).as_deref() {
        None => 100_000,
        Some("mg" | "мг" | "毫克") => 100,
        Some("t") => 100_000_000_000,
        Some(gram) if words::GRAMS.have(gram) => 100_000,
        Some(kilogram) if words::KILOGRAMS.have(kilogram) => 100_000_000,
        Some(pound) if words::POUNDS.have(pound) => 45_359_237,
        Some(ounce) if words::OUNCES.have(ounce) => 2_834_952,
        Some(other) => return Err(format!("the unit {:?} is none of g, kg, lb, oz", clip(other))),
    };
    let number = number::read(digits, mark).map_err(|no| no.reason().to_owned())?;
    if number.unscaled() < 0 {
        return Err("negative".to_owned());
    }
    let divisor = 10i128.pow(u32::from(number.scale())) * 100_000;
    let grams = (i128::from(number.unscaled()) * unit * 2 + divisor) / (divisor * 2);
    u32::try_from(grams).map_err(|_| "too heavy".to_owned())
}

/// What people and spreadsheets write where a code would stand.
const NOTHING: &[&str] =
    &["-", "–", "—", "n/a", "#n/a", "null", "#ref!", "#value!", "#name?", "#null!", "#num!", "#div/0!"];

/// True for a number that a spreadsheet has cut: `4.00638E+12` was another one.
pub(crate) fn is_cut(code: &str) -> bool {
    let parts = code.split_once(['e', 'E']).and_then(|(digits, power)| Some((digits, power.strip_prefix('+')?)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    parts.is_some_and(|(number, power)| digits(power) && digits(&number.replace([',', '.'], "")))
}

/// A code (SKU, barcode, number of an article) without what guards it from spreadsheets, which take its zeros away: an
/// apostrophe before it, or `="…"` about it.
pub(crate) fn code(text: &str) -> &str {
    let text = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    if NOTHING.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return "";
    }
    if let Some(inner) = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        return inner.trim();
    }
    match text.strip_prefix(['\'', '’', '`']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit() || "=+-@".contains(c)) => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights() {
        let read = |text: &str, unit: &str| {
            let field = weight(Some((text.into(), false)), Some(unit.into()), None);
            field.defect.map_or(Ok(field.value), |defect| Err(defect.code))
        };
        assert_eq!(read("19.8", "lb"), Ok(8981));
        assert_eq!(read("1.5", "KG"), Ok(1500));
        assert_eq!(read("45,5", "kg"), Ok(45_500));
        assert_eq!(read("0.4999", "g"), Ok(0));
        assert_eq!(read("1,5 kg", "g"), Ok(1500));
        assert_eq!(read("12 oz.", "kg"), Ok(340));
        for text in ["Kg 1,5", "KG. 1.5", "1,5 кг", "1.5公斤", "1.5kgs", "1,5 كجم", "1500 г", "1500グラム"] {
            assert_eq!(read(text, "lb"), Ok(1500), "{text}");
        }
        for (text, unit) in [("-1", "g"), ("1", "stone"), ("99999999", "kg"), ("heavy", "kg"), ("1.500", "kg")] {
            assert_eq!(read(text, unit), Err("invalid_weight"), "{text} {unit}");
        }
    }

    #[test]
    fn stock_is_never_read_for_the_better() {
        let read = |text: &str| {
            let field = stock(Some((text.into(), false)), None);
            (field.value, field.defect.map(|defect| defect.code))
        };
        assert_eq!(read("-3"), (Some(0), None));
        assert_eq!(read("5.0"), (Some(5), None));
        assert_eq!(read("5,5"), (Some(5), Some("invalid_stock")));
        assert_eq!(read("many"), (Some(0), Some("invalid_stock")));
        for text in ["10+", "> 10", ">=10", "≥10", "10 + "] {
            assert_eq!(read(text), (Some(10), Some("invalid_stock")), "{text}");
        }
        for text in ["10 Stk.", "10 pcs", "10 шт", "10個", "'10", "=\"10\"", "１０"] {
            assert_eq!(read(text), (Some(10), None), "{text}");
        }
        for text in ["5 days", "<5", "5-10", "ca. 5", "~5", "in stock", "5 sold", "n/a", "-", "+"] {
            assert_eq!(read(text), (Some(0), Some("invalid_stock")), "{text}");
        }
        assert_eq!(read("1.000"), (Some(0), Some("invalid_stock")));
        assert_eq!(read("999999999999"), (Some(limits::STOCK_UNITS), Some("invalid_stock")));
        assert_eq!(stock(Some(("1.000".into(), false)), Some(DecimalMark::Comma)).value, Some(1000));
    }

    #[test]
    fn an_unknown_policy_sells_no_more_than_there_is() {
        let read = |text: &str| {
            let field = stock_policy(Some(text.into()));
            (field.value, field.defect.is_some())
        };
        assert_eq!(stock_policy(None).value, None);
        assert_eq!(read("CONTINUE "), (Some(StockPolicy::Backorder), false));
        assert_eq!(read("deny"), (Some(StockPolicy::Deny), false));
        assert_eq!(read("untracked"), (Some(StockPolicy::Untracked), false));
        assert_eq!(read("perhaps"), (Some(StockPolicy::Deny), true));
    }

    #[test]
    fn an_unknown_status_is_not_published() {
        let read = |text: &str| {
            let field = status(Some(text.into()));
            (field.value, field.defect.is_some())
        };
        assert_eq!(status(None).value, Status::Published);
        assert_eq!(read(" Active"), (Status::Published, false));
        assert_eq!(read("ARCHIVED"), (Status::Draft, false));
        assert_eq!(read("maybe"), (Status::Draft, true));
        for word in ["Aktiv", "ja", "WAHR", "actif", "sí", "Опубликован", "公開", "上架", "نعم", "Publié.", "1.0"]
        {
            assert_eq!(read(word), (Status::Published, false), "{word}");
        }
        for word in ["Inaktiv", "nein", "FALSCH", "brouillon", "нет", "下書き", "非公開", "下架", "لا", "0.0", "Trash"]
        {
            assert_eq!(read(word), (Status::Draft, false), "{word}");
        }
    }

    #[test]
    fn guards_of_codes() {
        for (text, want) in [
            ("\u{200e}A-1\u{200f}", "A-1"),
            ("#N/A", ""),
            ("–", ""),
            ("'8720892119308", "8720892119308"),
            ("=\"00123\"", "00123"),
            ("'n Roll", "'n Roll"),
            ("A-1", "A-1"),
        ] {
            assert_eq!(code(text), want);
        }
        for (code, cut) in [
            ("4.00638E+12", true),
            ("4,00638e+12", true),
            ("1E+5", true),
            ("E+5", false),
            ("AB12E+5", false),
            ("12E5", false),
        ] {
            assert_eq!(is_cut(code), cut, "{code}");
        }
    }
}
