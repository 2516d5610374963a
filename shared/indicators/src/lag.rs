//! The value of so many bars ago.

use crate::layout::{Degree, Layout, State};

/// A ring of the last values, out of which each comes `period` values later.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lag {
    period: u16,
}

impl Lag {
    pub(crate) fn new(period: u16) -> Self {
        Self { period }
    }

    pub(crate) fn period(&self) -> u16 {
        self.period
    }

    pub(crate) fn layout(&self, layout: &mut Layout, degree: Degree) {
        layout.numbers(self.period, degree);
        layout.count(u32::from(self.period) - 1);
    }

    /// Takes the next value, the first of which has the index 0, and gives the one of `period` values ago.
    #[inline(always)]
    pub(crate) fn push(&self, state: &mut State<'_>, index: u32, value: f64) -> Option<f64> {
        let (ring, at) = (state.list(self.period), state.count());
        let place = *at as usize;
        let before = std::mem::replace(&mut ring[place], value);
        *at = if place + 1 == ring.len() { 0 } else { *at + 1 };
        (index >= u32::from(self.period)).then_some(before)
    }
}
