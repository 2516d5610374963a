//! Kinesis: a part of a shard is read, from one record to another; and streams by their names.

use aws_config::SdkConfig;
use aws_sdk_kinesis::{
    Client,
    error::SdkError,
    operation::get_shard_iterator::GetShardIteratorError,
    types::{Record, ShardIteratorType},
};
use dead_letters::StreamRecord;
use jiff::Timestamp;
use pipeline::port::{CallError, ReadStream, Streams};

use crate::{Stream, call_error};

/// Reads shards of any stream.
#[derive(Debug, Clone)]
pub struct Shards {
    client: Client,
}

impl Shards {
    /// The shards of this account's streams.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// An iterator at a record, or at the oldest one if that is gone; `None` if the shard or the whole stream is.
    async fn iterator(&self, stream: &str, shard: &str, first: &str) -> Result<Option<String>, CallError> {
        let call = self
            .client
            .get_shard_iterator()
            .stream_name(stream)
            .shard_id(shard)
            .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
            .starting_sequence_number(first);
        match call.send().await {
            Ok(output) => Ok(output.shard_iterator),
            // Either says that this shard never had such a record, or has it no more.
            Err(SdkError::ServiceError(error))
                if matches!(
                    error.err(),
                    GetShardIteratorError::InvalidArgumentException(_)
                        | GetShardIteratorError::ResourceNotFoundException(_)
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(call_error(&format!("GetShardIterator of `{shard}` of `{stream}`"), &error)),
        }
    }
}

impl ReadStream for Shards {
    async fn read_range(
        &self,
        stream: &str,
        shard: &str,
        first: &str,
        last: &str,
    ) -> Result<Vec<StreamRecord>, CallError> {
        let mut found = Vec::new();
        let mut iterator = self.iterator(stream, shard, first).await?;
        while let Some(at) = iterator {
            let call = self.client.get_records().shard_iterator(at);
            let action = || format!("GetRecords of `{shard}` of `{stream}`");
            let output = call.send().await.map_err(|error| call_error(&action(), &error))?;
            let is_end = output.records.is_empty() && output.millis_behind_latest.unwrap_or_default() == 0;
            for record in output.records {
                if by_number(record.sequence_number()) > by_number(last) {
                    return Ok(found);
                }
                // Where the first is gone, AWS begins with the oldest, and an emulator perhaps elsewhere.
                if by_number(record.sequence_number()) >= by_number(first) {
                    found.push(taken(record));
                }
            }
            let reached = found.last().is_some_and(|record: &StreamRecord| record.sequence_number == last);
            iterator = output.next_shard_iterator.filter(|_| !is_end && !reached);
        }
        Ok(found)
    }
}

/// Sequence numbers have more digits than a number holds: by length, then by digits.
fn by_number(number: &str) -> (usize, &str) {
    (number.len(), number)
}

fn taken(record: Record) -> StreamRecord {
    let arrived_at = record.approximate_arrival_timestamp.and_then(|at| at.to_millis().ok());
    StreamRecord {
        sequence_number: record.sequence_number,
        partition_key: record.partition_key.unwrap_or_default(),
        data: record.data.into_inner(),
        arrived_at: arrived_at.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
    }
}

/// Streams by their names.
#[derive(Debug, Clone)]
pub struct NamedStreams(SdkConfig);

impl NamedStreams {
    /// The streams of this account.
    pub fn new(config: &SdkConfig) -> Self {
        Self(config.clone())
    }
}

impl Streams for NamedStreams {
    type Stream = Stream;

    fn stream(&self, name: &str) -> Stream {
        Stream::new(&self.0, name)
    }
}
