//! The hot paths, each on fixed input.

use std::hint::black_box;

use anyhow::{Result, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use indicators::Indicators;
use jiff::SignedDuration;
use market::{Bar, Basis, Fact, Freshness, Interval, Observation, Ohlc, Origin, Price, Subject, Timestamp, VendorBar};
use wire::{IndicatorBody, IndicatorReading, IndicatorWriter, KinesisBatch, OutputName, SeriesText};

/// All stages.
pub(crate) const STAGES: [&str; 6] = [
    "engine: update of the default set, 1,000 bars",
    "engine: encode",
    "engine: resume",
    "wire: an event of 10 records",
    "wire: decode of a bar",
    "wire: line of readings",
];

/// How many bars before the first of those that count.
const BEFORE: usize = 200;
const BARS: usize = 1_000;

/// Runs a stage so many times.
pub(crate) fn run(stage: &str, times: u64) -> Result<()> {
    let Some(at) = STAGES.iter().position(|one| *one == stage) else { bail!("there is no stage `{stage}`") };
    let mut stage: Box<dyn FnMut() -> Result<()>> = match at {
        0 => update()?,
        1 => encode()?,
        2 => resume()?,
        3 => event()?,
        4 => decode()?,
        _ => line()?,
    };
    (0..times).try_for_each(|_| stage())
}

type Stage = Result<Box<dyn FnMut() -> Result<()>>>;

/// A walk by arithmetic that every machine does alike.
fn bars() -> Vec<indicators::Bar> {
    let mut random = 12_345_u32;
    let mut next = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(random >> 16) / 65_536.0
    };
    let mut close = 100.0;
    let bar = |_| {
        let open = close;
        close = open + next() - 0.5 + (100.0 - open) / 512.0;
        let (high, low) = (open.max(close) + next(), open.min(close) - next());
        indicators::Bar { open, high, low, close, volume: Some((next() * 1e6).floor()), session: 0 }
    };
    (0..BEFORE + BARS).map(bar).collect()
}

/// The default set after some bars.
fn set() -> Result<(indicators::IndicatorSet, Vec<indicators::Bar>)> {
    let (mut set, mut bars) = (Indicators::default().start(), bars());
    for bar in bars.drain(..BEFORE) {
        set.update(&bar)?;
    }
    Ok((set, bars))
}

fn update() -> Stage {
    let (set, bars) = set()?;
    Ok(Box::new(move || {
        let mut set = set.clone();
        for bar in black_box(&bars) {
            black_box(set.update(bar)?);
        }
        Ok(())
    }))
}

fn encode() -> Stage {
    let (set, _) = set()?;
    let mut bytes = Vec::with_capacity(4_096);
    Ok(Box::new(move || {
        bytes.clear();
        black_box(&set).encode(&mut bytes);
        ensure!(!black_box(&bytes).is_empty());
        Ok(())
    }))
}

fn resume() -> Stage {
    let (set, _) = set()?;
    let mut bytes = Vec::new();
    set.encode(&mut bytes);
    let indicators = set.indicators().clone();
    Ok(Box::new(move || {
        black_box(black_box(&indicators).resume(black_box(&bytes))?);
        Ok(())
    }))
}

/// The text of a record: a bar of a minute.
fn record(nth: i64) -> Result<String> {
    let start: Timestamp = "2026-11-20T14:30:00Z".parse()?;
    let start = start + SignedDuration::from_mins(nth);
    let price = |text: &str| -> Result<Price> { Ok(Price::new(text.parse()?)?) };
    let fact = Fact::Bar(VendorBar {
        subject: Some(Subject::Equity("AAPL".parse()?)),
        basis: Basis::Raw,
        freshness: Freshness::Realtime,
        bar: Bar {
            start,
            interval: Interval::Min1,
            prices: Ohlc::new(price("187.25")?, price("187.4")?, price("187.1125")?, price("187.31")?)?,
            volume: Some("48213".parse()?),
            is_final: true,
        },
        adjustment: None,
    });
    let observation = wire::observation(&Observation { fact, flags: Vec::new() });
    Ok(observation.to_json(0, start + SignedDuration::from_millis(61_250)))
}

fn event() -> Stage {
    let records = (0..10).map(|nth| {
        let (data, sequence_number) = (STANDARD.encode(record(nth)?), 49_590_338_271_490_256_608 + i128::from(nth));
        Ok(format!(
            r#"{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":"AAPL","sequenceNumber":"{sequence_number}","data":"{data}","approximateArrivalTimestamp":1763649061.25}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000006:{sequence_number}","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/compute","awsRegion":"us-east-1","eventSourceARN":"arn:aws:kinesis:us-east-1:123456789012:stream/financial"}}"#
        ))
    });
    let records = records.collect::<Result<Vec<_>>>()?;
    let event = format!(r#"{{"Records":[{}]}}"#, records.join(","));
    ensure!(KinesisBatch::from_slice(event.as_bytes())?.len() == 10, "the event does not have its records");
    Ok(Box::new(move || {
        black_box(KinesisBatch::from_slice(black_box(event.as_bytes()))?);
        Ok(())
    }))
}

fn decode() -> Stage {
    let record = record(0)?;
    Ok(Box::new(move || {
        black_box(wire::decode(black_box(record.as_bytes()))?);
        Ok(())
    }))
}

fn line() -> Stage {
    let (set, _) = set()?;
    let start: Timestamp = "2026-11-20T14:30:00Z".parse()?;
    let series = SeriesText::new(&Subject::Equity("AAPL".parse()?), Interval::Min1, Basis::Raw, Origin::Vendor);
    let names: Vec<OutputName> = set.names().iter().map(|name| OutputName::new(name)).collect();
    let (mut writer, mut out) = (IndicatorWriter::default(), Vec::with_capacity(8_192));
    Ok(Box::new(move || {
        let readings: Vec<IndicatorReading<'_>> = names
            .iter()
            .zip(set.readings().iter())
            .map(|(name, reading)| IndicatorReading {
                name,
                value: reading.map(|reading| reading.value),
                warm: reading.is_some_and(|reading| reading.warm),
                bars: BEFORE as u64,
            })
            .collect();
        let body = IndicatorBody {
            series: &series,
            start,
            freshness: Freshness::Realtime,
            bars: BEFORE as u64,
            prices: [187.25, 187.4, 187.1125, 187.31],
            volume: Some(48_213.0),
            readings: &readings,
            flags: &[],
        };
        out.clear();
        writer.begin(black_box(&body)).push_line(&mut out, 0, start + SignedDuration::from_millis(61_250));
        ensure!(!black_box(&out).is_empty());
        Ok(())
    }))
}
