//! Which records of a shard a mapping keeps.
//!
//! A pattern sees a record's `kinesis` fields and those around them at the top, as the examples of AWS have them, and
//! under `kinesis` as the event has them; `data` is decoded and has to be JSON.

use std::borrow::Cow;

use super::{Record, Settings, ShardId, event::seconds};
use crate::filter::{Node, Pattern, PatternError, Shape};

/// The patterns of a mapping, ready to match.
#[derive(Debug, Default)]
pub(crate) struct RecordFilter {
    patterns: Vec<Pattern>,
}

impl RecordFilter {
    /// Reads the patterns.
    pub(crate) fn new(patterns: &[String]) -> Result<Self, PatternError> {
        let read = |text: &String| {
            let pattern = Pattern::new(text)?;
            if pattern.shapes("data").contains(&Shape::Rules) {
                let reason = "`data` has to be an object, since only data in JSON is filtered".to_owned();
                return Err(PatternError { pattern: text.chars().take(200).collect(), reason });
            }
            Ok(pattern)
        };
        patterns.iter().map(read).collect::<Result<_, _>>().map(|patterns| Self { patterns })
    }

    pub(crate) fn keeps(&self, record: &Record, shard: &ShardId, settings: &Settings) -> bool {
        if self.patterns.is_empty() {
            return true;
        }
        let data = Node::json(&record.data);
        let node = view(record, shard, settings, data.clone());
        let fits = |pattern: &&Pattern| data.is_some() || pattern.shapes("data").is_empty();
        self.patterns.iter().filter(fits).any(|pattern| pattern.matches(&node))
    }
}

fn view<'a>(record: &'a Record, shard: &ShardId, settings: &'a Settings, data: Option<Node<'a>>) -> Node<'a> {
    let text = |text: &'a str| Node::Text(Cow::Borrowed(text));
    let number = record.sequence_number.as_str();
    let mut kinesis = vec![
        ("kinesisSchemaVersion", text("1.0")),
        ("partitionKey", text(&record.partition_key)),
        ("sequenceNumber", text(number)),
        ("approximateArrivalTimestamp", Node::Number(seconds(record.arrived))),
    ];
    kinesis.extend(data.map(|data| ("data", data)));
    let mut fields = kinesis.clone();
    fields.extend([
        ("kinesis", named(kinesis)),
        ("eventSource", text("aws:kinesis")),
        ("eventVersion", text("1.0")),
        ("eventID", Node::Text(format!("{shard}:{number}").into())),
        ("eventName", text("aws:kinesis:record")),
        ("invokeIdentityArn", text(&settings.role_arn)),
        ("awsRegion", text(settings.region())),
        ("eventSourceARN", text(&settings.stream_arn)),
    ]);
    named(fields)
}

fn named<'a>(fields: Vec<(&'static str, Node<'a>)>) -> Node<'a> {
    Node::Fields(fields.into_iter().map(|(name, node)| (Cow::Borrowed(name), node)).collect())
}
