//! Midpoint of the closes.

use crate::{
    Bar,
    extrema::Highest,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// Halfway between the highest and the lowest of the last `period` closes.
///
/// - Formula: (highest close + lowest close) / 2.
/// - First value at index period − 1.
/// - Edges: a flat series gives exactly its price.
/// - Source: [`TA_MIDPOINT`](https://ta-lib.org/functions/midpoint).
#[derive(Debug, Clone, PartialEq)]
pub struct Midpoint {
    extreme: Highest,
}

impl Kernel<1> for Midpoint {
    const NAME: &'static str = "MIDPOINT";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 14)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { extreme: Highest::new(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        u32::from(self.extreme.period()) - 1
    }

    fn layout(&self, layout: &mut Layout) {
        self.extreme.layout(layout, Degree::PRICE);
        self.extreme.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let highest = self.extreme.push(state, bar.close);
        let lowest = -self.extreme.push(state, -bar.close);
        (state.seen >= self.lookback()).then_some([(highest + lowest) / 2.0])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_lies_halfway_between_the_extreme_closes(period in 2_u16..12, bars in bars()) {
            check(&format!("MIDPOINT({period})"), &bars, |index| {
                let window = &closes(&bars)[(index + 1).checked_sub(period.into())?..=index];
                let highest = window.iter().copied().fold(f64::MIN, f64::max);
                let lowest = window.iter().copied().fold(f64::MAX, f64::min);
                Some([0.5 * highest + 0.5 * lowest])
            });
        }
    }
}
