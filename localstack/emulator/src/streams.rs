//! What is in a Kinesis stream: a name comes in, its records leave, each once, bit by bit.
//!
//! Takes no lease and keeps no checkpoint: this is for looking at a stream, not for consuming it.

use std::collections::BTreeMap;

use aws_sdk_kinesis::{
    Client,
    types::{Record as RawRecord, ShardIteratorType},
};

use crate::client::said;

/// One record of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The shard that it is in.
    pub shard: String,
    /// Digits. Compare by length, then as text: they do not fit a number.
    pub sequence_number: String,
    /// What it was put with.
    pub partition_key: String,
    /// Its bytes.
    pub data: Vec<u8>,
    /// When the stream took it, in milliseconds since 1970.
    pub arrived_at_ms: i64,
}

/// How far a stream was read. The default is its beginning.
#[derive(Debug, Clone, Default)]
pub struct Position {
    shards: BTreeMap<String, ShardPosition>,
}

#[derive(Debug, Clone, Default)]
struct ShardPosition {
    /// The last record that was read.
    last: Option<String>,
    /// Where to go on. It expires after five minutes, and then `last` gives another.
    iterator: Option<String>,
    /// A closed shard that was read to its end.
    finished: bool,
}

/// Why a stream was not read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the stream `{stream}`: {reason}")]
pub struct DrainError {
    /// Which.
    pub stream: String,
    /// What the service says.
    pub reason: String,
}

/// Reads all records of a stream after a position, up to what is there now, and moves the position
/// behind them. Records of one shard are in order. After an error the position is unchanged.
pub async fn drain(client: &Client, stream: &str, from: &mut Position) -> Result<Vec<Record>, DrainError> {
    let reader = Reader { client, stream };
    let mut position = from.clone();
    let mut records = Vec::new();
    // Parents come before their children in the list, so a key's records keep their order.
    for shard in reader.shards().await? {
        let at = position.shards.entry(shard.clone()).or_default();
        reader.drain_shard(&shard, at, &mut records).await?;
    }
    *from = position;
    Ok(records)
}

struct Reader<'a> {
    client: &'a Client,
    stream: &'a str,
}

impl Reader<'_> {
    fn failed(&self, reason: String) -> DrainError {
        DrainError { stream: self.stream.to_owned(), reason }
    }

    async fn shards(&self) -> Result<Vec<String>, DrainError> {
        let mut shards = Vec::new();
        let mut token = None;
        loop {
            let request = self.client.list_shards();
            // The service refuses a name beside a token.
            let request = match token {
                None => request.stream_name(self.stream),
                Some(token) => request.next_token(token),
            };
            let page = request.send().await.map_err(|error| self.failed(said(&error)))?;
            shards.extend(page.shards.into_iter().flatten().map(|shard| shard.shard_id));
            token = page.next_token;
            if token.is_none() {
                return Ok(shards);
            }
        }
    }

    async fn drain_shard(
        &self,
        shard: &str,
        at: &mut ShardPosition,
        records: &mut Vec<Record>,
    ) -> Result<(), DrainError> {
        while !at.finished {
            let iterator = match at.iterator.take() {
                Some(iterator) => iterator,
                None => self.iterator(shard, at.last.as_deref()).await?,
            };
            let page = match self.client.get_records().shard_iterator(&iterator).send().await {
                Ok(page) => page,
                Err(error) if error.as_service_error().is_some_and(|it| it.is_expired_iterator_exception()) => {
                    continue;
                }
                Err(error) => return Err(self.failed(said(&error))),
            };
            at.iterator = page.next_shard_iterator;
            at.finished = at.iterator.is_none();
            if let Some(last) = page.records.last() {
                at.last = Some(last.sequence_number.clone());
            }
            // A page can be empty although there is more.
            let caught_up = page.millis_behind_latest.map_or(page.records.is_empty(), |behind| behind == 0);
            records.extend(page.records.into_iter().map(|record| of_shard(shard, record)));
            if caught_up {
                break;
            }
        }
        Ok(())
    }

    async fn iterator(&self, shard: &str, after: Option<&str>) -> Result<String, DrainError> {
        let kind = match after {
            None => ShardIteratorType::TrimHorizon,
            Some(_) => ShardIteratorType::AfterSequenceNumber,
        };
        let request = self.client.get_shard_iterator().stream_name(self.stream).shard_id(shard);
        let request = request.shard_iterator_type(kind).set_starting_sequence_number(after.map(str::to_owned));
        let reply = request.send().await.map_err(|error| self.failed(said(&error)))?;
        reply.shard_iterator.ok_or_else(|| self.failed(format!("shard `{shard}` gave no iterator")))
    }
}

fn of_shard(shard: &str, record: RawRecord) -> Record {
    let arrived = record.approximate_arrival_timestamp;
    Record {
        shard: shard.to_owned(),
        sequence_number: record.sequence_number,
        partition_key: record.partition_key.unwrap_or_default(),
        data: record.data.into_inner(),
        arrived_at_ms: arrived.and_then(|at| at.to_millis().ok()).unwrap_or_default(),
    }
}
