//! How a mapping was configured, and whether AWS would take that.

use jiff::SignedDuration;

use super::{SettingsError, filter::MessageFilter};
use crate::kinesis::validate::{bounded, count, filters, whole_seconds};

/// The configuration of an SQS mapping, in the terms of CreateEventSourceMapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The mapping's own id.
    pub uuid: String,
    /// The function that it invokes.
    pub function_arn: String,
    /// The queue; one whose name ends in `.fifo` is first in, first out.
    pub queue_arn: String,
    /// Messages per batch at most: 1 to 10,000, for a FIFO queue to 10.
    pub batch_size: usize,
    /// How long messages are gathered for a batch, 0 to 300 s; at least 1 s for batches above 10.
    pub batching_window: SignedDuration,
    /// `FilterCriteria`: the patterns as JSON texts. A message that matches none is deleted. Empty keeps all.
    pub filters: Vec<String>,
    /// Whether `FunctionResponseTypes` has `ReportBatchItemFailures`.
    pub reports_batch_item_failures: bool,
    /// `ScalingConfig.MaximumConcurrency`: invocations at once at most, 2 to 1,000. None is 1,000.
    pub maximum_concurrency: Option<usize>,
    /// The queue's visibility timeout: how long a throttled batch is tried again before it is left to the queue.
    pub visibility_timeout: SignedDuration,
}

impl Settings {
    /// Whether the queue is first in, first out.
    pub fn is_fifo(&self) -> bool {
        self.queue_arn.ends_with(".fifo")
    }

    /// The region that the queue's ARN names.
    pub fn region(&self) -> &str {
        self.queue_arn.split(':').nth(3).unwrap_or_default()
    }

    /// Whether AWS would take these settings.
    ///
    /// # Errors
    /// The first that it would refuse.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if !self.queue_arn.starts_with("arn:") || self.queue_arn.split(':').nth(2) != Some("sqs") {
            let expected = "the ARN of a queue";
            return Err(SettingsError::Arn { name: "EventSourceArn", value: self.queue_arn.clone(), expected });
        }
        let window = whole_seconds("MaximumBatchingWindowInSeconds", self.batching_window)?;
        bounded("MaximumBatchingWindowInSeconds", window, 0..=300, "0 to 300 seconds")?;
        if self.is_fifo() {
            bounded("BatchSize", count(self.batch_size), 1..=10, "1 to 10 for a FIFO queue")?;
            bounded("MaximumBatchingWindowInSeconds", window, 0..=0, "0 for a FIFO queue")?;
        }
        bounded("BatchSize", count(self.batch_size), 1..=10_000, "1 to 10000")?;
        if self.batch_size > 10 {
            let allowed = "at least 1 second for a `BatchSize` above 10";
            bounded("MaximumBatchingWindowInSeconds", window, 1..=300, allowed)?;
        }
        if let Some(concurrency) = self.maximum_concurrency {
            bounded("ScalingConfig.MaximumConcurrency", count(concurrency), 2..=1_000, "2 to 1000")?;
        }
        filters(&self.filters)?;
        MessageFilter::new(&self.filters)?;
        Ok(())
    }
}
