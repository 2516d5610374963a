//! Aroon oscillator.

use crate::{
    Bar,
    aroon::Aroon,
    kernel::Kernel,
    layout::{Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// How much more recent the highest high is than the lowest low, −100 to 100.
///
/// - Formula: the `.up` of the [Aroon] less its `.down`: 100 · (age of the low − age of the high) / period.
/// - First value at index `period`.
/// - Edges: those of the Aroon; zero for a flat series.
/// - Source: [`TA_AROONOSC`](https://ta-lib.org/functions/aroonosc); Tushar S. Chande, A Time Price
///   Oscillator, Technical Analysis of Stocks & Commodities, September 1995.
#[derive(Debug, Clone, PartialEq)]
pub struct Aroonosc {
    aroon: Aroon,
}

impl Kernel<1> for Aroonosc {
    const NAME: &'static str = "AROONOSC";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 14)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { aroon: Aroon::new(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        self.aroon.lookback()
    }

    fn layout(&self, layout: &mut Layout) {
        self.aroon.layout(layout);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let [low, high] = self.aroon.ages(state, bar)?;
        Some([100.0 * (low - high) / self.aroon.period()])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        aroon::naive,
        check::{bars, check},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_difference_of_both_ages(period in 2_u16..12, bars in bars()) {
            check(&format!("AROONOSC({period})"), &bars, |index| {
                let [low, high] = naive(&bars, period, index)?;
                Some([100.0 * (low - high) / f64::from(period)])
            });
        }
    }
}
