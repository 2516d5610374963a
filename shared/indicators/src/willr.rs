//! Williams' %R.

use crate::{
    Bar,
    extrema::{Extremes, flat},
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// How far the close lies below the highest high of the last bars, as a part of their range: −100 to 0.
///
/// - Formula: −100 · (highest − close) / (highest − lowest) over the window.
/// - First value at index period − 1.
/// - Edges: 0 where the range is no wider than 1e-14 of the prices at its ends. A close outside of its own
///   bar counts as at the end of the range, as in TA-Lib.
/// - Source: [`TA_WILLR`](https://ta-lib.org/functions/willr); Larry Williams.
#[derive(Debug, Clone, PartialEq)]
pub struct Willr {
    extremes: Extremes,
}

impl Kernel<1> for Willr {
    const NAME: &'static str = "WILLR";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 14)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { extremes: Extremes::new(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        self.extremes.lookback()
    }

    fn layout(&self, layout: &mut Layout) {
        self.extremes.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let (highest, lowest) = self.extremes.push(state, bar.high, bar.low);
        if state.seen < self.extremes.lookback() {
            return None;
        }
        let below = if flat(highest, lowest) { 0.0 } else { (highest - bar.close) / (highest - lowest) };
        Some([-100.0 * below.clamp(0.0, 1.0)])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Bar,
        check::{bars, check, flat},
        stochf::naive_position,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_fast_stochastic_from_above(period in 2_u16..8, bars in bars()) {
            check(&format!("WILLR({period})"), &bars, |index| {
                let window = &bars[(index + 1).checked_sub(period.into())?..=index];
                let still = window.iter().all(|bar| bar.high == window[0].low && bar.low == window[0].low);
                Some([if still { 0.0 } else { naive_position(&bars, index, period)? - 100.0 }])
            });
        }
    }

    #[test]
    fn it_has_ends() {
        check("WILLR(2)", &[flat(0.3); 9], |index| (index >= 1).then_some([0.0]));
        for (close, expected) in [(11.0, 0.0), (12.0, 0.0), (9.0, -100.0), (8.0, -100.0), (10.0, -50.0)] {
            let bars = [Bar { open: 10.0, high: 11.0, low: 9.0, close, volume: None, session: 0 }; 3];
            check("WILLR(2)", &bars, |index| (index >= 1).then_some([expected]));
        }
    }
}
