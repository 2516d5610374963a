//! Triple exponential moving average.

use crate::{
    Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// An EMA of the closes with the lag that two more EMAs show taken off.
///
/// - Formula: 3 · ema1 − 3 · ema2 + ema3, where each is the EMA of the one before.
/// - Seed: each by the simple average of its first `period` inputs.
/// - First value at index 3 · (period − 1).
/// - Edges: a flat series gives exactly its price.
/// - Source: [`TA_TEMA`](https://ta-lib.org/functions/tema); P. Mulloy, Smoothing Data with Less Lag,
///   Stocks & Commodities 12:2, 1994. Not to be confused with ema3 itself, which the TRIX reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Tema {
    average: ExponentialAverage,
}

impl Kernel<1> for Tema {
    const NAME: &'static str = "TEMA";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 30)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { average: ExponentialAverage::ema(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        3 * self.average.lookback()
    }

    fn settling(&self) -> u32 {
        3 * self.average.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        for _ in 0..3 {
            self.average.layout(layout, Degree::PRICE);
        }
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let (seen, lookback) = (state.seen, self.average.lookback());
        let ema1 = self.average.push(state, seen, bar.close)?;
        let ema2 = self.average.push(state, seen - lookback, ema1)?;
        let ema3 = self.average.push(state, seen - 2 * lookback, ema2)?;
        Some([ema3 + 3.0 * (ema1 - ema2)])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes, emas, flat, run};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_made_of_three_averages_of_averages(period in 2_u16..8, bars in bars()) {
            let first = emas(&closes(&bars), period);
            let second = emas(&first, period);
            let third = emas(&second, period);
            let lag = usize::from(period) - 1;
            check(&format!("TEMA({period})"), &bars, |index| {
                let at = index.checked_sub(3 * lag)?;
                Some([3.0 * first[at + 2 * lag] - 3.0 * second[at + lag] + third[at]])
            });
        }
    }

    #[test]
    fn a_flat_series_gives_exactly_its_price() {
        let values = run("TEMA(30)", &[flat(101.37); 1000]);
        assert!(values[87..].iter().all(|value| *value == Some(101.37)));
    }
}
