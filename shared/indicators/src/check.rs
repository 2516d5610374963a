//! How kernels are tested: each against a formula that is slow and obviously right.

use proptest::prelude::*;

use crate::{Bar, kernel::Kernel};

/// Feeds the bars and compares every value with what `naive` says about the index, and `peek` with `update`.
///
/// A value may be off by 1e-11 of itself or, as rounding errors are relative to what went in, of the largest price.
pub(crate) fn check<const N: usize, K: Kernel<N>>(
    mut kernel: K,
    bars: &[Bar],
    naive: impl Fn(usize) -> Option<[f64; N]>,
) {
    let largest = bars.iter().map(|bar| bar.high).fold(1.0, f64::max);
    for (index, bar) in bars.iter().enumerate() {
        let (peek, update) = (kernel.peek(bar), kernel.update(bar));
        assert_eq!(peek, update, "peek and update differ at {index}");
        let expected = naive(index);
        assert_eq!(update.is_some(), index >= kernel.lookback(), "lookback {}, index {index}", kernel.lookback());
        assert_eq!(update.is_some(), expected.is_some(), "first value at {index}");
        for (value, expected) in update.into_iter().flatten().zip(expected.into_iter().flatten()) {
            let tolerance = 1e-11 * largest.max(expected.abs());
            assert!((value - expected).abs() <= tolerance, "{value} instead of {expected} at {index}");
        }
    }
}

/// The exponential average in closed form: what is left of the seed, and each later input with its weight.
pub(crate) fn weighted(inputs: &[f64], period: u16, weight: f64) -> Option<f64> {
    let (seed, rest) = inputs.split_at_checked(usize::from(period))?;
    let left = |age: usize| (1.0 - weight).powi(age as i32);
    let mean = seed.iter().sum::<f64>() / f64::from(period);
    let later = rest.iter().rev().enumerate().map(|(age, input)| weight * left(age) * input).sum::<f64>();
    Some(mean * left(rest.len()) + later)
}

/// The closes.
pub(crate) fn closes(bars: &[Bar]) -> Vec<f64> {
    bars.iter().map(|bar| bar.close).collect()
}

/// A bar in which nothing moves.
pub(crate) fn flat(price: f64) -> Bar {
    Bar { open: price, high: price, low: price, close: price, volume: None }
}

/// Short series long enough for several rebuilds of a short window: prices that jump, creep or stay.
pub(crate) fn bars() -> impl Strategy<Value = Vec<Bar>> {
    let step = prop_oneof![
        3 => (0.01..1000.0, 0.0..5.0, 0.0..5.0).prop_map(|(close, up, down)| (Some(close), up, down)),
        1 => (0.0..5.0, 0.0..5.0).prop_map(|(up, down)| (None, up, down)),
        2 => Just((None, 0.0, 0.0)),
    ];
    prop::collection::vec(step, 0..150).prop_map(|steps| {
        let mut close = 100.0;
        let bar = |(jump, up, down): (Option<f64>, f64, f64)| {
            let open = close;
            close = jump.unwrap_or(close);
            Bar { open, high: open.max(close) + up, low: open.min(close) - down, close, volume: None }
        };
        steps.into_iter().map(bar).collect()
    })
}
