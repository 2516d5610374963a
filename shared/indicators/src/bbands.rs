//! Bollinger bands.

use crate::{
    BadParameter, Bar,
    kernel::Kernel,
    parameter,
    state::{Reader, StateError, Writer},
    window::{Moments, Window},
};

/// Largest number of standard deviations between the middle and a band.
pub const DEVIATIONS_MAX: f64 = 100.0;

/// A band around the mean of the last `period` closes, as wide as they are scattered.
///
/// - Formula: `.middle` = mean of the window, `.upper` and `.lower` = mean ± deviations · σ with the
///   *population* standard deviation σ = √(Σ (close − mean)² / period).
/// - First values at index period − 1.
/// - Edges: a flat window gives exactly its price three times. σ keeps its accuracy at high prices with
///   small moves and after a misprint.
/// - Source: [`TA_BBANDS`](https://ta-lib.org/functions/bbands) with its simple moving average; its
///   default period is 20 since 0.8, 5 before.
#[derive(Debug, Clone, PartialEq)]
pub struct Bbands {
    deviations: f64,
    window: Window,
}

impl Bbands {
    /// Before its first bar.
    pub fn new(period: u16, deviations: f64) -> Result<Self, BadParameter> {
        let (period, deviations) = Self::parameters(period, deviations)?;
        Ok(Self::fresh(period, deviations))
    }

    pub(crate) fn fresh(period: u16, deviations: f64) -> Self {
        Self { deviations, window: Window::new(period) }
    }

    fn parameters(period: u16, deviations: f64) -> Result<(u16, f64), BadParameter> {
        let period = parameter::period("BBANDS", period)?;
        if deviations > 0.0 && deviations <= DEVIATIONS_MAX {
            Ok((period, deviations))
        } else {
            Err(BadParameter::Deviations { indicator: "BBANDS", value: deviations })
        }
    }

    fn bands(&self, moments: Moments) -> [f64; 3] {
        let half = self.deviations * moments.variance.sqrt();
        [moments.mean + half, moments.mean, moments.mean - half]
    }
}

impl Kernel<3> for Bbands {
    const SUFFIXES: [&'static str; 3] = [".upper", ".middle", ".lower"];

    fn label(&self) -> String {
        format!("BBANDS({},{})", self.window.period(), self.deviations)
    }

    fn lookback(&self) -> usize {
        usize::from(self.window.period()) - 1
    }

    fn update(&mut self, bar: &Bar) -> Option<[f64; 3]> {
        let moments = self.window.push(bar.close)?;
        Some(self.bands(moments))
    }

    fn peek(&self, bar: &Bar) -> Option<[f64; 3]> {
        Some(self.bands(self.window.peek(bar.close)?))
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.u16(self.window.period());
        writer.f64(self.deviations);
        self.window.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>, bars: u64) -> Result<Self, StateError> {
        let (period, deviations) =
            Self::parameters(reader.u16("the period of BBANDS")?, reader.f64("the deviations of BBANDS")?)?;
        Ok(Self { deviations, window: Window::decode(reader, period, bars)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{bars, check, closes};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bands_lie_population_deviations_around_the_mean(period in 2_u16..8, deviations in 0.1..5.0, bars in bars()) {
            let n = usize::from(period);
            check(Bbands::new(period, deviations).unwrap(), &bars, |index| {
                let window = &closes(&bars)[(index + 1).checked_sub(n)?..=index];
                let mean = window.iter().sum::<f64>() / n as f64;
                let variance = window.iter().map(|close| (close - mean).powi(2)).sum::<f64>() / n as f64;
                let half = deviations * variance.sqrt();
                Some([mean + half, mean, mean - half])
            });
        }
    }

    #[test]
    fn deviations_must_make_a_band() {
        assert_eq!(Bbands::new(20, 2.5).unwrap().label(), "BBANDS(20,2.5)");
        for deviations in [0.0, -1.0, 101.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(Bbands::new(20, deviations), Err(BadParameter::Deviations { .. })), "{deviations}");
        }
    }
}
