//! What the final state has to be, from the facts in the streams alone: bars by time, and the readings over them.
//!
//! For each fact the greatest (`rev`, `id`); the vendor's bar if it is final, else what was sampled, else what shorter
//! bars make; bar by bar into a fresh [`IndicatorSet`](indicators::IndicatorSet), whose kernels are compared with TA-Lib
//! elsewhere. The rules are those of the design, written down once more as plainly as possible: no state, no revisions of
//! readings, no windows. Everything is computed at the end from all there is.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use indicators::{Bar, IndicatorSet, Indicators};

use super::line::{self, Line};

/// Lengths of bars, in minutes, by their place.
pub const MINUTES: [i64; 6] = [1, 5, 15, 30, 60, 1440];
/// The place of days.
pub const DAY: u8 = 5;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A bar of a subject: its number, the place of its length, its begin in milliseconds since 1970.
pub type Place = (u32, u8, i64);

/// Open, high, low, close and volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Vendor {
    rank: (bool, u32, u128),
    prices: Prices,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    key: u128,
    rank: (u32, u128),
    at: i64,
    price: f64,
}

/// A subject by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Subject {
    name: Box<str>,
    is_pair: bool,
}

/// The facts in the streams.
#[derive(Debug, Default)]
pub struct Truth {
    numbers: HashMap<Box<str>, u32, FixedState>,
    subjects: Vec<Subject>,
    vendor: BTreeMap<Place, Vendor>,
    sampled: BTreeMap<(u32, i64), Vec<Reading>>,
}

/// What a record of readings has to say: how many bars, prices, volume, which outputs are warm, and their values.
pub type Said = Box<[u64]>;

/// What stands for a value that is not there.
pub const NOTHING: u64 = u64::MAX;

/// The indicators for bars of each length, and which of these are built from shorter ones.
#[derive(Debug, Clone)]
pub struct Sets {
    /// By place.
    pub of: [Option<Indicators>; 6],
    /// By place: whether such bars are made where none come.
    pub built: [bool; 6],
}

/// The place of a length by its name in records.
pub fn place_of(interval: &[u8]) -> Option<u8> {
    let names: [&[u8]; 6] = [b"1min", b"5min", b"15min", b"30min", b"60min", b"1day"];
    names.iter().position(|name| *name == interval).map(|at| at as u8)
}

impl Truth {
    /// The number of a subject.
    pub fn subject(&mut self, name: &[u8]) -> u32 {
        let name = String::from_utf8_lossy(name);
        if let Some(number) = self.numbers.get(&*name) {
            return *number;
        }
        let number = self.subjects.len() as u32;
        let name: Box<str> = name.into();
        self.subjects.push(Subject { is_pair: name.contains('/'), name: name.clone() });
        self.numbers.insert(name, number);
        number
    }

    /// The name of a subject.
    pub fn name(&self, subject: u32) -> &str {
        self.subjects.get(subject as usize).map_or("?", |subject| &subject.name)
    }

    /// Takes in a record; `None` if it cannot be read. Records that say nothing of prices are passed over.
    pub(crate) fn take(&mut self, line: &Line<'_>) -> Option<()> {
        let mut rest = line.body;
        match line.schema {
            "bar.v1" | "quote.v1" => {
                let subject = line::text(&mut rest, b"\"symbol\":\"")?;
                let is_quote = line.schema == "quote.v1";
                let interval = if is_quote { DAY } else { place_of(line::text(&mut rest, b"\"interval\":\"")?)? };
                let close: &[u8] = if is_quote { b"\"price\":" } else { b"\"close\":" };
                let [open, high, low, close] = [b"\"open\":", &b"\"high\":"[..], b"\"low\":", close]
                    .map(|name| line::number(&mut rest, name).and_then(|word| word.parse::<f64>().ok()));
                let volume = line::bits(&mut rest, b"\"volume\":")?.map(f64::from_bits);
                let is_final = line::number(&mut rest, b"\"final\":")? == "true";
                let (open, close) = (open?, close?);
                let prices =
                    Prices { open, high: high?.max(open).max(close), low: low?.min(open).min(close), close, volume };
                let version = Vendor { rank: (is_final, line.rev, line.id), prices };
                let subject = self.subject(subject);
                let kept = self.vendor.entry((subject, interval, line.at)).or_insert(version);
                if kept.rank < version.rank {
                    *kept = version;
                }
            }
            "rate.v1" => {
                let subject = line::text(&mut rest, b"\"symbol\":\"")?;
                let price = line::number(&mut rest, b"\"rate\":")?.parse().ok()?;
                let reading = Reading { key: line.key, rank: (line.rev, line.id), at: line.at, price };
                let subject = self.subject(subject);
                let minute = line.at.div_euclid(MINUTE) * MINUTE;
                let readings = self.sampled.entry((subject, minute)).or_default();
                match readings.iter_mut().find(|known| known.key == reading.key) {
                    Some(known) if known.rank < reading.rank => *known = reading,
                    Some(_) => {}
                    None => readings.push(reading),
                }
            }
            _ => {}
        }
        Some(())
    }

    /// What the last revision under each place has to be, once all bars are closed.
    pub fn expected(&self, sets: &Sets) -> BTreeMap<Place, Said> {
        let mut expected = BTreeMap::new();
        for (number, subject) in (0..).zip(&self.subjects) {
            let minutes = self.bars_of_minutes(number, subject);
            for (interval, indicators) in (0_u8..).zip(&sets.of) {
                let Some(indicators) = indicators else { continue };
                let mut bars = self.vendor_bars(number, interval);
                if interval == 0 {
                    bars = minutes.clone();
                } else if sets.built[usize::from(interval)] {
                    // Built from the shortest bars that come, unless the vendor has the final word.
                    let shortest = (0..interval).find(|at| !self.vendor_bars(number, *at).is_empty());
                    let parts = match shortest {
                        Some(0) => minutes.clone(),
                        None if !minutes.is_empty() => minutes.clone(),
                        Some(shorter) => self.vendor_bars(number, shorter),
                        None => BTreeMap::new(),
                    };
                    let mut built = joined(&parts, MINUTES[usize::from(interval)] * MINUTE);
                    built.append(&mut bars);
                    bars = built;
                }
                read(number, subject, interval, &bars, indicators, &mut expected);
            }
        }
        expected
    }

    /// The final bars of the vendor.
    fn vendor_bars(&self, subject: u32, interval: u8) -> BTreeMap<i64, Prices> {
        let range = (subject, interval, i64::MIN)..=(subject, interval, i64::MAX);
        let finals = self.vendor.range(range).filter(|(_, version)| version.rank.0);
        finals.map(|((_, _, start), version)| (*start, version.prices)).collect()
    }

    fn bars_of_minutes(&self, number: u32, subject: &Subject) -> BTreeMap<i64, Prices> {
        if !subject.is_pair {
            return self.vendor_bars(number, 0);
        }
        let range = (number, i64::MIN)..=(number, i64::MAX);
        let bar = |((_, start), readings): (&(u32, i64), &Vec<Reading>)| {
            let first = readings.iter().min_by_key(|reading| (reading.at, reading.rank.1))?;
            let last = readings.iter().max_by_key(|reading| (reading.at, reading.rank.1))?;
            let high = readings.iter().map(|reading| reading.price).fold(f64::MIN, f64::max);
            let low = readings.iter().map(|reading| reading.price).fold(f64::MAX, f64::min);
            Some((*start, Prices { open: first.price, high, low, close: last.price, volume: None }))
        };
        self.sampled.range(range).filter_map(bar).collect()
    }

    /// Subjects with at least so many closed minutes of the vendor, with the begin of the first one.
    pub fn long_series(&self, bars: usize) -> Vec<(String, i64)> {
        let long = (0..).zip(&self.subjects).filter(|(_, subject)| !subject.is_pair).filter_map(|(number, subject)| {
            let minutes = self.vendor_bars(number, 0);
            let first = minutes.keys().next().filter(|_| minutes.len() >= bars)?;
            Some((subject.name.to_string(), *first))
        });
        long.collect()
    }
}

/// Shorter bars as longer ones.
fn joined(parts: &BTreeMap<i64, Prices>, length: i64) -> BTreeMap<i64, Prices> {
    let mut longer: BTreeMap<i64, Prices> = BTreeMap::new();
    for (start, next) in parts {
        let bucket = start.div_euclid(length) * length;
        longer
            .entry(bucket)
            .and_modify(|bar| {
                bar.high = bar.high.max(next.high);
                bar.low = bar.low.min(next.low);
                bar.close = next.close;
                bar.volume = match (bar.volume, next.volume) {
                    (Some(before), Some(next)) => Some(before + next),
                    (one, other) => one.or(other),
                };
            })
            .or_insert(*next);
    }
    longer
}

/// Reads bars with indicators, in the order of their time.
fn read(
    number: u32,
    subject: &Subject,
    interval: u8,
    bars: &BTreeMap<i64, Prices>,
    indicators: &Indicators,
    expected: &mut BTreeMap<Place, Said>,
) {
    let mut set = indicators.start();
    for (start, prices) in bars {
        let Prices { open, high, low, close, volume } = *prices;
        // Sessions of shares: no extended session crosses 05:00 UTC.
        let shift = if subject.is_pair || interval == DAY { 0 } else { 5 * HOUR };
        let session = u32::try_from((start - shift).div_euclid(24 * HOUR)).unwrap_or(0);
        if set.update(&Bar { open, high, low, close, volume, session }).is_err() {
            continue;
        }
        if let Some(said) = said(&set, prices) {
            expected.insert((number, interval, *start), said);
        }
    }
}

/// What is said after a bar; nothing as long as no output has a value.
fn said(set: &IndicatorSet, prices: &Prices) -> Option<Said> {
    let readings: Vec<_> = set.readings().iter().collect();
    if readings.iter().all(Option::is_none) {
        return None;
    }
    let warming = readings.iter().flatten().filter(|reading| !reading.warm).count();
    let Prices { open, high, low, close, volume } = *prices;
    let mut said = vec![set.bars_seen()];
    said.extend([open, high, low, close].map(line::bits_of));
    said.push(volume.map_or(NOTHING, line::bits_of));
    said.push(warming as u64);
    said.extend(readings.iter().map(|reading| reading.map_or(NOTHING, |reading| line::bits_of(reading.value))));
    Some(said.into())
}

/// What a record of readings says, and about which bar: the name of its subject and the place of its length.
pub(crate) fn read_said<'a>(line: &Line<'a>) -> Option<(&'a [u8], u8, Said)> {
    let mut rest = line.body;
    let subject = line::text(&mut rest, b"\"symbol\":\"")?;
    let interval = place_of(line::text(&mut rest, b"\"interval\":\"")?)?;
    let mut said = vec![line::number(&mut rest, b"\"bars\":")?.parse().ok()?];
    for name in [&b"\"open\":"[..], b"\"high\":", b"\"low\":", b"\"close\":", b"\"volume\":"] {
        said.push(line::bits(&mut rest, name)?.unwrap_or(NOTHING));
    }
    let begin = line::find(rest, b"\"values\":{")? + 10;
    let end = begin + rest[begin..].iter().position(|byte| *byte == b'}')?;
    let mut values = &rest[begin..=end];
    rest = &rest[end..];
    said.push(line::list(&mut rest, b"\"warming\":[")?.len() as u64);
    while let Some(value) = line::bits(&mut values, b"\":") {
        said.push(value.unwrap_or(NOTHING));
    }
    Some((subject, interval, said.into()))
}
