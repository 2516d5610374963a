//! How kernels are tested: each against a formula that is slow and obviously right.

use proptest::prelude::*;

use crate::{Bar, IndicatorSet, Indicators};

/// Feeds the bars to the indicator of that text and compares every value with what `naive` says about the
/// index, `peek` with `update`, and a set that is saved and restored after every bar with one that is not.
///
/// A value may be off by 1e-11 of itself or, as rounding errors are relative to what went in, of the largest price.
pub(crate) fn check<const N: usize>(text: &str, bars: &[Bar], naive: impl Fn(usize) -> Option<[f64; N]>) {
    let largest = bars.iter().map(|bar| bar.high.abs().max(bar.low.abs())).fold(1.0, f64::max);
    check_within(text, bars, 1e-11 * largest, naive);
}

/// The same where a value may be off by 1e-11 of itself or by `absolute`.
pub(crate) fn check_within<const N: usize>(
    text: &str,
    bars: &[Bar],
    absolute: f64,
    naive: impl Fn(usize) -> Option<[f64; N]>,
) {
    let indicators: Indicators = text.parse().unwrap();
    let lookback = indicators.iter().next().unwrap().lookback() as usize;
    assert_eq!(indicators.names().len(), N, "outputs of {text}");
    let mut set = indicators.start();
    for (index, bar) in bars.iter().enumerate() {
        let mut bytes = Vec::new();
        set.encode(&mut bytes);
        let mut restored = indicators.resume(&bytes).unwrap();
        assert_eq!(restored, set);
        let peek = values(&set.peek(bar).unwrap());
        set.update(bar).unwrap();
        restored.update(bar).unwrap();
        assert_eq!(restored, set, "{text} after it was restored before bar {index}");
        let update = values(&set);
        assert_eq!(peek, update, "peek and update of {text} differ at {index}");
        assert_eq!(values(&restored), update, "{text} restored before {index}");
        let expected = naive(index);
        assert_eq!(update.iter().all(Option::is_some), index >= lookback, "{text}: lookback {lookback}, index {index}");
        assert_eq!(update.iter().any(Option::is_some), expected.is_some(), "{text}: first value at {index}");
        for (value, expected) in update.into_iter().flatten().zip(expected.into_iter().flatten()) {
            let (value, tolerance) = (f64::from_bits(value), absolute.max(1e-11 * expected.abs()));
            assert!((value - expected).abs() <= tolerance, "{text}: {value} instead of {expected} at {index}");
        }
    }
}

/// The values of the only output of the indicator of that text after each bar.
pub(crate) fn run(text: &str, bars: &[Bar]) -> Vec<Option<f64>> {
    let mut set = text.parse::<Indicators>().unwrap().start();
    bars.iter().map(|bar| set.update(bar).unwrap().value(0)).collect()
}

/// The bits of all values.
fn values(set: &IndicatorSet) -> Vec<Option<u64>> {
    set.readings().values().map(|value| value.map(f64::to_bits)).collect()
}

/// The exponential average in closed form: what is left of the seed, and each later input with its weight.
pub(crate) fn weighted(inputs: &[f64], period: u16, weight: f64) -> Option<f64> {
    let (seed, rest) = inputs.split_at_checked(usize::from(period))?;
    let left = |age: usize| (1.0 - weight).powi(age as i32);
    let mean = seed.iter().sum::<f64>() / f64::from(period);
    let later = rest.iter().rev().enumerate().map(|(age, input)| weight * left(age) * input).sum::<f64>();
    Some(mean * left(rest.len()) + later)
}

/// All values of an EMA of these inputs, the first of which belongs to input number `period`.
pub(crate) fn emas(inputs: &[f64], period: u16) -> Vec<f64> {
    let weight = 2.0 / (f64::from(period) + 1.0);
    (usize::from(period)..=inputs.len()).filter_map(|end| weighted(&inputs[..end], period, weight)).collect()
}

/// All linearly weighted means of these inputs, the first of which belongs to input number `period`.
pub(crate) fn linear(inputs: &[f64], period: u16) -> Vec<f64> {
    let weights = || (1..=period).map(f64::from);
    let mean = |window: &[f64]| weights().zip(window).map(|(weight, input)| weight * input).sum::<f64>();
    inputs.windows(period.into()).map(|window| mean(window) / weights().sum::<f64>()).collect()
}

/// The closes.
pub(crate) fn closes(bars: &[Bar]) -> Vec<f64> {
    bars.iter().map(|bar| bar.close).collect()
}

/// A bar in which nothing moves.
pub(crate) fn flat(price: f64) -> Bar {
    Bar { open: price, high: price, low: price, close: price, volume: None, session: 0 }
}

/// The close if the price jumps, and how far the bar reaches beyond open and close.
type Step = (Option<f64>, f64, f64);

/// Short series long enough for several rebuilds of a short window: prices that jump, creep or stay, with
/// volumes of which some are zero, and a new session every 17 bars.
pub(crate) fn bars() -> impl Strategy<Value = Vec<Bar>> {
    let step = prop_oneof![
        3 => (0.01..1000.0, 0.0..5.0, 0.0..5.0).prop_map(|(close, up, down)| (Some(close), up, down)),
        1 => (0.0..5.0, 0.0..5.0).prop_map(|(up, down)| (None, up, down)),
        2 => Just((None, 0.0, 0.0)),
    ];
    let volume = prop_oneof![1 => Just(0_u32), 4 => 0_u32..1_000_000];
    prop::collection::vec((step, volume), 0..150).prop_map(|steps| {
        let mut close = 100.0;
        let bar = |(index, ((jump, up, down), volume)): (usize, (Step, u32))| {
            let open = close;
            close = jump.unwrap_or(close);
            let (high, low) = (open.max(close) + up, open.min(close) - down);
            Bar { open, high, low, close, volume: Some(volume.into()), session: index as u32 / 17 }
        };
        steps.into_iter().enumerate().map(bar).collect()
    })
}
