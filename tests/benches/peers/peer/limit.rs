//! The practical limit: raw events enter, the time of each stage leaves, measured on its own over all records.
//!
//! A bound and no design: the scan trusts that data is nowhere but in `"data":"…"`, nothing is checked twice, nothing
//! is looked up but the engine, and no stage waits for another. What a stage needs is made ready before its clock runs.

use std::{collections::HashMap, hint::black_box, time::Duration};

use base64_simd::{Out, STANDARD};
use indicators::{Bar, IndicatorSet};
use jiff::Timestamp;
use market::{Basis, Fact, Freshness, Interval, Origin, Subject, Symbol, VendorBar};
use memchr::{memchr, memmem::Finder};
use wire::{Digest128, IndicatorBody, IndicatorReading, IndicatorWriter, OutputName, SeriesText};

use crate::{Answer, processor_time};

#[derive(Default)]
pub(crate) struct Limit {
    engines: HashMap<Symbol, IndicatorSet>,
    names: Vec<OutputName>,
    arena: Vec<u8>,
    lines: Vec<u8>,
    archive: Vec<u8>,
}

/// A stage's time in nanoseconds, and what it gave.
fn timed<T>(stage: impl FnOnce() -> T) -> (f64, T) {
    let begun = processor_time();
    let result = black_box(stage());
    (nanoseconds(processor_time() - begun), result)
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// A bar with the prices that the engine reads.
struct Read {
    symbol: Symbol,
    interval: Interval,
    start: Timestamp,
    basis: Basis,
    freshness: Freshness,
    bar: Bar,
}

impl Read {
    fn new(bar: VendorBar) -> Self {
        let Some(Subject::Equity(symbol)) = bar.subject else { unreachable!("the events hold equities") };
        let market::Bar { start, interval, prices, volume, .. } = bar.bar;
        Self {
            symbol,
            interval,
            start,
            basis: bar.basis,
            freshness: bar.freshness,
            bar: Bar {
                open: prices.open().to_f64(),
                high: prices.high().to_f64(),
                low: prices.low().to_f64(),
                close: prices.close().to_f64(),
                volume: volume.map(market::Volume::to_f64),
                session: start.as_second().div_euclid(86_400) as u32,
            },
        }
    }
}

impl Limit {
    pub(crate) fn take(&mut self, body: &[u8], now: &str) -> Answer {
        let now: Timestamp = now.parse().unwrap();
        let (scan, encoded) = timed(|| scan(body));
        let (base64, data) = timed(|| decode_all(&encoded, &mut self.arena));
        let (parse, decoded) = timed(|| data.iter().map(|data| wire::decode(data).unwrap()).collect::<Vec<_>>());
        let read: Vec<Read> = decoded
            .into_iter()
            .map(|decoded| match decoded.fact {
                Some(Fact::Bar(bar)) => Read::new(bar),
                _ => unreachable!("the events hold bars"),
            })
            .collect();
        let (indicators, (bars, readings)) = timed(|| advance(&mut self.engines, &read));
        if self.names.is_empty() {
            self.names = IndicatorSet::default().names().iter().map(|name| OutputName::new(name)).collect();
        }
        let rows: Vec<Row<'_>> = readings
            .chunks(self.names.len())
            .zip(&read)
            .zip(&bars)
            .map(|((values, one), &bars)| Row {
                series: SeriesText::new(&Subject::Equity(one.symbol.clone()), one.interval, one.basis, Origin::Vendor),
                readings: self
                    .names
                    .iter()
                    .zip(values)
                    .map(|(name, &value)| IndicatorReading { name, value, warm: true, bars })
                    .collect(),
                bars,
            })
            .collect();
        let (lines, archive) = (&mut self.lines, &mut self.archive);
        lines.clear();
        let (write, ends) = timed(|| write_all(&read, &rows, now, lines));
        let texts = hashed(lines, &ends);
        let (hash, _) = timed(|| texts.iter().map(|text| Digest128::of_text(text).0[0] as usize).sum::<usize>());
        archive.clear();
        let (copy, _) = timed(|| {
            for data in &data {
                archive.extend_from_slice(data);
                archive.push(b'\n');
            }
            archive.len()
        });
        // The writer hashes, too; what it takes besides is its own.
        let stages = [
            ("scan", scan),
            ("base64", base64),
            ("parse", parse),
            ("indicators", indicators),
            ("hashes", hash),
            ("write", (write - hash).max(0.0)),
            ("copy", copy),
        ];
        let cpu_seconds = stages.iter().map(|(_, time)| time).sum::<f64>() / 1e9;
        Answer { cpu_seconds, archived: data.len(), written: ends.len(), stages: stages.into(), last: None }
    }
}

/// The data of each record, still in base64.
fn scan(body: &[u8]) -> Vec<&[u8]> {
    const NAME: &[u8] = br#""data":""#;
    let name = Finder::new(NAME);
    let mut encoded = Vec::with_capacity(body.len() / 1024);
    let mut rest = body;
    while let Some(at) = name.find(rest) {
        rest = &rest[at + NAME.len()..];
        let end = memchr(b'"', rest).unwrap();
        encoded.push(&rest[..end]);
        rest = &rest[end..];
    }
    encoded
}

/// The data of each record, one behind the other.
fn decode_all<'a>(encoded: &[&[u8]], arena: &'a mut Vec<u8>) -> Vec<&'a [u8]> {
    arena.resize(encoded.iter().map(|one| one.len() / 4 * 3).sum(), 0);
    let mut free = arena.as_mut_slice();
    let mut data = Vec::with_capacity(encoded.len());
    for one in encoded {
        let (room, rest) = free.split_at_mut(one.len() / 4 * 3);
        let decoded: &[u8] = STANDARD.decode(one, Out::from_slice(room)).unwrap();
        data.push(decoded);
        free = rest;
    }
    data
}

/// How many bars each engine has seen after each bar, and all its values behind each other.
fn advance(engines: &mut HashMap<Symbol, IndicatorSet>, read: &[Read]) -> (Vec<u64>, Vec<Option<f64>>) {
    let mut bars = Vec::with_capacity(read.len());
    let mut readings = Vec::with_capacity(read.len() * 16);
    for one in read {
        if !engines.contains_key(&one.symbol) {
            engines.insert(one.symbol.clone(), IndicatorSet::default());
        }
        let engine = engines.get_mut(&one.symbol).unwrap();
        readings.extend(engine.update(&one.bar).unwrap().values());
        bars.push(engine.bars_seen());
    }
    (bars, readings)
}

/// What a line is written from besides its bar.
struct Row<'a> {
    series: SeriesText,
    readings: Vec<IndicatorReading<'a>>,
    bars: u64,
}

/// Writes a line for each row, and says where each ends.
fn write_all(read: &[Read], rows: &[Row<'_>], now: Timestamp, lines: &mut Vec<u8>) -> Vec<usize> {
    let mut writer = IndicatorWriter::default();
    let mut ends = Vec::with_capacity(read.len());
    for (one, row) in read.iter().zip(rows) {
        let Bar { open, high, low, close, volume, .. } = one.bar;
        let body = IndicatorBody {
            series: &row.series,
            start: one.start,
            freshness: one.freshness,
            bars: row.bars,
            prices: [open, high, low, close],
            volume,
            readings: &row.readings,
            flags: &[],
        };
        writer.begin(&body).push_line(lines, 0, now);
        ends.push(lines.len());
    }
    ends
}

/// What identity is computed over: for each line a text as long as the parts of its key, and its canonical text.
fn hashed(lines: &[u8], ends: &[usize]) -> Vec<String> {
    let mut texts = Vec::with_capacity(2 * ends.len());
    let mut begin = 0;
    for &end in ends {
        let line = std::str::from_utf8(&lines[begin..end]).unwrap();
        begin = end;
        let (head, rest) = line.split_once(r#""id":"#).unwrap();
        let (rest, body) = rest.split_once(r#""symbol":"#).unwrap();
        let (_, source) = rest.split_once(r#""source":"#).unwrap();
        let (source, _) = source.split_once(r#""ingested_at""#).unwrap();
        texts.push(format!(r#"{head}"source":{source}"symbol":{body}"#));
        // Eight parts of 75 bytes together, each with its length in front.
        texts.push(line[..8 * 8 + 75].to_owned());
    }
    texts
}
