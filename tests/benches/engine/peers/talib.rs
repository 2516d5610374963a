//! TA-Lib's crate: its handles, bar by bar, and its functions over whole columns.

use std::{hint::black_box, time::Duration};

use anyhow::{Result, anyhow};
use indicators::Bar;
use ta_lib::{
    AdxStream, AtrStream, BbandsStream, Core, EmaStream, MAType, MacdStream, ObvStream, RetCode, RsiStream, SmaStream,
    StochStream, VwapStream,
};

use crate::contestant::{Contestant, Series, WARM_UP, timed};

/// Bar by bar.
pub(crate) struct Handles;

/// The ten handles.
struct Ten {
    sma: SmaStream,
    ema: EmaStream,
    rsi: RsiStream,
    macd: MacdStream,
    bbands: BbandsStream,
    atr: AtrStream,
    adx: AdxStream,
    stoch: StochStream,
    obv: ObvStream,
    vwap: VwapStream,
}

fn failed(code: RetCode) -> anyhow::Error {
    anyhow!("TA-Lib failed: {code:?}")
}

impl Ten {
    fn open(series: &Series) -> Result<Self, RetCode> {
        let core = Core::new();
        let [high, low, close, volume] =
            [&series.high, &series.low, &series.close, &series.volume].map(|column| &column[..WARM_UP]);
        Ok(Self {
            sma: core.sma_open(close, 20)?.0,
            ema: core.ema_open(close, 20)?.0,
            rsi: core.rsi_open(close, 14)?.0,
            macd: core.macd_open(close, 12, 26, 9)?.0,
            bbands: core.bbands_open(close, 20, 2.0, 2.0, MAType::SMA)?.0,
            atr: core.atr_open(high, low, close, 14)?.0,
            adx: core.adx_open(high, low, close, 14)?.0,
            stoch: core.stoch_open(high, low, close, 14, 3, MAType::SMA, 3, MAType::SMA)?.0,
            obv: core.obv_open(close, volume)?.0,
            vwap: core.vwap_open(high, low, close, volume)?.0,
        })
    }

    #[inline(always)]
    fn update(&mut self, bar: &Bar) -> Result<[f64; 15], RetCode> {
        let (high, low, close, volume) = (bar.high, bar.low, bar.close, bar.volume.unwrap_or(0.0));
        let (sma, ema, rsi) = (self.sma.update(close)?, self.ema.update(close)?, self.rsi.update(close)?);
        let (line, signal, hist) = self.macd.update(close)?;
        let (upper, middle, lower) = self.bbands.update(close)?;
        let (atr, adx) = (self.atr.update(high, low, close)?, self.adx.update(high, low, close)?);
        let (k, d) = self.stoch.update(high, low, close)?;
        let (obv, vwap) = (self.obv.update(close, volume)?, self.vwap.update(high, low, close, volume)?);
        Ok([sma, ema, rsi, line, signal, hist, upper, middle, lower, atr, adx, k, d, obv, vwap])
    }
}

impl Contestant for Handles {
    fn name(&self) -> &'static str {
        "ta-lib 0.8.3, handles, bar by bar"
    }

    fn values(&self, series: &Series) -> Result<Vec<[f64; 15]>> {
        let mut ten = Ten::open(series).map_err(failed)?;
        series.bars[WARM_UP..].iter().map(|bar| ten.update(bar).map_err(failed)).collect()
    }

    fn turn(&mut self, series: &Series) -> Result<Duration> {
        let mut ten = Ten::open(series).map_err(failed)?;
        timed(|| {
            for bar in &series.bars[WARM_UP..] {
                black_box(ten.update(bar).map_err(failed)?);
            }
            Ok(())
        })
    }
}

/// Whole columns.
pub(crate) struct Batch;

/// The values of each output for the bars behind the warm-up. The columns are there before.
fn batch(core: &Core, series: &Series, out: &mut [Vec<f64>; 15]) -> Result<(), RetCode> {
    let (first, last) = (WARM_UP, series.close.len() - 1);
    let (high, low, close, volume) = (&series.high[..], &series.low[..], &series.close[..], &series.volume[..]);
    let [sma, ema, rsi, line, signal, hist, upper, middle, lower, atr, adx, k, d, obv, vwap] = out;
    core.sma(first, last, close, 20, sma)?;
    core.ema(first, last, close, 20, ema)?;
    core.rsi(first, last, close, 14, rsi)?;
    core.macd(first, last, close, 12, 26, 9, line, signal, hist)?;
    core.bbands(first, last, close, 20, 2.0, 2.0, MAType::SMA, upper, middle, lower)?;
    core.atr(first, last, high, low, close, 14, atr)?;
    core.adx(first, last, high, low, close, 14, adx)?;
    core.stoch(first, last, high, low, close, 14, 3, MAType::SMA, 3, MAType::SMA, k, d)?;
    core.obv(0, last, close, volume, obv)?;
    core.vwap(0, last, high, low, close, volume, vwap)?;
    Ok(())
}

impl Contestant for Batch {
    fn name(&self) -> &'static str {
        "ta-lib 0.8.3, whole columns at once"
    }

    /// It begins anew at the first bar that it is asked for.
    fn agreement(&self) -> (usize, f64) {
        (1_000, 1e-9)
    }

    fn values(&self, series: &Series) -> Result<Vec<[f64; 15]>> {
        let mut out = [(); 15].map(|()| vec![0.0; series.close.len()]);
        batch(&Core::new(), series, &mut out).map_err(failed)?;
        // The cumulative ones began at bar 0.
        let at = |output: usize, index: usize| out[output][if output > 12 { index + WARM_UP } else { index }];
        let bars = series.bars.len() - WARM_UP;
        Ok((0..bars).map(|index| std::array::from_fn(|output| at(output, index))).collect())
    }

    fn turn(&mut self, series: &Series) -> Result<Duration> {
        let (core, mut out) = (Core::new(), [(); 15].map(|()| vec![0.0; series.close.len()]));
        timed(|| {
            batch(&core, series, &mut out).map_err(failed)?;
            black_box(&mut out);
            Ok(())
        })
    }
}
