//! `kinetick dead-letters show`: a batch enters; what is known of it, and its letters with their payloads, leave.

use std::{fmt::Write, process::ExitCode};

use dead_letters::{Discard, Letter, Status};
use pipeline::{Shown, show};
use serde::Serialize;
use serde_json::Value;

use super::{
    Deployed, Ended, filter,
    options::{self, Format},
    print,
    table::{BatchJson, kinds, line, moment, next, plain},
};

/// How much of a payload is shown among other things.
const PAYLOAD_CHARS: usize = 2_000;

/// Shows it.
pub(super) async fn run(options: &options::Show) -> Result<ExitCode, Ended> {
    let filter = filter(&options.filters)?;
    let deployed = Deployed::find(&options.stack).await?;
    for id in deployed.batches(std::slice::from_ref(&options.id)).await? {
        let mut shown = show((&deployed.objects, &deployed.listings), &id).await?;
        shown.letters.retain(|(letter, status)| filter.takes(letter) && options::is_one_of(&options.status, *status));
        let out = match options.format {
            _ if options.raw => raw(&shown),
            Format::Text => text(&shown).into_bytes(),
            Format::Json => json(&shown).into_bytes(),
        };
        print(&out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The payloads alone, byte for byte.
pub(super) fn raw(shown: &Shown) -> Vec<u8> {
    let mut out = Vec::new();
    for payload in shown.letters.iter().filter_map(|(letter, _)| letter.payload()) {
        out.extend_from_slice(payload);
        out.push(b'\n');
    }
    out
}

pub(super) fn text(shown: &Shown) -> String {
    let Shown { listing, letters } = shown;
    let outlook = listing.outlook();
    let mut out = format!(
        "batch     {}\nconsumer  {}\nstatus    {}: {} waiting, {} redriven, {} discarded, {} expired\nkinds     {}\n\
         failed    {} to {} UTC\ntries     {}, next {}\n",
        listing.id,
        plain(&listing.function),
        listing.status.as_str(),
        outlook.waiting,
        outlook.redriven,
        outlook.discarded,
        listing.expired_records,
        kinds(&listing.kinds),
        moment(listing.first_seen),
        moment(listing.last_seen),
        listing.redrives,
        next(listing),
    );
    let mut row = |name: &str, text: &str| {
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{name:<9} {}", plain(text));
    };
    if let Some(problem) = &listing.last_problem {
        row("problem", problem);
    }
    for Discard { at, by, reason, letters } in &listing.discards {
        row("discarded", &format!("{letters} letters by {by} at {}: {reason}", moment(*at)));
    }
    row("object", &listing.key);
    row("source", &listing.source);
    for (letter, status) in letters {
        entry(&mut out, letter, *status);
    }
    out
}

fn entry(out: &mut String, letter: &Letter, status: Status) {
    let Letter { failure, place, attempts, last_seen, id, .. } = letter;
    let mut row = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    row(String::new());
    row(format!(
        "{}  {} at {}, {}, {attempts} attempts, last {} UTC",
        status.as_str(),
        failure.kind,
        failure.stage,
        if failure.kind.is_retryable() { "retryable" } else { "permanent" },
        moment(*last_seen)
    ));
    let stream = place.stream.as_deref().unwrap_or("no stream");
    let about = letter.about().map(|symbol| format!(", about {}", plain(symbol))).unwrap_or_default();
    let id = id.as_deref().map(|id| format!(", id {}", plain(id))).unwrap_or_default();
    row(format!("  {} {}{id}{about}", plain(stream), plain(&letter.name())));
    row(format!("  {}", plain(&failure.reason)));
    match (letter.payload(), letter.expired()) {
        (Some(payload), _) => {
            let text = String::from_utf8_lossy(payload);
            let shown: String = text.chars().take(PAYLOAD_CHARS).collect();
            let cut = if shown.len() < text.len() { " … (`--raw` shows all)" } else { "" };
            row(format!("  {}{cut}", plain(&shown)));
        }
        (None, Some(expired)) => row(format!(
            "  {} records up to {} are gone: the stream no longer held them",
            expired.records,
            plain(&expired.last_sequence_number)
        )),
        (None, None) => {}
    }
}

#[derive(Serialize)]
struct ShownJson<'a> {
    #[serde(flatten)]
    batch: BatchJson<'a>,
    entries: Vec<Value>,
}

pub(super) fn json(shown: &Shown) -> String {
    let entry = |(letter, status): &(Letter, Status)| {
        // A line of ours; what it holds are texts and whole numbers.
        let mut entry: Value = serde_json::from_str(&letter.to_line()).unwrap_or_default();
        entry["status"] = status.as_str().into();
        entry
    };
    line(&ShownJson { batch: BatchJson::of(&shown.listing), entries: shown.letters.iter().map(entry).collect() })
}
