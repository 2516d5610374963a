//! Objects of the dead-letter bucket.

use dead_letters::{Content, Event, Reading, StreamRecord, Way, read_object};
use failure::Kind;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) const PREFIX: &str = "realtime-financial-dev-";
pub(crate) const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:realtime-financial-dev-compute-indicators";
const STREAM: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/realtime-financial-dev-financial-stream";
const KEY: &str = "aws/lambda/5f1c8b4e/shardId-000000000001/2026/11/20/2026-11-20T15.00.00-8d1f";

pub(crate) fn now() -> Timestamp {
    "2026-11-21T09:00:00Z".parse().unwrap()
}

pub(crate) fn number(nth: usize) -> String {
    format!("4959033827149025660855969253836157109592{nth:016}")
}

/// The event of records as Lambda writes it.
pub(crate) fn event(payloads: &[&str]) -> Value {
    let record = |(nth, data): (usize, &&str)| {
        json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0", "partitionKey": format!("symbol_MSFT_{nth}"),
                "sequenceNumber": number(nth), "data": data, "approximateArrivalTimestamp": 1_795_190_400.987,
            },
            "eventSource": "aws:kinesis", "eventVersion": "1.0",
            "eventID": format!("shardId-000000000001:{}", number(nth)), "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role", "awsRegion": "us-east-1",
            "eventSourceARN": STREAM,
        })
    };
    json!({"Records": payloads.iter().enumerate().map(record).collect::<Vec<_>>()})
}

/// What a mapping writes of a batch of so many records.
pub(crate) fn on_failure(function_error: Option<&str>, records: usize) -> Value {
    json!({
        "requestContext": {
            "requestId": "c9b8fa9f-5a7f", "functionArn": ARN, "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": function_error},
        "version": "1.0", "timestamp": "2026-11-20T15:00:00.123Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000001", "startSequenceNumber": number(0),
            "endSequenceNumber": number(records - 1),
            "approximateArrivalOfFirstRecord": "2026-11-20T14:00:00.000Z",
            "approximateArrivalOfLastRecord": "2026-11-20T14:00:01.000Z", "batchSize": records, "streamArn": STREAM,
        },
    })
}

fn with_payload(mut told: Value, event: &str) -> Vec<u8> {
    told["payload"] = event.into();
    told.to_string().into_bytes()
}

fn read(key: &str, bytes: &[u8]) -> Reading {
    read_object(key, bytes, now(), PREFIX)
}

fn batch(key: &str, bytes: &[u8]) -> dead_letters::Batch {
    match read(key, bytes) {
        Reading::Batch(batch) => batch,
        other => panic!("{other:?} is no batch"),
    }
}

#[test]
fn a_mapping_leaves_the_original_event_and_it_can_be_made_anew() {
    // printf '{"symbol":"MSFT","id":"a1"}' | base64; printf '\xff\x00' | base64
    let event = event(&["eyJzeW1ib2wiOiJNU0ZUIiwiaWQiOiJhMSJ9", "/wA="]);
    let batch = batch(KEY, &with_payload(on_failure(Some("Unhandled"), 2), &event.to_string()));
    assert_eq!((batch.function.as_str(), batch.source.as_str(), batch.letters.len()), ("compute-indicators", KEY, 2));
    let first = &batch.letters[0];
    assert_eq!(first.payload(), Some(&br#"{"symbol":"MSFT","id":"a1"}"#[..]));
    assert_eq!((first.symbol.as_deref(), first.id.as_deref()), (Some("MSFT"), Some("a1")));
    assert_eq!((first.failure.kind, first.attempts), (Kind::Crashed, 3));
    assert_eq!(first.name(), format!("shardId-000000000001:{}", number(0)));
    assert_eq!(first.last_seen, "2026-11-20T15:00:00.123Z".parse().unwrap());
    assert_eq!(first.arrived_at.unwrap().as_millisecond(), 1_795_190_400_987);
    assert!(batch.letters.iter().all(|letter| letter.way() == Way::Consumer));
    let again: Value = serde_json::from_slice(Event::of(&batch.letters).as_bytes()).unwrap();
    assert_eq!(again, event);
    // An error that the function did not make is an outage.
    let outage = batch_of_outage(&event);
    assert_eq!(outage.letters[0].failure.kind, Kind::GivenUp);
    assert_eq!(outage.id, batch.id, "the same records are the same batch, whatever is told of them");
}

fn batch_of_outage(event: &Value) -> dead_letters::Batch {
    batch("aws/lambda/other/object", &with_payload(on_failure(None, 2), &event.to_string()))
}

#[test]
fn the_event_is_byte_for_byte_that_of_lambda() {
    // In Lambda's order of fields, which a `Value` does not keep.
    let text = format!(
        r#"{{"Records":[{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":"1","sequenceNumber":"{0}","data":"SGVsbG8=","approximateArrivalTimestamp":1545084650.987}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000006:{0}","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role","awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}}]}}"#,
        number(7)
    );
    let batch = batch(KEY, &with_payload(on_failure(None, 1), &text));
    assert_eq!(String::from_utf8_lossy(Event::of(&batch.letters).as_bytes()), text);
    let event = Event::of(&batch.letters);
    assert!(event.as_bytes().len() <= Event::bytes_of(&batch.letters[0]), "what is measured is enough");
    // Parked and read again it is still the same.
    let parked = dead_letters::parked_body(&batch.letters);
    let letters = dead_letters::read_parked(&parked, "compute-indicators", now());
    assert_eq!(String::from_utf8_lossy(Event::of(&letters).as_bytes()), text);
}

#[test]
fn whatever_cannot_be_read_is_kept_as_it_came() {
    let check = |key: &str, bytes: &[u8], expected: &[u8]| {
        let batch = batch(key, bytes);
        let letter = batch.letters.last().unwrap();
        assert_eq!((letter.failure.kind, letter.payload()), (Kind::Unreadable, Some(expected)), "{batch:?}");
        assert!(matches!(letter.way(), Way::None(_)));
        assert_eq!(read(key, bytes), read(key, bytes));
    };
    check(KEY, b"{", b"{");
    check(KEY, b"\xff", b"\xff");
    check(KEY, b"{\"KinesisBatchInfo\":{}}", b"{\"KinesisBatchInfo\":{}}");
    check(KEY, b"{\"DDBStreamBatchInfo\":{}}", b"{\"DDBStreamBatchInfo\":{}}");
    check("dead-letters/poll-crypto/2026/11/20/x.ndjson", b"", b"");
    check("dead-letters/poll-crypto/2026/11/20/x.ndjson", b"no json\n", b"no json");
    check(
        "dead-letters/poll-crypto/2026/11/20/x.ndjson",
        b"{\"schema\":\"dead_letter.v2\"}",
        b"{\"schema\":\"dead_letter.v2\"}",
    );
    // One record that cannot be read leaves the others alone.
    let mut broken = event(&["SGVsbG8=", "SGVsbG8="]);
    broken["Records"][1]["kinesis"]["data"] = "no base64!".into();
    let text = broken["Records"][1].to_string();
    check(KEY, &with_payload(on_failure(None, 2), &broken.to_string()), text.as_bytes());
}

#[test]
fn fields_that_nobody_knows_are_passed_over_and_missing_ones_are_done_without() {
    let mut told = on_failure(None, 1);
    told["new"] = json!({"a": [1]});
    told["requestContext"].as_object_mut().unwrap().retain(|name, _| name == "functionArn");
    told.as_object_mut().unwrap().remove("responseContext");
    told.as_object_mut().unwrap().remove("timestamp");
    let batch = batch(KEY, &with_payload(told, &event(&["SGVsbG8="]).to_string()));
    let letter = &batch.letters[0];
    assert_eq!((letter.last_seen, letter.attempts, letter.failure.kind), (now(), 0, Kind::GivenUp));
    assert!(letter.failure.reason.contains("no condition is named"), "{}", letter.failure.reason);
    assert_eq!(letter.payload(), Some(&b"Hello"[..]));
}

#[test]
fn nothing_below_another_prefix_is_ours() {
    for key in ["parked/compute-indicators/x.ndjson", "aws/other", "x", ""] {
        assert_eq!(read(key, b"{}"), Reading::NotOurs, "{key}");
    }
}

fn records(from: usize, to: usize) -> Vec<StreamRecord> {
    let record = |nth| StreamRecord {
        sequence_number: number(nth),
        partition_key: "key".into(),
        data: format!("{{\"symbol\":\"S{nth}\"}}").into_bytes(),
        arrived_at: None,
    };
    (from..to).map(record).collect()
}

#[test]
fn what_a_stream_no_longer_holds_is_told_by_number() {
    let Reading::Pointer(pointer) = read(KEY, on_failure(None, 10).to_string().as_bytes()) else { panic!() };
    assert_eq!((pointer.stream(), pointer.records), ("realtime-financial-dev-financial-stream", 10));
    let whole = pointer.hydrated(records(0, 10));
    assert_eq!(whole.letters.len(), 10);
    assert!(whole.letters.iter().all(|letter| letter.way() == Way::Consumer && letter.expired().is_none()));

    let half = pointer.hydrated(records(4, 10));
    assert_eq!((half.letters.len(), half.id == whole.id), (7, true));
    let expired = half.letters[0].expired().unwrap();
    assert_eq!((expired.records, &expired.last_sequence_number), (4, &number(3)));
    assert_eq!(
        (half.letters[0].name(), half.letters[0].failure.kind),
        (format!("shardId-000000000001:{}", number(0)), Kind::Expired)
    );

    let none = pointer.hydrated(Vec::new());
    let expired = none.letters[0].expired().unwrap();
    assert_eq!((none.letters.len(), expired.records, &expired.last_sequence_number), (1, 10, &number(9)));
    assert!(matches!(none.letters[0].content, Content::Expired(_)));
}

proptest! {
    #[test]
    fn any_bytes_under_any_key_are_read_and_lose_nothing(bytes: Vec<u8>, stored: bool) {
        let key = if stored { "dead-letters/f/2026/11/20/x.ndjson" } else { KEY };
        match read(key, &bytes) {
            Reading::Batch(batch) => {
                let kept: usize = batch.letters.iter().filter_map(|letter| letter.payload()).map(<[u8]>::len).sum();
                let newlines = bytes.iter().filter(|byte| **byte == b'\n').count();
                prop_assert!(kept + newlines >= bytes.len());
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
