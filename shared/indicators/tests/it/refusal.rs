//! Bars that cannot be are refused and change nothing.

use indicators::{BadBar, Bar, IndicatorSet, OUTPUTS_MAX, Sma, TooManyOutputs};
use proptest::prelude::*;

use crate::series::shapes;

const GOOD: Bar = Bar { open: 10.0, high: 11.0, low: 9.0, close: 10.5, volume: Some(5.0) };

fn check(set: &mut IndicatorSet, bar: Bar, expected: &str) {
    let (before, mut bytes, mut after) = (set.clone(), Vec::new(), Vec::new());
    before.encode(&mut bytes);
    assert_eq!(set.update(&bar).unwrap_err().to_string(), expected);
    assert_eq!(set.peek(&bar).unwrap_err().to_string(), expected);
    set.encode(&mut after);
    assert_eq!((&*set, bytes), (&before, after));
}

#[test]
fn bad_bars_are_refused_at_every_stage_and_change_nothing() {
    let (_, bars) = shapes().swap_remove(0);
    let mut set = IndicatorSet::first_set();
    for bar in &bars[..60] {
        let (nan, infinite) = (f64::NAN, f64::INFINITY);
        let refused = |field, value| format!("{field} of the bar is `{value}`, not a finite number; leave the bar out");
        check(&mut set, Bar { open: nan, ..GOOD }, &refused("open", nan));
        check(&mut set, Bar { high: infinite, ..GOOD }, &refused("high", infinite));
        check(&mut set, Bar { low: -infinite, ..GOOD }, &refused("low", -infinite));
        check(&mut set, Bar { close: nan, ..GOOD }, &refused("close", nan));
        check(&mut set, Bar { volume: Some(nan), ..GOOD }, &refused("volume", nan));
        check(&mut set, Bar { high: 8.9, ..GOOD }, "high `8.9` of the bar is below its low `9`");
        check(&mut set, Bar { high: 1e300, ..GOOD }, "high of the bar is `1e300`; allowed are -3e37 to 3e37");
        set.update(bar).unwrap();
    }
    assert_eq!(set.bars_seen(), 60);
}

#[test]
fn a_set_has_at_most_as_many_outputs_as_readings_hold() {
    let set = |count| IndicatorSet::new(vec![Sma::new(5).unwrap().into(); count]);
    assert_eq!(set(OUTPUTS_MAX + 1), Err(TooManyOutputs { outputs: OUTPUTS_MAX + 1 }));
    let mut full = set(OUTPUTS_MAX).unwrap();
    for _ in 0..5 {
        full.update(&GOOD).unwrap();
    }
    assert_eq!(full.update(&GOOD).unwrap().iter().collect::<Vec<_>>(), vec![Some(GOOD.close); OUTPUTS_MAX]);
}

proptest! {
    /// Whatever a bar holds: it is refused, or every value that comes of it is finite.
    #[test]
    fn no_bar_brings_a_value_that_is_not_finite(
        closes in prop::collection::vec(prop_oneof![any::<f64>(), -3e37..3e37, Just(0.0), Just(1e-300), 99.0..101.0], 0..200),
    ) {
        let mut set = IndicatorSet::first_set();
        for close in closes {
            let bar = Bar { open: close, high: close, low: close, close, volume: None };
            match set.update(&bar) {
                Ok(readings) => prop_assert!(readings.iter().flatten().all(|value| value.is_finite()), "{readings:?}"),
                Err(BadBar::NonFinite { .. } | BadBar::TooLarge { .. }) => {}
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
        let mut bytes = Vec::new();
        set.encode(&mut bytes);
        prop_assert_eq!(IndicatorSet::decode(&bytes), Ok(set));
    }
}
