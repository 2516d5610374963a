//! How long ago the highest of the last so many values came.

use crate::{
    layout::{Degree, Layout, State},
    order::larger,
};

/// The age of the maximum of a window, in constant time per value on average and without a branch that
/// data decides. Of equal ones the latest counts.
///
/// As for [`Highest`](crate::extrema::Highest), the window is the end of the block before and the begin of
/// the present one, and the values of the block before are replaced by the maxima from there to its end.
/// A bit for each of them says whether it exceeds all behind it. The next such one from the begin of the
/// window on is the latest maximum of that block. The begin has a running maximum with its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HighestAge {
    window: u16,
}

impl HighestAge {
    /// Of a window that holds the newest value and as many before it as the period has.
    pub(crate) fn new(period: u16) -> Self {
        Self { window: period + 1 }
    }

    /// How many words hold a bit for each place.
    fn words(self) -> u16 {
        self.window.div_ceil(32)
    }

    pub(crate) fn layout(&self, layout: &mut Layout, degree: Degree) {
        layout.number(degree);
        layout.numbers(self.window, degree);
        layout.counts(self.words(), u32::MAX);
        // The places of the next value and of the running maximum.
        layout.counts(2, u32::from(self.window) - 1);
    }

    /// Takes the next value. What comes out is how many values came after the latest maximum, once as many
    /// values as the window holds were taken, and of no use before.
    #[inline(always)]
    pub(crate) fn push(&self, state: &mut State<'_>, value: f64) -> u32 {
        let (running, block, peaks) = (state.number(), state.list(self.window), state.count_list(self.words()));
        let (at, highest) = (state.count(), state.count());
        let place = *at;
        if place == 0 {
            suffix(block, peaks);
            *running = f64::NEG_INFINITY;
        }
        // Written whatever comes, so that no branch hangs on the values.
        let rises = value >= *running;
        *running = if rises { value } else { *running };
        *highest = if rises { place } else { *highest };
        block[place as usize] = value;
        let late = place.saturating_sub(*highest);
        let next = place + 1;
        let Some(maximum) = block.get(next as usize) else {
            *at = 0;
            return late;
        };
        *at = next;
        let early = u32::from(self.window) + place - peak(peaks, next).min(u32::from(self.window));
        if *running >= *maximum { late } else { early }
    }
}

/// Replaces each value by the maximum of it and all behind it, and marks those that exceed all behind them.
fn suffix(block: &mut [f64], peaks: &mut [u32]) {
    let mut highest = f64::NEG_INFINITY;
    for (values, peaks) in block.chunks_mut(32).zip(peaks).rev() {
        *peaks = 0;
        for (bit, value) in values.iter_mut().enumerate().rev() {
            *peaks |= u32::from(*value > highest) << bit;
            highest = larger(*value, highest);
            *value = highest;
        }
    }
}

/// The first marked place that does not come before this one. The last place is always marked.
#[inline(always)]
fn peak(peaks: &[u32], place: u32) -> u32 {
    let mut word = place / 32;
    let mut bits = peaks[word as usize] & (u32::MAX << (place % 32));
    // Most windows have one word only, and others one in sight.
    while bits == 0 && (word as usize) + 1 < peaks.len() {
        word += 1;
        bits = peaks[word as usize];
    }
    32 * word + bits.trailing_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_age_of_the_latest_maximum(
            period in prop_oneof![1_u16..9, 30_u16..34, Just(70)],
            values in prop::collection::vec(prop_oneof![-10_i8..10, 0_i8..3, Just(3)], 0..300),
        ) {
            let age = HighestAge::new(period);
            let mut layout = Layout::default();
            age.layout(&mut layout, Degree::PRICE);
            let (mut numbers, mut counts) = (vec![0.0; layout.degrees.len()], vec![0; layout.counts.len()]);
            for (index, value) in values.iter().enumerate() {
                let mut state = State { seen: 0, numbers: &mut numbers, counts: &mut counts };
                let age = age.push(&mut state, f64::from(*value));
                prop_assert!(counts.iter().zip(&layout.counts).all(|(count, most)| count <= most));
                if let Some(first) = index.checked_sub(period.into()) {
                    let window = &values[first..=index];
                    let highest = window.iter().max();
                    let expected = window.iter().rev().position(|one| Some(one) == highest);
                    prop_assert_eq!(Some(age as usize), expected, "at {}", index);
                }
            }
        }
    }
}
