//! Records as they come off a stream.

use jiff::{SignedDuration, Timestamp};
use market::{
    Bar, Basis, Date, Decimal, Fact, Freshness, Interval, Observation, Ohlc, Price, Quote, Rate, Subject, VendorBar,
};
use wire::BatchRecord;

/// A price in cents.
pub fn price(cents: i64) -> Price {
    Price::new(Decimal::new(cents, 2)).unwrap()
}

/// Prices around one of at least 10 cents, given in cents.
fn prices(cents: i64) -> Ohlc {
    Ohlc::new(price(cents), price(cents + 9), price(cents - 8), price(cents + 3)).unwrap()
}

/// A version of the vendor's bar of a symbol.
pub fn bar(symbol: &str, interval: Interval, start: Timestamp, cents: i64, is_final: bool) -> Fact {
    let volume = Some(Decimal::from(cents * 7).to_string().parse().unwrap());
    Fact::Bar(VendorBar {
        subject: Some(Subject::Equity(symbol.parse().unwrap())),
        basis: Basis::Raw,
        freshness: Freshness::Realtime,
        bar: Bar { start, interval, prices: prices(cents), volume, is_final },
        adjustment: None,
    })
}

/// A quote of a symbol's trading day.
pub fn quote(symbol: &str, trading_day: Date, cents: i64, is_final: bool) -> Fact {
    Fact::Quote(Quote {
        symbol: symbol.parse().unwrap(),
        trading_day,
        prices: prices(cents),
        previous_close: None,
        change: None,
        change_percent: None,
        volume: "1000".parse().unwrap(),
        freshness: Freshness::Realtime,
        is_final,
        quoted_at: None,
        extended_hours: None,
    })
}

/// A rate of a pair such as `BTC/USD`.
pub fn rate(pair: &str, at: Timestamp, cents: i64) -> Fact {
    let pair = pair.parse().unwrap();
    Fact::Rate(Rate { pair, at, rate: price(cents), bid: None, ask: None, freshness: Freshness::Realtime })
}

/// The payload of a fact as that revision, taken in a second after the event.
pub fn payload(fact: Fact, rev: u32) -> Vec<u8> {
    let at = fact.event_time() + SignedDuration::from_secs(1);
    wire::observation(&Observation { fact, flags: Vec::new() }).to_json(rev, at).into_bytes()
}

/// A record of a batch, with everything that it borrows in an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// The shard's name.
    pub shard: String,
    /// Its place in the shard.
    pub sequence_number: String,
    /// Its payload.
    pub data: Vec<u8>,
}

impl Arrived {
    /// As a function finds it in an event.
    pub fn record(&self) -> BatchRecord<'_> {
        BatchRecord {
            data: Ok(&self.data),
            sequence_number: &self.sequence_number,
            partition_key: "key",
            shard: Some(&self.shard),
            stream: Some("stream"),
            arrived_at: None,
        }
    }
}

/// A record of the stream `stream` in a shard, with a sequence number of 56 digits that rises with `nth`.
pub fn arrived(shard: usize, nth: usize, data: Vec<u8>) -> Arrived {
    let sequence_number = format!("{}{nth:016}", "4959033827149025660855969253836157109592");
    Arrived { shard: format!("shardId-{shard:012}"), sequence_number, data }
}
