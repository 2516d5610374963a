//! How the detector is checked: random walks, a naive oracle, and the promises that its documentation makes.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::{
    Anomaly,
    AnomalyKind::{FlatLine, PriceSpike, RevertedSpike, Split, SplitSuspected, VolumeSpike},
    Detector, Kind, Reading, STATE_BYTES_MAX,
    Severity::{High, Low},
    WARM_UP,
    naive::{self, Decision},
};

pub(crate) fn minute(n: i64) -> Timestamp {
    "2026-11-20T14:30:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(n)
}

pub(crate) fn step(kind: Kind) -> i64 {
    if kind == Kind::EquityDaily { 24 * 60 } else { 1 }
}

/// The n-th reading of a series, in session and final.
pub(crate) fn reading(kind: Kind, n: usize, price: f64) -> Reading {
    let at = minute(step(kind) * n as i64);
    Reading { at, price, volume: None, kind, in_session: true, is_final: true, split_coefficient: None }
}

pub(crate) fn decisions(said: &[Anomaly]) -> Vec<Decision> {
    said.iter().map(|anomaly| (anomaly.kind, anomaly.severity, anomaly.at)).collect()
}

/// A number of the normal distribution.
fn normal(random: &mut fastrand::Rng) -> f64 {
    (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (std::f64::consts::TAU * random.f64()).cos()
}

/// A random walk with all that happens: misprints, jumps, splits with and without coefficient, calm and wild
/// times, gaps, bursts of volume, flat lines, readings outside of the session, intervals never completed.
pub(crate) fn walk(kind: Kind, seed: u64, length: usize) -> Vec<Reading> {
    let mut random = fastrand::Rng::with_seed(seed);
    let scale = kind.floor() * [0.02, 0.2, 0.8][random.usize(..3)];
    let (mut price, mut time, mut flat) = (100.0, 0, 0);
    (0..length)
        .map(|_| {
            let mut shown = None;
            let mut split_coefficient = None;
            match random.u32(..100) {
                0..3 => shown = Some(price * f64::exp(kind.floor() * 8.0 * normal(&mut random))),
                3..6 => price *= f64::exp(kind.floor() * 4.0 * normal(&mut random)),
                6..9 => {
                    let ratio = crate::SPLIT_RATIOS[random.usize(..10)];
                    price *= ratio * f64::exp(0.03 * normal(&mut random));
                    split_coefficient = [None, Some(1.0), Some(ratio.recip())][random.usize(..3)];
                }
                9..11 => flat = random.usize(..50),
                _ if flat > 0 => flat -= 1,
                _ => price *= f64::exp(scale * normal(&mut random)),
            }
            time += step(kind) * [1, 1, 1, 1, 2, 5, 300][random.usize(..7).min(random.usize(..7))];
            let volume = 1000.0 * f64::exp(1.3 * normal(&mut random));
            Reading {
                at: minute(time),
                price: shown.unwrap_or(price),
                volume: (random.u32(..10) > 0).then_some(if random.u32(..10) == 0 { 0.0 } else { volume }),
                kind,
                in_session: random.u32(..10) > 0,
                is_final: random.u32(..20) > 0,
                split_coefficient,
            }
        })
        .collect()
}

pub(crate) fn run(readings: &[Reading]) -> (Detector, Vec<Vec<Anomaly>>) {
    let mut detector = Detector::default();
    let said = readings.iter().map(|reading| detector.observe(reading)).collect();
    (detector, said)
}

#[test]
fn the_naive_rules_decide_alike() {
    let mut counts = std::collections::BTreeMap::new();
    for kind in Kind::ALL {
        for seed in 0..40 {
            let readings = walk(kind, seed, 400);
            let (_, said) = run(&readings);
            for (n, (said, expected)) in said.iter().zip(naive::decisions(&readings)).enumerate() {
                assert_eq!(decisions(said), expected, "{kind:?}, seed {seed}, reading {n}");
                for anomaly in said {
                    *counts.entry((anomaly.kind, anomaly.severity)).or_insert(0) += 1;
                }
            }
        }
    }
    // Each rule must have had something to decide.
    let all = [
        (PriceSpike, Low),
        (PriceSpike, High),
        (RevertedSpike, Low),
        (VolumeSpike, Low),
        (FlatLine, Low),
        (Split, Low),
        (SplitSuspected, Low),
        (SplitSuspected, High),
    ];
    for decision in all {
        assert!(counts.get(&decision).is_some_and(|count| *count >= 20), "{decision:?} in {counts:?}");
    }
}

#[test]
fn normal_returns_are_hardly_ever_spikes() {
    let (mut spikes, mut readings) = (0, 0);
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut detector = Detector::default();
        let mut change = 0.0;
        for n in 0..10_000 {
            // 5.4 standard deviations are 27 %, so that not the floor but the deviations decide.
            change += 0.05 * normal(&mut random);
            let said = detector.observe(&reading(Kind::Crypto, n, f64::exp(change)));
            // Twenty returns must be known first: before that the floor of two standard deviations decides.
            if n > 2 * WARM_UP {
                readings += 1;
                spikes += said.iter().filter(|anomaly| anomaly.kind == PriceSpike && anomaly.severity == Low).count();
            }
        }
    }
    assert!(spikes * 10_000 < readings, "{spikes} of {readings}");
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(&Kind::ALL[..])
}

proptest! {
    #[test]
    fn bytes_continue_as_the_detector_would(kind in kinds(), seed in any::<u64>(), length in 1_usize..200) {
        let mut detector = Detector::default();
        let mut copy = Detector::default();
        for reading in walk(kind, seed, length) {
            copy = Detector::decode(&copy.encode()).unwrap();
            prop_assert_eq!(&copy, &detector);
            prop_assert_eq!(copy.observe(&reading), detector.observe(&reading));
        }
    }

    #[test]
    fn a_misprint_leaves_no_trace(kind in kinds(), seed in any::<u64>(), length in 1_usize..150, up in any::<bool>()) {
        let readings = walk(kind, seed, 200);
        let (before, after) = readings.split_at(length);
        let (mut with, _) = run(before);
        let mut without = with.clone();
        // Beyond all that the walk does, so that whatever comes next is nearer to the price before.
        let last = before[length - 1];
        let misprint = Reading {
            at: last.at + SignedDuration::from_secs(1),
            price: last.price * if up { 1e30 } else { 1e-30 },
            volume: Some(1e12),
            split_coefficient: None,
            ..last
        };
        let said = with.observe(&misprint);
        prop_assert!(said.iter().any(|anomaly| (anomaly.kind, anomaly.severity, anomaly.at) == (PriceSpike, Low, misprint.at)));
        // A jump just before it is decided by the misprint, and that is no trace of its own.
        prop_assume!(without.newest.is_none_or(|newest| newest.said.0 & 3 == 0));
        for (n, reading) in after.iter().enumerate() {
            let (with_said, without_said) = (with.observe(reading), without.observe(reading));
            let rest = if n == 0 { &with_said[1..] } else { &with_said[..] };
            prop_assert_eq!(rest, &without_said[..], "reading {} after it", n);
            if n == 0 {
                prop_assert_eq!((with_said[0].kind, with_said[0].at), (RevertedSpike, misprint.at));
            } else {
                prop_assert_eq!(&with, &without);
            }
        }
    }

    /// Revisions that are no jumps leave the state of their last content alone.
    #[test]
    fn a_revision_takes_the_place_of_the_newest(
        kind in kinds(),
        seed in any::<u64>(),
        length in 1_usize..150,
        factors in prop::collection::vec(0.5_f64..2.0, 1..5),
    ) {
        let readings = walk(kind, seed, length);
        let (last, before) = readings.split_last().unwrap();
        let (mut detector, _) = run(before);
        let mut plain = detector.clone();
        for factor in factors {
            let volume = last.volume.map(|volume| volume * factor);
            detector.observe(&Reading { price: last.price * (1.0 + 1e-3 * factor), volume, is_final: false, ..*last });
        }
        detector.observe(last);
        // The same content again is nothing at all.
        let again = detector.clone();
        prop_assert_eq!(detector.observe(last), []);
        prop_assert_eq!(&detector, &again);
        plain.observe(last);
        let (one, other) = (detector.newest.unwrap(), plain.newest.unwrap());
        prop_assert_eq!(one.reading, other.reading);
        // Jumps may be confirmed by revisions, which is what they are for.
        prop_assume!(other.said.0 & 3 == 0);
        prop_assert_eq!(detector, plain);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        prop_assert!(Detector::decode(&bytes).is_err() || bytes.len() < STATE_BYTES_MAX);
    }

    /// Not even those of a state that was changed, nor does the detector that may come of them.
    #[test]
    fn no_forged_state_panics(
        seed in any::<u64>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = run(&walk(Kind::EquityDaily, seed, 90)).0.encode();
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(mut detector) = Detector::decode(&bytes) {
            for reading in walk(Kind::EquityDaily, seed, 200) {
                for anomaly in detector.observe(&reading) {
                    prop_assert!(anomaly.value.is_finite() && anomaly.threshold.is_finite());
                }
            }
        }
    }
}
