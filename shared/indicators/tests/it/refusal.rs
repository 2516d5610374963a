//! Bars that cannot be are refused and change nothing.

use indicators::{BadBar, Bar, IndicatorSet, Indicators, OUTPUTS_MAX, catalogue};
use proptest::prelude::*;

use crate::series::shapes;

const GOOD: Bar = Bar { open: 10.0, high: 11.0, low: 9.0, close: 10.5, volume: Some(5.0), session: 0 };

/// All indicators, in one set.
fn all() -> IndicatorSet {
    catalogue().join(",").parse::<Indicators>().unwrap().start()
}

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
    let mut set = all();
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
fn a_bar_without_volume_is_passed_over_by_what_reads_volumes() {
    let (_, bars) = shapes().swap_remove(0);
    let indicators: Indicators = catalogue().join(",").parse().unwrap();
    let (mut set, mut expected) = (indicators.start(), indicators.start());
    for bar in &bars[..200] {
        expected.update(bar).unwrap();
        set.update(bar).unwrap();
    }
    let without = Bar { volume: None, ..bars[200] };
    let readings = set.update(&without).unwrap().values().collect::<Vec<_>>();
    let volume: Vec<bool> = indicators.iter().flat_map(|one| vec![one.needs_volume(); one.outputs()]).collect();
    for (output, value) in readings.iter().enumerate() {
        assert_eq!(value.is_none(), volume[output], "{}", set.names()[output]);
    }
    // The next bar with a volume continues as if the other had never been.
    let [with, without] = [set.update(&bars[201]).unwrap(), expected.update(&bars[201]).unwrap()];
    for (output, volume) in volume.into_iter().enumerate() {
        assert!(!volume || with.get(output) == without.get(output), "{}", indicators.names()[output]);
    }
}

#[test]
fn a_set_has_at_most_as_many_outputs_as_are_allowed() {
    let text = |count: usize| (2..count + 2).map(|period| format!("SMA({period})")).collect::<Vec<_>>().join(",");
    assert!(text(OUTPUTS_MAX + 1).parse::<Indicators>().is_err());
    let mut full = text(OUTPUTS_MAX).parse::<Indicators>().unwrap().start();
    for _ in 0..OUTPUTS_MAX + 1 {
        full.update(&GOOD).unwrap();
    }
    assert_eq!(full.update(&GOOD).unwrap().values().collect::<Vec<_>>(), vec![Some(GOOD.close); OUTPUTS_MAX]);
}

proptest! {
    /// Whatever a bar holds: it is refused, or every value that comes of it is finite.
    #[test]
    fn no_bar_brings_a_value_that_is_not_finite(
        bars in prop::collection::vec(
            (
                prop_oneof![any::<f64>(), -3e37..3e37, Just(0.0), Just(1e-300), Just(3e37), 99.0..101.0],
                prop_oneof![4 => Just(0.0), 1 => 0.0..3e37],
                prop_oneof![Just(0.0), Just(3e37), Just(1e-300), 0.0..1e6],
            ),
            0..200,
        ),
    ) {
        let mut set = all();
        for (close, width, volume) in bars {
            let (high, low) = (close + width, close);
            match set.update(&Bar { open: low, high, low, close, volume: Some(volume), session: 0 }) {
                Ok(readings) => {
                    let mut bytes = Vec::new();
                    prop_assert!(readings.values().flatten().all(f64::is_finite), "{readings:?}");
                    set.encode(&mut bytes);
                    prop_assert_eq!(IndicatorSet::decode(&bytes), Ok(set.clone()));
                }
                Err(BadBar::NonFinite { .. } | BadBar::TooLarge { .. }) => {}
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
    }
}
