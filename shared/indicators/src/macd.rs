//! Moving average convergence/divergence.

use crate::{
    Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values, fast_and_slow},
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

impl Kernel<3> for Macd {
    const NAME: &'static str = "MACD";
    const SUFFIXES: [&'static str; 3] = [".macd", ".signal", ".hist"];
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::period("fast", 12), Parameter::period("slow", 26), Parameter::period_from("signal", 9, 1)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        let [fast, slow, signal] = [0, 1, 2].map(|at| values.period(at));
        fast_and_slow(fast, slow)?;
        let [fast, slow, signal] = [fast, slow, signal].map(ExponentialAverage::ema);
        Ok(Self { fast, slow, signal })
    }

    fn lookback(&self) -> u32 {
        self.slow.lookback() + self.signal.lookback()
    }

    fn settling(&self) -> u32 {
        self.slow.settling() + self.signal.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        for average in [&self.fast, &self.slow, &self.signal] {
            average.layout(layout, Degree::PRICE);
        }
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 3]> {
        let [fast, slow, signal] = state.take();
        // Both are seeded at the same bar, so the fast one skips the first bars.
        let skipped = self.slow.lookback() - self.fast.lookback();
        let fast = state.seen.checked_sub(skipped).and_then(|index| self.fast.step(fast, index, bar.close));
        let slow = self.slow.step(slow, state.seen, bar.close);
        let line = fast? - slow?;
        let signal = self.signal.step(signal, state.seen - self.slow.lookback(), line)?;
        Some([line, signal, line - signal])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes, flat, weighted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_averages_are_seeded_at_the_same_bar(fast in 2_u16..6, more in 1_u16..6, signal in 2_u16..6, bars in bars()) {
            let slow = fast + more;
            check(&format!("MACD({fast},{slow},{signal})"), &bars, |index| {
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
        check("MACD(12,26,9)", &[flat(101.37); 1000], |index| (index >= 33).then_some([0.0; 3]));
    }
}
