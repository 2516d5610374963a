//! Moving average convergence/divergence.

use crate::{
    BadParameter, Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    parameter,
    state::{Reader, StateError, Writer},
};

/// How far a fast average has left a slow one.
///
/// - Formula: `.macd` = fast EMA − slow EMA of the close, `.signal` = EMA of `.macd`, `.hist` = `.macd` − `.signal`.
/// - Seed: both averages have their first value at index slow − 1. The fast one skips slow − fast bars
///   and is seeded with the simple average of those after them, *not* of the first ones: for (12,26,9)
///   bars 14 to 25. Most libraries seed it at its own first bar; the line is then off by some 0.1 % of
///   the price at the beginning. The signal line is seeded with the simple average of its first inputs.
/// - First value of all three at index slow − 1 + signal − 1: 33 for (12,26,9).
/// - Edges: all three are exactly zero for a flat series.
/// - Source: [`TA_MACD`](https://ta-lib.org/functions/macd).
#[derive(Debug, Clone, PartialEq)]
pub struct Macd {
    fast: ExponentialAverage,
    slow: ExponentialAverage,
    signal: ExponentialAverage,
}

impl Macd {
    /// Before its first bar.
    pub fn new(fast: u16, slow: u16, signal: u16) -> Result<Self, BadParameter> {
        for period in [fast, slow, signal] {
            parameter::period("MACD", period)?;
        }
        if fast >= slow {
            return Err(BadParameter::FastNotShorter { indicator: "MACD", fast, slow });
        }
        Ok(Self::fresh(fast, slow, signal))
    }

    pub(crate) fn fresh(fast: u16, slow: u16, signal: u16) -> Self {
        let [fast, slow, signal] = [fast, slow, signal].map(ExponentialAverage::ema);
        Self { fast, slow, signal }
    }

    /// How many bars the fast average skips, so that both are seeded at the same bar.
    fn skipped(&self) -> u16 {
        self.slow.period() - self.fast.period()
    }
}

impl Kernel<3> for Macd {
    const SUFFIXES: [&'static str; 3] = [".macd", ".signal", ".hist"];

    fn label(&self) -> String {
        format!("MACD({},{},{})", self.fast.period(), self.slow.period(), self.signal.period())
    }

    fn lookback(&self) -> usize {
        usize::from(self.slow.period()) + usize::from(self.signal.period()) - 2
    }

    fn update(&mut self, bar: &Bar) -> Option<[f64; 3]> {
        let fast = if self.slow.inputs() < self.skipped() { None } else { self.fast.push(bar.close) };
        let slow = self.slow.push(bar.close);
        let line = fast? - slow?;
        let signal = self.signal.push(line)?;
        Some([line, signal, line - signal])
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        for average in [&self.fast, &self.slow, &self.signal] {
            writer.u16(average.period());
        }
        for average in [&self.fast, &self.slow, &self.signal] {
            average.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>, bars: u64) -> Result<Self, StateError> {
        let fresh = Self::new(
            reader.u16("the fast period of MACD")?,
            reader.u16("the slow period of MACD")?,
            reader.u16("the signal period of MACD")?,
        )?;
        let lines = bars.saturating_sub(u64::from(fresh.slow.period()) - 1);
        Ok(Self {
            fast: fresh.fast.restore(reader, bars.saturating_sub(u64::from(fresh.skipped())))?,
            slow: fresh.slow.restore(reader, bars)?,
            signal: fresh.signal.restore(reader, lines)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{bars, check, closes, flat, weighted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_averages_are_seeded_at_the_same_bar(fast in 2_u16..6, more in 1_u16..6, signal in 2_u16..6, bars in bars()) {
            let slow = fast + more;
            check(Macd::new(fast, slow, signal).unwrap(), &bars, |index| {
                let ema = |inputs: &[f64], period| weighted(inputs, period, 2.0 / (f64::from(period) + 1.0));
                let closes = &closes(&bars)[..=index];
                let lines: Vec<f64> = (usize::from(slow)..=closes.len())
                    .map(|end| ema(&closes[usize::from(more)..end], fast).unwrap() - ema(&closes[..end], slow).unwrap())
                    .collect();
                let signal = ema(&lines, signal)?;
                let line = *lines.last()?;
                Some([line, signal, line - signal])
            });
        }
    }

    #[test]
    fn it_is_exactly_zero_for_a_flat_series() {
        let mut macd = Macd::new(12, 26, 9).unwrap();
        for index in 0..1000 {
            assert_eq!(macd.update(&flat(101.37)), (index >= 33).then_some([0.0; 3]), "bar {index}");
        }
    }

    #[test]
    fn the_fast_period_must_be_the_shorter_one() {
        let error = Macd::new(26, 12, 9).unwrap_err();
        assert_eq!(error.to_string(), "MACD fast period `26` is not shorter than the slow period `12`; swap them");
        assert!(Macd::new(12, 26, 1).is_err());
        assert!(Macd::new(12, 1001, 9).is_err());
    }
}
