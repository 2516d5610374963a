use super::*;
use crate::{Bar, OUTPUTS_MAX, catalogue};
use proptest::prelude::*;

/// The state of all indicators, in several sets, after so many bars.
fn states(bars: u32) -> Vec<Vec<u8>> {
    let all = catalogue();
    all.chunks(12).map(|texts| state(&texts.join(","), bars)).collect()
}

fn state(text: &str, bars: u32) -> Vec<u8> {
    let mut set = text.parse::<Indicators>().unwrap().start();
    for index in 0..bars {
        let close = 100.0 + f64::from(index * 37 % 11);
        let bar =
            Bar { open: close, high: close + 1.0, low: close - 1.0, close, volume: Some(7.0), session: index / 50 };
        set.update(&bar).unwrap();
    }
    let mut bytes = Vec::new();
    set.encode(&mut bytes);
    bytes
}

/// The checksum of whatever the bytes are now, so that nothing but their content is wrong.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - CHECKSUM);
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

fn check(bytes: &[u8], expected: StateError) {
    assert_eq!(IndicatorSet::decode(bytes), Err(expected));
}

#[test]
fn every_error_says_what_is_wrong() {
    let good = state("SMA(20),RSI(14)", 200);
    let change = |at: usize, new: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    let length = good.len();
    check(b"", StateError::Truncated { needed: 24, found: 0 });
    check(b"KTI", StateError::Truncated { needed: 24, found: 3 });
    check(b"{\"bars\":1}", StateError::NotAState);
    check(&change(VERSION_AT, &[1]), StateError::UnknownVersion { version: 1 });
    assert!(matches!(IndicatorSet::decode(&good[..length - 1]), Err(StateError::Damaged { .. })));
    assert!(matches!(IndicatorSet::decode(&[&good[..], b"\n"].concat()), Err(StateError::Damaged { .. })));
    assert!(matches!(IndicatorSet::decode(&change(100, &[1, 2, 3])), Err(StateError::Damaged { .. })));
    // From here on the checksum is right.
    let unknown =
        IndicatorSet::decode(&resealed(change(length - CHECKSUM - "SMA(20),RSI(14)".len(), b"XXX"))).unwrap_err();
    assert!(matches!(unknown, StateError::Indicators(BadIndicator::Unknown { .. })), "{unknown}");
    check(&resealed(change(TEXT_LENGTH_AT, &[255, 255])), StateError::Truncated { needed: 24 + 65535, found: length });
    check(
        &resealed(change(HEADER, &f64::INFINITY.to_le_bytes())),
        StateError::NonFinite { index: 0, value: f64::INFINITY },
    );
    // Bars seen, place in the ring.
    let place = HEADER + 8 * (22 + 3) + 4;
    check(&resealed(change(place, &[20])), StateError::Impossible { index: 1, value: 20, most: 19 });
    let mut short = good.clone();
    short.remove(HEADER);
    let content = 4 * 4 + 8 * 25;
    check(&resealed(short), StateError::Truncated { needed: content, found: content - 1 });
    let mut long = good.clone();
    long.insert(HEADER, 0);
    check(&resealed(long), StateError::Trailing { extra: 1 });
}

#[test]
fn more_outputs_than_a_set_can_have_are_refused() {
    let texts: Vec<String> = (2..=OUTPUTS_MAX + 2).map(|period| format!("SMA({period})")).collect();
    let mut bytes = Vec::new();
    write(&mut bytes, &texts.join(","), 0, &[], &[]);
    check(&bytes, StateError::Indicators(BadIndicator::TooManyOutputs { outputs: OUTPUTS_MAX + 1 }));
}

#[test]
fn every_flipped_bit_is_found() {
    for bars in [0, 1, 34, 100] {
        for good in states(bars) {
            assert!(IndicatorSet::decode(&good).is_ok());
            // The checksum covers all; in long states every 7th bit is enough.
            for bit in (0..8 * good.len()).step_by(if good.len() > 500 { 7 } else { 1 }) {
                let mut bytes = good.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(IndicatorSet::decode(&bytes).is_err(), "bit {bit} of the state after {bars} bars");
            }
            for length in 0..good.len() {
                assert!(IndicatorSet::decode(&good[..length]).is_err(), "the first {length} bytes");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), keep in 0_usize..=30) {
        let mut begun = state("SMA(20),RSI(14)", 0)[..keep].to_vec();
        begun.extend(bytes);
        prop_assert!(IndicatorSet::decode(&begun).is_err());
    }

    /// Not even those whose checksum was made to fit, and neither does the set that may come of them.
    #[test]
    fn no_forged_state_panics(
        bars in 0_u32..60,
        which: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut states = states(bars);
        let mut bytes = states.swap_remove(which.index(states.len()));
        let content = VERSION_AT + 2..bytes.len() - CHECKSUM;
        for (index, value) in changes {
            bytes[content.start + index.index(content.len())] = value;
        }
        if let Ok(mut set) = IndicatorSet::decode(&resealed(bytes)) {
            let bar = Bar { open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: Some(1.0), session: 9 };
            for _ in 0..200 {
                set.update(&bar).unwrap();
            }
        }
    }
}
