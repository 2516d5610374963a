//! The options of `dead-letters`: which letters, and what is to be done with them.

use std::{collections::BTreeSet, num::NonZeroU32, str::FromStr};

use clap::{Args, Subcommand, ValueEnum};
use dead_letters::{Filter, Status};
use failure::Kind;
use jiff::Timestamp;
use pipeline::port::Shelf;

use crate::place::Place;

/// The options of `dead-letters`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What is to be done.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Command {
    /// List batches of dead letters, with totals.
    ///
    /// Exit codes: 0 done; 1 a listing could not be read; 2 wrong use; 3 no access.
    List(List),
    /// Show a batch: what became of it, and its letters with their payloads.
    ///
    /// Exit codes: 0 done; 1 it could not be read; 2 wrong use, or there is no such batch; 3 no access.
    Show(Show),
    /// Give letters once more to the consumer that gave up on them, and to nobody else.
    ///
    /// Any number of times: what is done is not done again, and the consumers take a record twice without a second
    /// effect. Ctrl-C ends it behind the event that is under way; the same command goes on.
    ///
    /// Exit codes: 0 all was redriven, or --dry-run; 1 something was not; 2 wrong use, or there is no such batch; 3 no access.
    Redrive(Redrive),
    /// Give letters up: they are never redriven, and stay in their object until that expires.
    ///
    /// Exit codes: 0 done; 1 something was not discarded; 2 wrong use, no such batch, or no --yes; 3 no access.
    Discard(Discard),
}

/// Which environment.
#[derive(Debug, Clone, Args)]
pub(super) struct Stack {
    #[command(flatten)]
    pub(super) place: Place,
    /// The stack, if it is not `kinetick-ENV`.
    #[arg(long, value_name = "NAME")]
    pub(super) stack: Option<String>,
}

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Tables for people.
    Text,
    /// One JSON object for programs.
    Json,
}

/// Which letters.
#[derive(Debug, Clone, Args)]
pub(super) struct Filters {
    /// Of this kind, such as given_up, crashed or invalid_record; may be given more than once, as all of these.
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// About this symbol, such as MSFT or BTC/USD.
    #[arg(long = "symbol", value_name = "SYMBOL", value_delimiter = ',')]
    symbols: Vec<String>,
    /// Given up by this function, such as compute-indicators.
    #[arg(long = "function", value_name = "NAME", value_delimiter = ',')]
    functions: Vec<String>,
    /// That failed last then or later, RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,
    /// That failed last before then, RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
}

/// What has become of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Became {
    /// For a redrive or for a person.
    Waiting,
    /// Somebody is at it.
    Redriving,
    /// Redriven, or discarded in part.
    Redriven,
    /// Given up.
    Discarded,
    /// Gone before anybody could keep it.
    Expired,
    /// All of these.
    All,
}

/// The options of `list`.
#[derive(Debug, Clone, Args)]
pub(super) struct List {
    #[command(flatten)]
    pub(super) stack: Stack,
    #[command(flatten)]
    pub(super) filters: Filters,
    /// What became of the batch.
    #[arg(long, value_delimiter = ',', default_value = "waiting,redriving")]
    pub(super) status: Vec<Became>,
    /// How many batches are listed at the most, of those that wait and of those that are done.
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) limit: u32,
    /// Text for people or JSON for programs.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub(super) format: Format,
}

/// The options of `show`.
#[derive(Debug, Clone, Args)]
pub(super) struct Show {
    /// The batch, by its id or the beginning of it.
    #[arg(value_name = "ID")]
    pub(super) id: Prefix,
    #[command(flatten)]
    pub(super) stack: Stack,
    #[command(flatten)]
    pub(super) filters: Filters,
    /// What became of the letter.
    #[arg(long, value_delimiter = ',', default_value = "all")]
    pub(super) status: Vec<Became>,
    /// Print the payloads alone, one behind the other, each with a newline.
    #[arg(long, conflicts_with = "format")]
    pub(super) raw: bool,
    /// Text for people or JSON for programs.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub(super) format: Format,
}

/// The options of `redrive`.
#[derive(Debug, Clone, Args)]
pub(super) struct Redrive {
    /// The batches, by their ids or the beginnings of these.
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub(super) ids: Vec<Prefix>,
    /// All batches that wait.
    #[arg(long, conflicts_with = "ids")]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) stack: Stack,
    #[command(flatten)]
    pub(super) filters: Filters,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Letters in a second at the most.
    #[arg(long, value_name = "N", default_value = "500")]
    pub(super) rate: NonZeroU32,
    /// Text for people or JSON for programs.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub(super) format: Format,
}

/// The options of `discard`.
#[derive(Debug, Clone, Args)]
pub(super) struct Discard {
    /// The batches, by their ids or the beginnings of these.
    #[arg(value_name = "ID", required = true)]
    pub(super) ids: Vec<Prefix>,
    #[command(flatten)]
    pub(super) stack: Stack,
    #[command(flatten)]
    pub(super) filters: Filters,
    /// Why; it stays in the listing.
    #[arg(long, value_name = "TEXT", value_parser = words)]
    pub(super) reason: String,
    /// Who; it stays in the listing.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown", value_parser = words)]
    pub(super) by: String,
    /// Do it. Without it, what would be discarded is shown.
    #[arg(long)]
    pub(super) yes: bool,
    /// Text for people or JSON for programs.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub(super) format: Format,
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    text.parse().map_err(|_| "write a time of RFC 3339, such as 2026-11-20T15:30:00Z")
}

/// How long who and why may be: they are kept for each time.
const WORDS: usize = 500;

fn words(text: &str) -> Result<String, String> {
    let text = text.trim();
    if (1..=WORDS).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("write a text of 1 to {WORDS} characters on one line"))
}

/// The id of a batch, or its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix(String);

/// A text that begins no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write 4 to 32 hex digits, as `kinetick dead-letters list` shows them")]
pub(super) struct BadPrefix;

impl FromStr for Prefix {
    type Err = BadPrefix;

    fn from_str(text: &str) -> Result<Self, BadPrefix> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if is_hex && (4..=32).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(BadPrefix) }
    }
}

impl Prefix {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Filters {
    /// The same for letters.
    pub(super) fn filter(&self) -> Result<Filter, String> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return Err(format!("`--from` is {from} and `--to` is {to}: write an earlier `--from`"));
        }
        Ok(Filter {
            kinds: self.kinds.iter().copied().collect(),
            stages: BTreeSet::new(),
            symbols: self.symbols.iter().map(|symbol| symbol.to_ascii_uppercase()).collect(),
            functions: self.functions.iter().cloned().collect(),
            from: self.from,
            to: self.to,
        })
    }
}

/// Whether one of these is meant.
pub(super) fn is_one_of(wanted: &[Became], status: Status) -> bool {
    let became = match status {
        Status::Waiting => Became::Waiting,
        Status::Redriving => Became::Redriving,
        Status::Redriven => Became::Redriven,
        Status::Discarded => Became::Discarded,
        Status::Expired => Became::Expired,
    };
    wanted.contains(&Became::All) || wanted.contains(&became)
}

/// Where batches of these kinds stand.
pub(super) fn shelves(wanted: &[Became]) -> Vec<Shelf> {
    let is_done = |became: &Became| !matches!(became, Became::Waiting | Became::Redriving);
    let is_open = |became: &Became| matches!(became, Became::Waiting | Became::Redriving | Became::All);
    let mut shelves = Vec::new();
    if wanted.iter().any(is_open) {
        shelves.extend([Shelf::Due, Shelf::Waiting]);
    }
    if wanted.iter().any(is_done) {
        shelves.push(Shelf::Done);
    }
    shelves
}
