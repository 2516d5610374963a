//! What a dead letter stands for: a line of a function, or the object of an event source mapping, enters; which function
//! gave up on which records leaves.
//!
//! Reads by itself and not by the reader of `handle-dead-letters`, which is among what the account checks. Payloads are
//! not kept. A function's line stands for one record, or for none where it failed before it reached a
//! stream; a mapping's object for a batch, with the event that it gave up on, or with the batch's ends alone.

use jiff::Timestamp;
use serde::Deserialize;

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) stream: String,
    pub(crate) shard: String,
    pub(crate) sequence_number: String,
}

/// A batch whose records were not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) stream: String,
    pub(crate) shard: String,
    /// The first and the last sequence number.
    pub(crate) ends: [String; 2],
    pub(crate) records: u64,
    /// When the last of them arrived.
    pub(crate) arrived: Option<Timestamp>,
}

/// What was given up on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Records that are kept with their payload.
    Records(Vec<Place>),
    /// A batch of which the places are known alone.
    Span(Span),
    /// Something that never reached a stream.
    Unsent,
}

/// What a dead letter stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    /// The function that gave up: the name of its folder, or the one that it is deployed by.
    pub(crate) function: String,
    pub(crate) what: What,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Mapping(Box<Mapping>),
    Function(Function),
}

#[derive(Deserialize)]
struct Function {
    function: String,
    stream: Option<String>,
    shard: Option<String>,
    sequence_number: Option<String>,
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html>
#[derive(Deserialize)]
struct Mapping {
    #[serde(rename = "requestContext")]
    request: Request,
    #[serde(rename = "KinesisBatchInfo")]
    batch: Batch,
    /// The event as it was, as text.
    payload: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    function_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    shard_id: String,
    start_sequence_number: String,
    end_sequence_number: String,
    approximate_arrival_of_last_record: Option<String>,
    batch_size: u64,
    stream_arn: String,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Vec<EventRecord>,
}

#[derive(Deserialize)]
struct EventRecord {
    kinesis: EventKinesis,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventKinesis {
    sequence_number: String,
}

impl Letter {
    /// Reads it; `None` if it is no dead letter.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let mapping = match serde_json::from_slice(text).ok()? {
            Text::Mapping(mapping) => mapping,
            Text::Function(Function { function, stream, shard, sequence_number }) => {
                let what = match (stream, shard, sequence_number) {
                    (Some(stream), Some(shard), Some(sequence_number)) => {
                        What::Records(vec![Place { stream, shard, sequence_number }])
                    }
                    _ => What::Unsent,
                };
                return Some(Self { function, what });
            }
        };
        let Mapping { request, batch, payload } = *mapping;
        let stream = batch.stream_arn.rsplit('/').next().unwrap_or_default().to_owned();
        let place = |record: EventRecord| Place {
            stream: stream.clone(),
            shard: batch.shard_id.clone(),
            sequence_number: record.kinesis.sequence_number,
        };
        let event = payload.and_then(|payload| serde_json::from_str::<Event>(&payload).ok());
        let what = match event {
            Some(event) => What::Records(event.records.into_iter().map(place).collect()),
            None => What::Span(Span {
                stream,
                shard: batch.shard_id,
                ends: [batch.start_sequence_number, batch.end_sequence_number],
                records: batch.batch_size,
                arrived: batch.approximate_arrival_of_last_record.and_then(|at| at.parse().ok()),
            }),
        };
        // arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]
        let function = request.function_arn.split(':').nth(6).unwrap_or_default().to_owned();
        Some(Self { function, what })
    }
}

/// Whether that is the name of a function, by that of its folder, which ends the name that it is deployed by.
pub(super) fn is_of(name: &str, function: &str) -> bool {
    name.strip_suffix(function).is_some_and(|start| start.is_empty() || start.ends_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn place(sequence_number: &str) -> Place {
        let sequence_number = sequence_number.to_owned();
        Place { stream: "s".to_owned(), shard: "shardId-000000000000".to_owned(), sequence_number }
    }

    fn mapping(payload: Option<&str>) -> String {
        let mut object = json!({
            "requestContext": {
                "requestId": "r",
                "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:realtime-financial-dev-compute-indicators",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 1,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": "2026-11-20T15:00:00.000Z",
            "KinesisBatchInfo": {
                "shardId": "shardId-000000000000",
                "startSequenceNumber": "9",
                "endSequenceNumber": "10",
                "approximateArrivalOfFirstRecord": "2026-11-20T14:00:00.000Z",
                "approximateArrivalOfLastRecord": "2026-11-20T14:00:01.000Z",
                "batchSize": 2,
                "streamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/s",
            },
        });
        if let Some(payload) = payload {
            object["payload"] = payload.into();
        }
        object.to_string()
    }

    #[test]
    fn a_line_of_a_function_stands_for_one_record_or_none() {
        let read = |text: &str| Letter::read(text.as_bytes());
        let dead = r#"{"schema":"dead_letter.v1","function":"compute-indicators","stream":"s","shard":"shardId-000000000000","sequence_number":"9"}"#;
        let letter = read(dead).unwrap();
        assert_eq!(letter.what, What::Records(vec![place("9")]));
        let is = |function: &str| is_of(&letter.function, function);
        assert!(is("compute-indicators") && !is("indicators-x") && !is("ompute-indicators"));
        let row = read(r#"{"schema":"dead_letter.v1","function":"poll-equities","payload":"x"}"#).unwrap();
        assert_eq!((row.what, row.function.as_str()), (What::Unsent, "poll-equities"));
        for text in ["", "{}", "[]", "{\"function\":1}"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_object_of_a_mapping_stands_for_its_batch() {
        let event = json!({"Records": [{"kinesis": {"sequenceNumber": "9", "data": "e30="}, "eventID": "shardId-000000000000:9"},
            {"kinesis": {"sequenceNumber": "10", "data": "e30="}}]});
        let letter = Letter::read(mapping(Some(&event.to_string())).as_bytes()).unwrap();
        assert!(is_of(&letter.function, "compute-indicators"));
        assert_eq!(letter.what, What::Records(vec![place("9"), place("10")]));
        for payload in [None, Some("cut off")] {
            let What::Span(span) = Letter::read(mapping(payload).as_bytes()).unwrap().what else {
                panic!("{payload:?}")
            };
            assert_eq!((span.records, span.ends, span.stream.as_str()), (2, ["9".to_owned(), "10".to_owned()], "s"));
            assert_eq!(span.arrived, Some("2026-11-20T14:00:01Z".parse().unwrap()));
        }
    }
}
