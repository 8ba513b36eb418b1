//! Currency signs beside a price: `15.00 USD`, `$95.00`, `1.299,00 €`, `15 000 FCFA`.

use souk_kernel::Currency;

use crate::text::visible;

/// Signs and the currencies that are written with them, the one that has it to itself or is meant by far most often first. Signs
/// of one country's neighbours are the reason for lists: `kr` is no currency, but it rules out euros.
const SIGNS: &[(&str, &[&str])] = &[
    ("€", &["EUR"]),
    ("euro", &["EUR"]),
    ("euros", &["EUR"]),
    ("£", &["GBP", "EGP", "LBP", "SYP", "GIP", "FKP", "SHP"]),
    ("¥", &["JPY", "CNY"]),
    ("￥", &["JPY", "CNY"]),
    ("円", &["JPY"]),
    ("元", &["CNY", "TWD", "HKD"]),
    ("rmb", &["CNY"]),
    ("圓", &["TWD", "HKD"]),
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
    ("دينار", &["KWD", "BHD", "JOD", "IQD", "LYD", "TND", "DZD"]),
    ("د.ب", &["BHD"]),
    ("د.أ", &["JOD"]),
    ("درهم", &["AED", "MAD"]),
    ("ريال", &["SAR", "QAR", "OMR", "YER"]),
    ("ر.ق", &["QAR"]),
    ("ر.ع", &["OMR"]),
    ("جنيه", &["EGP", "SDG"]),
    ("ج.م", &["EGP"]),
    ("£e", &["EGP"]),
    ("le", &["EGP"]),
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

/// A price taken apart: the number, and the letters or symbols before and behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signed<'a> {
    pub(crate) number: &'a str,
    before: &'a str,
    after: &'a str,
}

impl<'a> Signed<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let text = text.trim();
        // "15.-", "15,–" and "15/-" are whole amounts.
        let whole = text.strip_suffix("/-").or_else(|| text.strip_suffix("/=")).unwrap_or_else(|| {
            text.strip_suffix(['-', '–', '—']).map_or(text, |rest| rest.strip_suffix(['.', ',']).unwrap_or(text))
        });
        let digit = |c: char| c.is_numeric();
        let (Some(first), Some(last)) = (whole.find(digit), whole.rfind(digit)) else {
            return Self { number: text, before: "", after: "" };
        };
        let end = last + whole[last..].chars().next().map_or(0, char::len_utf8);
        // A minus, or the point of ".5", belongs to the number.
        let lead = whole[..first].trim_end_matches(['-', '−', '+']);
        let begin = match lead.strip_suffix(['.', ',']) {
            Some(rest) if !rest.ends_with(char::is_alphabetic) => rest.len(),
            _ => lead.len(),
        };
        let (before, after) = (whole[..begin].trim(), whole[end..].trim());
        match before.is_empty() && after.starts_with(['-', '−']) {
            // A minus behind the number stays with it.
            true => Self { number: whole, before, after: "" },
            false => Self { number: whole[begin..end].trim(), before, after },
        }
    }

    /// The currencies that its signs may mean, which are none for other words; nothing where there is no sign. `$15 USD` has two.
    pub(crate) fn currencies(&self) -> Option<Vec<Currency>> {
        match (self.before, self.after) {
            ("", "") => None,
            (sign, "") | ("", sign) => Some(currencies(sign)),
            (before, after) => {
                let mut both = currencies(before);
                both.retain(|currency| currencies(after).contains(currency));
                Some(both)
            }
        }
    }
}

/// The currencies that a sign may mean; none for what is no sign.
pub(crate) fn currencies(sign: &str) -> Vec<Currency> {
    let sign: String = sign.to_lowercase().split_whitespace().collect();
    let sign = sign.trim_end_matches('.');
    // `USD$` is dollars twice.
    let code = if sign.len() > 3 { sign.trim_end_matches('$') } else { sign };
    if let Ok(code) = code.to_uppercase().parse() {
        return vec![code];
    }
    let is_meant = |known: &str| known.trim_end_matches('.').split(' ').collect::<String>() == sign;
    let listed = SIGNS.iter().find(|(known, _)| is_meant(known)).map_or(&[][..], |(_, codes)| codes);
    listed.iter().filter_map(|code| code.parse().ok()).collect()
}

/// The currency that a price names without doubt, by its code or a sign that no other has.
pub(crate) fn named(text: &str) -> Option<Currency> {
    match Signed::of(&visible(text)).currencies()?.as_slice() {
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
            ("$1,299.00 USD", "1,299.00", Some("$USD"), Some("USD")),
            ("US $ 12.50", "12.50", Some("US $"), Some("USD")),
            ("USD$12.50", "12.50", Some("USD$"), Some("USD")),
            ("€ 15 USD", "15", Some("€USD"), None),
            ("12,50 Euro", "12,50", Some("Euro"), Some("EUR")),
            ("Rs.1,299/-", "1,299", Some("Rs."), None),
            ("free", "free", None, None),
            ("", "", None, None),
        ] {
            let signed = Signed::of(text);
            let found = Some([signed.before, signed.after].concat()).filter(|sign| !sign.is_empty());
            assert_eq!((signed.number, found.as_deref()), (number, sign), "{text}");
            assert_eq!(named(text).map(|currency| currency.to_string()).as_deref(), named_as, "{text}");
        }
        let codes = |sign: &str| currencies(sign).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(codes("FCFA"), ["XOF", "XAF"]);
        assert_eq!(codes("kr."), ["SEK", "NOK", "DKK", "ISK"]);
        assert!(codes("pieces").is_empty());
    }
}
