//! What the benchmark of the producer runs, as a program of its own, so that its processor time is the sender's alone.
//!
//! - `producer sink`: a stream on loopback that counts and forgets. Prints its endpoint; ends with its standard input.
//! - `producer records COUNT`: the records that `send` sends, a line each: partition key, tab, record.
//! - `producer send ENDPOINT COUNT`: turns facts into records and sends them, 500 per call. Prints what it took.
//! - `producer pack COUNT`: the same without signing and sending.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for the benchmark alone: what fails ends it"
)]

use std::{
    env,
    io::{self, BufWriter, Read, Write},
    time::{Duration, Instant},
};

use aws::Stream;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kinesis::config::{Credentials, SharedCredentialsProvider};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp, civil::date};
use market::{
    Bar, Basis, Decimal, Fact, Freshness, Interval, Observation, Ohlc, Price, Quote, Rate, Subject, VendorBar,
};
use pipeline::{PutSettings, port::Runtime, put};
use rustix::time::{ClockId, clock_gettime};
use testkit::kinesis::FakeKinesis;
use wire::{Entry, Outbox, Oversized, Parcel, limits::PUT_RECORDS_COUNT};

/// When the records were taken in.
const NOW: &str = "2026-11-20T17:00:02.250Z";
/// Calls that open the connection and warm everything up, before the clock runs.
const WARM_UP: usize = 20;

/// An invocation without end, in which nothing fails, so that nothing waits.
struct Endless(Instant);

impl Runtime for Endless {
    fn now(&self) -> Timestamp {
        NOW.parse().unwrap()
    }
    fn remaining(&self) -> SignedDuration {
        SignedDuration::from_hours(24) - SignedDuration::try_from(self.0.elapsed()).unwrap()
    }
    async fn sleep(&self, _: SignedDuration) {}
    fn random(&self) -> f64 {
        0.5
    }
}

fn price(cents: u32) -> Price {
    Price::new(Decimal::new(cents.into(), 2)).unwrap()
}

/// The nth fact: of five, two are quotes, one is a rate, and two are bars of a minute. The subjects of 500 in a row
/// differ, as those of a watch list do.
fn observation(number: u32, rng: &mut Rng) -> Observation {
    let cents = rng.u32(1_000..90_000);
    let prices = Ohlc::new(price(cents), price(cents + 71), price(cents - 64), price(cents + 13)).unwrap();
    let volume = rng.u32(1_000..90_000_000).to_string().parse().unwrap();
    let minute = SignedDuration::from_mins(i64::from(number / PUT_RECORDS_COUNT as u32));
    let start = "2026-11-20T14:30:00Z".parse::<Timestamp>().unwrap() + minute;
    let letters = |number: u32| {
        let letter = |divisor: u32| char::from(b'A' + (number / divisor % 26) as u8);
        String::from_iter([letter(1), letter(26), letter(676)])
    };
    let symbol = format!("{}Q", letters(number % PUT_RECORDS_COUNT as u32)).parse().unwrap();
    let fact = match number % 5 {
        0 | 1 => Fact::Quote(Quote {
            symbol,
            trading_day: date(2026, 11, 20),
            prices,
            previous_close: Some(price(cents - 25)),
            change: Some(Decimal::new(38, 2)),
            change_percent: Some(Decimal::new(7_912, 4)),
            volume,
            freshness: Freshness::Realtime,
            is_final: false,
            quoted_at: None,
            extended_hours: None,
        }),
        2 => Fact::Rate(Rate {
            pair: format!("{}/USD", letters(number % PUT_RECORDS_COUNT as u32)).parse().unwrap(),
            at: start + SignedDuration::from_secs(1),
            rate: price(cents),
            bid: Some(price(cents - 1)),
            ask: Some(price(cents + 1)),
            freshness: Freshness::Realtime,
        }),
        _ => Fact::Bar(VendorBar {
            subject: Some(Subject::Equity(symbol)),
            basis: Basis::Raw,
            freshness: Freshness::Realtime,
            bar: Bar { start, interval: Interval::Min1, prices, volume: Some(volume), is_final: true },
            adjustment: None,
        }),
    };
    Observation { fact, flags: Vec::new() }
}

fn observations(count: usize) -> Vec<Observation> {
    let mut rng = Rng::with_seed(1);
    (0..count as u32).map(|number| observation(number, &mut rng)).collect()
}

/// What the producer does with a fact that is news.
fn parcel(seen: &Observation, now: Timestamp) -> Parcel {
    let record = wire::observation(seen);
    let ordered = record.is_ordered();
    let entry = Entry { partition_key: record.partition_key().clone(), data: record.to_json(0, now).into_bytes() };
    Parcel { entry, ordered }
}

/// User and system time of all threads of this process.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "bench");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

async fn send(endpoint: &str, count: usize) {
    let stream = Stream::new(&config(endpoint), "bench");
    let runtime = Endless(Instant::now());
    let observations = observations(count);
    let settings = PutSettings::default();
    let send = async |batch: &[Observation]| {
        let now = runtime.now();
        let put = put(&stream, &runtime, &settings, batch.iter().map(|seen| parcel(seen, now)).collect()).await;
        assert!(put.fates.iter().all(Result::is_ok) && put.stats.batches == 1, "{:?}", put.stats);
    };
    for batch in observations.chunks(PUT_RECORDS_COUNT).take(WARM_UP) {
        send(batch).await;
    }
    let (begun, used) = (Instant::now(), processor_time());
    for batch in observations.chunks(PUT_RECORDS_COUNT) {
        send(batch).await;
    }
    took(count, begun.elapsed(), processor_time() - used);
}

/// Turns facts into records and packs them into calls, which every answer takes: all but signing and sending.
fn pack(count: usize) {
    let now = NOW.parse().unwrap();
    let observations = observations(count);
    let (begun, used) = (Instant::now(), processor_time());
    for batch in observations.chunks(PUT_RECORDS_COUNT) {
        let mut outbox: Outbox<Oversized> = Outbox::new(batch.iter().map(|seen| parcel(seen, now)).collect(), 1);
        while let Some(call) = outbox.next_call() {
            let answers = vec![None; call.entries().len()];
            assert!(outbox.answered(call, &answers).is_empty());
        }
        assert!(outbox.finish().iter().all(Result::is_ok));
    }
    took(count, begun.elapsed(), processor_time() - used);
}

fn took(records: usize, wall: Duration, used: Duration) {
    let (wall, used) = (wall.as_secs_f64(), used.as_secs_f64());
    println!(r#"{{"records": {records}, "wall_seconds": {wall}, "cpu_seconds": {used}}}"#);
}

fn records(count: usize) -> io::Result<()> {
    let now = NOW.parse().unwrap();
    let mut out = BufWriter::new(io::stdout().lock());
    for seen in observations(count) {
        let Parcel { entry, .. } = parcel(&seen, now);
        writeln!(out, "{}\t{}", entry.partition_key, String::from_utf8(entry.data).unwrap())?;
    }
    out.flush()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["sink"] => {
            let sink = FakeKinesis::counting().await?;
            println!("{}", sink.endpoint());
            tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
            println!(r#"{{"calls": {}, "records": {}}}"#, sink.seen().calls, sink.seen().records);
        }
        ["records", count] => records(count.parse().unwrap())?,
        ["send", endpoint, count] => send(endpoint, count.parse().unwrap()).await,
        ["pack", count] => pack(count.parse().unwrap()),
        _ => panic!("usage: producer sink | records COUNT | send ENDPOINT COUNT | pack COUNT"),
    }
    Ok(())
}
