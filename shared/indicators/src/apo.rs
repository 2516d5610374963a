//! Absolute price oscillator.

use crate::{
    Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values, fast_and_slow},
};

/// How far a fast average has left a slow one, in units of the price.
///
/// - Formula: fast EMA − slow EMA of the close.
/// - Seed: each average by the simple average of its own first bars. So its first values are not those of
///   the MACD, whose fast average is seeded later; they meet as the seeds fade.
/// - First value at index slow − 1.
/// - Edges: exactly 0 for a flat series. TA-Lib swaps a fast period that is longer than the slow one;
///   here that is an error.
/// - Source: [`TA_APO`](https://ta-lib.org/functions/apo) with its exponential average, the default since 0.8;
///   the simple one before.
#[derive(Debug, Clone, PartialEq)]
pub struct Apo {
    fast: ExponentialAverage,
    slow: ExponentialAverage,
}

impl Kernel<1> for Apo {
    const NAME: &'static str = "APO";
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
        Some([fast? - slow?])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Indicators,
        check::{bars, check, closes, emas, flat},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_average_is_seeded_at_its_own_bar(fast in 2_u16..6, more in 1_u16..6, bars in bars()) {
            let slow = fast + more;
            let [fasts, slows] = [fast, slow].map(|period| emas(&closes(&bars), period));
            check(&format!("APO({fast},{slow})"), &bars, |index| {
                let at = (index + 1).checked_sub(slow.into())?;
                Some([fasts[at + usize::from(more)] - slows[at]])
            });
        }
    }

    #[test]
    fn it_is_exactly_zero_for_a_flat_series() {
        check("APO(12,26)", &[flat(101.37); 1000], |index| (index >= 25).then_some([0.0]));
    }

    #[test]
    fn the_fast_period_must_be_the_shorter_one() {
        for text in ["APO(26,12)", "APO(9,9)", "PPO(26,12)"] {
            let error = text.parse::<Indicators>().unwrap_err().to_string();
            assert!(error.contains("is not shorter than the slow period"), "{error}");
        }
    }
}
