//! Currency signs beside a price: `15.00 USD`, `$95.00`, `1.299,00 €`, `15 000 FCFA`.

use souk_kernel::Currency;

/// Signs and the currencies that are written with them, the one that has it to itself or is meant by far most often first. Signs
/// of one country's neighbours are the reason for lists: `kr` is no currency, but it rules out euros.
const SIGNS: &[(&str, &[&str])] = &[
    ("€", &["EUR"]),
    ("£", &["GBP", "EGP", "LBP", "SYP", "GIP", "FKP", "SHP"]),
    ("¥", &["JPY", "CNY"]),
    ("￥", &["JPY", "CNY"]),
    ("円", &["JPY"]),
    ("元", &["CNY", "TWD", "HKD"]),
    ("₩", &["KRW"]),
    ("원", &["KRW"]),
    ("₹", &["INR"]),
    ("rs", &["INR", "PKR", "LKR", "NPR", "MUR", "SCR"]),
    ("₽", &["RUB"]),
    ("руб", &["RUB"]),
    ("₺", &["TRY"]),
    ("tl", &["TRY"]),
    ("₴", &["UAH"]),
    ("грн", &["UAH"]),
    ("₫", &["VND"]),
    ("đ", &["VND"]),
    ("฿", &["THB"]),
    ("₪", &["ILS"]),
    ("₱", &["PHP"]),
    ("₦", &["NGN"]),
    ("₸", &["KZT"]),
    ("₾", &["GEL"]),
    ("₼", &["AZN"]),
    ("zł", &["PLN"]),
    ("kč", &["CZK"]),
    ("ft", &["HUF"]),
    ("kr", &["SEK", "NOK", "DKK", "ISK"]),
    ("lei", &["RON", "MDL"]),
    ("лв", &["BGN"]),
    ("дин", &["RSD"]),
    ("din", &["RSD", "MKD"]),
    ("ден", &["MKD"]),
    ("fr", &["CHF"]),
    ("sfr", &["CHF"]),
    ("rp", &["IDR"]),
    ("rm", &["MYR"]),
    ("r", &["ZAR"]),
    ("r$", &["BRL"]),
    ("s/", &["PEN"]),
    ("fcfa", &["XOF", "XAF"]),
    ("f cfa", &["XOF", "XAF"]),
    ("cfa", &["XOF", "XAF"]),
    ("dh", &["MAD", "AED"]),
    ("dhs", &["AED", "MAD"]),
    ("kd", &["KWD"]),
    ("د.ك", &["KWD"]),
    ("د.إ", &["AED"]),
    ("ر.س", &["SAR"]),
    ("sr", &["SAR"]),
    ("us$", &["USD"]),
    ("c$", &["CAD"]),
    ("ca$", &["CAD"]),
    ("a$", &["AUD"]),
    ("au$", &["AUD"]),
    ("nz$", &["NZD"]),
    ("hk$", &["HKD"]),
    ("s$", &["SGD"]),
    ("nt$", &["TWD"]),
    ("mx$", &["MXN"]),
    (
        "$",
        &[
            "USD", "CAD", "AUD", "NZD", "MXN", "HKD", "SGD", "TWD", "ARS", "CLP", "COP", "BBD", "BSD", "JMD", "TTD",
            "UYU", "NAD",
        ],
    ),
];

/// A price without its sign, and the sign: letters or symbols before or behind the number.
pub(crate) fn split(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    // "15.-" and "15,–" are whole amounts.
    let whole = text.strip_suffix(['-', '–', '—']).map_or(text, |rest| rest.strip_suffix(['.', ',']).unwrap_or(text));
    let digit = |c: char| c.is_numeric();
    let (Some(first), Some(last)) = (whole.find(digit), whole.rfind(digit)) else { return (text, None) };
    let end = last + whole[last..].chars().next().map_or(0, char::len_utf8);
    // A minus, or the point of ".5", belongs to the number.
    let lead = whole[..first].trim_end_matches(['-', '−', '+']);
    let begin = match lead.strip_suffix(['.', ',']) {
        Some(rest) if !rest.ends_with(char::is_alphabetic) => rest.len(),
        _ => lead.len(),
    };
    let (before, after) = (whole[..begin].trim(), whole[end..].trim());
    match (before.is_empty(), after.is_empty()) {
        (false, true) => (whole[begin..end].trim(), Some(before)),
        // A minus behind the number stays with it.
        (true, false) if after.starts_with(['-', '−']) => (whole, None),
        (true, false) => (whole[..end].trim(), Some(after)),
        (true, true) => (whole, None),
        (false, false) => (text, None),
    }
}

/// The currencies that a sign may mean; none for what is no sign.
pub(crate) fn currencies(sign: &str) -> Vec<Currency> {
    let sign = sign.to_lowercase().replace(['\u{a0}', '\u{202f}'], " ");
    let sign = sign.trim_end_matches('.').trim();
    if let Ok(code) = sign.to_uppercase().parse() {
        return vec![code];
    }
    let listed =
        SIGNS.iter().find(|(known, _)| known.trim_end_matches('.') == sign).map_or(&[][..], |(_, codes)| codes);
    listed.iter().filter_map(|code| code.parse().ok()).collect()
}

/// The currency that a price names without doubt, by its code or a sign that no other has.
pub(crate) fn named(text: &str) -> Option<Currency> {
    match currencies(split(text).1?).as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_with_signs() {
        for (text, number, sign, named_as) in [
            ("15.00 USD", "15.00", Some("USD"), Some("USD")),
            ("EUR 15,00", "15,00", Some("EUR"), Some("EUR")),
            ("$95.00", "95.00", Some("$"), None),
            ("-$5", "5", Some("-$"), None),
            ("$-5", "-5", Some("$"), None),
            ("1.299,00\u{a0}€", "1.299,00", Some("€"), Some("EUR")),
            ("15 000 Fcfa", "15 000", Some("Fcfa"), None),
            ("Rs. 500", "500", Some("Rs."), None),
            ("kr 15,-", "15", Some("kr"), None),
            ("15.–", "15", None, None),
            ("¥1,980", "1,980", Some("¥"), None),
            ("1,980円", "1,980", Some("円"), Some("JPY")),
            ("12.50", "12.50", None, None),
            (".5", ".5", None, None),
            ("3,50-", "3,50-", None, None),
            ("from 5 to 9", "5 to 9", Some("from"), None),
            ("free", "free", None, None),
            ("", "", None, None),
        ] {
            assert_eq!(split(text), (number, sign), "{text}");
            assert_eq!(named(text).map(|currency| currency.to_string()).as_deref(), named_as, "{text}");
        }
        let codes = |sign: &str| currencies(sign).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(codes("FCFA"), ["XOF", "XAF"]);
        assert_eq!(codes("kr."), ["SEK", "NOK", "DKK", "ISK"]);
        assert!(codes("pieces").is_empty());
    }
}
