//! The largest events that a Kinesis mapping can hand over: a kind comes in, the bytes of an event leave.
//!
//! Each record costs about 600 bytes of JSON besides its data in base64.

use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use market::{Bar, Basis, Fact, Freshness, Interval, Observation, Ohlc, Subject, Timestamp, VendorBar};
use serde_json::json;

/// Bytes of a synchronous invocation's payload.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const EVENT_BYTES: usize = 6 * 1024 * 1024;
/// Bytes of each large record: six fill an event.
const LARGE_BYTES: usize = EVENT_BYTES / 6 / 4 * 3 - 1024;
/// Bytes of each small record; about 7,000 fill an event.
const SMALL_BYTES: usize = 200;
/// Symbols that bars are spread over: as many as a large poller has, and as many as an event has records.
const SYMBOLS: usize = 500;
const MANY_SYMBOLS: usize = 5_500;
/// Bars after which the state of a series is as large as it gets.
const FILLED: usize = 17;

/// What an event is full of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bars of 500 symbols, which go on where the event before ended.
    Bars,
    /// In the last event each record is a bar of another symbol. The events before fill their states.
    ManySymbols,
    /// Bars with as much white space as fits.
    PaddedBars,
    /// What is no JSON, in many records.
    SmallJunk,
    /// What is no JSON, in few records: control characters, of which JSON makes six each, and what is no text.
    LargeJunk,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Bars, Self::ManySymbols, Self::PaddedBars, Self::SmallJunk, Self::LargeJunk];

    /// What it is full of, in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Bars => "bars of 500 symbols",
            Self::ManySymbols => "bars of 5,500 symbols",
            Self::PaddedBars => "bars of 0.8 MB each",
            Self::SmallJunk => "junk of 200 B each",
            Self::LargeJunk => "junk of 0.8 MB each",
        }
    }

    /// Whether its records belong in the dead letters.
    pub(crate) fn is_junk(self) -> bool {
        matches!(self, Self::SmallJunk | Self::LargeJunk)
    }

    /// How many events of this kind a process gets, one after the other.
    pub(crate) fn events(self) -> usize {
        if self == Self::ManySymbols { FILLED + 2 } else { 4 }
    }

    fn data(self, at: usize) -> Result<Vec<u8>> {
        Ok(match self {
            Self::Bars => bar(at % SYMBOLS, at / SYMBOLS)?,
            Self::ManySymbols if at < MANY_SYMBOLS * FILLED => bar(at / FILLED, at % FILLED)?,
            Self::ManySymbols => bar(at % MANY_SYMBOLS, at / MANY_SYMBOLS)?,
            Self::PaddedBars => {
                let mut data = bar(at, 0)?;
                data.resize(LARGE_BYTES, b' ');
                data
            }
            Self::SmallJunk => vec![b'x'; SMALL_BYTES],
            Self::LargeJunk => vec![if at.is_multiple_of(2) { 0x01 } else { 0xff }; LARGE_BYTES],
        })
    }
}

/// An event, and how many records it has.
pub(crate) struct Event {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: usize,
}

/// As many records as fit, from the one with this number on.
pub(crate) fn event(kind: Kind, from: usize) -> Result<Event> {
    let mut bytes = br#"{"Records":["#.to_vec();
    let mut records = 0;
    loop {
        let record = record(from + records, &kind.data(from + records)?);
        if bytes.len() + record.len() + ",]}".len() > EVENT_BYTES {
            break;
        }
        if records > 0 {
            bytes.push(b',');
        }
        bytes.extend(record.into_bytes());
        records += 1;
    }
    bytes.extend(b"]}");
    Ok(Event { bytes, records })
}

/// One record as the mapping writes it.
fn record(at: usize, data: &[u8]) -> String {
    let sequence_number = format!("{}{at:020}", "495903382714902569908086580513982345");
    json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": format!("symbol_S{:04}_42", at % 10_000),
            "sequenceNumber": sequence_number,
            "data": STANDARD.encode(data),
            "approximateArrivalTimestamp": 1_795_186_800.123,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("shardId-000000000006:{sequence_number}"),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/realtime-financial-local-compute-indicators",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/realtime-financial-local-financial-stream",
    })
    .to_string()
}

/// A symbol's bar of a minute.
fn bar(symbol: usize, minute: usize) -> Result<Vec<u8>> {
    let open: Timestamp = "2026-11-20T14:30:00Z".parse()?;
    let start = open + Interval::Min1.duration() * i32::try_from(minute)?;
    // Any prices do that differ from bar to bar.
    let cents = 10_000 + (symbol * 37 + minute * 13) % 5_000;
    let price = |cents: usize| format!("{}.{:02}", cents / 100, cents % 100).parse();
    let fact = Fact::Bar(VendorBar {
        subject: Some(Subject::Equity(format!("S{symbol:04}").parse()?)),
        basis: Basis::Raw,
        freshness: Freshness::Realtime,
        bar: Bar {
            start,
            interval: Interval::Min1,
            prices: Ohlc::new(price(cents)?, price(cents + 21)?, price(cents - 19)?, price(cents + 7)?)?,
            volume: Some((1_000 + minute).to_string().parse()?),
            is_final: true,
        },
        adjustment: None,
    });
    let record = wire::observation(&Observation { fact, flags: Vec::new() });
    Ok(record.to_json(0, start + Interval::Min1.duration()).into_bytes())
}
