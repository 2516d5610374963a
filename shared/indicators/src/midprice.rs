//! Midpoint of the price range.

use crate::{
    Bar,
    donchian::Donchian,
    kernel::Kernel,
    layout::{Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// Halfway between the highest high and the lowest low of the last `period` bars.
///
/// - Formula: (highest high + lowest low) / 2, the `.middle` of the [Donchian channel](Donchian).
/// - First value at index period − 1.
/// - Edges: a flat series gives exactly its price.
/// - Source: [`TA_MIDPRICE`](https://ta-lib.org/functions/midprice).
#[derive(Debug, Clone, PartialEq)]
pub struct Midprice {
    channel: Donchian,
}

impl Kernel<1> for Midprice {
    const NAME: &'static str = "MIDPRICE";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 14)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { channel: Donchian::with(values)? })
    }

    fn lookback(&self) -> u32 {
        self.channel.lookback()
    }

    fn layout(&self, layout: &mut Layout) {
        self.channel.layout(layout);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let [_, middle, _] = self.channel.update(state, bar)?;
        Some([middle])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_lies_halfway_between_the_extremes(period in 2_u16..12, bars in bars()) {
            check(&format!("MIDPRICE({period})"), &bars, |index| {
                let window = &bars[(index + 1).checked_sub(period.into())?..=index];
                let highest = window.iter().map(|bar| bar.high).fold(f64::MIN, f64::max);
                let lowest = window.iter().map(|bar| bar.low).fold(f64::MAX, f64::min);
                Some([0.5 * highest + 0.5 * lowest])
            });
        }
    }
}
