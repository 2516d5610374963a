//! Agreement with TA-Lib's own Rust crate, from the first value on.

use indicators::{Bar, IndicatorSet};
use ta_lib::{Core, MAType, OutRange};

use crate::series::{BARS, shapes};

/// Largest difference, as a part of the value or of a hundredth of the output's root mean square.
const TOLERANCE: f64 = 1e-9;

/// All outputs of the first set by TA-Lib, each with the index of its first value.
fn oracle(bars: &[Bar]) -> Vec<(&'static str, usize, Vec<f64>)> {
    let core = Core::new();
    let of = |part: fn(&Bar) -> f64| bars.iter().map(part).collect::<Vec<_>>();
    let (high, low, close) = (of(|bar| bar.high), of(|bar| bar.low), of(|bar| bar.close));
    let last = bars.len() - 1;
    let mut outputs = Vec::new();
    let mut add = |names: &[&'static str], values: Vec<Vec<f64>>, range: OutRange| {
        for (name, mut values) in names.iter().zip(values) {
            values.truncate(range.count);
            outputs.push((*name, range.beg_idx, values));
        }
    };
    let new = || vec![0.0; bars.len()];

    let mut sma = new();
    let range = core.sma(0, last, &close, 20, &mut sma).unwrap();
    add(&["SMA(20)"], vec![sma], range);
    let mut ema = new();
    let range = core.ema(0, last, &close, 20, &mut ema).unwrap();
    add(&["EMA(20)"], vec![ema], range);
    let mut rsi = new();
    let range = core.rsi(0, last, &close, 14, &mut rsi).unwrap();
    add(&["RSI(14)"], vec![rsi], range);
    let (mut line, mut signal, mut hist) = (new(), new(), new());
    let range = core.macd(0, last, &close, 12, 26, 9, &mut line, &mut signal, &mut hist).unwrap();
    add(&["MACD(12,26,9).macd", "MACD(12,26,9).signal", "MACD(12,26,9).hist"], vec![line, signal, hist], range);
    let (mut upper, mut middle, mut lower) = (new(), new(), new());
    let range = core.bbands(0, last, &close, 20, 2.0, 2.0, MAType::SMA, &mut upper, &mut middle, &mut lower).unwrap();
    add(&["BBANDS(20,2).upper", "BBANDS(20,2).middle", "BBANDS(20,2).lower"], vec![upper, middle, lower], range);
    let mut atr = new();
    let range = core.atr(0, last, &high, &low, &close, 14, &mut atr).unwrap();
    add(&["ATR(14)"], vec![atr], range);
    outputs
}

/// Compares every value of every output; gives the largest difference in units of the tolerance.
fn check(shape: &str, bars: &[Bar]) -> f64 {
    let mut set = IndicatorSet::first_set();
    let readings: Vec<_> = bars.iter().map(|bar| set.update(bar).unwrap()).collect();
    let oracle = oracle(bars);
    assert_eq!(set.names(), oracle.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    let mut worst = 0.0_f64;
    for (output, (name, first, values)) in oracle.iter().enumerate() {
        assert_eq!(set.lookbacks().nth(output), Some(*first), "{name} of {shape}");
        let rms = (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt();
        for (index, readings) in readings.iter().enumerate() {
            let expected = index.checked_sub(*first).map(|at| values[at]);
            match (readings.get(output), expected) {
                (None, None) => {}
                (Some(value), Some(expected)) => {
                    let difference = (value - expected).abs() / expected.abs().max(0.01 * rms) / TOLERANCE;
                    assert!(difference <= 1.0, "{name} of {shape} at {index}: {value} instead of {expected}");
                    worst = worst.max(difference);
                }
                other => panic!("{name} of {shape} at {index}: {other:?}"),
            }
        }
    }
    worst
}

#[test]
fn the_first_set_agrees_with_talib_from_the_first_value() {
    for (shape, bars) in shapes() {
        assert_eq!(bars.len(), BARS);
        let worst = check(shape, &bars);
        println!("{shape}: {:.1e} of the value at most", worst * TOLERANCE);
    }
}

#[test]
fn the_first_values_agree_for_every_length_of_a_series() {
    let (_, bars) = shapes().swap_remove(0);
    for length in 34..80 {
        check("a short walk", &bars[..length]);
    }
}
