//! An exact decimal number for attributes: what a feed writes is what a page shows, without passing through a float.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;

/// `unscaled / 10^scale`, in lowest terms: `17.30` is 173 with scale 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    unscaled: i64,
    scale: u8,
}

/// A text that is no decimal number of at most [`limits::NUMBER_DIGITS`] digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most {} digits", limits::NUMBER_DIGITS)]
pub struct NotADecimal;

impl Decimal {
    /// The number `unscaled / 10^scale`.
    pub fn new(mut unscaled: i64, mut scale: u8) -> Self {
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        Self { unscaled, scale }
    }

    /// All digits as one integer.
    pub const fn unscaled(self) -> i64 {
        self.unscaled
    }

    /// How many of them stand after the point.
    pub const fn scale(self) -> u8 {
        self.scale
    }
}

impl std::str::FromStr for Decimal {
    type Err = NotADecimal;

    /// Reads `-12`, `2.130`, `1e3`, `9.6121e+9` (JSON's number grammar, leading zeros allowed).
    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| NotADecimal)?),
            None => (text, 0),
        };
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || mantissa.ends_with('.') {
            return Err(NotADecimal);
        }
        let fraction = fraction.trim_end_matches('0');
        let mut all = format!("{whole}{fraction}");
        let mut scale =
            i32::try_from(fraction.len()).map_err(|_| NotADecimal)?.checked_sub(exponent).ok_or(NotADecimal)?;
        if scale < 0 && all.bytes().any(|b| b != b'0') {
            let zeros = usize::try_from(-scale).map_err(|_| NotADecimal)?;
            if zeros > limits::NUMBER_DIGITS {
                return Err(NotADecimal);
            }
            all.push_str(&"0".repeat(zeros));
        }
        scale = scale.max(0);
        let significant = all.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(Self { unscaled: 0, scale: 0 });
        }
        if significant.len() > limits::NUMBER_DIGITS || usize::try_from(scale).is_ok_and(|s| s > limits::NUMBER_DIGITS)
        {
            return Err(NotADecimal);
        }
        let unscaled: i64 = significant.parse().map_err(|_| NotADecimal)?;
        let scale = u8::try_from(scale).map_err(|_| NotADecimal)?;
        Ok(Self::new(if negative { -unscaled } else { unscaled }, scale))
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let width = usize::from(self.scale) + 1;
        let digits = format!("{:0width$}", self.unscaled.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(self.scale));
        match fraction {
            "" => write!(f, "{sign}{whole}"),
            _ => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

impl std::fmt::Debug for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_feeds_write() {
        let read = |text: &str| text.parse::<Decimal>().map(|d| d.to_string());
        let good = [("17.0", "17"), ("2.13", "2.13"), ("-0.50", "-0.5"), ("1e3", "1000"), ("9.6121e+9", "9612100000")];
        for (text, want) in good.into_iter().chain([("007", "7"), ("-0.0", "0"), ("1.5E-3", "0.0015"), ("0e99", "0")]) {
            assert_eq!(read(text), Ok(want.to_owned()), "{text}");
        }
        for bad in ["", "-", ".5", "5.", "1,5", "0x1", "NaN", "1e99", "1e", "1234567890123456789", "1e-40", " 1", "+1"]
        {
            assert_eq!(read(bad), Err(NotADecimal), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_reading_agree(unscaled in -999_999_999_999_999_999i64..=999_999_999_999_999_999, scale in 0u8..=18) {
            let number = Decimal::new(unscaled, scale);
            prop_assert_eq!(number.to_string().parse::<Decimal>(), Ok(number));
        }
    }
}
