//! One wildly wrong bar leaves no trace in sums, where TA-Lib's SMA keeps its rounding error for good.

use indicators::Indicators;

use crate::series::{BARS, shapes};

#[test]
fn a_misprint_of_1e9_is_gone_once_it_has_left_the_window() {
    let (_, mut bars) = shapes().swap_remove(0);
    let at = BARS / 3;
    bars[at].close = 1e9;
    bars[at].high = 1e9;
    let mut set = "SMA(20),BBANDS(20,2)".parse::<Indicators>().unwrap().start();
    let (sma, upper, middle) = (0, 1, 2);
    for (index, bar) in bars.iter().enumerate() {
        let readings = set.update(bar).unwrap();
        if index < at + 20 {
            continue;
        }
        let window: Vec<f64> = bars[index - 19..=index].iter().map(|bar| bar.close).collect();
        let mean = window.iter().sum::<f64>() / 20.0;
        let variance = window.iter().map(|close| (close - mean).powi(2)).sum::<f64>() / 20.0;
        for (output, expected) in [(sma, mean), (middle, mean), (upper, mean + 2.0 * variance.sqrt())] {
            let value = readings.value(output).unwrap();
            assert!((value - expected).abs() <= 1e-13 * expected, "{value} instead of {expected} at {index}");
        }
    }
}
