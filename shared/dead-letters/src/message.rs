//! A message of one of the two queues: an object that was stored, a pointer of a mapping, or a call that failed.
//!
//! A message enters, and what it tells of leaves. Which queue it came from does not matter: its content says.

use std::collections::BTreeMap;

use failure::{Failure, Kind, Place, Stage};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Batch, BatchId, Letter, Pointer,
    object::{OnFailure, Reading, RequestContext, ResponseContext, function_of, read_on_failure},
};

/// A message as SQS gives it.
#[derive(Debug, Clone, Copy)]
pub struct QueueMessage<'a> {
    /// Its id, which stays when it is delivered again.
    pub id: &'a str,
    /// Its body.
    pub body: &'a str,
    /// Its attributes that are text.
    pub attributes: &'a BTreeMap<String, String>,
    /// When it was sent.
    pub sent: Timestamp,
}

/// What a message tells of.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Objects that were stored, by their keys.
    Objects(Vec<String>),
    /// S3 tries whether it may send messages.
    Test,
    /// A batch that is still to be read from its stream.
    Pointer(Box<Pointer>),
    /// A call that failed, or was not made.
    Call(Batch),
}

#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Vec<NotificationRecord>,
}

#[derive(Deserialize)]
struct NotificationRecord {
    s3: Stored,
}

#[derive(Deserialize)]
struct Stored {
    object: StoredObject,
}

#[derive(Deserialize)]
struct StoredObject {
    key: String,
}

#[derive(Deserialize)]
struct Test {
    #[serde(rename = "Event")]
    event: String,
}

/// What Lambda writes of an asynchronous invocation.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailedCall<'a> {
    request_context: RequestContext,
    #[serde(borrow)]
    request_payload: &'a RawValue,
    #[serde(default)]
    response_context: Option<ResponseContext>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default, borrow)]
    response_payload: Option<&'a RawValue>,
}

/// How much of a function's own words about its error is kept.
const ERROR_CHARS: usize = 300;

/// Reads a message; `prefix` begins the names of functions.
pub fn read_message(message: QueueMessage<'_>, prefix: &str) -> Message {
    let body = message.body;
    if let Ok(notification) = serde_json::from_str::<Notification>(body) {
        return Message::Objects(notification.records.iter().map(|record| decoded(&record.s3.object.key)).collect());
    }
    if serde_json::from_str::<Test>(body).is_ok_and(|test| test.event == "s3:TestEvent") {
        return Message::Test;
    }
    if let Ok(on_failure) = serde_json::from_str::<OnFailure>(body) {
        return match read_on_failure(on_failure, message.id, message.sent, prefix) {
            Reading::Pointer(pointer) => Message::Pointer(pointer),
            Reading::Batch(batch) => Message::Call(batch),
            Reading::NotOurs => Message::Test,
        };
    }
    Message::Call(match serde_json::from_str::<FailedCall<'_>>(body) {
        Ok(call) => failed_call(&call, message, prefix),
        Err(_) => missed_call(message, prefix),
    })
}

/// An asynchronous invocation that failed, or that Lambda gave up before it ran.
fn failed_call(call: &FailedCall<'_>, message: QueueMessage<'_>, prefix: &str) -> Batch {
    let context = &call.request_context;
    let function = function_of(context.function_arn.as_deref().unwrap_or_default(), prefix);
    let condition = context.condition.as_deref().unwrap_or("no condition is named");
    let error = call.response_context.as_ref().and_then(|response| response.function_error.as_deref());
    let said: String = call.response_payload.map_or("", RawValue::get).chars().take(ERROR_CHARS).collect();
    let (kind, reason) = match error {
        Some(error) => (Kind::Crashed, format!("the call failed: {condition}; the function failed ({error}): {said}")),
        None => (Kind::Missed, format!("the call was not made: {condition}")),
    };
    let at = call.timestamp.as_deref().and_then(|text| text.parse().ok()).unwrap_or(message.sent);
    // The request's id is the same however often the destination is told of it.
    let request = context.request_id.as_deref().unwrap_or(message.id);
    let failure = Failure::new(Stage::Invoke, kind, format!("call {request}"), reason);
    batch(function, request, message, failure, context.approximate_invoke_count, at, call.request_payload.get())
}

/// What a schedule could not deliver: the body is what the function would have been called with, and attributes say why.
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html>
fn missed_call(message: QueueMessage<'_>, prefix: &str) -> Batch {
    let attribute = |name: &str| message.attributes.get(name).map(String::as_str);
    let function = function_of(attribute("TARGET_ARN").unwrap_or_default(), prefix);
    let code = attribute("ERROR_CODE").unwrap_or("no error is named");
    let words = attribute("ERROR_MESSAGE").unwrap_or_default();
    let reason = format!("the schedule could not call the function: {code} {words}");
    let subject = attribute("SCHEDULE_ARN")
        .or(attribute("RULE_ARN"))
        .map_or("schedule", |arn| arn.rsplit_once('/').map_or(arn, |(_, name)| name));
    let attempts = attribute("RETRY_ATTEMPTS").and_then(|text| text.parse().ok()).unwrap_or(0_u32).saturating_add(1);
    let failure = Failure::new(Stage::Invoke, Kind::Missed, subject, reason.trim().to_owned());
    let run = attribute("EXECUTION_ID").unwrap_or(message.id);
    batch(function, run, message, failure, attempts, message.sent, message.body)
}

fn batch(
    function: &str,
    run: &str,
    message: QueueMessage<'_>,
    failure: Failure,
    attempts: u32,
    at: Timestamp,
    payload: &str,
) -> Batch {
    let place = Place { function: function.to_owned(), ..Default::default() };
    let letter = Letter::holding(failure, place, attempts, at, payload.as_bytes().to_vec());
    Batch {
        id: BatchId::of(&["call", function, run]),
        source: message.id.to_owned(),
        function: function.to_owned(),
        letters: vec![letter],
    }
}

/// A key as a notification writes it: `+` for a blank, and `%` before two hex digits.
fn decoded(key: &str) -> String {
    let bytes = key.as_bytes();
    let mut text = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match (bytes[at], digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                text.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => text.push(b' '),
            (byte, _) => text.push(byte),
        }
        at += 1;
    }
    String::from_utf8(text).unwrap_or_else(|_| key.to_owned())
}
