//! Normalized average true range.

use std::mem;

use crate::{
    Bar,
    atr::true_range,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// The average true range in per cent of the close, so that series of different prices compare.
///
/// - Formula: 100 · ATR / close, the ATR as that of this crate.
/// - Seed and first value as for the ATR: the simple average of the true ranges of bars 1 to `period`,
///   at index `period`.
/// - Edges: zero where the close is zero, and where it is so near to zero that the quotient is no finite
///   number. A period of 1, for which TA-Lib returns the true range itself and not a percentage, is not
///   taken.
/// - Source: [`TA_NATR`](https://ta-lib.org/functions/natr); John Forman, Cross-Market Evaluations With
///   Normalized Average True Range, Technical Analysis of Stocks & Commodities, May 2006.
#[derive(Debug, Clone, PartialEq)]
pub struct Natr {
    average: ExponentialAverage,
}

impl Kernel<1> for Natr {
    const NAME: &'static str = "NATR";
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
        // The previous close.
        layout.number(Degree::PRICE);
        self.average.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let previous = mem::replace(state.number(), bar.close);
        let index = state.seen.checked_sub(1)?;
        let percentage = 100.0 * (self.average.push(state, index, true_range(bar, previous))? / bar.close);
        Some([if percentage.is_finite() { percentage } else { 0.0 }])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Bar,
        check::{bars, check, flat, run, weighted},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_average_true_range_in_per_cent(period in 2_u16..8, bars in bars()) {
            check(&format!("NATR({period})"), &bars, |index| {
                let ranges: Vec<f64> = (1..=index)
                    .map(|bar| {
                        let (previous, bar) = (bars[bar - 1].close, bars[bar]);
                        bar.high.max(previous) - bar.low.min(previous)
                    })
                    .collect();
                Some([100.0 * weighted(&ranges, period, 1.0 / f64::from(period))? / bars[index].close])
            });
        }
    }

    #[test]
    fn a_close_of_nothing_gives_zero() {
        for (close, expected) in [(0.0, 0.0), (-0.0, 0.0), (1e-300, 0.0), (-1e-300, 0.0), (2.0, 1.5e39)] {
            let bars = [flat(0.0), Bar { high: 3e37, ..flat(0.0) }, Bar { high: 3e37, close, ..flat(0.0) }];
            assert_eq!(run("NATR(2)", &bars).pop(), Some(Some(expected)), "close {close}");
        }
    }
}
