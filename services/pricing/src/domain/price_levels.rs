//! Price levels: how large a price in a currency is, so that the shipping prices a new shop begins with are of the right size.
//! Nothing is converted with them.

use souk_kernel::{Currency, Money};

/// Hundredths of a currency's major unit to a euro, about: written down by hand, from no feed of rates. Too coarse to convert with, near
/// enough for the size of a first price, which a merchant looks at (`souk export rates`).
const PER_EURO: &[(&str, i64)] = &[
    ("AED", 420),
    ("AUD", 180),
    ("BAM", 200),
    ("BHD", 43),
    ("BRL", 630),
    ("CAD", 160),
    ("CHF", 94),
    ("CLP", 110_000),
    ("CNY", 830),
    ("COP", 460_000),
    ("CZK", 2_500),
    ("DKK", 750),
    ("EGP", 5_600),
    ("EUR", 100),
    ("GBP", 87),
    ("HKD", 910),
    ("HUF", 39_000),
    ("IDR", 1_900_000),
    ("ILS", 390),
    ("INR", 10_000),
    ("ISK", 15_000),
    ("JOD", 83),
    ("JPY", 17_000),
    ("KES", 15_000),
    ("KRW", 170_000),
    ("KWD", 36),
    ("MAD", 1_100),
    ("MXN", 2_100),
    ("MYR", 490),
    ("NOK", 1_200),
    ("NZD", 200),
    ("OMR", 45),
    ("PEN", 400),
    ("PHP", 6_800),
    ("PLN", 430),
    ("QAR", 430),
    ("RON", 510),
    ("RSD", 12_000),
    ("SAR", 440),
    ("SEK", 1_100),
    ("SGD", 150),
    ("THB", 3_800),
    ("TND", 340),
    ("TWD", 3_600),
    ("UAH", 4_800),
    ("USD", 120),
    ("VND", 3_000_000),
    ("XAF", 66_000),
    ("XOF", 66_000),
    ("ZAR", 2_000),
];

/// A price of the size that `euro_cents` have in the euro area, to two digits; none for a currency whose level is not known.
pub fn price_like(currency: Currency, euro_cents: i64) -> Option<Money> {
    let (code, per_euro) = PER_EURO.iter().find(|(code, _)| *code == currency.code())?;
    if *code == "EUR" {
        return Some(currency.of(euro_cents));
    }
    let minor = euro_cents * per_euro * 10_i64.pow(currency.minor_digits()) / 10_000;
    let mut step = 1;
    while minor / step >= 100 {
        step *= 10;
    }
    Some(currency.of((minor + step / 2) / step * step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_price_has_the_size_that_it_has_elsewhere() {
        let price = |code: &str, euro_cents| {
            let currency: Currency = code.parse().unwrap();
            price_like(currency, euro_cents).map(Money::decimal)
        };
        assert_eq!(price("EUR", 1_990).as_deref(), Some("19.90"));
        assert_eq!(price("JPY", 490).as_deref(), Some("830"));
        assert_eq!(price("JPY", 1_990).as_deref(), Some("3400"));
        assert_eq!(price("KWD", 490).as_deref(), Some("1.800"));
        assert_eq!(price("GBP", 990).as_deref(), Some("8.60"));
        assert_eq!(price("KRW", 490).as_deref(), Some("8300"));
        assert_eq!(price("USD", 5_000).as_deref(), Some("60.00"));
        assert_eq!(price("JPY", 0).as_deref(), Some("0"));
        assert_eq!(price("XCD", 490), None);
        for (code, per_euro) in PER_EURO {
            assert!(price(code, 490).is_some() && *per_euro > 0, "{code}");
        }
    }
}
