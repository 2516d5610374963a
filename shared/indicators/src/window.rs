//! The last so many values, with their mean and variance.

use crate::state::{Reader, StateError, Writer};

/// After how many windows the sums are made anew.
const WINDOWS: u16 = 8;
/// Below which part of its peak a variance counts as lost in the rounding errors of its sum.
const COLLAPSE: f64 = 1e-4;

/// Mean and population variance of a full window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

/// A ring of values and running sums over it.
///
/// Running sums gather rounding errors, and one misprint of 1e9 would leave its error in them for
/// good. So they are sums of distances to an anchor near the values, and are made anew from the ring
/// every 8 windows, or as soon as the variance falls under 1e-4 of its peak since the last time, as
/// it does when a misprint leaves the window. Both depend on nothing but the values, so the schedule
/// is the same for whoever sees them. TA-Lib does so for the variance, but keeps the sum of its SMA.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    ring: Ring,
    sums: Sums,
}

#[derive(Debug, Clone, PartialEq)]
struct Ring {
    /// As many as the period; those that were not filled yet are zero.
    values: Box<[f64]>,
    /// How many are filled.
    filled: usize,
    /// Where the next value goes: the oldest one's place once the ring is full.
    next: usize,
    /// 1 / period.
    part: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Sums {
    anchor: f64,
    /// Σ (value − anchor).
    sum: f64,
    /// Σ (value − anchor)².
    squares: f64,
    /// The largest `squares` since the sums were made anew.
    peak: f64,
    /// How many more values are pushed before the sums are made anew.
    rest: u16,
}

impl Window {
    pub(crate) fn new(period: u16) -> Self {
        let values = vec![0.0; usize::from(period)].into();
        Self {
            ring: Ring { values, filled: 0, next: 0, part: 1.0 / f64::from(period) },
            sums: Sums { anchor: 0.0, sum: 0.0, squares: 0.0, peak: 0.0, rest: WINDOWS * period },
        }
    }

    pub(crate) fn period(&self) -> u16 {
        self.ring.period()
    }

    /// Takes the next value, which pushes out the oldest one of a full window.
    pub(crate) fn push(&mut self, value: f64) -> Option<Moments> {
        let moments = self.ring.add(value, &mut self.sums);
        self.ring.push(value);
        moments
    }

    /// What [`push`](Self::push) would give.
    pub(crate) fn peek(&self, value: f64) -> Option<Moments> {
        self.ring.add(value, &mut self.sums.clone())
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        for value in &self.ring.values[..self.ring.filled] {
            writer.f64(*value);
        }
        if self.ring.filled > 0 {
            writer.f64(self.sums.anchor);
            writer.f64(self.sums.sum);
            writer.f64(self.sums.squares);
            writer.f64(self.sums.peak);
            writer.u16(self.sums.rest);
        }
    }

    /// The window of that period, as it was written after so many values.
    pub(crate) fn decode(reader: &mut Reader<'_>, period: u16, values: u64) -> Result<Self, StateError> {
        let Self { mut ring, mut sums } = Self::new(period);
        ring.filled = values.min(u64::from(period)) as usize;
        ring.next = (values % u64::from(period)) as usize;
        for slot in &mut ring.values[..ring.filled] {
            *slot = reader.f64("a value in a window")?;
        }
        if ring.filled > 0 {
            let all = sums.rest;
            sums = Sums {
                anchor: reader.f64("the anchor of a window")?,
                sum: reader.f64("the sum of a window")?,
                squares: reader.f64("the sum of squares of a window")?,
                peak: reader.f64("the largest sum of squares of a window")?,
                rest: reader.u16("the time left to the sums of a window")?,
            };
            // Nothing is made anew before the window is full, and then never later than when the time is over.
            let least = u64::from(all).saturating_sub(values).max(1);
            let most = if ring.filled < ring.values.len() { least } else { all.into() };
            let (what, value) = ("the time left to the sums of a window", u64::from(sums.rest));
            if !(least..=most).contains(&value) {
                return Err(StateError::Impossible { what, value, least, most });
            }
        }
        Ok(Self { ring, sums })
    }
}

impl Ring {
    fn period(&self) -> u16 {
        // It was made from an u16.
        self.values.len() as u16
    }

    fn push(&mut self, value: f64) {
        self.values[self.next] = value;
        self.filled = (self.filled + 1).min(self.values.len());
        self.next = if self.next + 1 == self.values.len() { 0 } else { self.next + 1 };
    }

    /// Adds a value, which is not in the ring yet, to the sums over it; gives the moments if the ring is full with it.
    fn add(&self, value: f64, sums: &mut Sums) -> Option<Moments> {
        if self.filled == 0 {
            sums.anchor = value;
        }
        let come = value - sums.anchor;
        let (mut sum, mut squares) = (sums.sum + come, sums.squares + come * come);
        if self.filled == self.values.len() {
            let gone = self.values[self.next] - sums.anchor;
            sum -= gone;
            squares -= gone * gone;
        }
        sums.sum = sum;
        sums.squares = squares;
        sums.peak = sums.peak.max(squares);
        sums.rest -= 1;
        if self.filled + 1 < self.values.len() {
            return None;
        }
        let moments = sums.moments(self.part);
        if sums.rest > 0 && moments.variance >= COLLAPSE * sums.peak * self.part {
            return Some(moments);
        }
        self.anew(value, sums);
        Some(sums.moments(self.part))
    }

    /// Makes the sums from nothing, over the ring with the value in it. The anchor is the mean.
    #[cold]
    fn anew(&self, value: f64, sums: &mut Sums) {
        let (before, after) = (&self.values[..self.next], &self.values[self.next + 1..]);
        let values = || before.iter().chain([&value]).chain(after);
        // Distances to one of the values: equal values have exactly themselves as mean, and variance zero.
        let anchor = value + values().map(|one| one - value).sum::<f64>() * self.part;
        let (sum, squares) = values()
            .map(|one| one - anchor)
            .fold((0.0, 0.0), |(sum, squares), distance| (sum + distance, squares + distance * distance));
        *sums = Sums { anchor, sum, squares, peak: squares, rest: WINDOWS * self.period() };
    }
}

impl Sums {
    /// The moments of a full window, each value of which is this part of it.
    fn moments(&self, part: f64) -> Moments {
        let distance = self.sum * part;
        // Rounding may carry a variance of nearly nothing under zero.
        Moments { mean: self.anchor + distance, variance: (self.squares * part - distance * distance).max(0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two passes over distances to the first value, which is exact enough for any level.
    fn naive(values: &[f64]) -> Moments {
        let (first, n) = (values[0], values.len() as f64);
        let distances: Vec<f64> = values.iter().map(|value| value - first).collect();
        let mean = distances.iter().sum::<f64>() / n;
        let variance = distances.iter().map(|distance| (distance - mean).powi(2)).sum::<f64>() / n;
        Moments { mean: first + mean, variance }
    }

    /// The largest relative errors of mean and standard deviation, from index `from` on.
    fn errors(values: &[f64], period: u16, from: usize) -> (f64, f64) {
        let mut window = Window::new(period);
        let mut worst = (0.0_f64, 0.0_f64);
        for (index, value) in values.iter().enumerate() {
            let Some(moments) = window.push(*value) else { continue };
            if index < from {
                continue;
            }
            let expected = naive(&values[index + 1 - usize::from(period)..=index]);
            let (deviation, exact) = (moments.variance.sqrt(), expected.variance.sqrt());
            worst.0 = worst.0.max((moments.mean - expected.mean).abs() / expected.mean.abs());
            // Where nothing moves there is no scale but the price.
            let scale = exact.max(1e-8 * expected.mean.abs());
            worst.1 = worst.1.max((deviation - exact).abs() / scale);
        }
        worst
    }

    fn walk(seed: u64, bars: usize, level: f64, step: f64) -> Vec<f64> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut price = level;
        (0..bars)
            .map(|_| {
                price += step * (random.f64() - 0.5);
                price
            })
            .collect()
    }

    #[test]
    fn deviations_stay_accurate_at_high_levels_with_small_moves() {
        for (level, step) in [(100.0, 1.0), (1e5, 0.01), (1e5, 100.0), (1e-8, 1e-10)] {
            let (mean, deviation) = errors(&walk(7, 200_000, level, step), 20, 0);
            assert!(mean <= 1e-13, "mean at {level}, step {step}: {mean:e}");
            assert!(deviation <= 1e-11, "deviation at {level}, step {step}: {deviation:e}");
        }
    }

    #[test]
    fn a_misprint_leaves_no_trace_once_it_has_left_the_window() {
        for misprint in [1e9, 1e12, 1e4, -1e9, 1e-9] {
            for at in [5, 19, 20, 500, 507] {
                let mut values = walk(3, 2_000, 100.0, 1.0);
                values[at] = misprint;
                let (mean, deviation) = errors(&values, 20, at + 20);
                assert!(mean <= 1e-13 && deviation <= 1e-11, "{misprint} at {at}: {mean:e} {deviation:e}");
            }
        }
    }

    #[test]
    fn a_flat_window_has_exactly_its_price_and_no_variance() {
        let mut values = walk(5, 1_000, 100.0, 1.0);
        values.extend([101.37; 300]);
        let mut window = Window::new(20);
        for (index, value) in values.iter().enumerate() {
            let moments = window.push(*value);
            if index >= 1_019 {
                assert_eq!(moments, Some(Moments { mean: 101.37, variance: 0.0 }), "bar {index}");
            }
        }
    }

    #[test]
    fn the_time_left_to_sums_is_bounded() {
        let mut window = Window::new(3);
        for value in 0..100 {
            window.push(f64::from(value));
        }
        for (rest, good) in [(0, false), (1, true), (24, true), (25, false), (u16::MAX, false)] {
            window.sums.rest = rest;
            let mut bytes = Vec::new();
            let mut writer = Writer::begin(&mut bytes);
            window.encode(&mut writer);
            writer.seal();
            let read = Window::decode(&mut crate::state::open(&bytes).unwrap(), 3, 100);
            assert_eq!(read.is_ok(), good, "{read:?}");
            assert!(good || matches!(read, Err(StateError::Impossible { least: 1, most: 24, .. })));
        }
    }

    proptest! {
        #[test]
        fn moments_are_those_of_the_window(
            period in 2_u16..12,
            values in prop::collection::vec(prop_oneof![4 => 90.0..110.0, 1 => Just(100.0), 1 => -1e6..1e6], 0..300),
        ) {
            let (mean, deviation) = errors(&values.iter().map(|value| value + 1e7).collect::<Vec<_>>(), period, 0);
            prop_assert!(mean <= 1e-13 && deviation <= 1e-9, "{mean:e} {deviation:e}");
        }
    }
}
