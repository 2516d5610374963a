//! Rate of change as a ratio.

use crate::{
    Bar,
    kernel::Kernel,
    lag::Lag,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// To how many times itself the close has come in `period` bars.
///
/// - Formula: close / close of `period` bars ago.
/// - First value at index `period`.
/// - Edges: 0 where the earlier close is zero, as in TA-Lib, or so near to it that the quotient overflows.
/// - Source: [`TA_ROCR`](https://ta-lib.org/functions/rocr).
#[derive(Debug, Clone, PartialEq)]
pub struct Rocr {
    lag: Lag,
}

impl Kernel<1> for Rocr {
    const NAME: &'static str = "ROCR";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period_from("period", 10, 1)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { lag: Lag::new(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        self.lag.period().into()
    }

    fn layout(&self, layout: &mut Layout) {
        self.lag.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let seen = state.seen;
        let ratio = bar.close / self.lag.push(state, seen, bar.close)?;
        Some([if ratio.is_finite() { ratio } else { 0.0 }])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes, flat, run};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_ratio_to_the_close_of_so_many_bars_ago(period in 1_u16..8, bars in bars()) {
            check(&format!("ROCR({period})"), &bars, |index| {
                let closes = closes(&bars);
                Some([closes[index] / closes[index.checked_sub(period.into())?]])
            });
        }
    }

    #[test]
    fn it_is_0_from_zero() {
        let bars = [0.0, 0.0, 5e-324, 3e37, 1.5e37].map(flat);
        assert_eq!(run("ROCR(1)", &bars), [None, Some(0.0), Some(0.0), Some(0.0), Some(0.5)]);
    }
}
