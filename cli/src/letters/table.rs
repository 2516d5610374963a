//! Listings in words: batches enter; a table for people or JSON for programs leaves.

use std::{collections::BTreeMap, fmt::Write};

use alphavantage::Redactor;
use dead_letters::{Discard, Listing, Outlook, Status};
use failure::{Failure, Kind};
use jiff::Timestamp;
use pipeline::ListedBatches;
use serde::Serialize;

use crate::redacted;

/// How many digits of an id a table shows: enough to name a batch among millions.
pub(super) const ID_DIGITS: usize = 12;
/// How many symbols it names.
const SYMBOLS: usize = 3;

/// A moment in a table.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Texts of others on one line: without control characters, which a terminal would obey, and without keys.
pub(super) fn plain(text: &str) -> String {
    redacted::text(&Redactor::new(""), text)
}

/// Kinds with their counts, the most frequent first.
pub(super) fn kinds(kinds: &BTreeMap<Kind, u32>) -> String {
    let mut kinds: Vec<_> = kinds.iter().collect();
    kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(**count), **kind));
    kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
}

fn symbols(listing: &Listing) -> String {
    let named = listing.symbols.iter().take(SYMBOLS).map(|symbol| plain(symbol)).collect::<Vec<_>>().join(",");
    match (listing.symbols.len().saturating_sub(SYMBOLS), listing.has_more_symbols) {
        (0, false) => named,
        (more, false) => format!("{named} +{more}"),
        (more, true) => format!("{named} +{more} and more"),
    }
}

/// Lines of columns, each as wide as its widest cell; those named in `right` are numbers.
pub(super) fn columns<const N: usize>(rows: &[[String; N]], right: &[usize]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let gap = if at == 0 { "" } else { "  " };
            // Writing to a text cannot fail.
            let _ = match right.contains(&at) {
                true => write!(line, "{gap}{cell:>width$}"),
                false => write!(line, "{gap}{cell:<width$}"),
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// What is counted of listings.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Totals {
    batches: usize,
    letters: u64,
    waiting: usize,
    redriven: usize,
    discarded: usize,
    /// Letters that say only what has expired, and how many records that is.
    expired: usize,
    expired_records: u64,
    kinds: BTreeMap<Kind, u32>,
}

fn totals(batches: &[Listing]) -> Totals {
    let mut totals = Totals { batches: batches.len(), ..Totals::default() };
    for listing in batches {
        let Outlook { waiting, redriven, discarded, expired } = listing.outlook();
        totals.letters += u64::from(listing.letters);
        totals.waiting += waiting;
        totals.redriven += redriven;
        totals.discarded += discarded;
        totals.expired += expired;
        totals.expired_records += listing.expired_records;
        for (kind, count) in &listing.kinds {
            *totals.kinds.entry(*kind).or_default() += count;
        }
    }
    totals
}

/// The table of batches, with totals.
pub(super) fn batches(listed: &ListedBatches) -> String {
    let header =
        ["batch", "failed last (UTC)", "consumer", "kinds", "waiting", "of", "symbols", "status", "tries", "next"];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(listed.batches.iter().map(|listing| {
        [
            listing.id.as_str().chars().take(ID_DIGITS).collect(),
            moment(listing.last_seen),
            plain(&listing.function),
            kinds(&listing.kinds),
            listing.outlook().waiting.to_string(),
            listing.letters.to_string(),
            symbols(listing),
            listing.status.as_str().to_owned(),
            listing.redrives.to_string(),
            next(listing),
        ]
    }));
    let mut out = columns(&rows, &[4, 5, 8]);
    let Totals { batches, letters, waiting, redriven, discarded, expired_records, kinds: by_kind, .. } =
        totals(&listed.batches);
    let _ = writeln!(
        out,
        "\n{batches} batches, {letters} letters: {waiting} waiting, {redriven} redriven, {discarded} discarded; {expired_records} \
         records expired"
    );
    if !by_kind.is_empty() {
        let _ = writeln!(out, "by kind: {}", kinds(&by_kind));
    }
    for failure in &listed.unreadable {
        let _ = writeln!(out, "cannot be read: {}", plain(&failure.to_string()));
    }
    if listed.has_more {
        out.push_str("there are more: `--limit` shows them\n");
    }
    out
}

/// When it is tried next.
pub(super) fn next(listing: &Listing) -> String {
    match (listing.status, listing.next_attempt) {
        (Status::Redriving, _) => "now".to_owned(),
        (status, _) if status.is_done() => "-".to_owned(),
        (_, Some(at)) => moment(at),
        (_, None) => "by hand".to_owned(),
    }
}

/// A listing for programs.
#[derive(Debug, Serialize)]
pub(super) struct BatchJson<'a> {
    id: &'a str,
    status: Status,
    function: &'a str,
    letters: u32,
    #[serde(flatten)]
    outlook: Outlook,
    expired_records: u64,
    kinds: &'a BTreeMap<Kind, u32>,
    symbols: Vec<&'a str>,
    has_more_symbols: bool,
    first_seen: String,
    last_seen: String,
    redrives: u32,
    next_attempt: Option<String>,
    last_problem: Option<&'a str>,
    done_at: Option<String>,
    discards: &'a [Discard],
    object: &'a str,
    source: &'a str,
}

impl<'a> BatchJson<'a> {
    pub(super) fn of(listing: &'a Listing) -> Self {
        let millis = |at: Timestamp| format!("{at:.3}");
        Self {
            id: listing.id.as_str(),
            status: listing.status,
            function: &listing.function,
            letters: listing.letters,
            outlook: listing.outlook(),
            expired_records: listing.expired_records,
            kinds: &listing.kinds,
            symbols: listing.symbols.iter().map(String::as_str).collect(),
            has_more_symbols: listing.has_more_symbols,
            first_seen: millis(listing.first_seen),
            last_seen: millis(listing.last_seen),
            redrives: listing.redrives,
            next_attempt: listing.next_attempt.map(millis),
            last_problem: listing.last_problem.as_deref(),
            done_at: listing.done_at.map(millis),
            discards: &listing.discards,
            object: &listing.key,
            source: &listing.source,
        }
    }
}

#[derive(Serialize)]
struct BatchesJson<'a> {
    batches: Vec<BatchJson<'a>>,
    totals: Totals,
    unreadable: &'a [Failure],
    has_more: bool,
}

/// One JSON object on one line.
pub(super) fn batches_json(listed: &ListedBatches) -> String {
    let json = BatchesJson {
        batches: listed.batches.iter().map(BatchJson::of).collect(),
        totals: totals(&listed.batches),
        unreadable: &listed.unreadable,
        has_more: listed.has_more,
    };
    line(&json)
}

/// JSON on one line. Texts, numbers and lists can always be written.
pub(super) fn line(json: &impl Serialize) -> String {
    let mut text = serde_json::to_string(json).unwrap_or_default();
    text.push('\n');
    text
}
