//! The handler as one would usually write it: raw events enter, lines in calls to a sink in memory leave.

use std::collections::{BTreeMap, HashMap};

use aws_lambda_events::event::{
    kinesis::KinesisEvent,
    streams::{KinesisBatchItemFailure, KinesisEventResponse},
};
use indicators::IndicatorSet;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};
use wire::limits::{FIREHOSE_RECORD_BYTES, PUT_RECORD_BATCH_BYTES, PUT_RECORD_BATCH_COUNT};

use crate::{Answer, processor_time};

/// A `bar.v1`. What stands there unused is read all the same, since a record without it is not right.
#[derive(Deserialize)]
#[allow(dead_code, reason = "some fields are only checked to be there")]
struct Bar {
    schema: String,
    key: String,
    rev: u32,
    id: String,
    source: String,
    timestamp: String,
    ingested_at: String,
    flags: Vec<String>,
    symbol: String,
    interval: String,
    basis: String,
    freshness: String,
    origin: String,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: Option<f64>,
    #[serde(rename = "final")]
    is_final: bool,
}

/// An `indicator.v1` without `id`, `ingested_at` and `flags`: what the id is made of.
#[derive(Serialize)]
struct Content<'a> {
    schema: &'a str,
    key: String,
    rev: u32,
    source: &'a str,
    timestamp: &'a str,
    symbol: &'a str,
    interval: &'a str,
    basis: &'a str,
    freshness: &'a str,
    origin: &'a str,
    bars: u64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: Option<f64>,
    #[serde(serialize_with = "as_map")]
    values: (&'a [String], Vec<Option<f64>>),
    /// Nothing, once all indicators are warm and as old as the series.
    warming: [&'a str; 0],
    bars_of: BTreeMap<&'a str, u64>,
}

fn as_map<S: Serializer>((names, values): &(&[String], Vec<Option<f64>>), serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(names.iter().zip(values))
}

#[derive(Default)]
pub(crate) struct Usual {
    series: HashMap<String, IndicatorSet>,
}

impl Usual {
    pub(crate) fn take(&mut self, body: &[u8], now: &str, keep: bool) -> Answer {
        let mut archive = Sink::default();
        let mut indicators = Sink { kept: keep.then(Vec::new), ..Sink::default() };
        let begun = processor_time();
        let event: KinesisEvent =
            serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body)).unwrap();
        let mut failures = Vec::new();
        let mut raw = Vec::with_capacity(event.records.len());
        let mut groups: HashMap<String, Vec<Bar>> = HashMap::new();
        for record in event.records {
            let data = record.kinesis.data.0;
            match serde_json::from_slice::<Bar>(&data) {
                Ok(bar) if bar.schema == "bar.v1" && bar.is_final => {
                    groups.entry(bar.symbol.clone()).or_default().push(bar);
                    raw.push(data);
                }
                _ => {
                    let mut failure = KinesisBatchItemFailure::default();
                    failure.item_identifier = Some(record.kinesis.sequence_number);
                    failures.push(failure);
                }
            }
        }
        let mut lines = Vec::with_capacity(raw.len());
        for (symbol, bars) in groups {
            let set = self.series.entry(symbol).or_default();
            for bar in bars {
                let Bar { open, high, low, close, volume, .. } = bar;
                let day = bar.timestamp[..10].bytes().filter(u8::is_ascii_digit);
                let session = day.fold(0, |number, digit| 10 * number + u32::from(digit - b'0'));
                let Ok(readings) = set.update(&indicators::Bar { open, high, low, close, volume, session }) else {
                    continue;
                };
                let values: Vec<_> = readings.values().collect();
                if values.iter().any(Option::is_some) {
                    lines.push(line(&bar, set, values, now));
                }
            }
        }
        deliver(&mut archive, &raw);
        deliver(&mut indicators, &lines);
        let mut response = KinesisEventResponse::default();
        response.batch_item_failures = failures;
        let response = serde_json::to_vec(&response).unwrap();
        let (archived, written) = (raw.len(), lines.len());
        // What is freed at the end of an invocation belongs to it.
        drop((raw, lines));
        let took = processor_time() - begun;
        assert!(archive.bytes > 0);
        assert_eq!(response, br#"{"batchItemFailures":[]}"#);
        let last = indicators.kept.map(|lines| lines.into_iter().collect::<BTreeMap<_, _>>());
        Answer { cpu_seconds: took.as_secs_f64(), archived, written, last, ..Answer::default() }
    }
}

fn line(bar: &Bar, set: &IndicatorSet, values: Vec<Option<f64>>, now: &str) -> Vec<u8> {
    let schema = "indicator.v1";
    let parts =
        [schema, &bar.source, &bar.symbol, &bar.timestamp, &bar.interval, &bar.basis, &bar.freshness, &bar.origin];
    let mut key = Sha256::new();
    for part in parts {
        key.update((part.len() as u64).to_le_bytes());
        key.update(part);
    }
    let content = Content {
        schema,
        key: hex(key),
        rev: 0,
        source: &bar.source,
        timestamp: &bar.timestamp,
        symbol: &bar.symbol,
        interval: &bar.interval,
        basis: &bar.basis,
        freshness: &bar.freshness,
        origin: &bar.origin,
        bars: set.bars_seen(),
        open: bar.open,
        high: bar.high,
        low: bar.low,
        close: bar.close,
        volume: bar.volume,
        values: (set.names(), values),
        warming: [],
        bars_of: BTreeMap::new(),
    };
    // Written once: what the id does not cover is put in between.
    let content = serde_json::to_string(&content).unwrap();
    let id = hex(Sha256::new_with_prefix(&content));
    let (head, rest) = content.split_once(r#""source":"#).unwrap();
    let (source, body) = rest.split_once(r#","symbol":"#).unwrap();
    format!(r#"{head}"id":"{id}","source":{source},"ingested_at":"{now}","flags":[],"symbol":{body}"#).into_bytes()
}

/// The first half of a digest.
fn hex(digest: Sha256) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)]));
    digest.finalize()[..16].iter().flat_map(digits).collect()
}

/// Counts what it is given, and keeps lines by symbol where it is told to.
#[derive(Default)]
struct Sink {
    bytes: usize,
    kept: Option<Vec<(String, String)>>,
}

impl Sink {
    fn put_record_batch(&mut self, records: &[Vec<u8>]) {
        for record in records {
            self.bytes += record.len();
            let Some(kept) = &mut self.kept else { continue };
            for line in std::str::from_utf8(record).unwrap().lines() {
                let read: serde_json::Value = serde_json::from_str(line).unwrap();
                kept.push((read["symbol"].as_str().unwrap().to_owned(), line.to_owned()));
            }
        }
    }
}

/// Packs lines into records, and records into calls.
fn deliver(sink: &mut Sink, lines: &[Vec<u8>]) {
    let mut records: Vec<Vec<u8>> = Vec::new();
    let mut bytes = 0;
    let mut record: Vec<u8> = Vec::new();
    let mut finish = |record: Vec<u8>, last: bool| {
        if !record.is_empty() {
            if records.len() == PUT_RECORD_BATCH_COUNT || bytes + record.len() > PUT_RECORD_BATCH_BYTES {
                sink.put_record_batch(&records);
                records.clear();
                bytes = 0;
            }
            bytes += record.len();
            records.push(record);
        }
        if last && !records.is_empty() {
            sink.put_record_batch(&records);
        }
    };
    for line in lines {
        if record.len() + line.len() + 1 > FIREHOSE_RECORD_BYTES {
            finish(std::mem::take(&mut record), false);
        }
        record.extend_from_slice(line);
        record.push(b'\n');
    }
    finish(record, true);
}
