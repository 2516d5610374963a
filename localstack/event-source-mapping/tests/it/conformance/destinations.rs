//! What is told to whom about records that were given up.

use event_source_mapping::kinesis::{Answer, Batch, Destination, Letter, Record, Settings, ShardId};
use jiff::Timestamp;
use serde_json::Value;

use super::{Case, KINESIS, ON_FAILURE};
use crate::rig::{Rig, failed, items, number, returned, seconds, settings};

fn queue() -> Settings {
    let arn = "arn:aws:sqs:us-east-2:123456789012:letters".to_owned();
    Settings { on_failure: Some(Destination::Sqs { arn }), maximum_retry_attempts: Some(0), ..settings() }
}

fn bucket() -> Settings {
    Settings { on_failure: Some(Destination::S3 { arn: "arn:aws:s3:::letters".to_owned() }), ..queue() }
}

fn document(rig: &Rig, index: usize) -> Value {
    serde_json::from_slice(&rig.letters[index].to_json(rig.mapping.settings())).unwrap()
}

/// A batch of three that fails for good.
fn given_up(settings: Settings) -> Rig {
    let mut rig = Rig::new(settings).function(|_| failed());
    rig.put_many(3);
    rig.run();
    rig
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "exhausted retries are told",
        says: "When Lambda discards a batch of records that's too old or has exhausted all retries, Lambda sends details about the batch to the queue or topic.",
        source: KINESIS,
        run: || {
            let rig = given_up(Settings { maximum_retry_attempts: Some(2), ..queue() });
            assert_eq!(rig.letter_numbers(), [[1, 2, 3]]);
            let document = document(&rig, 0);
            assert_eq!(document["requestContext"]["condition"], "RetryAttemptsExhausted");
            assert_eq!(document["requestContext"]["approximateInvokeCount"], 3);
            assert_eq!(document["responseContext"]["functionError"], "Unhandled");
        },
    },
    Case {
        name: "old records are told",
        says: "To retain a record of discarded batches, configure a failed-event destination. Lambda sends a document to the destination queue or topic with details about the batch.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { maximum_record_age: Some(seconds(60)), ..queue() });
            rig.put_many(2);
            rig.now += seconds(61);
            rig.put_many(1);
            rig.run();
            assert_eq!((rig.letter_numbers(), rig.given_numbers()), (vec![vec![1, 2]], vec![vec![3]]));
            let document = document(&rig, 0);
            assert_eq!(document["requestContext"]["condition"], "RecordAgeExceeded");
            assert_eq!(document["requestContext"]["approximateInvokeCount"], 0);
            assert!(document.get("responseContext").is_none());
        },
    },
    Case {
        name: "the document has its shape",
        says: "The following example shows an invocation record for a Kinesis stream.",
        source: KINESIS,
        run: || {
            let record = |digits: &str, arrived: &str| {
                std::sync::Arc::new(Record {
                    sequence_number: digits.parse().unwrap(),
                    partition_key: "1".into(),
                    data: "x".into(),
                    arrived: arrived.parse().unwrap(),
                })
            };
            let first = record("49601189658422359378836298521827638475320189012309704722", "2019-11-14T00:38:04.835Z");
            let last = record("49601189658422359378836298522902373528957594348623495186", "2019-11-14T00:38:05.580Z");
            let batch = Batch {
                shard: ShardId("shardId-000000000001".into()),
                records: vec![first, last],
                window: None,
                attempts: 1,
            };
            let letter = Letter {
                destination: queue().on_failure.unwrap(),
                condition: "RetryAttemptsExhausted",
                approximate_invoke_count: 1,
                function_error: Some("Unhandled".to_owned()),
                batch,
                at: "2019-11-14T00:38:06.021Z".parse::<Timestamp>().unwrap(),
            };
            let json = String::from_utf8(letter.to_json(&queue())).unwrap();
            let id = serde_json::from_str::<Value>(&json).unwrap()["requestContext"]["requestId"].clone();
            let expected = format!(
                r#"{{"requestContext":{{"requestId":{id},"functionArn":"arn:aws:lambda:us-east-2:123456789012:function:my-function","condition":"RetryAttemptsExhausted","approximateInvokeCount":1}},"responseContext":{{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"}},"version":"1.0","timestamp":"2019-11-14T00:38:06.021Z","KinesisBatchInfo":{{"shardId":"shardId-000000000001","startSequenceNumber":"49601189658422359378836298521827638475320189012309704722","endSequenceNumber":"49601189658422359378836298522902373528957594348623495186","approximateArrivalOfFirstRecord":"2019-11-14T00:38:04.835Z","approximateArrivalOfLastRecord":"2019-11-14T00:38:05.580Z","batchSize":2,"streamArn":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}}}}"#
            );
            assert_eq!(json, expected);
        },
    },
    Case {
        name: "a queue gets no records",
        says: "The actual records aren't included, so you must process this record and retrieve them from the stream before they expire and are lost.",
        source: KINESIS,
        run: || {
            let arn = "arn:aws:sns:us-east-2:123456789012:letters".to_owned();
            for settings in [queue(), Settings { on_failure: Some(Destination::Sns { arn }), ..queue() }] {
                let rig = given_up(settings);
                let document = document(&rig, 0);
                assert!(document.get("payload").is_none());
                assert_eq!(document["KinesisBatchInfo"]["startSequenceNumber"], "1");
                assert_eq!(document["KinesisBatchInfo"]["endSequenceNumber"], "3");
                assert_eq!(document["KinesisBatchInfo"]["batchSize"], 3);
            }
        },
    },
    Case {
        name: "a bucket gets the invocation",
        says: "For Amazon S3 destinations, Lambda also sends the entire invocation record along with the metadata.",
        source: ON_FAILURE,
        run: || {
            let rig = given_up(bucket());
            let document = document(&rig, 0);
            let payload = document["payload"].as_str().unwrap();
            assert_eq!(payload.as_bytes(), rig.calls[0].batch.event(rig.mapping.settings()));
            let event: Value = serde_json::from_str(payload).unwrap();
            assert_eq!(event["Records"].as_array().unwrap().len(), 3);
            assert_eq!(document["KinesisBatchInfo"]["batchSize"], 3);
            let key = rig.letters[0].object_key(rig.mapping.settings());
            let start =
                "aws/lambda/2b733gdc-8ac3-cdf5-af3a-1827b3b11284/shardId-000000000000/2023/11/14/2023-11-14T22.13.20-";
            let id = key.strip_prefix(start).unwrap_or_else(|| panic!("{key}"));
            assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        },
    },
    Case {
        name: "splits leave one record in the letter",
        says: "Retrying with smaller batches isolates bad records and works around timeout issues.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { bisects: true, ..bucket() }).function(|batch| {
                if batch.records.iter().any(|record| number(record) == 6) { failed() } else { returned("") }
            });
            rig.put_many(10);
            rig.run();
            assert_eq!(rig.letter_numbers(), [[6]]);
            assert_eq!(rig.done.len(), 9);
        },
    },
    Case {
        name: "a reported failure is no function error",
        says: "When a partial batch success response is received and both BisectBatchOnFunctionError and ReportBatchItemFailures are turned on, the batch is bisected at the returned sequence number and Lambda retries only the remaining records.",
        source: KINESIS,
        run: || {
            let settings = Settings { bisects: true, reports_batch_item_failures: true, ..queue() };
            let mut rig = Rig::new(settings).function(|batch| {
                let has = batch.records.iter().any(|record| number(record) == 3);
                if has { items(&[3]) } else { returned("") }
            });
            rig.put_many(3);
            rig.run();
            assert_eq!(rig.letter_numbers(), [[3]]);
            let document = document(&rig, 0);
            assert_eq!(document["responseContext"]["statusCode"], 200);
            assert!(document["responseContext"].get("functionError").is_none());
        },
    },
    Case {
        name: "throttled records tell of no invocation",
        says: "If a Lambda event source mapping is unable to invoke the function due to throttling or other issues, it retries until the records expire or exceed the maximum age configured on the event source mapping (MaximumRecordAgeInSeconds).",
        source: ON_FAILURE,
        run: || {
            let mut rig = Rig::new(Settings { maximum_record_age: Some(seconds(60)), ..queue() })
                .function(|_| Answer::NotInvoked);
            rig.put_many(1);
            rig.run();
            assert_eq!(document(&rig, 0)["requestContext"]["approximateInvokeCount"], 0);
            assert_eq!(document(&rig, 0)["requestContext"]["condition"], "RecordAgeExceeded");
        },
    },
];
