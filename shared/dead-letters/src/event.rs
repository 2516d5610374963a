//! The consumer's original event, made anew from letters: what it was given before it gave up.
//!
//! Letters of one shard enter, the JSON that Lambda would send leaves, field by field in Lambda's order. Sequence
//! numbers, shard and partition keys are those of the stream, so that the consumer sees what it saw.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use crate::Letter;

/// Bytes of an event that are filled: Lambda takes 6 MB (6,291,456 bytes), and something is kept back.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const EVENT_BYTES: usize = 6_000_000;
/// What a record takes besides its own texts and its payload, about.
const RECORD_BYTES: usize = 400;

/// An event for one consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(Vec<u8>);

#[derive(Serialize)]
struct Events<'a> {
    #[serde(rename = "Records")]
    records: Vec<Record<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    kinesis: Kinesis<'a>,
    event_source: &'static str,
    event_version: &'static str,
    #[serde(rename = "eventID")]
    event_id: String,
    event_name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoke_identity_arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_region: Option<&'a str>,
    #[serde(rename = "eventSourceARN")]
    stream_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kinesis<'a> {
    kinesis_schema_version: &'static str,
    partition_key: &'a str,
    sequence_number: &'a str,
    data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    approximate_arrival_timestamp: Option<f64>,
}

impl Event {
    /// The event of these letters, which are [`Way::Consumer`](crate::Way::Consumer). One whose stream is known by its
    /// name alone gets an ARN without region and account.
    pub fn of<'a>(letters: impl IntoIterator<Item = &'a Letter>) -> Self {
        let records = letters.into_iter().map(record).collect();
        // Strings and numbers always serialise.
        Self(serde_json::to_vec(&Events { records }).unwrap_or_default())
    }

    /// The JSON.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes a letter takes in an event, at the most.
    pub fn bytes_of(letter: &Letter) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(64, String::len);
        let place = &letter.place;
        let texts = text(&place.partition_key) * 2 + text(&place.sequence_number) * 2 + text(&place.shard);
        let arns = text(&letter.stream_arn).max(64 + text(&place.stream)) + text(&letter.invoke_identity_arn);
        RECORD_BYTES + texts + arns + letter.payload().map_or(0, |payload| payload.len().div_ceil(3) * 4)
    }
}

fn record(letter: &Letter) -> Record<'_> {
    let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
    let stream_arn =
        letter.stream_arn.clone().unwrap_or_else(|| format!("arn:aws:kinesis:::stream/{}", text(&letter.place.stream)));
    let number = letter.place.sequence_number.as_deref().unwrap_or_default();
    let region = letter.stream_arn.as_deref().and_then(|arn| arn.split(':').nth(3));
    Record {
        kinesis: Kinesis {
            kinesis_schema_version: "1.0",
            partition_key: letter.place.partition_key.as_deref().unwrap_or_default(),
            sequence_number: number,
            data: STANDARD.encode(letter.payload().unwrap_or_default()),
            approximate_arrival_timestamp: letter.arrived_at.map(|at| at.as_millisecond() as f64 / 1e3),
        },
        event_source: "aws:kinesis",
        event_version: "1.0",
        event_id: format!("{}:{number}", text(&letter.place.shard)),
        event_name: "aws:kinesis:record",
        invoke_identity_arn: letter.invoke_identity_arn.as_deref(),
        aws_region: region.filter(|region| !region.is_empty()),
        stream_arn,
    }
}
