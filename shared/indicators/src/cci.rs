//! Commodity channel index.

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// Lambert's constant, by which most values lie between −100 and 100.
const SCALE: f64 = 0.015;
/// Up to which part of the mean a distance counts as none.
const NONE: f64 = 1e-14;

/// How many mean deviations the typical price lies from its mean.
///
/// - Formula: (typical − mean) / (0.015 · mean deviation) with the typical price (high + low + close) / 3.
///   The mean is that of the last `period` typical prices, the mean deviation that of their absolute
///   distances from this mean.
/// - First value at index period − 1.
/// - Edges: zero where the distance or the mean deviation is no more than 1e-14 of the mean, as it is in
///   a flat window.
/// - Cost: proportional to the period, since no sum of absolute distances from a mean that moves can be
///   carried on.
/// - Source: [`TA_CCI`](https://ta-lib.org/functions/cci); Donald R. Lambert, Commodity Channel Index:
///   Tool for Trading Cyclic Trends, Commodities, October 1980.
#[derive(Debug, Clone, PartialEq)]
pub struct Cci {
    period: u16,
    /// 1 / period.
    part: f64,
}

impl Cci {
    /// The value for a typical price and those of the period − 1 bars before it, in any order.
    #[inline(always)]
    fn index(&self, before: &[f64], typical: f64) -> f64 {
        // Measured from the newest price, distances are as exact as the prices, and none in a flat window.
        let above = sum(before, |one| one - typical) * self.part;
        let deviation = (sum(before, |one| (one - typical - above).abs()) + above.abs()) * self.part;
        let (none, scaled) = (NONE * (typical + above).abs(), SCALE * deviation);
        if above.abs() <= none || deviation <= none || scaled == 0.0 { 0.0 } else { -above / scaled }
    }
}

/// The sum of a function of each value, in four lanes: an addition has to wait for the one before it.
#[inline(always)]
fn sum(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let (blocks, rest) = values.as_chunks::<4>();
    let mut lanes = [0.0; 4];
    for block in blocks {
        for (lane, value) in lanes.iter_mut().zip(block) {
            *lane += of(*value);
        }
    }
    let [first, second, third, fourth] = lanes;
    rest.iter().fold((first + second) + (third + fourth), |sum, value| sum + of(*value))
}

impl Kernel<1> for Cci {
    const NAME: &'static str = "CCI";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 14)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        let period = values.period(0);
        Ok(Self { period, part: 1.0 / f64::from(period) })
    }

    fn lookback(&self) -> u32 {
        u32::from(self.period) - 1
    }

    fn layout(&self, layout: &mut Layout) {
        layout.numbers(self.period - 1, Degree::PRICE);
        layout.count(u32::from(self.period) - 2);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let typical = (bar.high + bar.low + bar.close) / 3.0;
        let (before, at) = (state.list(self.period - 1), state.count());
        // The newest price is stored last, or loading it back would have to wait for the store.
        let value = (state.seen >= self.lookback()).then(|| [self.index(before, typical)]);
        let place = *at as usize;
        before[place] = typical;
        *at = if place + 1 == before.len() { 0 } else { *at + 1 };
        value
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, flat, run};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_distance_in_mean_deviations(period in 2_u16..20, bars in bars()) {
            let n = usize::from(period);
            check(&format!("CCI({period})"), &bars, |index| {
                let window = &bars[(index + 1).checked_sub(n)?..=index];
                let typical: Vec<f64> = window.iter().map(|bar| (bar.high + bar.low + bar.close) / 3.0).collect();
                // From the first price on, or the rounding of the mean is most of what is left of prices that nearly agree.
                let distances: Vec<f64> = typical.iter().map(|one| one - typical[0]).collect();
                let mean = distances.iter().sum::<f64>() / n as f64;
                let deviation = distances.iter().map(|one| (one - mean).abs()).sum::<f64>() / n as f64;
                let distance = distances[n - 1] - mean;
                let none = 1e-14 * (typical[0] + mean);
                Some([if distance.abs() <= none || deviation <= none { 0.0 } else { distance / (0.015 * deviation) }])
            });
        }
    }

    #[test]
    fn it_is_zero_in_a_flat_window_whatever_was_before() {
        for price in [101.37, 1e-8, 3e37, -0.1, 0.0, 1e-320] {
            let mut bars = vec![flat(7.0), flat(1e9), flat(-3e37)];
            bars.extend([flat(price); 20]);
            let values = run("CCI(7)", &bars);
            assert!(values[8].unwrap().abs() > 10.0 || price == 3e37, "{values:?}");
            assert_eq!(values[9..], [Some(0.0); 14], "{price}");
        }
    }

    #[test]
    fn prices_that_differ_in_their_last_bits_only_are_flat() {
        let flicker: Vec<_> = (0..40).map(|index| flat(100.0 + f64::from(index % 3 % 2) * 2e-14)).collect();
        assert_eq!(run("CCI(7)", &flicker)[6..], [Some(0.0); 34]);
        // The last one lies farther away than 1e-14 of the mean, but the mean deviation is less.
        let last = [vec![flat(100.0); 19], vec![flat(100.0 + 3e-12)]].concat();
        assert_eq!(run("CCI(20)", &last)[19], Some(0.0));
    }
}
