//! What a series promises, by subject, and here what the tests of it have in common.

mod alerts;
mod built;
mod bytes;
mod clock;
mod gaps;
mod limits;
mod order;
mod routes;
mod sets;
mod splits;

use std::collections::{BTreeMap, BTreeSet};

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

/// A version of the vendor's bar of one minute, number `bar`; its prices follow from bar and revision.
fn version(bar: i64, rev: u32, is_final: bool) -> SeriesFact {
    vendor(Interval::Min1, DAY + bar * MINUTE, rev, is_final, prices(bar, rev))
}

/// Prices that follow from the number of a bar and its revision.
fn prices(bar: i64, rev: u32) -> Ohlcv {
    flat(100.0 + ((bar * 7919 + i64::from(rev) * 104_729) % 997) as f64 / 100.0)
}

/// Prices around one.
fn flat(price: f64) -> Ohlcv {
    Ohlcv { open: price, high: price + 0.5, low: price - 0.25, close: price + 0.1, volume: Some(price * 10.0) }
}

/// A version of the vendor's bar.
fn vendor(interval: Interval, start: i64, rev: u32, is_final: bool, prices: Ohlcv) -> SeriesFact {
    // As ids do, this one follows from what it stands for.
    let id = [(start / MINUTE) as u8 ^ (rev as u8) << 5; 16];
    let freshness = Freshness::Realtime as u8;
    let part = VendorPart { rev, id, is_final, freshness, as_of: 0, prices };
    SeriesFact { interval, start, about: About::Bar(Part::Vendor(part)) }
}

/// The vendor's final bars of one minute with these prices.
fn closing_at(closes: &[f64]) -> Vec<SeriesFact> {
    let bar = |close: f64| Ohlcv { open: close, high: close, low: close, close, volume: None };
    let bars = (0..).zip(closes).map(|(nth, close)| (DAY + nth * MINUTE, bar(*close)));
    bars.map(|(start, prices)| vendor(Interval::Min1, start, 0, true, prices)).collect()
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

    /// Another configuration is deployed.
    fn deploy(&mut self, settings: Settings) {
        self.item = Item::decode(&self.item.encode(), &settings.sets).unwrap();
        self.settings = settings;
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
            assert!(step.taken > 0 || rest.is_empty(), "stuck with {} facts", rest.len());
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
    computed(id, Interval::Min1, &Indicators::default(), finals(facts, Interval::Min1))
}

/// The last versions of the vendor's bars of that length, as far as they are final.
fn finals(facts: &[SeriesFact], interval: Interval) -> BTreeMap<i64, Ohlcv> {
    let mut versions: BTreeMap<i64, VendorPart> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.interval == interval) {
        if let About::Bar(Part::Vendor(part)) = fact.about {
            let kept = versions.entry(fact.start).or_insert(part);
            if (kept.is_final, kept.rev, kept.id) < (part.is_final, part.rev, part.id) {
                *kept = part;
            }
        }
    }
    versions.into_iter().filter(|(_, part)| part.is_final).map(|(start, part)| (start, part.prices)).collect()
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

/// So many cases, or as many as `PROPTEST_CASES` says.
fn cases(usual: u32) -> ProptestConfig {
    counted(usual, 1)
}

/// So many cases, each of them a large one, or a twentieth of `PROPTEST_CASES`.
fn large_cases(usual: u32) -> ProptestConfig {
    counted(usual, 20)
}

fn counted(usual: u32, share: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { config.cases.div_ceil(share) } else { usual };
    ProptestConfig { cases, ..config }
}
