//! An object of the dead-letter bucket: what functions stored themselves, or what a mapping gave up.
//!
//! A key and the bytes under it enter, a batch leaves, or a pointer where there is no payload. Nothing is refused:
//! what cannot be read is a letter that holds it as it came.

use base64::{Engine, engine::general_purpose::STANDARD};
use failure::{Failure, Kind, Place, Stage};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Batch, BatchId, Letter, Pointer,
    pointer::{given_up, stream_name},
    read_parked, short_name,
};

/// Below this lies what is parked; nothing below it is ever read as a dead letter that is new.
pub const PARKED_PREFIX: &str = "parked/";
/// Below this functions store what they give up: `dead-letters/FUNCTION/YYYY/MM/DD/HASH.ndjson`.
const STORED_PREFIX: &str = "dead-letters/";
/// Below this mappings store what they give up: `aws/lambda/MAPPING/SHARD/YYYY/MM/DD/…`.
/// <https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html>
const MAPPING_PREFIX: &str = "aws/lambda/";

/// What an object turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Letters with their payload.
    Batch(Batch),
    /// A batch that is still to be read from its stream.
    Pointer(Box<Pointer>),
    /// No dead letters lie under such a key.
    NotOurs,
}

/// What a mapping writes, as JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OnFailure {
    #[serde(default)]
    pub(crate) request_context: RequestContext,
    #[serde(default)]
    response_context: Option<ResponseContext>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(rename = "KinesisBatchInfo")]
    batch: BatchInfo,
    #[serde(default)]
    payload: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RequestContext {
    pub(crate) request_id: Option<String>,
    pub(crate) function_arn: Option<String>,
    pub(crate) condition: Option<String>,
    pub(crate) approximate_invoke_count: u32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ResponseContext {
    pub(crate) function_error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchInfo {
    shard_id: String,
    start_sequence_number: String,
    end_sequence_number: String,
    #[serde(default)]
    approximate_arrival_of_first_record: Option<String>,
    batch_size: u64,
    stream_arn: String,
}

/// Reads an object. `created` stands in for a moment that it does not say; `prefix` begins the names of functions.
pub fn read_object(key: &str, bytes: &[u8], created: Timestamp, prefix: &str) -> Reading {
    if let Some(rest) = key.strip_prefix(STORED_PREFIX) {
        let function = rest.split('/').next().unwrap_or_default();
        return Reading::Batch(stored(key, function, bytes, created));
    }
    if !key.starts_with(MAPPING_PREFIX) {
        return Reading::NotOurs;
    }
    match serde_json::from_slice::<OnFailure>(bytes) {
        Ok(on_failure) => read_on_failure(on_failure, key, created, prefix),
        Err(error) => Reading::Batch(unreadable(key, bytes, created, &error.to_string())),
    }
}

/// What a function stored itself.
fn stored(key: &str, function: &str, bytes: &[u8], created: Timestamp) -> Batch {
    // The object's name follows from its letters, wherever and whenever they are stored again.
    let name = key.rsplit('/').next().unwrap_or_default().trim_end_matches(".ndjson");
    let id = name.parse().unwrap_or_else(|_| BatchId::of(&["object", key]));
    let letters = read_parked(bytes, function, created);
    if letters.is_empty() {
        return unreadable(key, bytes, created, "there is no line in it");
    }
    Batch { id, source: key.to_owned(), function: function.to_owned(), letters }
}

fn unreadable(key: &str, bytes: &[u8], created: Timestamp, problem: &str) -> Batch {
    let function = "unknown".to_owned();
    let reason = format!("`{key}` cannot be read as a dead letter: {problem}; it is kept as it came");
    let failure = Failure::new(Stage::Decode, Kind::Unreadable, key, reason);
    let place = Place { function: function.clone(), ..Default::default() };
    let letters = vec![Letter::holding(failure, place, 1, created, bytes.to_vec())];
    Batch { id: BatchId::of(&["object", key]), source: key.to_owned(), function, letters }
}

/// What a mapping gave up: with the original event, or a pointer.
pub(crate) fn read_on_failure(told: OnFailure, source: &str, created: Timestamp, prefix: &str) -> Reading {
    let OnFailure { request_context, response_context, timestamp, batch, payload } = told;
    let moment = |text: Option<String>| text.and_then(|text| text.parse().ok());
    let at = moment(timestamp).unwrap_or(created);
    let function = function_of(request_context.function_arn.as_deref().unwrap_or_default(), prefix).to_owned();
    let condition = request_context.condition.as_deref().unwrap_or("no condition is named");
    let function_error = response_context.and_then(|response| response.function_error);
    let (shard, first) = (batch.shard_id, batch.start_sequence_number);
    let failure = given_up(condition, function_error.as_deref(), &shard, &first);
    let pointer = Pointer {
        source: source.to_owned(),
        function,
        stream_arn: batch.stream_arn,
        shard,
        first,
        last: batch.end_sequence_number,
        records: batch.batch_size,
        failure,
        attempts: request_context.approximate_invoke_count,
        at,
        first_arrival: moment(batch.approximate_arrival_of_first_record),
    };
    let letters = payload.and_then(|payload| letters_of_event(&payload, &pointer));
    match letters {
        Some(letters) => {
            Reading::Batch(Batch { id: pointer.id(), source: pointer.source, function: pointer.function, letters })
        }
        // Without a payload that is an event, the stream is asked for it.
        None => Reading::Pointer(Box::new(pointer)),
    }
}

#[derive(Deserialize)]
struct EventText<'a> {
    #[serde(rename = "Records", borrow)]
    records: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventRecord {
    kinesis: KinesisPart,
    #[serde(default, rename = "eventID")]
    event_id: Option<String>,
    #[serde(default)]
    invoke_identity_arn: Option<String>,
    #[serde(default, rename = "eventSourceARN")]
    stream_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KinesisPart {
    partition_key: String,
    sequence_number: String,
    data: String,
    #[serde(default)]
    approximate_arrival_timestamp: Option<f64>,
}

/// The letters of an event; `None` if it is none, or has no record.
fn letters_of_event(event: &str, pointer: &Pointer) -> Option<Vec<Letter>> {
    let event: EventText<'_> = serde_json::from_str(event).ok()?;
    let letter = |text: &&RawValue| {
        letter_of(text.get(), pointer).unwrap_or_else(|problem| {
            let reason = format!("the record cannot be read: {problem}; {}", pointer.failure.reason);
            let failure = Failure::new(Stage::Decode, Kind::Unreadable, pointer.failure.subject.clone(), reason);
            let place = Place { function: pointer.function.clone(), ..Default::default() };
            Letter::holding(failure, place, pointer.attempts, pointer.at, text.get().as_bytes().to_vec())
        })
    };
    (!event.records.is_empty()).then(|| event.records.iter().map(letter).collect())
}

fn letter_of(record: &str, pointer: &Pointer) -> Result<Letter, String> {
    let record: EventRecord = serde_json::from_str(record).map_err(|error| error.to_string())?;
    let kinesis = record.kinesis;
    let data = STANDARD.decode(&kinesis.data).map_err(|error| format!("`data`: {error}"))?;
    let shard =
        record.event_id.as_deref().and_then(|id| id.split_once(':')).map_or(&*pointer.shard, |(shard, _)| shard);
    let stream_arn = record.stream_arn.unwrap_or_else(|| pointer.stream_arn.clone());
    let place = Place {
        function: pointer.function.clone(),
        stream: Some(stream_name(&stream_arn).to_owned()),
        shard: Some(shard.to_owned()),
        sequence_number: Some(kinesis.sequence_number),
        partition_key: Some(kinesis.partition_key),
    };
    let mut letter = Letter::holding(pointer.failure.clone(), place, pointer.attempts, pointer.at, data);
    letter.arrived_at = kinesis.approximate_arrival_timestamp.and_then(arrival);
    letter.stream_arn = Some(stream_arn);
    letter.invoke_identity_arn = record.invoke_identity_arn;
    Ok(letter)
}

/// Seconds since 1970 with milliseconds behind the point.
fn arrival(seconds: f64) -> Option<Timestamp> {
    let millis = (seconds * 1e3).round();
    // No moment that a stream can tell lies beyond what fits.
    (millis.is_finite() && millis.abs() < 1e15).then(|| Timestamp::from_millisecond(millis as i64).ok())?
}

/// The name in `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`, without its environment.
pub(crate) fn function_of<'a>(arn: &'a str, prefix: &str) -> &'a str {
    let name = arn.split(':').nth(6).unwrap_or(arn);
    if name.is_empty() { "unknown" } else { short_name(name, prefix) }
}
