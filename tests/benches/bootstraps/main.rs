//! Measures the release bootstraps: size, time from the spawn to the first `/next`, and the peak memory
//! of `compute-indicators` on the largest events. Fails if a bound is broken.
//!
//! `make bench` from the checkout. Builds the bootstraps first, in minutes the first time; the rest takes
//! about a minute. They are always built as they are shipped, whatever the profile of this program, which
//! only drives them. Everything runs on this machine, against an emulator of its own, and ends with it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person to read")]

mod build;
mod event;
mod process;
mod runtime_api;
mod stack;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::signal::{
    ctrl_c,
    unix::{SignalKind, signal},
};

use crate::{build::FUNCTIONS, event::Kind, process::Bootstrap, stack::Stack};

/// Bounds: bytes of a bootstrap, median time of its start, peak of `compute-indicators` in bytes.
const SIZE_MAX: u64 = 10_000_000;
const START_MAX: Duration = Duration::from_millis(15);
const MEMORY_MAX: u64 = 64_000_000;

/// Starts that bring a bootstrap and its files into the page cache, and those that count.
const WARM_UP: usize = 5;
const STARTS: usize = 40;
/// Events of which the time is shown: the last ones.
const TIMES: usize = 3;

/// What was measured of a function.
struct Figures {
    size: u64,
    /// Sorted.
    starts: Vec<Duration>,
    /// `None` if it was not measured.
    memory: Option<u64>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the package is in no checkout")?;
    let bootstraps = build::bootstraps(checkout)?;
    let mut terminated = signal(SignalKind::terminate())?;
    // What is dropped here ends all that was started.
    tokio::select! {
        done = run(checkout, &bootstraps) => done,
        _ = ctrl_c() => bail!("interrupted"),
        _ = terminated.recv() => bail!("terminated"),
    }
}

async fn run(checkout: &Path, bootstraps: &BTreeMap<&'static str, PathBuf>) -> Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let stack = Stack::deploy(checkout, folder.path(), bootstraps).await?;
    let measured = measure(&stack, bootstraps).await;
    stack.stop().await?;
    Ok(report(&measured?))
}

async fn measure(
    stack: &Stack,
    bootstraps: &BTreeMap<&'static str, PathBuf>,
) -> Result<BTreeMap<&'static str, Figures>> {
    let mut figures = BTreeMap::new();
    for (&name, path) in bootstraps {
        figures.insert(name, Figures { size: std::fs::metadata(path)?.len(), starts: Vec::new(), memory: None });
    }
    for round in 0..WARM_UP + STARTS {
        // In turn, so that a slow moment of the machine hits all of them.
        for (&name, path) in bootstraps {
            let bootstrap = Bootstrap::start(path, &[], &stack.environment(name)).await?;
            if let Some(figures) = figures.get_mut(name).filter(|_| round >= WARM_UP) {
                figures.starts.push(bootstrap.started_in);
            }
            bootstrap.stop().await?;
        }
    }
    figures.values_mut().for_each(|figures| figures.starts.sort_unstable());

    let name = "compute-indicators";
    println!("\n{name}, several events of each kind in a process of its own:\n");
    println!("| records | event MB | ms for each of the last events | peak memory MB |\n|---|---:|---:|---:|");
    for kind in Kind::ALL {
        let peak = largest_events(&bootstraps[name], stack, kind).await?;
        if let Some(figures) = figures.get_mut(name) {
            figures.memory = figures.memory.max(peak);
        }
    }
    Ok(figures)
}

/// Hands events of one kind to a process of its own, and gives its peak memory.
async fn largest_events(path: &Path, stack: &Stack, kind: Kind) -> Result<Option<u64>> {
    let mut bootstrap = Bootstrap::start(path, &[], &stack.environment("compute-indicators")).await?;
    let (mut done, mut last, mut times) = (0, String::new(), Vec::new());
    for _ in 0..kind.events() {
        let event = event::event(kind, done)?;
        done += event.records;
        last = format!("{} {} | {:.1}", event.records, kind.words(), megabytes(event.bytes.len() as u64));
        let invoked = bootstrap.invoke(event.bytes.into()).await?;
        check(kind, event.records, &invoked.answer, &invoked.outcome)?;
        times.push(format!("{:.0}", millis(invoked.took)));
    }
    let peak = bootstrap.peak_memory();
    let times = times[times.len().saturating_sub(TIMES)..].join(", ");
    println!("| {last} | {times} | {} |", memory(peak));
    bootstrap.stop().await?;
    Ok(peak)
}

/// That every record went where it belongs, and that nothing is to come again.
fn check(kind: Kind, records: usize, answer: &Value, outcome: &Value) -> Result<()> {
    let failures = answer["batchItemFailures"].as_array().context("the answer has no `batchItemFailures`")?;
    let count = |name: &str| outcome[name].as_u64().unwrap_or_default();
    let (delivered, dead_lettered) = if kind.is_junk() { (0, records as u64) } else { (records as u64, 0) };
    ensure!(
        failures.is_empty()
            && count("settled") == records as u64
            && count("delivered") == delivered
            && count("dead_lettered") == dead_lettered
            && count("indicators") == count("indicators_delivered"),
        "an event of {records} {} came to {answer} and {outcome}",
        kind.words(),
    );
    Ok(())
}

/// Prints the table. Fails if a bound is broken.
fn report(figures: &BTreeMap<&'static str, Figures>) -> ExitCode {
    println!("\nStarts: {STARTS} of each function, after {WARM_UP} that do not count.\n");
    println!("| function | size MB | start ms: min | median | p95 | peak memory MB |\n|---|---:|---:|---:|---:|---:|");
    let mut broken = Vec::new();
    for name in FUNCTIONS {
        let Figures { size, starts, memory: peak } = &figures[name];
        let (median, p95) = (percentile(starts, 50), percentile(starts, 95));
        let of_this = if name == "compute-indicators" { memory(*peak) } else { "–".to_owned() };
        println!(
            "| `{name}` | {:.2} | {:.1} | {:.1} | {:.1} | {of_this} |",
            megabytes(*size),
            millis(percentile(starts, 0)),
            millis(median),
            millis(p95),
        );
        for (is_broken, what) in [
            (*size >= SIZE_MAX, "size"),
            (median >= START_MAX, "median start"),
            (peak.is_some_and(|peak| peak >= MEMORY_MAX), "peak memory"),
        ] {
            if is_broken {
                broken.push(format!("the {what} of `{name}`"));
            }
        }
    }
    println!(
        "| bound | < {:.0} | | < {:.0} | | < {:.0} |\n\nMB = 1,000,000 bytes.",
        megabytes(SIZE_MAX),
        millis(START_MAX),
        megabytes(MEMORY_MAX),
    );
    if broken.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("out of bounds: {}", broken.join(", "));
    ExitCode::FAILURE
}

/// The smallest time that is no less than this share of all of them.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn memory(peak: Option<u64>) -> String {
    peak.map_or_else(|| "not measured".to_owned(), |peak| format!("{:.1}", megabytes(peak)))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
