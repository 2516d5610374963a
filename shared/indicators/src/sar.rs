//! Parabolic stop and reverse.

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// A stop that trails the price ever faster as long as the trend makes new extremes, and turns when it is hit.
///
/// - Formula: next sar = sar + factor · (extreme − sar), never beyond the lows (of a long trade; highs of
///   a short one) of this bar and the one before. The extreme is the highest high (lowest low) of the
///   trade. The factor starts at `acceleration` and grows by it with each new extreme, up to `maximum`.
/// - A bar that reaches the sar, if only just, turns the trade. The sar of this bar is then the extreme
///   of the old trade, or the high (low) of this bar or the one before, if that lies beyond.
/// - Seed: the first bar gives the first stop and nothing else. The trade is short if bar 1 reaches out
///   of bar 0 downwards and farther than upwards, and long otherwise. The sar of bar 1 is the low of bar
///   0 (high, if short), the extreme is the high (low) of bar 1.
/// - First value at index 1.
/// - Edges: a flat series turns at every bar and its sar is its price. An acceleration above the maximum
///   counts as the maximum. Both are 0 to 1: beyond 1 the stop would overshoot the extreme.
/// - TA-Lib fuses multiplication and addition, this does not, so the last bits of a sar differ. They
///   could turn a trade only where a bar misses the stop by as little.
/// - It forgets the begin not bit by bit but at a turn that any begin would have led to. It counts as
///   warm after 4 / acceleration bars, 200 by default: by then, 99 of 100 random walks have come to one.
/// - Source: [`TA_SAR`](https://ta-lib.org/functions/sar); J. Welles Wilder, New Concepts in Technical
///   Trading Systems, 1978, who does not say how to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Sar {
    acceleration: f64,
    maximum: f64,
}

impl Kernel<1> for Sar {
    const NAME: &'static str = "SAR";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::number("acceleration", 0.02, 0.0, 1.0), Parameter::number("maximum", 0.2, 0.0, 1.0)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        let (acceleration, maximum) = (values.number(0), values.number(1));
        Ok(Self { acceleration: acceleration.min(maximum), maximum })
    }

    fn lookback(&self) -> u32 {
        1
    }

    fn settling(&self) -> u32 {
        // One that does not accelerate has no measure.
        (4.0 / self.acceleration).ceil().min(10_000.0) as u32
    }

    fn layout(&self, layout: &mut Layout) {
        // The sar, the extreme, and the high and low of the bar before.
        layout.numbers(4, Degree::PRICE);
        // The acceleration factor.
        layout.number(Degree::NONE);
        // 1 in a short trade.
        layout.count(1);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let ([sar, extreme, high, low, factor], short) = (state.take(), state.count());
        let (mut last_high, mut last_low) = (*high, *low);
        (*high, *low) = (bar.high, bar.low);
        match state.seen {
            0 => return None,
            1 => {
                let (up, down) = (bar.high - last_high, last_low - bar.low);
                *short = (down > 0.0 && down > up).into();
                (*sar, *extreme) = if *short == 1 { (last_high, bar.low) } else { (last_low, bar.high) };
                *factor = self.acceleration;
                // Bar 0 bounds nothing.
                (last_high, last_low) = (bar.high, bar.low);
            }
            _ => {}
        }
        // A short trade is a long one upside down, and a change of sign is exact.
        let (sign, top, bottom, last_top, last_bottom) = if *short == 1 {
            (-1.0, -bar.low, -bar.high, -last_low, -last_high)
        } else {
            (1.0, bar.high, bar.low, last_high, last_low)
        };
        let mut stop = sign * *sar;
        let mut reached = sign * *extreme;
        let value;
        if bottom <= stop {
            value = reached.max(last_top).max(top);
            (*short, *factor, reached) = (1 - *short, self.acceleration, bottom);
            stop = (value + *factor * (reached - value)).max(last_top).max(top);
        } else {
            value = stop;
            if top > reached {
                (reached, *factor) = (top, (*factor + self.acceleration).min(self.maximum));
            }
            stop = (stop + *factor * (reached - stop)).min(last_bottom).min(bottom);
        }
        (*sar, *extreme) = (sign * stop, sign * reached);
        Some([sign * value])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Bar,
        check::{bars, check, flat, run},
    };
    use proptest::prelude::*;

    /// Wilder's rules as he writes them, long and short apart.
    fn naive(bars: &[Bar], acceleration: f64, maximum: f64) -> Vec<f64> {
        let [first, second, ..] = bars else { return Vec::new() };
        let (up, down) = (second.high - first.high, first.low - second.low);
        let mut long = down <= 0.0 || up >= down;
        let (mut sar, mut extreme) = if long { (first.low, second.high) } else { (first.high, second.low) };
        let mut factor = acceleration;
        let mut values = Vec::new();
        for index in 1..bars.len() {
            let (bar, before) = (bars[index], bars[if index == 1 { 1 } else { index - 1 }]);
            let (high, low) = (bar.high.max(before.high), bar.low.min(before.low));
            if if long { bar.low <= sar } else { bar.high >= sar } {
                sar = if long { extreme.max(high) } else { extreme.min(low) };
                (long, factor) = (!long, acceleration);
                extreme = if long { bar.high } else { bar.low };
                values.push(sar);
            } else {
                values.push(sar);
                if if long { bar.high > extreme } else { bar.low < extreme } {
                    extreme = if long { bar.high } else { bar.low };
                    factor = maximum.min(factor + acceleration);
                }
            }
            sar += factor * (extreme - sar);
            sar = if long { sar.min(low) } else { sar.max(high) };
        }
        values
    }

    proptest! {
        #[test]
        fn it_follows_the_rules_of_wilder(
            acceleration in prop_oneof![4 => 0.0..0.3, 1 => Just(0.02)],
            more in 0.0..0.5,
            bars in bars(),
        ) {
            let expected = naive(&bars, acceleration, acceleration + more);
            check(&format!("SAR({acceleration},{})", acceleration + more), &bars, |index| {
                Some([expected[index.checked_sub(1)?]])
            });
        }
    }

    #[test]
    fn it_begins_short_only_if_bar_1_reaches_out_farther_downwards() {
        let bar = |high, low| Bar { high, low, ..flat(low) };
        for (second, expected) in [
            (bar(11.0, 8.5), 8.5),
            (bar(12.0, 8.0), 12.0),
            (bar(10.5, 8.0), 11.0),
            (bar(10.5, 9.5), 9.0),
            (bar(13.0, 8.5), 13.0),
        ] {
            let values = run("SAR", &[bar(11.0, 9.0), second]);
            assert_eq!(values, [None, Some(expected)], "{second:?}");
        }
    }

    #[test]
    fn an_acceleration_above_the_maximum_is_the_maximum() {
        let bars: Vec<Bar> = (0..50).map(|index| flat(f64::from(index * 37 % 11))).collect();
        assert_eq!(run("SAR(0.5,0.1)", &bars), run("SAR(0.1,0.1)", &bars));
    }
}
