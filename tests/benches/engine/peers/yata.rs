//! The crate `yata`.

use std::time::Duration;

use anyhow::{Result, anyhow};
use indicators::Bar;
use yata::{
    core::{Candle, Error, IndicatorConfig, IndicatorInstance, Method},
    helpers::MA,
    indicators::{AverageDirectionalIndex, BollingerBands, MACD, RelativeStrengthIndex, StochasticOscillator},
    methods::{EMA, RMA, SMA, TR},
};

use crate::contestant::{Contestant, Series, Stream, turn, values};

/// Bar by bar.
pub(crate) struct Yata;

struct Eight {
    sma: SMA,
    ema: EMA,
    rsi: <RelativeStrengthIndex as IndicatorConfig>::Instance,
    macd: <MACD as IndicatorConfig>::Instance,
    bbands: <BollingerBands as IndicatorConfig>::Instance,
    range: TR,
    atr: RMA,
    adx: <AverageDirectionalIndex as IndicatorConfig>::Instance,
    stoch: <StochasticOscillator as IndicatorConfig>::Instance,
}

fn candle(bar: &Bar) -> Candle {
    let Bar { open, high, low, close, volume, .. } = *bar;
    Candle { open, high, low, close, volume: volume.unwrap_or(0.0) }
}

impl Eight {
    fn new(first: &Candle) -> Result<Self, Error> {
        let stoch = StochasticOscillator { ma: MA::SMA(3), signal: MA::SMA(3), ..Default::default() };
        Ok(Self {
            sma: SMA::new(20, &first.close)?,
            ema: EMA::new(20, &first.close)?,
            rsi: RelativeStrengthIndex { ma: MA::RMA(14), ..Default::default() }.init(first)?,
            macd: MACD::default().init(first)?,
            bbands: BollingerBands::default().init(first)?,
            range: TR::new(first)?,
            atr: RMA::new(14, &(first.high - first.low))?,
            adx: AverageDirectionalIndex::default().init(first)?,
            stoch: stoch.init(first)?,
        })
    }
}

impl Stream for Eight {
    fn start(series: &Series) -> Result<Self> {
        Self::new(&candle(&series.bars[0])).map_err(|error| anyhow!("yata failed: {error:?}"))
    }

    #[inline(always)]
    fn update(&mut self, bars: &[Bar], index: usize) -> Result<[f64; 15]> {
        let candle = candle(&bars[index]);
        let (sma, ema) = (self.sma.next(&candle.close), self.ema.next(&candle.close));
        let (rsi, macd, bands) = (self.rsi.next(&candle), self.macd.next(&candle), self.bbands.next(&candle));
        let atr = self.atr.next(&self.range.next(&candle));
        let (adx, stoch) = (self.adx.next(&candle), self.stoch.next(&candle));
        let (line, signal) = (macd.value(0), macd.value(1));
        let (upper, middle, lower) = (bands.value(0), bands.value(1), bands.value(2));
        // Its ratios go to one.
        let [rsi, adx, k, d] = [rsi.value(0), adx.value(0), stoch.value(0), stoch.value(1)].map(|part| 100.0 * part);
        let none = f64::NAN;
        Ok([sma, ema, rsi, line, signal, line - signal, upper, middle, lower, atr, adx, k, d, none, none])
    }
}

impl Contestant for Yata {
    fn name(&self) -> &'static str {
        "yata 0.7.0, bar by bar"
    }

    fn lacks(&self) -> &'static [&'static str] {
        &["OBV", "VWAP"]
    }

    fn other(&self) -> &'static [&'static str] {
        &["BBANDS"]
    }

    fn agreement(&self) -> (usize, f64) {
        (1_000, 1e-9)
    }

    /// Its bands are as wide as the deviation of a sample.
    fn leaves_out(&self, output: usize) -> bool {
        matches!(output, 6 | 7 | 8 | 13 | 14)
    }

    fn values(&self, series: &Series) -> Result<Vec<[f64; 15]>> {
        values::<Eight>(series)
    }

    fn turn(&mut self, series: &Series) -> Result<Duration> {
        turn::<Eight>(series)
    }
}
