//! A running set: indicators that are fed together, one bar at a time, and saved together.

use crate::{
    bar::{BadBar, Bar},
    list::Indicators,
    readings::Readings,
    state::{self, StateError},
};

/// Indicators with their states. All states lie in two lists, as the [list of indicators](Indicators)
/// declares, so that a set is small, quickly copied, saved and restored, and allocates nothing per bar.
#[derive(Debug, Clone)]
pub struct IndicatorSet {
    indicators: Indicators,
    /// How many bars were taken.
    bars: u64,
    /// The numbers of all states, and behind them the value of each output after the last bar, or NaN.
    numbers: Box<[f64]>,
    counts: Box<[u32]>,
}

impl Indicators {
    /// A set of them before its first bar.
    pub fn start(&self) -> IndicatorSet {
        let layout = &self.0.layout;
        let mut numbers = vec![0.0; layout.degrees.len() + self.0.names.len()].into_boxed_slice();
        numbers[layout.degrees.len()..].fill(f64::NAN);
        IndicatorSet { indicators: self.clone(), bars: 0, numbers, counts: vec![0; layout.counts.len()].into() }
    }

    /// The set whose state these bytes are, changed to these indicators: one that the state holds with the
    /// same parameters continues, one that it does not hold starts in warm-up, and others are dropped.
    pub fn resume(&self, bytes: &[u8]) -> Result<IndicatorSet, StateError> {
        let saved = state::open(bytes)?;
        if saved.text == self.0.text.as_bytes() {
            return saved.read(self);
        }
        Ok(IndicatorSet::decode(bytes)?.adopt(self))
    }
}

impl IndicatorSet {
    /// The indicators of the set.
    pub fn indicators(&self) -> &Indicators {
        &self.indicators
    }

    /// The names of the outputs, in the order of [`Readings`].
    pub fn names(&self) -> &[String] {
        self.indicators.names()
    }

    /// How many bars were taken; refused ones do not count.
    pub fn bars_seen(&self) -> u64 {
        self.bars
    }

    /// Takes the next bar. A refused bar leaves the set as it was.
    #[inline(never)]
    pub fn update(&mut self, bar: &Bar) -> Result<Readings<'_>, BadBar> {
        bar.check()?;
        let plan = &*self.indicators.0;
        let (mut numbers, mut values) = self.numbers.split_at_mut(plan.layout.degrees.len());
        let mut counts = &mut *self.counts;
        for step in &plan.steps {
            step.update(&mut numbers, &mut counts, &mut values, bar);
        }
        self.bars = self.bars.saturating_add(1);
        Ok(self.readings())
    }

    /// The set as [`update`](Self::update) with the same bar would leave it, bit for bit: for a bar that is
    /// still forming.
    pub fn peek(&self, bar: &Bar) -> Result<Self, BadBar> {
        let mut forming = self.clone();
        forming.update(bar)?;
        Ok(forming)
    }

    /// The readings after the last bar; none before the first, and none right after a state was read.
    pub fn readings(&self) -> Readings<'_> {
        Readings { set: self }
    }

    /// Makes of it what it would be if all prices had been divided by the ratio of a split, and all volumes
    /// multiplied by it: 2 where one share became two. A ratio that is not positive and finite is refused
    /// with `false`, and nothing is changed.
    ///
    /// For series whose history is adjusted when a split happens, once per split. Exact to the bit for
    /// powers of two; otherwise as near as rounding allows.
    pub fn split(&mut self, ratio: f64) -> bool {
        if !(ratio > 0.0 && ratio.is_finite()) {
            return false;
        }
        for (number, degree) in self.numbers.iter_mut().zip(&self.indicators.0.layout.degrees) {
            *number = degree.split(*number, ratio);
        }
        self.forget_values();
        true
    }

    /// The set with these indicators instead: see [`Indicators::resume`].
    pub fn adopt(self, indicators: &Indicators) -> Self {
        if self.indicators == *indicators {
            return self;
        }
        let mut next = indicators.start();
        next.bars = self.bars;
        for entry in &indicators.0.entries {
            let before = self.indicators.0.entries.iter().find(|before| before.indicator == entry.indicator);
            if let Some(before) = before {
                next.numbers[entry.numbers.clone()].copy_from_slice(&self.numbers[before.numbers.clone()]);
                next.counts[entry.counts.clone()].copy_from_slice(&self.counts[before.counts.clone()]);
            }
        }
        next
    }

    /// Appends the state: what it is a state of, and all numbers and counts.
    ///
    /// A set that is read from it continues bit for bit. Version, layout and checksum: see [`StateError`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        let state = self.numbers.len() - self.names().len();
        state::write(out, self.indicators.text(), self.bars, &self.counts, &self.numbers[..state]);
    }

    /// The set whose state these bytes are, no more and no less.
    ///
    /// It reads the list of indicators from the bytes. Who knows the list [resumes](Indicators::resume), which is faster.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let saved = state::open(bytes)?;
        saved.read(&saved.indicators()?)
    }

    /// A set of these parts, whose lengths are those of the layout.
    pub(crate) fn of(indicators: &Indicators, bars: u64, numbers: Box<[f64]>, counts: Box<[u32]>) -> Self {
        Self { indicators: indicators.clone(), bars, numbers, counts }
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.numbers[self.indicators.0.layout.degrees.len()..]
    }

    /// For each indicator how many bars it has seen, whether it is warm, and its values.
    pub(crate) fn by_indicator(&self) -> impl Iterator<Item = (u32, bool, &[f64])> {
        let mut rest = self.values();
        self.indicators.0.entries.iter().map(move |entry| {
            let seen = self.counts[entry.counts.start];
            let (values, behind) = rest.split_at(entry.indicator.outputs());
            rest = behind;
            (seen, seen > entry.warm_up, values)
        })
    }

    /// How many bars the indicator of that output has seen, and whether it is warm.
    pub(crate) fn progress(&self, output: usize) -> Option<(u32, bool)> {
        let entry = &self.indicators.0.entries[*self.indicators.0.entry_of.get(output)?];
        let seen = self.counts[entry.counts.start];
        Some((seen, seen > entry.warm_up))
    }

    fn forget_values(&mut self) {
        self.numbers[self.indicators.0.layout.degrees.len()..].fill(f64::NAN);
    }
}

impl Default for IndicatorSet {
    fn default() -> Self {
        Indicators::default().start()
    }
}

/// Equal are sets of the same indicators in the same state, bit for bit, whatever their last readings were.
impl PartialEq for IndicatorSet {
    fn eq(&self, other: &Self) -> bool {
        let state = |set: &Self| set.numbers.len() - set.names().len();
        let bits = |set: &Self| set.numbers[..state(set)].iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        self.bars == other.bars
            && self.indicators == other.indicators
            && self.counts == other.counts
            && bits(self) == bits(other)
    }
}
