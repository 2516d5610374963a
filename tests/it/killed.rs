//! Real processes that are killed and paused at work: nothing is lost, and nothing is other than it has to be.
//!
//! The template on the emulator, its functions on the host, records of two streams. A seed strikes: processes of
//! `compute-indicators` are killed by SIGKILL, or stopped by SIGSTOP beyond their deadline, abandoned, succeeded, and
//! continued, so that what they still write has to be refused. The simulation's checker, which shares no code with the
//! functions, judges what lies in the buckets at the end.
//!
//! `RECORDS`, `KILLS` and `PAUSES` say how much; `SEED` replays the records and the order of the strikes, though not
//! the moments at which the machine lets them fall.

mod chaos;
mod input;

use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use chaos::{Chaos, Struck};
use emulator::{functions::invoke, objects::ObjectTail, s3_client, sdk_config};
use event_source_mapping::kinesis::Pace;
use fastrand::Rng;
use input::{POISON, Put, STREAMS};
use jiff::{SignedDuration, Timestamp};
use lambda_host::{Host, LogSink, OnTimeout, Options, Report, Setup, Source};
use serde_json::{Value, json};
use series::{Item, Sets};
use simulation::checker::{Checker, Kind, truth};

use crate::{
    built::{binary, checkout, example},
    hosted::{COMPUTE, Hosted, Record, is_of},
};

const DEADLINE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);
/// What a function has for an invocation; a pause lasts longer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Records per batch: so small that there are many invocations to strike.
const BATCH: usize = 100;
const SHARDS: usize = 4;

/// Looks again and again, until it sees what it waits for. What it sees instead is told at the deadline.
#[track_caller]
fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        loop {
            match look().await {
                Ok(seen) => return seen,
                Err(instead) => assert!(begun.elapsed() < DEADLINE, "{caller}: {what} never came, but {instead}"),
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn number<T: std::str::FromStr>(name: &str, default: T) -> T {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The seed of a run, printed so that it can be had again.
#[expect(clippy::print_stdout, reason = "shown where a test fails")]
fn seed() -> u64 {
    let seed = number("SEED", fastrand::u64(..1_000_000));
    println!("seed {seed}; SEED={seed} replays it");
    seed
}

struct World {
    hosted: Hosted,
    checker: Checker,
    /// How many records are in the streams.
    put: u64,
    /// Payloads that have to become dead letters.
    odd: Vec<Vec<u8>>,
}

impl World {
    async fn start() -> Self {
        let folders = ["poll-equities", "poll-crypto", "poll-events", COMPUTE, "sweep-series", "handle-dead-letters"];
        let bootstraps: BTreeMap<&str, PathBuf> = folders.map(|name| (name, binary(name))).into();
        // A minute before the last rate's minute is over, five times as fast as the wall's clock: what is sampled
        // closes as it comes, but for the last minute, which the sweep has to close.
        let clock = format!("{},2026-11-20T15:39:00Z,5", Timestamp::now());
        let shards = SHARDS.to_string();
        let parameters = [
            ("ShardCount", shards.as_str()),
            ("MarketClock", clock.as_str()),
            ("CloseAfterSeconds", "20"),
            ("RedeliverAfterSeconds", "10"),
        ];
        let hosted = Hosted::start(checkout(), &bootstraps, &parameters).await.unwrap();
        Self { hosted, checker: Checker::default(), put: 0, odd: Vec::new() }
    }

    /// What the host runs: streams to `compute-indicators`, and the sweep by hand.
    fn setup(&self, batch: usize, retries: u32) -> Setup {
        let mut setup = self.hosted.only(&[COMPUTE, "sweep-series"]);
        for mapping in &mut setup.mappings {
            let Source::Kinesis(settings) = &mut mapping.source else { panic!("{mapping:?} reads no stream") };
            settings.batch_size = batch;
            settings.batching_window = SignedDuration::ZERO;
            settings.maximum_retry_attempts = Some(retries);
        }
        setup
    }

    async fn host(&self, setup: Setup) -> Host {
        let options = Options {
            emulator: Some(self.hosted.emulator.endpoint().to_owned()),
            on_timeout: OnTimeout::Abandon,
            pace: Pace {
                poll_interval: SignedDuration::from_millis(50),
                initial_backoff: SignedDuration::from_millis(20),
                maximum_backoff: SignedDuration::from_secs(1),
                ..Pace::default()
            },
            logs: LogSink::Off,
            ..Options::default()
        };
        let host = Host::start(setup, options).await.unwrap();
        host.ready().await;
        host
    }

    async fn put(&mut self, puts: &[Put]) {
        for put in puts {
            if put.kind != Kind::Good {
                self.checker.expect(&put.record.data, put.kind);
                self.odd.push(put.record.data.clone());
            }
            self.checker.streamed(&put.record.data, 0);
        }
        for (stream, output) in STREAMS.iter().enumerate() {
            let of_stream = puts.iter().filter(|put| put.stream == stream);
            let records: Vec<Record> = of_stream.map(|put| put.record.clone()).collect();
            self.hosted.put(output, &records).await.unwrap();
        }
        self.put += puts.len() as u64;
    }

    /// Waits until every record is done with, or given up.
    async fn idle(&self, host: &Host, given_up: u64) {
        until("the end of all records", async || {
            let report = host.report();
            let records: u64 = report.mappings.iter().map(|mapping| mapping.records).sum();
            if host.is_idle() && records + given_up == self.put { Ok(()) } else { Err(format!("{report:#?}")) }
        })
        .await;
    }

    /// Sweeps until no series owes anything or waits for its time.
    async fn sweep(&self, host: &Host) {
        let sdk = sdk_config(host.endpoint());
        let client = aws_sdk_lambda::Client::new(&sdk);
        let sweep = self.hosted.setup.functions.iter().find(|function| is_of(&function.name, "sweep-series")).unwrap();
        until("the end of what is owed", async || {
            let swept = invoke(&client, &sweep.name, &json!({"job": "sweep"})).await.unwrap();
            assert_eq!(swept.function_error, None, "{}", swept.payload);
            let (due, owed) = self.owed().await;
            if (due, owed) == (0, 0) { Ok(()) } else { Err(format!("{due} series are due, {owed} lines are owed")) }
        })
        .await;
    }

    /// How many series are due, and how many lines are owed.
    async fn owed(&self) -> (usize, usize) {
        let client = aws_sdk_dynamodb::Client::new(&self.hosted.sdk);
        let table = self.hosted.output("StateTableName").unwrap();
        let pages = client.scan().table_name(table).consistent_read(true).into_paginator().items().send();
        let items = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
        let series = items.iter().filter(|item| item["pk"].as_s().is_ok_and(|pk| pk.starts_with("series#")));
        let (mut due, mut owed) = (0, 0);
        for item in series {
            due += usize::from(item.contains_key("due_at"));
            let state = item.get("state").map(AttributeValue::as_b).unwrap().unwrap();
            owed += Item::decode(state.as_ref(), &Sets::default()).unwrap().owed().len();
        }
        (due, owed)
    }

    async fn lines(&self, bucket: &str, prefix: &str) -> Vec<Vec<u8>> {
        let bucket = self.hosted.output(bucket).unwrap();
        let objects = ObjectTail::new(s3_client(&self.hosted.sdk), bucket, prefix).read().await.unwrap();
        objects.iter().flat_map(|object| object.lines().map(<[u8]>::to_vec)).collect()
    }

    /// Reads both buckets, and judges.
    async fn judge(&mut self) {
        for line in self.lines("DataBucketName", "raw/").await {
            self.checker.archived(&line);
        }
        for line in self.lines("DataBucketName", "indicators/").await {
            self.checker.reading(&line);
        }
        let mut dead = Vec::new();
        for letter in self.lines("DeadLetterBucketName", "dead-letters/").await {
            let letter: Value = serde_json::from_slice(&letter).unwrap();
            assert_eq!(letter["sequence_number"].as_str().map(str::len), Some(56), "{letter:#}");
            let payload = match letter["payload"].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => BASE64.decode(letter["payload_base64"].as_str().unwrap()).unwrap(),
            };
            self.checker.dead_letter(&payload);
            dead.push(payload);
        }
        for letter in self.lines("DeadLetterBucketName", "aws/lambda/").await {
            let letter: Value = serde_json::from_slice(&letter).unwrap();
            let info = &letter["KinesisBatchInfo"];
            assert_eq!(info["batchSize"], 1, "a neighbour is in {letter:#}");
            assert_eq!(info["startSequenceNumber"].as_str().map(str::len), Some(56), "{letter:#}");
            let event: Value = serde_json::from_str(letter["payload"].as_str().unwrap()).unwrap();
            for record in event["Records"].as_array().unwrap() {
                let payload = BASE64.decode(record["kinesis"]["data"].as_str().unwrap()).unwrap();
                self.checker.given_up(&payload);
                dead.push(payload);
            }
        }
        // Exactly the odd ones; a batch that came again may have left a letter once more.
        for set in [&mut dead, &mut self.odd] {
            set.sort();
            set.dedup();
        }
        assert!(dead == self.odd, "{} payloads are dead, {} have to be", dead.len(), self.odd.len());
        let any =
            truth::Sets { of: std::array::from_fn(|_| Some(indicators::Indicators::default())), built: [false; 6] };
        self.checker.judge(&any);
        let findings = &self.checker.findings;
        assert!(findings.is_empty(), "{:?}\n{:#?}", findings.counts, findings.first);
        assert!(self.checker.readings() > 0);
    }
}

/// Of all mappings.
fn sum(report: &Report, of: impl Fn(&lambda_host::MappingReport) -> u64) -> u64 {
    report.mappings.iter().map(of).sum()
}

fn compute(report: &Report) -> &lambda_host::FunctionReport {
    report.functions.iter().find(|(name, _)| is_of(name, COMPUTE)).unwrap().1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_and_paused_lose_and_change_nothing() {
    let mut rng = Rng::with_seed(seed());
    let (records, kills, pauses) = (number("RECORDS", 10_000), number("KILLS", 5), number("PAUSES", 3));
    let mut world = World::start().await;
    let mut setup = world.setup(BATCH, 10_000);
    for function in setup.functions.iter_mut().filter(|function| is_of(&function.name, COMPUTE)) {
        function.timeout = TIMEOUT;
    }
    let host = world.host(setup).await;
    let puts = input::input(&mut rng, records);
    let mut strikes: Vec<Struck> = Vec::new();
    strikes.extend(std::iter::repeat_n(Struck::Killed, kills));
    strikes.extend(std::iter::repeat_n(Struck::Paused, pauses));
    rng.shuffle(&mut strikes);
    // A part of the records for each strike, so that there is always work to strike in.
    let mut parts = puts.chunks(puts.len().div_ceil(strikes.len().max(1)));
    let mut chaos = Chaos::new(&host, rng);
    for strike in strikes {
        world.put(parts.next().unwrap_or_default()).await;
        chaos.strike(strike).await;
    }
    for rest in parts {
        world.put(rest).await;
    }
    world.idle(&host, 0).await;
    chaos.end().await;
    world.sweep(&host).await;
    let report = host.stop().await;
    println!("{records} records, {kills} kills, {pauses} pauses: {report:#?}");

    let of = compute(&report);
    assert_eq!(of.exits, kills as u64, "each kill ended an invocation, and nothing else did");
    assert!(of.timeouts >= pauses as u64, "each pause outlasted an invocation");
    assert!(of.late_answers >= pauses as u64, "each that was paused came back with an answer");
    assert_eq!(of.errors, of.exits + of.timeouts, "poison fails no invocation");
    assert!(sum(&report, |mapping| mapping.retries) >= of.errors);
    assert_eq!(sum(&report, |mapping| mapping.on_failure + mapping.discarded), 0);
    assert_eq!(world.odd.len(), records / POISON);
    world.judge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_ends_its_process_is_given_up_alone() {
    const RETRIES: u32 = 2;
    const BATCH: usize = 500;
    let mut rng = Rng::with_seed(seed());
    let records = number("RECORDS", 10_000).min(10_000);
    let mut world = World::start().await;
    let mut setup = world.setup(BATCH, RETRIES);
    let fragile = example("fragile");
    for function in setup.functions.iter_mut().filter(|function| is_of(&function.name, COMPUTE)) {
        function.bootstrap.clone_from(&fragile);
    }
    let mut puts = input::input(&mut rng, records - 1);
    let how = if rng.bool() { "aborts" } else { "panics" };
    puts.insert(rng.usize(0..puts.len()), input::deadly(&mut rng, how));
    // Before the host begins, so that batches are full.
    world.put(&puts).await;
    let host = world.host(setup).await;
    world.idle(&host, 1).await;
    world.sweep(&host).await;
    let report = host.stop().await;
    println!("{records} records, one of which {how}: {report:#?}");

    let most = u64::from(BATCH.next_power_of_two().ilog2() + 1 + RETRIES);
    let of = compute(&report);
    assert!((1..=most).contains(&of.errors), "{} invocations failed, {most} may", of.errors);
    assert_eq!(of.exits, if how == "aborts" { of.errors } else { 0 });
    assert_eq!(sum(&report, |mapping| mapping.on_failure), 1);
    assert_eq!(sum(&report, |mapping| mapping.discarded), 0);
    world.judge().await;
}
