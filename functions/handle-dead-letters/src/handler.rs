//! One invocation: messages of a queue are parked, or what is due is redriven.

use std::collections::BTreeMap;

use clock::Invocation;
use dead_letters::{Filter, QueueMessage};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};
use pipeline::{
    ParkSettings, RedriveOutcome, RedrivePorts, RedriveSettings, Scope, park,
    port::{InvokeFunction, LetterObjects, Listings, ReadStream, Runtime, Streams},
    redrive,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use telemetry::Metric;

/// What an invocation works with, built once.
pub(crate) struct Handler<Objects, Lists, Source, Invoke, Targets> {
    pub(crate) objects: Objects,
    pub(crate) listings: Lists,
    pub(crate) source: Source,
    pub(crate) functions: Invoke,
    pub(crate) streams: Targets,
    pub(crate) park: ParkSettings,
    pub(crate) redrive: RedriveSettings,
}

/// What the caller is told: which messages come again, or what became of a redrive.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    /// To an event source mapping.
    Parked {
        /// Those that come again.
        #[serde(rename = "batchItemFailures")]
        failures: Vec<ItemFailure>,
    },
    /// To a schedule.
    Redriven(Box<RedriveOutcome>),
}

/// A message that comes again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemFailure {
    item_identifier: String,
}

#[derive(Deserialize)]
struct Messages {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    body: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    message_attributes: BTreeMap<String, Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attribute {
    #[serde(default)]
    string_value: Option<String>,
}

impl<Objects, Lists, Source, Invoke, Targets> Handler<Objects, Lists, Source, Invoke, Targets>
where
    Objects: LetterObjects,
    Lists: Listings,
    Source: ReadStream,
    Invoke: InvokeFunction,
    Targets: Streams,
{
    /// Parks or redrives, until the deadline that Lambda set. Dead letters go by the clock on the wall.
    pub(crate) async fn handle(&self, event: LambdaEvent<Value>) -> Result<Answer, Error> {
        self.take(event.payload, &Invocation::new(None, event.context.deadline)).await
    }

    /// Parks or redrives, by any clock. What is no messages is a schedule's.
    pub(crate) async fn take(&self, event: Value, runtime: &impl Runtime) -> Result<Answer, Error> {
        if event.get("Records").is_some() {
            let messages: Messages = serde_json::from_value(event)?;
            return Ok(self.parked(&messages.records, runtime).await);
        }
        let ports = RedrivePorts {
            objects: &self.objects,
            listings: &self.listings,
            functions: &self.functions,
            streams: &self.streams,
            runtime,
        };
        let outcome = redrive(&ports, &Scope::Due, &Filter::default(), &self.redrive).await;
        telemetry::outcome("dead letters redriven", &outcome);
        let counts = [
            (Metric::DeadLettersRedriven, outcome.redriven + outcome.put),
            (Metric::DeadLettersStayed, outcome.stayed),
        ];
        telemetry::metrics(env!("CARGO_PKG_NAME"), runtime.now().as_millisecond(), &counts);
        Ok(Answer::Redriven(Box::new(outcome)))
    }

    async fn parked(&self, messages: &[Message], runtime: &impl Runtime) -> Answer {
        let attributes: Vec<BTreeMap<String, String>> = messages.iter().map(Message::texts).collect();
        let messages: Vec<QueueMessage<'_>> = messages
            .iter()
            .zip(&attributes)
            .map(|(message, attributes)| QueueMessage {
                id: &message.message_id,
                body: &message.body,
                attributes,
                sent: message.sent().unwrap_or_else(|| runtime.now()),
            })
            .collect();
        let ports = (&self.objects, &self.listings, &self.source, runtime);
        let parked = park(ports, &messages, &self.park).await;
        telemetry::outcome("dead letters parked", &parked.outcome);
        let counts = [
            (Metric::DeadLettersParked, parked.outcome.letters),
            (Metric::DeadLettersReopened, parked.outcome.reopened),
            (Metric::DeadLettersExpired, parked.outcome.expired),
            (Metric::DeadLettersUnparked, parked.outcome.failed),
        ];
        telemetry::metrics(env!("CARGO_PKG_NAME"), runtime.now().as_millisecond(), &counts);
        let failures = parked.retry.into_iter().map(|item_identifier| ItemFailure { item_identifier }).collect();
        Answer::Parked { failures }
    }
}

impl Message {
    fn texts(&self) -> BTreeMap<String, String> {
        let text = |(name, attribute): (&String, &Attribute)| Some((name.clone(), attribute.string_value.clone()?));
        self.message_attributes.iter().filter_map(text).collect()
    }

    fn sent(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.attributes.get("SentTimestamp")?.parse().ok()?).ok()
    }
}
