//! The average that forgets: EMA and Wilder's, which differ in the weight only.

use crate::state::{Reader, StateError, Writer};

/// An exponential average, seeded as TA-Lib does with the simple average of its first `period` inputs.
///
/// `average += weight · (input − average)`. Written like this, an input that stays where it is does
/// not move the average by a rounding error. While seeding, the sum is that of the distances to the
/// first input, for the same reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ExponentialAverage {
    period: u16,
    weight: f64,
    /// How many inputs were taken, up to `period`.
    inputs: u16,
    /// The first input while seeding, then the average.
    value: f64,
    /// Σ (input − first input) while seeding, then zero.
    sum: f64,
}

impl ExponentialAverage {
    /// Weight 2 / (period + 1).
    pub(crate) fn ema(period: u16) -> Self {
        Self::new(period, 2.0 / (f64::from(period) + 1.0))
    }

    /// Weight 1 / period, as J. Welles Wilder averages.
    pub(crate) fn wilder(period: u16) -> Self {
        Self::new(period, 1.0 / f64::from(period))
    }

    fn new(period: u16, weight: f64) -> Self {
        Self { period, weight, inputs: 0, value: 0.0, sum: 0.0 }
    }

    pub(crate) fn period(&self) -> u16 {
        self.period
    }

    /// How many inputs were taken, up to the period.
    pub(crate) fn inputs(&self) -> u16 {
        self.inputs
    }

    /// Takes the next input. There is an average from input number `period` on.
    pub(crate) fn push(&mut self, input: f64) -> Option<f64> {
        if self.inputs == self.period {
            self.value += self.weight * (input - self.value);
            return Some(self.value);
        }
        if self.inputs == 0 {
            self.value = input;
        }
        self.sum += input - self.value;
        self.inputs += 1;
        if self.inputs < self.period {
            return None;
        }
        self.value += self.sum / f64::from(self.period);
        self.sum = 0.0;
        Some(self.value)
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        if self.inputs > 0 {
            writer.f64(self.value);
        }
        if self.inputs > 0 && self.inputs < self.period {
            writer.f64(self.sum);
        }
    }

    /// This average, as it was written after so many inputs.
    pub(crate) fn restore(mut self, reader: &mut Reader<'_>, inputs: u64) -> Result<Self, StateError> {
        // Up to the period, so it fits.
        self.inputs = inputs.min(u64::from(self.period)) as u16;
        if self.inputs > 0 {
            self.value = reader.f64("an average")?;
        }
        if self.inputs > 0 && self.inputs < self.period {
            self.sum = reader.f64("the sum that seeds an average")?;
        }
        Ok(self)
    }
}
