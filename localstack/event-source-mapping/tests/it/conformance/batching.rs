//! How batches come about: reading, size, window, payload, order, concurrency.

use event_source_mapping::kinesis::{
    Batch, MAXIMUM_EVENT_BYTES, Mapping, Pace, Position, Record, Settings, ShardId, StartingPosition,
};
use jiff::{SignedDuration, Timestamp};

use super::{Case, KINESIS};
use crate::rig::{Rig, failed, number, returned, seconds, settings};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a batch has one shard",
        says: "Each batch contains records from a single shard/data stream.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(settings());
            rig.split(0);
            for index in 0..40 {
                rig.put(&format!("key{index}"), b"x");
            }
            rig.run();
            assert!(rig.calls.len() >= 2);
            for call in &rig.calls {
                let shard = rig.shards.iter().find(|shard| shard.id == call.batch.shard).unwrap();
                assert!(call.batch.records.iter().all(|record| shard.records.contains(record)));
            }
        },
    },
    Case {
        name: "no window invokes at once",
        says: "By default, Lambda invokes your function as soon as records are available.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(settings());
            rig.put_many(3);
            let put = rig.now;
            rig.run();
            assert_eq!((rig.calls.len(), rig.calls[0].at), (1, put));
        },
    },
    Case {
        name: "one record is sent alone",
        says: "If the batch that Lambda reads from the event source has only one record in it, Lambda sends only one record to the function.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(settings());
            rig.put_many(1);
            rig.run();
            assert_eq!(rig.given_numbers(), [[1]]);
        },
    },
    Case {
        name: "a full batch ends the window",
        says: "Before invoking the function, Lambda continues to read records from the event source until it has gathered a full batch, the batching window expires, or the batch reaches the payload limit of 6 MB.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { batch_size: 4, batching_window: seconds(60), ..settings() });
            rig.put_many(3);
            rig.run_for(seconds(10));
            assert!(rig.calls.is_empty());
            rig.put_many(1);
            rig.run_for(seconds(2));
            assert_eq!(rig.given_numbers(), [[1, 2, 3, 4]]);
        },
    },
    Case {
        name: "its time ends the window",
        says: "you can tell the event source to buffer records for up to 5 minutes by configuring a batching window",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { batching_window: seconds(60), ..settings() });
            rig.put_many(2);
            let put = rig.now;
            rig.run_for(seconds(30));
            rig.put_many(1);
            rig.run();
            assert_eq!(rig.given_numbers(), [[1, 2, 3]]);
            assert_eq!(rig.calls[0].at.duration_since(put), seconds(60));
        },
    },
    Case {
        name: "6 MB end the window",
        says: "a function is invoked when one of the following conditions is met: the payload size reaches 6MB, the Batch Window reaches its maximum value, or the Batch Size reaches its maximum value.",
        source: "https://streams890.rssing.com/chan-72227816/article359.html",
        run: || {
            let mut rig = Rig::new(Settings { batching_window: seconds(60), ..settings() });
            for _ in 0..10 {
                rig.put("key", &vec![0; 1_000_000]);
            }
            rig.run_for(seconds(1));
            assert_eq!(rig.given_numbers()[0], [1, 2, 3, 4], "4 MB are 5.3 MB in base64");
        },
    },
    Case {
        name: "no event exceeds 6 MB",
        says: "Lambda passes all of the records in the batch to the function in a single call, as long as the total size of the events doesn't exceed the payload limit for synchronous invocation (6 MB).",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(settings());
            for index in 0..300 {
                rig.put("key", &vec![0; 1 + index * 700 % 900_000]);
            }
            rig.run();
            let mut previous = None;
            for call in &rig.calls {
                let length = call.batch.event(rig.mapping.settings()).len();
                assert!(length <= MAXIMUM_EVENT_BYTES);
                if let Some((mut batch, count)) = previous.replace((call.batch.clone(), call.batch.records.len())) {
                    let _: &Batch = &batch;
                    batch.records.push(call.batch.records[0].clone());
                    let is_full = batch.event(rig.mapping.settings()).len() > MAXIMUM_EVENT_BYTES;
                    assert!(is_full || count == 100, "one more record would have fitted");
                }
            }
            assert_eq!(rig.done.len(), 300);
        },
    },
    Case {
        name: "a batch has its size at most",
        says: "The number of records to send to the function in each batch, up to 10,000.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { batch_size: 10_000, ..settings() });
            rig.put_many(25_000);
            rig.run();
            let sizes: Vec<usize> = rig.calls.iter().map(|call| call.numbers.len()).collect();
            assert_eq!(sizes.iter().sum::<usize>(), 25_000);
            assert_eq!(sizes.iter().max(), Some(&10_000));
            assert!(Settings { batch_size: 10_001, ..settings() }.validate().is_err());
        },
    },
    Case {
        name: "polls once per second",
        says: "For standard iterators, Lambda polls each shard in your Kinesis stream for records at a base rate of once per second.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(settings());
            rig.run_for(seconds(10));
            assert_eq!(rig.reads.len(), 11);
            let gaps = rig.reads.windows(2).map(|pair| pair[1].0.duration_since(pair[0].0));
            assert!(gaps.into_iter().all(|gap| gap == seconds(1)));
        },
    },
    Case {
        name: "catches up without pause",
        says: "When more records are available, Lambda keeps processing batches until the function catches up with the stream.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(settings());
            rig.put_many(5_000);
            let put = rig.now;
            rig.run();
            assert_eq!(rig.done.len(), 5_000);
            assert!(rig.calls.iter().all(|call| call.at == put));
        },
    },
    Case {
        name: "one batch at a time per shard",
        says: "It processes one batch of records at a time from each shard.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { batch_size: 5, ..settings() }).timed(|_, _| (returned(""), seconds(3)));
            rig.put_many(20);
            rig.run();
            let gaps = rig.calls.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at));
            assert!(gaps.into_iter().all(|gap| gap >= seconds(3)));
        },
    },
    Case {
        name: "a shard is in order",
        says: "Lambda processes records in each shard in order.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { batch_size: 7, ..settings() });
            rig.put_many(100);
            rig.run();
            assert!(rig.given_numbers().concat().iter().copied().eq(1..=100));
        },
    },
    Case {
        name: "an error stops its shard",
        says: "It stops processing additional records in a shard if your function returns an error.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { batch_size: 2, ..settings() }).function(|_| failed());
            rig.put_many(10);
            rig.run_for(seconds(60));
            assert!(rig.calls.len() > 3 && rig.calls.iter().all(|call| call.numbers == [1, 2]));
        },
    },
    Case {
        name: "the event has its shape",
        says: "Example Kinesis record event",
        source: KINESIS,
        run: || {
            let record = |digits: &str, data: &'static str, milliseconds| {
                std::sync::Arc::new(Record {
                    sequence_number: digits.parse().unwrap(),
                    partition_key: "1".into(),
                    data: data.into(),
                    arrived: Timestamp::from_millisecond(milliseconds).unwrap(),
                })
            };
            let records = vec![
                record(
                    "49590338271490256608559692538361571095921575989136588898",
                    "Hello, this is a test.",
                    1_545_084_650_987,
                ),
                record(
                    "49590338271490256608559692540925702759324208523137515618",
                    "This is only a test.",
                    1_545_084_711_166,
                ),
            ];
            let batch = Batch { shard: ShardId("shardId-000000000006".into()), records, window: None, attempts: 0 };
            let expected = r#"{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1","sequenceNumber":"49590338271490256608559692538361571095921575989136588898","data":"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==","approximateArrivalTimestamp":1545084650.987},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000006:49590338271490256608559692538361571095921575989136588898","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role","awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"},{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1","sequenceNumber":"49590338271490256608559692540925702759324208523137515618","data":"VGhpcyBpcyBvbmx5IGEgdGVzdC4=","approximateArrivalTimestamp":1545084711.166},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000006:49590338271490256608559692540925702759324208523137515618","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role","awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}]}"#;
            assert_eq!(String::from_utf8(batch.event(&settings())).unwrap(), expected);
        },
    },
    Case {
        name: "latest gives what is new",
        says: "Latest – Process new records that are added to the stream.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { starting_position: StartingPosition::Latest, ..settings() });
            rig.put_many(5);
            rig.now += seconds(1);
            rig.run_for(SignedDuration::from_millis(1));
            assert!(rig.calls.is_empty());
            rig.run_for(SignedDuration::from_millis(300));
            rig.put_many(2);
            rig.run_for(seconds(5));
            rig.put_many(1);
            rig.run_for(seconds(5));
            assert_eq!(rig.given_numbers(), [vec![6, 7], vec![8]]);
        },
    },
    Case {
        name: "trim horizon gives all",
        says: "Trim horizon – Process all records in the stream.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(settings());
            rig.put_many(5);
            rig.now += seconds(3600);
            rig.run();
            assert_eq!(rig.given_numbers(), [[1, 2, 3, 4, 5]]);
        },
    },
    Case {
        name: "at timestamp gives from then",
        says: "At timestamp – Process records starting from a specific time.",
        source: KINESIS,
        run: || {
            let start = Timestamp::from_second(1_700_000_010).unwrap();
            let mut rig = Rig::new(Settings { starting_position: StartingPosition::AtTimestamp(start), ..settings() });
            for _ in 0..20 {
                rig.put_many(1);
                rig.now += seconds(1);
            }
            rig.run();
            assert_eq!(rig.given_numbers().concat(), (11..=20).collect::<Vec<_>>());
        },
    },
    Case {
        name: "up to ten batches of a shard at once",
        says: "Lambda can process up to 10 batches in each shard simultaneously.",
        source: KINESIS,
        run: || {
            let factor = Settings { parallelization_factor: 10, ..settings() };
            let mut rig = Rig::new(factor).timed(|_, _| (returned(""), seconds(2)));
            for index in 0..500 {
                rig.put(&format!("key{index}"), b"x");
            }
            rig.run_for(seconds(1));
            assert_eq!(rig.calls.len(), 10);
            rig.run();
            assert_eq!(rig.done.len(), 500);
        },
    },
    Case {
        name: "the factor has its bounds",
        says: "You can specify the number of concurrent batches that Lambda polls from a shard via a parallelization factor from 1 (default) to 10.",
        source: KINESIS,
        run: || {
            for (factor, is_allowed) in [(0, false), (1, true), (10, true), (11, false)] {
                let settings = Settings { parallelization_factor: factor, ..settings() };
                assert_eq!(settings.validate().is_ok(), is_allowed, "{factor}");
            }
        },
    },
    Case {
        name: "a key stays in order beside others",
        says: "If you increase the number of concurrent batches per shard, Lambda still ensures in-order processing at the shard level.",
        // Later versions of the page say "at the partition-key level", which is what is checked.
        source: KINESIS,
        run: || {
            let factor = Settings { parallelization_factor: 4, batch_size: 3, bisects: true, ..settings() };
            let mut tries = 0;
            let mut rig = Rig::new(factor).timed(move |batch, _| {
                tries += 1;
                let time = SignedDuration::from_millis(100 * (tries % 7));
                (if tries % 5 == 0 { failed() } else { returned("") }, time + seconds(batch.records.len() as i64 % 2))
            });
            for index in 0..300 {
                rig.put(&format!("key{}", index % 17), b"x");
            }
            rig.run();
            for (key, numbers) in rig.first_deliveries() {
                assert!(numbers.is_sorted(), "{key}");
            }
            assert_eq!(rig.done.len(), 300);
        },
    },
    Case {
        name: "resumes behind the last record",
        says: "Lambda keeps track of the last record processed and resumes processing from that point when it's reenabled.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { batch_size: 4, ..settings() });
            rig.put_many(8);
            rig.run();
            let checkpoints: Vec<_> =
                rig.mapping.checkpoints().map(|(id, number)| (id.clone(), number.clone())).collect();
            assert_eq!(checkpoints.len(), 1);
            rig.mapping = Mapping::resume(settings(), Pace::default(), checkpoints);
            rig.put_many(2);
            rig.calls.clear();
            rig.run();
            assert_eq!(rig.given_numbers(), [[9, 10]]);
            assert!(matches!(&rig.reads.last().unwrap().2, Position::After(last) if last.as_str() == "10"));
        },
    },
    Case {
        name: "a consumer's ARN is a source",
        says: "To use a consumer, specify the consumer's ARN instead of the stream's ARN.",
        source: KINESIS,
        run: || {
            let stream = "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream";
            let settings = Settings { stream_arn: format!("{stream}/consumer/con1:1540591608"), ..settings() };
            assert!(settings.validate().is_ok() && settings.is_enhanced_fan_out());
            assert_eq!((settings.stream(), settings.region()), (stream, "us-east-2"));
        },
    },
    Case {
        name: "iterator age is that of the last record",
        says: "The metric indicates how old the last record in the batch was when processing finished.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(settings()).timed(|_, _| (returned(""), seconds(7)));
            rig.put_many(2);
            rig.now += seconds(5);
            let last = rig.put("key", b"x");
            assert_eq!(number(&rig.record(last)), 3);
            rig.run();
            assert_eq!(rig.mapping.counts().iterator_age_max, seconds(7));
        },
    },
];
