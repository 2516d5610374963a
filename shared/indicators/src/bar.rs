//! A bar as indicators read it: plain numbers, checked before any indicator sees them.

/// Largest absolute value that is accepted, that of TA-Lib (`TA_REAL_MAX`).
///
/// Below it no sum of squares overflows, so a state never holds an infinity that it could not get rid of.
pub const MAGNITUDE_MAX: f64 = 3e37;

/// Why a bar is refused. The state stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BadBar {
    /// NaN or an infinity.
    #[error("{field} of the bar is `{value}`, not a finite number; leave the bar out")]
    NonFinite {
        /// Which number.
        field: &'static str,
        /// What it is.
        value: f64,
    },
    /// Beyond [`MAGNITUDE_MAX`].
    #[error("{field} of the bar is `{value:e}`; allowed are -3e37 to 3e37")]
    TooLarge {
        /// Which number.
        field: &'static str,
        /// What it is.
        value: f64,
    },
    /// The high lies under the low.
    #[error("high `{high}` of the bar is below its low `{low}`")]
    HighBelowLow {
        /// The bar's high.
        high: f64,
        /// The bar's low.
        low: f64,
    },
}

/// What was traded in one interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Units traded; `None` where the source gives none. Indicators of volume then pass the bar over.
    pub volume: Option<f64>,
    /// Which trading session the bar belongs to: any number that differs from one session to the next,
    /// such as the days since 1970. Only the VWAP of a session reads it.
    pub session: u32,
}

impl Bar {
    /// Whether every number is finite and of a sane size, and the high is no lower than the low.
    ///
    /// Open and close may lie outside of high and low: vendors round them apart, and TA-Lib takes such bars.
    #[inline(always)]
    pub(crate) fn check(&self) -> Result<(), BadBar> {
        let numbers = [self.open, self.high, self.low, self.close, self.volume.unwrap_or(0.0)];
        // If all of them together are small enough, each is. False for NaN, too.
        let sane = numbers.iter().map(|number| number.abs()).sum::<f64>() <= MAGNITUDE_MAX;
        if sane && self.high >= self.low { Ok(()) } else { self.find_fault(numbers) }
    }

    #[cold]
    #[inline(never)]
    fn find_fault(&self, numbers: [f64; 5]) -> Result<(), BadBar> {
        for (field, value) in ["open", "high", "low", "close", "volume"].into_iter().zip(numbers) {
            if !value.is_finite() {
                return Err(BadBar::NonFinite { field, value });
            }
            if value.abs() > MAGNITUDE_MAX {
                return Err(BadBar::TooLarge { field, value });
            }
        }
        if self.high >= self.low { Ok(()) } else { Err(BadBar::HighBelowLow { high: self.high, low: self.low }) }
    }
}
