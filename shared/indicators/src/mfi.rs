//! Money flow index.

use std::mem;

use crate::{
    Bar,
    kernel::Kernel,
    layout::{Degree, Layout, State},
    parameter::{Conflict, Parameter, Values},
    shares::Shares,
    vwap::typical_price,
};

/// The share of money that flowed while prices rose in all money that flowed, 0 to 100.
///
/// - Formula: typical price = (high + low + close) / 3, flow = typical price · volume, counted only where the
///   typical price changed; 100 · Σ flow of bars with a rise / Σ flow over the last `period` changes.
/// - First value at index `period`, since bar 0 has no change.
/// - Edges: a change of no more than 1e-14 of both prices is none, as in TA-Lib 0.8; before, every rounding
///   error was one. No flow at all gives 0. Of a flow of negative price or volume the size counts, so that
///   the share stays one; TA-Lib gives 0 while such flows prevail.
/// - Source: [`TA_MFI`](https://ta-lib.org/functions/mfi); Gene Quong and Avrum Soudack, 1989.
#[derive(Debug, Clone, PartialEq)]
pub struct Mfi {
    shares: Shares<1>,
}

impl Kernel<1> for Mfi {
    const NAME: &'static str = "MFI";
    const SUFFIXES: [&'static str; 1] = [""];
    const PARAMETERS: &'static [Parameter] = &[Parameter::period("period", 14)];
    const VOLUME: bool = true;

    fn with(values: Values<'_>) -> Result<Self, Conflict> {
        Ok(Self { shares: Shares::new([values.period(0)]) })
    }

    fn lookback(&self) -> u32 {
        self.shares.longest().into()
    }

    fn layout(&self, layout: &mut Layout) {
        layout.number(Degree::PRICE);
        // Price times volume.
        self.shares.layout(layout, Degree::NONE);
    }

    #[inline(always)]
    fn update(&self, state: &mut State<'_>, bar: &Bar) -> Option<[f64; 1]> {
        let price = typical_price(bar);
        let previous = mem::replace(state.number(), price);
        let index = state.seen.checked_sub(1)?;
        let change = price - previous;
        let still = change.abs() <= 1e-14 * (price.abs() + previous.abs());
        let flow = if still { 0.0 } else { (price * bar.volume.unwrap_or_default()).abs() };
        // Multiplied rather than branched on: the direction of a price is a coin that is tossed.
        let [share] = self.shares.push(state, f64::from(u8::from(change > 0.0)) * flow, flow);
        (index + 1 >= self.lookback()).then_some([100.0 * share])
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Bar,
        check::{bars, check, run},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_share_of_the_flow_of_rising_bars(period in 2_u16..8, bars in bars()) {
            let price = |bar: &Bar| (bar.high + bar.low + bar.close) / 3.0;
            check(&format!("MFI({period})"), &bars, |index| {
                let first = (index + 1).checked_sub(period.into()).filter(|first| *first > 0)?;
                let (mut rising, mut all) = (0.0, 0.0);
                for two in bars[first - 1..=index].windows(2) {
                    let (change, flow) = (price(&two[1]) - price(&two[0]), price(&two[1]) * two[1].volume.unwrap());
                    if change.abs() > 1e-14 * (price(&two[0]).abs() + price(&two[1]).abs()) {
                        all += flow.abs();
                        rising += if change > 0.0 { flow.abs() } else { 0.0 };
                    }
                }
                Some([if all == 0.0 { 0.0 } else { 100.0 * rising / all }])
            });
        }
    }

    fn bar(close: f64, volume: f64) -> Bar {
        Bar { open: close, high: close, low: close, close, volume: Some(volume), session: 0 }
    }

    #[test]
    fn a_window_without_flow_is_exactly_zero() {
        let mut bars: Vec<Bar> = (0..50).map(|index| bar(10.1 + f64::from(index % 5), 1e9 / 7.0)).collect();
        bars.extend((0..20).map(|index| bar(10.1 + f64::from(index % 5), 0.0)));
        let values = run("MFI(14)", &bars);
        assert!(values[62].unwrap() > 0.0);
        assert_eq!(values[63..], vec![Some(0.0); 7]);
    }

    #[test]
    fn a_rounding_error_is_no_change_of_the_price() {
        let bars: Vec<Bar> = (0..30).map(|index| bar(if index % 2 == 0 { 0.1 + 0.2 } else { 0.3 }, 5.0)).collect();
        check("MFI(2)", &bars, |index| (index >= 2).then_some([0.0]));
    }

    #[test]
    fn negative_prices_have_a_share_too() {
        let bars: Vec<Bar> = (0..30_u32).map(|index| bar(-f64::from(index % 3 + 1), 5.0)).collect();
        check("MFI(3)", &bars, |index| (index >= 3).then_some([100.0 * 1.0 / 6.0]));
    }
}
