//! Relative strength index.

use crate::{
    BadParameter, Bar,
    average::ExponentialAverage,
    kernel::Kernel,
    parameter,
    state::{Reader, StateError, Writer},
};

/// The share of gains in all movement of the close, 0 to 100.
///
/// - Formula: 100 · gains / (gains + losses), both averages of Wilder's: average += (change − average) / period,
///   a gain counting as zero in the losses and the other way round.
/// - Seed: the simple averages of the first `period` changes.
/// - First value at index `period`, since bar 0 has no change.
/// - Edges: no movement at all gives 50, as in TA-Lib's Rust crate 0.8.3; C up to 0.8.1 gives 0. The
///   same holds once both averages have decayed below the smallest normal number, after some 9,500 flat
///   bars, where their ratio is noise.
/// - Source: [`TA_RSI`](https://ta-lib.org/functions/rsi); J. Welles Wilder, New Concepts in Technical
///   Trading Systems, 1978.
#[derive(Debug, Clone, PartialEq)]
pub struct Rsi {
    previous: Option<f64>,
    gains: ExponentialAverage,
    losses: ExponentialAverage,
}

impl Rsi {
    /// Before its first bar.
    pub fn new(period: u16) -> Result<Self, BadParameter> {
        Ok(Self::fresh(parameter::period("RSI", period)?))
    }

    pub(crate) fn fresh(period: u16) -> Self {
        let average = ExponentialAverage::wilder(period);
        Self { previous: None, gains: average, losses: average }
    }
}

impl Kernel<1> for Rsi {
    const SUFFIXES: [&'static str; 1] = [""];

    fn label(&self) -> String {
        format!("RSI({})", self.gains.period())
    }

    fn lookback(&self) -> usize {
        usize::from(self.gains.period())
    }

    fn update(&mut self, bar: &Bar) -> Option<[f64; 1]> {
        let change = bar.close - self.previous.replace(bar.close)?;
        let gains = self.gains.push(change.max(0.0));
        let losses = self.losses.push((-change).max(0.0));
        let (gains, losses) = (gains?, losses?);
        let all = gains + losses;
        Some([if all < f64::MIN_POSITIVE { 50.0 } else { 100.0 * (gains / all) }])
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.u16(self.gains.period());
        if let Some(previous) = self.previous {
            writer.f64(previous);
        }
        self.gains.encode(writer);
        self.losses.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>, bars: u64) -> Result<Self, StateError> {
        let fresh = Self::new(reader.u16("the period of RSI")?)?;
        let changes = bars.saturating_sub(1);
        Ok(Self {
            previous: if bars > 0 { Some(reader.f64("the previous close of RSI")?) } else { None },
            gains: fresh.gains.restore(reader, changes)?,
            losses: fresh.losses.restore(reader, changes)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{bars, check, closes, flat, weighted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_share_of_gains_in_all_changes(period in 2_u16..8, bars in bars()) {
            check(Rsi::new(period).unwrap(), &bars, |index| {
                let closes = &closes(&bars)[..=index];
                let part = |sign: f64| {
                    let changes: Vec<f64> = closes.windows(2).map(|two| (sign * (two[1] - two[0])).max(0.0)).collect();
                    weighted(&changes, period, 1.0 / f64::from(period))
                };
                let (gains, losses) = (part(1.0)?, part(-1.0)?);
                Some([if gains + losses == 0.0 { 50.0 } else { 100.0 * gains / (gains + losses) }])
            });
        }
    }

    #[test]
    fn it_is_50_without_movement_and_at_its_ends_with_one_sided_movement() {
        for (step, expected) in [(0.0, 50.0), (1.0, 100.0), (-1.0, 0.0)] {
            let mut rsi = Rsi::new(14).unwrap();
            let mut last = None;
            for index in 0..100 {
                last = rsi.update(&flat(100.37 + step * f64::from(index)));
            }
            assert_eq!(last, Some([expected]), "step {step}");
        }
    }

    #[test]
    fn it_keeps_its_value_over_a_flat_stretch_and_ends_at_50() {
        let mut rsi = Rsi::new(14).unwrap();
        for index in 0..100 {
            rsi.update(&flat(100.0 + f64::from(index % 7)));
        }
        let [before] = rsi.update(&flat(101.0)).unwrap();
        for index in 0..12_000 {
            let [value] = rsi.update(&flat(101.0)).unwrap();
            let ended = index > 9_000 && value == 50.0;
            assert!(ended || (value - before).abs() < 1e-9, "{value} at {index}");
        }
        assert_eq!(rsi.update(&flat(101.0)), Some([50.0]));
    }
}
