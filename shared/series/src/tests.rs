use std::collections::BTreeMap;

use bars::{Ohlcv, Reading, VendorPart};
use indicators::Indicators;
use jiff::{SignedDuration, Timestamp};
use market::{Freshness, Interval};
use proptest::prelude::*;
use wire::Lines;

use super::*;

/// The default set for whatever arrives.
fn settings() -> Settings {
    with("", "")
}

/// Those sets and rules.
fn with(sets: &str, rules: &str) -> Settings {
    let sets: Sets = sets.parse().unwrap();
    Settings {
        close_after: SignedDuration::from_secs(125),
        redeliver_after: SignedDuration::from_secs(120),
        rules: Rules::parse(rules, &sets).unwrap(),
        sets,
    }
}

/// A step whose lines nobody reads.
fn stepped(id: &SeriesId, item: &mut Item, facts: &mut [SeriesFact], now: Timestamp, settings: &Settings) -> Step {
    step(id, item, facts, now, settings, &mut Written::default())
}

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
        about: About::Bar(Part::Vendor(VendorPart {
            rev,
            id: [bar as u8 ^ (rev as u8) << 5; 16],
            is_final,
            freshness: Freshness::Realtime as u8,
            as_of: 0,
            prices,
        })),
    }
}

fn reading(bar: i64, second: i64, price: f64) -> SeriesFact {
    let at = DAY + bar * MINUTE + second * 1000;
    let mut key = [0; 16];
    key[..8].copy_from_slice(&at.to_le_bytes());
    SeriesFact {
        interval: Interval::Min1,
        start: DAY + bar * MINUTE,
        about: About::Bar(Part::Reading(Reading { key, rev: 0, id: key, at, price, cumulative_volume: None })),
    }
}

/// A writer that takes batches, delivers what is owed, and remembers the last revision of each bar.
struct Writer {
    settings: Settings,
    item: Item,
    lines: BTreeMap<(Interval, i64, u32), String>,
    alerts: Vec<String>,
    late: u32,
    gaps: u32,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new(settings())
    }
}

impl Writer {
    fn new(settings: Settings) -> Self {
        Self { settings, item: Item::default(), lines: BTreeMap::new(), alerts: Vec::new(), late: 0, gaps: 0 }
    }

    fn take(&mut self, id: &SeriesId, facts: &[SeriesFact], now: i64) {
        let mut rest = facts.to_vec();
        loop {
            // What is stored is what is read the next time; what stays in memory goes on alike.
            let mut stored = Item::decode(&self.item.encode(), &self.settings.sets).unwrap();
            assert_eq!(stored, self.item);
            let own = stored.next_number();
            let mut written = Written::default();
            let warm = step(id, &mut self.item, &mut rest.clone(), at(now), &self.settings, &mut written);
            let step = stepped(id, &mut stored, &mut rest, at(now), &self.settings);
            assert_eq!((&step, &stored), (&warm, &self.item), "from the store and from memory");
            assert!(self.item.encode().len() < 200 * 1024);
            (self.late, self.gaps) = (self.late + step.late, self.gaps + step.gaps);
            let owed: Vec<Owed> = self.item.deliverable(own, at(now), &self.settings).cloned().collect();
            let mut lines = Lines::default();
            for owed in &owed {
                match &owed.what {
                    What::Readings(readings) => {
                        let mut line = Lines::default();
                        assert!(owed.push_line(id, &mut line));
                        lines.append(&line);
                        let line = String::from_utf8(line.bytes().to_vec()).unwrap();
                        let before = self.lines.insert((owed.interval, owed.start, readings.rev), line.clone());
                        assert!(before.is_none_or(|before| before == line), "one id, one byte string");
                    }
                    What::Alert(_) => self.alerts.push(String::from_utf8(owed.entry(id).unwrap().data).unwrap()),
                }
            }
            assert_eq!(lines.bytes(), written.lines.bytes(), "what the step wrote is what stands in the item");
            let numbers: Vec<u64> = owed.iter().map(|owed| owed.number).collect();
            assert_eq!(numbers.is_empty(), !self.item.acknowledge(&numbers));
            rest.drain(..step.taken);
            if rest.is_empty() {
                return;
            }
        }
    }

    /// The values of the last revision of each bar of one minute.
    fn last(&self) -> BTreeMap<i64, String> {
        self.last_of(Interval::Min1)
    }

    /// The values of the last revision of each bar of that length.
    fn last_of(&self, interval: Interval) -> BTreeMap<i64, String> {
        let lines = self.lines.iter().filter(|((of, _, _), _)| *of == interval);
        lines.map(|(&(_, start, _), line)| (start, content(line))).collect()
    }
}

/// What a line says of its bar, whatever its revision and flags.
fn content(line: &str) -> String {
    line[line.find(r#","bars":"#).unwrap()..].trim_end().to_owned()
}

/// The obviously right formula: the last version of each bar, in order, through one engine.
fn naive(id: &SeriesId, facts: &[SeriesFact]) -> BTreeMap<i64, String> {
    let mut versions: BTreeMap<i64, VendorPart> = BTreeMap::new();
    for fact in facts {
        if let About::Bar(Part::Vendor(part)) = fact.about {
            let kept = versions.entry(fact.start).or_insert(part);
            if (kept.is_final, kept.rev, kept.id) < (part.is_final, part.rev, part.id) {
                *kept = part;
            }
        }
    }
    let finals = versions.into_iter().filter(|(_, part)| part.is_final).map(|(start, part)| (start, part.prices));
    computed(id, Interval::Min1, &Indicators::default(), finals)
}

/// What the records of these bars say.
fn computed(
    id: &SeriesId,
    interval: Interval,
    indicators: &Indicators,
    bars: impl IntoIterator<Item = (i64, Ohlcv)>,
) -> BTreeMap<i64, String> {
    let mut engine = indicators.start();
    let mut last = BTreeMap::new();
    for (start, prices) in bars {
        let Ohlcv { open, high, low, close, volume } = prices;
        let session = (start / 86_400_000) as u32;
        engine.update(&indicators::Bar { open, high, low, close, volume, session }).unwrap();
        if engine.readings().values().all(|value| value.is_none()) {
            continue;
        }
        let bars = engine.bars_seen();
        let reading = |(name, reading): (&'_ String, Option<indicators::Reading>)| wire::IndicatorReading {
            name: Box::leak(Box::new(wire::OutputName::new(name))),
            value: reading.map(|reading| reading.value),
            warm: reading.is_some_and(|reading| reading.warm),
            bars: reading.map_or(bars, |reading| reading.bars.into()),
        };
        let readings: Vec<_> = engine.names().iter().zip(engine.readings().iter()).map(reading).collect();
        let record = wire::indicator(&wire::IndicatorBody {
            series: &wire::SeriesText::new(&id.subject, interval, id.basis, id.origin),
            start: at(start),
            freshness: Freshness::Realtime,
            bars,
            prices: [open, high, low, close],
            volume,
            readings: &readings,
            flags: &[],
        });
        last.insert(start, content(&record.to_json(0, at(0))));
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
        let settings = with("SMA(3),RSI(14);5min:EMA(3)", "close crosses SMA(3)");
        let mut item = Item::default();
        let mut facts: Vec<_> = (0..30).map(|bar| reading(bar, 7, 100.0 + (bar * 37 % 11) as f64)).collect();
        stepped(&id, &mut item, &mut facts, self::at(DAY + 30 * MINUTE), &settings);
        let mut bytes = item.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(mut read) = Item::decode(&bytes, &settings.sets) {
            let mut facts = [reading(31, 0, 5.0)];
            stepped(&id, &mut read, &mut facts, self::at(DAY + 40 * MINUTE), &settings);
            for owed in read.owed() {
                owed.push_line(&id, &mut Lines::default());
                owed.entry(&id);
            }
        }
        prop_assert!(Item::decode(&bytes[..at], &settings.sets).is_err());
        let _ = Item::decode(&noise, &settings.sets);
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
    assert_eq!(writer.item.due(&settings()), Some(at(DAY + 18 * MINUTE + 125_000)));
    writer.take(&id, &[], DAY + 60 * MINUTE);
    assert_eq!(writer.last().len(), 6);
    assert_eq!(writer.item.due(&settings()), None);
    // A reading that comes late is a revision of its bar and of every one behind it.
    let lines = writer.lines.len();
    writer.take(&id, &[reading(18, 30, 250.0)], DAY + 60 * MINUTE);
    assert_eq!(writer.lines.len(), lines + 2);
    assert!(writer.lines[&(Interval::Min1, DAY + 18 * MINUTE, 1)].contains(r#""rev":1"#));
    // One that comes later than can be revised is counted, and changes nothing.
    let before = writer.item.clone();
    writer.take(&id, &[reading(0, 30, 250.0)], DAY + 60 * MINUTE);
    assert_eq!((writer.late, &writer.item), (1, &before));
}

#[test]
fn what_is_owed_stays_until_it_is_acknowledged_and_bounds_the_item() {
    let id = id("symbol|MSFT|vendor|raw|intraday");
    let settings = settings();
    let mut item = Item::default();
    let mut facts: Vec<_> = (0..1000).map(|bar| version(bar, 1, true)).collect();
    let mut taken = 0;
    loop {
        let step = stepped(&id, &mut item, &mut facts[taken..], at(DAY), &settings);
        taken += step.taken;
        if step.taken == 0 {
            break;
        }
    }
    assert!(taken > 200 && taken < 1000, "{taken} facts fill the room");
    let outputs = Indicators::default().names().len();
    assert!(item.owed().len() * codec::owed_bytes(outputs) <= OWED_BYTES_MAX);
    // Full: nothing changes any more, whatever comes.
    let before = item.clone();
    let again = stepped(&id, &mut item, &mut [version(3000, 1, true)], at(DAY), &settings);
    assert_eq!((again.taken, again.changed, &item), (0, false, &before));
    // Another writer leaves it alone while its own writer may still deliver it.
    let next = item.next_number();
    assert_eq!(item.deliverable(next, at(DAY + 119_999), &settings).count(), 0);
    assert_eq!(item.deliverable(next, at(DAY + 120_000), &settings).count(), item.owed().len());
    assert_eq!(item.due(&settings), Some(at(DAY + 120_000)));
    // Acknowledgements may leave gaps: what was not acknowledged stays.
    let all: Vec<u64> = item.owed().iter().map(|owed| owed.number).collect();
    item.acknowledge(&all[1..]);
    assert_eq!(item.owed().len(), 1);
    assert!(stepped(&id, &mut item, &mut facts[taken..], at(DAY), &settings).taken > 150, "there is room again");
}

#[test]
fn a_bar_that_never_becomes_final_does_not_hold_up_the_series() {
    let id = id("symbol|MSFT|vendor|raw|intraday");
    let mut facts: Vec<_> = (1..60).map(|bar| version(bar, 1, true)).collect();
    facts.push(version(0, 0, false));
    let mut item = Item::default();
    let first = stepped(&id, &mut item, &mut facts, at(DAY), &settings());
    assert_eq!((first.given_up, first.closed, first.late), (0, 59, 0), "what came together may still be under way");
    assert_eq!(first.readings as usize, naive(&id, &facts).len());
    let later = stepped(&id, &mut item, &mut [], at(DAY + 120_000), &settings());
    assert_eq!((later.given_up, item.lanes[0].slots.len()), (1, REVISABLE_BARS));
}

#[test]
fn states_of_other_formats_are_refused_in_plain_words() {
    let mut bytes = Item::default().encode();
    bytes[0] = 200;
    let error = Item::decode(&bytes, &Sets::default()).unwrap_err();
    assert_eq!(error, StateError::UnknownFormat(200));
    assert!(error.to_string().contains("deploy the version that wrote it"));
    assert!(matches!(Item::decode(&[], &Sets::default()), Err(StateError::Corrupt("format"))));
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
