//! SQS mappings: batches, what a response deletes, what is left to the queue, filters, concurrency.

use std::sync::Arc;

use event_source_mapping::sqs::{Action, Answer, Batch, Input, InvocationId, Mapping, Message, Settings};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Case, FILTERING, SQS, SQS_ERRORS, SQS_SCALING};
use crate::rig::{failed, returned, seconds};

fn settings() -> Settings {
    Settings {
        uuid: "2b733gdc-8ac3-cdf5-af3a-1827b3b11284".to_owned(),
        function_arn: "arn:aws:lambda:us-east-2:123456789012:function:my-function".to_owned(),
        queue_arn: "arn:aws:sqs:us-east-2:123456789012:my-queue".to_owned(),
        batch_size: 10,
        batching_window: SignedDuration::ZERO,
        filters: Vec::new(),
        reports_batch_item_failures: true,
        maximum_concurrency: None,
        visibility_timeout: seconds(30),
    }
}

fn message(id: &str, body: &str) -> Arc<Message> {
    Arc::new(Message {
        message_id: id.into(),
        receipt_handle: format!("handle-{id}").into(),
        body: body.into(),
        attributes: vec![("ApproximateReceiveCount".to_owned(), "1".to_owned())],
        message_attributes: json!({}),
        md5_of_body: "098f6bcd4621d373cade4e832627b4f6".into(),
    })
}

fn five() -> Vec<Arc<Message>> {
    ["id1", "id2", "id3", "id4", "id5"].iter().map(|id| message(id, "test")).collect()
}

/// A mapping at a moment, and what it asked for.
struct Queue {
    mapping: Mapping,
    now: Timestamp,
    invoked: Vec<(InvocationId, Batch)>,
    deleted: Vec<String>,
    receives: usize,
    wake: Option<Timestamp>,
}

impl Queue {
    fn new(settings: Settings) -> Self {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let mapping = Mapping::new(settings);
        let mut queue = Self { mapping, now, invoked: Vec::new(), deleted: Vec::new(), receives: 0, wake: None };
        queue.advance(Input::Tick);
        queue
    }

    fn advance(&mut self, input: Input) {
        for action in self.mapping.advance(self.now, input) {
            match action {
                Action::Receive { limit } => {
                    assert!((1..=10).contains(&limit));
                    self.receives += 1;
                }
                Action::Invoke { invocation, batch } => self.invoked.push((invocation, batch)),
                Action::Delete(messages) => {
                    self.deleted.extend(messages.iter().map(|message| message.message_id.to_string()));
                }
                Action::WakeAt(at) => self.wake = Some(at),
            }
        }
    }

    fn receive(&mut self, messages: Vec<Arc<Message>>) {
        self.advance(Input::Messages(messages));
    }

    fn answer(&mut self, index: usize, answer: Answer) {
        let invocation = self.invoked[index].0;
        self.advance(Input::Answered { invocation, answer });
    }

    fn wake(&mut self) {
        self.now = self.wake.take().unwrap();
        self.advance(Input::Tick);
    }
}

/// What of five messages is deleted after a response.
fn deleted(response: &str) -> Vec<String> {
    let mut queue = Queue::new(settings());
    queue.receive(five());
    queue.answer(0, returned(response));
    assert_eq!(queue.mapping.counts().left as usize, 5 - queue.deleted.len());
    queue.deleted
}

fn succeeds(response: &str) {
    assert_eq!(deleted(response).len(), 5, "{response}");
}

fn fails(response: &str) {
    assert!(deleted(response).is_empty(), "{response}");
}

/// Which bodies the function gets, by index; the others have to be deleted.
fn kept(pattern: &str, bodies: &[&str]) -> Vec<String> {
    let mut queue = Queue::new(Settings { filters: vec![pattern.to_owned()], ..settings() });
    assert_eq!(queue.mapping.settings().validate(), Ok(()));
    queue.receive(bodies.iter().enumerate().map(|(index, body)| message(&index.to_string(), body)).collect());
    let kept: Vec<String> = queue
        .invoked
        .iter()
        .flat_map(|(_, batch)| batch.messages.iter().map(|message| message.message_id.to_string()))
        .collect();
    assert_eq!(queue.deleted.len() + kept.len(), bodies.len());
    kept
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a queue's event has its shape",
        says: "Example Amazon SQS message event (standard queue)",
        source: SQS,
        run: || {
            let attributes = [
                ("ApproximateReceiveCount", "1"),
                ("SentTimestamp", "1545082649183"),
                ("SenderId", "AIDAIENQZJOLO23YVJ4VO"),
                ("ApproximateFirstReceiveTimestamp", "1545082649185"),
            ];
            let message = Message {
                message_id: "059f36b4-87a3-44ab-83d2-661975830a7d".into(),
                receipt_handle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...".into(),
                body: "Test message.".into(),
                attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
                message_attributes: json!({}),
                md5_of_body: "e4e68fb7bd0e697a0ae8f1bb342846b3".into(),
            };
            let event = Batch { messages: vec![Arc::new(message)] }.event(&settings());
            let expected = r#"{"Records":[{"messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","receiptHandle":"AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...","body":"Test message.","attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"1545082649183","SenderId":"AIDAIENQZJOLO23YVJ4VO","ApproximateFirstReceiveTimestamp":"1545082649185"},"messageAttributes":{},"md5OfBody":"e4e68fb7bd0e697a0ae8f1bb342846b3","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-2:123456789012:my-queue","awsRegion":"us-east-2"}]}"#;
            assert_eq!(String::from_utf8(event).unwrap(), expected);
        },
    },
    Case {
        name: "a queue's batch is given as it is read",
        says: "By default, Lambda polls up to 10 messages in your queue at once and sends that batch to your function.",
        source: SQS,
        run: || {
            let mut queue = Queue::new(settings());
            queue.receive(five());
            assert_eq!((queue.invoked.len(), queue.invoked[0].1.messages.len()), (1, 5));
        },
    },
    Case {
        name: "done messages are deleted",
        says: "When your function successfully processes a batch, Lambda deletes its messages from the queue.",
        source: SQS,
        run: || {
            let mut queue = Queue::new(Settings { reports_batch_item_failures: false, ..settings() });
            queue.receive(five());
            assert!(queue.deleted.is_empty());
            queue.answer(0, returned(r#"{"batchItemFailures":[{"itemIdentifier":"id1"}]}"#));
            assert_eq!(queue.deleted.len(), 5);
        },
    },
    Case {
        name: "failed messages are left",
        says: "When your function returns an error, Lambda leaves it in the queue. After the visibility timeout occurs, Lambda receives the message again.",
        source: SQS,
        run: || {
            let mut queue = Queue::new(settings());
            queue.receive(five());
            queue.answer(0, failed());
            assert!(queue.deleted.is_empty() && queue.invoked.len() == 1);
            assert_eq!((queue.mapping.counts().failures, queue.mapping.counts().left), (1, 5));
        },
    },
    Case {
        name: "a queue's window gathers",
        says: "Before invoking the function, Lambda continues to poll messages from the SQS standard queue until the batch window expires, the invocation payload size quota is reached, or the configured maximum batch size is reached.",
        source: SQS,
        run: || {
            let window = Settings { batch_size: 100, batching_window: seconds(5), ..settings() };
            let mut queue = Queue::new(window);
            queue.receive(five());
            queue.receive(five());
            assert!(queue.invoked.is_empty() && queue.receives == 3);
            queue.wake();
            assert_eq!((queue.invoked.len(), queue.invoked[0].1.messages.len()), (1, 10));
            for _ in 0..20 {
                queue.receive(five());
            }
            assert_eq!((queue.invoked.len(), queue.invoked[1].1.messages.len()), (2, 100));
            let body = "x".repeat(250_000);
            for _ in 0..6 {
                queue.receive((0..5).map(|index| message(&index.to_string(), &body)).collect());
            }
            let large = &queue.invoked[2].1;
            assert_eq!((queue.invoked.len(), large.messages.len()), (3, 25));
            assert!(large.event(queue.mapping.settings()).len() <= event_source_mapping::kinesis::MAXIMUM_EVENT_BYTES);
        },
    },
    Case {
        name: "a queue's batch sizes have their bounds",
        says: "For a standard queue, this can be up to 10,000 records. For a FIFO queue, the maximum is 10. For a batch size over 10, you must also set the MaximumBatchingWindowInSeconds parameter to at least 1 second.",
        source: SQS,
        run: || {
            let fifo = |settings: Settings| Settings { queue_arn: format!("{}.fifo", settings.queue_arn), ..settings };
            let sized = |batch_size, window| Settings { batch_size, batching_window: seconds(window), ..settings() };
            assert!(sized(10_000, 1).validate().is_ok() && sized(10_001, 1).validate().is_err());
            assert!(sized(11, 0).validate().is_err() && sized(10, 0).validate().is_ok());
            assert!(fifo(sized(10, 0)).validate().is_ok() && fifo(sized(11, 1)).validate().is_err());
        },
    },
    Case {
        name: "windows are for standard queues",
        says: "The maximum amount of time to gather records before invoking the function, in seconds. This applies only to standard queues.",
        source: SQS,
        run: || {
            let queue_arn = format!("{}.fifo", settings().queue_arn);
            assert!(Settings { queue_arn, batching_window: seconds(1), ..settings() }.validate().is_err());
        },
    },
    Case {
        name: "five batches at first",
        says: "When messages are available, Lambda starts processing five batches at a time with five concurrent invocations of your function.",
        source: SQS_SCALING,
        run: || {
            let mut queue = Queue::new(settings());
            for _ in 0..5 {
                queue.receive(five());
            }
            assert_eq!((queue.invoked.len(), queue.receives), (5, 5));
            queue.answer(0, returned(""));
            assert_eq!(queue.receives, 6);
        },
    },
    Case {
        name: "more batches each minute",
        says: "If messages are still available, Lambda increases the number of processes that are reading batches by up to 300 more instances per minute. The maximum number of batches that an event source mapping can process simultaneously is 1,000.",
        source: SQS_SCALING,
        run: || {
            let mut queue = Queue::new(settings());
            let mut after = Vec::new();
            for _ in 0..6 {
                while queue.receives > queue.invoked.len() {
                    queue.receive(five());
                }
                after.push(queue.invoked.len());
                queue.now += seconds(60);
                queue.advance(Input::Tick);
            }
            assert_eq!(after, [5, 305, 605, 905, 1000, 1000]);
        },
    },
    Case {
        name: "the maximum concurrency bounds",
        says: "The maximum concurrency setting limits the number of concurrent instances of the function that an Amazon SQS event source can invoke.",
        source: SQS_SCALING,
        run: || {
            let mut queue = Queue::new(Settings { maximum_concurrency: Some(2), ..settings() });
            queue.receive(five());
            queue.receive(five());
            queue.now += seconds(600);
            queue.advance(Input::Tick);
            assert_eq!((queue.invoked.len(), queue.receives), (2, 2));
            // A receive that was under way when the last place was taken waits for one.
            let window = Settings { batch_size: 100, batching_window: seconds(5), ..settings() };
            let mut queue = Queue::new(Settings { maximum_concurrency: Some(2), ..window });
            for _ in 0..3 {
                queue.receive(five());
                queue.now += seconds(5);
                queue.advance(Input::Tick);
            }
            assert_eq!((queue.invoked.len(), queue.mapping.in_flight()), (2, 2));
            queue.answer(0, returned(""));
            assert_eq!((queue.invoked.len(), queue.mapping.in_flight()), (3, 2));
            assert!(Settings { maximum_concurrency: Some(1), ..settings() }.validate().is_err());
            assert!(Settings { maximum_concurrency: Some(1001), ..settings() }.validate().is_err());
        },
    },
    Case {
        name: "only reported messages are left",
        says: "To make messages id2 and id4 visible again in your queue, your response syntax should look like the following",
        source: SQS,
        run: || {
            let response = r#"{"batchItemFailures":[{"itemIdentifier":"id2"},{"itemIdentifier":"id4"}]}"#;
            assert_eq!(deleted(response), ["id1", "id3", "id5"]);
        },
    },
    Case {
        name: "an exception fails a queue's batch",
        says: "If your function throws an exception, the entire batch is considered a complete failure.",
        source: SQS,
        run: || {
            let mut queue = Queue::new(settings());
            queue.receive(five());
            queue.answer(0, failed());
            assert!(queue.deleted.is_empty());
        },
    },
    Case {
        name: "successes of a queue's batch",
        says: "Lambda treats a batch as a complete success if your function returns any of the following: An empty batchItemFailures list, A null batchItemFailures list, An empty EventResponse, A null EventResponse",
        source: SQS,
        run: || {
            for response in ["", "null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#] {
                succeeds(response);
            }
        },
    },
    Case {
        name: "no JSON fails a queue's batch",
        says: "Lambda treats a batch as a complete failure if your function returns any of the following: An invalid JSON response",
        source: SQS,
        run: || fails("{batchItemFailures"),
    },
    Case {
        name: "bad identifiers fail a queue's batch",
        says: "An empty string itemIdentifier, A null itemIdentifier, An itemIdentifier with a bad key name",
        source: SQS,
        run: || {
            fails(r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#);
            fails(r#"{"batchItemFailures":[{"itemIdentifier":"id1"},{"itemIdentifier":null}]}"#);
            fails(r#"{"batchItemFailures":[{"messageId":"id1"}]}"#);
        },
    },
    Case {
        name: "unknown identifiers fail a queue's batch",
        says: "An itemIdentifier value with a message ID that doesn't exist",
        source: SQS,
        run: || fails(r#"{"batchItemFailures":[{"itemIdentifier":"id1"},{"itemIdentifier":"id9"}]}"#),
    },
    Case {
        name: "a throttled batch is tried until it is visible",
        says: "Lambda continues to retry the message until the message's timestamp exceeds your queue's visibility timeout, at which point Lambda drops the message.",
        source: SQS_ERRORS,
        run: || {
            let mut queue = Queue::new(settings());
            queue.receive(five());
            let received = queue.now;
            for index in 0..100 {
                queue.answer(index, Answer::NotInvoked);
                if queue.mapping.counts().left > 0 {
                    break;
                }
                while queue.invoked.len() == index + 1 {
                    queue.wake();
                }
            }
            assert!(queue.invoked.len() > 5 && queue.now.duration_since(received) < seconds(30));
            assert_eq!((queue.mapping.counts().left, queue.deleted.len()), (5, 0));
        },
    },
    Case {
        name: "what no filter matches is deleted",
        says: "If an Amazon SQS message doesn't satisfy your filter criteria, Lambda automatically removes the message from the queue.",
        source: FILTERING,
        run: || assert_eq!(kept(r#"{"body":{"a":[1]}}"#, &[r#"{"a":1}"#, r#"{"a":2}"#]), ["0"]),
    },
    Case {
        name: "a plain body by a plain pattern",
        says: "Plain string | Plain string | Lambda filters based on your filter criteria.",
        source: FILTERING,
        run: || assert_eq!(kept(r#"{"body":["x",{"prefix":"y"}]}"#, &["x", "yes", "no"]), ["0", "1"]),
    },
    Case {
        name: "a plain body by metadata",
        says: "Plain string | No filter pattern for data properties | Lambda filters (on the other metadata properties only) based on your filter criteria.",
        source: FILTERING,
        run: || {
            assert_eq!(kept(r#"{"messageId":["1"]}"#, &["x", "y"]), ["1"]);
            assert_eq!(kept(r#"{"attributes":{"ApproximateReceiveCount":["1"]}}"#, &["x"]), ["0"]);
        },
    },
    Case {
        name: "a plain body by a JSON pattern",
        says: "Plain string | Valid JSON | Lambda drops the message.",
        source: FILTERING,
        run: || assert!(kept(r#"{"body":{"a":[{"exists":false}]}}"#, &["x"]).is_empty()),
    },
    Case {
        name: "a JSON body by a plain pattern",
        says: "Valid JSON | Plain string | Lambda drops the message.",
        source: FILTERING,
        run: || assert!(kept(r#"{"body":[{"anything-but":"x"}]}"#, &[r#"{"a":1}"#]).is_empty()),
    },
];
