//! What the function gets: a batch becomes the JSON of an event, in AWS's order of keys.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::{Batch, Message, Settings};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    message_id: &'a str,
    receipt_handle: &'a str,
    body: &'a str,
    attributes: Attributes<'a>,
    message_attributes: &'a Value,
    md5_of_body: &'a str,
    event_source: &'a str,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: &'a str,
    aws_region: &'a str,
}

/// A map that keeps its order.
struct Attributes<'a>(&'a [(String, String)]);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a> {
    records: Vec<Record<'a>>,
}

fn record<'a>(message: &'a Message, settings: &'a Settings) -> Record<'a> {
    Record {
        message_id: &message.message_id,
        receipt_handle: &message.receipt_handle,
        body: &message.body,
        attributes: Attributes(&message.attributes),
        message_attributes: &message.message_attributes,
        md5_of_body: &message.md5_of_body,
        event_source: "aws:sqs",
        event_source_arn: &settings.queue_arn,
        aws_region: settings.region(),
    }
}

/// The bytes that a message takes in an event, a comma included.
pub(crate) fn length(message: &Message, settings: &Settings) -> usize {
    // Texts and numbers only: there is nothing that could fail.
    serde_json::to_vec(&record(message, settings)).map_or(0, |json| json.len() + 1)
}

impl Batch {
    /// The event: compact JSON with AWS's keys in AWS's order.
    pub fn event(&self, settings: &Settings) -> Vec<u8> {
        let records = self.messages.iter().map(|message| record(message, settings)).collect();
        serde_json::to_vec(&Event { records }).unwrap_or_default()
    }
}
