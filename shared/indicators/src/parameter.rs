//! The bounds of indicators' parameters.

/// Shortest period. A period of 1 is the input itself.
pub const PERIOD_MIN: u16 = 2;
/// Longest period, in bars. It bounds the memory that decoding a state can ask for.
pub const PERIOD_MAX: u16 = 1000;

/// Why an indicator cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BadParameter {
    /// A period outside of [`PERIOD_MIN`] and [`PERIOD_MAX`].
    #[error("{indicator} period `{value}` is not allowed; give 2 to 1000")]
    Period {
        /// TA-Lib's name of the indicator.
        indicator: &'static str,
        /// The period.
        value: u16,
    },
    /// The fast period is not shorter than the slow one.
    #[error("{indicator} fast period `{fast}` is not shorter than the slow period `{slow}`; swap them")]
    FastNotShorter {
        /// TA-Lib's name of the indicator.
        indicator: &'static str,
        /// The fast period.
        fast: u16,
        /// The slow period.
        slow: u16,
    },
    /// A number of standard deviations that makes no band.
    #[error("{indicator} deviations `{value}` are not allowed; give a number above 0, at most 100")]
    Deviations {
        /// TA-Lib's name of the indicator.
        indicator: &'static str,
        /// The number of deviations.
        value: f64,
    },
}

/// The period, if it is within bounds.
pub(crate) fn period(indicator: &'static str, value: u16) -> Result<u16, BadParameter> {
    if (PERIOD_MIN..=PERIOD_MAX).contains(&value) { Ok(value) } else { Err(BadParameter::Period { indicator, value }) }
}
