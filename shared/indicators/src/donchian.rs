//! Donchian channel.

use crate::{
    Bar,
    extrema::Highest,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// The range of the last `period` bars.
///
/// - Formula: `.upper` = highest high, `.lower` = lowest low, `.middle` = (upper + lower) / 2. The window
///   holds this bar, so no price can break out of it; compare with the channel of the bar before for that.
/// - First values at index period − 1.
/// - Edges: a flat series gives exactly its price three times.
/// - Source: Richard Donchian's rule of four weeks, as [TradingView draws
///   it](https://www.tradingview.com/support/solutions/43000502253-donchian-channels-dc/). TA-Lib has it as
///   `TA_MAX` of the highs and `TA_MIN` of the lows.
#[derive(Debug, Clone, PartialEq)]
pub struct Donchian {
    extreme: Highest,
}

impl Kernel<3> for Donchian {
    const NAME: &'static str = "DONCHIAN";
    const SUFFIXES: [&'static str; 3] = [".upper", ".middle", ".lower"];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 20)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { extreme: Highest::new(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        u32::from(self.extreme.period()) - 1
    }

    fn layout(&self, layout: &mut Layout) {
        self.extreme.layout(layout, Degree::PRICE);
        self.extreme.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 3]> {
        let upper = self.extreme.push(state, bar.high);
        let lower = -self.extreme.push(state, -bar.low);
        (state.seen >= self.lookback()).then_some([upper, (upper + lower) / 2.0, lower])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_spans_the_bars_of_the_window(period in 2_u16..12, bars in bars()) {
            check(&format!("DONCHIAN({period})"), &bars, |index| {
                let window = &bars[(index + 1).checked_sub(period.into())?..=index];
                let upper = window.iter().map(|bar| bar.high).fold(f64::MIN, f64::max);
                let lower = window.iter().map(|bar| bar.low).fold(f64::MAX, f64::min);
                Some([upper, 0.5 * upper + 0.5 * lower, lower])
            });
        }
    }
}
