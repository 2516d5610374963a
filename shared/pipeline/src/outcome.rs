//! Outcomes: what became of everything that a stage was given. They are returned, and logged as they are.

use std::collections::BTreeMap;

use failure::Failure;
use serde::{Deserialize, Serialize};

use crate::put::PutStats;

/// A reply that was not data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// What was asked.
    pub request: String,
    /// What the reply was.
    pub verdict: &'static str,
    /// The vendor's words, without secrets.
    pub message: String,
    /// What a person should do.
    pub what_to_do: &'static str,
}

/// What became of a poll.
///
/// `calls = accepted + Σ refused + failed`, and `records = put + deduplicated + dead_lettered + in_flight`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PollOutcome {
    /// The job's name.
    pub job: String,
    /// Requests that were sent.
    pub calls: u64,
    /// Replies that were data.
    pub accepted: u64,
    /// Replies that were not, by verdict.
    pub refused: BTreeMap<&'static str, u64>,
    /// Requests to which no whole reply came.
    pub failed: u64,
    /// Rows in the replies that were data.
    pub records: u64,
    /// Rows that Kinesis took.
    pub put: u64,
    /// Rows that are no news.
    pub deduplicated: u64,
    /// Rows in the dead letters.
    pub dead_lettered: u64,
    /// Rows of which neither is known: the invocation could not settle them.
    pub in_flight: u64,
    /// Replies of unknown shape, kept with the dead letters.
    pub quarantined: u64,
    /// What was sent to the stream, and how long its answers took.
    pub producer: PutStats,
    /// Entries of the list for which there is nothing to ask now: their market stands still.
    pub not_due: u64,
    /// Requests that were not sent, or not tried again, since the run was stopped.
    pub not_asked: u64,
    /// Anomalies that were told to the events stream.
    pub alerts: u64,
    /// Fields in the replies that are new: the vendor may have changed its format.
    pub unknown_fields: u64,
    /// Calls that are left today, where the plan has a limit a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_left_today: Option<u32>,
    /// Why it was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The refusals, one by one.
    pub refusals: Vec<Refusal>,
    /// What failed.
    pub failures: Vec<Failure>,
    /// The last refusal in words, for the run that it ends.
    #[serde(skip)]
    pub(crate) last_word: String,
    /// The calls per second that a refusal named.
    #[serde(skip)]
    pub(crate) named_per_second: Option<u32>,
}

impl PollOutcome {
    /// Takes in what became of one more request.
    pub(crate) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        for (verdict, count) in other.refused {
            *self.refused.entry(verdict).or_default() += count;
        }
        self.records += other.records;
        self.put += other.put;
        self.deduplicated += other.deduplicated;
        self.dead_lettered += other.dead_lettered;
        self.in_flight += other.in_flight;
        self.quarantined += other.quarantined;
        self.producer.add(&other.producer);
        self.alerts += other.alerts;
        self.unknown_fields += other.unknown_fields;
        other.refusals.into_iter().for_each(|refusal| note(&mut self.refusals, refusal));
        other.failures.into_iter().for_each(|failure| note(&mut self.failures, failure));
    }

    /// A run that asked for nothing, and why.
    pub fn not_run(job: &str, requests: usize, reason: impl Into<String>) -> Self {
        Self { job: job.to_owned(), not_asked: requests as u64, stopped: Some(reason.into()), ..Default::default() }
    }
}

/// What became of a batch. `settled = delivered + duplicates + dead_lettered`, and what is not
/// settled comes again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProcessOutcome {
    /// Records in the batch.
    pub records: u64,
    /// Records that are done with, one way or the other.
    pub settled: u64,
    /// Records in the archive, by their own line.
    pub delivered: u64,
    /// Records whose id stands in the same batch already.
    pub duplicates: u64,
    /// Records in the dead letters.
    pub dead_lettered: u64,
    /// Facts that came too late for their bar.
    pub late: u64,
    /// Bars that closed.
    pub bars: u64,
    /// Readings that were computed.
    pub indicators: u64,
    /// Readings that the sink acknowledged.
    pub indicators_delivered: u64,
    /// Bars before which the calendar expected another one.
    pub gaps: u64,
    /// Rules that fired.
    pub alerts: u64,
    /// Alerts that the events stream took.
    pub alerts_delivered: u64,
    /// What failed.
    pub failures: Vec<Failure>,
}

/// What became of a sweep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepOutcome {
    /// Series that were due.
    pub due: u64,
    /// Series that were brought up to date.
    pub swept: u64,
    /// Bars that closed.
    pub bars: u64,
    /// Readings that were computed.
    pub indicators: u64,
    /// Readings that the sink acknowledged.
    pub indicators_delivered: u64,
    /// Bars before which the calendar expected another one.
    pub gaps: u64,
    /// Rules that fired.
    pub alerts: u64,
    /// Alerts that the events stream took.
    pub alerts_delivered: u64,
    /// What failed, in words.
    pub failures: Vec<String>,
}

/// How many failures an outcome spells out; the counts hold for all of them.
const FAILURES_SPELLED_OUT: usize = 20;

/// Adds a failure to a list that is logged, unless there are many already.
pub(crate) fn note<T>(list: &mut Vec<T>, entry: T) {
    if list.len() < FAILURES_SPELLED_OUT {
        list.push(entry);
    }
}
