//! Average directional movement index rating.

use crate::{
    Bar,
    adx::Adx,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// The [ADX](Adx), smoothed once more.
///
/// - Formula: (adx + adx of period − 1 bars ago) / 2.
/// - Seed: that of the ADX.
/// - First value at index 3 · period − 2.
/// - Edges: those of the ADX.
/// - Source: [`TA_ADXR`](https://ta-lib.org/functions/adxr); J. Welles Wilder, New Concepts in Technical
///   Trading Systems, 1978, who looks back by the full period, as others do.
#[derive(Debug, Clone, PartialEq)]
pub struct Adxr {
    adx: Adx,
    ago: u16,
}

impl Kernel<1> for Adxr {
    const NAME: &'static str = "ADXR";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 14)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { adx: Adx::new(values.period(0)), ago: values.period(0) - 1 })
    }

    fn lookback(&self) -> u32 {
        self.adx.lookback() + u32::from(self.ago)
    }

    fn settling(&self) -> u32 {
        self.adx.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        self.adx.layout(layout);
        layout.numbers(self.ago, Degree::NONE);
        layout.count(u32::from(self.ago) - 1);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let adx = self.adx.push(state, bar)?;
        let (ring, at) = (state.list(self.ago), state.count());
        let place = *at as usize;
        let before = std::mem::replace(&mut ring[place], adx);
        *at = if place + 1 == ring.len() { 0 } else { *at + 1 };
        (state.seen >= self.lookback()).then_some([(adx + before) / 2.0])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        adx::naive::averages,
        check::{bars, check},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_mean_of_two_averages(period in 2_u16..8, bars in bars()) {
            let (expected, n) = (averages(&bars, period), usize::from(period));
            check(&format!("ADXR({period})"), &bars, |index| {
                let before = expected[index.checked_sub(3 * n - 2)?];
                Some([(expected[index + 1 - 2 * n] + before) / 2.0])
            });
        }
    }
}
