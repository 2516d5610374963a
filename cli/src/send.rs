//! `kinetick send`: a number enters, as many well-formed test records leave to the streams of an environment,
//! with what became of them.
//!
//! They are about instruments that do not exist, so that no real fact is ever revised by one. What a record
//! says follows from its instrument, time and revision: sent twice, it is the same record.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Result;
use aws_config::SdkConfig;
use clap::{Args, ValueEnum};
use clock::Invocation;
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use market::{
    Decimal, Event, Fact, Freshness, MarketStatus, Observation, Ohlc, Pair, Price, Quote, Rate, Symbol, Volume,
    day_start, session::latest_trading_day,
};
use pipeline::{Put, PutSettings, PutStats, put};
use serde::Serialize;
use wire::{Entry, Parcel, Record, observation};

use crate::place::{CREDENTIALS, Place};

/// A symbol with these letters in it is taken for one that does not exist.
const TEST: &str = "TEST";
/// ISO 4217 reserves the first code for tests; the second says that no currency is meant.
const PAIR: &str = "XTS/XXX";
/// Markets that the test events are about, so that they are spread over shards.
const MARKETS: u32 = 10;
/// Records that are kept in memory at a time.
const CHUNK: u32 = 5_000;
/// The exit code where AWS gives no access.
const NO_ACCESS: u8 = 3;
/// No call is begun after this time.
const LIMIT: SignedDuration = SignedDuration::from_hours(1);

/// The options of `send`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The stream to send to.
    #[arg(long)]
    stream: Streams,
    /// How many records to send to each stream.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    #[command(flatten)]
    place: Place,
    /// The symbol of the test quotes; one with TEST in it, since real ones must not be revised.
    #[arg(long, default_value = "KINETICK.TEST", value_parser = test_symbol)]
    symbol: Symbol,
    /// Print one line of JSON for each stream.
    #[arg(long)]
    json: bool,
}

fn test_symbol(text: &str) -> Result<Symbol, String> {
    let symbol: Symbol = text.parse().map_err(|error: market::InstrumentError| error.to_string())?;
    if symbol.as_str().contains(TEST) {
        return Ok(symbol);
    }
    Err("test records would revise its real quotes: write a symbol with `TEST` in it, such as `KINETICK.TEST`"
        .to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Streams {
    /// quote.v1 of the test symbol.
    Financial,
    /// rate.v1 of XTS/XXX, currencies that ISO 4217 reserves.
    Crypto,
    /// system.v1: the status of a market that does not exist.
    Events,
    /// Each of them.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Financial,
    Crypto,
    Events,
}

impl Streams {
    fn each(self) -> &'static [Stream] {
        match self {
            Self::Financial => &[Stream::Financial],
            Self::Crypto => &[Stream::Crypto],
            Self::Events => &[Stream::Events],
            Self::All => &[Stream::Financial, Stream::Crypto, Stream::Events],
        }
    }
}

impl Stream {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Financial => "financial",
            Self::Crypto => "crypto",
            Self::Events => "events",
        }
    }
}

/// What became of the records of one stream.
#[derive(Debug, Serialize)]
struct Sent {
    stream: String,
    #[serde(flatten)]
    stats: PutStats,
    /// Why records were not taken, and how many.
    reasons: BTreeMap<String, u64>,
}

/// Sends them.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let sdk = match options.place.sdk_config().await {
        Ok(sdk) => sdk,
        Err(error) => {
            eprintln!("error: {error}");
            return Ok(ExitCode::from(NO_ACCESS));
        }
    };
    let sending = options.stream.each().iter().map(|stream| stream.send(options, &sdk));
    let all = try_join_all(sending).await?;
    let failed = all.iter().any(|sent| sent.stats.failed > 0);
    match options.show(&all) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Options {
    fn show(&self, all: &[Sent]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            return all.iter().try_for_each(|sent| writeln!(out, "{}", serde_json::to_string(sent)?));
        }
        let width = all.iter().map(|sent| sent.stream.len()).max().unwrap_or(0);
        writeln!(
            out,
            "{:width$}  {:>9} {:>7} {:>8} {:>8} {:>8} {:>8}",
            "stream", "sent", "failed", "success", "batches", "mean ms", "p99 ms"
        )?;
        for Sent { stream, stats, .. } in all {
            writeln!(
                out,
                "{stream:width$}  {:>9} {:>7} {:>7.2}% {:>8} {:>8.1} {:>8}",
                stats.sent,
                stats.failed,
                100.0 * stats.success_rate(),
                stats.batches,
                stats.latency.mean(),
                stats.latency.percentile(99),
            )?;
        }
        for sent in all {
            for (reason, count) in &sent.reasons {
                writeln!(out, "not taken by {}: {count} records: {reason}", sent.stream)?;
            }
        }
        if all.iter().any(|sent| sent.stats.sent == 0) {
            let env = self.place.env();
            writeln!(out, "a stream took nothing: {CREDENTIALS}, and that `{env}` is deployed")?;
        }
        Ok(())
    }
}

impl Stream {
    /// Sends the records of one stream.
    async fn send(self, options: &Options, sdk: &SdkConfig) -> Result<Sent> {
        let now = Timestamp::now();
        let deadline = u64::try_from((now + LIMIT).as_millisecond()).unwrap_or(u64::MAX);
        let runtime = Invocation::new(None, deadline);
        let name = options.place.stream(self.as_str());
        let port = aws::Stream::new(sdk, &name);
        let mut sent = Sent { stream: name, stats: PutStats::default(), reasons: BTreeMap::new() };
        let mut next = 0;
        while next < options.count {
            let end = options.count.min(next + CHUNK);
            let parcels = (next..end).map(|at| self.parcel(&options.symbol, now, at)).collect::<Result<_>>()?;
            next = end;
            let Put { fates, stats, .. } = put(&port, &runtime, &PutSettings::default(), parcels).await;
            sent.stats.add(&stats);
            for refused in fates.into_iter().filter_map(Result::err) {
                *sent.reasons.entry(refused.reason).or_default() += 1;
            }
            if sent.stats.sent == 0 && next < options.count {
                let rest = u64::from(options.count - next);
                sent.stats.failed += rest;
                sent.reasons.insert("not tried, since none before it was taken".to_owned(), rest);
                break;
            }
        }
        Ok(sent)
    }

    /// The test record with that number.
    fn parcel(self, symbol: &Symbol, now: Timestamp, number: u32) -> Result<Parcel> {
        let (record, rev) = self.record(symbol, now, number)?;
        let data = record.to_json(rev, now).into_bytes();
        let entry = Entry { partition_key: record.partition_key().clone(), data };
        // Revisions tell which of them is the last, so they may overtake each other and fill whole calls.
        Ok(Parcel { entry, ordered: false })
    }

    /// What a record is about and its revision. A revision is the millisecond in which it would be made, one after
    /// the other: so the records of a later call revise those of an earlier one.
    fn record(self, symbol: &Symbol, now: Timestamp, number: u32) -> Result<(Record, u32)> {
        let rev_since = |begin: Timestamp| {
            let millis = now.as_millisecond().saturating_sub(begin.as_millisecond());
            u32::try_from(millis).unwrap_or(0).saturating_add(number)
        };
        let (fact, rev) = match self {
            Self::Financial => {
                let trading_day = latest_trading_day(now);
                let rev = rev_since(day_start(trading_day));
                let price = Price::new(Decimal::new(10_000 + i64::from(rev % 1_000), 2))?;
                let quote = Quote {
                    symbol: symbol.clone(),
                    trading_day,
                    prices: Ohlc::new(price, price, price, price)?,
                    previous_close: None,
                    change: None,
                    change_percent: None,
                    volume: Volume::new(Decimal::from(rev % 1_000))?,
                    freshness: Freshness::Eod,
                    is_final: false,
                    quoted_at: None,
                    extended_hours: None,
                };
                (Fact::Quote(quote), rev)
            }
            Self::Crypto => {
                // Seconds of the past, since a bar remembers so and so many readings of its minute only.
                let at = Timestamp::from_millisecond(now.as_millisecond() - 1_000 * i64::from(number)).unwrap_or(now);
                let price = Price::new(Decimal::new(10_000 + at.as_millisecond().rem_euclid(1_000), 4))?;
                let pair: Pair = PAIR.parse()?;
                (Fact::Rate(Rate { pair, at, rate: price, bid: None, ask: None, freshness: Freshness::Realtime }), 0)
            }
            Self::Events => {
                let seen_on = now.to_zoned(TimeZone::UTC).date();
                let midnight = seen_on.to_zoned(TimeZone::UTC).map_or(now, |midnight| midnight.timestamp());
                let rev = rev_since(midnight);
                let status = MarketStatus {
                    market_type: "Test".to_owned(),
                    region: format!("KINETICK.TEST {}", number % MARKETS),
                    primary_exchanges: String::new(),
                    local_open: None,
                    local_close: None,
                    is_open: rev % 2 == 0,
                    notes: Some("a test record of `kinetick send`".to_owned()),
                    seen_on,
                };
                (Fact::Event(Event::MarketStatus(status)), rev)
            }
        };
        Ok((observation(&Observation { fact, flags: Vec::new() }), rev))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    fn records(stream: Stream, now: &str, count: u32) -> Vec<(Record, u32)> {
        let (symbol, now) = ("KINETICK.TEST".parse().unwrap(), now.parse().unwrap());
        (0..count).map(|number| stream.record(&symbol, now, number).unwrap()).collect()
    }

    #[test]
    fn test_records_are_records_and_about_nothing_real() {
        for stream in Streams::All.each() {
            for now in ["2026-11-20T20:00:00Z", "2026-11-21T03:00:00.5Z", "2026-11-23T14:30:00Z"] {
                let mut ids = HashSet::new();
                for (record, rev) in records(*stream, now, 2_500) {
                    let json = record.to_json(rev, now.parse().unwrap());
                    let decoded = wire::decode(json.as_bytes()).unwrap();
                    assert_eq!((decoded.rev, decoded.id), (rev, record.id(rev)));
                    assert!(json.contains("TEST") || json.contains(PAIR), "{json}");
                    assert!(ids.insert(decoded.id), "each is a record of its own");
                }
            }
        }
    }

    #[test]
    fn no_revision_ever_has_two_contents() {
        for stream in Streams::All.each() {
            let mut known = HashMap::new();
            for now in ["2026-11-20T20:00:00Z", "2026-11-20T20:00:00.7Z", "2026-11-20T20:00:01Z"] {
                for (record, rev) in records(*stream, now, 3_000) {
                    let content = record.content();
                    assert_eq!(*known.entry((record.key(), rev)).or_insert(content), content);
                }
            }
        }
    }

    #[test]
    fn real_symbols_are_refused() {
        assert_eq!(test_symbol("my.test").unwrap().as_str(), "MY.TEST");
        assert!(test_symbol("AAPL").unwrap_err().contains("`TEST` in it"));
        assert!(test_symbol("TEST*").is_err());
    }
}
