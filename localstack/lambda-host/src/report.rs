//! What happened, in numbers: the report of a host.

use std::collections::BTreeMap;

use serde::Serialize;

/// Everything that a host did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Each event source mapping.
    pub mappings: Vec<MappingReport>,
    /// Each schedule.
    pub schedules: Vec<ScheduleReport>,
    /// Each function, by its name.
    pub functions: BTreeMap<String, FunctionReport>,
    /// What the template asks for and nobody here does: what it is, and why not.
    pub unknown: Vec<String>,
}

/// A mapping.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MappingReport {
    /// The name of the function.
    pub function: String,
    /// The ARN of the stream or queue.
    pub source: String,
    /// Invocations that took place.
    pub invocations: u64,
    /// Records that the function was done with.
    pub records: u64,
    /// Invocations that were a further attempt for their records, those after a split included.
    pub retries: u64,
    /// Batches that were split in two.
    pub splits: u64,
    /// Batches that were given up and stored at the destination.
    pub on_failure: u64,
    /// The greatest age that a batch's last record had when it was given to the function.
    pub iterator_age_ms_max: u64,
    /// Invocations that did not take place: throttled.
    pub throttles: u64,
    /// Records that were given up without a destination.
    pub discarded: u64,
    /// Records that no filter matched.
    pub filtered: u64,
    /// How often the destination did not take a letter.
    pub refused_letters: u64,
    /// What went wrong last outside of the function.
    pub last_error: Option<String>,
}

/// A schedule.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ScheduleReport {
    /// Its name.
    pub name: String,
    /// The name of the function.
    pub function: String,
    /// How often it fired.
    pub fires: u64,
}

/// A function.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FunctionReport {
    /// Invocations that took place.
    pub invocations: u64,
    /// Those that failed, however.
    pub errors: u64,
    /// Those of them that were too slow.
    pub timeouts: u64,
    /// Those of them whose process ended.
    pub exits: u64,
    /// Invocations that did not take place.
    pub throttles: u64,
    /// Processes that became ready.
    pub inits: u64,
    /// Processes that did not.
    pub init_failures: u64,
    /// The longest time that a process took to become ready.
    pub init_ms: f64,
    /// Time in the function, in all.
    pub duration_ms: f64,
    /// The most memory that a process had.
    pub max_memory_mb: u64,
    /// Answers that came too late or for nothing.
    pub late_answers: u64,
}
