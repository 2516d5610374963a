//! Measures how fast full streams go through the host to S3, beside what GetRecords alone delivers. Fails if a bound is
//! broken.
//!
//! `make bench` from the checkout. Builds `compute-indicators` and the host as they are shipped, in minutes the first
//! time; the rest takes a minute or two.
//!
//! Each run has an emulator of its own, with final bars of a minute in a stream of four shards. First the host's own
//! client reads all of it and does nothing with it; then the host takes it through the function to objects in S3, each
//! line of which is counted. Emulator, host and functions share the machine in both.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person to read")]

#[path = "../../it/hosted.rs"]
mod hosted;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use emulator::{objects::ObjectTail, s3_client};
use hosted::{COMPUTE, Hosted, Record};
use jiff::{SignedDuration, Timestamp};
use lambda_host::{Host, Options, Pace, Setup, Source};
use market::{Interval, Observation};
use serde_json::Value;
use testkit::record;

const RUNS: usize = 3;
const SHARDS: u64 = 4;
const SYMBOLS: usize = 500;
/// Bars of each symbol: a session.
const MINUTES: usize = 390;
const RECORDS: u64 = (SYMBOLS * MINUTES) as u64;
/// The most that a mapping takes; 6 MB of payload end a batch before.
const BATCH: usize = 10_000;
const BATCH_MEAN_MIN: f64 = 5_000.0;
/// The share of what GetRecords alone delivers.
const RATIO_MIN: f64 = 0.40;
const RATIO_AIM: f64 = 0.50;
const STREAM: &str = "FinancialStreamName";
/// The longest that a run may take.
const DEADLINE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(2);

/// What a run took.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Records per second by GetRecords alone, and through everything.
    alone: f64,
    through: f64,
    /// Records per invocation.
    batch: f64,
    /// Conditional writes per second.
    writes: f64,
    /// Processors that each kept busy while records went through.
    emulator: f64,
    host: f64,
    functions: f64,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the package is in no checkout")?;
    let bootstrap = build(checkout)?;
    let records = bars()?;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let run = run(checkout, &bootstrap, &records).await?;
        eprintln!("{run:?}");
        runs.push(run);
    }
    Ok(report(&runs))
}

/// Builds the function as it is shipped, and says where it is.
fn build(checkout: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args(["build", "--release", "--locked", "--package", COMPUTE, "--bins"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(checkout)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{}`", cargo.display()))?;
    ensure!(output.status.success(), "the function cannot be built: cargo says above why");
    let messages = output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let mut executables = messages.filter_map(|message: Value| {
        (message["target"]["name"] == COMPUTE).then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    executables.next().context("cargo built no function")
}

/// Final bars, minute by minute.
fn bars() -> Result<Vec<Record>> {
    let begin: Timestamp = "2026-11-20T14:30:00Z".parse()?;
    let mut records = Vec::with_capacity(SYMBOLS * MINUTES);
    for minute in 0..MINUTES {
        let start = begin + SignedDuration::from_mins(minute as i64);
        for symbol in 0..SYMBOLS {
            let cents = 10_000 + ((minute * 37 + symbol * 101) % 4_000) as i64;
            let fact = record::bar(&format!("SYM{symbol}"), Interval::Min1, start, cents, true);
            let observed = wire::observation(&Observation { fact, flags: Vec::new() });
            let data = observed.to_json(0, start + SignedDuration::from_mins(2)).into_bytes();
            records.push(Record { partition_key: observed.partition_key().to_string(), data });
        }
    }
    Ok(records)
}

async fn run(checkout: &Path, bootstrap: &Path, records: &[Record]) -> Result<Run> {
    // One program stands for all: of the others none is invoked.
    let folders = ["poll-equities", "poll-crypto", "poll-events", COMPUTE, "sweep-series", "handle-dead-letters"];
    let bootstraps: BTreeMap<&str, PathBuf> = folders.map(|name| (name, bootstrap.to_owned())).into();
    let shards = SHARDS.to_string();
    let clock = format!("{},2026-11-20T21:30:00Z,1", Timestamp::now());
    let parameters = [("ShardCount", shards.as_str()), ("MarketClock", clock.as_str())];
    let hosted = Hosted::start(checkout, &bootstraps, &parameters).await?;
    hosted.put(STREAM, records).await?;
    let setup = setup(&hosted)?;
    let Some(Source::Kinesis(settings)) = setup.mappings.first().map(|mapping| &mapping.source) else {
        anyhow::bail!("no mapping reads the stream")
    };

    let endpoint = hosted.emulator.endpoint().to_owned();
    let begun = Instant::now();
    let drained = lambda_host::drain(&endpoint, &settings.stream_arn).await?;
    let alone = RECORDS as f64 / begun.elapsed().as_secs_f64();
    ensure!(drained.records == RECORDS, "GetRecords gave {drained:?}");

    let pid = hosted.emulator.pid();
    let (emulator, host_cpu) = (cpu_seconds(pid)?, cpu_seconds(std::process::id())?);
    let begun = Instant::now();
    let options = Options { emulator: Some(endpoint), pace: Pace::default(), ..Options::default() };
    let host = Host::start(setup, options).await?;
    loop {
        let done: u64 = host.report().mappings.iter().map(|mapping| mapping.records).sum();
        if done == RECORDS {
            break;
        }
        ensure!(begun.elapsed() < DEADLINE, "{done} of {RECORDS} records are through: {:#?}", host.report());
        tokio::time::sleep(POLL).await;
    }
    // The emulator answers a delivery when its object is written, so with the last answer all of them are.
    let wall = begun.elapsed().as_secs_f64();
    let emulator = (cpu_seconds(pid)? - emulator) / wall;
    let host_cpu = (cpu_seconds(std::process::id())? - host_cpu) / wall;
    let mut functions = 0.0;
    for process in host.processes() {
        functions += cpu_seconds(process.pid)? / wall;
    }
    let report = host.stop().await;
    for prefix in ["raw/", "indicators/"] {
        let bucket = hosted.output("DataBucketName")?;
        let objects = ObjectTail::new(s3_client(&hosted.sdk), bucket, prefix).read().await?;
        let lines = objects.iter().map(|object| object.lines().count() as u64).sum::<u64>();
        ensure!(lines == RECORDS, "{lines} lines are under `{prefix}`, not {RECORDS}");
    }
    let invocations: u64 = report.mappings.iter().map(|mapping| mapping.invocations).sum();
    Ok(Run {
        alone,
        through: RECORDS as f64 / wall,
        batch: RECORDS as f64 / invocations as f64,
        writes: writes(&hosted).await? as f64 / wall,
        emulator,
        host: host_cpu,
        functions,
    })
}

/// The one stream, in batches as large as there are.
fn setup(hosted: &Hosted) -> Result<Setup> {
    let stream = hosted.output(STREAM)?;
    let mut setup = hosted.only(&[COMPUTE]);
    setup.mappings.retain(|mapping| mapping.source.arn().rsplit_once('/').is_some_and(|(_, name)| name == stream));
    for mapping in &mut setup.mappings {
        if let Source::Kinesis(settings) = &mut mapping.source {
            settings.batch_size = BATCH;
            settings.batching_window = SignedDuration::ZERO;
        }
    }
    ensure!(setup.mappings.len() == 1, "{} mappings read `{stream}`", setup.mappings.len());
    Ok(setup)
}

/// How often items of series were written: each write adds one to the version.
async fn writes(hosted: &Hosted) -> Result<u64> {
    let client = aws_sdk_dynamodb::Client::new(&hosted.sdk);
    let pages = client.scan().table_name(hosted.output("StateTableName")?).into_paginator().items().send();
    let items = pages.collect::<Result<Vec<_>, _>>().await?;
    let version = |item: &std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>| {
        item.get("version")?.as_n().ok()?.parse::<u64>().ok()
    };
    Ok(items.iter().filter_map(version).sum())
}

/// User and system time of a process so far.
fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the bench needs `/proc`")?;
    // The name in parentheses may hold anything.
    let fields = stat.rsplit_once(") ").context("no name in `/proc/PID/stat`")?.1;
    let ticks: Vec<f64> = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    // 100 a second, on every Linux that there is. <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

fn report(runs: &[Run]) -> ExitCode {
    let median = |of: fn(&Run) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    let (ratio, batch) = (median(|run| run.through / run.alone), median(|run| run.batch));
    println!(
        "\n{RECORDS} final bars of {SYMBOLS} symbols in {SHARDS} shards, {batch:.0} records per batch; medians of {} \
         runs.\n\n| | |\n|---|---:|",
        runs.len()
    );
    println!("| GetRecords alone, records/s | {:.0} |", median(|run| run.alone));
    println!("| through the host to S3, records/s | {:.0} |", median(|run| run.through));
    println!("| ratio (bound ≥ {RATIO_MIN:.2}, aim {RATIO_AIM:.2}) | {ratio:.2} |");
    println!("| conditional writes/s | {:.0} |", median(|run| run.writes));
    println!("| processors kept busy by the emulator | {:.2} |", median(|run| run.emulator));
    println!("| by the host | {:.2} |", median(|run| run.host));
    println!("| by the functions | {:.2} |", median(|run| run.functions));
    if ratio >= RATIO_MIN && batch >= BATCH_MEAN_MIN {
        return ExitCode::SUCCESS;
    }
    println!("\nout of bounds: ratio {ratio:.2}, {batch:.0} records per batch");
    ExitCode::FAILURE
}
