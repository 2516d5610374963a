//! Average directional movement index.

use crate::{
    Bar,
    average::ExponentialAverage,
    directional::DirectionalMovement,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// How strong the trend is, whichever way it goes: the average of the [DX](crate::Dx), 0 to 100.
///
/// - Formula: adx += (DX − adx) / period.
/// - Seed: the simple average of the first `period` values of the DX, bars `period` to 2 · period − 1.
/// - First value at index 2 · period − 1.
/// - Edges: a bar after which both directional indicators together are less than 1e-14 per cent, or the
///   true ranges are zero, has no DX. It counts as zero in the seed; later the ADX keeps its value.
/// - Source: [`TA_ADX`](https://ta-lib.org/functions/adx); J. Welles Wilder, New Concepts in Technical
///   Trading Systems, 1978.
#[derive(Debug, Clone, PartialEq)]
pub struct Adx {
    movement: DirectionalMovement,
    average: ExponentialAverage,
}

impl Adx {
    pub(crate) fn new(period: u16) -> Self {
        Self { movement: DirectionalMovement::new(period), average: ExponentialAverage::wilder(period) }
    }

    /// Takes the next bar.
    #[inline(always)]
    pub(crate) fn push(&self, state: &mut State<'_>, bar: &Bar) -> Option<f64> {
        let index = self.movement.push(state, bar)?.index();
        let (average, seen) = (state.number(), state.seen - self.movement.lookback());
        match index {
            None if seen >= u32::from(self.average.period()) => Some(*average),
            index => self.average.step(average, seen, index.unwrap_or(0.0)),
        }
    }
}

impl Kernel<1> for Adx {
    const NAME: &'static str = "ADX";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 14)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self::new(values.period(0)))
    }

    fn lookback(&self) -> u32 {
        self.movement.lookback() + self.average.lookback()
    }

    fn settling(&self) -> u32 {
        self.movement.settling() + self.average.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        self.movement.layout(layout);
        self.average.layout(layout, Degree::NONE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        Some([self.push(state, bar)?])
    }
}

/// The formula for tests.
#[cfg(test)]
pub(crate) mod naive {
    use crate::{Bar, check::weighted, directional::naive::indices};

    /// ADX after each bar from index 2 · period − 1 on.
    pub(crate) fn averages(bars: &[Bar], period: u16) -> Vec<f64> {
        let (indices, n) = (indices(bars, period), usize::from(period));
        (n..=indices.len())
            .map(|end| {
                let seed = indices[..n].iter().map(|index| index.unwrap_or(0.0));
                let inputs: Vec<f64> = seed.chain(indices[n..end].iter().copied().flatten()).collect();
                weighted(&inputs, period, 1.0 / f64::from(period)).unwrap()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::naive::averages;
    use crate::check::{bars, check, flat, run};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_averages_the_index(period in 2_u16..8, bars in bars()) {
            let expected = averages(&bars, period);
            check(&format!("ADX({period})"), &bars, |index| {
                Some([expected[index.checked_sub(2 * usize::from(period) - 1)?]])
            });
        }
    }

    #[test]
    fn bars_without_movement_count_as_zero_in_the_seed_and_as_nothing_later() {
        // Flat, then straight up: bars 3 and 4 have no DX, that of bar 5 is 100.
        let bars = [100.0, 100.0, 100.0, 100.0, 100.0, 101.0, 102.0].map(flat);
        let values = run("ADX(3)", &bars);
        assert_eq!(values[..5], [None; 5]);
        assert!((values[5].unwrap() - 100.0 / 3.0).abs() < 1e-12, "{values:?}");
        assert!((values[6].unwrap() - 500.0 / 9.0).abs() < 1e-12, "{values:?}");
        let still = run("ADX(14)", &[vec![flat(100.0), flat(101.0)], vec![flat(101.0); 12_000]].concat());
        assert_eq!(still.last(), Some(&Some(100.0)));
    }
}
