//! What became of a run: outcomes enter; a table for people, lines of JSON for machines, and whether all of it
//! went well leave.

use failure::{Kind, Stage};
use pipeline::PollOutcome;
use serde::Serialize;

/// How many names of a list are spelled out.
const NAMES: usize = 10;
/// Verdicts that say that the key gives no access.
const NO_ACCESS: [&str; 2] = ["bad_key", "demo_key"];
/// The verdict of a success that holds nothing.
const EMPTY: &str = "empty";

/// What became of one job.
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    #[serde(flatten)]
    pub(crate) outcome: PollOutcome,
    /// How many requests the job stands for.
    pub(crate) requests: u64,
    /// The entries that the vendor was never asked for.
    pub(crate) not_asked_entries: Vec<String>,
}

impl Done {
    /// Whether every request was answered with data, or with the news that there is none, and every row is
    /// in its stream, was there before, or lies in the dead letters for a rule that it breaks.
    pub(crate) fn is_whole(&self) -> bool {
        let PollOutcome { accepted, refused, records, put, deduplicated, dead_lettered, producer, failures, .. } =
            &self.outcome;
        let answered = accepted + refused.get(EMPTY).copied().unwrap_or(0);
        // Trouble on the way does not count where a later try was answered.
        let harmless = |kind, stage| kind == Kind::InvalidRow || (kind == Kind::Transport && stage == Stage::Fetch);
        answered == self.requests
            && *records == put + deduplicated + dead_lettered
            && producer.failed == 0
            && failures.iter().all(|failure| harmless(failure.kind, failure.stage))
    }

    /// Whether the vendor refused the key.
    pub(crate) fn is_key_refused(&self) -> bool {
        NO_ACCESS.iter().any(|verdict| self.outcome.refused.contains_key(verdict))
    }

    /// Whether the vendor was asked and never answered.
    pub(crate) fn is_out_of_reach(&self) -> bool {
        self.outcome.calls > 0 && self.outcome.calls == self.outcome.failed
    }
}

/// The table, and below it what went wrong. `taken` is what became of rows that are news: `sent` or `printed`.
pub(crate) fn table(all: &[Done], taken: &str) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<9} {:>6} {:>9} {:>8} {:>7} {:>7} {:>7} {:>10} {:>13} {:>10} {:>10}",
        "job",
        "calls",
        "accepted",
        "refused",
        "failed",
        "rows",
        taken,
        "unchanged",
        "dead letters",
        "unsettled",
        "not asked"
    )];
    for Done { outcome, not_asked_entries, .. } in all {
        lines.push(format!(
            "{:<9} {:>6} {:>9} {:>8} {:>7} {:>7} {:>7} {:>10} {:>13} {:>10} {:>10}",
            outcome.job,
            outcome.calls,
            outcome.accepted,
            outcome.refused.values().sum::<u64>(),
            outcome.failed,
            outcome.records,
            outcome.put,
            outcome.deduplicated,
            outcome.dead_lettered,
            outcome.in_flight,
            not_asked_entries.len(),
        ));
    }
    for Done { outcome, not_asked_entries, .. } in all {
        let job = &outcome.job;
        for refusal in &outcome.refusals {
            lines.push(format!(
                "{job}: refused {}: {}: {}; {}",
                refusal.request, refusal.verdict, refusal.message, refusal.what_to_do
            ));
        }
        let mut failures: Vec<(String, u32)> = Vec::new();
        for failure in outcome.failures.iter().map(ToString::to_string) {
            match failures.iter_mut().find(|(known, _)| *known == failure) {
                Some((_, count)) => *count += 1,
                None => failures.push((failure, 1)),
            }
        }
        lines.extend(failures.iter().map(|(failure, count)| match count {
            1 => format!("{job}: {failure}"),
            _ => format!("{job}: {failure} ({count} times)"),
        }));
        lines.extend(outcome.stopped.iter().map(|reason| format!("{job}: stopped: {reason}")));
        if !not_asked_entries.is_empty() {
            lines.push(format!("{job}: not asked: {}", names(not_asked_entries)));
        }
        if outcome.unknown_fields > 0 {
            lines.push(format!(
                "{job}: {} unknown fields: the vendor may have changed its format",
                outcome.unknown_fields
            ));
        }
    }
    if let Some(left) = all.iter().rev().find_map(|done| done.outcome.quota_left_today) {
        lines.push(format!("calls left today: {left}"));
    }
    lines
}

fn names(all: &[String]) -> String {
    let shown = all.iter().take(NAMES).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
