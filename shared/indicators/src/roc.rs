//! Rate of change.

use crate::{
    Bar,
    kernel::Kernel,
    lag::Lag,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// By how many per cent the close has moved in `period` bars.
///
/// - Formula: 100 · (close / close of `period` bars ago − 1).
/// - First value at index `period`.
/// - Edges: 0 where the earlier close is zero, as in TA-Lib, or so near to it that the quotient overflows.
/// - Source: [`TA_ROC`](https://ta-lib.org/functions/roc).
#[derive(Debug, Clone, PartialEq)]
pub struct Roc {
    lag: Lag,
}

impl Kernel<1> for Roc {
    const NAME: &'static str = "ROC";
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
        Some([change(self.lag.push(state, seen, bar.close)?, bar.close)])
    }
}

/// From one value to the other in per cent; 0 where that is no number.
#[inline(always)]
pub(crate) fn change(before: f64, now: f64) -> f64 {
    let change = 100.0 * (now / before - 1.0);
    if change.is_finite() { change } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::change;
    use crate::check::{bars, check, closes, flat, run};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_change_in_per_cent(period in 1_u16..8, bars in bars()) {
            check(&format!("ROC({period})"), &bars, |index| {
                let closes = closes(&bars);
                let before = closes[index.checked_sub(period.into())?];
                Some([100.0 * (closes[index] - before) / before])
            });
        }
    }

    #[test]
    fn nothing_is_measured_from_zero() {
        let cases = [
            (0.0, 0.0, 0.0),
            (0.0, 5.0, 0.0),
            (-0.0, 5.0, 0.0),
            (5e-324, 3e37, 0.0),
            (4.0, 5.0, 25.0),
            (-4.0, -5.0, 25.0),
        ];
        for (before, now, expected) in cases {
            assert_eq!(change(before, now), expected, "from {before} to {now}");
        }
        assert_eq!(run("ROC(1)", &[0.0, 1.0, 2.0].map(flat)), [None, Some(0.0), Some(100.0)]);
    }
}
