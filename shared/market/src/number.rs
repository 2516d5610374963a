//! Decimal numbers with a meaning. Never floating point: a price is what the vendor wrote.

use std::{cmp::Ordering, fmt, str::FromStr};

use rust_decimal::Decimal;

/// Why a text or decimal is no price or volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not a decimal number, or one with more digits than 28.
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    /// A price of zero or below.
    #[error("price `{0}` is not positive")]
    NotPositive(Decimal),
    /// A volume below zero.
    #[error("volume `{0}` is negative")]
    Negative(Decimal),
}

/// Reads a decimal, with or without an exponent.
pub(crate) fn decimal(text: &str) -> Result<Decimal, NumberError> {
    let text = text.trim();
    let read = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { text.parse() };
    read.map_err(|_| NumberError::NotANumber(text.chars().take(64).collect()))
}

/// The digits of a decimal as an integer, without its sign, if they fit.
#[inline]
fn mantissa(value: Decimal) -> Option<u64> {
    let parts = value.unpack();
    (parts.hi == 0).then_some((u64::from(parts.mid) << 32) | u64::from(parts.lo))
}

/// Without trailing zeros. Nearly no value has them, and to see that takes one remainder: `normalize` divides the 96
/// bits of every even number.
#[inline]
fn normalized(value: Decimal) -> Decimal {
    if mantissa(value).is_some_and(|mantissa| mantissa % 10 != 0) { value } else { value.normalize() }
}

/// The powers of ten that an f64 holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The powers of ten that a u64 holds.
const INTEGER_POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// The nearest f64: the one that the decimal's text reads as. `Decimal::to_f64` rounds three times, so beyond 52 bits
/// or 22 decimals it is often off in the last bit, as for 436517.2284841869; and it divides 128 bits.
#[inline]
fn nearest_f64(value: Decimal) -> f64 {
    match (mantissa(value), POWERS_OF_TEN.get(value.scale() as usize)) {
        // Both are exact, so there is one rounding, that of the division, and it goes to the nearest.
        (Some(mantissa), Some(power)) if mantissa < 1 << 53 => {
            let magnitude = mantissa as f64 / power;
            if value.is_sign_negative() { -magnitude } else { magnitude }
        }
        // Every decimal is a text that reads as some f64.
        _ => value.to_string().parse().unwrap_or(f64::NAN),
    }
}

/// The order of two decimals, neither of them negative.
#[inline]
fn order(left: Decimal, right: Decimal) -> Ordering {
    let power = |scale: u32, other: u32| INTEGER_POWERS_OF_TEN.get(scale.saturating_sub(other) as usize);
    let (scale, other) = (left.scale(), right.scale());
    match (mantissa(left), mantissa(right), power(other, scale), power(scale, other)) {
        // The product of two u64 fits into a u128.
        (Some(left), Some(right), Some(up), Some(other_up)) => {
            (u128::from(left) * u128::from(*up)).cmp(&(u128::from(right) * u128::from(*other_up)))
        }
        _ => left.cmp(&right),
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $refuse:expr, $error:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(Decimal);

        impl $name {
            /// Takes the decimal, normalised: no trailing zeros.
            // A decimal that is handed over in memory is written in quarters and read as a whole, and that takes long.
            #[inline(always)]
            pub fn new(value: Decimal) -> Result<Self, NumberError> {
                let refuse: fn(&Decimal) -> bool = $refuse;
                if refuse(&value) { Err($error(value)) } else { Ok(Self(normalized(value))) }
            }

            /// The decimal.
            #[inline]
            pub fn get(self) -> Decimal {
                self.0
            }

            /// The nearest binary floating-point number, for indicators.
            #[inline]
            pub fn to_f64(self) -> f64 {
                nearest_f64(self.0)
            }
        }

        impl Ord for $name {
            #[inline]
            fn cmp(&self, other: &Self) -> Ordering {
                order(self.0, other.0)
            }
        }

        impl PartialOrd for $name {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl FromStr for $name {
            type Err = NumberError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(decimal(text)?)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// A price or rate: positive, in units of the quote currency, as the vendor wrote it.
    Price, |value| value.is_zero() || value.is_sign_negative(), NumberError::NotPositive
);
number!(
    /// A traded volume: zero or more, in units of the instrument.
    Volume, |value| value.is_sign_negative() && !value.is_zero(), NumberError::Negative
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_normalised_and_bounded() {
        assert_eq!("97883.18000000".parse::<Price>().unwrap().to_string(), "97883.18");
        assert_eq!("1e-8".parse::<Price>().unwrap().to_string(), "0.00000001");
        assert_eq!("0".parse::<Volume>().unwrap().to_string(), "0");
        for bad in ["0", "-1", "", "-", "None", "NaN", "1,5"] {
            assert!(bad.parse::<Price>().is_err(), "{bad:?}");
        }
        assert!("-0.1".parse::<Volume>().is_err());
    }

    /// Decimals of all sizes: few digits as prices have them, 19 to 20 digits, and all 96 bits.
    fn decimals() -> impl Strategy<Value = Decimal> {
        let mantissa = prop_oneof![
            0..1i128 << 24,
            0..1i128 << 56,
            (1i128 << 53) - 4..(1i128 << 53) + 4,
            0..1i128 << 66,
            0..1i128 << 96,
        ];
        (mantissa, any::<bool>(), 0u32..=28).prop_map(|(mantissa, negative, scale)| {
            Decimal::from_i128_with_scale(if negative { -mantissa } else { mantissa }, scale)
        })
    }

    #[test]
    fn an_f64_is_the_nearest_where_the_library_is_off() {
        let off =
            ["436517.2284841869", "15603767.1616120206", "0.365533070226170528", "0.0000000000000000000000717915"];
        for text in off.into_iter().chain(["97883.18", "9007199254740993", "0.1234567890123456789"]) {
            let (price, expected): (Price, f64) = (text.parse().unwrap(), text.parse().unwrap());
            assert_eq!(price.to_f64().to_bits(), expected.to_bits(), "{text}");
        }
        assert_eq!("0".parse::<Volume>().unwrap().to_f64().to_bits(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn an_f64_is_what_the_text_reads_as(value in decimals()) {
            let expected: f64 = value.to_string().parse().unwrap();
            prop_assert_eq!(nearest_f64(value).to_bits(), expected.to_bits(), "{}", value);
        }

        #[test]
        fn the_order_is_that_of_the_library(a in decimals(), b in decimals(), scale in 0u32..=28) {
            let close = Decimal::from_i128_with_scale(a.mantissa(), scale);
            for other in [b, close, a.normalize(), a] {
                prop_assert_eq!(order(a.abs(), other.abs()), a.abs().cmp(&other.abs()), "{} {}", a, other);
            }
        }

        #[test]
        fn normalised_is_what_the_library_says(value in decimals()) {
            prop_assert_eq!(normalized(value).unpack(), value.normalize().unpack());
        }
    }
}
