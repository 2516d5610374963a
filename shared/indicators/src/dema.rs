//! Double exponential moving average.

use crate::{
    Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// An EMA of the closes with the lag that a second EMA shows taken off.
///
/// - Formula: 2 · ema1 − ema2, where ema2 is the EMA of ema1.
/// - Seed: each by the simple average of its first `period` inputs, so that ema2 begins with the first
///   values of ema1, not with the first bars.
/// - First value at index 2 · (period − 1).
/// - Edges: a flat series gives exactly its price.
/// - Source: [`TA_DEMA`](https://ta-lib.org/functions/dema); P. Mulloy, Smoothing Data with Faster Moving
///   Averages, Stocks & Commodities 12:1, 1994.
#[derive(Debug, Clone, PartialEq)]
pub struct Dema {
    average: ExponentialAverage,
}

impl Kernel<1> for Dema {
    const NAME: &'static str = "DEMA";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 30)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { average: ExponentialAverage::ema(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        2 * self.average.lookback()
    }

    fn settling(&self) -> u32 {
        2 * self.average.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        self.average.layout(layout, Degree::PRICE);
        self.average.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let seen = state.seen;
        let ema1 = self.average.push(state, seen, bar.close)?;
        let ema2 = self.average.push(state, seen - self.average.lookback(), ema1)?;
        Some([ema1 + (ema1 - ema2)])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes, emas, flat, run};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_twice_the_average_without_the_average_of_averages(period in 2_u16..8, bars in bars()) {
            let first = emas(&closes(&bars), period);
            let second = emas(&first, period);
            let lag = usize::from(period) - 1;
            check(&format!("DEMA({period})"), &bars, |index| {
                let at = index.checked_sub(2 * lag)?;
                Some([2.0 * first[at + lag] - second[at]])
            });
        }
    }

    #[test]
    fn a_flat_series_gives_exactly_its_price() {
        let values = run("DEMA(30)", &[flat(101.37); 1000]);
        assert!(values[58..].iter().all(|value| *value == Some(101.37)));
    }
}
