//! `kinetick parse`: files with replies of the vendor enter, one line of JSON for each leaves, with what the
//! pipeline would make of it. Knows neither the network nor AWS nor any configuration.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
};

use alphavantage::{
    Context, Entitlement, Expected, Function, Month, OutputSize, Redactor, Rejected, Reply, UnknownFunction, Verdict,
    read,
};
use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use market::{Interval, Observation};
use serde::Serialize;
use serde_json::value::RawValue;
use wire::observation;

use crate::redacted;

/// The exit code for wrong use, as clap has it.
const WRONG_USE: u8 = 2;
/// The exit code if a file could not be read.
const UNREADABLE: u8 = 3;

/// The options of `parse`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The function that was asked, such as GLOBAL_QUOTE; `any` for a refusal of an unknown request.
    #[arg(long)]
    function: Asked,
    /// The status of HTTP that the replies came with.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(100..=599))]
    status: u16,
    /// The `Content-Type` that the replies came with.
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// What was asked for: a symbol; BTC/EUR or BTC for pairs; symbols with commas for bulk quotes.
    #[arg(long)]
    symbol: Option<String>,
    /// The length of bars that was asked for: 1min, 5min, 15min, 30min or 60min.
    #[arg(long, value_parser = minutes)]
    interval: Option<Interval>,
    /// The entitlement that was asked with: delayed or realtime.
    #[arg(long)]
    entitlement: Option<Entitlement>,
    /// How much was asked for: compact or full.
    #[arg(long)]
    outputsize: Option<OutputSize>,
    /// The month that was asked for, YYYY-MM.
    #[arg(long)]
    month: Option<Month>,
    /// When the replies were fetched, RFC 3339; now by default.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    now: Option<Timestamp>,
    /// Files with one reply each; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// A function of the vendor, or none in particular.
#[derive(Debug, Clone, Copy)]
struct Asked(Option<Function>);

#[derive(Debug, thiserror::Error)]
#[error("{0}; or `any`, with which refusals alone are told apart")]
struct UnknownAsked(UnknownFunction);

impl FromStr for Asked {
    type Err = UnknownAsked;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "any" => Ok(Self(None)),
            _ => text.parse().map(|function| Self(Some(function))).map_err(UnknownAsked),
        }
    }
}

/// A length of bars of minutes.
pub(crate) fn minutes(text: &str) -> Result<Interval, String> {
    match text.parse() {
        Ok(interval) if interval != Interval::Day => Ok(interval),
        _ => Err("allowed: 1min, 5min, 15min, 30min, 60min".to_owned()),
    }
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    text.parse().map_err(|_| "write a time of RFC 3339, such as 2026-11-20T15:30:00Z")
}

/// What a reply says, as it is printed.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    verdict: &'static str,
    /// The vendor's words, or what is wrong, where the reply is no data.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    records: Vec<Box<RawValue>>,
    failures: Vec<Failed>,
}

/// A row that would be a dead letter.
#[derive(Serialize)]
struct Failed {
    reason: String,
    payload: Box<RawValue>,
}

/// Reads and prints them all.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    // No key is known here: what stands where a key is expected is masked.
    let redactor = Redactor::new("");
    let expected = match options.expected() {
        Ok(expected) => expected,
        Err(error) => {
            let error = redacted::text(&redactor, &error.to_string());
            eprintln!("error: invalid value for '--symbol': {error}");
            return Ok(ExitCode::from(WRONG_USE));
        }
    };
    let now = options.now.unwrap_or_else(Timestamp::now);
    let mut out = io::stdout().lock();
    let mut code = ExitCode::SUCCESS;
    for file in &options.files {
        let body = match bytes(file) {
            Ok(body) => body,
            Err(error) => {
                let file = redacted::text(&redactor, &file.to_string_lossy());
                eprintln!("error: cannot read `{file}`: {error}");
                code = ExitCode::from(UNREADABLE);
                continue;
            }
        };
        let line = serde_json::to_string(&options.line(&expected, &file.to_string_lossy(), &body, now)?)?;
        let mut line = redacted::line(&redactor, &line);
        line.push('\n');
        match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    Ok(code)
}

impl Options {
    fn expected(&self) -> Result<Expected, market::InstrumentError> {
        let expected = Expected {
            function: self.function.0,
            interval: self.interval,
            output: self.outputsize,
            month: self.month,
            ..Expected::default()
        };
        match &self.symbol {
            // Without a function there can be no data that it would be compared with.
            Some(symbol) if expected.function.is_some() => expected.about(symbol),
            _ => Ok(expected),
        }
    }

    fn line<'a>(&self, expected: &Expected, file: &'a str, body: &[u8], now: Timestamp) -> Result<Line<'a>> {
        let reply = Reply { status: self.status, content_type: self.content_type.as_deref(), body };
        let reading = read(expected, &reply, &Context { now, entitlement: self.entitlement });
        let records = reading.observations.iter().map(|said| record(said, now)).collect::<Result<_, _>>()?;
        let failures = reading.rejected.into_iter().map(failed).collect::<Result<_, _>>()?;
        let message = reading.message.filter(|_| reading.verdict != Verdict::Data);
        Ok(Line { file, verdict: reading.verdict.as_str(), message, records, failures })
    }
}

fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(file)
}

/// The record that would be sent the first time. It stays text, so that no number passes through floating point.
fn record(said: &Observation, now: Timestamp) -> serde_json::Result<Box<RawValue>> {
    RawValue::from_string(observation(said).to_json(0, now))
}

fn failed(row: Rejected) -> serde_json::Result<Failed> {
    let payload = match serde_json::from_str::<&RawValue>(&row.payload) {
        Ok(json) => json.to_owned(),
        Err(_) => serde_json::value::to_raw_value(&row.payload)?,
    };
    Ok(Failed { reason: row.reason.to_string(), payload })
}
