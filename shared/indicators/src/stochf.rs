//! Fast stochastic.

use crate::{
    Bar,
    extrema::{Extremes, flat},
    kernel::Kernel,
    layout::{Degree, Layout, State},
    order::{larger, smaller},
    parameter::{Conflict, Parameter, Values},
    window::Mean,
};

/// Where the close lies between the lowest low and the highest high of the last bars, 0 to 100.
///
/// - Formula: `.k` = 100 · (close − lowest) / (highest − lowest) over `fastk` bars, `.d` = mean of the last
///   `fastd` values of `.k`.
/// - First values of both at index fastk − 1 + fastd − 1: `.k` is withheld until there is a `.d`, as in TA-Lib.
/// - Edges: 0 where the range is no wider than 1e-14 of the prices at its ends. A close outside of its own
///   bar counts as at the end of the range, where TA-Lib leaves 0 to 100.
/// - Source: [`TA_STOCHF`](https://ta-lib.org/functions/stochf) with simple averages; George Lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Stochf {
    extremes: Extremes,
    fastd: Mean,
}

impl Kernel<2> for Stochf {
    const NAME: &'static str = "STOCHF";
    const SUFFIXES: [&'static str; 2] = [".k", ".d"];
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::period_from("fastk", 5, 1), Parameter::period_from("fastd", 3, 1)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { extremes: Extremes::new(values.period(0)), fastd: Mean::new(values.period(1)) })
    }

    fn lookback(&self) -> u32 {
        self.extremes.lookback() + self.fastd.lookback()
    }

    fn layout(&self, layout: &mut Layout) {
        self.extremes.layout(layout, Degree::PRICE);
        self.fastd.layout(layout, Degree::NONE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 2]> {
        let (highest, lowest) = self.extremes.push(state, bar.high, bar.low);
        let index = state.seen.checked_sub(self.extremes.lookback())?;
        let fast = position(highest, lowest, bar.close);
        Some([fast, self.fastd.push(state, index, fast)?])
    }
}

/// Where a value lies between the lowest and the highest, 0 to 100; 0 if nothing lies between them.
#[inline(always)]
pub(crate) fn position(highest: f64, lowest: f64, value: f64) -> f64 {
    if flat(highest, lowest) { 0.0 } else { larger(smaller((value - lowest) / (highest - lowest), 1.0), 0.0) * 100.0 }
}

/// The same, slow and without thinking; `None` before there are so many bars.
#[cfg(test)]
pub(crate) fn naive_position(bars: &[Bar], index: usize, period: u16) -> Option<f64> {
    let window = &bars[(index + 1).checked_sub(period.into())?..=index];
    let highest = window.iter().map(|bar| bar.high).fold(f64::MIN, f64::max);
    let lowest = window.iter().map(|bar| bar.low).fold(f64::MAX, f64::min);
    Some(if highest == lowest { 0.0 } else { 100.0 * (window.last()?.close - lowest) / (highest - lowest) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{bars, check, flat as still};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_place_of_the_close_in_the_range(fastk in 1_u16..8, fastd in 1_u16..8, bars in bars()) {
            check(&format!("STOCHF({fastk},{fastd})"), &bars, |index| {
                let values: Option<Vec<f64>> = ((index + 1).checked_sub(fastd.into())?..=index)
                    .map(|index| naive_position(&bars, index, fastk))
                    .collect();
                let values = values?;
                Some([*values.last()?, values.iter().sum::<f64>() / f64::from(fastd)])
            });
        }
    }

    #[test]
    fn a_range_of_rounding_errors_is_none() {
        let bars: Vec<Bar> = (0..50).map(|index| if index % 2 == 0 { still(0.1 + 0.2) } else { still(0.3) }).collect();
        check("STOCHF(5,3)", &bars, |index| (index >= 6).then_some([0.0; 2]));
    }

    #[test]
    fn a_close_outside_of_its_bar_is_at_the_end_of_the_range() {
        for (close, expected) in [(12.0, 100.0), (-3e37, 0.0), (10.0, 50.0)] {
            let bars = [Bar { open: 10.0, high: 11.0, low: 9.0, close, volume: None, session: 0 }; 3];
            check("STOCHF(2,1)", &bars, |index| (index >= 1).then_some([expected; 2]));
        }
        let narrow = Bar { open: 0.0, high: 5e-324, low: 0.0, close: 3e37, volume: None, session: 0 };
        check("STOCHF(2,1)", &[narrow; 3], |index| (index >= 1).then_some([100.0; 2]));
    }
}
