//! Stochastic relative strength index.

use crate::{
    Bar,
    extrema::Extremes,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
    rsi::Rsi,
    stochf::position,
    window::Mean,
};

/// Where the RSI lies between the lowest and the highest of its last values, 0 to 100.
///
/// - Formula: [`Rsi`] of `period`, of its values `.k` = 100 · (rsi − lowest) / (highest − lowest) over
///   `fastk` bars, and `.d` = mean of the last `fastd` values of `.k`.
/// - First values of both at index period + fastk − 1 + fastd − 1: 20 for (14,5,3).
/// - Edges: 0 where the RSI stays where it is, to 1e-14 of its value; that includes a series without
///   movement, whose RSI is 50.
/// - Source: [`TA_STOCHRSI`](https://ta-lib.org/functions/stochrsi) with simple averages; Tushar Chande and
///   Stanley Kroll, 1993, who have `fastk` = `period`.
#[derive(Debug, Clone, PartialEq)]
pub struct Stochrsi {
    rsi: Rsi,
    extremes: Extremes,
    fastd: Mean,
}

impl Kernel<2> for Stochrsi {
    const NAME: &'static str = "STOCHRSI";
    const SUFFIXES: [&'static str; 2] = [".k", ".d"];
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::period("period", 14),
        Parameter::period_from("fastk", 5, 1),
        Parameter::period_from("fastd", 3, 1),
    ];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        let (extremes, fastd) = (Extremes::new(values.period(1)), Mean::new(values.period(2)));
        // The first parameter is the only one of the RSI.
        Ok(Self { rsi: Rsi::with(values)?, extremes, fastd })
    }

    fn lookback(&self) -> u32 {
        self.rsi.lookback() + self.extremes.lookback() + self.fastd.lookback()
    }

    fn settling(&self) -> u32 {
        self.rsi.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        self.rsi.layout(layout);
        self.extremes.layout(layout, Degree::NONE);
        self.fastd.layout(layout, Degree::NONE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 2]> {
        let [rsi] = self.rsi.update(state, bar)?;
        let (highest, lowest) = self.extremes.push(state, rsi, rsi);
        let index = state.seen.checked_sub(self.rsi.lookback() + self.extremes.lookback())?;
        let fast = position(highest, lowest, rsi);
        Some([fast, self.fastd.push(state, index, fast)?])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Bar,
        check::{bars, check, check_within, flat, run},
        stochf::naive_position,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_place_of_the_rsi_in_its_range(
            period in 2_u16..8, fastk in 1_u16..8, fastd in 1_u16..8, bars in bars(),
        ) {
            let rsi = run(&format!("RSI({period})"), &bars);
            // Those that keep their value but for rounding have no range.
            let mut kept = f64::NAN;
            let rsi: Vec<Bar> = rsi
                .into_iter()
                .flatten()
                .map(|rsi| {
                    kept = if (rsi - kept).abs() <= 1e-10 { kept } else { rsi };
                    flat(kept)
                })
                .collect();
            // Kept as they are, a range under 1e-2 is not exact enough.
            check_within(&format!("STOCHRSI({period},{fastk},{fastd})"), &bars, 1e-3, |index| {
                let index = index.checked_sub(period.into())?;
                let values: Option<Vec<f64>> = ((index + 1).checked_sub(fastd.into())?..=index)
                    .map(|index| naive_position(&rsi, index, fastk))
                    .collect();
                let values = values?;
                Some([*values.last()?, values.iter().sum::<f64>() / f64::from(fastd)])
            });
        }
    }

    #[test]
    fn it_is_zero_while_the_rsi_stays() {
        let moving = (0..100).map(|index| flat(100.0 + f64::from(index % 7)));
        let bars: Vec<_> = moving.chain(std::iter::repeat_n(flat(101.0), 200)).collect();
        for (index, value) in run("STOCHRSI(14,5,3)", &bars).into_iter().enumerate().skip(105) {
            assert_eq!(value, Some(0.0), "at {index}");
        }
        check("STOCHRSI(14,5,3)", &[flat(101.37); 100], |index| (index >= 20).then_some([0.0; 2]));
    }
}
