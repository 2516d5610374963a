//! Exponential moving average.

use crate::{
    Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// An average of all closes whose weights fall by the same factor from bar to bar.
///
/// - Formula: ema += 2 / (period + 1) · (close − ema).
/// - Seed: the simple average of the first `period` closes.
/// - First value, the seed, at index period − 1.
/// - Edges: a flat series gives exactly its price.
/// - Source: [`TA_EMA`](https://ta-lib.org/functions/ema), classic compatibility.
#[derive(Debug, Clone, PartialEq)]
pub struct Ema {
    average: ExponentialAverage,
}

impl Kernel<1> for Ema {
    const NAME: &'static str = "EMA";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 30)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { average: ExponentialAverage::ema(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        self.average.lookback()
    }

    fn settling(&self) -> u32 {
        self.average.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        self.average.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let seen = state.seen;
        Some([self.average.push(state, seen, bar.close)?])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes, weighted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_weighted_sum_of_seed_and_closes(period in 2_u16..8, bars in bars()) {
            check(&format!("EMA({period})"), &bars, |index| {
                Some([weighted(&closes(&bars)[..=index], period, 2.0 / (f64::from(period) + 1.0))?])
            });
        }
    }
}
