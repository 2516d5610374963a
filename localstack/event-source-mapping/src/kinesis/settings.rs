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
    /// The stream, or a consumer of it (enhanced fan-out). Events name it as `eventSourceARN`.
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

impl Settings {
    /// The stream's ARN, also where [`Settings::stream_arn`] names a consumer of it (enhanced fan-out).
    pub fn stream(&self) -> &str {
        self.stream_arn.split_once("/consumer/").map_or(&self.stream_arn, |(stream, _)| stream)
    }

    /// Whether the source is a consumer with enhanced fan-out rather than the stream itself.
    pub fn is_enhanced_fan_out(&self) -> bool {
        self.stream_arn.contains("/consumer/")
    }

    /// The region that the stream's ARN names.
    pub fn region(&self) -> &str {
        self.stream_arn.split(':').nth(3).unwrap_or_default()
    }

    /// The age from which a record is given up: the configured one or the stream's retention, what ends first.
    pub fn age_limit(&self) -> SignedDuration {
        self.maximum_record_age.map_or(self.retention, |age| age.min(self.retention))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn settings() -> Settings {
        Settings {
            uuid: "2b733gdc-8ac3-cdf5-af3a-1827b3b11284".to_owned(),
            function_arn: "arn:aws:lambda:us-east-2:123456789012:function:my-function".to_owned(),
            stream_arn: "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream".to_owned(),
            role_arn: "arn:aws:iam::123456789012:role/lambda-role".to_owned(),
            batch_size: 100,
            batching_window: SignedDuration::ZERO,
            starting_position: StartingPosition::TrimHorizon,
            parallelization_factor: 1,
            filters: Vec::new(),
            reports_batch_item_failures: false,
            bisects: false,
            maximum_retry_attempts: None,
            maximum_record_age: None,
            retention: SignedDuration::from_hours(24),
            on_failure: None,
            tumbling_window: None,
        }
    }
}
