//! Momentum.

use crate::{
    Bar,
    kernel::Kernel,
    lag::Lag,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// How far the close has moved in `period` bars, in units of the price.
///
/// - Formula: close − close of `period` bars ago.
/// - First value at index `period`.
/// - Source: [`TA_MOM`](https://ta-lib.org/functions/mom).
#[derive(Debug, Clone, PartialEq)]
pub struct Mom {
    lag: Lag,
}

impl Kernel<1> for Mom {
    const NAME: &'static str = "MOM";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period_from("period", 10, 1)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { lag: Lag::new(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        self.lag.period().into()
    }

    fn layout(&self, layout: &mut Layout) {
        self.lag.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let seen = state.seen;
        Some([bar.close - self.lag.push(state, seen, bar.close)?])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_difference_to_the_close_of_so_many_bars_ago(period in 1_u16..8, bars in bars()) {
            check(&format!("MOM({period})"), &bars, |index| {
                let closes = closes(&bars);
                Some([closes[index] - closes[index.checked_sub(period.into())?]])
            });
        }
    }
}
