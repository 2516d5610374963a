//! The account in words: a table for people, one JSON object for programs.

use std::fmt::Write;

use serde::Serialize;

use super::{CONSUMER, Found, Verdict, owed::Owed};
use crate::account::{Fates, Letters, Row, State, Unsettled};

/// The version of the JSON; fields are only ever added within it.
const VERSION: u32 = 1;

/// The table, and below it what is not accounted for.
pub(super) fn text(found: &Found, verdict: &Verdict) -> String {
    let balance = &verdict.balance;
    let mut out = format!("{CONSUMER}, records that arrived from {} to {}\n\n", found.window.from, found.window.to);
    let width = balance.rows.keys().map(|(stream, _)| stream.len()).max().unwrap_or(6).max(6);
    let mut line = |stream: &str, schema: &str, counts: [String; 5]| {
        let [offered, done, dead, missing, pending] = counts;
        // Writing to a text cannot fail.
        let _ =
            writeln!(out, "{stream:width$}  {schema:<13} {offered:>9} {done:>9} {dead:>9} {missing:>9} {pending:>9}");
    };
    line("stream", "schema", ["offered", "done", "dead", "missing", "pending"].map(str::to_owned));
    for ((stream, schema), row) in &balance.rows {
        line(stream, schema, counts(row));
    }
    line("total", "", counts(&balance.total));
    out.push('\n');

    let Fates { emitted, merged, as_it_is, not_told } = balance.fates;
    let Letters { consumer, redriven, others, .. } = found.account.letters();
    let Owed { series, entries, .. } = found.owed;
    let [objects, dead_letters] = found.objects;
    for text in [
        format!("offered      {} repeated and counted once, {} expired", balance.repeated, balance.expired),
        format!(
            "done         {emitted} with a reading of their bar, {merged} merged into a key that a later revision holds, \
             {as_it_is} archived as they are,"
        ),
        format!(
            "             {not_told} merged, unchanged or late: which of them is not told by what lies outside of the series"
        ),
        format!(
            "archive      {objects} objects, {} lines, {} of them repeated, {} of records of other windows; {} readings",
            found.account.lines(),
            found.account.duplicates(),
            balance.strangers,
            found.account.readings()
        ),
        format!(
            "dead letters {dead_letters} objects, {consumer} records of {CONSUMER}, {redriven} of them redriven, {others} of others"
        ),
        format!("owed         {entries} readings or alerts by {series} series"),
    ] {
        out.push_str(&text);
        out.push('\n');
    }
    named(&mut out, &balance.unsettled, [balance.total.missing, balance.total.pending, balance.done_and_dead]);
    out.push('\n');
    out.push_str(match (verdict.wrong.is_empty(), verdict.open.is_empty()) {
        (true, true) => "balanced: offered = done, dead or expired\n",
        (true, false) => "not closed:\n",
        (false, _) => "not balanced:\n",
    });
    for reason in verdict.wrong.iter().chain(&verdict.open) {
        let _ = writeln!(out, "- {reason}");
    }
    out
}

fn counts(row: &Row) -> [String; 5] {
    [row.offered, row.done, row.dead, row.missing, row.pending].map(|count| count.to_string())
}

fn named(out: &mut String, unsettled: &[Unsettled], counts: [u64; 3]) {
    if unsettled.is_empty() {
        return;
    }
    out.push('\n');
    for Unsettled { state, id, schema, stream, shard, sequence_number } in unsettled {
        let place = [stream, shard, sequence_number].map(|part| part.as_deref().unwrap_or_default()).join(":");
        let id = id.as_deref().unwrap_or("(no id that can be read)");
        let _ = writeln!(out, "{:<13} {id:<32} {schema:<13} {}", state.as_str(), place.trim_matches(':'));
    }
    let shown = unsettled.iter().filter(|one| one.state != State::TwoContents).count() as u64;
    let more = counts.iter().sum::<u64>().saturating_sub(shown);
    if more > 0 {
        let _ = writeln!(out, "and {more} more: `--limit` shows them");
    }
}

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    consumer: &'a str,
    from: String,
    to: String,
    balanced: bool,
    closed: bool,
    not_closed: &'a [String],
    imbalances: &'a [String],
    total: Total<'a>,
    streams: Vec<StreamJson<'a>>,
    done: &'a Fates,
    archive: Archive,
    dead_letters: DeadLetters,
    owed: &'a Owed,
    unsettled: &'a [Unsettled],
}

#[derive(Serialize)]
struct Total<'a> {
    #[serde(flatten)]
    row: &'a Row,
    expired: u64,
    repeated: u64,
    done_and_dead: u64,
    two_contents: u64,
}

#[derive(Serialize)]
struct StreamJson<'a> {
    stream: &'a str,
    shards: usize,
    newest: Option<String>,
    holds_from: Option<String>,
    schemas: std::collections::BTreeMap<&'static str, &'a Row>,
}

#[derive(Serialize)]
struct Archive {
    objects: u64,
    lines: u64,
    repeated: u64,
    other_windows: u64,
    unreadable: u64,
    readings: u64,
}

#[derive(Serialize)]
struct DeadLetters {
    objects: u64,
    #[serde(flatten)]
    letters: Letters,
}

/// One object on one line.
pub(super) fn json(found: &Found, verdict: &Verdict) -> String {
    let balance = &verdict.balance;
    let schemas = |stream: &str| {
        let of_stream = balance.rows.iter().filter(|((name, _), _)| name == stream);
        of_stream.map(|((_, schema), row)| (*schema, row)).collect()
    };
    let [objects, dead_letters] = found.objects;
    let json = Json {
        version: VERSION,
        consumer: CONSUMER,
        from: found.window.from.to_string(),
        to: found.window.to.to_string(),
        balanced: verdict.is_balanced(),
        closed: verdict.open.is_empty(),
        not_closed: &verdict.open,
        imbalances: &verdict.wrong,
        total: Total {
            row: &balance.total,
            expired: balance.expired,
            repeated: balance.repeated,
            done_and_dead: balance.done_and_dead,
            two_contents: balance.two_contents,
        },
        streams: found
            .streams
            .iter()
            .map(|read| StreamJson {
                stream: &read.stream,
                shards: read.shards,
                newest: read.newest.map(|at| at.to_string()),
                holds_from: read.holds_from.map(|at| at.to_string()),
                schemas: schemas(&read.stream),
            })
            .collect(),
        done: &balance.fates,
        archive: Archive {
            objects,
            lines: found.account.lines(),
            repeated: found.account.duplicates(),
            other_windows: balance.strangers,
            unreadable: balance.unreadable,
            readings: found.account.readings(),
        },
        dead_letters: DeadLetters { objects: dead_letters, letters: found.account.letters() },
        owed: &found.owed,
        unsettled: &balance.unsettled,
    };
    // Texts, numbers and lists can always be written.
    let mut text = serde_json::to_string(&json).unwrap_or_default();
    text.push('\n');
    text
}
