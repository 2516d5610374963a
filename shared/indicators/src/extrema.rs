//! The highest and lowest of the last so many values.

use crate::{
    layout::{Degree, Layout, State},
    order::larger,
};

/// The maximum of a window, in constant time per value on average and without a branch that data decides.
///
/// After van Herk: the values come in blocks as long as the window. A window is the end of the block
/// before and the begin of the present one. When a block is full, each of its values is replaced by the
/// maximum from there to its end; the begin has a running maximum. A minimum is the maximum of the
/// negated values, which is exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Highest {
    period: u16,
}

impl Highest {
    pub(crate) fn new(period: u16) -> Self {
        Self { period }
    }

    pub(crate) fn period(&self) -> u16 {
        self.period
    }

    pub(crate) fn layout(&self, layout: &mut Layout, degree: Degree) {
        layout.number(degree);
        layout.numbers(self.period, degree);
        layout.count(u32::from(self.period) - 1);
    }

    /// Takes the next value. What comes out is the maximum once as many values as the window holds were
    /// taken, and of no use before.
    #[inline(always)]
    pub(crate) fn push(&self, state: &mut State<'_>, value: f64) -> f64 {
        let (running, block, at) = (state.number(), state.list(self.period), state.count());
        let place = *at as usize;
        if place == 0 {
            suffix(block);
            *running = value;
        } else {
            *running = larger(value, *running);
        }
        block[place] = value;
        match block.get(place + 1) {
            Some(before) => {
                *at += 1;
                larger(*before, *running)
            }
            None => {
                *at = 0;
                *running
            }
        }
    }
}

/// The highest high and the lowest low of the last so many bars: two [`Highest`] side by side, of the highs and of
/// the negated lows.
///
/// The first value of a block is never looked up in it, since the window that begins with it is the block
/// itself. So it has no slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extremes {
    period: u16,
}

impl Extremes {
    pub(crate) fn new(period: u16) -> Self {
        Self { period }
    }

    /// How many bars come before the first full window.
    pub(crate) fn lookback(&self) -> u32 {
        u32::from(self.period) - 1
    }

    pub(crate) fn layout(&self, layout: &mut Layout, degree: Degree) {
        layout.numbers(2 * self.period, degree);
        layout.count(u32::from(self.period) - 1);
    }

    /// Takes the next high and low. What comes out are the extremes once as many bars as the window holds
    /// were taken, and of no use before.
    #[inline(always)]
    pub(crate) fn push(&self, state: &mut State<'_>, high: f64, low: f64) -> (f64, f64) {
        let (running, block, at) = (state.take(), state.list(2 * self.period - 2).as_chunks_mut().0, state.count());
        let (place, bar) = (*at as usize, [high, -low]);
        if place == 0 {
            suffixes(block);
            *running = bar;
        } else {
            *running = both_larger(bar, *running);
            block[place - 1] = bar;
        }
        let [highest, lowest] = match block.get(place) {
            Some(before) => {
                *at += 1;
                both_larger(*before, *running)
            }
            None => {
                *at = 0;
                *running
            }
        };
        (highest, -lowest)
    }
}

/// Whether nothing but rounding errors lies between the extremes; TA-Lib's rule, which knows no unit.
#[inline(always)]
pub(crate) fn flat(highest: f64, lowest: f64) -> bool {
    highest - lowest <= 1e-14 * (highest.abs() + lowest.abs())
}

#[inline(always)]
fn both_larger(one: [f64; 2], other: [f64; 2]) -> [f64; 2] {
    [larger(one[0], other[0]), larger(one[1], other[1])]
}

/// Replaces each pair by the maxima of it and all behind it.
#[inline(never)]
fn suffixes(block: &mut [[f64; 2]]) {
    let mut highest = [f64::NEG_INFINITY; 2];
    for pair in block.iter_mut().rev() {
        highest = both_larger(*pair, highest);
        *pair = highest;
    }
}

/// Replaces each value by the maximum of it and all behind it.
#[inline(never)]
fn suffix(block: &mut [f64]) {
    let mut highest = f64::NEG_INFINITY;
    for value in block.iter_mut().rev() {
        highest = larger(*value, highest);
        *value = highest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn extremes_are_those_of_the_window(
            period in 1_u16..9,
            bars in prop::collection::vec((prop_oneof![-10_i8..10, Just(3)], 0_u8..5), 0..80),
        ) {
            let window = Extremes::new(period);
            let mut layout = Layout::default();
            window.layout(&mut layout, Degree::PRICE);
            let (mut numbers, mut counts) = (vec![0.0; layout.degrees.len()], vec![0; layout.counts.len()]);
            let bars: Vec<_> = bars.into_iter().map(|(low, width)| (f64::from(low) + f64::from(width), f64::from(low))).collect();
            for (index, (high, low)) in bars.iter().enumerate() {
                let mut state = State { seen: 0, numbers: &mut numbers, counts: &mut counts };
                let extremes = window.push(&mut state, *high, *low);
                if let Some(first) = (index + 1).checked_sub(period.into()) {
                    let bars = &bars[first..=index];
                    let highest = bars.iter().map(|bar| bar.0).fold(f64::MIN, f64::max);
                    let lowest = bars.iter().map(|bar| bar.1).fold(f64::MAX, f64::min);
                    prop_assert_eq!(extremes, (highest, lowest), "at {}", index);
                }
            }
        }

        #[test]
        fn it_is_the_maximum_of_the_window(
            period in 1_u16..9,
            values in prop::collection::vec(prop_oneof![-10_i8..10, Just(3)], 0..80),
        ) {
            let window = Highest::new(period);
            let mut layout = Layout::default();
            window.layout(&mut layout, Degree::PRICE);
            let (mut numbers, mut counts) = (vec![0.0; layout.degrees.len()], vec![0; layout.counts.len()]);
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            for (index, value) in values.iter().enumerate() {
                let mut state = State { seen: 0, numbers: &mut numbers, counts: &mut counts };
                let highest = window.push(&mut state, *value);
                if let Some(first) = (index + 1).checked_sub(period.into()) {
                    let expected = values[first..=index].iter().copied().fold(f64::MIN, f64::max);
                    prop_assert_eq!(highest, expected, "at {}", index);
                }
            }
        }
    }
}
