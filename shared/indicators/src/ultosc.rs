//! Ultimate oscillator.

use std::mem;

use crate::{
    Bar,
    atr::true_range,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    order::smaller,
    parameter::{Conflict, Parameter, Values},
    shares::Shares,
};

/// The share of buying pressure in all movement over three windows, the shortest of which weighs most: 0 to 100.
///
/// - Formula: pressure = close − min(low, previous close), share = Σ pressure / Σ true range over a window;
///   100 · (4 · share of the shortest + 2 · share of the next + share of the longest) / 7. The order in
///   which the periods are given is of no account.
/// - First value at index of the longest period, since bar 0 has no previous close.
/// - Edges: a window without any true range has the share 0. A share is bounded by 0 and 1, which it leaves
///   only if a close lies outside of its own bar; TA-Lib does not bound it.
/// - Source: [`TA_ULTOSC`](https://ta-lib.org/functions/ultosc); Larry Williams, 1985.
#[derive(Debug, Clone, PartialEq)]
pub struct Ultosc {
    shares: Shares<3>,
}

impl Kernel<1> for Ultosc {
    const NAME: &'static str = "ULTOSC";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::period_from("period1", 7, 1),
        Parameter::period_from("period2", 14, 1),
        Parameter::period_from("period3", 28, 1),
    ];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        let mut periods = [0, 1, 2].map(|at| values.period(at));
        periods.sort_unstable();
        Ok(Self { shares: Shares::new(periods) })
    }

    fn lookback(&self) -> u32 {
        self.shares.longest().into()
    }

    fn layout(&self, layout: &mut Layout) {
        layout.number(Degree::PRICE);
        self.shares.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let previous = mem::replace(state.number(), bar.close);
        let index = state.seen.checked_sub(1)?;
        let pressure = bar.close - smaller(bar.low, previous);
        let [short, medium, long] = self.shares.push(state, pressure, true_range(bar, previous));
        let full = index + 1 >= self.lookback();
        full.then_some([100.0 * ((4.0 * short + 2.0 * medium + long) / 7.0)])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Bar,
        check::{bars, check, flat, run},
    };
    use proptest::prelude::*;

    fn share(bars: &[Bar], index: usize, period: u16) -> Option<f64> {
        let first = (index + 1).checked_sub(period.into()).filter(|first| *first > 0)?;
        let (mut pressures, mut ranges) = (0.0, 0.0);
        for at in first..=index {
            let (previous, bar) = (bars[at - 1].close, bars[at]);
            let low = bar.low.min(previous);
            pressures += bar.close - low;
            ranges += bar.high.max(previous) - low;
        }
        Some(if ranges == 0.0 { 0.0 } else { pressures / ranges })
    }

    proptest! {
        #[test]
        fn it_weighs_the_shares_of_three_windows(periods in prop::array::uniform3(1_u16..12), bars in bars()) {
            let [one, two, three] = periods;
            check(&format!("ULTOSC({one},{two},{three})"), &bars, |index| {
                let mut sorted = periods;
                sorted.sort();
                let [short, medium, long] = sorted.map(|period| share(&bars, index, period));
                Some([100.0 * (4.0 * short? + 2.0 * medium? + long?) / 7.0])
            });
        }
    }

    #[test]
    fn a_series_that_comes_to_rest_ends_at_zero() {
        let moving = (0..100).map(|index| flat(100.0 + f64::from(index % 7) / 3.0));
        let bars: Vec<_> = moving.chain(std::iter::repeat_n(flat(101.0), 60)).collect();
        let values = run("ULTOSC(7,14,28)", &bars);
        assert!(values[127].unwrap() > 0.0);
        assert_eq!(values[128..], vec![Some(0.0); 32]);
    }

    #[test]
    fn a_share_stays_in_its_bounds_whatever_the_close_is() {
        for (close, expected) in [(3e37, 100.0), (-3e37, 0.0)] {
            let bar = |close| Bar { open: 0.0, high: 5e-324, low: 0.0, close, volume: None, session: 0 };
            assert_eq!(run("ULTOSC(1,1,1)", &[bar(0.0), bar(close)]), [None, Some(expected)]);
        }
    }
}
