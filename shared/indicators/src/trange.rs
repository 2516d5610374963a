//! True range.

use std::mem;

use crate::{
    Bar,
    atr::true_range,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// How far the price travelled in this bar, the gap before it included.
///
/// - Formula: max(high − low, |high − previous close|, |low − previous close|).
/// - First value at index 1: bar 0 has no previous close and therefore no true range. TradingView and
///   others give its high − low.
/// - Edges: zero for a flat series.
/// - Source: [`TA_TRANGE`](https://ta-lib.org/functions/trange); J. Welles Wilder, New Concepts in
///   Technical Trading Systems, 1978.
#[derive(Debug, Clone, PartialEq)]
pub struct Trange;

impl Kernel<1> for Trange {
    const NAME: &'static str = "TRANGE";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[];

    fn with(_: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self)
    }

    fn lookback(&self) -> u32 {
        1
    }

    fn layout(&self, layout: &mut Layout) {
        // The previous close.
        layout.number(Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let previous = mem::replace(state.number(), bar.close);
        (state.seen > 0).then(|| [true_range(bar, previous)])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_spans_the_bar_and_the_close_before_it(bars in bars()) {
            check("TRANGE", &bars, |index| {
                let previous = bars[index.checked_sub(1)?].close;
                Some([bars[index].high.max(previous) - bars[index].low.min(previous)])
            });
        }
    }
}
