//! A split of the state is what the divided history would have made.

use indicators::{Bar, IndicatorSet, Indicators, Readings, catalogue};

use crate::series::shapes;

const BEFORE: usize = 700;
const AFTER: usize = 300;

/// Indicators whose direction may turn on the last bit: they are compared where no two prices are alike.
const DIRECTIONS: [&str; 2] = ["SAR", "SUPERTREND"];

fn divided(bar: &Bar, ratio: f64) -> Bar {
    Bar {
        open: bar.open / ratio,
        high: bar.high / ratio,
        low: bar.low / ratio,
        close: bar.close / ratio,
        volume: bar.volume.map(|volume| volume * ratio),
        session: bar.session,
    }
}

fn fed(indicators: &Indicators, bars: &[Bar]) -> IndicatorSet {
    let mut set = indicators.start();
    for bar in bars {
        set.update(bar).unwrap();
    }
    set
}

fn bits(readings: Readings<'_>) -> Vec<Option<u64>> {
    readings.values().map(|value| value.map(f64::to_bits)).collect()
}

/// Outputs in per cent or other numbers without a unit, whose rounding errors are relative to 100; those of the
/// others are relative to the price.
const UNITLESS: &[&str] = &[
    "RSI", "PPO", "TRIX", "ROC", "ROCR", "CMO", "BOP", "STOCH", "STOCHF", "STOCHRSI", "WILLR", "ULTOSC", "MFI", "CCI",
    "PLUS_DI", "MINUS_DI", "DX", "ADX", "ADXR", "AROON", "AROONOSC", "NATR",
];

/// Sums of volumes since the first bar, and what is made of them: their rounding errors are relative to all
/// volume that went in.
const VOLUMES: [&str; 3] = ["OBV", "AD", "ADOSC"];

/// Feeds the history, splits, and goes on with divided bars; beside it, all of it divided.
fn check(text: &str, shape: &str, bars: &[Bar], ratio: f64) {
    let indicators: Indicators = text.parse().unwrap();
    let is_one_of = |names: &[&str]| text.split('(').next().is_some_and(|name| names.contains(&name));
    // A difference of two averages is no more exact than the prices in it, whichever way they came about.
    let scale = if is_one_of(UNITLESS) {
        100.0
    } else if is_one_of(&VOLUMES) {
        bars[..BEFORE + AFTER].iter().filter_map(|bar| bar.volume).sum::<f64>() * ratio
    } else {
        bars.iter().map(|bar| bar.high).fold(0.0, f64::max) / ratio
    };
    let small: Vec<Bar> = bars.iter().map(|bar| divided(bar, ratio)).collect();
    for before in [1, 5, 13, 40, BEFORE] {
        let (mut split, mut naive) = (fed(&indicators, &bars[..before]), fed(&indicators, &small[..before]));
        assert!(split.split(ratio));
        let exact = ratio.log2().fract() == 0.0;
        if exact {
            assert_eq!(split, naive, "state of {text} on {shape} after {before} bars and a split by {ratio}");
        }
        let mut squares = vec![(0.0_f64, 0_u32); indicators.names().len()];
        let mut differences = Vec::new();
        for bar in &small[before..before + AFTER] {
            split.update(bar).unwrap();
            naive.update(bar).unwrap();
            if exact {
                assert_eq!(bits(split.readings()), bits(naive.readings()), "{text} on {shape}");
            }
            for (output, (one, other)) in split.readings().values().zip(naive.readings().values()).enumerate() {
                assert_eq!(one.is_some(), other.is_some());
                if let (Some(one), Some(other)) = (one, other) {
                    squares[output].0 += other * other;
                    squares[output].1 += 1;
                    differences.push((output, one, other));
                }
            }
        }
        for (output, one, other) in differences {
            let (sum, count) = squares[output];
            let rms = (sum / f64::from(count)).sqrt();
            let tolerance = (1e-12 * other.abs().max(0.01 * rms)).max(16.0 * f64::EPSILON * scale);
            assert!((one - other).abs() <= tolerance, "{text} on {shape}, split by {ratio}: {one} instead of {other}");
        }
    }
}

#[test]
fn a_split_is_what_the_divided_history_would_have_made() {
    for (shape, bars) in shapes() {
        for text in catalogue() {
            for ratio in [2.0, 4.0, 0.5] {
                check(&text, shape, &bars, ratio);
            }
            let direction = DIRECTIONS.iter().any(|name| text.starts_with(name));
            if !direction || shape == "walk" {
                for ratio in [3.0, 1.5, 20.0, 0.1] {
                    check(&text, shape, &bars, ratio);
                }
            }
        }
    }
}

#[test]
fn a_ratio_that_is_none_is_refused_and_changes_nothing() {
    let (_, bars) = shapes().swap_remove(0);
    let set = fed(&Indicators::default(), &bars[..100]);
    for ratio in [0.0, -2.0, f64::NAN, f64::INFINITY] {
        let mut split = set.clone();
        assert!(!split.split(ratio));
        assert_eq!((&split, bits(split.readings())), (&set, bits(set.readings())));
    }
}
