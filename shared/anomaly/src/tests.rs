//! The detector against tables of cases.

use jiff::SignedDuration;

use crate::{
    Anomaly, AnomalyKind,
    AnomalyKind::{FlatLine, PriceSpike, RevertedSpike, Split, SplitSuspected, VolumeSpike},
    Detector, Kind, Reading, STATE_BYTES_MAX, Severity,
    Severity::{High, Low},
    StateError, WARM_UP,
    check::{decisions, minute, reading, run, step, walk},
};

/// Feeds prices one step apart and gives what is said as (index of the observation, kind, severity, index of the reading meant).
fn said(kind: Kind, prices: &[f64]) -> Vec<(usize, AnomalyKind, Severity, usize)> {
    let mut detector = Detector::default();
    let mut out = Vec::new();
    for (n, price) in prices.iter().enumerate() {
        for anomaly in detector.observe(&reading(kind, n, *price)) {
            let minutes = anomaly.at.duration_since(minute(0)).as_mins();
            out.push((n, anomaly.kind, anomaly.severity, (minutes / i128::from(step(kind)) as i64) as usize));
        }
    }
    out
}

#[track_caller]
fn check(kind: Kind, prices: &[f64], expected: &[(usize, AnomalyKind, Severity, usize)]) {
    assert_eq!(said(kind, prices), expected, "{kind:?} {prices:?}");
}

#[test]
fn jumps_are_suspected_then_confirmed_or_taken_back() {
    // The floor counts from the second reading on, either way.
    for (kind, small, large) in [
        (Kind::EquityIntraday, 0.049, 0.051),
        (Kind::EquityDaily, 0.199, 0.201),
        (Kind::Crypto, 0.099, 0.101),
        (Kind::Fx, 0.019, 0.021),
    ] {
        for sign in [1.0, -1.0] {
            let price = |change: f64| 100.0 * (sign * change).exp();
            check(kind, &[100.0, price(small), 100.0], &[]);
            let stays = [100.0, price(large), price(large)];
            check(kind, &stays, &[(1, PriceSpike, Low, 1), (2, PriceSpike, High, 1)]);
            check(kind, &[100.0, price(large), 100.0], &[(1, PriceSpike, Low, 1), (2, RevertedSpike, Low, 1)]);
        }
    }
    let intraday = Kind::EquityIntraday;
    // The half of the way decides, in logarithms: from 100 to 200 it is 141.4.
    check(
        intraday,
        &[100.0, 200.0, 142.0],
        &[(1, PriceSpike, Low, 1), (2, PriceSpike, High, 1), (2, PriceSpike, Low, 2)],
    );
    check(
        intraday,
        &[100.0, 200.0, 141.0],
        &[(1, PriceSpike, Low, 1), (2, RevertedSpike, Low, 1), (2, PriceSpike, Low, 2)],
    );
    // After a misprint the price before it is what counts.
    check(intraday, &[100.0, 200.0, 104.0, 100.0], &[(1, PriceSpike, Low, 1), (2, RevertedSpike, Low, 1)]);
    // A misprint at the very beginning is not believed for ever.
    check(intraday, &[200.0, 100.0, 100.0, 101.0], &[(1, PriceSpike, Low, 1), (2, PriceSpike, High, 1)]);
    // A warrant that rose by 17,900 %: flagged, and the next reading is judged by the new price.
    check(Kind::EquityDaily, &[0.0001, 0.018, 0.0179, 0.019], &[(1, PriceSpike, Low, 1), (2, PriceSpike, High, 1)]);
}

#[test]
fn values_and_thresholds_say_how_much() {
    let mut detector = Detector::default();
    detector.observe(&reading(Kind::EquityDaily, 0, 0.0001));
    let expect = |kind, severity, value, threshold, n| Anomaly {
        kind,
        severity,
        value,
        threshold,
        at: reading(Kind::EquityDaily, n, 1.0).at,
    };
    let change = 0.018_f64.ln() - 0.0001_f64.ln();
    assert_eq!(detector.observe(&reading(Kind::EquityDaily, 1, 0.018)), [expect(PriceSpike, Low, change, 0.2, 1)]);
    assert_eq!(detector.observe(&reading(Kind::EquityDaily, 2, 0.0001)), [expect(RevertedSpike, Low, change, 0.2, 1)]);
    let [split] = detector.observe(&reading(Kind::EquityDaily, 3, 0.000_050_5))[..] else { panic!("no split") };
    assert_eq!(split, expect(SplitSuspected, Low, split.value, 0.5, 3));
    assert!((split.value - 0.505).abs() < 1e-12);
}

#[test]
fn splits_are_told_from_spikes() {
    // Price before and after, the vendor's coefficient, what is said at once and, if it stays, afterwards.
    type Case = (Kind, f64, f64, Option<f64>, &'static [AnomalyKind], &'static [AnomalyKind]);
    let cases: &[Case] = &[
        // MSFT on 2003-02-18, 2:1.
        (Kind::EquityDaily, 48.30, 24.96, Some(2.0), &[Split], &[]),
        (Kind::EquityDaily, 48.30, 24.96, None, &[SplitSuspected], &[SplitSuspected]),
        (Kind::EquityDaily, 48.30, 24.96, Some(1.0), &[PriceSpike], &[PriceSpike]),
        // The vendor knows splits that nobody would guess.
        (Kind::EquityDaily, 700.0, 101.0, Some(7.0), &[Split], &[]),
        (Kind::EquityDaily, 700.0, 101.0, None, &[PriceSpike], &[PriceSpike]),
        (Kind::EquityDaily, 1.0, 8.3, Some(0.125), &[Split], &[]),
        (Kind::EquityDaily, 1.0, 10.2, None, &[SplitSuspected], &[SplitSuspected]),
        (Kind::EquityDaily, 100.0, 66.0, None, &[SplitSuspected], &[SplitSuspected]),
        (Kind::EquityDaily, 100.0, 33.0, None, &[SplitSuspected], &[SplitSuspected]),
        (Kind::EquityDaily, 100.0, 25.9, None, &[SplitSuspected], &[SplitSuspected]),
        // A coefficient that does not explain the jump.
        (Kind::EquityDaily, 100.0, 60.0, Some(7.0), &[PriceSpike], &[PriceSpike]),
        (Kind::EquityDaily, 100.0, 100.0, Some(2.0), &[], &[]),
        // Splits do not happen while the market is open, nor to currencies.
        (Kind::EquityIntraday, 100.0, 50.0, None, &[PriceSpike], &[PriceSpike]),
        (Kind::Crypto, 100.0, 50.0, None, &[PriceSpike], &[PriceSpike]),
    ];
    for (kind, before, after, coefficient, at_once, then) in cases {
        let mut detector = Detector::default();
        detector.observe(&reading(*kind, 0, *before));
        let kinds = |said: Vec<Anomaly>, severity| -> Vec<AnomalyKind> {
            assert!(said.iter().all(|anomaly| anomaly.severity == severity), "{said:?}");
            said.iter().map(|anomaly| anomaly.kind).collect()
        };
        let day = Reading { split_coefficient: *coefficient, ..reading(*kind, 1, *after) };
        assert_eq!(kinds(detector.observe(&day), Low), *at_once, "{before} {after} {coefficient:?}");
        assert_eq!(
            kinds(detector.observe(&reading(*kind, 2, *after)), High),
            *then,
            "{before} {after} {coefficient:?}"
        );
        assert_eq!(detector.observe(&reading(*kind, 3, *after)), []);
    }
    // Over night a split shows within the day's bars, too.
    let mut detector = Detector::default();
    detector.observe(&reading(Kind::EquityIntraday, 0, 100.0));
    let opening = reading(Kind::EquityIntraday, 18 * 60, 50.0);
    assert_eq!(decisions(&detector.observe(&opening)), [(SplitSuspected, Low, opening.at)]);
}

/// Returns of 3 % up and down have a median absolute deviation of 3 %, so that 24 % is the limit, above every floor.
#[test]
fn deviations_count_after_the_warm_up() {
    for (returns, expected) in [(WARM_UP - 1, true), (WARM_UP, false), (3 * WARM_UP, false)] {
        let mut detector = Detector::default();
        let price = |n: usize| 100.0 * [1.0, 0.03_f64.exp()][n % 2];
        for n in 0..=returns {
            assert_eq!(detector.observe(&reading(Kind::EquityIntraday, n, price(n))), []);
        }
        let jump = |change: f64| reading(Kind::EquityIntraday, returns + 1, price(returns) * f64::exp(change));
        assert_eq!(!detector.clone().observe(&jump(0.2)).is_empty(), expected, "{returns}");
        assert!(!detector.observe(&jump(0.25)).is_empty(), "{returns}");
    }
}

#[test]
fn volumes_are_compared_with_their_median() {
    let with =
        |n: usize, volume: f64| Reading { volume: Some(volume), ..reading(Kind::EquityIntraday, n, 100.0 + n as f64) };
    for (before, volume, expected) in
        [(WARM_UP, 2001.0, true), (WARM_UP, 2000.0, false), (WARM_UP - 1, 1e9, false), (WARM_UP, 0.0, false)]
    {
        let mut detector = Detector::default();
        (0..before).for_each(|n| assert_eq!(detector.observe(&with(n, 100.0)), []));
        let at = with(before, volume);
        let anomaly = Anomaly { kind: VolumeSpike, severity: Low, value: volume, threshold: 2000.0, at: at.at };
        assert_eq!(detector.observe(&at), if expected { vec![anomaly] } else { vec![] }, "{before} {volume}");
    }
    // Neither before the session nor of intervals that were never completed.
    for change in [|reading: &mut Reading| reading.in_session = false, |reading: &mut Reading| reading.is_final = false]
    {
        let mut detector = Detector::default();
        for n in 0..50 {
            let mut reading = with(n, 1.0);
            change(&mut reading);
            assert_eq!(detector.observe(&reading), []);
        }
        assert_eq!(detector.observe(&with(50, 1e9)), []);
    }
}

#[test]
fn a_flat_line_is_told_once_until_the_price_moves() {
    let flat = |count: usize, price: f64| std::iter::repeat_n(price, count);
    let prices: Vec<f64> = flat(100, 1.0).chain(flat(1, 1.01)).chain(flat(29, 1.0)).chain(flat(40, 1.01)).collect();
    check(Kind::EquityIntraday, &prices, &[(29, FlatLine, Low, 29), (159, FlatLine, Low, 159)]);
    // A misprint is no move.
    let prices: Vec<f64> = flat(20, 1.0).chain([2.0]).chain(flat(20, 1.0)).collect();
    let expected = [(20, PriceSpike, Low, 20), (21, RevertedSpike, Low, 20), (30, FlatLine, Low, 30)];
    check(Kind::EquityIntraday, &prices, &expected);
    // A night with the same price neither counts nor interrupts.
    let mut detector = Detector::default();
    for n in 0..60 {
        let reading = Reading { in_session: !(15..25).contains(&n), ..reading(Kind::Fx, n, 1.0) };
        assert_eq!(!detector.observe(&reading).is_empty(), n == 39, "{n}");
    }
}

#[test]
fn revisions_say_only_what_is_new() {
    let mut detector = Detector::default();
    detector.observe(&reading(Kind::EquityDaily, 0, 100.0));
    let (at, next) = (reading(Kind::EquityDaily, 1, 1.0).at, reading(Kind::EquityDaily, 2, 1.0).at);
    // The quote of one day, polled again and again: its price, what is said.
    for (price, expected) in [
        (110.0, vec![]),
        (180.0, vec![(PriceSpike, Low, at)]),
        (180.0, vec![]),
        (181.0, vec![(PriceSpike, High, at)]),
        (182.0, vec![]),
        (101.0, vec![(RevertedSpike, Low, at)]),
        (102.0, vec![]),
        (180.0, vec![(PriceSpike, Low, at)]),
        (60.0, vec![(RevertedSpike, Low, at), (PriceSpike, Low, at)]),
        (61.0, vec![(PriceSpike, High, at)]),
    ] {
        assert_eq!(decisions(&detector.observe(&reading(Kind::EquityDaily, 1, price))), expected, "{price}");
    }
    // What a revision confirmed is not suspected any more: falling back is a jump of its own.
    assert_eq!(decisions(&detector.observe(&reading(Kind::EquityDaily, 2, 100.0))), [(PriceSpike, Low, next)]);
    // The fate of a suspect changes with the reading that decides it.
    let mut detector = Detector::default();
    detector.observe(&reading(Kind::EquityDaily, 0, 100.0));
    detector.observe(&reading(Kind::EquityDaily, 1, 180.0));
    for (price, expected) in [(100.0, RevertedSpike), (180.0, PriceSpike), (101.0, RevertedSpike)] {
        let said = detector.observe(&reading(Kind::EquityDaily, 2, price));
        assert_eq!(said.iter().map(|anomaly| (anomaly.kind, anomaly.at)).collect::<Vec<_>>(), [(expected, at)]);
    }
    assert_eq!(detector.observe(&reading(Kind::EquityDaily, 3, 101.0)), []);
}

#[test]
fn what_cannot_be_and_what_is_late_changes_nothing() {
    let (mut detector, _) = run(&walk(Kind::EquityDaily, 3, 100));
    let newest = detector.newest.unwrap().reading.at;
    let good = Reading { at: newest + SignedDuration::from_hours(24), ..reading(Kind::EquityDaily, 0, 100.0) };
    assert!(detector.clone().observe(&good).len() < 3 && good.checked().is_some());
    let mut bad = vec![];
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0] {
        bad.push(Reading { price: value, ..good });
        bad.push(Reading { split_coefficient: Some(value), ..good });
        if value != 0.0 {
            bad.push(Reading { volume: Some(value), ..good });
        }
    }
    bad.push(Reading { at: newest - SignedDuration::from_millis(1), ..good });
    let before = detector.clone();
    for reading in bad {
        assert_eq!(detector.observe(&reading), [], "{reading:?}");
        assert_eq!(detector, before, "{reading:?}");
    }
}

#[test]
fn extreme_numbers_stay_finite() {
    let mut detector = Detector::default();
    for (n, price) in [f64::MAX, f64::MIN_POSITIVE, 5e-324, f64::MAX, 1.0].into_iter().cycle().take(200).enumerate() {
        let coefficient = [None, Some(5e-324), Some(f64::MAX)][n % 3];
        let reading =
            Reading { volume: Some(price), split_coefficient: coefficient, ..reading(Kind::EquityDaily, n, price) };
        for anomaly in detector.observe(&reading) {
            assert!(anomaly.value.is_finite() && anomaly.threshold.is_finite(), "{anomaly:?}");
        }
        assert_eq!(Detector::decode(&detector.encode()), Ok(detector.clone()));
    }
}

#[test]
fn the_state_is_small_and_its_errors_say_what_to_do() {
    const { assert!(STATE_BYTES_MAX < 640) };
    for seed in 0..3 {
        let readings = walk(Kind::EquityDaily, seed, 400);
        let (mut detector, _) = run(&readings);
        // A suspect and the newest, each with all that a reading can have.
        for (seconds, factor) in [(1, 1e30), (2, 1.0)] {
            let last = readings[399];
            let at = last.at + SignedDuration::from_secs(seconds);
            let (volume, split_coefficient) = (Some(1.0), Some(1.0));
            detector.observe(&Reading { at, price: last.price * factor, volume, split_coefficient, ..last });
        }
        let bytes = detector.encode();
        assert_eq!(bytes.len(), STATE_BYTES_MAX);
        assert_eq!(Detector::decode(&bytes), Ok(detector));
        for length in 1..bytes.len() {
            assert!(matches!(Detector::decode(&bytes[..length]), Err(StateError::Corrupt(_))), "{length}");
        }
        assert_eq!(Detector::decode(&[&bytes[..], &[0]].concat()), Err(StateError::Corrupt("end")));
    }
    assert_eq!(Detector::decode(&[]), Err(StateError::Corrupt("format")));
    let error = Detector::decode(&[7]).unwrap_err();
    assert_eq!(error, StateError::UnknownFormat(7));
    assert!(error.to_string().contains("has format `7`, this version reads `1`: deploy"), "{error}");
    for (n, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, n);
    }
}

#[test]
fn impossible_values_in_a_state_are_found() {
    let mut detector = Detector::default();
    for n in 0..4 {
        detector.observe(&Reading { volume: Some(1.0), ..reading(Kind::Fx, n, 1.0) });
    }
    // Format, level at 1, unchanged at 18, two returns at 19, three volumes at 28, no suspect at 41, newest at 42.
    let good = detector.encode();
    assert_eq!((good[1], good[18], good[19], good[28], good[41], good[42]), (1, 3, 2, 3, 0, 1));
    let minus_one = (-1.0_f64).to_le_bytes();
    let cases: [(usize, &[u8], &str); 13] = [
        (1, &[2], "level"),
        (2, &i64::MAX.to_le_bytes(), "level"),
        (10, &minus_one, "level"),
        (18, &[31], "unchanged"),
        (19, &[61], "returns"),
        (20, &f32::NAN.to_le_bytes(), "returns"),
        (29, &(-1.0_f32).to_le_bytes(), "volumes"),
        (41, &[2], "suspect"),
        (43, &0_i64.to_le_bytes(), "times"),
        (43, &i64::MAX.to_le_bytes(), "newest"),
        (51, &minus_one, "newest"),
        (59, &[4], "newest"),
        (60, &[16], "newest"),
    ];
    for (at, change, place) in cases {
        let mut bytes = good.clone();
        bytes[at..at + change.len()].copy_from_slice(change);
        assert_eq!(Detector::decode(&bytes), Err(StateError::Corrupt(place)), "{change:?} at {at}");
    }
    // Long enough for what it says, so that only the count is wrong.
    let mut long = good[..20].to_vec();
    long[19] = 61;
    long.resize(700, 0);
    assert_eq!(Detector::decode(&long), Err(StateError::Corrupt("returns")));
}

#[test]
fn times_count_in_whole_milliseconds() {
    let mut detector = Detector::default();
    let first = reading(Kind::Crypto, 0, 100.0);
    let same = Reading { at: first.at + SignedDuration::from_nanos(999_999), price: 101.0, ..first };
    detector.observe(&same);
    assert_eq!(detector.newest.unwrap().reading.at, first.at);
    assert_eq!(Detector::decode(&detector.encode()), Ok(detector.clone()));
    detector.observe(&first);
    assert_eq!(detector.accepted.level, None, "it is a revision");
}
