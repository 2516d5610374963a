//! Relative strength index.

use std::mem;

use crate::{
    Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    order::larger,
    parameter::{Conflict, Parameter, Values},
};

/// The share of gains in all movement of the close, 0 to 100.
///
/// - Formula: 100 · gains / (gains + losses), both averages of Wilder's: average += (change − average) / period,
///   a gain counting as zero in the losses and the other way round.
/// - Seed: the simple averages of the first `period` changes.
/// - First value at index `period`, since bar 0 has no change.
/// - Edges: no movement at all gives 50, as in TA-Lib's Rust crate 0.8.3; C up to 0.8.1 gives 0. The
///   same holds once both averages have decayed below the smallest normal number, after some 9,500 flat
///   bars, where their ratio is noise.
/// - Source: [`TA_RSI`](https://ta-lib.org/functions/rsi); J. Welles Wilder, New Concepts in Technical
///   Trading Systems, 1978.
#[derive(Debug, Clone, PartialEq)]
pub struct Rsi {
    average: ExponentialAverage,
}

impl Kernel<1> for Rsi {
    const NAME: &'static str = "RSI";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 14)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { average: ExponentialAverage::wilder(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        self.average.period().into()
    }

    fn settling(&self) -> u32 {
        self.average.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        layout.number(Degree::PRICE);
        self.average.layout(layout, Degree::PRICE);
        self.average.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let [close, gains, losses] = state.take();
        let change = bar.close - mem::replace(close, bar.close);
        let index = state.seen.checked_sub(1)?;
        let gains = self.average.step(gains, index, larger(change, 0.0));
        let losses = self.average.step(losses, index, larger(-change, 0.0));
        Some([share_of_gains(gains?, losses?)])
    }
}

/// 100 · gains / (gains + losses), and 50 where neither is left.
#[inline(always)]
pub(crate) fn share_of_gains(gains: f64, losses: f64) -> f64 {
    let all = gains + losses;
    if all < f64::MIN_POSITIVE { 50.0 } else { 100.0 * (gains / all) }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes, flat, run, weighted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_share_of_gains_in_all_changes(period in 2_u16..8, bars in bars()) {
            check(&format!("RSI({period})"), &bars, |index| {
                let closes = &closes(&bars)[..=index];
                let part = |sign: f64| {
                    let changes: Vec<f64> = closes.windows(2).map(|two| (sign * (two[1] - two[0])).max(0.0)).collect();
                    weighted(&changes, period, 1.0 / f64::from(period))
                };
                let (gains, losses) = (part(1.0)?, part(-1.0)?);
                Some([if gains + losses == 0.0 { 50.0 } else { 100.0 * gains / (gains + losses) }])
            });
        }
    }

    #[test]
    fn it_is_50_without_movement_and_at_its_ends_with_one_sided_movement() {
        for (step, expected) in [(0.0, 50.0), (1.0, 100.0), (-1.0, 0.0)] {
            let bars: Vec<_> = (0..100).map(|index| flat(100.37 + step * f64::from(index))).collect();
            assert_eq!(run("RSI(14)", &bars).pop(), Some(Some(expected)), "step {step}");
        }
    }

    #[test]
    fn it_keeps_its_value_over_a_flat_stretch_and_ends_at_50() {
        let bars: Vec<_> = (0..100)
            .map(|index| flat(100.0 + f64::from(index % 7)))
            .chain(std::iter::repeat_n(flat(101.0), 12_002))
            .collect();
        let values = run("RSI(14)", &bars);
        let before = values[100].unwrap();
        for (index, value) in values.iter().enumerate().skip(101) {
            let value = value.unwrap();
            let ended = index > 9_100 && value == 50.0;
            assert!(ended || (value - before).abs() < 1e-9, "{value} at {index}");
        }
        assert_eq!(values.last(), Some(&Some(50.0)));
    }
}
