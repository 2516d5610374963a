//! `kinetick indicators`: CSV with bars enters, CSV with the values of indicators leaves, a row for each row; a state
//! may enter and leave with them. Knows neither the network nor AWS nor any configuration.

mod catalogue;
mod moment;
mod rows;
mod run;
mod saved;
mod target;

use std::{
    fs::{self, File},
    io::{self, BufReader, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use indicators::Indicators;
use tokio::sync::oneshot;

use crate::up::stop_on_signals;

use moment::SessionZone;
use rows::Rows;
use run::{Done, Run};
use saved::Saved;
use target::Target;

/// The exit code for wrong use, as clap has it.
const WRONG_USE: u8 = 2;
/// The exit code if rows were left out.
const LEFT_OUT: u8 = 3;
/// Bytes that are read and written at a time.
const BUFFER: usize = 256 * 1024;
/// From this size on an input takes long enough for a bar.
const BIG: u64 = 16 * 1024 * 1024;
/// Standard input.
const STANDARD: &str = "-";

/// The options of `indicators`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// What to compute, such as "SMA(20), RSI(14), MACD(12,26,9)" [default: that of the state, or else
    /// the one that --list ends with].
    #[arg(long, value_name = "SET")]
    set: Option<Indicators>,
    /// The file of bars; `-` is standard input.
    #[arg(long, value_name = "FILE", default_value = STANDARD)]
    input: PathBuf,
    /// The file of values; without it, standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Continue from this state. Rows must be later than its last one. Indicators that it does not hold begin here.
    #[arg(long, value_name = "FILE")]
    from_state: Option<PathBuf>,
    /// Keep the state after the last row; may be the file of --from-state.
    #[arg(long, value_name = "FILE")]
    to_state: Option<PathBuf>,
    /// The zone whose days are the sessions that VWAP begins anew with [default: that of the state, or else UTC].
    #[arg(long, value_name = "ZONE")]
    session_zone: Option<SessionZone>,
    /// List all indicators with their parameters and outputs.
    #[arg(long, exclusive = true)]
    list: bool,
}

/// Computes them.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    if options.list {
        // Whoever closed it has seen enough.
        let _ = io::stdout().write_all(catalogue::list()?.as_bytes());
        return Ok(ExitCode::SUCCESS);
    }
    let (start, rows, size) = match begin(&options) {
        Ok(begun) => begun,
        Err(error) => {
            note(&format!("error: {error:#}"));
            return Ok(ExitCode::from(WRONG_USE));
        }
    };
    // From here on a signal removes what is half done.
    let mut signals = stop_on_signals()?;
    let open = |path: &Option<PathBuf>| path.as_deref().map(target).transpose();
    let (output, state) = (open(&options.output)?, open(&options.to_state)?);
    let bar = progress(size, output.is_some());
    let work = match &output {
        Some(target) => {
            let file = target.writer()?;
            spawn(move || Run::new(start, rows, file, bar).finish())
        }
        None => spawn(move || Run::new(start, rows, io::stdout(), bar).finish()),
    };
    // A thread that waits for its input cannot be ended; it ends with the process. Targets remove what is half done.
    let done = tokio::select! {
        done = work => done.context("the computation ended without a word")??,
        _ = signals.changed() => bail!("interrupted: no file was written"),
    };
    if done.closed && state.is_some() {
        bail!("standard output was closed before the last row: the state was not written");
    }
    // The state last: rows are rather computed twice than lost.
    if let (Some(target), Some(path)) = (output, &options.output) {
        target.publish().with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    if let (Some(target), Some(path)) = (state, &options.to_state) {
        let written = target.writer().and_then(|mut file| file.write_all(&done.saved.encode()));
        written.and_then(|()| target.publish()).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(if done.left_out > 0 { ExitCode::from(LEFT_OUT) } else { ExitCode::SUCCESS })
}

/// Where bars come from.
type Input = Rows<BufReader<Box<dyn Read + Send>>>;

/// Reads what must be there: the state and the header. Whatever is wrong here is wrong use.
fn begin(options: &Options) -> Result<(Saved, Input, u64)> {
    distinct(options)?;
    let saved = match &options.from_state {
        Some(path) => {
            let read = || Ok::<_, anyhow::Error>(Saved::decode(&fs::read(path)?)?);
            Some(read().with_context(|| format!("cannot continue from `{}`", path.display()))?)
        }
        None => None,
    };
    let at_input = || format!("cannot read bars from `{}`", options.input.display());
    let (input, size): (Box<dyn Read + Send>, u64) = if options.input == Path::new(STANDARD) {
        (Box::new(io::stdin()), 0)
    } else {
        let file = File::open(&options.input).with_context(at_input)?;
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        (Box::new(file), size)
    };
    let rows = Rows::open(BufReader::with_capacity(BUFFER, input)).with_context(at_input)?;
    Ok((start(options, saved), rows, size))
}

/// What is written must overwrite nothing that is read, but for the state.
fn distinct(options: &Options) -> Result<()> {
    let named = [("--input", Some(&options.input)), ("--output", options.output.as_ref())];
    let named = named.into_iter().chain([("--to-state", options.to_state.as_ref())]);
    let named: Vec<_> = named.filter_map(|(option, path)| Some((option, path?))).collect();
    for (at, (second, path)) in named.iter().enumerate() {
        if let Some((first, _)) = named[..at].iter().find(|(_, other)| target::same(path, other)) {
            return Err(anyhow!("{first} and {second} are the same file `{}`", path.display()));
        }
    }
    Ok(())
}

/// The state to begin with: the saved one with the indicators that are asked for, or a new one.
fn start(options: &Options, saved: Option<Saved>) -> Saved {
    let zone = options.session_zone.clone();
    let Some(saved) = saved else {
        let set = options.set.clone().unwrap_or_default().start();
        return Saved { set, last: None, zone: zone.unwrap_or_default() };
    };
    let zone = zone.unwrap_or_else(|| saved.zone.clone());
    if zone != saved.zone {
        note(&format!("note: sessions were days of {}, from here on of {}", saved.zone.name(), zone.name()));
    }
    let before = saved.set.indicators().clone();
    let set = options.set.as_ref().unwrap_or(&before);
    for (set, other, words) in [
        (set, &before, "not in the state, so they begin here"),
        (&before, set, "in the state but not asked for, so they end here"),
    ] {
        let alone: Vec<&str> =
            set.iter().filter(|one| !other.iter().any(|other| other == *one)).map(|one| one.text()).collect();
        if !alone.is_empty() {
            note(&format!("note: {words}: {}", alone.join(", ")));
        }
    }
    Saved { set: saved.set.adopt(set), last: saved.last, zone }
}

fn target(path: &Path) -> Result<Target> {
    Target::open(path).with_context(|| format!("cannot write `{}`", path.display()))
}

/// A bar for a big file, where it does not stand between the values.
fn progress(size: u64, is_output_file: bool) -> ProgressBar {
    if size < BIG || (!is_output_file && io::stdout().is_terminal()) {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// A line of standard error. Where it is closed there is nobody to tell.
fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Runs it on a thread that nobody waits for at the end.
fn spawn(work: impl FnOnce() -> Result<Done> + Send + 'static) -> oneshot::Receiver<Result<Done>> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || sender.send(work()));
    receiver
}
