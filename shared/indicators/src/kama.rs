//! Kaufman's adaptive moving average.

use std::mem;

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    order::larger,
    parameter::{Conflict, Parameter, Values},
    window::WINDOWS,
};

/// The weight of an EMA of 2 bars.
const FAST: f64 = 2.0 / 3.0;
/// The weight of an EMA of 30 bars.
const SLOW: f64 = 2.0 / 31.0;
/// Below which part of its peak a distance counts as lost in the rounding errors of its sum.
const COLLAPSE: f64 = 1.0 / 64.0;

/// An exponential average that follows a trend fast and stands still in noise.
///
/// - Formula: kama += weight · (close − kama), with weight = (efficiency · (2/3 − 2/31) + 2/31)² and
///   efficiency = how far the close came in `period` bars / Σ of its distances from bar to bar.
/// - Seed: the close of bar `period` − 1.
/// - First value at index `period`.
/// - Edges: a window in which nothing moved counts as wholly efficient, as in TA-Lib. The sum is made anew
///   from the closes every 8 windows and when little of it is left, so no rounding error of earlier
///   prices is taken for a distance.
/// - Warm after the 1,657 bars that leave a thousandth of the seed at the slowest pace; mostly it is gone long before.
/// - Source: [`TA_KAMA`](https://ta-lib.org/functions/kama); P. Kaufman, Smarter Trading, 1995.
#[derive(Debug, Clone, PartialEq)]
pub struct Kama {
    period: u16,
}

impl Kernel<1> for Kama {
    const NAME: &'static str = "KAMA";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 30)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { period: values.period(0) })
    }

    fn lookback(&self) -> u32 {
        self.period.into()
    }

    fn settling(&self) -> u32 {
        // The bars in which (1 - SLOW²) shrinks something to a thousandth.
        1_657
    }

    fn layout(&self, layout: &mut Layout) {
        layout.numbers(self.period, Degree::PRICE);
        layout.count(u32::from(self.period) - 1);
        // The last close, the close before those in the ring, the way, its peak since it was made anew, the average.
        for _ in 0..5 {
            layout.number(Degree::PRICE);
        }
        layout.count(WINDOWS * u32::from(self.period));
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let (seen, period, close) = (state.seen, u32::from(self.period), bar.close);
        let (ring, at) = (state.list(self.period), state.count());
        let ([last, before, way, peak, kama], rest) = (state.take(), state.count());
        let place = *at as usize;
        let start = mem::replace(&mut ring[place], close);
        *at = if place + 1 == ring.len() { 0 } else { *at + 1 };
        let last = mem::replace(last, close);
        if seen < period {
            if seen > 0 {
                *way += (close - last).abs();
            }
            (*peak, *kama, *rest) = (*way, close, WINDOWS * period);
            return None;
        }
        *way += (close - last).abs();
        if seen > period {
            *way -= (start - *before).abs();
        }
        *before = start;
        *peak = larger(*way, *peak);
        if *rest > 1 && *way >= COLLAPSE * *peak {
            *rest -= 1;
        } else {
            *way = anew(ring, *at as usize, start);
            (*peak, *rest) = (*way, WINDOWS * period);
        }
        let distance = (close - start).abs();
        // Rounding may carry the way under the distance.
        let efficiency = if *way > distance { distance / *way } else { 1.0 };
        let weight = efficiency * (FAST - SLOW) + SLOW;
        *kama += weight * weight * (close - *kama);
        Some([*kama])
    }
}

/// The way from `start` through the closes of the ring, made from nothing but those.
#[cold]
fn anew(ring: &[f64], oldest: usize, start: f64) -> f64 {
    let (newer, older) = ring.split_at(oldest);
    let (mut way, mut last) = (0.0, start);
    for close in older.iter().chain(newer) {
        way += (close - last).abs();
        last = *close;
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{bars, check, closes, flat, run};
    use proptest::prelude::*;

    /// All values, the first of which belongs to index `period`.
    fn naive(closes: &[f64], period: usize) -> Vec<f64> {
        let mut kama = closes.get(period - 1).copied().unwrap_or(f64::NAN);
        let step = |window: &[f64]| {
            let distance = (window[period] - window[0]).abs();
            let way: f64 = window.windows(2).map(|two| (two[1] - two[0]).abs()).sum();
            let efficiency = if way == 0.0 { 1.0 } else { (distance / way).min(1.0) };
            kama += (efficiency * (2.0 / 3.0 - 2.0 / 31.0) + 2.0 / 31.0).powi(2) * (window[period] - kama);
            kama
        };
        closes.windows(period + 1).map(step).collect()
    }

    proptest! {
        #[test]
        fn its_pace_is_that_of_the_efficiency(period in 2_u16..8, bars in bars()) {
            let period = usize::from(period);
            let values = naive(&closes(&bars), period);
            check(&format!("KAMA({period})"), &bars, |index| Some([values[index.checked_sub(period)?]]));
        }
    }

    #[test]
    fn a_flat_window_is_wholly_efficient_after_a_misprint_too() {
        let mut random = fastrand::Rng::with_seed(9);
        let mut prices: Vec<f64> = (0..300).map(|_| 100.0 + random.f64()).collect();
        prices[150] = 1e9;
        prices.extend([103.37; 100]);
        let bars: Vec<_> = prices.iter().map(|price| flat(*price)).collect();
        let (values, expected) = (run("KAMA(10)", &bars), naive(&prices, 10));
        assert_eq!(expected.len(), 390);
        for (index, (value, expected)) in values[10..].iter().zip(expected).enumerate() {
            let value = value.unwrap();
            assert!((value - expected).abs() <= 1e-12 * expected, "{value} instead of {expected} at {index}");
        }
    }

    #[test]
    fn it_settles_at_the_slowest_pace_in_the_time_it_says() {
        let settling = "KAMA(30)".parse::<crate::Indicators>().unwrap().iter().next().unwrap().warm_up() - 30;
        let left = |bars: u32| (1.0 - SLOW * SLOW).powi(bars as i32);
        assert!(left(settling) <= 1e-3 && left(settling - 1) > 1e-3, "{}", left(settling));
    }
}
