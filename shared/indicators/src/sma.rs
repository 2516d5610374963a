//! Simple moving average.

use crate::{
    BadParameter, Bar,
    kernel::Kernel,
    parameter,
    state::{Reader, StateError, Writer},
    window::Window,
};

/// The mean of the last `period` closes.
///
/// - Formula: Σ close / period, over the window.
/// - First value at index period − 1.
/// - Edges: a flat window gives exactly its price. A misprint is forgotten when it leaves the window,
///   where TA-Lib's running sum keeps its rounding error.
/// - Source: [`TA_SMA`](https://ta-lib.org/functions/sma).
#[derive(Debug, Clone, PartialEq)]
pub struct Sma {
    window: Window,
}

impl Sma {
    /// Before its first bar.
    pub fn new(period: u16) -> Result<Self, BadParameter> {
        Ok(Self::fresh(parameter::period("SMA", period)?))
    }

    pub(crate) fn fresh(period: u16) -> Self {
        Self { window: Window::new(period) }
    }
}

impl Kernel<1> for Sma {
    const SUFFIXES: [&'static str; 1] = [""];

    fn label(&self) -> String {
        format!("SMA({})", self.window.period())
    }

    fn lookback(&self) -> usize {
        usize::from(self.window.period()) - 1
    }

    fn update(&mut self, bar: &Bar) -> Option<[f64; 1]> {
        Some([self.window.push(bar.close)?.mean])
    }

    fn peek(&self, bar: &Bar) -> Option<[f64; 1]> {
        Some([self.window.peek(bar.close)?.mean])
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.u16(self.window.period());
        self.window.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>, bars: u64) -> Result<Self, StateError> {
        let period = parameter::period("SMA", reader.u16("the period of SMA")?)?;
        Ok(Self { window: Window::decode(reader, period, bars)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{bars, check, closes};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_mean_of_the_window(period in 2_u16..8, bars in bars()) {
            let n = usize::from(period);
            check(Sma::new(period).unwrap(), &bars, |index| {
                let window = &closes(&bars)[(index + 1).checked_sub(n)?..=index];
                Some([window.iter().sum::<f64>() / n as f64])
            });
        }
    }
}
