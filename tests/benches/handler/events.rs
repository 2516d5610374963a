//! Events as a Kinesis mapping sends them, full of bars: a seed comes in, files leave, each going on where the one
//! before stopped.
//!
//! 500 symbols have a bar for each minute of the regular session. The first session begins an hour before its end, so
//! that later events lie in another day. Prices walk at random, most with two decimals.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use fastrand::Rng;
use market::{
    Bar, Basis, Decimal, Fact, Freshness, Interval, Observation, Ohlc, Price, Subject, Symbol, Timestamp, VendorBar,
};

/// Bytes of a synchronous invocation's payload.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const EVENT_BYTES: usize = 6 * 1024 * 1024;
const SYMBOLS: usize = 500;
/// The regular sessions, and how many minutes of them.
const SESSIONS: [(&str, i32); 3] =
    [("2026-11-18T20:00:00Z", 60), ("2026-11-19T14:30:00Z", 390), ("2026-11-20T14:30:00Z", 390)];

/// An event in a file.
pub(crate) struct Event {
    pub(crate) path: PathBuf,
    pub(crate) bytes: usize,
    pub(crate) records: usize,
    /// When it is taken, in market time: RFC 3339 with milliseconds.
    pub(crate) now: String,
}

/// A symbol and its price, in hundredths of a cent.
struct Walk {
    symbol: Symbol,
    price: i64,
}

/// What bars are made from, one after the other.
pub(crate) struct Events {
    rng: Rng,
    walks: Vec<Walk>,
    /// How many records there were.
    done: usize,
}

impl Events {
    /// The same seed, the same events.
    pub(crate) fn new(seed: u64, symbols: usize) -> Result<Self> {
        let mut rng = Rng::with_seed(seed);
        let mut walks = Vec::with_capacity(symbols);
        for at in 0..symbols {
            // One to four letters that differ, as those of a watch list do.
            let letter = |divisor: usize| char::from(b'A' + (at / divisor % 26) as u8);
            let text: String = [letter(1), letter(26), 'K', 'T'].into_iter().take(2 + at % 3).collect();
            let symbol = if at < 26 { letter(1).to_string() } else { text }.parse()?;
            walks.push(Walk { symbol, price: rng.i64(50_000..9_000_000) });
        }
        Ok(Self { rng, walks, done: 0 })
    }

    /// Writes as many records as fit, and at most that many, into a file.
    pub(crate) fn write(&mut self, path: PathBuf, records_max: usize) -> Result<Event> {
        let mut bytes = br#"{"Records":["#.to_vec();
        let (mut records, mut last) = (0, None);
        while records < records_max {
            let at = self.done % self.walks.len();
            let before = (self.rng.clone(), self.walks[at].price);
            let (record, end) = self.record()?;
            if bytes.len() + record.len() + ",]}".len() > EVENT_BYTES {
                // It is the first one of the next event.
                (self.rng, self.walks[at].price) = before;
                break;
            }
            if records > 0 {
                bytes.push(b',');
            }
            bytes.extend(record.into_bytes());
            last = Some(end);
            records += 1;
            self.done += 1;
        }
        bytes.extend(b"]}");
        fs::write(&path, &bytes)?;
        let now = last.context("an event has records")? + jiff::SignedDuration::from_millis(2_250);
        Ok(Event { path, bytes: bytes.len(), records, now: wire::rfc3339_millis(now) })
    }

    /// The next record as the mapping writes it, and the end of its bar.
    fn record(&mut self) -> Result<(String, Timestamp)> {
        let start = minute(self.done / self.walks.len())?;
        let end = start + Interval::Min1.duration();
        let at = self.done % self.walks.len();
        let (rng, walk) = (&mut self.rng, &mut self.walks[at]);
        let step = |rng: &mut Rng, price: i64| {
            let size = (price / 2_000).max(100);
            let moved = (price + rng.i64(-size..=size)).max(10_000);
            // One in eight trades lies between two cents.
            if rng.u8(..) < 32 { moved } else { (moved + 50) / 100 * 100 }
        };
        let open = step(rng, walk.price);
        let close = step(rng, open);
        let high = step(rng, open).max(open).max(close);
        let low = step(rng, close).min(open).min(close);
        walk.price = close;
        let price = |price: i64| Price::new(Decimal::new(price, 4));
        let fact = Fact::Bar(VendorBar {
            subject: Some(Subject::Equity(walk.symbol.clone())),
            basis: Basis::Raw,
            freshness: Freshness::Realtime,
            bar: Bar {
                start,
                interval: Interval::Min1,
                prices: Ohlc::new(price(open)?, price(high)?, price(low)?, price(close)?)?,
                volume: Some(rng.u32(100..400_000).to_string().parse()?),
                is_final: true,
            },
            adjustment: None,
        });
        let observed = wire::observation(&Observation { fact, flags: Vec::new() });
        let data = STANDARD.encode(observed.to_json(0, end + jiff::SignedDuration::from_millis(1_250)));
        let sequence_number = format!("4959033827149025660855969253836157109592{:016}", self.done);
        let arrived = end.as_second() + 1;
        let partition_key = observed.partition_key();
        Ok((
            format!(
                concat!(
                    r#"{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":"{partition_key}","#,
                    r#""sequenceNumber":"{sequence_number}","data":"{data}","#,
                    r#""approximateArrivalTimestamp":{arrived}.25}},"eventSource":"aws:kinesis","eventVersion":"1.0","#,
                    r#""eventID":"shardId-000000000006:{sequence_number}","eventName":"aws:kinesis:record","#,
                    r#""invokeIdentityArn":"arn:aws:iam::123456789012:role/realtime-financial-prod-compute-indicators","#,
                    r#""awsRegion":"us-east-1","eventSourceARN":"#,
                    r#""arn:aws:kinesis:us-east-1:123456789012:stream/realtime-financial-prod-financial-stream"}}"#,
                ),
                partition_key = partition_key,
                sequence_number = sequence_number,
                data = data,
                arrived = arrived,
            ),
            end,
        ))
    }
}

/// The nth minute in which there is trade.
fn minute(nth: usize) -> Result<Timestamp> {
    let mut left = i32::try_from(nth)?;
    for (begin, minutes) in SESSIONS {
        if left < minutes {
            return Ok(begin.parse::<Timestamp>()? + Interval::Min1.duration() * left);
        }
        left -= minutes;
    }
    anyhow::bail!("no session has minute {nth}")
}

/// Full events into a folder, one behind the other.
pub(crate) fn write(folder: &Path, seed: u64, count: usize) -> Result<Vec<Event>> {
    let mut events = Events::new(seed, SYMBOLS)?;
    (0..count).map(|at| events.write(folder.join(format!("event-{at:02}.json")), usize::MAX)).collect()
}
