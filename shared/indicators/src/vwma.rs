//! Volume-weighted moving average.

use std::mem;

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    order::larger,
    parameter::{Conflict, Parameter, Values},
    window::{FAR, WINDOWS, mean},
};

/// Below which part of its peak a volume counts as lost in the rounding errors of its sum.
const COLLAPSE: f64 = 1.0 / 64.0;

/// The mean of the last `period` closes, each as heavy as the volume of its bar.
///
/// - Formula: Σ volume · close / Σ volume, over the window.
/// - First value at index period − 1. Bars without a volume are passed over and do not count.
/// - Edges: where all volumes of the window are zero, each close weighs the same and the value is the simple
///   mean; TA-Lib and TradingView give NaN. A volume below zero counts as zero. A flat series gives exactly its
///   price. A misprint of price or volume is forgotten when it leaves the window.
/// - Source: [`TA_VWMA`](https://ta-lib.org/functions/vwma), since 0.8, whose default period is 30; 20 is that
///   of TradingView.
#[derive(Debug, Clone, PartialEq)]
pub struct Vwma {
    period: u16,
    /// 1 / period.
    part: f64,
}

/// Sums over the window of distances to an anchor near the closes, made anew from the closes and volumes every
/// 8 windows, when a close leaves that was far from all others, and when little of the volume is left.
struct Sums<'a> {
    anchor: &'a mut f64,
    /// Σ (close − anchor).
    distance: &'a mut f64,
    /// Σ volume.
    volume: &'a mut f64,
    /// The largest of it since it was made anew.
    peak: &'a mut f64,
    /// Σ volume · (close − anchor).
    flow: &'a mut f64,
}

impl Sums<'_> {
    #[inline(always)]
    fn add(&mut self, close: f64, volume: f64) {
        *self.distance += close - *self.anchor;
        *self.volume += volume;
        *self.flow += volume * (close - *self.anchor);
    }

    #[cold]
    fn anew(&mut self, closes: &[f64], volumes: &[f64], part: f64) {
        *self.anchor = mean(closes, closes[0], part);
        (*self.distance, *self.volume, *self.flow) = (0.0, 0.0, 0.0);
        for (close, volume) in closes.iter().zip(volumes) {
            self.add(*close, *volume);
        }
        *self.peak = *self.volume;
    }

    #[inline(always)]
    fn mean(&self, part: f64) -> f64 {
        *self.anchor + *self.distance * part
    }

    #[inline(always)]
    fn value(&self, part: f64) -> f64 {
        if *self.volume > 0.0 { *self.anchor + *self.flow / *self.volume } else { self.mean(part) }
    }
}

impl Kernel<1> for Vwma {
    const NAME: &'static str = "VWMA";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 20)];
    const VOLUME: bool = true;

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        let period = values.period(0);
        Ok(Self { period, part: 1.0 / f64::from(period) })
    }

    fn lookback(&self) -> u32 {
        u32::from(self.period) - 1
    }

    fn layout(&self, layout: &mut Layout) {
        layout.numbers(self.period, Degree::PRICE);
        layout.numbers(self.period, Degree::VOLUME);
        layout.count(u32::from(self.period) - 1);
        for degree in [Degree::PRICE, Degree::PRICE, Degree::VOLUME, Degree::VOLUME, Degree::NONE] {
            layout.number(degree);
        }
        layout.count(WINDOWS * u32::from(self.period));
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let (seen, period) = (state.seen, u32::from(self.period));
        let (closes, volumes, at) = (state.list(self.period), state.list(self.period), state.count());
        let ([anchor, distance, volume, peak, flow], rest) = (state.take(), state.count());
        let mut sums = Sums { anchor, distance, volume, peak, flow };
        let (close, volume) = (bar.close, larger(bar.volume?, 0.0));
        let place = *at as usize;
        let (gone_close, gone) = (mem::replace(&mut closes[place], close), mem::replace(&mut volumes[place], volume));
        *at = if place + 1 == closes.len() { 0 } else { *at + 1 };
        if seen == 0 {
            (*sums.anchor, *rest) = (close, WINDOWS * period);
        }
        sums.add(close, volume);
        let mut far = false;
        if seen >= period {
            let gone_distance = gone_close - *sums.anchor;
            *sums.distance -= gone_distance;
            *sums.volume -= gone;
            *sums.flow -= gone * gone_distance;
            far = gone_distance.abs() > FAR * sums.mean(self.part).abs();
        }
        *sums.peak = larger(*sums.volume, *sums.peak);
        if *rest > 1 && !far && *sums.volume >= COLLAPSE * *sums.peak {
            *rest -= 1;
        } else {
            sums.anew(closes, volumes, self.part);
            *rest = WINDOWS * period;
        }
        (seen + 1 >= period).then(|| [sums.value(self.part)])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Bar,
        check::{bars, check, flat, run},
    };
    use proptest::prelude::*;

    fn naive(window: &[Bar]) -> f64 {
        let weights: Vec<f64> = window.iter().map(|bar| bar.volume.unwrap().max(0.0)).collect();
        let volume: f64 = weights.iter().sum();
        if volume == 0.0 {
            return window.iter().map(|bar| bar.close).sum::<f64>() / window.len() as f64;
        }
        window.iter().zip(weights).map(|(bar, weight)| bar.close * (weight / volume)).sum()
    }

    fn bar(close: f64, volume: f64) -> Bar {
        Bar { volume: Some(volume), ..flat(close) }
    }

    proptest! {
        #[test]
        fn a_close_weighs_as_much_as_its_volume(period in 2_u16..8, bars in bars()) {
            let n = usize::from(period);
            check(&format!("VWMA({period})"), &bars, |index| Some([naive(&bars[(index + 1).checked_sub(n)?..=index])]));
        }
    }

    #[test]
    fn without_volume_it_is_the_simple_mean() {
        let mut bars: Vec<_> = (0..100).map(|index| bar(100.1 + 0.3 * f64::from(index % 7), 1000.3)).collect();
        for empty in &mut bars[40..60] {
            empty.volume = Some(0.0);
        }
        bars[70].volume = Some(-50.0);
        for (index, value) in run("VWMA(5)", &bars).into_iter().enumerate().skip(4) {
            let (value, expected) = (value.unwrap(), naive(&bars[index - 4..=index]));
            assert!((value - expected).abs() <= 1e-14 * expected, "{value} instead of {expected} at {index}");
        }
    }

    #[test]
    fn misprints_of_price_and_volume_leave_no_trace_once_they_have_left_the_window() {
        let misprints = [(1e9, 100.0), (1e9, 0.0), (100.0, 1e15), (1e9, 1e15), (-1e9, 1e3), (1e-9, 1e9)];
        for (close, volume) in misprints {
            for at in [5, 19, 20, 160, 500, 507] {
                let mut random = fastrand::Rng::with_seed(4);
                let mut bars: Vec<_> =
                    (0..1_000).map(|_| bar(100.0 + random.f64(), f64::from(random.u32(..100)))).collect();
                bars[at] = bar(close, volume);
                for (index, value) in run("VWMA(20)", &bars).into_iter().enumerate().skip(at + 20) {
                    let (value, expected) = (value.unwrap(), naive(&bars[index - 19..=index]));
                    assert!((value - expected).abs() <= 1e-13 * expected, "{value} instead of {expected} at {index}");
                }
            }
        }
    }

    #[test]
    fn volumes_that_dwindle_bar_by_bar_keep_their_weights() {
        let bars: Vec<_> =
            (0..300).map(|index| bar(100.0 + f64::from(index % 3), 1e30 / 30_f64.powi(index % 40))).collect();
        for (index, value) in run("VWMA(5)", &bars).into_iter().enumerate().skip(4) {
            let (value, expected) = (value.unwrap(), naive(&bars[index - 4..=index]));
            assert!((value - expected).abs() <= 1e-13 * expected, "{value} instead of {expected} at {index}");
        }
    }

    #[test]
    fn a_flat_series_gives_exactly_its_price() {
        let values = run("VWMA(20)", &[bar(101.37, 1234.5); 1000]);
        assert!(values[19..].iter().all(|value| *value == Some(101.37)));
    }
}
