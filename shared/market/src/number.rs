//! Decimal numbers with a meaning. Never floating point: a price is what the vendor wrote.

use std::{fmt, str::FromStr};

use rust_decimal::{Decimal, prelude::ToPrimitive};

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

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $refuse:expr, $error:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Decimal);

        impl $name {
            /// Takes the decimal, normalised: no trailing zeros.
            pub fn new(value: Decimal) -> Result<Self, NumberError> {
                let refuse: fn(&Decimal) -> bool = $refuse;
                if refuse(&value) { Err($error(value)) } else { Ok(Self(value.normalize())) }
            }

            /// The decimal.
            pub fn get(self) -> Decimal {
                self.0
            }

            /// The nearest binary floating-point number, for indicators.
            pub fn to_f64(self) -> f64 {
                // Every 96-bit decimal has a nearest f64, so there is always one to return.
                self.0.to_f64().unwrap_or(f64::NAN)
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
}
