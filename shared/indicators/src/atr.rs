//! Average true range.

use std::mem;

use crate::{
    Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    order::larger,
    parameter::{Conflict, Parameter, Values},
};

/// How far the price travels in a bar, gaps included.
///
/// - Formula: true range = max(high − low, |high − previous close|, |low − previous close|), averaged as
///   Wilder does: atr += (true range − atr) / period.
/// - Seed: the simple average of the true ranges of bars 1 to `period`. Bar 0 has no previous close and
///   therefore no true range; TradingView and others count its high − low and start one bar earlier.
/// - First value at index `period`.
/// - Edges: zero for a flat series.
/// - Source: [`TA_ATR`](https://ta-lib.org/functions/atr); J. Welles Wilder, New Concepts in Technical
///   Trading Systems, 1978.
#[derive(Debug, Clone, PartialEq)]
pub struct Atr {
    average: ExponentialAverage,
}

impl Kernel<1> for Atr {
    const NAME: &'static str = "ATR";
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
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let previous = mem::replace(state.number(), bar.close);
        let index = state.seen.checked_sub(1)?;
        Some([self.average.push(state, index, true_range(bar, previous))?])
    }
}

/// How far the price travelled since the previous close.
#[inline(always)]
pub(crate) fn true_range(bar: &Bar, previous: f64) -> f64 {
    larger(bar.high - bar.low, larger((bar.high - previous).abs(), (bar.low - previous).abs()))
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, weighted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_averages_true_ranges_from_bar_1_on(period in 2_u16..8, bars in bars()) {
            check(&format!("ATR({period})"), &bars, |index| {
                let ranges: Vec<f64> = (1..=index)
                    .map(|bar| {
                        let (previous, bar) = (bars[bar - 1].close, bars[bar]);
                        bar.high.max(previous) - bar.low.min(previous)
                    })
                    .collect();
                Some([weighted(&ranges, period, 1.0 / f64::from(period))?])
            });
        }
    }
}
