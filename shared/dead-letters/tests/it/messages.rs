//! Messages of the two queues.

use std::collections::BTreeMap;

use dead_letters::{Batch, Message, QueueMessage, Way, read_message};
use failure::Kind;
use serde_json::{Value, json};

use crate::objects::{ARN, PREFIX, now, on_failure};

fn read_with(id: &str, body: &str, attributes: &[(&str, &str)]) -> Message {
    let attributes: BTreeMap<String, String> =
        attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    read_message(QueueMessage { id, body, attributes: &attributes, sent: now() }, PREFIX)
}

fn read(body: &Value) -> Message {
    read_with("m1", &body.to_string(), &[])
}

fn call(message: Message) -> Batch {
    match message {
        Message::Call(batch) => batch,
        other => panic!("{other:?} is no call"),
    }
}

#[test]
fn a_notification_names_objects_whose_keys_are_decoded() {
    let record = |key: &str| json!({"eventVersion": "2.1", "eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}, "object": {"key": key, "size": 3}}});
    let check = |key: &str, expected: &str| {
        assert_eq!(read(&json!({"Records": [record(key)]})), Message::Objects(vec![expected.to_owned()]));
    };
    check("dead-letters/f/x.ndjson", "dead-letters/f/x.ndjson");
    check("a+b%2Bc%C3%BC", "a b+cü");
    check("100%", "100%");
    check("%zz%2", "%zz%2");
    let two = read(&json!({"Records": [record("a"), record("b")]}));
    assert_eq!(two, Message::Objects(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(read(&json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"})), Message::Test);
}

#[test]
fn a_pointer_of_a_mapping_is_a_pointer() {
    let Message::Pointer(pointer) = read(&on_failure(Some("Unhandled"), 10)) else { panic!() };
    assert_eq!(
        (pointer.function.as_str(), pointer.records, pointer.failure.kind),
        ("compute-indicators", 10, Kind::Crashed)
    );
}

#[test]
fn an_asynchronous_invocation_that_failed_keeps_what_it_was_called_with() {
    let told = json!({
        "version": "1.0", "timestamp": "2026-11-20T15:00:00.000Z",
        "requestContext": {"requestId": "e4b4", "functionArn": format!("{ARN}:$LATEST"), "condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": {"job": "sweep"},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "Task timed out"},
    });
    let batch = call(read(&told));
    let letter = &batch.letters[0];
    assert_eq!(
        (batch.function.as_str(), letter.failure.kind, letter.attempts),
        ("compute-indicators", Kind::Crashed, 3)
    );
    assert_eq!((letter.payload(), letter.way()), (Some(&br#"{"job":"sweep"}"#[..]), Way::Call));
    assert!(letter.failure.reason.contains("Task timed out"), "{}", letter.failure.reason);
    let again = read_with("another message", &told.to_string(), &[]);
    assert_eq!(call(again).id, batch.id, "the request is the same");

    let mut aged = told;
    aged["requestContext"]["condition"] = "EventAgeExceeded".into();
    aged.as_object_mut().unwrap().retain(|name, _| !name.starts_with("response"));
    assert_eq!(call(read(&aged)).letters[0].failure.kind, Kind::Missed);
}

#[test]
fn a_schedule_that_could_not_call_leaves_its_input_and_says_why_in_attributes() {
    let attributes = [
        ("ERROR_CODE", "AWS.Scheduler.InternalServerError"),
        ("ERROR_MESSAGE", "Rate exceeded"),
        ("RETRY_ATTEMPTS", "2"),
        ("SCHEDULE_ARN", "arn:aws:scheduler:us-east-1:123456789012:schedule/default/quotes-at-open"),
        ("TARGET_ARN", ARN),
    ];
    let batch = call(read_with("m1", r#"{"job":"quotes"}"#, &attributes));
    let letter = &batch.letters[0];
    assert_eq!(
        (batch.function.as_str(), letter.failure.kind, letter.attempts),
        ("compute-indicators", Kind::Missed, 3)
    );
    assert_eq!(
        (letter.failure.subject.as_str(), letter.payload()),
        ("quotes-at-open", Some(&br#"{"job":"quotes"}"#[..]))
    );
    assert_eq!(letter.last_seen, now());
    let of = |id, body, attributes| call(read_with(id, body, attributes)).id;
    assert_eq!(of("m1", "{}", &attributes), batch.id);
    assert_ne!(of("m2", r#"{"job":"quotes"}"#, &attributes), batch.id, "another run of the schedule");
    // Whatever else lies in the queue is kept as well.
    let odd = call(read_with("m3", "\u{0}not json", &[]));
    assert_eq!((odd.function.as_str(), odd.letters[0].payload()), ("unknown", Some(&b"\0not json"[..])));
}
