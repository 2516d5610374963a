//! Exponential moving average.

use crate::{
    BadParameter, Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    parameter,
    state::{Reader, StateError, Writer},
};

/// An average of all closes whose weights fall by the same factor from bar to bar.
///
/// - Formula: ema += 2 / (period + 1) · (close − ema).
/// - Seed: the simple average of the first `period` closes.
/// - First value, the seed, at index period − 1.
/// - Edges: a flat series gives exactly its price.
/// - Source: [`TA_EMA`](https://ta-lib.org/functions/ema), classic compatibility.
#[derive(Debug, Clone, PartialEq)]
pub struct Ema {
    average: ExponentialAverage,
}

impl Ema {
    /// Before its first bar.
    pub fn new(period: u16) -> Result<Self, BadParameter> {
        Ok(Self::fresh(parameter::period("EMA", period)?))
    }

    pub(crate) fn fresh(period: u16) -> Self {
        Self { average: ExponentialAverage::ema(period) }
    }
}

impl Kernel<1> for Ema {
    const SUFFIXES: [&'static str; 1] = [""];

    fn label(&self) -> String {
        format!("EMA({})", self.average.period())
    }

    fn lookback(&self) -> usize {
        usize::from(self.average.period()) - 1
    }

    fn update(&mut self, bar: &Bar) -> Option<[f64; 1]> {
        Some([self.average.push(bar.close)?])
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.u16(self.average.period());
        self.average.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>, bars: u64) -> Result<Self, StateError> {
        let fresh = Self::new(reader.u16("the period of EMA")?)?;
        Ok(Self { average: fresh.average.restore(reader, bars)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{bars, check, closes, weighted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_weighted_sum_of_seed_and_closes(period in 2_u16..8, bars in bars()) {
            check(Ema::new(period).unwrap(), &bars, |index| {
                Some([weighted(&closes(&bars)[..=index], period, 2.0 / (f64::from(period) + 1.0))?])
            });
        }
    }
}
