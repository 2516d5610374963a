//! The pointer that a mapping leaves at an SQS queue in place of its batch: first and last record, and no payload.
//!
//! The pointer enters, then what the stream still holds between the two; a batch leaves, in which what is gone has a
//! letter of its own.

use failure::{Failure, Kind, Place, Stage};
use jiff::Timestamp;

use crate::{Batch, BatchId, Content, Expired, Letter};

/// A batch that is known by its first and last record only.
#[derive(Debug, Clone, PartialEq)]
pub struct Pointer {
    /// What it was read from.
    pub source: String,
    /// The function that gave up, without its environment.
    pub function: String,
    /// The ARN of the stream.
    pub stream_arn: String,
    /// The shard.
    pub shard: String,
    /// The first record.
    pub first: String,
    /// The last record.
    pub last: String,
    /// How many records the batch had.
    pub records: u64,
    /// Why the mapping gave up, in its own words.
    pub failure: Failure,
    /// How often the function was invoked with it, about.
    pub attempts: u32,
    /// When it was given up.
    pub at: Timestamp,
    /// When its first record arrived, about.
    pub first_arrival: Option<Timestamp>,
}

/// A record as the stream gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRecord {
    /// Its number.
    pub sequence_number: String,
    /// Its partition key.
    pub partition_key: String,
    /// Its bytes.
    pub data: Vec<u8>,
    /// When the stream took it, about.
    pub arrived_at: Option<Timestamp>,
}

impl Pointer {
    /// The name of the batch: the same as that of the object with the payload, should there be one.
    pub fn id(&self) -> BatchId {
        batch_id(&self.function, self.stream(), &self.shard, (&self.first, &self.last), self.records)
    }

    /// The name of the stream.
    pub fn stream(&self) -> &str {
        stream_name(&self.stream_arn)
    }

    /// The batch with what the stream still holds from the first to the last record, in its order. Where a mapping
    /// filters or works on a shard in parallel, that can be more than the batch had: the consumer is idempotent.
    pub fn hydrated(&self, found: Vec<StreamRecord>) -> Batch {
        // A shard forgets from its beginning.
        let gone = self.records.saturating_sub(found.len() as u64);
        let mut letters = Vec::with_capacity(found.len() + 1);
        if gone > 0 {
            let last = if found.is_empty() { self.last.clone() } else { before(&found[0].sequence_number) };
            letters.push(self.expired(gone, last));
        }
        letters.extend(found.into_iter().map(|record| {
            let place = self.place(&record.sequence_number, Some(record.partition_key));
            let mut letter = Letter::holding(self.failure.clone(), place, self.attempts, self.at, record.data);
            letter.arrived_at = record.arrived_at;
            letter.stream_arn = Some(self.stream_arn.clone());
            letter
        }));
        Batch { id: self.id(), source: self.source.clone(), function: self.function.clone(), letters }
    }

    fn expired(&self, records: u64, last_sequence_number: String) -> Letter {
        let reason = format!("the stream no longer holds {records} of its records ({})", self.failure.reason);
        let failure = Failure::new(self.failure.stage, Kind::Expired, self.failure.subject.clone(), reason);
        let mut letter = Letter::holding(failure, self.place(&self.first, None), self.attempts, self.at, Vec::new());
        letter.arrived_at = self.first_arrival;
        letter.stream_arn = Some(self.stream_arn.clone());
        letter.content = Content::Expired(Expired { records, last_sequence_number });
        letter
    }

    fn place(&self, sequence_number: &str, partition_key: Option<String>) -> Place {
        Place {
            function: self.function.clone(),
            stream: Some(self.stream().to_owned()),
            shard: Some(self.shard.clone()),
            sequence_number: Some(sequence_number.to_owned()),
            partition_key,
        }
    }
}

/// The name of a mapping's batch.
pub(crate) fn batch_id(
    function: &str,
    stream: &str,
    shard: &str,
    (first, last): (&str, &str),
    records: u64,
) -> BatchId {
    BatchId::of(&["mapping", function, stream, shard, first, last, &records.to_string()])
}

/// `STREAM` of `arn:aws:kinesis:REGION:ACCOUNT:stream/STREAM`.
pub(crate) fn stream_name(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, name)| name)
}

/// The number before a sequence number, as text: it has more digits than a number holds.
fn before(number: &str) -> String {
    let mut digits = number.as_bytes().to_vec();
    for digit in digits.iter_mut().rev() {
        match *digit {
            b'0' => *digit = b'9',
            _ => {
                *digit -= 1;
                break;
            }
        }
    }
    let text = String::from_utf8(digits).unwrap_or_default();
    let trimmed = text.trim_start_matches('0');
    if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
}

/// Why a mapping gave up: the function failed, or it did not and something else was in the way.
pub(crate) fn given_up(condition: &str, function_error: Option<&str>, shard: &str, first: &str) -> Failure {
    let (kind, how) = match function_error {
        Some(error) => (Kind::Crashed, format!("the function failed ({error})")),
        None => (Kind::GivenUp, "the function did not fail".to_owned()),
    };
    let reason = format!("the event source mapping gave up: {condition}; {how}");
    Failure::new(Stage::Invoke, kind, format!("batch {shard}:{first}"), reason)
}
