//! Balance of power.

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// How much of a bar's range the price has gained from its open to its close, −1 to 1.
///
/// - Formula: (close − open) / (high − low).
/// - First value at index 0; there is no state.
/// - Edges: 0 for a bar without a range, as in TA-Lib, or with one so small that the quotient overflows.
///   Beyond ±1 only where a vendor's open or close lies outside of high and low.
/// - Source: [`TA_BOP`](https://ta-lib.org/functions/bop).
#[derive(Debug, Clone, PartialEq)]
pub struct Bop;

impl Kernel<1> for Bop {
    const NAME: &'static str = "BOP";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[];

    fn with(_: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self)
    }

    fn lookback(&self) -> u32 {
        0
    }

    fn layout(&self, _: &mut Layout) {}

    #[inline(always)]
    fn update(&self, _: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let balance = (bar.close - bar.open) / (bar.high - bar.low);
        Some([if balance.is_finite() { balance } else { 0.0 }])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Bar,
        check::{bars, check, flat, run},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_part_of_the_range_between_open_and_close(bars in bars()) {
            check("BOP", &bars, |index| {
                let Bar { open, high, low, close, .. } = bars[index];
                Some([if high == low { 0.0 } else { (close - open) / (high - low) }])
            });
        }
    }

    #[test]
    fn it_is_0_without_a_range_and_finite_whatever_lies_outside_of_it() {
        let cases = [
            (flat(101.37), 0.0),
            (Bar { open: 100.0, close: 103.0, ..flat(102.0) }, 0.0),
            (Bar { open: 0.0, high: 5e-324, low: 0.0, close: 3e37, ..flat(0.0) }, 0.0),
            (Bar { open: 10.0, high: 14.0, low: 10.0, close: 13.0, ..flat(0.0) }, 0.75),
            (Bar { open: 10.0, high: 12.0, low: 10.0, close: 16.0, ..flat(0.0) }, 3.0),
        ];
        for (bar, expected) in cases {
            assert_eq!(run("BOP", &[bar]), [Some(expected)], "{bar:?}");
        }
    }
}
