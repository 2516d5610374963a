//! Simple moving average.

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
    window::Mean,
};

/// The mean of the last `period` closes.
///
/// - Formula: Σ close / period, over the window.
/// - First value at index period − 1.
/// - Edges: a flat window gives exactly its price. A misprint is forgotten when it leaves the window,
///   where TA-Lib's running sum keeps its rounding error.
/// - Source: [`TA_SMA`](https://ta-lib.org/functions/sma).
#[derive(Debug, Clone, PartialEq)]
pub struct Sma {
    mean: Mean,
}

impl Kernel<1> for Sma {
    const NAME: &'static str = "SMA";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 30)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { mean: Mean::new(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        self.mean.lookback()
    }

    fn layout(&self, layout: &mut Layout) {
        self.mean.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let seen = state.seen;
        Some([self.mean.push(state, seen, bar.close)?])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_mean_of_the_window(period in 2_u16..8, bars in bars()) {
            let n = usize::from(period);
            check(&format!("SMA({period})"), &bars, |index| {
                let window = &closes(&bars)[(index + 1).checked_sub(n)?..=index];
                Some([window.iter().sum::<f64>() / n as f64])
            });
        }
    }
}
