//! What a stream consists of.

use std::{cmp::Ordering, fmt, str::FromStr, sync::Arc};

use bytes::Bytes;
use jiff::Timestamp;

/// A record as GetRecords gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number; it rises within a shard.
    pub sequence_number: SequenceNumber,
    /// Its partition key.
    pub partition_key: Arc<str>,
    /// Its bytes.
    pub data: Bytes,
    /// When the stream took it, about.
    pub arrived: Timestamp,
}

/// A sequence number: up to 129 digits, more than a number of any language holds.
///
/// Ordered as a number, by length and then by digits; leading zeros are not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SequenceNumber(Arc<str>);

/// A text that is no sequence number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no sequence number: it has 1 to 129 digits and does not begin with 0, unless it is 0")]
pub struct BadSequenceNumber(pub String);

impl SequenceNumber {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SequenceNumber {
    type Err = BadSequenceNumber;

    fn from_str(text: &str) -> Result<Self, BadSequenceNumber> {
        let digits = (1..=129).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && (text == "0" || !text.starts_with('0')) {
            Ok(Self(text.into()))
        } else {
            Err(BadSequenceNumber(text.chars().take(140).collect()))
        }
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a shard, as in `shardId-000000000001`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub Arc<str>);

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A shard as ListShards gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Its name.
    pub id: ShardId,
    /// Those that it came from by a split (one) or a merge (two). Some may not be listed any more.
    pub parents: Vec<ShardId>,
    /// Whether it takes no more records.
    pub is_closed: bool,
}
