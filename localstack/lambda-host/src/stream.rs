//! Reads a stream of the emulator: shards and records come out, with sequence numbers as wide as AWS's.
//!
//! What to read and when is asked from outside; here is only how. An iterator is kept for each shard, so that a read
//! that goes on where the last one ended costs one call.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use event_source_mapping::kinesis::{Position, ReadError, Record, SequenceNumber, Shard, ShardId};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    http::{CallError, Emulator, json},
    widen::{narrow, widen},
};

/// What one GetRecords gives at most. <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html>
const GET_RECORDS_COUNT: usize = 10_000;

/// A stream.
pub(crate) struct Stream {
    emulator: Emulator,
    arn: String,
    /// For each shard, where the next read would begin and the iterator that begins there.
    cursors: Mutex<HashMap<ShardId, (Position, String)>>,
}

/// What a read gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) records: Vec<Arc<Record>>,
    pub(crate) is_end: bool,
}

/// What [`drain`] found in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drained {
    /// Records.
    pub records: u64,
    /// Bytes that were put in them.
    pub bytes: u64,
}

/// Reads all that a stream holds, its shards side by side, as a mapping reads, and does nothing with it: no mapping can
/// be faster than that.
pub async fn drain(endpoint: &str, stream_arn: &str) -> Result<Drained, CallError> {
    let stream = Arc::new(Stream::new(Emulator::new(endpoint), stream_arn));
    let mut reading = JoinSet::new();
    for shard in stream.shards().await? {
        let stream = Arc::clone(&stream);
        reading.spawn(async move { stream.drain(&shard.id).await });
    }
    let mut all = Drained::default();
    for of_shard in reading.join_all().await {
        let of_shard = of_shard.map_err(|error| CallError::Answer {
            call: "GetRecords".to_owned(),
            reason: format!("the records cannot be had: {error:?}"),
        })?;
        all.records += of_shard.records;
        all.bytes += of_shard.bytes;
    }
    Ok(all)
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, rename = "Records")]
    records: Vec<Raw<'a>>,
    #[serde(rename = "NextShardIterator")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw<'a> {
    #[serde(borrow)]
    sequence_number: Cow<'a, str>,
    #[serde(borrow)]
    partition_key: Cow<'a, str>,
    #[serde(borrow)]
    data: Cow<'a, str>,
    approximate_arrival_timestamp: f64,
}

impl Stream {
    pub(crate) fn new(emulator: Emulator, arn: &str) -> Self {
        Self { emulator, arn: arn.to_owned(), cursors: Mutex::default() }
    }

    async fn ask(&self, operation: &str, body: Value) -> Result<Value, CallError> {
        self.emulator.ask("kinesis", &format!("Kinesis_20131202.{operation}"), &body).await
    }

    /// How long it keeps its records.
    pub(crate) async fn retention(&self) -> Result<SignedDuration, CallError> {
        let answer = self.ask("DescribeStreamSummary", json!({"StreamARN": self.arn})).await?;
        let hours = answer.pointer("/StreamDescriptionSummary/RetentionPeriodHours").and_then(Value::as_i64);
        Ok(SignedDuration::from_hours(hours.unwrap_or(24)))
    }

    /// All shards that are still there.
    pub(crate) async fn shards(&self) -> Result<Vec<Shard>, CallError> {
        let mut shards = Vec::new();
        let mut body = json!({"StreamARN": self.arn});
        loop {
            let answer = self.ask("ListShards", body).await?;
            for shard in answer.get("Shards").and_then(Value::as_array).into_iter().flatten() {
                let id = |key| shard.get(key).and_then(Value::as_str).map(|id| ShardId(id.into()));
                let Some(own) = id("ShardId") else { continue };
                let parents = [id("ParentShardId"), id("AdjacentParentShardId")].into_iter().flatten().collect();
                let is_closed = shard.pointer("/SequenceNumberRange/EndingSequenceNumber").is_some();
                shards.push(Shard { id: own, parents, is_closed });
            }
            match answer.get("NextToken").and_then(Value::as_str) {
                Some(token) => body = json!({"NextToken": token}),
                None => return Ok(shards),
            }
        }
    }

    /// Reads on in a shard.
    pub(crate) async fn read(&self, shard: &ShardId, from: &Position, limit: usize) -> Result<Read, ReadError> {
        let kept = self.cursors().remove(shard).filter(|(position, _)| position == from);
        let iterator = match kept {
            Some((_, iterator)) => iterator,
            None => self.iterator(shard, from).await.map_err(|error| read_error(&error))?,
        };
        let body = json!({"ShardIterator": iterator, "Limit": limit, "StreamARN": self.arn});
        let answer = self.emulator.call("kinesis", "Kinesis_20131202.GetRecords", &body).await;
        let answer = answer.map_err(|error| read_error(&error))?;
        let answer: Answer<'_> = json(&answer, "GetRecords").map_err(|_| ReadError::Unavailable)?;
        let records = decoded(&answer.records).ok_or(ReadError::Unavailable)?;
        let is_end = answer.next.is_none();
        if let Some(next) = answer.next {
            let position =
                records.last().map_or_else(|| from.clone(), |last| Position::After(last.sequence_number.clone()));
            self.cursors().insert(shard.clone(), (position, next));
        }
        Ok(Read { records, is_end })
    }

    async fn drain(&self, shard: &ShardId) -> Result<Drained, ReadError> {
        let (mut all, mut from) = (Drained::default(), Position::TrimHorizon);
        loop {
            let read = self.read(shard, &from, GET_RECORDS_COUNT).await?;
            let Some(last) = read.records.last() else { return Ok(all) };
            from = Position::After(last.sequence_number.clone());
            all.records += read.records.len() as u64;
            all.bytes += read.records.iter().map(|record| record.data.len() as u64).sum::<u64>();
        }
    }

    fn cursors(&self) -> std::sync::MutexGuard<'_, HashMap<ShardId, (Position, String)>> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn iterator(&self, shard: &ShardId, from: &Position) -> Result<String, CallError> {
        let mut body = json!({"StreamARN": self.arn, "ShardId": &*shard.0});
        let (kind, detail) = match from {
            Position::TrimHorizon => ("TRIM_HORIZON", None),
            Position::Latest => ("LATEST", None),
            Position::AtTimestamp(at) => {
                ("AT_TIMESTAMP", Some(("Timestamp", json!(at.as_millisecond() as f64 / 1000.0))))
            }
            Position::After(number) => {
                ("AFTER_SEQUENCE_NUMBER", Some(("StartingSequenceNumber", json!(narrow(number.as_str())))))
            }
        };
        body["ShardIteratorType"] = json!(kind);
        if let Some((key, value)) = detail {
            body[key] = value;
        }
        let answer = self.ask("GetShardIterator", body).await?;
        let iterator = answer.get("ShardIterator").and_then(Value::as_str).map(str::to_owned);
        iterator.ok_or_else(|| CallError::Answer {
            call: "GetShardIterator".to_owned(),
            reason: "no `ShardIterator`".to_owned(),
        })
    }
}

fn read_error(error: &CallError) -> ReadError {
    match error.code() {
        "ResourceNotFoundException" => ReadError::NoSuchShard,
        "InvalidArgumentException" => ReadError::Trimmed,
        // An iterator that expired among them: the next read gets a new one.
        _ => ReadError::Unavailable,
    }
}

/// The records with their data in one allocation; none if one is not as it should be.
fn decoded(raw: &[Raw<'_>]) -> Option<Vec<Arc<Record>>> {
    let mut data = Vec::with_capacity(raw.iter().map(|record| record.data.len() / 4 * 3).sum());
    let mut ends = Vec::with_capacity(raw.len());
    for record in raw {
        base64_simd::STANDARD.decode_append(record.data.as_bytes(), &mut data).ok()?;
        ends.push(data.len());
    }
    let data = Bytes::from(data);
    let mut start = 0;
    let mut records = Vec::with_capacity(raw.len());
    for (record, end) in raw.iter().zip(ends) {
        let number: SequenceNumber = widen(&record.sequence_number).parse().ok()?;
        let milliseconds = (record.approximate_arrival_timestamp * 1000.0).round() as i64;
        records.push(Arc::new(Record {
            sequence_number: number,
            partition_key: record.partition_key.as_ref().into(),
            data: data.slice(start..end),
            arrived: Timestamp::from_millisecond(milliseconds).ok()?,
        }));
        start = end;
    }
    Some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_decoded() {
        let text = r#"{"Records":[
            {"SequenceNumber":"000000000176374944500000000001","ApproximateArrivalTimestamp":1763749445.123,"Data":"aGk=","PartitionKey":"a\"b"},
            {"SequenceNumber":"000000000176374944500000000002","ApproximateArrivalTimestamp":1763749445,"Data":"","PartitionKey":"k"}],
            "NextShardIterator":"n","MillisBehindLatest":0}"#;
        let answer: Answer<'_> = json(text.as_bytes(), "GetRecords").unwrap();
        let records = decoded(&answer.records).unwrap();
        assert_eq!((&*records[0].data, &*records[0].partition_key), (&b"hi"[..], "a\"b"));
        assert_eq!(records[0].arrived.as_millisecond(), 1_763_749_445_123);
        assert_eq!(records[0].sequence_number.as_str().len(), 56);
        assert!(records[0].sequence_number < records[1].sequence_number && records[1].data.is_empty());
    }
}
