//! Errors: retries by count and by clock, splits, ages.

use std::{cell::Cell, rc::Rc};

use event_source_mapping::kinesis::{Answer, Settings};

use super::{Case, KINESIS, ON_FAILURE, PARAMETERS};
use crate::rig::{Rig, failed, numbers, returned, seconds, settings};

fn poisoned(poison: u64) -> impl FnMut(&event_source_mapping::kinesis::Batch) -> Answer {
    move |batch| if numbers(&batch.records).contains(&poison) { failed() } else { returned("") }
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "retries until it succeeds",
        says: "If your function returns an error, Lambda retries the batch until processing succeeds or the data expires.",
        source: KINESIS,
        run: || {
            let tries = Rc::new(Cell::new(0));
            let seen = Rc::clone(&tries);
            let mut rig = Rig::new(settings()).function(move |_| {
                seen.set(seen.get() + 1);
                if seen.get() < 25 { failed() } else { returned("") }
            });
            rig.put_many(3);
            rig.run();
            assert_eq!((tries.get(), rig.done.len()), (25, 3));
        },
    },
    Case {
        name: "retries until the data expires",
        says: "-1 means infinite: failed records are retried until the record expires",
        source: PARAMETERS,
        run: || {
            let mut rig = Rig::new(settings()).function(poisoned(1));
            rig.put_many(1);
            let put = rig.now;
            rig.run_for(seconds(3600 * 23));
            assert_eq!(rig.mapping.counts().discarded, 0);
            rig.put_many(1);
            rig.run();
            assert_eq!((rig.mapping.counts().discarded, rig.done.len()), (1, 1));
            assert!(rig.now.duration_since(put) >= rig.mapping.settings().retention);
        },
    },
    Case {
        name: "throttles are retried without the count",
        says: "If Lambda throttles the function or returns an error without invoking the function, Lambda retries until the records expire or exceed the maximum age that you configure on the event source mapping.",
        source: KINESIS,
        run: || {
            let mut tries = 0;
            let mut rig = Rig::new(Settings { maximum_retry_attempts: Some(0), ..settings() }).function(move |_| {
                tries += 1;
                if tries <= 30 { Answer::NotInvoked } else { returned("") }
            });
            rig.put_many(2);
            rig.run();
            assert_eq!((rig.calls.len(), rig.done.len()), (31, 2));
            assert_eq!((rig.mapping.counts().not_invoked, rig.mapping.counts().failures), (30, 0));
        },
    },
    Case {
        name: "throttles end with the maximum age",
        says: "If a Lambda event source mapping is unable to invoke the function due to throttling or other issues, it retries until the records expire or exceed the maximum age configured on the event source mapping (MaximumRecordAgeInSeconds).",
        source: ON_FAILURE,
        run: || {
            let age = Settings { maximum_record_age: Some(seconds(60)), ..settings() };
            let mut rig = Rig::new(age).function(|_| Answer::NotInvoked);
            rig.put_many(2);
            let put = rig.now;
            rig.run();
            assert_eq!(rig.mapping.counts().discarded, 2);
            let last = rig.calls.last().unwrap().at.duration_since(put);
            assert!(last <= seconds(60), "{last}");
        },
    },
    Case {
        name: "errors end with the retry quota",
        says: "If the function receives the records but returns an error, Lambda retries until the records in the batch expire, exceed the maximum age, or reach the configured retry quota.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { maximum_retry_attempts: Some(4), ..settings() }).function(|_| failed());
            rig.put_many(3);
            rig.run();
            assert_eq!((rig.calls.len(), rig.mapping.counts().discarded), (5, 3));
        },
    },
    Case {
        name: "errors end with the maximum age",
        says: "If the function is invoked but returns an error, Lambda retries until the records expire, exceed the maximum age (MaximumRecordAgeInSeconds), or reach the configured retry quota (MaximumRetryAttempts).",
        source: ON_FAILURE,
        run: || {
            let age = Settings { maximum_record_age: Some(seconds(120)), ..settings() };
            let mut rig = Rig::new(age).function(|_| failed());
            rig.put_many(1);
            let put = rig.now;
            rig.run();
            assert_eq!(rig.mapping.counts().discarded, 1);
            assert!(rig.calls.len() > 5 && rig.calls.last().unwrap().at.duration_since(put) <= seconds(120));
        },
    },
    Case {
        name: "retries are counted after the first attempt",
        says: "The maximum number of times that Lambda retries when the function returns an error.",
        source: KINESIS,
        run: || {
            for attempts in 0..4 {
                let settings = Settings { maximum_retry_attempts: Some(attempts), ..settings() };
                let mut rig = Rig::new(settings).function(|_| failed());
                rig.put_many(1);
                rig.run();
                assert_eq!(rig.calls.len(), attempts as usize + 1);
                assert_eq!(rig.mapping.counts().retries, u64::from(attempts));
            }
        },
    },
    Case {
        name: "throttles between errors use no retry",
        says: "This doesn't apply to service errors or throttles where the batch didn't reach the function.",
        source: KINESIS,
        run: || {
            let mut tries = 0;
            let mut rig = Rig::new(Settings { maximum_retry_attempts: Some(2), ..settings() }).function(move |_| {
                tries += 1;
                if tries % 2 == 0 { Answer::NotInvoked } else { failed() }
            });
            rig.put_many(1);
            rig.run();
            assert_eq!((rig.calls.len(), rig.mapping.counts().failures), (5, 3));
        },
    },
    Case {
        name: "a split uses no retry",
        says: "Splitting a batch does not count towards the retry quota.",
        source: KINESIS,
        run: || {
            let settings = Settings { bisects: true, maximum_retry_attempts: Some(0), ..settings() };
            let mut rig = Rig::new(settings).function(poisoned(5));
            rig.put_many(8);
            rig.run();
            assert_eq!((rig.done.len(), rig.mapping.counts().discarded), (7, 1));
            let failing: Vec<_> = rig.given_numbers().into_iter().filter(|numbers| numbers.contains(&5)).collect();
            assert_eq!(failing, [vec![1, 2, 3, 4, 5, 6, 7, 8], vec![5, 6, 7, 8], vec![5, 6], vec![5]]);
        },
    },
    Case {
        name: "a failed batch becomes two",
        says: "When the function returns an error, split the batch into two before retrying.",
        source: KINESIS,
        run: || {
            let mut tries = 0;
            let mut rig = Rig::new(Settings { bisects: true, ..settings() }).function(move |_| {
                tries += 1;
                if tries == 1 { failed() } else { returned("") }
            });
            rig.put_many(7);
            rig.run();
            assert_eq!(rig.given_numbers(), [vec![1, 2, 3, 4, 5, 6, 7], vec![1, 2, 3, 4], vec![5, 6, 7]]);
            assert_eq!(rig.mapping.counts().splits, 1);
        },
    },
    Case {
        name: "the batch size stays",
        says: "Your original batch size setting remains unchanged.",
        source: KINESIS,
        run: || {
            let mut rig =
                Rig::new(Settings { bisects: true, batch_size: 6, maximum_retry_attempts: Some(0), ..settings() })
                    .function(poisoned(2));
            rig.put_many(18);
            rig.run();
            let numbers = rig.given_numbers();
            assert_eq!(numbers[numbers.len() - 2..], [(7..=12).collect::<Vec<_>>(), (13..=18).collect()]);
        },
    },
    Case {
        name: "splits isolate a bad record",
        says: "Retrying with smaller batches isolates bad records and works around timeout issues.",
        source: KINESIS,
        run: || {
            let settings = Settings { bisects: true, maximum_retry_attempts: Some(2), ..settings() };
            for poison in 1..=64 {
                let mut rig = Rig::new(settings.clone()).function(poisoned(poison));
                rig.put_many(64);
                rig.run();
                assert_eq!((rig.done.len(), rig.mapping.counts().discarded), (63, 1));
                assert_eq!(rig.mapping.counts().failures, 6 + 1 + 2);
            }
        },
    },
    Case {
        name: "goes on behind what is discarded",
        says: "If the error handling measures fail, Lambda discards the records and continues processing batches from the stream.",
        source: KINESIS,
        run: || {
            let settings = Settings { batch_size: 2, maximum_retry_attempts: Some(1), ..settings() };
            let mut rig = Rig::new(settings).function(poisoned(3));
            rig.put_many(6);
            rig.run();
            assert_eq!(rig.given_numbers(), [[1, 2], [3, 4], [3, 4], [5, 6]]);
            assert_eq!(rig.mapping.counts().discarded, 2);
        },
    },
    Case {
        name: "what is too old is not sent",
        says: "The maximum age of a record that Lambda sends to your function.",
        source: KINESIS,
        run: || {
            let mut rig = Rig::new(Settings { maximum_record_age: Some(seconds(60)), ..settings() });
            rig.put_many(3);
            rig.now += seconds(40);
            rig.put_many(2);
            rig.now += seconds(30);
            rig.run();
            assert_eq!(rig.given_numbers(), [[4, 5]]);
            assert_eq!(rig.mapping.counts().discarded, 3);
        },
    },
    Case {
        name: "by default a record blocks for its retention",
        says: "With the default settings, this means that a bad record can block processing on the affected shard for up to one week.",
        source: KINESIS,
        run: || {
            let week = seconds(7 * 86_400);
            let mut rig = Rig::new(Settings { retention: week, batch_size: 1, ..settings() }).function(poisoned(1));
            rig.put_many(1);
            let put = rig.now;
            rig.run_for(seconds(6 * 86_400));
            rig.put_many(1);
            rig.run();
            assert!(rig.calls.last().unwrap().at.duration_since(put) >= week);
            assert_eq!(rig.done.len(), 1);
        },
    },
    Case {
        name: "ages have their bounds",
        says: "-1 means infinite: Lambda doesn't discard records (Kinesis Data Streams data retention settings still apply)",
        source: PARAMETERS,
        run: || {
            let retention = Settings { maximum_record_age: None, retention: seconds(100), ..settings() };
            assert_eq!(retention.age_limit(), seconds(100));
            let longer = Settings { maximum_record_age: Some(seconds(200)), ..retention };
            assert_eq!(longer.age_limit(), seconds(100));
        },
    },
];
