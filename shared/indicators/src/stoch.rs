//! Slow stochastic.

use crate::{
    Bar,
    extrema::Extremes,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
    stochf::position,
    window::Mean,
};

/// Where the close lies between the lowest low and the highest high of the last bars, smoothed: 0 to 100.
///
/// - Formula: fast = 100 · (close − lowest) / (highest − lowest) over `fastk` bars, `.k` = mean of the last
///   `slowk` values of it, `.d` = mean of the last `slowd` values of `.k`.
/// - First values of both at index fastk − 1 + slowk − 1 + slowd − 1, 17 for (14,3,3): `.k` is withheld until
///   there is a `.d`, as in TA-Lib; TradingView draws it before.
/// - Edges: fast is 0 where the range is no wider than 1e-14 of the prices at its ends. A close outside of
///   its own bar counts as at the end of the range, where TA-Lib leaves 0 to 100.
/// - Source: [`TA_STOCH`](https://ta-lib.org/functions/stoch) with simple averages; George Lane. The default
///   of `fastk` is 14, as charts have it; TA-Lib's is 5.
#[derive(Debug, Clone, PartialEq)]
pub struct Stoch {
    extremes: Extremes,
    slowk: Mean,
    slowd: Mean,
}

impl Kernel<2> for Stoch {
    const NAME: &'static str = "STOCH";
    const SUFFIXES: [&'static str; 2] = [".k", ".d"];
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::period_from("fastk", 14, 1),
        Parameter::period_from("slowk", 3, 1),
        Parameter::period_from("slowd", 3, 1),
    ];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        let [fastk, slowk, slowd] = [0, 1, 2].map(|at| values.period(at));
        Ok(Self { extremes: Extremes::new(fastk), slowk: Mean::new(slowk), slowd: Mean::new(slowd) })
    }

    fn lookback(&self) -> u32 {
        self.extremes.lookback() + self.slowk.lookback() + self.slowd.lookback()
    }

    fn layout(&self, layout: &mut Layout) {
        self.extremes.layout(layout, Degree::PRICE);
        self.slowk.layout(layout, Degree::NONE);
        self.slowd.layout(layout, Degree::NONE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 2]> {
        let (highest, lowest) = self.extremes.push(state, bar.high, bar.low);
        let index = state.seen.checked_sub(self.extremes.lookback())?;
        let slow = self.slowk.push(state, index, position(highest, lowest, bar.close))?;
        Some([slow, self.slowd.push(state, index - self.slowk.lookback(), slow)?])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        check::{bars, check},
        stochf::naive_position,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_fast_one_averaged_twice(fastk in 1_u16..8, slowk in 1_u16..7, slowd in 1_u16..7, bars in bars()) {
            check(&format!("STOCH({fastk},{slowk},{slowd})"), &bars, |index| {
                let slow = |index: usize| {
                    let fast: Option<Vec<f64>> = ((index + 1).checked_sub(slowk.into())?..=index)
                        .map(|index| naive_position(&bars, index, fastk))
                        .collect();
                    Some(fast?.iter().sum::<f64>() / f64::from(slowk))
                };
                let all: Option<Vec<f64>> = ((index + 1).checked_sub(slowd.into())?..=index).map(slow).collect();
                Some([slow(index)?, all?.iter().sum::<f64>() / f64::from(slowd)])
            });
        }
    }
}
