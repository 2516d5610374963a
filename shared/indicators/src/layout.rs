//! What the state of an indicator consists of: numbers and counts, declared once, in order.
//!
//! From the declaration follow the size of a state, its bytes, what is checked when it is read, and
//! how it scales in a split. What a number means is known to the kernel alone.

use std::mem;

/// How a number scales when prices are divided by the ratio `r` of a split and volumes multiplied by it:
/// as `r` to this power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Degree(i8);

impl Degree {
    /// A price or a difference of prices.
    pub(crate) const PRICE: Self = Self(-1);
    /// A product of two prices, such as a sum of squares.
    pub(crate) const PRICE_SQUARED: Self = Self(-2);
    /// A ratio, a percentage, a direction, or a flow: price × volume.
    pub(crate) const NONE: Self = Self(0);
    /// A volume.
    pub(crate) const VOLUME: Self = Self(1);

    /// The number after a split. Prices are divided, so that a state is what the divided prices would have made.
    pub(crate) fn split(self, value: f64, ratio: f64) -> f64 {
        match self.0 {
            -2 => value / ratio / ratio,
            -1 => value / ratio,
            1 => value * ratio,
            _ => value,
        }
    }
}

/// The fields of a state, in the order in which [`State`] gives them out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Layout {
    pub(crate) degrees: Vec<Degree>,
    /// The largest value of each count.
    pub(crate) counts: Vec<u32>,
}

impl Layout {
    /// One number.
    pub(crate) fn number(&mut self, degree: Degree) {
        self.degrees.push(degree);
    }

    /// A list of numbers.
    pub(crate) fn numbers(&mut self, length: u16, degree: Degree) {
        self.degrees.extend(std::iter::repeat_n(degree, length.into()));
    }

    /// A whole number from 0 to `most`, such as a place in a ring.
    pub(crate) fn count(&mut self, most: u32) {
        self.counts.push(most);
    }

    /// A list of whole numbers from 0 to `most`.
    pub(crate) fn counts(&mut self, length: u16, most: u32) {
        self.counts.extend(std::iter::repeat_n(most, length.into()));
    }
}

/// The state of one indicator, taken apart from front to back as its layout says. All of it is zero at the start.
pub(crate) struct State<'a> {
    /// How many bars the indicator has taken before this one.
    pub(crate) seen: u32,
    pub(crate) numbers: &'a mut [f64],
    pub(crate) counts: &'a mut [u32],
}

impl<'a> State<'a> {
    /// The next number.
    #[inline(always)]
    pub(crate) fn number(&mut self) -> &'a mut f64 {
        let [number] = self.take();
        number
    }

    /// The next `N` numbers.
    #[inline(always)]
    pub(crate) fn take<const N: usize>(&mut self) -> &'a mut [f64; N] {
        // Layout and update of a kernel agree: they are tested together at every bar.
        #[allow(
            clippy::expect_used,
            reason = "a kernel that reads past its own layout is a bug that no data can cause"
        )]
        let (taken, rest) = mem::take(&mut self.numbers).split_first_chunk_mut().expect("the layout has these numbers");
        self.numbers = rest;
        taken
    }

    /// The next list of numbers.
    #[inline(always)]
    pub(crate) fn list(&mut self, length: u16) -> &'a mut [f64] {
        let (taken, rest) = mem::take(&mut self.numbers).split_at_mut(length.into());
        self.numbers = rest;
        taken
    }

    /// The next count.
    #[inline(always)]
    pub(crate) fn count(&mut self) -> &'a mut u32 {
        #[allow(
            clippy::expect_used,
            reason = "a kernel that reads past its own layout is a bug that no data can cause"
        )]
        let (taken, rest) = mem::take(&mut self.counts).split_first_mut().expect("the layout has this count");
        self.counts = rest;
        taken
    }

    /// The next `N` counts.
    #[inline(always)]
    pub(crate) fn take_counts<const N: usize>(&mut self) -> &'a mut [u32; N] {
        #[allow(
            clippy::expect_used,
            reason = "a kernel that reads past its own layout is a bug that no data can cause"
        )]
        let (taken, rest) = mem::take(&mut self.counts).split_first_chunk_mut().expect("the layout has these counts");
        self.counts = rest;
        taken
    }

    /// The next list of counts.
    #[inline(always)]
    pub(crate) fn count_list(&mut self, length: u16) -> &'a mut [u32] {
        let (taken, rest) = mem::take(&mut self.counts).split_at_mut(length.into());
        self.counts = rest;
        taken
    }
}
