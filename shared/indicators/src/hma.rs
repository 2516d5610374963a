//! Hull's moving average.

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
    wma::LinearMean,
};

/// A weighted average of the closes that is made to lead by half its lag, then smoothed.
///
/// - Formula: WMA(2 · WMA(close, period / 2) − WMA(close, period), √period).
/// - Both derived periods are cut to whole numbers, as by Hull, TA-Lib and TradingView; others round them,
///   which is another line.
/// - First value at index period − 1 + ⌊√period⌋ − 1.
/// - Edges: a flat series gives exactly its price. A misprint is forgotten after as many bars as come before
///   the first value.
/// - Source: [`TA_HMA`](https://ta-lib.org/functions/hma), since 0.8;
///   [A. Hull](https://alanhull.com/hull-moving-average), 2005.
#[derive(Debug, Clone, PartialEq)]
pub struct Hma {
    half: LinearMean,
    full: LinearMean,
    smooth: LinearMean,
}

impl Kernel<1> for Hma {
    const NAME: &'static str = "HMA";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 20)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        let period = values.period(0);
        let [half, full, smooth] = [period / 2, period, period.isqrt()].map(LinearMean::new);
        Ok(Self { half, full, smooth })
    }

    fn lookback(&self) -> u32 {
        self.full.lookback() + self.smooth.lookback()
    }

    fn layout(&self, layout: &mut Layout) {
        for mean in [&self.half, &self.full, &self.smooth] {
            mean.layout(layout, Degree::PRICE);
        }
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let seen = state.seen;
        let half = self.half.push(state, seen, bar.close);
        let full = self.full.push(state, seen, bar.close);
        let (half, full) = (half?, full?);
        Some([self.smooth.push(state, seen - self.full.lookback(), half + (half - full))?])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes, flat, linear, run};
    use proptest::prelude::*;

    /// All values, the first of which belongs to close number `period` + `root` − 1.
    fn hma(closes: &[f64], period: u16, root: u16) -> Vec<f64> {
        let (half, full) = (linear(closes, period / 2), linear(closes, period));
        let skipped = usize::from(period - period / 2);
        let leading: Vec<f64> = full.iter().enumerate().map(|(at, full)| 2.0 * half[at + skipped] - full).collect();
        linear(&leading, root)
    }

    proptest! {
        #[test]
        fn it_is_a_weighted_average_of_leading_averages(
            (period, root) in prop::sample::select(&[(2, 1), (3, 1), (4, 2), (8, 2), (9, 3), (15, 3), (16, 4), (21, 4)]),
            bars in bars(),
        ) {
            let values = hma(&closes(&bars), period, root);
            check(&format!("HMA({period})"), &bars, |index| {
                Some([values[(index + 2).checked_sub(usize::from(period + root))?]])
            });
        }
    }

    #[test]
    fn a_flat_series_gives_exactly_its_price() {
        let values = run("HMA(20)", &[flat(101.37); 1000]);
        assert!(values[22..].iter().all(|value| *value == Some(101.37)));
    }

    #[test]
    fn a_misprint_leaves_no_trace() {
        let mut random = fastrand::Rng::with_seed(2);
        let mut bars: Vec<_> = (0..1_000).map(|_| flat(100.0 + random.f64())).collect();
        bars[400] = flat(1e9);
        let expected = hma(&closes(&bars), 20, 4);
        for (index, value) in run("HMA(20)", &bars).into_iter().enumerate().skip(400 + 23) {
            let (value, expected) = (value.unwrap(), expected[index - 22]);
            assert!((value - expected).abs() <= 1e-12 * expected, "{value} instead of {expected} at {index}");
        }
    }
}
