//! Keltner channel.

use std::mem;

use crate::{
    Bar,
    atr::true_range,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// A channel around the EMA of the close, as wide as the price usually travels in a bar.
///
/// - Formula: `.middle` = EMA of the close over `period` bars, `.upper` and `.lower` = middle ± multiplier ·
///   ATR over `range` bars. Both averages are those of this crate.
/// - Seeds: theirs. The EMA starts with the mean of the first `period` closes, the ATR with that of the
///   true ranges of bars 1 to `range`; bar 0 has none. TradingView's ATR counts the high − low of bar 0.
/// - First values at index max(period − 1, range).
/// - Edges: a flat series gives exactly its price three times.
/// - Source: Chester W. Keltner, How To Make Money in Commodities, 1960, in Linda Bradford Raschke's form
///   with EMA and ATR; [TradingView's page](https://www.tradingview.com/support/solutions/43000502266-keltner-channels-kc/).
#[derive(Debug, Clone, PartialEq)]
pub struct Keltner {
    multiplier: f64,
    average: ExponentialAverage,
    range: ExponentialAverage,
}

impl Kernel<3> for Keltner {
    const NAME: &'static str = "KELTNER";
    const SUFFIXES: [&'static str; 3] = [".upper", ".middle", ".lower"];
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::period("period", 20),
        Parameter::period("range", 10),
        Parameter::number("multiplier", 2.0, 0.01, 100.0),
    ];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self {
            multiplier: values.number(2),
            average: ExponentialAverage::ema(values.period(0)),
            range: ExponentialAverage::wilder(values.period(1)),
        })
    }

    fn lookback(&self) -> u32 {
        self.average.lookback().max(self.range.period().into())
    }

    fn settling(&self) -> u32 {
        let average = self.average.lookback() + self.average.settling();
        average.max(u32::from(self.range.period()) + self.range.settling()) - self.lookback()
    }

    fn layout(&self, layout: &mut Layout) {
        // The previous close.
        layout.number(Degree::PRICE);
        self.average.layout(layout, Degree::PRICE);
        self.range.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 3]> {
        let seen = state.seen;
        let [previous, average, range] = state.take();
        let previous = mem::replace(previous, bar.close);
        let middle = self.average.step(average, seen, bar.close);
        let range = self.range.step(range, seen.checked_sub(1)?, true_range(bar, previous));
        let (middle, half) = (middle?, self.multiplier * range?);
        Some([middle + half, middle, middle - half])
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes, flat, weighted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_lies_average_true_ranges_around_the_average(
            period in 2_u16..8,
            range in 2_u16..8,
            multiplier in 0.1..5.0,
            bars in bars(),
        ) {
            check(&format!("KELTNER({period},{range},{multiplier})"), &bars, |index| {
                let ranges: Vec<f64> = (1..=index)
                    .map(|bar| {
                        let (previous, bar) = (bars[bar - 1].close, bars[bar]);
                        bar.high.max(previous) - bar.low.min(previous)
                    })
                    .collect();
                let middle = weighted(&closes(&bars)[..=index], period, 2.0 / (f64::from(period) + 1.0))?;
                let half = multiplier * weighted(&ranges, range, 1.0 / f64::from(range))?;
                Some([middle + half, middle, middle - half])
            });
        }
    }

    #[test]
    fn it_is_the_price_of_a_flat_series() {
        check("KELTNER(20,10,2)", &[flat(101.37); 100], |index| (index >= 19).then_some([101.37; 3]));
        check("KELTNER(5,10,2)", &[flat(101.37); 100], |index| (index >= 10).then_some([101.37; 3]));
    }
}
