//! What a set says after a bar.

use crate::set::IndicatorSet;

/// The value of one output, and how far it is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The value; always finite.
    pub value: f64,
    /// Whether less than a thousandth of it hangs on where the series began. Averages that never forget
    /// have a value long before; what reads a window only is warm from its first value on.
    pub warm: bool,
    /// How many bars the indicator has seen, this one included.
    pub bars: u32,
}

/// The readings of all outputs of a set after its last bar, in the order of [`IndicatorSet::names`].
#[derive(Clone, Copy)]
pub struct Readings<'a> {
    pub(crate) set: &'a IndicatorSet,
}

impl<'a> Readings<'a> {
    /// How many outputs the set has.
    #[allow(clippy::len_without_is_empty, reason = "a set has at least one output")]
    pub fn len(&self) -> usize {
        self.set.values().len()
    }

    /// The value of the output of that index; `None` if it has none yet, or if there is no such output.
    pub fn value(&self, output: usize) -> Option<f64> {
        self.set.values().get(output).copied().filter(|value| !value.is_nan())
    }

    /// The values of all outputs.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Option<f64>> + 'a {
        self.set.values().iter().map(|value| Some(*value).filter(|value| !value.is_nan()))
    }

    /// The reading of the output of that index; `None` if it has no value.
    pub fn get(&self, output: usize) -> Option<Reading> {
        let value = self.value(output)?;
        let (bars, warm) = self.set.progress(output)?;
        Some(Reading { value, warm, bars })
    }

    /// Hands out the readings of all outputs, in their order, which is faster than to ask for each.
    pub fn for_each(&self, mut take: impl FnMut(Option<Reading>)) {
        for (bars, warm, values) in self.set.by_indicator() {
            for value in values {
                take((!value.is_nan()).then_some(Reading { value: *value, warm, bars }));
            }
        }
    }

    /// The readings of all outputs.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<Reading>> + 'a {
        let readings = *self;
        (0..self.len()).map(move |output| readings.get(output))
    }
}

impl std::fmt::Debug for Readings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.set.names().iter().zip(self.iter())).finish()
    }
}
