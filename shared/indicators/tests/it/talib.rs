//! Agreement with TA-Lib's own Rust crate, from the first value on.

use indicators::{Bar, Indicators};
use ta_lib::{Core, OutRange};

use crate::series::{BARS, shapes};

mod averages;
mod first;
mod oscillators;
mod trend;

/// Largest difference, as a part of the value or of a hundredth of the output's root mean square.
const TOLERANCE: f64 = 1e-9;

/// The columns of a series, as TA-Lib takes them.
pub(crate) struct Columns {
    pub(crate) core: Core,
    pub(crate) open: Vec<f64>,
    pub(crate) high: Vec<f64>,
    pub(crate) low: Vec<f64>,
    pub(crate) close: Vec<f64>,
    pub(crate) volume: Vec<f64>,
    pub(crate) session: Vec<u32>,
}

impl Columns {
    fn of(bars: &[Bar]) -> Self {
        let of = |part: fn(&Bar) -> f64| bars.iter().map(part).collect::<Vec<_>>();
        Self {
            core: Core::new(),
            open: of(|bar| bar.open),
            high: of(|bar| bar.high),
            low: of(|bar| bar.low),
            close: of(|bar| bar.close),
            volume: of(|bar| bar.volume.unwrap_or(0.0)),
            session: bars.iter().map(|bar| bar.session).collect(),
        }
    }

    /// The index of the last bar.
    pub(crate) fn last(&self) -> usize {
        self.close.len() - 1
    }

    /// Room for the values of an output.
    pub(crate) fn room(&self) -> Vec<f64> {
        vec![0.0; self.close.len()]
    }
}

/// What TA-Lib says: the index of the first value of all outputs, and the values from there on.
pub(crate) struct Expected {
    first: usize,
    outputs: Vec<Vec<f64>>,
}

impl Expected {
    pub(crate) fn new(range: OutRange, outputs: impl IntoIterator<Item = Vec<f64>>) -> Self {
        let cut = |mut values: Vec<f64>| {
            values.truncate(range.count);
            values
        };
        Self { first: range.beg_idx, outputs: outputs.into_iter().map(cut).collect() }
    }
}

/// An indicator, what TA-Lib says, and at which bars a documented rule of ours differs.
pub(crate) struct Oracle {
    pub(crate) text: &'static str,
    pub(crate) expected: fn(&Columns) -> Expected,
    pub(crate) exempt: fn(&Columns, usize) -> bool,
}

/// No exemption.
pub(crate) fn never(_: &Columns, _: usize) -> bool {
    false
}

/// The largest difference from TA-Lib, as a part of what is tolerated.
fn check(oracle: &Oracle, shape: &str, bars: &[Bar], columns: &Columns) -> f64 {
    let Expected { first, outputs } = (oracle.expected)(columns);
    let indicators: Indicators = oracle.text.parse().unwrap();
    assert_eq!(indicators.text(), oracle.text);
    assert_eq!(indicators.names().len(), outputs.len(), "outputs of {}", oracle.text);
    assert_eq!(indicators.iter().next().unwrap().lookback() as usize, first, "lookback of {}", oracle.text);
    let rms = |values: &[f64]| (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt();
    let scales: Vec<f64> = outputs.iter().map(|values| 0.01 * rms(values)).collect();
    let mut set = indicators.start();
    let mut worst = 0.0_f64;
    for (index, bar) in bars.iter().enumerate() {
        let readings = set.update(bar).unwrap();
        for (output, values) in outputs.iter().enumerate() {
            let expected = index.checked_sub(first).map(|at| values[at]);
            let value = readings.value(output);
            assert_eq!(value.is_some(), expected.is_some(), "{} on {shape} at {index}", oracle.text);
            if (oracle.exempt)(columns, index) {
                continue;
            }
            for (value, expected) in value.into_iter().zip(expected) {
                let difference = (value - expected).abs() / expected.abs().max(scales[output]).max(f64::MIN_POSITIVE);
                worst = worst.max(difference);
                assert!(
                    difference <= TOLERANCE,
                    "{} on {shape} at {index}: {value} instead of {expected}, off by {difference:e}",
                    set.names()[output]
                );
            }
        }
    }
    worst
}

#[test]
fn every_indicator_that_talib_has_agrees_with_it_on_every_shape() {
    let oracles: Vec<&Oracle> =
        [first::ORACLES, averages::ORACLES, oscillators::ORACLES, trend::ORACLES].into_iter().flatten().collect();
    for (shape, bars) in shapes() {
        assert_eq!(bars.len(), BARS);
        let columns = Columns::of(&bars);
        let worst = oracles.iter().map(|oracle| (check(oracle, shape, &bars, &columns), oracle.text));
        let (worst, text) = worst.fold((0.0, ""), |one, other| if other.0 > one.0 { other } else { one });
        println!("{shape}: worst {worst:.1e} ({text})");
    }
}
