//! Money formatting, amounts as a buyer reads them: `€1,299.00`. English, like the rest of the storefront.

use souk_kernel::Money;

/// `€29.90`, `$5.00`, `1,200 JPY`.
pub fn show(money: Money) -> String {
    let decimal = money.decimal();
    let (sign, digits) = match decimal.strip_prefix('-') {
        Some(rest) => ("−", rest),
        None => ("", decimal.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut amount = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    if !fraction.is_empty() {
        amount = format!("{amount}.{fraction}");
    }
    match money.currency.code() {
        "EUR" => format!("{sign}€{amount}"),
        "USD" => format!("{sign}${amount}"),
        "GBP" => format!("{sign}£{amount}"),
        // A no-break space: an amount must not part from its currency.
        code => format!("{sign}{amount}\u{a0}{code}"),
    }
}

/// Digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A price beside what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// What it costs.
    pub now: String,
    /// What it is compared with.
    pub before: Option<String>,
    /// Other variants cost more.
    pub from: bool,
    /// `−20 %`, when the difference is worth a word.
    pub save: Option<String>,
}

impl Price {
    /// `before` counts only when it is higher.
    pub fn new(now: Money, before: Option<Money>, from: bool) -> Self {
        let before = before.filter(|before| before.amount > now.amount && before.currency == now.currency);
        let save = before.and_then(|before| percent_off(now.amount, before.amount));
        Self { now: show(now), before: before.map(show), from, save }
    }
}

/// Whole percents, rounded down so that we never promise too much.
fn percent_off(now: i64, before: i64) -> Option<String> {
    let percent = i128::from(before - now) * 100 / i128::from(before);
    (percent >= 1).then(|| format!("−{percent}%"))
}

#[cfg(test)]
mod tests {
    use souk_kernel::Currency;

    use super::*;

    #[test]
    fn amounts_read_naturally() {
        assert_eq!(show(Currency::EUR.of(129_900)), "€1,299.00");
        assert_eq!(show(Currency::USD.of(-5)), "−$0.05");
        assert_eq!(show("JPY".parse::<Currency>().unwrap().of(1_234_567)), "1,234,567\u{a0}JPY");
        assert_eq!(show("KWD".parse::<Currency>().unwrap().of(1_500)), "1.500\u{a0}KWD");
    }

    #[test]
    fn savings_are_never_rounded_up() {
        let eur = |amount| Currency::EUR.of(amount);
        assert_eq!(Price::new(eur(1_999), Some(eur(2_500)), false).save.as_deref(), Some("−20%"));
        assert_eq!(Price::new(eur(2_001), Some(eur(2_500)), false).save.as_deref(), Some("−19%"));
        assert_eq!(Price::new(eur(2_500), Some(eur(2_500)), false).before, None, "not cheaper");
        assert_eq!(Price::new(eur(2_500), Some(Currency::USD.of(9_999)), false).before, None, "not comparable");
    }
}
