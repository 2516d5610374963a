//! Weighted moving average.

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
    window::{FAR, WINDOWS, mean},
};

/// The mean of the last `period` closes with weights that rise by one from bar to bar.
///
/// - Formula: Σ weight · close / Σ weight, with weight 1 for the oldest close of the window and `period` for
///   the latest.
/// - First value at index period − 1.
/// - Edges: a flat series gives exactly its price. A misprint is forgotten when it leaves the window.
/// - Source: [`TA_WMA`](https://ta-lib.org/functions/wma).
#[derive(Debug, Clone, PartialEq)]
pub struct Wma {
    mean: LinearMean,
}

impl Kernel<1> for Wma {
    const NAME: &'static str = "WMA";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 30)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { mean: LinearMean::new(values.period(0)) })
    }

    fn lookback(&self) -> u32 {
        self.mean.lookback()
    }

    fn layout(&self, layout: &mut Layout) {
        self.mean.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let seen = state.seen;
        Some([self.mean.push(state, seen, bar.close)?])
    }
}

/// The linearly weighted mean of the last so many values.
///
/// When the window moves on, each weight in it falls by one, so the weighted sum falls by the plain sum.
/// Both are sums of distances to an anchor near the values, and are made anew as those of
/// [`Mean`](crate::window::Mean): every 8 windows, and when a value leaves that was far from all others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LinearMean {
    period: u16,
    /// The weight of the latest value.
    weight: f64,
    /// 1 / sum of the weights.
    part: f64,
}

impl LinearMean {
    pub(crate) fn new(period: u16) -> Self {
        let weight = f64::from(period);
        Self { period, weight, part: 2.0 / (weight * (weight + 1.0)) }
    }

    /// How many values come before the first mean.
    pub(crate) fn lookback(&self) -> u32 {
        u32::from(self.period) - 1
    }

    pub(crate) fn layout(&self, layout: &mut Layout, degree: Degree) {
        if self.period == 1 {
            return;
        }
        layout.numbers(self.period, degree);
        layout.count(u32::from(self.period) - 1);
        // Anchor, Σ (value − anchor), Σ weight · (value − anchor).
        for _ in 0..3 {
            layout.number(degree);
        }
        layout.count(WINDOWS * u32::from(self.period));
    }

    /// Takes the next value, the first of which has the index 0; it pushes out the oldest one of a full window.
    #[inline(always)]
    pub(crate) fn push(&self, state: &mut State<'_>, index: u32, value: f64) -> Option<f64> {
        if self.period == 1 {
            return Some(value);
        }
        let (ring, at) = (state.list(self.period), state.count());
        let ([anchor, sum, weighted], rest) = (state.take(), state.count());
        let place = *at as usize;
        let gone = ring[place];
        ring[place] = value;
        *at = if place + 1 == ring.len() { 0 } else { *at + 1 };
        if index < u32::from(self.period) {
            if index == 0 {
                (*anchor, *rest) = (value, WINDOWS * u32::from(self.period));
            }
            let come = value - *anchor;
            *sum += come;
            *weighted += f64::from(index + 1) * come;
            return (index == self.lookback()).then_some(*anchor + *weighted * self.part);
        }
        let (come, gone) = (value - *anchor, gone - *anchor);
        *weighted += self.weight * come - *sum;
        *sum += come - gone;
        let mean = *anchor + *weighted * self.part;
        if *rest > 1 && gone.abs() <= FAR * mean.abs() {
            *rest -= 1;
            return Some(mean);
        }
        [*anchor, *sum, *weighted] = anew(ring, *at as usize);
        *rest = WINDOWS * u32::from(self.period);
        Some(*anchor + *weighted * self.part)
    }
}

/// Anchor and both sums, made from nothing but the ring and the place of its oldest value. The anchor is the mean.
#[cold]
fn anew(ring: &[f64], oldest: usize) -> [f64; 3] {
    let anchor = mean(ring, ring[oldest], 1.0 / ring.len() as f64);
    let (newer, older) = ring.split_at(oldest);
    let mut sums = [anchor, 0.0, 0.0];
    let mut weight = 0.0;
    for value in older.iter().chain(newer) {
        weight += 1.0;
        sums[1] += value - anchor;
        sums[2] += weight * (value - anchor);
    }
    sums
}

#[cfg(test)]
mod tests {
    use crate::check::{bars, check, closes, flat, linear, run};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_latest_close_has_the_greatest_weight(period in 2_u16..8, bars in bars()) {
            let means = linear(&closes(&bars), period);
            check(&format!("WMA({period})"), &bars, |index| Some([means[(index + 1).checked_sub(period.into())?]]));
        }
    }

    #[test]
    fn a_flat_series_gives_exactly_its_price() {
        let values = run("WMA(30)", &[flat(101.37); 1000]);
        assert!(values[29..].iter().all(|value| *value == Some(101.37)));
    }

    /// Prices as multiples of 2⁻⁴⁰, so that sums of whole numbers are exact.
    fn walk(bars: usize) -> Vec<i128> {
        let mut random = fastrand::Rng::with_seed(11);
        let mut price = 100_i128 << 40;
        let step = |_| {
            // The pull to 100 keeps the price positive.
            price += i128::from(random.i64(-(1 << 40)..1 << 40)) + ((100 << 40) - price) / 1000;
            price
        };
        (0..bars).map(step).collect()
    }

    /// The largest relative error against exact arithmetic from index `from` on.
    fn error(prices: &[i128], period: usize, from: usize) -> f64 {
        let unit = (1_i128 << 40) as f64;
        let bars: Vec<_> = prices.iter().map(|price| flat(*price as f64 / unit)).collect();
        let (mut sum, mut weighted, mut worst) = (0, 0, 0.0_f64);
        let weights = (period * (period + 1) / 2) as f64;
        for (index, value) in run(&format!("WMA({period})"), &bars).into_iter().enumerate() {
            weighted += prices[index] * period as i128 - sum;
            sum += prices[index] - index.checked_sub(period).map_or(0, |gone| prices[gone]);
            if let Some(value) = value
                && index >= from
            {
                let exact = weighted as f64 / weights / unit;
                worst = worst.max((value - exact).abs() / exact.abs());
            }
        }
        worst
    }

    #[test]
    fn it_does_not_drift_in_a_million_bars() {
        for (period, bars) in [(30, 1_000_000), (5, 100_000), (500, 100_000)] {
            let worst = error(&walk(bars), period, 0);
            assert!(worst <= 1e-13, "period {period}: {worst:e}");
        }
    }

    #[test]
    fn a_misprint_leaves_no_trace_once_it_has_left_the_window() {
        for misprint in [1_000_000_000_i128 << 40, 10_000 << 40, 1 << 10, -(1_000_000_000 << 40)] {
            for at in [5, 29, 30, 240, 500, 507] {
                let mut prices = walk(2_000);
                prices[at] = misprint;
                let worst = error(&prices, 30, at + 30);
                assert!(worst <= 1e-13, "{misprint} at {at}: {worst:e}");
            }
        }
    }
}
