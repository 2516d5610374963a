//! Drives the mapping of a queue: what the state machine asks for is done, and what came of it is told to it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use event_source_mapping::sqs::{Action, Answer, Batch, Input, Mapping, Message, Settings};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    http::{CallError, Emulator},
    kinesis::Shared,
    outcome::Outcome,
    pool::{Pool, Request},
    report::MappingReport,
};

/// How long a receive waits for messages, in seconds. AWS waits up to 20; the emulator holds a thread for each.
const WAIT_SECONDS: u64 = 1;
/// Messages of one call that deletes.
const DELETE_MAX: usize = 10;

struct Hands {
    settings: Settings,
    pool: Arc<Pool>,
    emulator: Emulator,
    last_error: Mutex<Option<String>>,
}

/// Runs a mapping until it is dropped.
pub(crate) async fn run(mut mapping: Mapping, pool: Arc<Pool>, emulator: Emulator, status: Shared) {
    let settings = mapping.settings().clone();
    let hands = Arc::new(Hands { settings, pool, emulator, last_error: Mutex::default() });
    let (sender, mut inputs) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let mut wake: Option<Instant> = None;
    let mut input = Input::Tick;
    loop {
        let has_received = matches!(input, Input::Messages(_));
        if matches!(input, Input::Tick) {
            wake = None;
        }
        for action in mapping.advance(Timestamp::now(), input) {
            if let Action::WakeAt(at) = action {
                let wait = at.duration_since(Timestamp::now()).try_into().unwrap_or_default();
                wake = Some(Instant::now() + wait);
                continue;
            }
            let (hands, sender) = (Arc::clone(&hands), sender.clone());
            tasks.spawn(async move {
                if let Some(input) = hands.carry_out(action).await {
                    // It only fails when the driver is ending.
                    let _ = sender.send(input);
                }
            });
        }
        while tasks.try_join_next().is_some() {}
        status.send_modify(|status| {
            status.polls |= has_received;
            status.is_idle = mapping.is_idle();
            hands.fill(&mapping, &mut status.report);
        });
        let waited = async {
            match wake {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        input = tokio::select! {
            biased;
            Some(input) = inputs.recv() => input,
            () = waited => Input::Tick,
        };
    }
}

impl Hands {
    fn fill(&self, mapping: &Mapping, report: &mut MappingReport) {
        let counts = mapping.counts();
        report.invocations = counts.invocations - counts.not_invoked;
        report.records = counts.messages;
        report.retries = counts.retries;
        report.throttles = counts.not_invoked;
        report.filtered = counts.filtered;
        report.last_error.clone_from(&self.last_error.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn failed(&self, what: &str, error: &CallError) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{what}: {error}"));
    }

    async fn url(&self) -> Result<String, CallError> {
        let parts: Vec<_> = self.settings.queue_arn.split(':').collect();
        let part = |at: usize| parts.get(at).copied().unwrap_or_default();
        self.emulator.queue_url(part(4), part(5)).await
    }

    async fn carry_out(&self, action: Action) -> Option<Input> {
        match action {
            Action::Receive { limit } => Some(match self.receive(limit).await {
                Ok(messages) => Input::Messages(messages),
                Err(error) => {
                    self.failed("cannot receive", &error);
                    Input::ReceiveFailed
                }
            }),
            Action::Invoke { invocation, batch } => {
                let answer = self.invoke(&batch).await;
                Some(Input::Answered { invocation, answer })
            }
            Action::Delete(messages) => {
                for messages in messages.chunks(DELETE_MAX) {
                    if let Err(error) = self.delete(messages).await {
                        // They come again.
                        self.failed("cannot delete", &error);
                    }
                }
                None
            }
            Action::WakeAt(_) => None,
        }
    }

    async fn receive(&self, limit: usize) -> Result<Vec<Arc<Message>>, CallError> {
        let body = json!({
            "QueueUrl": self.url().await?,
            "MaxNumberOfMessages": limit,
            "WaitTimeSeconds": WAIT_SECONDS,
            "AttributeNames": ["All"],
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        });
        let answer = self.emulator.ask("sqs", "AmazonSQS.ReceiveMessage", &body).await?;
        let messages = answer.get("Messages").and_then(Value::as_array).into_iter().flatten();
        Ok(messages.filter_map(message).map(Arc::new).collect())
    }

    async fn invoke(&self, batch: &Batch) -> Answer {
        let event = Bytes::from(batch.event(&self.settings));
        match self.pool.invoke(Request { event, ..Request::default() }).await {
            Ok(done) => match done.outcome {
                Outcome::Returned(payload) => Answer::Returned(payload.to_vec()),
                Outcome::Failed { .. } => Answer::Failed { function_error: "Unhandled".to_owned() },
            },
            Err(_) => Answer::NotInvoked,
        }
    }

    async fn delete(&self, messages: &[Arc<Message>]) -> Result<(), CallError> {
        let entry = |(at, message): (usize, &Arc<Message>)| json!({"Id": at.to_string(), "ReceiptHandle": &*message.receipt_handle});
        let entries: Vec<_> = messages.iter().enumerate().map(entry).collect();
        let body = json!({"QueueUrl": self.url().await?, "Entries": entries});
        self.emulator.ask("sqs", "AmazonSQS.DeleteMessageBatch", &body).await.map(drop)
    }
}

/// A message as ReceiveMessage gives it.
fn message(message: &Value) -> Option<Message> {
    let text = |key: &str| message.get(key).and_then(Value::as_str);
    let attributes = message.get("Attributes").and_then(Value::as_object).into_iter().flatten();
    let attributes = attributes.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Some(Message {
        message_id: text("MessageId")?.into(),
        receipt_handle: text("ReceiptHandle")?.into(),
        body: text("Body")?.into(),
        attributes: attributes.collect(),
        message_attributes: in_an_event(message.get("MessageAttributes")),
        md5_of_body: text("MD5OfBody").unwrap_or_default().into(),
    })
}

/// Attributes of a sender: an event writes the keys of their values small, and has lists that are always empty.
fn in_an_event(attributes: Option<&Value>) -> Value {
    let attributes = attributes.and_then(Value::as_object).into_iter().flatten();
    let attribute = |(name, value): (&String, &Value)| {
        let mut event = Map::new();
        for (from, to) in [("StringValue", "stringValue"), ("BinaryValue", "binaryValue"), ("DataType", "dataType")] {
            if let Some(value) = value.get(from).filter(|value| value.is_string()) {
                event.insert(to.to_owned(), value.clone());
            }
        }
        event.insert("stringListValues".to_owned(), json!([]));
        event.insert("binaryListValues".to_owned(), json!([]));
        (name.clone(), Value::Object(event))
    };
    attributes.map(attribute).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read() {
        let received = json!({
            "MessageId": "1", "ReceiptHandle": "r", "Body": "text", "MD5OfBody": "m",
            "Attributes": {"ApproximateReceiveCount": "2"},
            "MessageAttributes": {"a": {"StringValue": "x", "DataType": "String"}},
        });
        let read = message(&received).unwrap();
        assert_eq!((&*read.body, read.receive_count()), ("text", 2));
        let expected =
            json!({"a": {"stringValue": "x", "dataType": "String", "stringListValues": [], "binaryListValues": []}});
        assert_eq!(read.message_attributes, expected);
        assert_eq!(message(&json!({"MessageId": "1"})), None);
    }
}
