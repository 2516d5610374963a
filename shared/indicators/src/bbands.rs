//! Bollinger bands.

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Layout, State},
    parameter::{Conflict, Parameter, Values},
    window::{Moments, Window},
};

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
    #[inline(always)]
    fn bands(&self, moments: Moments) -> [f64; 3] {
        let half = self.deviations * moments.variance.sqrt();
        [moments.mean + half, moments.mean, moments.mean - half]
    }
}

impl Kernel<3> for Bbands {
    const NAME: &'static str = "BBANDS";
    const SUFFIXES: [&'static str; 3] = [".upper", ".middle", ".lower"];
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::period("period", 20), Parameter::number("deviations", 2.0, 0.01, 100.0)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { deviations: values.number(1), window: Window::new(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        self.window.lookback()
    }

    fn layout(&self, layout: &mut Layout) {
        self.window.layout(layout);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 3]> {
        let seen = state.seen;
        Some(self.bands(self.window.push(state, seen, bar.close)?))
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bands_lie_population_deviations_around_the_mean(period in 2_u16..8, deviations in 0.1..5.0, bars in bars()) {
            let n = usize::from(period);
            check(&format!("BBANDS({period},{deviations})"), &bars, |index| {
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
        for deviations in ["0", "-1", "101", "nan", "inf", "x"] {
            let error = format!("BBANDS(20,{deviations})").parse::<crate::Indicators>().unwrap_err().to_string();
            assert!(error.ends_with("allowed: a number from 0.01 to 100"), "{error}");
        }
    }
}
