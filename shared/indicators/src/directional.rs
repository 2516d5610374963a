//! Wilder's directional movement: how far each bar reaches out of the one before, and which way.

use crate::{
    Bar,
    atr::true_range,
    average::ExponentialAverage,
    layout::{Degree, Layout, State},
    order::{larger, smaller},
};

/// Under which part of the true ranges, in per cent, all directional movement counts as none.
const NONE: f64 = 1e-14;

/// The directional movements and true ranges of the last bars, each as Wilder's sum.
///
/// A bar that reaches higher above the high before it than below the low before it has an upward movement
/// of as much and no downward one, and the other way round. One that reaches out equally far on both
/// sides, or on none, has neither. Each sum is that of bars 1 to period − 1, and from bar `period` on
/// sum += input − sum / period. Nothing is ever taken out of them but a part of themselves, so they are
/// never negative and keep their relative accuracy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DirectionalMovement {
    period: u16,
    /// 1 / period.
    part: f64,
}

/// The three sums after a bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sums {
    pub(crate) plus: f64,
    pub(crate) minus: f64,
    range: f64,
}

impl DirectionalMovement {
    pub(crate) fn new(period: u16) -> Self {
        Self { period, part: 1.0 / f64::from(period) }
    }

    /// How many bars come before the first sums.
    pub(crate) fn lookback(&self) -> u32 {
        self.period.into()
    }

    /// How many more bars come before a thousandth of the first sums is left.
    pub(crate) fn settling(&self) -> u32 {
        ExponentialAverage::wilder(self.period).settling()
    }

    pub(crate) fn layout(&self, layout: &mut Layout) {
        // The previous high, low and close, and the sums.
        layout.numbers(6, Degree::PRICE);
    }

    /// Takes the next bar.
    #[inline(always)]
    pub(crate) fn push(&self, state: &mut State<'_>, bar: &Bar) -> Option<Sums> {
        let [high, low, close, plus, minus, range] = state.take();
        let (up, down) = (bar.high - *high, *low - bar.low);
        let travelled = true_range(bar, *close);
        (*high, *low, *close) = (bar.high, bar.low, bar.close);
        if state.seen == 0 {
            return None;
        }
        let full = state.seen >= u32::from(self.period);
        let part = if full { self.part } else { 0.0 };
        *plus += (if up > larger(down, 0.0) { up } else { 0.0 }) - *plus * part;
        *minus += (if down > larger(up, 0.0) { down } else { 0.0 }) - *minus * part;
        *range += travelled - *range * part;
        full.then_some(Sums { plus: *plus, minus: *minus, range: *range })
    }
}

impl Sums {
    /// A movement in per cent of the true range; zero where there is none.
    ///
    /// Closes outside of high and low can make a movement longer than the true range, up to where the
    /// quotient is no finite number. That is zero, too.
    #[inline(always)]
    pub(crate) fn indicator(&self, movement: f64) -> f64 {
        let percentage = 100.0 * (movement / self.range);
        if self.range >= f64::MIN_POSITIVE && percentage.is_finite() { percentage } else { 0.0 }
    }

    /// How one-sided the movement is, 0 to 100; `None` where there is none.
    ///
    /// TA-Lib takes the difference of both indicators and divides by their sum. The true range falls out of this.
    #[inline(always)]
    pub(crate) fn index(&self) -> Option<f64> {
        let all = self.plus + self.minus;
        let some = 100.0 * all >= NONE * self.range;
        // Below the smallest normal number a quotient is noise.
        (some && smaller(all, self.range) >= f64::MIN_POSITIVE).then(|| 100.0 * ((self.plus - self.minus).abs() / all))
    }
}

/// The formula for tests, from the first bar on.
#[cfg(test)]
pub(crate) mod naive {
    use crate::Bar;

    /// Upward and downward movement and true range of each bar but the first.
    fn movements(bars: &[Bar]) -> Vec<[f64; 3]> {
        bars.windows(2)
            .map(|two| {
                let (up, down) = (two[1].high - two[0].high, two[0].low - two[1].low);
                let range = two[1].high.max(two[0].close) - two[1].low.min(two[0].close);
                [if up > down && up > 0.0 { up } else { 0.0 }, if down > up && down > 0.0 { down } else { 0.0 }, range]
            })
            .collect()
    }

    /// The sums after each bar from index `period` on: what is left of those of the first bars, and each later input.
    fn sums(bars: &[Bar], period: u16) -> Vec<[f64; 3]> {
        let (movements, n, left) = (movements(bars), usize::from(period), 1.0 - 1.0 / f64::from(period));
        (n..bars.len())
            .map(|index| {
                let weight = |bar: usize| left.powi((index - bar.max(n - 1)) as i32);
                [0, 1, 2].map(|which| (1..=index).map(|bar| weight(bar) * movements[bar - 1][which]).sum())
            })
            .collect()
    }

    /// +DI and −DI after each bar from index `period` on.
    pub(crate) fn indicators(bars: &[Bar], period: u16) -> Vec<[f64; 2]> {
        let percentage = |part: f64, all: f64| if all > 0.0 { 100.0 * part / all } else { 0.0 };
        sums(bars, period)
            .into_iter()
            .map(|[plus, minus, range]| [percentage(plus, range), percentage(minus, range)])
            .collect()
    }

    /// DX after each bar from index `period` on, if there was any movement.
    pub(crate) fn indices(bars: &[Bar], period: u16) -> Vec<Option<f64>> {
        let index = |[plus, minus]: [f64; 2]| {
            let all = plus + minus;
            (all >= 1e-14).then(|| 100.0 * (plus - minus).abs() / all)
        };
        indicators(bars, period).into_iter().map(index).collect()
    }
}
