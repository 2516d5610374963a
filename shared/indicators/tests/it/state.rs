//! A set that is saved and restored continues as if nothing had happened, bit for bit.

use indicators::{Atr, Bar, Bbands, Ema, IndicatorSet, Macd, Readings, Rsi, Sma};

use crate::series::shapes;

fn bits(readings: &Readings) -> Vec<Option<u64>> {
    readings.iter().map(|value| value.map(f64::to_bits)).collect()
}

fn encoded(set: &IndicatorSet) -> Vec<u8> {
    let mut bytes = Vec::new();
    set.encode(&mut bytes);
    bytes
}

/// Other parameters than the first set's, with windows that are rebuilt every few bars.
fn short_set() -> IndicatorSet {
    let indicators = vec![
        Sma::new(3).unwrap().into(),
        Bbands::new(2, 1.5).unwrap().into(),
        Bbands::new(5, 2.0).unwrap().into(),
        Macd::new(2, 7, 3).unwrap().into(),
        Ema::new(200).unwrap().into(),
        Rsi::new(2).unwrap().into(),
        Atr::new(100).unwrap().into(),
    ];
    IndicatorSet::new(indicators).unwrap()
}

/// Feeds one set without a break and one that is saved and restored after every bar. Peeks at every bar, too.
fn check(mut whole: IndicatorSet, bars: &[Bar]) -> usize {
    let mut broken = whole.clone();
    let mut largest = 0;
    for (index, bar) in bars.iter().enumerate() {
        let bytes = encoded(&broken);
        largest = largest.max(bytes.len());
        broken = IndicatorSet::decode(&bytes).unwrap();
        assert_eq!(broken, whole, "state before bar {index}");
        let peek = broken.peek(bar).unwrap();
        assert_eq!(encoded(&broken), bytes, "peek at bar {index} changed the state");
        let (expected, readings) = (whole.update(bar).unwrap(), broken.update(bar).unwrap());
        assert_eq!(bits(&readings), bits(&expected), "bar {index}");
        assert_eq!(bits(&peek), bits(&expected), "peek at bar {index}");
        assert_eq!(encoded(&broken), encoded(&whole), "state after bar {index}");
    }
    assert_eq!(whole.bars_seen(), bars.len() as u64);
    largest
}

#[test]
fn a_set_that_is_restored_after_every_bar_continues_bit_for_bit() {
    for (shape, bars) in shapes() {
        let largest = check(IndicatorSet::first_set(), &bars);
        assert!(largest < 700, "state of {shape} has {largest} bytes");
        check(short_set(), &bars);
    }
}

#[test]
fn a_state_is_appended_to_what_is_there() {
    let mut bytes = b"before".to_vec();
    short_set().encode(&mut bytes);
    assert_eq!(IndicatorSet::decode(&bytes[6..]), Ok(short_set()));
    assert_eq!(&bytes[..6], b"before");
}

/// The bytes of version 1 after 1,000 fixed bars, by length and checksum.
///
/// If this fails, layout or arithmetic have changed, and saved states of this version would no longer
/// continue: raise `STATE_VERSION`.
#[test]
fn the_bytes_of_a_version_are_fixed() {
    let mut set = IndicatorSet::first_set();
    let mut random = 12_345_u32;
    for _ in 0..1_000 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let close = 100.0 + f64::from(random >> 16) / 1e4;
        set.update(&Bar { open: close, high: close + 0.5, low: close - 0.7, close, volume: None }).unwrap();
    }
    let bytes = encoded(&set);
    let checksum: String = bytes[bytes.len() - 8..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((bytes.len(), checksum.as_str()), (517, "0206cfbb8551f4f5"));
}
