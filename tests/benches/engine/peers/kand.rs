//! The crate `kand`: functions that make the next value from the one before. Whoever calls keeps values and prices.

use std::time::Duration;

use anyhow::{Result, anyhow};
use indicators::Bar;
use kand::{
    KandError,
    ohlcv::{adx, atr, bbands, ema, obv, rsi, sma, vwap},
};

use crate::contestant::{Contestant, Series, Stream, turn, values};

/// Bar by bar.
pub(crate) struct Kand;

/// What has to be kept from bar to bar. Averages begin with zero: they are compared when that is forgotten.
#[derive(Default)]
struct Kept {
    sma: f64,
    ema: f64,
    gains: f64,
    losses: f64,
    fast: f64,
    slow: f64,
    signal: f64,
    sum: f64,
    squares: f64,
    atr: f64,
    adx: f64,
    plus: f64,
    minus: f64,
    range: f64,
    obv: f64,
    flow: f64,
    volumes: f64,
}

impl Kept {
    #[inline(always)]
    fn next(&mut self, bar: &Bar, before: &Bar, gone: f64) -> Result<[f64; 15], KandError> {
        let (high, low, close, volume) = (bar.high, bar.low, bar.close, bar.volume.unwrap_or(0.0));
        self.sma = sma::sma_inc(self.sma, close, gone, 20)?;
        self.ema = ema::ema_inc(close, self.ema, 20, None)?;
        let rsi;
        (rsi, self.gains, self.losses) = rsi::rsi_inc(close, before.close, self.gains, self.losses, 14)?;
        // Its own function for all three does not give back both averages, which the next call needs.
        self.fast = ema::ema_inc(close, self.fast, 12, None)?;
        self.slow = ema::ema_inc(close, self.slow, 26, None)?;
        let line = self.fast - self.slow;
        self.signal = ema::ema_inc(line, self.signal, 9, None)?;
        let (upper, middle, lower, _, sum, squares) =
            bbands::bbands_inc(close, self.sum / 20.0, self.sum, self.squares, gone, 20, 2.0, 2.0)?;
        (self.sum, self.squares) = (sum, squares);
        self.atr = atr::atr_inc(high, low, before.close, self.atr, 14)?;
        (self.adx, self.plus, self.minus, self.range) = adx::adx_inc(
            high,
            low,
            before.high,
            before.low,
            before.close,
            self.adx,
            self.plus,
            self.minus,
            self.range,
            14,
        )?;
        self.obv = obv::obv_inc(close, before.close, volume, self.obv)?;
        let vwap;
        (self.flow, self.volumes, vwap) = vwap::vwap_inc(high, low, close, volume, self.flow, self.volumes)?;
        let (none, signal) = (f64::NAN, self.signal);
        let [ema, atr, adx, obv] = [self.ema, self.atr, self.adx, self.obv];
        let hist = line - signal;
        Ok([self.sma, ema, rsi, line, signal, hist, upper, middle, lower, atr, adx, none, none, obv, vwap])
    }
}

impl Stream for Kept {
    fn start(series: &Series) -> Result<Self> {
        // Without any movement its ADX would be no number for good.
        Ok(Self { obv: series.volume[0], plus: 1.0, minus: 1.0, range: 1.0, ..Self::default() })
    }

    #[inline(always)]
    fn update(&mut self, bars: &[Bar], index: usize) -> Result<[f64; 15]> {
        let bar = &bars[index];
        let before = if index == 0 { bar } else { &bars[index - 1] };
        let gone = if index < 20 { 0.0 } else { bars[index - 20].close };
        self.next(bar, before, gone).map_err(|error| anyhow!("kand failed: {error:?}"))
    }
}

impl Contestant for Kand {
    fn name(&self) -> &'static str {
        "kand 0.2.2, bar by bar"
    }

    fn lacks(&self) -> &'static [&'static str] {
        &["STOCH"]
    }

    fn agreement(&self) -> (usize, f64) {
        (1_000, 1e-9)
    }

    fn leaves_out(&self, output: usize) -> bool {
        matches!(output, 11 | 12)
    }

    fn values(&self, series: &Series) -> Result<Vec<[f64; 15]>> {
        values::<Kept>(series)
    }

    fn turn(&mut self, series: &Series) -> Result<Duration> {
        turn::<Kept>(series)
    }
}
