//! Average true range.

use crate::{
    BadParameter, Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    parameter,
    state::{Reader, StateError, Writer},
};

/// How far the price travels in a bar, gaps included.
///
/// - Formula: true range = max(high − low, |high − previous close|, |low − previous close|), averaged as
///   Wilder does: atr += (true range − atr) / period.
/// - Seed: the simple average of the true ranges of bars 1 to `period`. Bar 0 has no previous close and
///   therefore no true range; TradingView and others count its high − low and start one bar earlier.
/// - First value at index `period`.
/// - Edges: zero for a flat series.
/// - Source: [`TA_ATR`](https://ta-lib.org/functions/atr); J. Welles Wilder, New Concepts in Technical
///   Trading Systems, 1978.
#[derive(Debug, Clone, PartialEq)]
pub struct Atr {
    previous: Option<f64>,
    average: ExponentialAverage,
}

impl Atr {
    /// Before its first bar.
    pub fn new(period: u16) -> Result<Self, BadParameter> {
        Ok(Self::fresh(parameter::period("ATR", period)?))
    }

    pub(crate) fn fresh(period: u16) -> Self {
        Self { previous: None, average: ExponentialAverage::wilder(period) }
    }
}

impl Kernel<1> for Atr {
    const SUFFIXES: [&'static str; 1] = [""];

    fn label(&self) -> String {
        format!("ATR({})", self.average.period())
    }

    fn lookback(&self) -> usize {
        usize::from(self.average.period())
    }

    fn update(&mut self, bar: &Bar) -> Option<[f64; 1]> {
        let previous = self.previous.replace(bar.close)?;
        let range = (bar.high - bar.low).max((bar.high - previous).abs()).max((bar.low - previous).abs());
        Some([self.average.push(range)?])
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.u16(self.average.period());
        if let Some(previous) = self.previous {
            writer.f64(previous);
        }
        self.average.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>, bars: u64) -> Result<Self, StateError> {
        let fresh = Self::new(reader.u16("the period of ATR")?)?;
        Ok(Self {
            previous: if bars > 0 { Some(reader.f64("the previous close of ATR")?) } else { None },
            average: fresh.average.restore(reader, bars.saturating_sub(1))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{bars, check, weighted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_averages_true_ranges_from_bar_1_on(period in 2_u16..8, bars in bars()) {
            check(Atr::new(period).unwrap(), &bars, |index| {
                let ranges: Vec<f64> = (1..=index)
                    .map(|bar| {
                        let (previous, bar) = (bars[bar - 1].close, bars[bar]);
                        bar.high.max(previous) - bar.low.min(previous)
                    })
                    .collect();
                Some([weighted(&ranges, period, 1.0 / f64::from(period))?])
            });
        }
    }
}
