//! Aroon.

use crate::{
    Bar,
    age::HighestAge,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
};

/// How recent the lowest low and the highest high are.
///
/// - Formula: 100 · (period − age) / period, where the age is the number of bars since the lowest low
///   (`.down`) or the highest high (`.up`) of the last period + 1 bars: 100 is this bar, 0 the oldest.
/// - First values at index `period`.
/// - Edges: of equal extremes the latest counts, so a flat series gives 100 twice.
/// - Source: [`TA_AROON`](https://ta-lib.org/functions/aroon), whose order of outputs this is; Tushar S.
///   Chande, A Time Price Oscillator, Technical Analysis of Stocks & Commodities, September 1995.
#[derive(Debug, Clone, PartialEq)]
pub struct Aroon {
    period: u16,
    age: HighestAge,
}

impl Aroon {
    pub(crate) fn new(period: u16) -> Self {
        Self { period, age: HighestAge::new(period) }
    }

    /// The ages of the lowest low and of the highest high after the next bar.
    #[inline(always)]
    pub(crate) fn ages(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 2]> {
        let low = self.age.push(state, -bar.low);
        let high = self.age.push(state, bar.high);
        (state.seen >= u32::from(self.period)).then(|| [low, high].map(f64::from))
    }

    pub(crate) fn period(&self) -> f64 {
        self.period.into()
    }
}

impl Kernel<2> for Aroon {
    const NAME: &'static str = "AROON";
    const SUFFIXES: [&'static str; 2] = [".down", ".up"];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 14)];

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self::new(values.period(0)))
    }

    fn lookback(&self) -> u32 {
        self.period.into()
    }

    fn layout(&self, layout: &mut Layout) {
        self.age.layout(layout, Degree::PRICE);
        self.age.layout(layout, Degree::PRICE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 2]> {
        let (ages, period) = (self.ages(state, bar)?, self.period());
        Some(ages.map(|age| 100.0 * (period - age) / period))
    }
}

/// The ages for tests, by looking at each bar of the window.
#[cfg(test)]
pub(crate) fn naive(bars: &[Bar], period: u16, index: usize) -> Option<[f64; 2]> {
    let window = &bars[index.checked_sub(period.into())?..=index];
    let age = |of: fn(&Bar) -> f64| {
        let highest = window.iter().map(of).fold(f64::MIN, f64::max);
        window.iter().rev().position(|bar| of(bar) == highest).map(|age| age as f64)
    };
    Some([age(|bar| -bar.low)?, age(|bar| bar.high)?])
}

#[cfg(test)]
mod tests {
    use super::naive;
    use crate::{
        Bar,
        check::{bars, check, flat},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_counts_down_from_the_latest_extreme(period in 2_u16..12, bars in bars()) {
            check(&format!("AROON({period})"), &bars, |index| {
                let n = f64::from(period);
                Some(naive(&bars, period, index)?.map(|age| 100.0 * (n - age) / n))
            });
        }
    }

    #[test]
    fn its_ends_are_exact() {
        check("AROON(49)", &[flat(101.37); 200], |index| (index >= 49).then_some([100.0; 2]));
        let rising: Vec<Bar> = (0..200).map(|index| flat(index.into())).collect();
        check("AROON(49)", &rising, |index| (index >= 49).then_some([0.0, 100.0]));
    }
}
