//! The last so many values, with their mean and variance.

use std::mem;

use crate::{
    layout::{Degree, Layout, State},
    order::larger,
};

/// After how many windows the sums are made anew.
pub(crate) const WINDOWS: u32 = 8;
/// Below which part of its peak a variance counts as lost in the rounding errors of its sum.
const COLLAPSE: f64 = 1e-4;
/// How many times the mean a value lies away that leaves more behind than rounding errors.
pub(crate) const FAR: f64 = 64.0;
/// Up to which period a mean is summed up each time, which is as fast and needs no sum that could drift. Only
/// the values before the last are then kept.
const SHORT: u16 = 4;

/// The mean of the last so many values.
///
/// A running sum gathers rounding errors, and one misprint of 1e9 would leave its error in it for good.
/// So it is a sum of distances to an anchor near the values, and is made anew from the ring every 8
/// windows, and when a value leaves that was far from all others. Both depend on nothing but the values, so
/// the schedule is the same for whoever sees them. TA-Lib keeps the sum of its SMA.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mean {
    period: u16,
    /// 1 / period.
    part: f64,
}

impl Mean {
    pub(crate) fn new(period: u16) -> Self {
        Self { period, part: 1.0 / f64::from(period) }
    }

    /// How many values come before the first mean.
    pub(crate) fn lookback(&self) -> u32 {
        u32::from(self.period) - 1
    }

    pub(crate) fn layout(&self, layout: &mut Layout, degree: Degree) {
        if self.period <= SHORT {
            layout.numbers(self.period - 1, degree);
            return;
        }
        layout.numbers(self.period, degree);
        layout.numbers(2, degree);
        layout.count(u32::from(self.period) - 1);
        layout.count(WINDOWS * u32::from(self.period));
    }

    /// Takes the next value, the first of which has the index 0; it pushes out the oldest one of a full window.
    #[inline(always)]
    pub(crate) fn push(&self, state: &mut State<'_>, index: u32, value: f64) -> Option<f64> {
        let full = index >= self.lookback();
        if self.period <= SHORT {
            let mean = self.short(state.list(self.period - 1), value);
            return full.then_some(mean);
        }
        let (ring, [anchor, sum], [at, rest]) = (state.list(self.period), state.take(), state.take_counts());
        if index == 0 {
            (*anchor, *rest) = (value, WINDOWS * u32::from(self.period));
            ring.fill(value);
        }
        let gone = turn(ring, at, value) - *anchor;
        *sum = *sum + (value - *anchor) - gone;
        let far = gone.abs() > FAR * (*anchor + *sum * self.part).abs();
        if *rest <= 1 || far {
            self.anew(ring, value, anchor, sum);
            *rest = WINDOWS * u32::from(self.period);
        } else {
            *rest -= 1;
        }
        full.then_some(*anchor + *sum * self.part)
    }

    /// Makes the sum from nothing. The anchor is the mean.
    #[cold]
    #[inline(never)]
    fn anew(&self, ring: &[f64], value: f64, anchor: &mut f64, sum: &mut f64) {
        *anchor = mean(ring, value, self.part);
        *sum = ring.iter().map(|one| one - *anchor).sum();
    }

    /// The mean of a value and those before it, which move up by one. Written out for what is in use.
    #[inline(always)]
    fn short(&self, before: &mut [f64], value: f64) -> f64 {
        let distances = match before {
            [] => 0.0,
            [one] => mem::replace(one, value) - value,
            [one, two] => {
                let distances = (*one - value) + (*two - value);
                (*one, *two) = (*two, value);
                distances
            }
            more => {
                let distances = more.iter().map(|one| one - value).sum();
                more.iter_mut().rev().fold(value, |come, one| mem::replace(one, come));
                distances
            }
        };
        value + distances * self.part
    }
}

/// Puts a value into a ring, whose next place this is, and takes out what was there.
///
/// A ring is filled with its first value, so that what comes out of it before it is full has no distance to the anchor.
#[inline(always)]
fn turn(ring: &mut [f64], at: &mut u32, value: f64) -> f64 {
    let next = *at + 1;
    let gone = mem::replace(&mut ring[*at as usize], value);
    *at = if next as usize == ring.len() { 0 } else { next };
    gone
}

/// The mean by distances to one of the values, which may be missing in the list: equal values have exactly
/// themselves as mean.
pub(crate) fn mean(ring: &[f64], value: f64, part: f64) -> f64 {
    value + ring.iter().map(|one| one - value).sum::<f64>() * part
}

/// Mean and population variance of a full window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

/// Mean and variance of the last so many values.
///
/// As for the [`Mean`], sums of distances are made anew from time to time; besides as soon as the variance
/// falls under 1e-4 of its peak since the last time, as it does when a misprint leaves the window. Both
/// depend on nothing but the values, so the schedule is the same for whoever sees them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Window {
    period: u16,
    /// 1 / period.
    part: f64,
}

impl Window {
    pub(crate) fn new(period: u16) -> Self {
        Self { period, part: 1.0 / f64::from(period) }
    }

    /// How many values come before the first moments.
    pub(crate) fn lookback(&self) -> u32 {
        u32::from(self.period) - 1
    }

    /// The degree is that of the values; it must be that of a price.
    pub(crate) fn layout(&self, layout: &mut Layout) {
        layout.numbers(self.period, Degree::PRICE);
        // Anchor, Σ (value − anchor), Σ (value − anchor)², and the largest of the latter since they were made anew.
        layout.number(Degree::PRICE);
        layout.number(Degree::PRICE);
        layout.number(Degree::PRICE_SQUARED);
        layout.number(Degree::PRICE_SQUARED);
        layout.count(u32::from(self.period) - 1);
        layout.count(WINDOWS * u32::from(self.period));
    }

    /// Takes the next value, the first of which has the index 0; it pushes out the oldest one of a full window.
    #[inline(always)]
    pub(crate) fn push(&self, state: &mut State<'_>, index: u32, value: f64) -> Option<Moments> {
        let ring = state.list(self.period);
        let ([anchor, sum, squares, peak], [at, rest]) = (state.take(), state.take_counts());
        if index == 0 {
            (*anchor, *rest) = (value, WINDOWS * u32::from(self.period));
            ring.fill(value);
        }
        let (come, gone) = (value - *anchor, turn(ring, at, value) - *anchor);
        *sum = *sum + come - gone;
        *squares = *squares + come * come - gone * gone;
        *peak = larger(*squares, *peak);
        let over = *rest <= 1;
        *rest = rest.saturating_sub(1);
        if index < self.lookback() {
            return None;
        }
        let moments = self.moments(*anchor, *sum, *squares);
        if !over && moments.variance >= COLLAPSE * *peak * self.part {
            return Some(moments);
        }
        self.anew(ring, value, [anchor, sum, squares, peak]);
        *rest = WINDOWS * u32::from(self.period);
        Some(self.moments(*anchor, *sum, *squares))
    }

    /// Makes the sums from nothing. The anchor is the mean.
    #[cold]
    #[inline(never)]
    fn anew(&self, ring: &[f64], value: f64, [anchor, sum, squares, peak]: [&mut f64; 4]) {
        *anchor = mean(ring, value, self.part);
        (*sum, *squares) = ring
            .iter()
            .map(|one| one - *anchor)
            .fold((0.0, 0.0), |(sum, squares), distance| (sum + distance, squares + distance * distance));
        *peak = *squares;
    }

    #[inline(always)]
    fn moments(&self, anchor: f64, sum: f64, squares: f64) -> Moments {
        let distance = sum * self.part;
        // Rounding may carry a variance of nearly nothing under zero.
        Moments { mean: anchor + distance, variance: larger(squares * self.part - distance * distance, 0.0) }
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

    /// What comes out after each value.
    fn moments(values: &[f64], period: u16) -> Vec<Option<Moments>> {
        let (window, mean) = (Window::new(period), Mean::new(period));
        let (mut layout, mut means) = (Layout::default(), Layout::default());
        window.layout(&mut layout);
        mean.layout(&mut means, Degree::PRICE);
        let (mut numbers, mut counts) = (vec![0.0; layout.degrees.len()], vec![0; layout.counts.len()]);
        let (mut mean_numbers, mut mean_counts) = (vec![0.0; means.degrees.len()], vec![0; means.counts.len()]);
        let step = |(index, value): (usize, &f64)| {
            let mut state = State { seen: 0, numbers: &mut numbers, counts: &mut counts };
            let moments = window.push(&mut state, index as u32, *value);
            let mut state = State { seen: 0, numbers: &mut mean_numbers, counts: &mut mean_counts };
            let mean = mean.push(&mut state, index as u32, *value);
            assert_eq!(moments.is_some(), mean.is_some());
            moments
        };
        values.iter().enumerate().map(step).collect()
    }

    /// The largest relative errors of mean and standard deviation, from index `from` on.
    fn errors(values: &[f64], period: u16, from: usize) -> (f64, f64) {
        let mut worst = (0.0_f64, 0.0_f64);
        for (index, moments) in moments(values, period).into_iter().enumerate() {
            let Some(moments) = moments else { continue };
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
        for (index, moments) in moments(&values, 20).into_iter().enumerate() {
            if index >= 1_019 {
                assert_eq!(moments, Some(Moments { mean: 101.37, variance: 0.0 }), "bar {index}");
            }
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
