//! A list of indicators that read the same bars.

use std::sync::OnceLock;

use crate::{
    Atr, BadBar, Bar, Bbands, Ema, Indicator, Macd, OUTPUTS_MAX, Readings, Rsi, Sma,
    state::{self, StateError, Writer},
};

/// The indicators have more outputs than [`Readings`] can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{outputs}` outputs are too many for one set; allowed are 32: split it")]
pub struct TooManyOutputs {
    /// How many there would be.
    pub outputs: usize,
}

/// Indicators that are fed together, one bar at a time, and saved together.
#[derive(Debug, Clone)]
pub struct IndicatorSet {
    bars: u64,
    indicators: Vec<Indicator>,
    /// Made when first asked for: most sets are decoded, fed and encoded without anyone asking.
    names: OnceLock<Vec<String>>,
}

impl IndicatorSet {
    /// A set of these indicators, before its first bar.
    pub fn new(indicators: Vec<Indicator>) -> Result<Self, TooManyOutputs> {
        let outputs = indicators.iter().map(Indicator::outputs).sum();
        if outputs > OUTPUTS_MAX {
            return Err(TooManyOutputs { outputs });
        }
        Ok(Self::of(0, indicators))
    }

    /// SMA(20), EMA(20), RSI(14), MACD(12,26,9), BBANDS(20,2), ATR(14): ten outputs.
    pub fn first_set() -> Self {
        let indicators = vec![
            Sma::fresh(20).into(),
            Ema::fresh(20).into(),
            Rsi::fresh(14).into(),
            Macd::fresh(12, 26, 9).into(),
            Bbands::fresh(20, 2.0).into(),
            Atr::fresh(14).into(),
        ];
        Self::of(0, indicators)
    }

    fn of(bars: u64, indicators: Vec<Indicator>) -> Self {
        Self { bars, indicators, names: OnceLock::new() }
    }

    /// The names of the outputs, in the order of [`Readings`].
    pub fn names(&self) -> &[String] {
        self.names.get_or_init(|| self.indicators.iter().flat_map(Indicator::names).collect())
    }

    /// The index, from 0, of the first bar at which each output has a value, in the order of [`names`](Self::names).
    pub fn lookbacks(&self) -> impl Iterator<Item = usize> + '_ {
        self.indicators.iter().flat_map(|one| std::iter::repeat_n(one.lookback(), one.outputs()))
    }

    /// How many bars were taken; refused ones do not count.
    pub fn bars_seen(&self) -> u64 {
        self.bars
    }

    /// Takes the next bar. A refused bar leaves the set as it was.
    pub fn update(&mut self, bar: &Bar) -> Result<Readings, BadBar> {
        bar.check()?;
        let mut readings = Readings::empty();
        for indicator in &mut self.indicators {
            indicator.update(bar, &mut readings);
        }
        self.bars = self.bars.saturating_add(1);
        Ok(readings)
    }

    /// What [`update`](Self::update) with the same bar would give, bit for bit: for a bar that is still forming.
    pub fn peek(&self, bar: &Bar) -> Result<Readings, BadBar> {
        bar.check()?;
        let mut readings = Readings::empty();
        for indicator in &self.indicators {
            indicator.peek(bar, &mut readings);
        }
        Ok(readings)
    }

    /// Appends the state: parameters, sums and numbers of bars, under 1 KB for the [first set](Self::first_set).
    ///
    /// A set that is decoded from it continues bit for bit. Version, layout and checksum: see [`StateError`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::begin(out);
        writer.u64(self.bars);
        // At most 32 outputs, so at most 32 indicators.
        writer.u8(self.indicators.len() as u8);
        for indicator in &self.indicators {
            indicator.encode(&mut writer);
        }
        writer.seal();
    }

    /// The set whose state these bytes are, no more and no less.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let mut reader = state::open(bytes)?;
        let bars = reader.u64("the number of bars")?;
        let count = reader.u8("the number of indicators")?;
        let mut indicators = Vec::with_capacity(usize::from(count).min(OUTPUTS_MAX));
        for _ in 0..count {
            indicators.push(Indicator::decode(&mut reader, bars)?);
        }
        reader.finish()?;
        Ok(Self { bars, ..Self::new(indicators)? })
    }
}

impl Default for IndicatorSet {
    fn default() -> Self {
        Self::first_set()
    }
}

/// Equal are sets of the same indicators in the same state, whether or not their names were asked for.
impl PartialEq for IndicatorSet {
    fn eq(&self, other: &Self) -> bool {
        self.bars == other.bars && self.indicators == other.indicators
    }
}
