//! Numbers of a row: decimals from their text, never through floating point, never rounded.

use market::{NumberError, Price, Volume};
use rust_decimal::Decimal;

use crate::{Reason, reason::excerpt};

/// Largest number that is accepted, in units of whatever is counted.
///
/// The dearest rates and the daily volumes of the cheapest tokens stay under 10^16. The bound keeps
/// all arithmetic on prices far from the end of the decimal's range (7.9 × 10^28).
pub const LARGEST: u64 = 1_000_000_000_000_000_000;

/// A decimal as the vendor wrote it, with or without an exponent.
pub(crate) fn decimal(field: &'static str, text: &str) -> Result<Decimal, Reason> {
    let not_a_number = || Reason::NotANumber { field, text: excerpt(text) };
    // `Decimal` would also read `1_000`.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return Err(not_a_number());
    }
    let read = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { Decimal::from_str_exact(text) };
    let value = read.map_err(|_| not_a_number())?;
    if value.abs() > Decimal::from(LARGEST) {
        return Err(Reason::TooLarge { field, value });
    }
    // Without this, `-0.00` would keep its sign.
    Ok(if value.is_zero() { Decimal::ZERO } else { value.normalize() })
}

/// A positive price.
pub(crate) fn price(field: &'static str, text: &str) -> Result<Price, Reason> {
    Price::new(decimal(field, text)?).map_err(|error: NumberError| Reason::Number { field, error })
}

/// A volume of zero or more.
pub(crate) fn volume(field: &'static str, text: &str) -> Result<Volume, Reason> {
    Volume::new(decimal(field, text)?).map_err(|error: NumberError| Reason::Number { field, error })
}

/// A percentage, with or without its sign.
pub(crate) fn percent(field: &'static str, text: &str) -> Result<Decimal, Reason> {
    decimal(field, text.strip_suffix('%').unwrap_or(text).trim_end()).map_err(|reason| match reason {
        Reason::NotANumber { field, .. } => Reason::NotANumber { field, text: excerpt(text) },
        reason => reason,
    })
}

/// A score on a scale.
pub(crate) fn score(field: &'static str, text: &str, low: i8, high: i8) -> Result<Decimal, Reason> {
    let value = decimal(field, text)?;
    let fits = Decimal::from(low) <= value && value <= Decimal::from(high);
    if fits { Ok(value) } else { Err(Reason::OutOfScale { field, value, low, high }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        for (text, expected) in [
            ("112.6300", "112.63"),
            ("-0.6600", "-0.66"),
            ("-0.0000", "0"),
            ("636", "636"),
            ("9.35943544", "9.35943544"),
            ("1e-8", "0.00000001"),
            ("1.5E3", "1500"),
            ("0.1234567890123456789012345678", "0.1234567890123456789012345678"),
        ] {
            assert_eq!(decimal("x", text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "-", "1,5", "1_000", "NaN", "inf", "0x10", "1.2.3", "12%", "1e99", "١", "--1", "e"] {
            assert!(matches!(decimal("x", text), Err(Reason::NotANumber { .. })), "{text}");
        }
        // One digit more than a decimal holds would be rounded.
        assert!(decimal("x", "0.12345678901234567890123456789").is_err());
        assert!(matches!(decimal("x", "1000000000000000000.1"), Err(Reason::TooLarge { .. })));
        assert!(decimal("x", "1000000000000000000").is_ok());
    }

    #[test]
    fn prices_are_positive_and_volumes_are_not_negative() {
        assert!(price("open", "0.0000").is_err());
        assert!(price("open", "-1").is_err());
        assert!(volume("volume", "-1").is_err());
        assert_eq!(percent("change", "-17900.0%").unwrap().to_string(), "-17900");
        assert_eq!(percent("change", "1.5 %").unwrap(), percent("change", "1.5").unwrap());
        assert!(percent("change", "%").is_err());
        assert!(score("score", "-1.000", -1, 1).is_ok() && score("score", "1e0", 0, 1).is_ok());
        assert!(score("score", "1.0001", -1, 1).is_err() && score("score", "-0.1", 0, 1).is_err());
        assert_eq!(volume("volume", "-0").unwrap().to_string(), "0");
    }
}
