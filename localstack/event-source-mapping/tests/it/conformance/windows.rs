//! Tumbling windows: bounds, state, the last call.

use event_source_mapping::kinesis::{Answer, Batch, Destination, Record, Settings, ShardId, Window};
use jiff::Timestamp;
use serde_json::json;

use super::{Case, KINESIS};
use crate::rig::{Rig, failed, number, returned, seconds, settings};

/// Two minutes, and a batch per record that is read alone.
fn tumbling() -> Settings {
    Settings { tumbling_window: Some(seconds(120)), ..settings() }
}

/// Counts the records in the state.
fn count(batch: &Batch) -> Answer {
    let before = batch.window.as_ref().unwrap().state["count"].as_u64().unwrap_or(0);
    returned(&json!({"state": {"count": before + batch.records.len() as u64}}).to_string())
}

fn windows(rig: &Rig) -> Vec<&Window> {
    rig.calls.iter().map(|call| call.batch.window.as_ref().unwrap()).collect()
}

/// What the last calls of windows found: start, count.
fn finals(rig: &Rig) -> Vec<(i64, u64)> {
    let finals = windows(rig).into_iter().filter(|window| window.is_final);
    finals.map(|window| (window.start.as_second(), window.state["count"].as_u64().unwrap_or(0))).collect()
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "windows open and close at intervals",
        says: "Tumbling windows are distinct time windows that open and close at regular intervals.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(tumbling()).function(count);
            for _ in 0..10 {
                rig.put_many(1);
                rig.run_for(seconds(50));
            }
            rig.run_windows();
            // 1,700,000,000 is 80 s behind a full window.
            let start = 1_699_999_920;
            assert_eq!(
                finals(&rig),
                [(start, 1), (start + 120, 3), (start + 240, 2), (start + 360, 2), (start + 480, 2)]
            );
            assert!(windows(&rig).iter().all(|window| window.end.duration_since(window.start) == seconds(120)));
        },
    },
    Case {
        name: "bounds go by arrival",
        says: "Lambda determines tumbling window boundaries based on the time when records were inserted into the stream.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(tumbling()).function(count);
            rig.put_many(2);
            rig.now += seconds(60);
            rig.put_many(3);
            rig.now += seconds(3600);
            rig.run_windows();
            assert_eq!(finals(&rig), [(1_699_999_920, 2), (1_700_000_040, 3)]);
        },
    },
    Case {
        name: "a record has one window",
        says: "Each record in a stream belongs to a specific window.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(tumbling()).function(count);
            for _ in 0..30 {
                rig.put_many(1);
                rig.now += seconds(17);
            }
            rig.run_windows();
            for call in rig.calls.iter().filter(|call| !call.batch.records.is_empty()) {
                let window = call.batch.window.as_ref().unwrap();
                let holds =
                    |record: &std::sync::Arc<Record>| window.start <= record.arrived && record.arrived < window.end;
                assert!(call.batch.records.iter().all(holds));
            }
            assert_eq!(finals(&rig).iter().map(|(_, count)| count).sum::<u64>(), 30);
        },
    },
    Case {
        name: "a window has several batches",
        says: "You can receive these records in multiple batches, each as a separate invocation.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { batch_size: 2, ..tumbling() }).function(count);
            rig.put_many(5);
            rig.run_windows();
            assert_eq!(rig.given_numbers(), [vec![1, 2], vec![3, 4], vec![5], vec![]]);
            assert_eq!(finals(&rig), [(1_699_999_920, 5)]);
        },
    },
    Case {
        name: "each invocation receives the state",
        says: "Each invocation receives a state.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { batch_size: 2, ..tumbling() }).function(count);
            rig.put_many(5);
            rig.run_windows();
            let states: Vec<_> = windows(&rig).iter().map(|window| window.state.clone()).collect();
            assert_eq!(states, [json!({}), json!({"count": 2}), json!({"count": 4}), json!({"count": 5})]);
        },
    },
    Case {
        name: "a response without state failed",
        says: "If the response does not contain a state property, Lambda considers this a failed invocation.",
        source: KINESIS,
        run: || {
            let mut tries = 0;
            let mut rig = Rig::new(tumbling()).function(move |batch| {
                tries += 1;
                match tries {
                    1 => returned("{}"),
                    2 => returned(""),
                    3 => returned(r#""state""#),
                    _ => count(batch),
                }
            });
            rig.put_many(2);
            rig.run_windows();
            assert_eq!(rig.given_numbers(), [vec![1, 2], vec![1, 2], vec![1, 2], vec![1, 2], vec![]]);
            assert_eq!(rig.mapping.counts().failures, 3);
        },
    },
    Case {
        name: "the last call is marked",
        says: "At the end of the window, the flag isFinalInvokeForWindow is set to true to indicate that this is the final state and that it’s ready for processing.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(tumbling()).function(count);
            rig.put_many(2);
            rig.run_windows();
            let flags: Vec<bool> = windows(&rig).iter().map(|window| window.is_final).collect();
            assert_eq!(flags, [false, true]);
            assert!(rig.calls[1].at.as_second() >= 1_700_000_040, "not before the window's end");
        },
    },
    Case {
        name: "the state is dropped after the last call",
        says: "After processing, the window completes and your final invocation completes, and then the state is dropped.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(tumbling()).function(count);
            rig.put_many(2);
            rig.run_windows();
            rig.put_many(1);
            rig.run_windows();
            assert_eq!(windows(&rig)[2].state, json!({}));
            assert_eq!(finals(&rig).last().unwrap().1, 1);
        },
    },
    Case {
        name: "a failing last call suspends the shard",
        says: "If invocation is unsuccessful, your Lambda function suspends further processing until a successful invocation.",
        source: KINESIS,
        run: || {
            let mut tries = 0;
            let arn = "arn:aws:sqs:us-east-2:123456789012:letters".to_owned();
            let on_failure = Some(Destination::Sqs { arn });
            let settings = Settings { maximum_retry_attempts: Some(1), on_failure, ..tumbling() };
            let mut rig = Rig::new(settings).function(move |batch| {
                tries += u32::from(batch.window.as_ref().unwrap().is_final);
                if batch.window.as_ref().unwrap().is_final && tries <= 12 { failed() } else { count(batch) }
            });
            rig.put_many(2);
            rig.now += seconds(200);
            rig.put_many(1);
            rig.run_windows();
            let finals = rig.calls[1..14].iter().all(|call| call.batch.window.as_ref().unwrap().is_final);
            assert!(finals && rig.calls[14].numbers == [3], "{:?}", rig.given_numbers());
            assert!(rig.letters.is_empty(), "there is nothing to give up");
        },
    },
    Case {
        name: "the last call moves the checkpoint",
        says: "After successful invocation, your function checkpoints the sequence number and stream processing continues.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(tumbling()).function(count);
            rig.put_many(3);
            rig.run_for(seconds(10));
            let id = rig.shards[0].id.clone();
            assert_eq!((rig.done.len(), rig.mapping.checkpoint(&id)), (3, None));
            rig.run_windows();
            assert_eq!(rig.mapping.checkpoint(&id).unwrap().as_str(), "3");
        },
    },
    Case {
        name: "a state over 1 MB ends its window",
        says: "Your state can be a maximum of 1 MB per shard. If it exceeds that size, Lambda terminates the window early.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { batch_size: 1, ..tumbling() }).function(|batch| {
                let large = batch.records.iter().any(|record| number(record) == 2);
                returned(&json!({"state": {"text": "x".repeat(if large { 1 << 20 } else { 10 })}}).to_string())
            });
            rig.put_many(4);
            rig.run_windows();
            assert_eq!(rig.given_numbers(), [vec![1], vec![2], vec![], vec![3], vec![4], vec![]]);
            let flags: Vec<_> =
                windows(&rig).iter().map(|window| (window.is_final, window.is_terminated_early)).collect();
            let (open, early, regular) = ((false, false), (true, true), (true, false));
            assert_eq!(flags, [open, open, early, open, open, regular]);
            assert_eq!(windows(&rig)[3].state, json!({}));
        },
    },
    Case {
        name: "a shard's end closes its window",
        says: "When the shard ends, Lambda considers the window closed, and the child shards start their own window in a fresh state.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(tumbling()).function(count);
            rig.put_many(3);
            rig.split(0);
            rig.put_many(2);
            rig.run_windows();
            let finals: Vec<_> = rig.calls.iter().filter(|call| call.numbers.is_empty()).collect();
            assert_eq!(finals.len(), 2);
            assert_eq!(finals[0].batch.shard, rig.shards[0].id);
            assert!(finals[0].at.as_second() < 1_700_000_040, "at the shard's end, not the window's");
            assert_eq!(rig.calls[2].batch.window.as_ref().unwrap().state, json!({}));
            assert_eq!(rig.calls[2].numbers, [4, 5]);
        },
    },
    Case {
        name: "windows keep the retry policies",
        says: "Tumbling windows fully support the existing retry policies maxRetryAttempts and maxRecordAge.",
        source: KINESIS,
        run: || {
            let retries = Settings { maximum_retry_attempts: Some(2), batch_size: 2, ..tumbling() };
            let mut rig = Rig::new(retries).function(|batch| {
                if batch.records.iter().any(|record| number(record) == 1) { failed() } else { count(batch) }
            });
            rig.put_many(4);
            rig.run_windows();
            assert_eq!(rig.given_numbers(), [vec![1, 2], vec![1, 2], vec![1, 2], vec![3, 4], vec![]]);
            assert_eq!(finals(&rig)[0].1, 2);
            let mut rig = Rig::new(Settings { maximum_record_age: Some(seconds(60)), ..tumbling() }).function(count);
            rig.put_many(2);
            rig.now += seconds(61);
            rig.run_windows();
            assert_eq!(rig.mapping.counts().discarded, 2);
        },
    },
    Case {
        name: "records are in order the first time",
        says: "Records are always processed in order the first time.",
        source: KINESIS,
        run: || {
            let mut tries = 0;
            let mut rig = Rig::new(Settings { batch_size: 3, bisects: true, ..tumbling() }).function(move |batch| {
                tries += 1;
                if tries % 3 == 0 { failed() } else { count(batch) }
            });
            rig.put_many(40);
            rig.run_windows();
            assert!(rig.first_deliveries().values().all(|numbers| numbers.iter().copied().eq(1..=40)));
            assert_eq!(finals(&rig)[0].1, 40);
        },
    },
    Case {
        name: "the event of a window has its shape",
        says: "Example KinesisTimeWindowEvent",
        source: KINESIS,
        run: || {
            let moment = |text: &str| text.parse::<Timestamp>().unwrap();
            let window = Window {
                start: moment("2020-12-09T07:04:00Z"),
                end: moment("2020-12-09T07:06:00Z"),
                state: json!({"1": 282, "2": 715}),
                is_final: false,
                is_terminated_early: false,
            };
            let record = Record {
                sequence_number: "49590338271490256608559692538361571095921575989136588898".parse().unwrap(),
                partition_key: "1".into(),
                data: "Hello, this is a test.".into(),
                arrived: Timestamp::from_second(1_607_497_475).unwrap(),
            };
            let shard = ShardId("shardId-000000000006".into());
            let batch = Batch { shard, records: vec![std::sync::Arc::new(record)], window: Some(window), attempts: 0 };
            let event = String::from_utf8(batch.event(&tumbling())).unwrap();
            assert!(event.contains(r#""approximateArrivalTimestamp":1607497475.000},"#), "{event}");
            let tail = r#"],"window":{"start":"2020-12-09T07:04:00Z","end":"2020-12-09T07:06:00Z"},"state":{"1":282,"2":715},"shardId":"shardId-000000000006","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream","isFinalInvokeForWindow":false,"isWindowTerminatedEarly":false}"#;
            assert!(event.ends_with(tail), "{event}");
        },
    },
    Case {
        name: "reports and windows go together",
        says: "To satisfy this condition, your function can return a TimeWindowEventResponse object, which has the following JSON shape",
        source: KINESIS,
        run: || {
            let mut first = true;
            let settings = Settings { reports_batch_item_failures: true, ..tumbling() };
            let mut rig = Rig::new(settings).function(move |batch| {
                if std::mem::take(&mut first) {
                    let items = json!([{"itemIdentifier": "3"}]);
                    return returned(&json!({"state": {"count": 2}, "batchItemFailures": items}).to_string());
                }
                count(batch)
            });
            rig.put_many(5);
            rig.run_windows();
            assert_eq!(rig.given_numbers(), [vec![1, 2, 3, 4, 5], vec![3, 4, 5], vec![]]);
            assert_eq!(finals(&rig)[0].1, 5);
        },
    },
    Case {
        name: "an early end comes before the rest of its batch",
        says: "If it exceeds that size, Lambda terminates the window early.",
        source: KINESIS,
        run: || {
            let mut first = true;
            let settings = Settings { reports_batch_item_failures: true, bisects: true, ..tumbling() };
            let mut rig = Rig::new(settings).function(move |batch| {
                if std::mem::take(&mut first) {
                    let items = json!([{"itemIdentifier": "3"}]);
                    return returned(&json!({"state": "x".repeat(1 << 20), "batchItemFailures": items}).to_string());
                }
                count(batch)
            });
            rig.put_many(4);
            rig.run_windows();
            assert_eq!(rig.given_numbers(), [vec![1, 2, 3, 4], vec![], vec![3, 4], vec![]]);
            assert!(windows(&rig)[1].is_terminated_early && windows(&rig)[2].state == json!({}));
            assert_eq!(finals(&rig)[1], (1_699_999_920, 2));
        },
    },
];

#[test]
fn the_state_of_a_response_that_did_nothing_is_not_taken() {
    let mut first = true;
    let settings = Settings { reports_batch_item_failures: true, ..tumbling() };
    let mut rig = Rig::new(settings).function(move |batch| {
        if std::mem::take(&mut first) {
            let items = json!([{"itemIdentifier": "1"}]);
            return returned(&json!({"state": {"count": 99}, "batchItemFailures": items}).to_string());
        }
        count(batch)
    });
    rig.put_many(3);
    rig.run_windows();
    assert_eq!(windows(&rig)[1].state, json!({}));
    assert_eq!(finals(&rig), [(1_699_999_920, 3)]);
}
