//! What a function's response says about its batch.

use std::{cmp::Ordering, sync::Arc};

use serde_json::Value;

use super::Record;
use crate::response;

/// How a batch came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// All of it is done.
    Done,
    /// All of it failed.
    Failed,
    /// It is done up to this index, and failed from there. Never 0, never beyond the last.
    FailedFrom(usize),
    /// It failed at its first record, as the function reported: nothing is done, but the function did not fail.
    FailedAtHead,
}

/// The verdict of a response, and the window's new state if it has one.
///
/// Without partial responses and windows whatever a function returns is a success, JSON or not.
pub(crate) fn read(
    response: &[u8],
    records: &[Arc<Record>],
    reports_items: bool,
    has_window: bool,
) -> (Verdict, Option<Value>) {
    if !reports_items && !has_window {
        return (Verdict::Done, None);
    }
    let Some(mut response) = response::parse(response) else { return (Verdict::Failed, None) };
    let verdict = if reports_items { verdict(&response, records) } else { Verdict::Done };
    if !has_window {
        return (verdict, None);
    }
    match response.get_mut("state") {
        Some(state) => (verdict, Some(state.take())),
        None => (Verdict::Failed, None),
    }
}

fn verdict(response: &Value, records: &[Arc<Record>]) -> Verdict {
    let Some(failures) = response::failures(response) else { return Verdict::Failed };
    let mut lowest = records.len();
    for id in failures {
        // Within a shard numbers rise, so that a list of all ids does not cost the square of the batch.
        let Ok(index) = records.binary_search_by(|record| digits(record.sequence_number.as_str(), id)) else {
            return Verdict::Failed;
        };
        lowest = lowest.min(index);
    }
    match lowest {
        0 if !records.is_empty() => Verdict::FailedAtHead,
        index if index < records.len() => Verdict::FailedFrom(index),
        _ => Verdict::Done,
    }
}

/// Compares texts of digits as the numbers that they are, without leading zeros.
fn digits(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}
