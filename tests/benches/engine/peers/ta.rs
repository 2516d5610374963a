//! The crate `ta`.

use std::time::Duration;

use anyhow::Result;
use indicators::Bar;
use ta::{
    DataItem, Next,
    indicators::{
        AverageTrueRange, BollingerBands, ExponentialMovingAverage, FastStochastic, MovingAverageConvergenceDivergence,
        OnBalanceVolume, RelativeStrengthIndex, SimpleMovingAverage,
    },
};

use crate::contestant::{Contestant, Series, Stream, turn, values};

/// Bar by bar.
pub(crate) struct Ta;

struct Eight {
    sma: SimpleMovingAverage,
    ema: ExponentialMovingAverage,
    rsi: RelativeStrengthIndex,
    macd: MovingAverageConvergenceDivergence,
    bbands: BollingerBands,
    atr: AverageTrueRange,
    fast: FastStochastic,
    slowk: SimpleMovingAverage,
    slowd: SimpleMovingAverage,
    obv: OnBalanceVolume,
}

impl Stream for Eight {
    fn start(_: &Series) -> Result<Self> {
        Ok(Self {
            sma: SimpleMovingAverage::new(20)?,
            ema: ExponentialMovingAverage::new(20)?,
            rsi: RelativeStrengthIndex::new(14)?,
            macd: MovingAverageConvergenceDivergence::new(12, 26, 9)?,
            bbands: BollingerBands::new(20, 2.0)?,
            atr: AverageTrueRange::new(14)?,
            fast: FastStochastic::new(14)?,
            slowk: SimpleMovingAverage::new(3)?,
            slowd: SimpleMovingAverage::new(3)?,
            obv: OnBalanceVolume::new(),
        })
    }

    #[inline(always)]
    fn update(&mut self, bars: &[Bar], index: usize) -> Result<[f64; 15]> {
        let Bar { open, high, low, close, volume, .. } = bars[index];
        let volume = volume.unwrap_or(0.0);
        let item = DataItem::builder().open(open).high(high).low(low).close(close).volume(volume).build()?;
        let (sma, ema, rsi) = (self.sma.next(close), self.ema.next(close), self.rsi.next(close));
        let (macd, bands) = (self.macd.next(close), self.bbands.next(close));
        let k = self.slowk.next(self.fast.next(&item));
        let (d, atr, obv) = (self.slowd.next(k), self.atr.next(&item), self.obv.next(&item));
        let (line, signal, hist) = (macd.macd, macd.signal, macd.histogram);
        let none = f64::NAN;
        Ok([sma, ema, rsi, line, signal, hist, bands.upper, bands.average, bands.lower, atr, none, k, d, obv, none])
    }
}

impl Contestant for Ta {
    fn name(&self) -> &'static str {
        "ta 0.5.0, bar by bar"
    }

    fn lacks(&self) -> &'static [&'static str] {
        &["ADX", "VWAP"]
    }

    fn other(&self) -> &'static [&'static str] {
        &["RSI", "ATR", "OBV"]
    }

    fn agreement(&self) -> (usize, f64) {
        (1_000, 1e-9)
    }

    /// Its RSI and ATR forget faster than Wilder's, and its OBV begins with zero.
    fn leaves_out(&self, output: usize) -> bool {
        matches!(output, 2 | 9 | 10 | 13 | 14)
    }

    fn values(&self, series: &Series) -> Result<Vec<[f64; 15]>> {
        values::<Eight>(series)
    }

    fn turn(&mut self, series: &Series) -> Result<Duration> {
        turn::<Eight>(series)
    }
}
