//! A set that is saved and restored continues as if nothing had happened, bit for bit.

use indicators::{Bar, IndicatorSet, Indicators, Readings, catalogue};

use crate::series::shapes;

fn bits(readings: Readings<'_>) -> Vec<Option<u64>> {
    readings.values().map(|value| value.map(f64::to_bits)).collect()
}

fn encoded(set: &IndicatorSet) -> Vec<u8> {
    let mut bytes = Vec::new();
    set.encode(&mut bytes);
    bytes
}

/// Feeds one set without a break and one that is saved and restored after every bar. Peeks at every bar, too.
fn check(text: &str, bars: &[Bar]) -> usize {
    let indicators: Indicators = text.parse().unwrap();
    let (mut whole, mut broken) = (indicators.start(), indicators.start());
    let mut largest = 0;
    for (index, bar) in bars.iter().enumerate() {
        let bytes = encoded(&broken);
        largest = largest.max(bytes.len());
        broken = indicators.resume(&bytes).unwrap();
        assert_eq!(broken, whole, "state before bar {index}");
        let peek = bits(broken.peek(bar).unwrap().readings());
        assert_eq!(encoded(&broken), bytes, "peek at bar {index} changed the state");
        let (expected, readings) = (bits(whole.update(bar).unwrap()), bits(broken.update(bar).unwrap()));
        assert_eq!(readings, expected, "bar {index}");
        assert_eq!(peek, expected, "peek at bar {index}");
    }
    assert_eq!(encoded(&broken), encoded(&whole), "{text}");
    assert_eq!(whole.bars_seen(), bars.len() as u64);
    largest
}

#[test]
fn a_set_that_is_restored_after_every_bar_continues_bit_for_bit() {
    let default = Indicators::default();
    for (shape, bars) in shapes() {
        let largest = check(default.text(), &bars);
        assert!(largest < 1024, "state of {shape} has {largest} bytes");
    }
}

/// Every indicator, with its defaults, through warm-up and many rebuilds.
#[test]
fn every_indicator_continues_bit_for_bit() {
    for (_, bars) in shapes() {
        for texts in catalogue().chunks(16) {
            check(&texts.join(","), &bars[..2_500]);
        }
    }
}

#[test]
fn a_state_is_appended_to_what_is_there() {
    let set = IndicatorSet::default();
    let mut bytes = b"before".to_vec();
    set.encode(&mut bytes);
    assert_eq!(IndicatorSet::decode(&bytes[6..]), Ok(set));
    assert_eq!(&bytes[..6], b"before");
}

#[test]
fn another_list_keeps_what_both_have_and_starts_the_rest_in_warm_up() {
    let (_, bars) = shapes().swap_remove(0);
    let [before, after] =
        ["SMA(5),RSI(14),EMA(9)", "EMA(9),SMA(7),SMA(5)"].map(|text| text.parse::<Indicators>().unwrap());
    let mut set = before.start();
    for bar in &bars[..100] {
        set.update(bar).unwrap();
    }
    let kept: Vec<_> = [2, 0].map(|output| set.readings().get(output).unwrap()).into();
    let mut changed = after.resume(&encoded(&set)).unwrap();
    assert_eq!((changed.bars_seen(), changed.indicators()), (100, &after));
    assert_eq!(changed.readings().iter().flatten().count(), 0, "there is none before the next bar");

    let mut alone = "SMA(7)".parse::<Indicators>().unwrap().start();
    for (index, bar) in bars[100..150].iter().enumerate() {
        set.update(bar).unwrap();
        changed.update(bar).unwrap();
        alone.update(bar).unwrap();
        let (old, new) = (set.readings(), changed.readings());
        assert_eq!((new.get(0), new.get(2)), (old.get(2), old.get(0)), "what both have");
        assert_eq!(new.get(1), alone.readings().get(0), "what is new");
        assert_eq!(new.get(1).map(|reading| reading.bars), (index >= 6).then_some(index as u32 + 1));
        assert_eq!(new.get(0).unwrap().bars, 101 + index as u32);
    }
    assert_eq!(kept[0].bars, 100);
}

#[test]
fn a_reading_is_warm_when_little_hangs_on_the_begin() {
    let (_, bars) = shapes().swap_remove(0);
    for indicator in catalogue().iter().map(|text| text.parse::<Indicators>().unwrap()) {
        let one = indicator.iter().next().unwrap();
        let mut set = indicator.start();
        for (index, bar) in bars[..3_000].iter().enumerate() {
            for reading in set.update(bar).unwrap().iter() {
                let bars = index as u32 + 1;
                assert_eq!(reading.map(|reading| reading.bars), (bars > one.lookback()).then_some(bars), "{one}");
                assert_eq!(reading.is_some_and(|reading| reading.warm), bars > one.warm_up(), "{one} at {index}");
            }
        }
    }
}
