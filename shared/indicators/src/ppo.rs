//! Percentage price oscillator.

use crate::{
    Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values, fast_and_slow},
};

/// Below which part of the difference the slow average is no base for a percentage.
const NOTHING: f64 = 1e-14;

/// How far a fast average has left a slow one, in per cent of the slow one.
///
/// - Formula: 100 · (fast EMA − slow EMA) / slow EMA of the close.
/// - Seed: each average by the simple average of its own first bars, as in the APO.
/// - First value at index slow − 1.
/// - Edges: exactly 0 for a flat series, and 0 where the slow average is nothing beside the difference,
///   which needs prices of both signs. TA-Lib gives 0 for any slow average below 1e-14, which would silence
///   an instrument that is quoted that low; the rule here has no unit. A fast period that is not the
///   shorter one is an error.
/// - Source: [`TA_PPO`](https://ta-lib.org/functions/ppo) with its exponential average, the default since 0.8;
///   the simple one before.
#[derive(Debug, Clone, PartialEq)]
pub struct Ppo {
    fast: ExponentialAverage,
    slow: ExponentialAverage,
}

impl Kernel<1> for Ppo {
    const NAME: &'static str = "PPO";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("fast", 12), Parameter::period("slow", 26)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        let [fast, slow] = [0, 1].map(|at| values.period(at));
        fast_and_slow(fast, slow)?;
        Ok(Self { fast: ExponentialAverage::ema(fast), slow: ExponentialAverage::ema(slow) })
    }

    fn lookback(&self) -> u32 {
        self.slow.lookback()
    }

    fn settling(&self) -> u32 {
        self.slow.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        self.fast.layout(layout, Degree::PRICE);
        self.slow.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let seen = state.seen;
        let fast = self.fast.push(state, seen, bar.close);
        let slow = self.slow.push(state, seen, bar.close);
        Some([percentage(fast?, slow?)])
    }
}

/// The difference in per cent of the slow average; 0 where that is nothing.
#[inline(always)]
fn percentage(fast: f64, slow: f64) -> f64 {
    let difference = fast - slow;
    if slow.abs() > NOTHING * difference.abs() { 100.0 * (difference / slow) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::percentage;
    use crate::check::{bars, check, closes, emas, flat, run};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_difference_in_per_cent_of_the_slow_average(fast in 2_u16..6, more in 1_u16..6, bars in bars()) {
            let slow = fast + more;
            let [fasts, slows] = [fast, slow].map(|period| emas(&closes(&bars), period));
            check(&format!("PPO({fast},{slow})"), &bars, |index| {
                let at = (index + 1).checked_sub(slow.into())?;
                Some([100.0 * (fasts[at + usize::from(more)] / slows[at] - 1.0)])
            });
        }
    }

    #[test]
    fn a_slow_average_of_nothing_is_no_base() {
        for (fast, slow, expected) in [
            (0.0, 0.0, 0.0),
            (1.0, 0.0, 0.0),
            (3e37, 5e-324, 0.0),
            (1.0, 1e-15, 0.0),
            (2e-300, 1e-300, 100.0),
            (0.0, 5e-324, -100.0),
            (-1.5, -1.0, 50.0),
        ] {
            assert_eq!(percentage(fast, slow), expected, "{fast} and {slow}");
        }
    }

    #[test]
    fn it_is_exactly_zero_for_a_flat_series() {
        for price in [101.37, 1e-20, 0.0] {
            let values = run("PPO(12,26)", &[flat(price); 1000]);
            assert!(values[25..].iter().all(|value| *value == Some(0.0)), "price {price}");
        }
    }
}
