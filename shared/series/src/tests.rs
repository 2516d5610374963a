use std::collections::BTreeMap;

use bars::{Ohlcv, Reading, VendorPart};
use indicators::IndicatorSet;
use jiff::{SignedDuration, Timestamp};
use market::{Freshness, Interval};
use proptest::prelude::*;

use super::*;

const SETTINGS: Settings =
    Settings { close_after: SignedDuration::from_secs(125), redeliver_after: SignedDuration::from_secs(120) };
const MINUTE: i64 = 60_000;
const DAY: i64 = 1_763_649_000_000;

fn id(text: &str) -> SeriesId {
    text.parse().unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap()
}

/// A version of the vendor's bar number `bar`; its prices follow from bar and revision.
fn version(bar: i64, rev: u32, is_final: bool) -> SeriesFact {
    let price = 100.0 + ((bar * 7919 + i64::from(rev) * 104_729) % 997) as f64 / 100.0;
    let prices =
        Ohlcv { open: price, high: price + 0.5, low: price - 0.25, close: price + 0.1, volume: Some(price * 10.0) };
    SeriesFact {
        interval: Interval::Min1,
        start: DAY + bar * MINUTE,
        part: Part::Vendor(VendorPart {
            rev,
            id: [bar as u8 ^ (rev as u8) << 5; 16],
            is_final,
            freshness: Freshness::Realtime as u8,
            prices,
        }),
    }
}

fn reading(bar: i64, second: i64, price: f64) -> SeriesFact {
    let at = DAY + bar * MINUTE + second * 1000;
    let mut key = [0; 16];
    key[..8].copy_from_slice(&at.to_le_bytes());
    SeriesFact {
        interval: Interval::Min1,
        start: DAY + bar * MINUTE,
        part: Part::Reading(Reading { key, rev: 0, id: key, at, price, cumulative_volume: None }),
    }
}

/// A writer that takes batches, delivers what is owed, and remembers the last revision of each bar.
#[derive(Default)]
struct Writer {
    item: Item,
    lines: BTreeMap<(i64, u32), String>,
    late: u32,
}

impl Writer {
    fn take(&mut self, id: &SeriesId, facts: &[SeriesFact], now: i64) {
        let mut rest = facts.to_vec();
        loop {
            // What is stored is what is read the next time.
            let stored = Item::decode(&self.item.encode()).unwrap();
            assert_eq!(stored, self.item);
            let own = stored.next_number();
            let step = step(id, &stored, &mut rest, at(now), &SETTINGS);
            assert!(step.item.encode().len() < 200 * 1024);
            self.late += step.late;
            self.item = step.item;
            let owed: Vec<Owed> = self.item.deliverable(own, at(now), &SETTINGS).into_iter().cloned().collect();
            for owed in &owed {
                let line = self.item.line(id, owed);
                let before = self.lines.insert((owed.start, owed.rev), line.clone());
                assert!(before.is_none_or(|before| before == line), "one id, one byte string");
            }
            self.item.acknowledge(&owed.iter().map(|owed| owed.number).collect());
            rest.drain(..step.taken);
            if rest.is_empty() {
                return;
            }
        }
    }

    /// The values of the last revision of each bar.
    fn last(&self) -> BTreeMap<i64, String> {
        let content = |line: &str| line[line.find(r#","bars":"#).unwrap()..].to_owned();
        self.lines.iter().map(|(&(start, _), line)| (start, content(line))).collect()
    }
}

/// The obviously right formula: the last version of each bar, in order, through one engine.
fn naive(id: &SeriesId, facts: &[SeriesFact]) -> BTreeMap<i64, String> {
    let mut versions: BTreeMap<i64, VendorPart> = BTreeMap::new();
    for fact in facts {
        if let Part::Vendor(part) = fact.part {
            let kept = versions.entry(fact.start).or_insert(part);
            if (kept.is_final, kept.rev, kept.id) < (part.is_final, part.rev, part.id) {
                *kept = part;
            }
        }
    }
    let mut engine = IndicatorSet::default();
    let mut last = BTreeMap::new();
    for (start, part) in versions.into_iter().filter(|(_, part)| part.is_final) {
        let Ohlcv { open, high, low, close, volume } = part.prices;
        let values = engine.update(&indicators::Bar { open, high, low, close, volume, session: 0 }).unwrap();
        let values: Vec<_> = values.values().collect();
        if values.iter().any(Option::is_some) {
            let names = engine.names().to_vec();
            let bars = engine.bars_seen();
            let readings: Vec<_> = names
                .iter()
                .zip(&values)
                .map(|(name, &value)| wire::IndicatorReading { name, value, warm: true, bars })
                .collect();
            let record = wire::indicator(&wire::IndicatorBody {
                series: &wire::SeriesText::new(&id.subject, Interval::Min1, id.basis, id.origin),
                start: at(start),
                freshness: Freshness::Realtime,
                bars,
                prices: [open, high, low, close],
                volume,
                readings: &readings,
                flags: &[],
            });
            let line = record.to_json(0, at(0));
            last.insert(start, line[line.find(r#","bars":"#).unwrap()..].to_owned());
        }
    }
    last
}

/// Versions of 80 bars, partial ones and corrections among them, each out of place by less than the
/// bars that can be revised, some of them twice, cut into batches.
fn history() -> impl Strategy<Value = (Vec<SeriesFact>, Vec<usize>)> {
    let fact = (0u32..3, any::<bool>(), 0i64..(REVISABLE_BARS as i64 - 2), any::<bool>());
    (prop::collection::vec(fact, 80), prop::collection::vec(1usize..40, 60)).prop_map(|(bars, cuts)| {
        let mut placed: Vec<(i64, SeriesFact)> = Vec::new();
        for (bar, (corrections, partial, shift, twice)) in (0..).zip(bars) {
            let finals = (1..=1 + corrections).map(|rev| version(bar, rev, true));
            let versions: Vec<_> = partial.then(|| version(bar, 0, false)).into_iter().chain(finals).collect();
            for (nth, fact) in versions.iter().enumerate() {
                placed.push((bar + (shift * (nth as i64 + 1)) % (REVISABLE_BARS as i64 - 2), *fact));
            }
            if twice {
                placed.push((bar + shift / 2, *versions.last().unwrap()));
            }
        }
        placed.sort_by_key(|(place, _)| *place);
        (placed.into_iter().map(|(_, fact)| fact).collect(), cuts)
    })
}

/// So many cases, or as many as `PROPTEST_CASES` says.
fn cases(usual: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases: usual, ..config } }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn the_last_revisions_do_not_depend_on_batches_order_or_repetition((facts, cuts) in history()) {
        let id = id("symbol|MSFT|vendor|raw|intraday");
        let mut cut = Writer::default();
        let mut rest = facts.as_slice();
        for (nth, size) in cuts.iter().cycle().enumerate() {
            if rest.is_empty() { break }
            let (batch, tail) = rest.split_at((*size).min(rest.len()));
            // Every third batch is delivered twice.
            for _ in 0..1 + usize::from(nth % 3 == 0) {
                cut.take(&id, batch, DAY + nth as i64 * MINUTE);
            }
            rest = tail;
        }
        let mut serial = Writer::default();
        let mut sorted = facts.clone();
        sorted.sort_by_key(|fact| fact.start);
        for fact in &sorted {
            serial.take(&id, std::slice::from_ref(fact), DAY);
        }
        let expected = naive(&id, &facts);
        // Once nothing is under way any more, both have the same bars behind them.
        for writer in [&mut cut, &mut serial] {
            writer.take(&id, &[], DAY + 1_000 * MINUTE);
        }
        prop_assert_eq!(&serial.last(), &expected);
        prop_assert_eq!(&cut.last(), &expected);
        prop_assert_eq!(&cut.item.lanes[0].engine, &serial.item.lanes[0].engine);
    }

    #[test]
    fn no_bytes_make_a_wrong_state_or_a_panic(at in any::<prop::sample::Index>(), byte: u8, noise in prop::collection::vec(any::<u8>(), 0..64)) {
        let id = id("pair|BTC/USD|sampled|raw|intraday");
        let mut item = Item::default();
        let mut facts: Vec<_> = (0..30).map(|bar| reading(bar, 7, 100.0 + bar as f64)).collect();
        item = step(&id, &item, &mut facts, self::at(DAY + 30 * MINUTE), &SETTINGS).item;
        let mut bytes = item.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = Item::decode(&bytes) {
            let mut facts = [reading(31, 0, 5.0)];
            let stepped = step(&id, &read, &mut facts, self::at(DAY + 40 * MINUTE), &SETTINGS).item;
            stepped.owed().iter().for_each(|owed| drop(stepped.line(&id, owed)));
        }
        prop_assert!(Item::decode(&bytes[..at]).is_err());
        let _ = Item::decode(&noise);
    }
}

#[test]
fn history_that_is_spread_over_shards_is_whole_whatever_the_order_of_shards() {
    let id = id("pair|BTC/USD|vendor|raw|intraday");
    let facts: Vec<_> = (0..120).map(|bar| version(bar, 1, true)).collect();
    let shard = |one: i64| -> Vec<SeriesFact> {
        let of = |fact: &&SeriesFact| (fact.start / MINUTE * 7919 / 13) % 3 == one;
        facts.iter().filter(of).copied().collect()
    };
    let mut writer = Writer::default();
    for one in [2, 0, 1] {
        writer.take(&id, &shard(one), DAY + one * 30_000);
    }
    assert_eq!(writer.late, 0);
    assert_eq!(writer.last(), naive(&id, &facts));
    // When nothing of it is under way any more, the series is as small as ever.
    writer.take(&id, &[version(120, 1, true)], DAY + 400_000);
    assert_eq!(writer.item.lanes[0].slots.len(), REVISABLE_BARS);
    assert!(writer.item.encode().len() < 3 * 1024);
}

#[test]
fn the_clock_closes_sampled_bars_and_says_when() {
    let id = id("pair|BTC/USD|sampled|raw|intraday");
    let mut writer = Writer::default();
    for bar in 0..20 {
        writer.take(&id, &[reading(bar, 5, 100.0), reading(bar, 50, 101.0)], DAY + bar * MINUTE + 55_000);
    }
    // Bars 0 to 16 are closed: minute 19:55 is past the end of bar 16 and 125 seconds.
    assert_eq!(writer.last().len(), 3, "RSI and ATR read from bar 14 on");
    assert_eq!(writer.item.due(&SETTINGS), Some(at(DAY + 18 * MINUTE + 125_000)));
    writer.take(&id, &[], DAY + 60 * MINUTE);
    assert_eq!(writer.last().len(), 6);
    assert_eq!(writer.item.due(&SETTINGS), None);
    // A reading that comes late is a revision of its bar and of every one behind it.
    let lines = writer.lines.len();
    writer.take(&id, &[reading(18, 30, 250.0)], DAY + 60 * MINUTE);
    assert_eq!(writer.lines.len(), lines + 2);
    assert!(writer.lines[&(DAY + 18 * MINUTE, 1)].contains(r#""rev":1"#));
    // One that comes later than can be revised is counted, and changes nothing.
    let before = writer.item.clone();
    writer.take(&id, &[reading(0, 30, 250.0)], DAY + 60 * MINUTE);
    assert_eq!((writer.late, &writer.item), (1, &before));
}

#[test]
fn what_is_owed_stays_until_it_is_acknowledged_and_bounds_the_item() {
    let id = id("symbol|MSFT|vendor|raw|intraday");
    let mut item = Item::default();
    let mut facts: Vec<_> = (0..1000).map(|bar| version(bar, 1, true)).collect();
    let mut taken = 0;
    loop {
        let step = step(&id, &item, &mut facts[taken..], at(DAY), &SETTINGS);
        item = step.item;
        taken += step.taken;
        if step.taken == 0 {
            break;
        }
    }
    assert!(taken > 200 && taken < 1000, "{taken} facts fill the room");
    assert!(item.owed().len() * codec::owed_bytes(10) <= OWED_BYTES_MAX);
    // Full: nothing changes any more, whatever comes.
    let again = step(&id, &item, &mut [version(3000, 1, true)], at(DAY), &SETTINGS);
    assert_eq!((again.taken, &again.item), (0, &item));
    // Another writer leaves it alone while its own writer may still deliver it.
    let next = item.next_number();
    assert!(item.deliverable(next, at(DAY + 119_999), &SETTINGS).is_empty());
    assert_eq!(item.deliverable(next, at(DAY + 120_000), &SETTINGS).len(), item.owed().len());
    assert_eq!(item.due(&SETTINGS), Some(at(DAY + 120_000)));
    // Acknowledgements may leave gaps: what was not acknowledged stays.
    let all: Vec<u64> = item.owed().iter().map(|owed| owed.number).collect();
    item.acknowledge(&all[1..].iter().copied().collect());
    assert_eq!(item.owed().len(), 1);
    assert!(step(&id, &item, &mut facts[taken..], at(DAY), &SETTINGS).taken > 200, "there is room again");
}

#[test]
fn a_bar_that_never_becomes_final_does_not_hold_up_the_series() {
    let id = id("symbol|MSFT|vendor|raw|intraday");
    let mut facts: Vec<_> = (1..60).map(|bar| version(bar, 1, true)).collect();
    facts.push(version(0, 0, false));
    let first = step(&id, &Item::default(), &mut facts, at(DAY), &SETTINGS);
    assert_eq!((first.given_up, first.closed, first.late), (0, 59, 0), "what came together may still be under way");
    assert_eq!(first.readings as usize, naive(&id, &facts).len());
    let later = step(&id, &first.item, &mut [], at(DAY + 120_000), &SETTINGS);
    assert_eq!((later.given_up, later.item.lanes[0].slots.len()), (1, REVISABLE_BARS));
}

#[test]
fn states_of_other_formats_are_refused_in_plain_words() {
    let mut bytes = Item::default().encode();
    bytes[0] = 200;
    let error = Item::decode(&bytes).unwrap_err();
    assert_eq!(error, StateError::UnknownFormat(200));
    assert!(error.to_string().contains("deploy the version that wrote it"));
    assert!(matches!(Item::decode(&[]), Err(StateError::Corrupt("format"))));
}

#[test]
fn series_have_names_that_read_back() {
    for text in ["symbol|BRK/B|vendor|raw|daily", "pair|BTC/USD|sampled|raw|intraday"] {
        assert_eq!(id(text).to_string(), text);
    }
    for text in [
        "",
        "symbol|MSFT",
        "pair|MSFT|vendor|raw|daily",
        "symbol|MSFT|vendor|raw|weekly",
        "symbol|A|B|vendor|raw|daily",
    ] {
        assert!(text.parse::<SeriesId>().is_err(), "{text}");
    }
}
