//! Wilder's moving average.

use crate::{
    Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// The exponential average inside RSI, ATR and ADX, of the closes; elsewhere called SMMA.
///
/// - Formula: rma += (close − rma) / period. It forgets about half as fast as an EMA of that period.
/// - Seed: the simple average of the first `period` closes.
/// - First value, the seed, at index period − 1.
/// - Edges: a flat series gives exactly its price.
/// - Source: [`TA_RMA`](https://ta-lib.org/functions/rma), since 0.8; J. Welles Wilder, New Concepts in
///   Technical Trading Systems, 1978.
#[derive(Debug, Clone, PartialEq)]
pub struct Rma {
    average: ExponentialAverage,
}

impl Kernel<1> for Rma {
    const NAME: &'static str = "RMA";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 30)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { average: ExponentialAverage::wilder(values.period(0)) })
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
    use crate::check::{bars, check, closes, flat, weighted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_weighted_sum_of_seed_and_closes(period in 2_u16..8, bars in bars()) {
            check(&format!("RMA({period})"), &bars, |index| {
                Some([weighted(&closes(&bars)[..=index], period, 1.0 / f64::from(period))?])
            });
        }
    }

    #[test]
    fn a_flat_series_gives_exactly_its_price() {
        let values = crate::check::run("RMA(30)", &[flat(101.37); 1000]);
        assert!(values[29..].iter().all(|value| *value == Some(101.37)));
    }
}
