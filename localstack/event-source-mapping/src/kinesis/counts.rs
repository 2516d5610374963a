//! What a mapping did so far, as a report or a metric needs it.

use jiff::SignedDuration;

/// Sums since the mapping began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Invocations asked for, retries included.
    pub invocations: u64,
    /// Invocations that failed as a whole or in part; those that did not run are not among them.
    pub failures: u64,
    /// Records that the function was done with.
    pub records: u64,
    /// Invocations that were a further attempt for their records, those after a split included.
    pub retries: u64,
    /// Invocations that did not run, because of a throttle or an error of the service.
    pub not_invoked: u64,
    /// Batches split in two, at a reported record or in halves.
    pub splits: u64,
    /// Letters that the destination took.
    pub on_failure: u64,
    /// Records in those letters.
    pub on_failure_records: u64,
    /// Records given up without a destination.
    pub discarded: u64,
    /// Records that no filter matched.
    pub filtered: u64,
    /// Reads whose position was trimmed away: what lay there expired unread.
    pub trims: u64,
    /// The highest age of a batch's last record when an invocation had ended.
    pub iterator_age_max: SignedDuration,
}
