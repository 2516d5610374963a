//! Volume-weighted average price.

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    order::larger,
    parameter::{Conflict, Parameter, Values},
};

/// The average price that was paid per unit, since the begin of the session; with the word `cumulative`
/// since the first bar, as TA-Lib has it.
///
/// - Formula: Σ typical price · volume / Σ volume with typical price = (high + low + close) / 3. The sums
///   begin anew whenever a bar's session differs from that of the bar before.
/// - First value at index 0.
/// - Edges: until there is volume, the typical price of the bar; cumulative 0, as in TA-Lib. A negative
///   volume counts as none. A bar without volume is passed over: if a session begins with it, the sums
///   begin anew at the next.
/// - Accuracy: the sum is one of distances to an anchor, the first price. It moves to a price of less than
///   half its size, lest a misprint be the anchor for good.
/// - Source: [`TA_VWAP`](https://ta-lib.org/functions/vwap), whose caller passes the bars of one session.
#[derive(Debug, Clone, PartialEq)]
pub struct Vwap {
    cumulative: bool,
}

impl Kernel<1> for Vwap {
    const NAME: &'static str = "VWAP";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::word("cumulative")];
    const VOLUME: bool = true;

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { cumulative: values.number(0) != 0.0 })
    }

    fn lookback(&self) -> u32 {
        0
    }

    fn layout(&self, layout: &mut Layout) {
        // Anchor, Σ (typical price − anchor) · volume, Σ volume.
        layout.number(Degree::PRICE);
        layout.number(Degree::NONE);
        layout.number(Degree::VOLUME);
        if !self.cumulative {
            layout.count(u32::MAX);
        }
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let (price, volume) = (typical_price(bar), larger(bar.volume?, 0.0));
        let [anchor, flow, volumes] = state.take();
        let mut begin = state.seen == 0;
        if !self.cumulative {
            let session = state.count();
            begin |= *session != bar.session;
            *session = bar.session;
        }
        if begin {
            (*anchor, *flow, *volumes) = (price, 0.0, 0.0);
        } else if price.abs() < 0.5 * anchor.abs() {
            // Rare: each time the anchor is halved at least.
            *flow += (*anchor - price) * *volumes;
            *anchor = price;
        }
        *flow += (price - *anchor) * volume;
        *volumes += volume;
        if *volumes <= 0.0 {
            return Some([if self.cumulative { 0.0 } else { price }]);
        }
        Some([*anchor + *flow / *volumes])
    }
}

/// (high + low + close) / 3.
#[inline(always)]
pub(crate) fn typical_price(bar: &Bar) -> f64 {
    (bar.high + bar.low + bar.close) / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{bars, check, flat, run};
    use proptest::prelude::*;

    /// Σ price · volume / Σ volume of these bars, if any was traded.
    fn naive(bars: &[Bar]) -> Option<f64> {
        let sums = bars.iter().fold((0.0, 0.0), |(flow, volumes), bar| {
            let (price, volume) = ((bar.high + bar.low + bar.close) / 3.0, bar.volume.unwrap());
            (flow + price * volume, volumes + volume)
        });
        (sums.1 > 0.0).then(|| sums.0 / sums.1)
    }

    proptest! {
        #[test]
        fn it_is_the_average_price_of_the_session(bars in bars()) {
            check("VWAP", &bars, |index| {
                let first = bars.iter().position(|bar| bar.session == bars[index].session)?;
                let bars = &bars[first..=index];
                let last = bars.last()?;
                Some([naive(bars).unwrap_or((last.high + last.low + last.close) / 3.0)])
            });
            check("VWAP(cumulative)", &bars, |index| Some([naive(&bars[..=index]).unwrap_or(0.0)]));
        }
    }

    fn bar(price: f64, volume: Option<f64>, session: u32) -> Bar {
        Bar { volume, session, ..flat(price) }
    }

    #[test]
    fn it_begins_anew_with_each_session_and_without_volume_at_the_price() {
        let bars = [
            bar(10.0, Some(0.0), 7),
            bar(11.0, Some(2.0), 7),
            bar(14.0, Some(1.0), 7),
            bar(15.0, None, 8),
            bar(16.0, Some(0.0), 8),
            bar(17.0, Some(-3.0), 8),
            bar(20.0, Some(5.0), 8),
            bar(30.0, Some(0.0), 8),
            bar(40.0, Some(5.0), 7),
        ];
        let expected = [10.0, 11.0, 12.0, f64::NAN, 16.0, 17.0, 20.0, 20.0, 40.0];
        assert_eq!(run("VWAP", &bars), expected.map(|value| Some(value).filter(|value| !value.is_nan())));
        let expected = [0.0, 11.0, 12.0, f64::NAN, 12.0, 12.0, 17.0, 17.0, 336.0 / 13.0];
        assert_eq!(run("VWAP(cumulative)", &bars), expected.map(|value| Some(value).filter(|value| !value.is_nan())));
    }

    #[test]
    fn a_misprint_in_the_first_bar_does_not_cost_accuracy() {
        let mut bars = vec![bar(1e9, Some(1.0), 0)];
        bars.extend((0..200_000).map(|index| bar(100.0 + f64::from(index % 16) / 16.0, Some(1e6), 0)));
        // All of them are sixteenths, so the sums of integers are exact.
        let mut sums = (0_i128, 0_i128);
        for (value, bar) in run("VWAP(cumulative)", &bars).into_iter().zip(&bars) {
            let volume = bar.volume.unwrap() as i128;
            sums = (sums.0 + (bar.close * 16.0) as i128 * volume, sums.1 + volume);
            let expected = sums.0 as f64 / sums.1 as f64 / 16.0;
            assert!((value.unwrap() - expected).abs() <= 1e-12 * expected, "{value:?} instead of {expected}");
        }
    }
}
