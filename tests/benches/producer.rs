//! Compares the producer with boto3: the same records, 500 per call, sent to the same stream on loopback, in turns.
//! Fails if a bound is broken.
//!
//! `make bench` from the checkout. Builds the sender as functions are shipped, in minutes the first time, and makes a
//! Python environment of its own from `tests/benches/requirements.txt`; the rest takes about a minute.
//!
//! On our side everything from the fact to the answer counts: text, identity by hashes, packing, signing, sending. The
//! peer does that same work once (`whole`), to the same bytes, and once is given its records as dictionaries, so that
//! only `json.dumps` and `put_records` count (`ready`). Processor time is user and system time of the sender alone.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person to read")]

#[path = "peers/python.rs"]
mod python;

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// The peers, and how many times as many records per second of processor time the producer sends at least.
const PEERS: [(&str, &str, f64); 2] =
    [("whole", "boto3, the same work", 6.0), ("ready", "boto3, records ready as dictionaries", 4.5)];
/// How many times as many records per second of processor time are packed and encoded as boto3 sends.
const PACKED: f64 = 10.0;
/// Turns that count, after one that does not.
const ROUNDS: usize = 7;
const RECORDS: usize = 100_000;

/// What a sender says of itself.
#[derive(Clone, Copy)]
struct Sent {
    records: f64,
    wall: f64,
    cpu: f64,
}

/// The stream. Dropping it ends it.
struct Sink {
    child: Child,
    endpoint: String,
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() -> Result<ExitCode> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the package is in no checkout")?;
    let producer = build(checkout)?;
    let python = python::prepare(checkout)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("records");
    let count = RECORDS.to_string();
    let written = Command::new(&producer).args(["records", &count]).stdout(File::create(&file)?).status()?;
    ensure!(written.success(), "the records were not written");
    let bytes = fs::metadata(&file)?.len() as usize / RECORDS;
    let sink = sink(&producer)?;
    let peer = checkout.join("tests/benches/producer.py");

    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let ours = sent(Command::new(&producer).args(["send", &sink.endpoint, &count]))?;
        let theirs = |how: &str| sent(Command::new(&python).arg(&peer).args([how, &sink.endpoint]).arg(&file));
        let packed = sent(Command::new(&producer).args(["pack", &count]))?;
        let turn = [ours, theirs(PEERS[0].0)?, theirs(PEERS[1].0)?, packed];
        if round > 0 {
            rounds.push(turn);
        }
    }
    Ok(report(&rounds, bytes))
}

/// Builds the sender, as functions are built, and says where it is.
fn build(checkout: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args(["build", "--release", "--locked", "--package", "aws", "--example", "producer"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(checkout)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{}`", cargo.display()))?;
    ensure!(output.status.success(), "the sender cannot be built: cargo says above why");
    let messages = output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let mut executables = messages.filter_map(|message: Value| {
        (message["target"]["name"] == "producer").then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    executables.next().context("cargo built no sender")
}

fn sink(producer: &Path) -> Result<Sink> {
    let mut child = Command::new(producer).arg("sink").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take();
    let mut sink = Sink { child, endpoint: String::new() };
    BufReader::new(stdout.context("the sink has no output")?).read_line(&mut sink.endpoint)?;
    sink.endpoint.truncate(sink.endpoint.trim_end().len());
    ensure!(sink.endpoint.starts_with("http://127.0.0.1:"), "the sink did not say where it listens");
    Ok(sink)
}

/// Runs a sender to its end, without a user's proxy or profile.
fn sent(command: &mut Command) -> Result<Sent> {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "AWS_PROFILE", "AWS_ENDPOINT_URL", "PYTHONPATH"] {
        command.env_remove(name);
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("`{}` failed: {}", command.get_program().display(), output.status);
    }
    let said: Value = serde_json::from_slice(&output.stdout).context("a sender did not say what it took")?;
    let number =
        |name: &str| said[name].as_f64().filter(|number| *number > 0.0).with_context(|| format!("no `{name}`"));
    Ok(Sent { records: number("records")?, wall: number("wall_seconds")?, cpu: number("cpu_seconds")? })
}

fn report(rounds: &[[Sent; 4]], bytes: usize) -> ExitCode {
    println!(
        "\n{RECORDS} records of {bytes} bytes, 500 per call, to a stream on loopback; medians of {ROUNDS} turns.\n"
    );
    println!(
        "| sender | records/s | records/s per core | µs of processor time per record | kinetick per core | bound |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    let mut broken = Vec::new();
    for (at, name, bound) in [(0, "kinetick", None)]
        .into_iter()
        .chain(PEERS.iter().enumerate().map(|(at, (_, name, bound))| (at + 1, *name, Some(*bound))))
    {
        let ratio = median(rounds, |turn| turn[at].cpu / turn[0].cpu);
        let compared = bound.map_or("|".to_owned(), |bound| format!("{ratio:.1}x | ≥ {bound:.1}x"));
        println!(
            "| {name} | {:.0} | {:.0} | {:.2} | {compared} |",
            median(rounds, |turn| turn[at].records / turn[at].wall),
            median(rounds, |turn| turn[at].records / turn[at].cpu),
            median(rounds, |turn| 1e6 * turn[at].cpu / turn[at].records),
        );
        if bound.is_some_and(|bound| ratio < bound) {
            broken.push(name);
        }
    }
    let packed = median(rounds, |turn| turn[1].cpu / turn[3].cpu);
    println!(
        "\nOf that, packing and encoding (text, identity, calls; neither signing nor sending): {:.2} µs per record, \
         {packed:.1}x of what boto3 sends with the same work (bound: {PACKED:.0}x).",
        median(rounds, |turn| 1e6 * turn[3].cpu / turn[3].records),
    );
    if packed < PACKED {
        broken.push("boto3 by packing and encoding alone");
    }
    if broken.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("out of bounds: the ratio to {}", broken.join(", and to "));
    ExitCode::FAILURE
}

fn median(rounds: &[[Sent; 4]], of: impl Fn(&[Sent; 4]) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
