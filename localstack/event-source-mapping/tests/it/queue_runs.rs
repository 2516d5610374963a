//! A queue that hides messages, shows them again and moves them to a dead-letter queue, and random answers.

use std::{collections::HashMap, sync::Arc};

use event_source_mapping::sqs::{Action, Answer, Input, Mapping, Message, Settings};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use crate::rig::{failed, returned, seconds};

const MAXIMUM_RECEIVES: u32 = 4;

#[derive(Default)]
struct Queue {
    /// From when each message is visible, and how often it was received.
    messages: HashMap<u32, (Timestamp, u32)>,
    dead: Vec<u32>,
    deleted: Vec<u32>,
}

impl Queue {
    fn receive(&mut self, now: Timestamp, hidden: SignedDuration, limit: usize) -> Vec<Arc<Message>> {
        let mut visible: Vec<u32> =
            self.messages.iter().filter(|(_, (from, _))| *from <= now).map(|(id, _)| *id).collect();
        visible.sort_unstable();
        let mut received = Vec::new();
        for id in visible {
            let entry = self.messages.get_mut(&id).unwrap();
            if entry.1 == MAXIMUM_RECEIVES {
                self.messages.remove(&id);
                self.dead.push(id);
            } else if received.len() < limit {
                *entry = (now + hidden, entry.1 + 1);
                let count = ("ApproximateReceiveCount".to_owned(), entry.1.to_string());
                received.push(Arc::new(Message {
                    message_id: id.to_string().into(),
                    receipt_handle: format!("{id}-{}", entry.1).into(),
                    body: "{}".into(),
                    attributes: vec![count],
                    message_attributes: json!({}),
                    md5_of_body: "99914b932bd37a50b983c5e7c90ae93b".into(),
                }));
            }
        }
        received
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_done_or_dead(
        count in 1_u32..120, batch_size in 1_usize..30, poison in 2_u32..20, places in 2_usize..6,
        reports in any::<bool>(), throttled in 0_u64..4,
    ) {
        let settings = Settings {
            uuid: "2b733gdc-8ac3-cdf5-af3a-1827b3b11284".to_owned(),
            function_arn: "arn:aws:lambda:us-east-2:123456789012:function:my-function".to_owned(),
            queue_arn: "arn:aws:sqs:us-east-2:123456789012:my-queue".to_owned(),
            batch_size,
            batching_window: seconds(i64::from(batch_size > 10)),
            filters: Vec::new(),
            reports_batch_item_failures: reports,
            maximum_concurrency: Some(places),
            visibility_timeout: seconds(30),
        };
        prop_assert_eq!(settings.validate(), Ok(()));
        let mut mapping = Mapping::new(settings);
        let mut now = Timestamp::from_second(1_700_000_000).unwrap();
        let mut queue = Queue::default();
        queue.messages.extend((0..count).map(|id| (id, (now, 0))));
        let mut due = vec![(now, Input::Tick)];
        let (mut wake, mut calls) = (None, 0);
        for _ in 0..100_000 {
            if queue.messages.is_empty() && mapping.is_idle() {
                break;
            }
            let next = (0..due.len()).min_by_key(|index| due[*index].0);
            let input = match (next, wake) {
                (Some(index), wake) if wake.is_none_or(|wake| due[index].0 <= wake) => {
                    let (at, input) = due.swap_remove(index);
                    now = now.max(at);
                    input
                }
                (_, at) => {
                    now = now.max(at.unwrap());
                    wake = None;
                    Input::Tick
                }
            };
            for action in mapping.advance(now, input) {
                match action {
                    Action::Receive { limit } => due.push((now, Input::Messages(queue.receive(now, seconds(30), limit)))),
                    Action::Delete(messages) => for message in messages {
                        let id = message.message_id.parse().unwrap();
                        if queue.messages.remove(&id).is_some() {
                            queue.deleted.push(id);
                        }
                    },
                    Action::WakeAt(at) => wake = Some(at),
                    Action::Invoke { invocation, batch } => {
                        calls += 1;
                        prop_assert!((1..=batch_size).contains(&batch.messages.len()));
                        prop_assert!(mapping.in_flight() <= places);
                        let is_bad = |message: &&Arc<Message>| message.message_id.parse::<u32>().unwrap() % poison == 1;
                        let bad: Vec<_> = batch.messages.iter().filter(is_bad).collect();
                        let answer = if throttled > 0 && calls % (throttled + 1) == 0 {
                            Answer::NotInvoked
                        } else if bad.is_empty() {
                            returned("")
                        } else if reports {
                            let items: Vec<_> =
                                bad.iter().map(|message| json!({"itemIdentifier": &*message.message_id})).collect();
                            returned(&json!({"batchItemFailures": items}).to_string())
                        } else {
                            failed()
                        };
                        due.push((now + SignedDuration::from_millis(calls as i64 % 900), Input::Answered { invocation, answer }));
                    }
                }
            }
        }
        prop_assert!(queue.messages.is_empty(), "{} messages are left", queue.messages.len());
        prop_assert_eq!(queue.deleted.len() + queue.dead.len(), count as usize);
        prop_assert!(queue.deleted.iter().all(|id| id % poison != 1), "a failed message was deleted");
        if reports && throttled == 0 {
            prop_assert!(queue.dead.iter().all(|id| id % poison == 1), "a done message was given up");
        }
    }
}
