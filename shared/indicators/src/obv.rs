//! On-balance volume.

use std::mem;

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// Volume that came with rising closes, less that with falling ones, since the first bar.
///
/// - Formula: obv += volume if close > previous close, −= volume if it is lower, and stays if it is equal.
/// - Seed: the volume of bar 0. Others begin with zero; they differ by that volume for good.
/// - First value at index 0.
/// - Edges: exact for whole volumes. A bar without volume is passed over, so that the next one is compared
///   with the bar before it.
/// - Source: [`TA_OBV`](https://ta-lib.org/functions/obv); Joseph Granville, 1963.
#[derive(Debug, Clone, PartialEq)]
pub struct Obv;

impl Kernel<1> for Obv {
    const NAME: &'static str = "OBV";
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
        layout.number(Degree::PRICE);
        layout.number(Degree::VOLUME);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let (previous, obv) = (mem::replace(state.number(), bar.close), state.number());
        let volume = bar.volume?;
        let rises = state.seen == 0 || bar.close > previous;
        let falls = state.seen > 0 && bar.close < previous;
        // Multiplied rather than branched on: the direction of a price is a coin that is tossed.
        *obv += f64::from(i8::from(rises) - i8::from(falls)) * volume;
        Some([*obv])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Bar,
        check::{bars, check, flat, run},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_adds_volumes_by_the_direction_of_the_close(bars in bars()) {
            check("OBV", &bars, |index| {
                let later = bars[..=index].windows(2).map(|two| {
                    let direction = two[1].close.partial_cmp(&two[0].close).unwrap() as i32;
                    f64::from(direction) * two[1].volume.unwrap()
                });
                Some([bars[0].volume.unwrap() + later.sum::<f64>()])
            });
        }
    }

    #[test]
    fn a_bar_without_volume_is_not_compared_with() {
        let bar = |close, volume| Bar { volume, ..flat(close) };
        let bars = [bar(10.0, Some(5.0)), bar(20.0, None), bar(15.0, Some(7.0)), bar(15.0, Some(9.0))];
        assert_eq!(run("OBV", &bars), [Some(5.0), None, Some(12.0), Some(12.0)]);
    }

    #[test]
    fn the_first_volume_counts_whatever_the_first_close_is() {
        for close in [10.0, 0.0, -10.0] {
            assert_eq!(run("OBV", &[Bar { volume: Some(5.0), ..flat(close) }]), [Some(5.0)]);
        }
    }
}
