//! The average that forgets: EMA and Wilder's, which differ in the weight only.

use crate::layout::{Degree, Layout, State};

/// Which part of the seed may be left in an average that counts as warm.
const SEED_LEFT: f64 = 1e-3;

/// An exponential average, seeded as TA-Lib does with the simple average of its first `period` inputs.
///
/// `average += weight · (input − average)`. Written like this, an input that stays where it is does
/// not move the average by a rounding error. The same holds for the seed, a running mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ExponentialAverage {
    period: u16,
    weight: f64,
}

impl ExponentialAverage {
    /// Weight 2 / (period + 1).
    pub(crate) fn ema(period: u16) -> Self {
        Self { period, weight: 2.0 / (f64::from(period) + 1.0) }
    }

    /// Weight 1 / period, as J. Welles Wilder averages.
    pub(crate) fn wilder(period: u16) -> Self {
        Self { period, weight: 1.0 / f64::from(period) }
    }

    pub(crate) fn period(&self) -> u16 {
        self.period
    }

    /// How many inputs come before its first value.
    pub(crate) fn lookback(&self) -> u32 {
        u32::from(self.period) - 1
    }

    /// After how many inputs behind the seed a thousandth of the seed is left.
    pub(crate) fn settling(&self) -> u32 {
        // A weight of 1 leaves nothing. The longest period gives some 6,900.
        if self.weight < 1.0 { (SEED_LEFT.ln() / (-self.weight).ln_1p()).ceil() as u32 } else { 0 }
    }

    pub(crate) fn layout(&self, layout: &mut Layout, degree: Degree) {
        layout.number(degree);
    }

    /// Takes the next input, the first of which has the index 0. There is an average from input number `period` on.
    #[inline(always)]
    pub(crate) fn push(&self, state: &mut State<'_>, index: u32, input: f64) -> Option<f64> {
        self.step(state.number(), index, input)
    }

    /// The same with the average itself.
    #[inline(always)]
    pub(crate) fn step(&self, average: &mut f64, index: u32, input: f64) -> Option<f64> {
        let period = u32::from(self.period);
        if index >= period {
            self.follow(average, input);
            return Some(*average);
        }
        *average += (input - *average) / f64::from(index + 1);
        (index + 1 == period).then_some(*average)
    }

    /// The step behind the seed, for who seeds otherwise.
    #[inline(always)]
    pub(crate) fn follow(&self, average: &mut f64, input: f64) {
        *average += self.weight * (input - *average);
    }
}
