//! Money: integer minor units of an ISO 4217 currency. Never a float, not even to print.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What can go wrong with money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies met in one sum.
    #[error("amounts of {0} and {1} cannot be combined")]
    CurrencyMismatch(Currency, Currency),
    /// The result does not fit 64 bits.
    #[error("amount out of range")]
    Overflow,
    /// Not three capital letters of a currency we know.
    #[error("unknown currency")]
    UnknownCurrency,
    /// Not a decimal number with at most the currency's digits.
    #[error("not an amount in this currency")]
    NotAnAmount,
}

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// Active ISO 4217 codes whose minor unit is not 2 digits; every other active code has 2.
const NO_MINOR_UNIT: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
];
const THREE_DIGITS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
const TWO_DIGITS: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BMD", "BND", "BOB", "BRL",
    "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DKK", "DOP",
    "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL",
    "HTG", "HUF", "IDR", "ILS", "INR", "IRR", "JMD", "KES", "KGS", "KHR", "KPW", "KYD", "KZT", "LAK", "LBP", "LKR",
    "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN",
    "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB",
    "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB",
    "TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "UYU", "UZS", "VES", "WST", "XCD", "XCG", "YER",
    "ZAR", "ZMW", "ZWG",
];

impl Currency {
    /// Euro, the currency of the demo shop.
    pub const EUR: Self = Self(*b"EUR");
    /// US dollar.
    pub const USD: Self = Self(*b"USD");

    /// The code, `EUR`.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// Digits after the decimal point: 2 for EUR, 0 for JPY, 3 for KWD (ISO 4217).
    pub fn minor_digits(self) -> u32 {
        match self.code() {
            code if NO_MINOR_UNIT.contains(&code) => 0,
            code if THREE_DIGITS.contains(&code) => 3,
            _ => 2,
        }
    }

    /// `amount` minor units of this currency.
    pub const fn of(self, amount: i64) -> Money {
        Money { amount, currency: self }
    }

    /// Reads a decimal in major units, `1234.5`: at most this currency's digits, sign allowed, nothing else.
    pub fn parse(self, text: &str) -> Result<Money, MoneyError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let wanted = self.minor_digits() as usize;
        let fraction = fraction.strip_suffix(&"0".repeat(fraction.len().saturating_sub(wanted))).unwrap_or(fraction);
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > wanted {
            return Err(MoneyError::NotAnAmount);
        }
        let text = format!("{whole}{fraction:0<wanted$}");
        let amount: i64 = text.parse().map_err(|_| MoneyError::Overflow)?;
        Ok(self.of(if negative { -amount } else { amount }))
    }
}

impl std::str::FromStr for Currency {
    type Err = MoneyError;
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        let known = [TWO_DIGITS, NO_MINOR_UNIT, THREE_DIGITS].iter().any(|list| list.contains(&code));
        let bytes = code.as_bytes().try_into().map_err(|_| MoneyError::UnknownCurrency)?;
        if known { Ok(Self(bytes)) } else { Err(MoneyError::UnknownCurrency) }
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<str>::deserialize(deserializer)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

/// How a fraction of a minor unit becomes a whole one. Tax uses [`Rounding::HalfUp`] on each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Halves away from zero: the commercial rule.
    HalfUp,
    /// Halves to the even neighbour: no drift over many roundings.
    HalfEven,
    /// Towards zero.
    Down,
}

/// An amount in minor units (cents) of one currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; negative for money that flows back.
    pub amount: i64,
    /// What it is counted in.
    pub currency: Currency,
}

impl Money {
    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        currency.of(0)
    }

    /// The sum; both must be of one currency.
    pub fn checked_add(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        self.amount.checked_add(other.amount).map(|a| self.currency.of(a)).ok_or(MoneyError::Overflow)
    }

    /// The difference; both must be of one currency.
    pub fn checked_sub(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        self.amount.checked_sub(other.amount).map(|a| self.currency.of(a)).ok_or(MoneyError::Overflow)
    }

    /// `times` as much.
    pub fn checked_mul(self, times: i64) -> Result<Money, MoneyError> {
        self.amount.checked_mul(times).map(|a| self.currency.of(a)).ok_or(MoneyError::Overflow)
    }

    /// Sum of many; zero in `currency` for none.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Money>) -> Result<Money, MoneyError> {
        amounts.into_iter().try_fold(Money::zero(currency), Money::checked_add)
    }

    /// `numerator / denominator` of this amount, rounded to a minor unit. Computed in 128 bits.
    pub fn fraction(self, numerator: i64, denominator: i64, rounding: Rounding) -> Result<Money, MoneyError> {
        if denominator == 0 {
            return Err(MoneyError::Overflow);
        }
        let product = i128::from(self.amount) * i128::from(numerator);
        let denominator = i128::from(denominator);
        let (quotient, remainder) = (product / denominator, product % denominator);
        let away = if (product < 0) == (denominator < 0) { 1 } else { -1 };
        let twice = (remainder.abs() * 2).cmp(&denominator.abs());
        let round_away = match (rounding, twice) {
            (Rounding::Down, _) | (_, std::cmp::Ordering::Less) => false,
            (_, std::cmp::Ordering::Greater) | (Rounding::HalfUp, _) => true,
            (Rounding::HalfEven, _) => quotient % 2 != 0,
        };
        let rounded = if round_away { quotient + away } else { quotient };
        i64::try_from(rounded).map(|a| self.currency.of(a)).map_err(|_| MoneyError::Overflow)
    }

    /// `basis_points` hundredths of a percent of this amount.
    pub fn basis_points(self, basis_points: i64, rounding: Rounding) -> Result<Money, MoneyError> {
        self.fraction(basis_points, 10_000, rounding)
    }

    /// Splits a non-negative amount by `weights` without losing a minor unit: largest remainders get the rest, first
    /// come first served on ties. All weights zero: everything goes to the first part.
    pub fn split(self, weights: &[u64]) -> Result<Vec<Money>, MoneyError> {
        if weights.is_empty() {
            return Ok(Vec::new());
        }
        if self.amount < 0 {
            let parts = self.checked_mul(-1)?.split(weights)?;
            return parts.into_iter().map(|part| part.checked_mul(-1)).collect();
        }
        let total: u128 = weights.iter().map(|w| u128::from(*w)).sum();
        let mut parts = vec![0i64; weights.len()];
        if total == 0 {
            parts[0] = self.amount;
            return Ok(parts.into_iter().map(|a| self.currency.of(a)).collect());
        }
        let amount = self.amount.unsigned_abs();
        let mut remainders = Vec::with_capacity(weights.len());
        for (i, weight) in weights.iter().enumerate() {
            let share = u128::from(amount) * u128::from(*weight);
            parts[i] = i64::try_from(share / total).map_err(|_| MoneyError::Overflow)?;
            remainders.push((std::cmp::Reverse(share % total), i));
        }
        let rest = self.amount - parts.iter().sum::<i64>();
        remainders.sort();
        for (_, i) in remainders.iter().take(usize::try_from(rest).map_err(|_| MoneyError::Overflow)?) {
            parts[*i] += 1;
        }
        Ok(parts.into_iter().map(|a| self.currency.of(a)).collect())
    }

    /// The amount in major units with the currency's digits, without its code: `1234.50`.
    pub fn decimal(self) -> String {
        let digits = self.currency.minor_digits();
        let unit = 10u64.pow(digits);
        let (sign, value) = (if self.amount < 0 { "-" } else { "" }, self.amount.unsigned_abs());
        match digits {
            0 => format!("{sign}{value}"),
            _ => format!("{sign}{}.{:0width$}", value / unit, value % unit, width = digits as usize),
        }
    }

    fn same_currency(self, other: Money) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch(self.currency, other.currency))
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

impl std::fmt::Debug for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl From<MoneyError> for crate::Problem {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::CurrencyMismatch(..) => crate::Problem::conflict("currency_mismatch", error.to_string()),
            MoneyError::Overflow => crate::Problem::invalid("amount_out_of_range", error.to_string()),
            MoneyError::UnknownCurrency => crate::Problem::invalid("unknown_currency", error.to_string()),
            MoneyError::NotAnAmount => crate::Problem::invalid("not_an_amount", error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_the_digits_of_the_currency() {
        let of = |code: &str, amount| code.parse::<Currency>().unwrap().of(amount).to_string();
        assert_eq!(of("EUR", 123_450), "1234.50 EUR");
        assert_eq!(of("EUR", -5), "-0.05 EUR");
        assert_eq!(of("JPY", 1234), "1234 JPY");
        assert_eq!(of("KWD", 1), "0.001 KWD");
        assert_eq!((of("XCG", 5), of("ZWG", 5)), ("0.05 XCG".into(), "0.05 ZWG".into()));
        assert_eq!(Currency::EUR.of(i64::MIN).decimal(), "-92233720368547758.08");
    }

    #[test]
    fn reads_only_what_the_currency_can_hold() {
        assert_eq!(Currency::EUR.parse("879.99"), Ok(Currency::EUR.of(87_999)));
        assert_eq!(Currency::EUR.parse("-0.5"), Ok(Currency::EUR.of(-50)));
        assert_eq!(Currency::EUR.parse("50"), Ok(Currency::EUR.of(5_000)));
        assert_eq!(Currency::EUR.parse("1.500"), Ok(Currency::EUR.of(150)));
        for wrong in ["", ".5", "1.005", "1,5", "1e3", "+1", "--1", " 1", "1.-5", "NaN"] {
            assert_eq!(Currency::EUR.parse(wrong), Err(MoneyError::NotAnAmount), "{wrong}");
        }
        assert_eq!(Currency::EUR.parse("92233720368547758.08"), Err(MoneyError::Overflow));
        assert_eq!("ABC".parse::<Currency>(), Err(MoneyError::UnknownCurrency));
    }

    #[test]
    fn rounds_as_its_rule_says() {
        let five = Currency::EUR.of(5);
        assert_eq!(five.fraction(1, 2, Rounding::HalfUp), Ok(Currency::EUR.of(3)));
        assert_eq!(five.fraction(1, 2, Rounding::HalfEven), Ok(Currency::EUR.of(2)));
        assert_eq!(five.fraction(1, 2, Rounding::Down), Ok(Currency::EUR.of(2)));
        assert_eq!(Currency::EUR.of(-5).fraction(1, 2, Rounding::HalfUp), Ok(Currency::EUR.of(-3)));
        assert_eq!(Currency::EUR.of(1000).basis_points(1900, Rounding::HalfUp), Ok(Currency::EUR.of(190)));
        assert_eq!(Currency::EUR.of(i64::MAX).basis_points(20_000, Rounding::Down), Err(MoneyError::Overflow));
    }

    #[test]
    fn currencies_do_not_mix() {
        let sum = Currency::EUR.of(1).checked_add(Currency::USD.of(1));
        assert_eq!(sum, Err(MoneyError::CurrencyMismatch(Currency::EUR, Currency::USD)));
    }

    proptest! {
        #[test]
        fn a_split_loses_nothing(amount in -1_000_000_000i64..1_000_000_000, weights in prop::collection::vec(0u64..1_000_000, 1..20)) {
            let parts = Currency::EUR.of(amount).split(&weights).unwrap();
            prop_assert_eq!(parts.iter().map(|p| p.amount).sum::<i64>(), amount);
            prop_assert!(parts.iter().all(|p| p.amount.signum() * amount.signum() >= 0));
        }

        #[test]
        fn printing_and_reading_agree(amount in any::<i64>(), code in prop::sample::select(vec!["EUR", "JPY", "KWD"])) {
            let money = code.parse::<Currency>().unwrap().of(amount);
            if amount != i64::MIN {
                prop_assert_eq!(money.currency.parse(&money.decimal()), Ok(money));
            }
        }

        #[test]
        fn a_fraction_is_within_half_a_unit(amount in -1_000_000_000i64..1_000_000_000, n in 0i64..100_000, d in 1i64..100_000) {
            let got = Currency::EUR.of(amount).fraction(n, d, Rounding::HalfUp).unwrap().amount;
            let error = (i128::from(got) * i128::from(d) - i128::from(amount) * i128::from(n)).abs();
            prop_assert!(error * 2 <= i128::from(d));
        }
    }
}
