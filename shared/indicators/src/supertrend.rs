//! Supertrend.

use std::mem;

use crate::{
    Bar,
    atr::true_range,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// A stop that trails the price by some average true ranges, and the direction of the trend.
///
/// - Formula: bands at (high + low) / 2 ± multiplier · ATR. The upper band comes down only, unless the
///   previous close was above it: then it is set anew. The lower band rises only, unless the previous
///   close was below it. `.value` is the lower band in an upward trend and the upper one in a downward
///   trend; `.direction` is 1 up and −1 down (TradingView's has the opposite sign).
/// - A trend turns when the bar closes *beyond* the band that trails it, as it is after this bar. A close
///   on the band does not turn it.
/// - Seed: that of the ATR of this crate. At the first bar with an ATR both bands are set and the trend
///   is downward. TradingView does the same, but one bar earlier, since its ATR counts bar 0.
/// - First values at index `period`.
/// - Edges: of a flat series the value is its price and the trend stays down. Where both bands coincide,
///   the trend goes on as it was; TradingView takes it for a downward one.
/// - Warm when the ATR is: by then, 99 of 100 random walks have set both bands anew with a multiplier of 3.
/// - Source: Olivier Seban's Supertrend by the rules of
///   [TradingView's `ta.supertrend`](https://www.tradingview.com/pine-script-reference/v5/#fun_ta.supertrend).
#[derive(Debug, Clone, PartialEq)]
pub struct Supertrend {
    multiplier: f64,
    range: ExponentialAverage,
}

impl Kernel<2> for Supertrend {
    const NAME: &'static str = "SUPERTREND";
    const SUFFIXES: [&'static str; 2] = [".value", ".direction"];
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::period("period", 10), Parameter::number("multiplier", 3.0, 0.01, 100.0)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { multiplier: values.number(1), range: ExponentialAverage::wilder(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        self.range.period().into()
    }

    fn settling(&self) -> u32 {
        self.range.settling()
    }

    fn layout(&self, layout: &mut Layout) {
        // The previous close, the ATR, the upper and the lower band.
        layout.numbers(4, Degree::PRICE);
        // 1 in an upward trend.
        layout.count(1);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 2]> {
        let ([previous, range, upper, lower], up) = (state.take(), state.count());
        let previous = mem::replace(previous, bar.close);
        let index = state.seen.checked_sub(1)?;
        let half = self.multiplier * self.range.step(range, index, true_range(bar, previous))?;
        let middle = (bar.high + bar.low) / 2.0;
        let (above, below) = (middle + half, middle - half);
        let first = state.seen == self.lookback();
        if first || above < *upper || previous > *upper {
            *upper = above;
        }
        if first || below > *lower || previous < *lower {
            *lower = below;
        }
        // The state is zero before the first bar, which is downward.
        let rising = if *up == 1 { bar.close >= *lower } else { !first && bar.close > *upper };
        *up = rising.into();
        Some(if rising { [*lower, 1.0] } else { [*upper, -1.0] })
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Bar,
        check::{bars, check, flat},
    };
    use proptest::prelude::*;

    /// The rules of TradingView, bar by bar, with lists of everything.
    fn naive(bars: &[Bar], period: usize, multiplier: f64) -> Vec<[f64; 2]> {
        let ranges: Vec<f64> =
            bars.windows(2).map(|two| two[1].high.max(two[0].close) - two[1].low.min(two[0].close)).collect();
        let n = period as f64;
        let mut lists: (Vec<f64>, Vec<f64>, Vec<f64>, Vec<[f64; 2]>) = Default::default();
        let (averages, uppers, lowers, values) = &mut lists;
        for index in period..bars.len() {
            let average = match averages.last() {
                None => ranges[..period].iter().sum::<f64>() / n,
                Some(average) => (average * (n - 1.0) + ranges[index - 1]) / n,
            };
            averages.push(average);
            let (bar, before) = (bars[index], bars[index - 1].close);
            let middle = bar.low + (bar.high - bar.low) / 2.0;
            let (mut upper, mut lower, mut direction) =
                (middle + multiplier * average, middle - multiplier * average, -1.0);
            if let (Some(last_upper), Some(last_lower), Some([_, last])) = (uppers.last(), lowers.last(), values.last())
            {
                if before <= *last_upper {
                    upper = upper.min(*last_upper);
                }
                if before >= *last_lower {
                    lower = lower.max(*last_lower);
                }
                direction = match *last {
                    1.0 if bar.close < lower => -1.0,
                    -1.0 if bar.close > upper => 1.0,
                    last => last,
                };
            }
            uppers.push(upper);
            lowers.push(lower);
            values.push([if direction == 1.0 { lower } else { upper }, direction]);
        }
        lists.3
    }

    proptest! {
        #[test]
        fn its_bands_and_turns_are_those_of_tradingview(period in 2_u16..8, multiplier in 0.1..4.0, bars in bars()) {
            let expected = naive(&bars, period.into(), multiplier);
            check(&format!("SUPERTREND({period},{multiplier})"), &bars, |index| {
                Some(expected[index.checked_sub(period.into())?])
            });
        }
    }

    #[test]
    fn it_stays_down_on_a_flat_series_and_turns_beyond_the_band_only() {
        check("SUPERTREND(10,3)", &[flat(101.37); 100], |index| (index >= 10).then_some([101.37, -1.0]));
        // The ATR is 2 throughout, the upper band 100 + 2. A close of 102 is on it.
        let bar = |close: f64| Bar { high: 101.0, low: 99.0, close, ..flat(100.0) };
        let on = [bar(100.0), bar(100.0), bar(100.0), bar(102.0), bar(101.0)];
        check("SUPERTREND(2,1)", &on[..4], |index| (index >= 2).then_some([102.0, -1.0]));
        // The bar after the turn lifts the lower band to 102.5 − 2.
        let next = |close: f64| Bar { high: 103.5, low: 101.5, ..bar(close) };
        for (close, expected) in [(100.5, [100.5, 1.0]), (100.4, [104.5, -1.0])] {
            let beyond = [bar(100.0), bar(100.0), bar(100.0), bar(102.5), next(close)];
            let values = [[102.0, -1.0], [98.0, 1.0], expected];
            check("SUPERTREND(2,1)", &beyond, |index| Some(values[index.checked_sub(2)?]));
        }
    }
}
