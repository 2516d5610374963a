//! Plus directional indicator.

use crate::{
    Bar,
    directional::DirectionalMovement,
    kernel::Kernel,
    layout::{Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// How much of all movement went up, bar against bar, in per cent of the true range.
///
/// - Formula: +DI = 100 · Σ +DM / Σ true range. +DM is how far the bar reaches above the high before it,
///   where that is farther than it reaches below the low before it, and zero otherwise. Both sums are
///   Wilder's: sum += input − sum / period.
/// - Seed: the plain sums of bars 1 to period − 1, one input fewer than the period.
/// - First value at index `period`.
/// - Edges: zero where the true ranges are. A period of 1, for which TA-Lib leaves out the factor of 100,
///   is not taken.
/// - Source: [`TA_PLUS_DI`](https://ta-lib.org/functions/plus_di); J. Welles Wilder, New Concepts in
///   Technical Trading Systems, 1978.
#[derive(Debug, Clone, PartialEq)]
pub struct PlusDi {
    movement: DirectionalMovement,
}

impl Kernel<1> for PlusDi {
    const NAME: &'static str = "PLUS_DI";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 14)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { movement: DirectionalMovement::new(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        self.movement.lookback()
    }

    fn settling(&self) -> u32 {
        self.movement.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        self.movement.layout(layout);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let sums = self.movement.push(state, bar)?;
        Some([sums.indicator(sums.plus)])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Bar,
        check::{bars, check, flat, run},
        directional::naive::indicators,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_upward_movement_by_true_range(period in 2_u16..8, bars in bars()) {
            let expected = indicators(&bars, period);
            check(&format!("PLUS_DI({period})"), &bars, |index| {
                let [plus, _] = expected[index.checked_sub(period.into())?];
                Some([plus])
            });
        }
    }

    #[test]
    fn a_movement_without_a_true_range_is_none() {
        assert_eq!(run("PLUS_DI(3)", &[flat(100.37); 9]), [&[None; 3][..], &[Some(0.0); 6]].concat());
        // The closes lie outside of their bars, so that movements have no or nearly no true range.
        for tiny in [0.0, 1e-300] {
            let bar = |price: f64, close| Bar { close, ..flat(price) };
            let values = run("PLUS_DI(2)", &[bar(-3e37, tiny), bar(0.0, -3e37)].repeat(4));
            assert_eq!(values, [&[None; 2][..], &[Some(0.0); 6]].concat(), "{tiny}");
        }
    }
}
