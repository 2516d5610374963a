use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Context;
use market::Interval;
use pipeline::{BACKLOG_RECORDS, ProcessSettings, Warm};
use serde_json::{Value, json};
use series::{Rules, Sets, Settings};
use testkit::{
    MemoryDeadLetters, MemorySink, MemoryStore, MemoryStream,
    record::{bar, payload},
};
use wire::KinesisBatch;

use crate::handler::Handler;

fn handler() -> Handler<MemoryStore, MemoryDeadLetters, MemorySink, MemoryStream> {
    Handler {
        store: MemoryStore::default(),
        dead_letters: MemoryDeadLetters::default(),
        archive: MemorySink::default(),
        indicators: MemorySink::default(),
        events: MemoryStream::default(),
        warm: Warm::default(),
        settings: ProcessSettings {
            function: "compute-indicators",
            series: Settings {
                close_after: SignedDuration::from_secs(125),
                redeliver_after: SignedDuration::from_secs(120),
                sets: Sets::default(),
                rules: Rules::default(),
            },
            backlog_records: BACKLOG_RECORDS,
        },
        clock: None,
    }
}

/// 56 digits, as Kinesis has them; the last ones count.
fn sequence_number(nth: usize) -> String {
    format!("4959033827149025660855969253836157109592{nth:016}")
}

/// An event as the mapping sends it.
fn event(payloads: &[Vec<u8>]) -> KinesisBatch {
    let records: Vec<Value> = payloads
        .iter()
        .enumerate()
        .map(|(nth, data)| {
            json!({
                "kinesis": {
                    "kinesisSchemaVersion": "1.0", "partitionKey": "symbol_MSFT_7",
                    "sequenceNumber": sequence_number(nth), "data": STANDARD.encode(data),
                    "approximateArrivalTimestamp": 1_763_649_060.123,
                },
                "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventName": "aws:kinesis:record",
                "eventID": format!("shardId-000000000001:{}", sequence_number(nth)),
                "invokeIdentityArn": "arn:aws:iam::123456789012:role/role", "awsRegion": "us-east-1",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/realtime-financial-dev-financial-stream",
            })
        })
        .collect();
    serde_json::from_str(&json!({"Records": records}).to_string()).unwrap()
}

/// The answer to the mapping, as it reads it. The deadline leaves no time to try again.
async fn answer(
    handler: &Handler<MemoryStore, MemoryDeadLetters, MemorySink, MemoryStream>,
    event: KinesisBatch,
) -> Value {
    let mut context = Context::default();
    context.deadline = Timestamp::now().as_millisecond() as u64 + 3_000;
    serde_json::to_value(handler.handle(event, context).await.unwrap()).unwrap()
}

fn bars(symbol: &str, count: i64) -> Vec<Vec<u8>> {
    let start: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
    (0..count)
        .map(|minute| {
            let start = start + SignedDuration::from_mins(minute);
            payload(bar(symbol, Interval::Min1, start, 10_000 + minute * 3, true), 0)
        })
        .collect()
}

#[tokio::test]
async fn a_good_batch_has_no_failures_and_nothing_is_owed() {
    let handler = handler();
    let answer = answer(&handler, event(&bars("MSFT", 30))).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(handler.archive.lines().len(), 30);
    assert_eq!(handler.indicators.lines().len(), 30);
    assert_eq!(handler.store.owed(), 0);
}

#[tokio::test]
async fn what_is_permanently_bad_is_a_dead_letter_with_its_payload_and_the_rest_goes_on() {
    let handler = handler();
    let mut payloads = bars("MSFT", 3);
    payloads[1] = b"\xff\xfe not text".to_vec();
    let answer = answer(&handler, event(&payloads)).await;
    assert_eq!(answer, json!({"batchItemFailures": []}), "a dead letter is done with");
    assert_eq!(handler.archive.lines().len(), 2);
    let letters = handler.dead_letters.letters();
    assert_eq!((letters.len(), &letters[0].payload), (1, &payloads[1]));
    let place = &letters[0].place;
    assert_eq!(place.function, "compute-indicators");
    assert_eq!(place.stream.as_deref(), Some("realtime-financial-dev-financial-stream"));
    assert_eq!(place.shard.as_deref(), Some("shardId-000000000001"));
    assert_eq!(place.sequence_number, Some(sequence_number(1)));
}

#[tokio::test]
async fn retryable_trouble_is_told_by_the_lowest_sequence_number() {
    let handler = handler();
    handler.store.break_down(&"symbol|IBM|vendor|raw|intraday".parse().unwrap());
    let payloads: Vec<_> = [bars("MSFT", 2), bars("IBM", 2), bars("AAPL", 2)].concat();
    let answer = answer(&handler, event(&payloads)).await;
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": sequence_number(2)}]}));
    assert_eq!(handler.archive.lines().len(), 2, "what comes again is not archived now");
    assert!(handler.dead_letters.letters().is_empty());
}
