//! Chande's momentum oscillator.

use std::mem;

use crate::{
    Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    order::larger,
    parameter::{Conflict, Parameter, Values},
};

/// By how much gains outweigh losses in all movement of the close, −100 to 100.
///
/// - Formula: 100 · (gains − losses) / (gains + losses), both averages of Wilder's as in the RSI. Tushar
///   Chande, and TradingView with him, takes plain sums over the window instead; this is TA-Lib's.
/// - Seed: the simple averages of the first `period` changes.
/// - First value at index `period`, since bar 0 has no change.
/// - Edges: 0 without any movement, and once both averages have decayed below the smallest normal number,
///   after some 9,500 flat bars, where their ratio is noise.
/// - Source: [`TA_CMO`](https://ta-lib.org/functions/cmo); T. Chande, S. Kroll, The New Technical Trader, 1994.
#[derive(Debug, Clone, PartialEq)]
pub struct Cmo {
    average: ExponentialAverage,
}

impl Kernel<1> for Cmo {
    const NAME: &'static str = "CMO";
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
        let change = bar.close - mem::replace(state.number(), bar.close);
        let index = state.seen.checked_sub(1)?;
        let gains = self.average.push(state, index, larger(change, 0.0));
        let losses = self.average.push(state, index, larger(-change, 0.0));
        let (gains, losses) = (gains?, losses?);
        let all = gains + losses;
        Some([if all < f64::MIN_POSITIVE { 0.0 } else { 100.0 * ((gains - losses) / all) }])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes, flat, run, weighted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_balance_of_gains_and_losses(period in 2_u16..8, bars in bars()) {
            check(&format!("CMO({period})"), &bars, |index| {
                let closes = &closes(&bars)[..=index];
                let part = |sign: f64| {
                    let changes: Vec<f64> = closes.windows(2).map(|two| (sign * (two[1] - two[0])).max(0.0)).collect();
                    weighted(&changes, period, 1.0 / f64::from(period))
                };
                let (gains, losses) = (part(1.0)?, part(-1.0)?);
                Some([if gains + losses == 0.0 { 0.0 } else { 100.0 * (gains - losses) / (gains + losses) }])
            });
        }
    }

    #[test]
    fn it_is_0_without_movement_and_at_its_ends_with_one_sided_movement() {
        for (step, expected) in [(0.0, 0.0), (1.0, 100.0), (-1.0, -100.0)] {
            let bars: Vec<_> = (0..100).map(|index| flat(100.37 + step * f64::from(index))).collect();
            assert_eq!(run("CMO(14)", &bars).pop(), Some(Some(expected)), "step {step}");
        }
    }

    #[test]
    fn it_ends_at_0_when_nothing_of_the_movement_is_left() {
        let moves = (0..100).map(|index| flat(100.0 + f64::from(index % 7)));
        let bars: Vec<_> = moves.chain(std::iter::repeat_n(flat(101.0), 12_002)).collect();
        let values = run("CMO(14)", &bars);
        assert!(values[9_000].is_some_and(|value| value != 0.0));
        assert_eq!(values.last(), Some(&Some(0.0)));
    }
}
