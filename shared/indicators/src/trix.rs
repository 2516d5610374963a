//! Rate of change of a triple exponential average.

use std::mem;

use crate::{
    Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
    roc::change,
};

/// By how many per cent the EMA of the EMA of the EMA of the closes has moved since the bar before.
///
/// - Formula: 100 · (ema3 / previous ema3 − 1), where each EMA is that of the one before.
/// - Seed: each by the simple average of its first `period` inputs.
/// - First value at index 3 · (period − 1) + 1.
/// - Edges: exactly 0 for a flat series; 0 where the previous average is zero, as in TA-Lib, or so near to it
///   that the quotient overflows.
/// - Source: [`TA_TRIX`](https://ta-lib.org/functions/trix); J. Hutson, Good TRIX, Stocks & Commodities 1:5, 1983.
#[derive(Debug, Clone, PartialEq)]
pub struct Trix {
    average: ExponentialAverage,
}

impl Kernel<1> for Trix {
    const NAME: &'static str = "TRIX";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period_from("period", 30, 1)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { average: ExponentialAverage::ema(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        3 * self.average.lookback() + 1
    }

    fn settling(&self) -> u32 {
        3 * self.average.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        // Three averages, and the last of them a bar ago.
        for _ in 0..4 {
            layout.number(Degree::PRICE);
        }
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let (seen, lookback) = (state.seen, self.average.lookback());
        let [ema1, ema2, ema3, previous] = state.take();
        let ema1 = self.average.step(ema1, seen, bar.close)?;
        let ema2 = self.average.step(ema2, seen - lookback, ema1)?;
        let ema3 = self.average.step(ema3, seen - 2 * lookback, ema2)?;
        let previous = mem::replace(previous, ema3);
        (seen > 3 * lookback).then(|| [change(previous, ema3)])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes, emas, flat, run};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_change_of_the_third_average(period in 1_u16..8, bars in bars()) {
            let third = (0..3).fold(closes(&bars), |inputs, _| emas(&inputs, period));
            check(&format!("TRIX({period})"), &bars, |index| {
                let at = index.checked_sub(3 * usize::from(period) - 2)?;
                Some([100.0 * (third[at + 1] / third[at] - 1.0)])
            });
        }
    }

    #[test]
    fn it_is_exactly_zero_where_nothing_moves() {
        for price in [101.37, 0.0] {
            let values = run("TRIX(30)", &[flat(price); 1000]);
            assert!(values[88..].iter().all(|value| *value == Some(0.0)), "price {price}");
        }
    }
}
