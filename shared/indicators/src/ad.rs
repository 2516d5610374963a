//! Accumulation/distribution line.

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// Volume weighted by where the close lies in its bar, summed up since the first bar.
///
/// - Formula: ad += volume · ((close − low) − (high − close)) / (high − low).
/// - First value at index 0: the volume of bar 0, so weighted.
/// - Edges: a bar without a range adds nothing. The weight is bounded by −1 and 1, which it leaves only if a
///   close lies outside of its own bar; TA-Lib does not bound it.
/// - Source: [`TA_AD`](https://ta-lib.org/functions/ad); Marc Chaikin.
#[derive(Debug, Clone, PartialEq)]
pub struct Ad;

impl Kernel<1> for Ad {
    const NAME: &'static str = "AD";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[];
    const VOLUME: bool = true;

    fn with(_: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self)
    }

    fn lookback(&self) -> u32 {
        0
    }

    fn layout(&self, layout: &mut Layout) {
        layout.number(Degree::VOLUME);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let ad = state.number();
        *ad += bar.volume? * close_location(bar);
        Some([*ad])
    }
}

/// Where the close lies in its bar, −1 at the low to 1 at the high; 0 if the bar has no range.
#[inline(always)]
fn close_location(bar: &Bar) -> f64 {
    let range = bar.high - bar.low;
    let location = ((bar.close - bar.low) - (bar.high - bar.close)) / range;
    if range > 0.0 { location.clamp(-1.0, 1.0) } else { 0.0 }
}

/// The same, slow and without thinking, of the last bar.
#[cfg(test)]
pub(crate) fn naive_line(bars: &[Bar]) -> f64 {
    let weight = |bar: &Bar| 2.0 * (bar.close - bar.low) / (bar.high - bar.low) - 1.0;
    let moved = bars.iter().filter(|bar| bar.high > bar.low);
    moved.map(|bar| weight(bar) * bar.volume.unwrap_or_default()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{bars, check_within, run};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sums_up_volumes_by_the_place_of_the_close(bars in bars()) {
            // Up to 150 volumes of up to a million.
            check_within("AD", &bars, 1e-6, |index| Some([naive_line(&bars[..=index])]));
        }
    }

    #[test]
    fn a_close_outside_of_its_bar_counts_as_at_its_end() {
        for (close, expected) in [(11.0, 7.0), (12.0, 7.0), (9.0, -7.0), (-3e37, -7.0), (10.5, 3.5)] {
            let bar = Bar { open: 10.0, high: 11.0, low: 9.0, close, volume: Some(7.0), session: 0 };
            assert_eq!(run("AD", &[bar]), [Some(expected)]);
        }
    }
}
