//! One record for a stream, measured as Kinesis measures it.

use crate::{limits::KINESIS_RECORD_BYTES, partition::PartitionKey};

/// One record for a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Decides on the shard.
    pub partition_key: PartitionKey,
    /// The payload.
    pub data: Vec<u8>,
}

impl Entry {
    /// What counts against the limits: payload and partition key, in bytes.
    pub fn size(&self) -> usize {
        self.data.len() + self.partition_key.as_str().len()
    }
}

/// A record larger than a stream takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the record has {size} bytes with its partition key; a stream takes {KINESIS_RECORD_BYTES}: send less per record"
)]
pub struct Oversized {
    /// Its place among the entries.
    pub index: usize,
    /// Its size in bytes.
    pub size: usize,
}
