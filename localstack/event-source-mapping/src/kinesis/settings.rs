//! How a mapping was configured.

use jiff::{SignedDuration, Timestamp};

/// Where a mapping begins to read a shard that it has no checkpoint for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartingPosition {
    /// The oldest record.
    TrimHorizon,
    /// What arrives from now on. Shards that appear later are read from their beginning.
    Latest,
    /// What arrived from then on.
    AtTimestamp(Timestamp),
}

/// Where a batch goes that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A queue: gets the pointer to the batch, without its records.
    Sqs {
        /// Its ARN.
        arn: String,
    },
    /// A topic: gets the same pointer.
    Sns {
        /// Its ARN.
        arn: String,
    },
    /// A bucket: gets the pointer and the invocation's event.
    S3 {
        /// Its ARN.
        arn: String,
    },
}

/// The configuration of a Kinesis mapping, in the terms of CreateEventSourceMapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The mapping's own id.
    pub uuid: String,
    /// The function that it invokes.
    pub function_arn: String,
    /// The stream.
    pub stream_arn: String,
    /// The role that events name as `invokeIdentityArn`.
    pub role_arn: String,
    /// Records per batch at most, 1 to 10,000.
    pub batch_size: usize,
    /// How long records are gathered for a batch, 0 to 300 s.
    pub batching_window: SignedDuration,
    /// Where to begin.
    pub starting_position: StartingPosition,
    /// Batches of one shard in flight at once, 1 to 10. One partition key is never in two of them.
    pub parallelization_factor: usize,
    /// `FilterCriteria`: the patterns as JSON texts. A record that matches none is skipped. Empty keeps all.
    pub filters: Vec<String>,
    /// Whether `FunctionResponseTypes` has `ReportBatchItemFailures`.
    pub reports_batch_item_failures: bool,
    /// Whether a failing batch is split in two.
    pub bisects: bool,
    /// How often a failing batch is tried again; none is until its records expire (-1).
    pub maximum_retry_attempts: Option<u32>,
    /// How old a record may get; none is until it expires (-1).
    pub maximum_record_age: Option<SignedDuration>,
    /// How long the stream keeps its records.
    pub retention: SignedDuration,
    /// Where what is given up goes; none is that it is dropped.
    pub on_failure: Option<Destination>,
    /// The tumbling window's length, 1 to 900 s.
    pub tumbling_window: Option<SignedDuration>,
}
