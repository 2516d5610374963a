//! Who takes part: what it is asked for, and how it is timed.

use std::{hint::black_box, time::Duration};

use anyhow::Result;
use indicators::{Bar, Indicators};
use rustix::time::{ClockId, clock_gettime};

/// How many bars everyone has seen before the clock starts. TA-Lib's handles begin with a history.
pub(crate) const WARM_UP: usize = 500;

/// The bars, and their columns for who reads those.
pub(crate) struct Series {
    pub(crate) bars: Vec<Bar>,
    pub(crate) high: Vec<f64>,
    pub(crate) low: Vec<f64>,
    pub(crate) close: Vec<f64>,
    pub(crate) volume: Vec<f64>,
}

impl Series {
    pub(crate) fn of(bars: Vec<Bar>) -> Self {
        let column = |of: fn(&Bar) -> f64| bars.iter().map(of).collect();
        let (high, low, close) = (column(|bar| bar.high), column(|bar| bar.low), column(|bar| bar.close));
        Self { high, low, close, volume: column(|bar| bar.volume.unwrap_or(0.0)), bars }
    }
}

/// One that computes the ten indicators of the default set, or some of them.
pub(crate) trait Contestant {
    fn name(&self) -> &'static str;

    /// Which of the ten it does not have.
    fn lacks(&self) -> &'static [&'static str] {
        &[]
    }

    /// Which of the ten it computes by another formula, or from another seed for good.
    fn other(&self) -> &'static [&'static str] {
        &[]
    }

    /// After how many bars it agrees with us, and within which part of the value.
    fn agreement(&self) -> (usize, f64) {
        (0, 1e-9)
    }

    /// Whether that output is missing, or another formula's.
    fn leaves_out(&self, _output: usize) -> bool {
        false
    }

    /// The values of all outputs for each bar behind the warm-up, in the order of the default set; NaN where it has none.
    fn values(&self, series: &Series) -> Result<Vec<[f64; 15]>>;

    /// The processor time for the bars behind the warm-up.
    fn turn(&mut self, series: &Series) -> Result<Duration>;
}

/// The processor time of this thread.
pub(crate) fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// Runs it between two looks at the clock.
pub(crate) fn timed(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = processor_time();
    run()?;
    Ok(processor_time() - begun)
}

/// Ours.
pub(crate) struct Engine;

impl Contestant for Engine {
    fn name(&self) -> &'static str {
        "kinetick, bar by bar"
    }

    fn values(&self, series: &Series) -> Result<Vec<[f64; 15]>> {
        let mut set = Indicators::default().start();
        let mut all = Vec::new();
        for bar in &series.bars {
            let mut values = [f64::NAN; 15];
            for (value, reading) in values.iter_mut().zip(set.update(bar)?.values()) {
                *value = reading.unwrap_or(f64::NAN);
            }
            all.push(values);
        }
        Ok(all.split_off(WARM_UP))
    }

    fn turn(&mut self, series: &Series) -> Result<Duration> {
        let mut set = Indicators::default().start();
        let (before, bars) = series.bars.split_at(WARM_UP);
        for bar in before {
            set.update(bar)?;
        }
        timed(|| {
            for bar in bars {
                black_box(set.update(bar)?);
            }
            Ok(())
        })
    }
}

/// A contestant that takes one bar after the other.
pub(crate) trait Stream: Sized {
    /// Its state before the first bar.
    fn start(series: &Series) -> Result<Self>;

    /// The values after the bar of that index, in the order of the default set; NaN where it has none.
    fn update(&mut self, bars: &[Bar], index: usize) -> Result<[f64; 15]>;
}

/// All values of a stream behind the warm-up.
pub(crate) fn values<S: Stream>(series: &Series) -> Result<Vec<[f64; 15]>> {
    let mut stream = S::start(series)?;
    let all: Result<Vec<_>> = (0..series.bars.len()).map(|index| stream.update(&series.bars, index)).collect();
    Ok(all?.split_off(WARM_UP))
}

/// What a stream takes behind the warm-up.
pub(crate) fn turn<S: Stream>(series: &Series) -> Result<Duration> {
    let mut stream = S::start(series)?;
    let bars = &series.bars[..];
    for index in 0..WARM_UP {
        stream.update(bars, index)?;
    }
    timed(|| {
        for index in WARM_UP..bars.len() {
            black_box(stream.update(bars, index)?);
        }
        Ok(())
    })
}
