//! Parts and wholes, summed up over windows of several lengths.

use crate::{
    layout::{Degree, Layout, State},
    order::larger,
};

/// After how many of the longest windows the sums are made anew.
const WINDOWS: u32 = 8;
/// Below which part of its peak a sum counts as lost in its rounding errors.
const COLLAPSE: f64 = 1e-4;

/// Σ part / Σ whole over the last so many pairs, for `N` windows at once. Wholes are never negative.
///
/// Running sums, made anew from the pairs every 8 windows, and when the wholes of a window fall under 1e-4
/// of their peak since the last time, as they do when a misprint leaves it. Both depend on nothing but the
/// pairs. So a window of nothing has sums of exactly zero, never what rounding has left in them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shares<const N: usize> {
    periods: [u16; N],
    longest: u16,
}

/// Of one window: Σ part, Σ whole, and the largest of the latter since they were made anew.
type Sums = [f64; 3];

impl<const N: usize> Shares<N> {
    pub(crate) fn new(periods: [u16; N]) -> Self {
        Self { periods, longest: periods.into_iter().max().unwrap_or(1) }
    }

    /// The longest of the windows.
    pub(crate) fn longest(&self) -> u16 {
        self.longest
    }

    pub(crate) fn layout(&self, layout: &mut Layout, degree: Degree) {
        layout.numbers(2 * self.longest, degree);
        self.periods.iter().for_each(|_| layout.numbers(3, degree));
        layout.count(u32::from(self.longest) - 1);
        layout.count(WINDOWS * u32::from(self.longest));
    }

    /// Takes the next pair. What comes out is the share in each window, 0 to 1, and 0 of nothing.
    #[inline(always)]
    pub(crate) fn push(&self, state: &mut State<'_>, part: f64, whole: f64) -> [f64; N] {
        let (parts, wholes) = (state.list(self.longest), state.list(self.longest));
        let mut sums: [&mut Sums; N] = self.periods.map(|_| state.take());
        let (at, rest) = (state.count(), state.count());
        let (place, length) = (*at as usize, parts.len());
        let mut lost = *rest <= 1;
        for ([part_sum, whole_sum, peak], period) in sums.iter_mut().zip(self.periods) {
            // Slots that were not written yet hold nothing, and nothing leaves.
            let oldest = place + length - usize::from(period);
            let oldest = if oldest < length { oldest } else { oldest - length };
            *part_sum += part - parts[oldest];
            *whole_sum += whole - wholes[oldest];
            *peak = larger(*whole_sum, *peak);
            lost |= *whole_sum < COLLAPSE * *peak;
        }
        (parts[place], wholes[place]) = (part, whole);
        *at = if place + 1 == length { 0 } else { *at + 1 };
        if lost {
            *rest = WINDOWS * u32::from(self.longest);
            for (sums, period) in sums.iter_mut().zip(self.periods) {
                **sums = anew(parts, wholes, place, period);
            }
        } else {
            *rest -= 1;
        }
        sums.map(|[part, whole, _]| share(*part, *whole))
    }
}

/// The sums of the `period` pairs that end at a place of the rings.
#[cold]
fn anew(parts: &[f64], wholes: &[f64], place: usize, period: u16) -> Sums {
    let sum = |ring: &[f64]| {
        let (new, old) = ring.split_at(place + 1);
        new.iter().rev().chain(old.iter().rev()).take(period.into()).sum()
    };
    let whole = sum(wholes);
    [sum(parts), whole, whole]
}

/// Within its bounds, even if a bar's close lies outside of its high and low.
#[inline(always)]
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The shares after each pair.
    fn shares<const N: usize>(periods: [u16; N], pairs: &[(f64, f64)]) -> Vec<[f64; N]> {
        let shares = Shares::new(periods);
        let mut layout = Layout::default();
        shares.layout(&mut layout, Degree::NONE);
        let (mut numbers, mut counts) = (vec![0.0; layout.degrees.len()], vec![0; layout.counts.len()]);
        let step = |(part, whole): &(f64, f64)| {
            let mut state = State { seen: 0, numbers: &mut numbers, counts: &mut counts };
            let shares = shares.push(&mut state, *part, *whole);
            assert!(counts.iter().zip(&layout.counts).all(|(count, most)| count <= most));
            shares
        };
        pairs.iter().map(step).collect()
    }

    fn naive(period: u16, pairs: &[(f64, f64)]) -> f64 {
        let window = &pairs[pairs.len().saturating_sub(period.into())..];
        let (part, whole) = window.iter().fold((0.0, 0.0), |sums, pair| (sums.0 + pair.0, sums.1 + pair.1));
        if whole > 0.0 { part / whole } else { 0.0 }
    }

    proptest! {
        #[test]
        fn shares_are_those_of_the_windows(
            periods in prop::array::uniform3(1_u16..9),
            pairs in prop::collection::vec(
                prop_oneof![
                    4 => (0.0..1.0, 1e-3..100.0),
                    3 => Just((0.0, 0.0)),
                    1 => (0.0..1.0, prop_oneof![Just(1e9), Just(1e-9)]),
                ],
                0..200,
            ),
        ) {
            let pairs: Vec<_> = pairs.into_iter().map(|(share, whole)| (share * whole, whole)).collect();
            for (index, shares) in shares(periods, &pairs).into_iter().enumerate() {
                for (share, period) in shares.into_iter().zip(periods) {
                    let expected = naive(period, &pairs[..=index]);
                    prop_assert!((share - expected).abs() <= 1e-10, "{} instead of {} at {}", share, expected, index);
                }
            }
        }
    }

    #[test]
    fn a_window_of_nothing_has_no_share_left_of_what_went_before() {
        let random = &mut fastrand::Rng::with_seed(1);
        for before in 20..200 {
            let pair = |_| (random.f64() / 2.0, random.f64() + 0.5);
            let mut pairs: Vec<_> = (0..before).map(pair).collect();
            pairs.extend([(0.0, 0.0); 7]);
            assert_eq!(shares([7], &pairs).last(), Some(&[0.0]), "after {before} pairs");
        }
    }
}
