//! Directional movement index.

use crate::{
    Bar,
    directional::DirectionalMovement,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// How one-sided the movement is, whichever way it goes: 0 is balanced, 100 goes one way only.
///
/// - Formula: 100 · |+DI − −DI| / (+DI + −DI), the directional indicators as those of this crate.
/// - Seed: as theirs.
/// - First value at index `period`.
/// - Edges: where both indicators together are less than 1e-14 per cent, or the true ranges are zero, it
///   keeps its value; it is zero if it has none yet.
/// - Source: [`TA_DX`](https://ta-lib.org/functions/dx); J. Welles Wilder, New Concepts in Technical
///   Trading Systems, 1978.
#[derive(Debug, Clone, PartialEq)]
pub struct Dx {
    movement: DirectionalMovement,
}

impl Kernel<1> for Dx {
    const NAME: &'static str = "DX";
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
        // The last value.
        layout.number(Degree::NONE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let index = self.movement.push(state, bar)?.index();
        let last = state.number();
        *last = index.unwrap_or(*last);
        Some([*last])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        check::{bars, check, flat, run},
        directional::naive::indices,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_difference_of_the_indicators_by_their_sum(period in 2_u16..8, bars in bars()) {
            let expected = indices(&bars, period);
            check(&format!("DX({period})"), &bars, |index| {
                let until = expected.get(..=index.checked_sub(period.into())?)?;
                Some([until.iter().rev().find_map(|value| *value).unwrap_or(0.0)])
            });
        }
    }

    #[test]
    fn it_keeps_its_value_where_nothing_moves() {
        let moves = (0..100).map(|index| flat(100.0 + f64::from(index % 7)));
        let bars: Vec<_> = moves.chain(std::iter::repeat_n(flat(101.0), 12_000)).collect();
        let values = run("DX(14)", &bars);
        let before = values[100].unwrap();
        assert!(before > 1.0, "{before}");
        for value in &values[101..] {
            assert!((value.unwrap() - before).abs() < 1e-9, "{value:?} instead of {before}");
        }
        assert_eq!(run("DX(3)", &[flat(100.37); 9]), [&[None; 3][..], &[Some(0.0); 6]].concat());
    }
}
