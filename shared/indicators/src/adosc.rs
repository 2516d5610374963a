//! Chaikin's oscillator of accumulation and distribution.

use crate::{
    Bar,
    ad::Ad,
    average::ExponentialAverage,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values, fast_and_slow},
};

/// How far a fast average of the accumulation/distribution line has left a slow one.
///
/// - Formula: fast EMA − slow EMA of [`Ad`].
/// - Seed: both averages begin at bar 0 with the line's value there, *not* with a simple average.
/// - First value at index slow − 1.
/// - Edges: those of [`Ad`]. TA-Lib takes a fast period that is longer, and gives the negated value.
/// - Source: [`TA_ADOSC`](https://ta-lib.org/functions/adosc); Marc Chaikin.
#[derive(Debug, Clone, PartialEq)]
pub struct Adosc {
    line: Ad,
    fast: ExponentialAverage,
    slow: ExponentialAverage,
}

impl Kernel<1> for Adosc {
    const NAME: &'static str = "ADOSC";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("fast", 3), Parameter::period("slow", 10)];
    const VOLUME: bool = true;

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        let (fast, slow) = (values.period(0), values.period(1));
        fast_and_slow(fast, slow)?;
        Ok(Self { line: Ad, fast: ExponentialAverage::ema(fast), slow: ExponentialAverage::ema(slow) })
    }

    fn lookback(&self) -> u32 {
        self.slow.lookback()
    }

    fn settling(&self) -> u32 {
        // The seed is that of bar 0, long before the first value.
        self.slow.settling().saturating_sub(self.lookback())
    }

    fn layout(&self, layout: &mut Layout) {
        self.line.layout(layout);
        self.fast.layout(layout, Degree::VOLUME);
        self.slow.layout(layout, Degree::VOLUME);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let [line] = self.line.update(state, bar)?;
        let [fast, slow] = state.take();
        if state.seen == 0 {
            (*fast, *slow) = (line, line);
        } else {
            self.fast.follow(fast, line);
            self.slow.follow(slow, line);
        }
        (state.seen >= self.lookback()).then_some([*fast - *slow])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        ad::naive_line,
        check::{bars, check_within},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_averages_begin_with_the_first_value_of_the_line(fast in 2_u16..6, more in 1_u16..6, bars in bars()) {
            let slow = fast + more;
            check_within(&format!("ADOSC({fast},{slow})"), &bars, 1e-6, |index| {
                let ema = |period: u16| {
                    let weight = 2.0 / (f64::from(period) + 1.0);
                    let lines = (1..=index).map(|index| naive_line(&bars[..=index]));
                    lines.fold(naive_line(&bars[..1]), |ema, line| weight * line + (1.0 - weight) * ema)
                };
                (index + 1 >= usize::from(slow)).then(|| [ema(fast) - ema(slow)])
            });
        }
    }
}
