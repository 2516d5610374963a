//! The highest or lowest of the last so many values.

use crate::layout::{Degree, Layout, State};

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
    #[inline]
    pub(crate) fn push(&self, state: &mut State<'_>, value: f64) -> f64 {
        let (running, block, at) = (state.number(), state.list(self.period), state.count());
        let place = *at as usize;
        if place == 0 {
            suffix(block);
            *running = value;
        } else {
            *running = running.max(value);
        }
        block[place] = value;
        match block.get(place + 1) {
            Some(before) => {
                *at += 1;
                running.max(*before)
            }
            None => {
                *at = 0;
                *running
            }
        }
    }
}

/// Replaces each value by the maximum of it and all behind it.
fn suffix(block: &mut [f64]) {
    let mut highest = f64::NEG_INFINITY;
    for value in block.iter_mut().rev() {
        highest = highest.max(*value);
        *value = highest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
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
