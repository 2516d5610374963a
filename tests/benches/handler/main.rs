//! Compares the whole of `compute-indicators` with peers that do the same job, event by event, in turns. Fails if a
//! bound is broken, or if they did not do the same.
//!
//! `make bench` from the checkout. Builds the handler as it is shipped and its peer in Rust for speed, in minutes the
//! first time, and makes a Python environment from `tests/benches/requirements.txt`; the rest takes about a minute.
//!
//! The job: the bytes of an event of 6 MiB, full of final bars of a minute, become lines of readings of indicators, with
//! identity, and lines of the archive, packed into calls to a sink in memory. State is in memory. Nobody sends anything.
//! Processor time is user and system time of the process, from the bytes of the event to those of the answer.
//!
//! `cargo bench --profile dev -p tests --bench handler -- rust` leaves out all peers but those in Rust.
//!
//! The practical limit is the sum of the best time for each stage, measured in the same turns; see `peers/peer/limit.rs`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person to read")]

mod check;
mod contestant;
mod events;
#[path = "../bootstraps/process.rs"]
#[allow(dead_code, reason = "the bench of the bootstraps uses the rest")]
mod process;
#[path = "../peers/python.rs"]
mod python;
mod runtime;
#[path = "../bootstraps/runtime_api.rs"]
mod runtime_api;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result, ensure};
use contestant::{Answer, Contestant};
use events::Event;
use serde_json::Value;
use wire::limits::{FIREHOSE_BILLED_BYTES, PUT_RECORD_BATCH_COUNT};

/// Events before those that count: enough for every average to forget how it was seeded, and for the peer that computes
/// anew to have forgotten bars. The last of them is checked.
const WARM_UP: usize = 26;
/// Events that count.
const ROUNDS: usize = 9;

/// Names of the peers, and how many times as much processor time they take at least.
const POWERTOOLS: (&str, Option<f64>) = ("Python, Powertools + talipp", Some(30.0));
const TALIB: (&str, Option<f64>) = ("Python, orjson + TA-Lib per batch", Some(5.0));
const NODE: (&str, Option<f64>) = ("Node, indicators by hand", None);
const USUAL: (&str, Option<f64>) = ("Rust the usual way, our indicators", Some(2.4));
/// The share of the practical limit that the handler reaches at least.
const LIMIT_SHARE_MIN: f64 = 0.5;
/// Processor time of an event of one record, compared with a handler that does nothing.
const SMALL_MAX: f64 = 1.5;
/// Peak memory with events of 6 MiB, in bytes.
const MEMORY_MAX: u64 = 45_000_000;
/// What Firehose bills and how often it is called, compared with a record per line and 500 per call.
const FIREHOSE_MAX: f64 = 1.0 / 8.0;

/// A contestant with its answers to the events that count.
struct Row {
    name: &'static str,
    bound: Option<f64>,
    contestant: Contestant,
    answers: Vec<Answer>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the package is in no checkout")?;
    let handler = build(checkout, "compute-indicators", "handler", &[])?;
    // Our profile is small before it is fast, and a peer must not suffer from that.
    let peer = build(checkout, "peers", "peer", &["--config", "profile.release.opt-level=3"])?;
    let python = python::prepare(checkout)?;

    let folder = tempfile::tempdir()?;
    let events = events::write(folder.path(), 1, WARM_UP + ROUNDS)?;
    let (warm_up, rounds) = events.split_at(WARM_UP);
    let mut rows = start(checkout, &handler, &peer, &python)?;
    check(&mut rows, warm_up)?;
    for (round, event) in rounds.iter().enumerate() {
        for at in 0..rows.len() {
            // Another one begins each time, so that nobody always comes behind the same one.
            let count = rows.len();
            let row = &mut rows[(round + at) % count];
            let answer = row.contestant.take(event, false).with_context(|| row.name.to_owned())?;
            ensure!(
                answer.archived == event.records && answer.written == event.records,
                "{}: {} raw lines and {} new ones for {} records",
                row.name,
                answer.archived,
                answer.written,
                event.records,
            );
            row.answers.push(answer);
        }
    }
    let answers: Vec<_> = rows.into_iter().map(|Row { name, bound, answers, .. }| (name, bound, answers)).collect();
    let small = runtime::small(&handler, folder.path()).await?;
    let peak = runtime::peak_memory(&handler, &warm_up[..4]).await?;

    let mut broken = compare(&answers, rounds);
    broken.extend(limit(&answers, rounds));
    broken.extend(firehose(&answers, rounds));
    broken.extend(invocation(&small, peak));
    if broken.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("\nout of bounds: {}", broken.join(", "));
    Ok(ExitCode::FAILURE)
}

/// Builds an example for release, and says where it is.
fn build(checkout: &Path, package: &str, example: &str, options: &[&str]) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args(["build", "--release", "--locked", "--package", package, "--example", example])
        .args(options)
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(checkout)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{}`", cargo.display()))?;
    ensure!(output.status.success(), "`{example}` cannot be built: cargo says above why");
    let messages = output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let mut executables = messages.filter_map(|message: Value| {
        let is_it = message["target"]["name"] == example && message["target"]["kind"][0] == "example";
        is_it.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    executables.next().with_context(|| format!("cargo built no `{example}`"))
}

/// The handler first, the limit last, and between them all peers that there are.
fn start(checkout: &Path, handler: &Path, peer: &Path, python: &Path) -> Result<Vec<Row>> {
    let peers = checkout.join("tests/benches/peers");
    let mut programs = vec![
        (("kinetick", None), handler, vec!["batches".into()]),
        (POWERTOOLS, python, vec![peers.join("powertools.py")]),
        (TALIB, python, vec![peers.join("talib_batch.py")]),
        (NODE, Path::new("node"), vec![peers.join("handler.mjs")]),
        (USUAL, peer, vec!["usual".into()]),
        (("the practical limit", None), peer, vec!["limit".into()]),
    ];
    let node = Command::new("node").arg("--version").stdin(Stdio::null()).output();
    if !node.is_ok_and(|node| node.status.success()) {
        println!("There is no Node here, so that peer is left out.");
        programs.retain(|(name, ..)| *name != NODE);
    }
    if std::env::args().any(|argument| argument == "rust") {
        programs.retain(|(_, program, _)| [handler, peer].contains(program));
    }
    let start = |((name, bound), program, arguments): ((&'static str, Option<f64>), &Path, Vec<PathBuf>)| {
        let contestant = Contestant::start(Command::new(program).args(arguments))?;
        Ok(Row { name, bound, contestant, answers: Vec::new() })
    };
    programs.into_iter().map(start).collect()
}

/// Warms all of them up, and checks that they did the same.
fn check(rows: &mut [Row], events: &[Event]) -> Result<()> {
    let mut expected: Option<BTreeMap<String, String>> = None;
    println!("\nThe same work? The last line of each symbol after {} events:\n", events.len());
    let (last, before) = events.split_last().context("nothing warms them up")?;
    for Row { name, contestant, .. } in rows {
        for event in before {
            contestant.take(event, false).with_context(|| (*name).to_owned())?;
        }
        let answer = contestant.take(last, true).with_context(|| (*name).to_owned())?;
        match (&expected, answer.last) {
            (Some(expected), Some(lines)) => {
                let tolerance = (*name == USUAL.0).then_some(check::EXACT);
                let difference = check::same(expected, &lines, tolerance).with_context(|| (*name).to_owned())?;
                println!("- {name}: yes, all values within {difference:.0e}");
            }
            (None, Some(lines)) => {
                lines.values().try_for_each(|line| check::identified(line))?;
                let line: Value = serde_json::from_str(lines.values().next().context("no lines")?)?;
                let there = |name: &str| !line["values"][name].is_null();
                let outputs: Vec<_> = check::OUTPUTS.iter().map(|(name, _)| *name).collect();
                let (compared, absent): (Vec<&str>, Vec<&str>) = outputs.into_iter().partition(|name| there(name));
                println!("- {name}: {}", compared.join(", "));
                if !absent.is_empty() {
                    println!("  Only the peers have: {}", absent.join(", "));
                }
                expected = Some(lines);
            }
            // The limit writes nothing that belongs together.
            (_, None) => {}
        }
    }
    Ok(())
}

type Answers = (&'static str, Option<f64>, Vec<Answer>);

/// Nanoseconds per record in each round.
fn per_record(answers: &[Answer], events: &[Event]) -> Vec<f64> {
    answers.iter().zip(events).map(|(answer, event)| 1e9 * answer.cpu_seconds / event.records as f64).collect()
}

/// Prints what everyone took. Gives what is out of bounds.
fn compare(rows: &[Answers], events: &[Event]) -> Vec<String> {
    let (bytes, records) = (events[0].bytes, events[0].records);
    println!("\nEvents of {bytes} bytes with {records} bars of 500 symbols; medians of {ROUNDS} turns.\n");
    println!("| handler | ns of processor time per record | records/s per core | kinetick is faster | bound |");
    println!("|---|---:|---:|---:|---:|");
    let ours = per_record(&rows[0].2, events);
    let mut broken = Vec::new();
    for (name, bound, answers) in rows {
        let theirs = per_record(answers, events);
        let ratio = median(theirs.iter().zip(&ours).map(|(theirs, ours)| theirs / ours).collect());
        let time = median(theirs);
        let bound_text = bound.map_or(String::new(), |bound| format!("≥ {bound:.1}x"));
        println!("| {name} | {time:.0} | {:.0} | {ratio:.2}x | {bound_text} |", 1e9 / time);
        if bound.is_some_and(|bound| ratio < bound) {
            broken.push(format!("the ratio to {name}"));
        }
    }
    broken
}

/// Prints the stages of the limit, and our share of it.
fn limit(rows: &[Answers], events: &[Event]) -> Option<String> {
    let (Some((_, _, ours)), Some((_, _, limit))) = (rows.first(), rows.last()) else { return None };
    let stages = ["scan", "base64", "parse", "indicators", "hashes", "write", "copy"];
    let stages = stages.map(|stage| {
        let times = limit.iter().zip(events).map(|(answer, event)| answer.stages[stage] / event.records as f64);
        format!("{stage} {:.0}", median(times.collect()))
    });
    let share = median(ours.iter().zip(limit).map(|(ours, limit)| limit.cpu_seconds / ours.cpu_seconds).collect());
    println!("\nThe practical limit, ns per record: {}.", stages.join(", "));
    println!("Of it the handler reaches {:.0} % (bound: {:.0} %).", 100.0 * share, 100.0 * LIMIT_SHARE_MIN);
    (share < LIMIT_SHARE_MIN).then(|| "the share of the practical limit".to_owned())
}

/// Prints what packing saves at Firehose.
fn firehose(rows: &[Answers], events: &[Event]) -> Vec<String> {
    let answers = &rows[0].2;
    let lines = |answer: &Answer| [answer.archived, answer.written];
    let ratio = |of: fn(&Answer) -> usize, alone: fn(usize) -> usize| {
        median(
            answers
                .iter()
                .map(|one| of(one) as f64 / lines(one).into_iter().map(alone).sum::<usize>() as f64)
                .collect(),
        )
    };
    // No line is longer than what is billed at least.
    let billed = ratio(|answer| answer.billed, |lines| lines * FIREHOSE_BILLED_BYTES);
    let calls = ratio(|answer| answer.calls, |lines| lines.div_ceil(PUT_RECORD_BATCH_COUNT));
    println!(
        "\nFirehose, for both streams, compared with a record per line and {PUT_RECORD_BATCH_COUNT} per call: bills \
         1/{:.1} of the bytes, gets 1/{:.1} of the calls (bounds: 1/{:.0}), for {} lines per event.",
        1.0 / billed,
        1.0 / calls,
        1.0 / FIREHOSE_MAX,
        2 * events[0].records,
    );
    [(billed, "the bytes that Firehose bills"), (calls, "the calls to Firehose")]
        .into_iter()
        .filter(|(ratio, _)| *ratio > FIREHOSE_MAX)
        .map(|(_, what)| what.to_owned())
        .collect()
}

/// Prints what an invocation takes besides.
fn invocation(small: &runtime::Small, peak: u64) -> Vec<String> {
    let ratio = small.ours / small.idle;
    println!(
        "\nUnder the runtime, an event of one record takes {:.0} µs of processor time, {ratio:.2}x of the {:.0} µs of a \
         handler that does nothing (bound: {SMALL_MAX}x).\nPeak memory with full events: {:.1} MB (bound: {:.0} MB).",
        small.ours,
        small.idle,
        peak as f64 / 1e6,
        MEMORY_MAX as f64 / 1e6,
    );
    [(ratio > SMALL_MAX, "the time of an event of one record"), (peak > MEMORY_MAX, "the peak memory")]
        .into_iter()
        .filter(|(broken, _)| *broken)
        .map(|(_, what)| what.to_owned())
        .collect()
}

/// The value in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
