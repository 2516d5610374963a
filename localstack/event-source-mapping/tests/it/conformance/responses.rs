//! What a function's response means with `ReportBatchItemFailures`.

use event_source_mapping::kinesis::Settings;

use super::{Case, KINESIS};
use crate::rig::{Rig, failed, items, number, numbers, returned, settings};

fn reporting() -> Settings {
    Settings { reports_batch_item_failures: true, maximum_retry_attempts: Some(1), ..settings() }
}

/// Gives one batch of four and answers the first invocation so. Returns what the invocations had.
fn answered(settings: Settings, response: &'static str) -> Vec<Vec<u64>> {
    let mut first = true;
    let mut rig =
        Rig::new(settings).function(move |_| returned(if std::mem::take(&mut first) { response } else { "" }));
    rig.put_many(4);
    rig.run();
    rig.given_numbers()
}

fn succeeds(response: &'static str) {
    assert_eq!(answered(reporting(), response), [[1, 2, 3, 4]], "{response}");
}

fn fails(response: &'static str) {
    assert_eq!(answered(reporting(), response), [[1, 2, 3, 4], [1, 2, 3, 4]], "{response}");
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "the checkpoint is the highest of a success",
        says: "by default Lambda checkpoints to the highest sequence number of a batch only when the batch is a complete success",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { batch_size: 2, ..settings() })
                .function(|batch| if number(&batch.records[0]) == 3 { failed() } else { returned("") });
            rig.put_many(4);
            rig.run_for(crate::rig::seconds(5));
            let id = rig.shards[0].id.clone();
            assert_eq!(rig.mapping.checkpoint(&id).unwrap().as_str(), "2");
        },
    },
    Case {
        name: "all other results are failures",
        says: "Lambda treats all other results as a complete failure and retries processing the batch up to the retry limit.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(reporting()).function(|_| failed());
            rig.put_many(4);
            rig.run();
            assert_eq!(rig.given_numbers(), [[1, 2, 3, 4], [1, 2, 3, 4]]);
            assert_eq!(rig.mapping.counts().discarded, 4);
        },
    },
    Case {
        name: "a list without the type is ignored",
        says: "To turn on ReportBatchItemFailures, include the enum value ReportBatchItemFailures in the FunctionResponseTypes list.",
        source: KINESIS,
        run: || {
            let response = r#"{"batchItemFailures":[{"itemIdentifier":"2"}]}"#;
            assert_eq!(answered(settings(), response), [[1, 2, 3, 4]]);
            assert_eq!(answered(settings(), "not JSON"), [[1, 2, 3, 4]]);
        },
    },
    Case {
        name: "the first failed record is reported",
        says: "You can use a StreamsEventResponse object to return the sequence number of the first failed record in the batch.",
        source: KINESIS,
        run: || {
            let response = r#"{"batchItemFailures":[{"itemIdentifier":"3"}]}"#;
            assert_eq!(answered(reporting(), response), [vec![1, 2, 3, 4], vec![3, 4]]);
        },
    },
    Case {
        name: "the lowest number is the checkpoint",
        says: "If the batchItemFailures array contains multiple items, Lambda uses the record with the lowest sequence number as the checkpoint.",
        source: KINESIS,
        run: || {
            let response =
                r#"{"batchItemFailures":[{"itemIdentifier":"4"},{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}"#;
            assert_eq!(answered(reporting(), response), [vec![1, 2, 3, 4], vec![2, 3, 4]]);
        },
    },
    Case {
        name: "the lowest by number, not by text",
        says: "Lambda uses the record with the lowest sequence number as the checkpoint",
        source: KINESIS,
        run: || {
            let mut first = true;
            let mut rig = Rig::new(reporting())
                .function(move |_| if std::mem::take(&mut first) { items(&[10, 9]) } else { returned("") });
            rig.put_many(11);
            rig.run();
            assert_eq!(rig.given_numbers()[1], [9, 10, 11]);
        },
    },
    Case {
        name: "later successes are given again",
        says: "Lambda then retries all records starting from that checkpoint.",
        source: KINESIS,
        run: || {
            let response = r#"{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"4"}]}"#;
            assert_eq!(answered(reporting(), response), [vec![1, 2, 3, 4], vec![2, 3, 4]]);
        },
    },
    Case {
        name: "an empty list is a success",
        says: "Lambda treats a batch as a complete success if you return any of the following: An empty batchItemFailure list",
        source: KINESIS,
        run: || succeeds(r#"{"batchItemFailures":[]}"#),
    },
    Case {
        name: "a null list is a success",
        says: "A null batchItemFailure list",
        source: KINESIS,
        run: || succeeds(r#"{"batchItemFailures":null}"#),
    },
    Case {
        name: "an empty response is a success",
        says: "An empty EventResponse",
        source: KINESIS,
        run: || {
            succeeds("{}");
            succeeds("");
            succeeds(r#""""#);
        },
    },
    Case {
        name: "a null response is a success",
        says: "A null EventResponse",
        source: KINESIS,
        run: || succeeds("null"),
    },
    Case {
        name: "an empty identifier is a failure",
        says: "Lambda treats a batch as a complete failure if you return any of the following: An empty string itemIdentifier",
        source: KINESIS,
        run: || fails(r#"{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":""}]}"#),
    },
    Case {
        name: "a null identifier is a failure",
        says: "A null itemIdentifier",
        source: KINESIS,
        run: || fails(r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#),
    },
    Case {
        name: "a bad key name is a failure",
        says: "An itemIdentifier with a bad key name",
        source: KINESIS,
        run: || {
            fails(r#"{"batchItemFailures":[{"itemIdentifer":"3"}]}"#);
            fails(r#"{"batchItemFailures":[{}]}"#);
        },
    },
    Case {
        name: "reported failures follow the retry strategy",
        says: "Lambda retries failures based on your retry strategy.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { maximum_retry_attempts: Some(3), ..reporting() }).function(|batch| {
                let stuck: Vec<u64> = numbers(&batch.records).into_iter().filter(|number| *number == 3).collect();
                items(&stuck)
            });
            rig.put_many(3);
            rig.run();
            assert_eq!(rig.given_numbers(), [vec![1, 2, 3], vec![3], vec![3], vec![3]]);
            assert_eq!(rig.mapping.counts().discarded, 1);
        },
    },
    Case {
        name: "an error splits whatever is reported",
        says: "If your invocation fails and BisectBatchOnFunctionError is turned on, the batch is bisected regardless of your ReportBatchItemFailures setting.",
        source: KINESIS,
        run: || {
            let mut first = true;
            let mut rig = Rig::new(Settings { bisects: true, ..reporting() })
                .function(move |_| if std::mem::take(&mut first) { failed() } else { returned("") });
            rig.put_many(4);
            rig.run();
            assert_eq!(rig.given_numbers(), [vec![1, 2, 3, 4], vec![1, 2], vec![3, 4]]);
        },
    },
    Case {
        name: "a report splits at its number",
        says: "When a partial batch success response is received and both BisectBatchOnFunctionError and ReportBatchItemFailures are turned on, the batch is bisected at the returned sequence number and Lambda retries only the remaining records.",
        source: KINESIS,
        run: || {
            let bisecting = Settings { bisects: true, maximum_retry_attempts: Some(0), ..reporting() };
            let response = r#"{"batchItemFailures":[{"itemIdentifier":"4"}]}"#;
            assert_eq!(answered(bisecting, response), [vec![1, 2, 3, 4], vec![4]]);
        },
    },
];

// What follows AWS documents for queues only; the README lists it.

#[test]
fn an_unknown_identifier_is_a_failure() {
    fails(r#"{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"9"}]}"#);
    fails(r#"{"batchItemFailures":[{"itemIdentifier":"03"}]}"#);
}

#[test]
fn what_is_no_object_is_a_failure() {
    for response in ["{", "ok", r#""ok""#, "7", "[]", r#"{"batchItemFailures":{}}"#, r#"{"batchItemFailures":["3"]}"#] {
        fails(response);
    }
    fails(r#"{"batchItemFailures":[{"itemIdentifier":3}]}"#);
}

#[test]
fn another_list_is_none() {
    succeeds(r#"{"failures":[{"itemIdentifier":"3"}]}"#);
}
