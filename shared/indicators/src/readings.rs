//! The values of all outputs of a set at one bar.

/// Most outputs that one set can have.
pub const OUTPUTS_MAX: usize = 32;

/// One value per output, in the order of [`IndicatorSet::names`](crate::IndicatorSet::names);
/// `None` while the indicator warms up.
///
/// Held in place, so that a set allocates nothing per bar.
#[derive(Clone, Copy, PartialEq)]
pub struct Readings {
    /// Zero where there is none.
    values: [f64; OUTPUTS_MAX],
    /// Bit i says whether output i has a value.
    present: u32,
    len: u32,
}

impl Readings {
    pub(crate) fn empty() -> Self {
        Self { values: [0.0; OUTPUTS_MAX], present: 0, len: 0 }
    }

    /// Adds the outputs of one indicator. A set has never more than [`OUTPUTS_MAX`].
    pub(crate) fn push<const N: usize>(&mut self, outputs: Option<[f64; N]>) {
        if let (Some(outputs), Some(slots)) = (outputs, self.values[self.len as usize..].first_chunk_mut()) {
            *slots = outputs;
            self.present |= ((1 << N) - 1) << self.len;
        }
        self.len += N as u32;
    }

    /// How many outputs the set has.
    #[allow(clippy::len_without_is_empty, reason = "a set without outputs is of no use to anyone")]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// The value of the output of that index, if there is such an output and it has a value.
    pub fn get(&self, output: usize) -> Option<f64> {
        let value = self.values[..self.len()].get(output)?;
        (self.present >> output & 1 == 1).then_some(*value)
    }

    /// The values of all outputs.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<f64>> + '_ {
        (0..self.len()).map(|output| self.get(output))
    }
}

impl std::fmt::Debug for Readings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
