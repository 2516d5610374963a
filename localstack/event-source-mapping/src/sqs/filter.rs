//! Which messages of a queue a mapping keeps.
//!
//! The formats of a body and of what a pattern says of it have to agree: a plain text matches no pattern for JSON,
//! and JSON none for a plain text.

use std::borrow::Cow;

use super::{Message, Settings};
use crate::filter::{Node, Pattern, PatternError, Shape};

/// The patterns of a mapping, ready to match.
#[derive(Debug, Default)]
pub(crate) struct MessageFilter {
    patterns: Vec<Pattern>,
}

impl MessageFilter {
    /// Reads the patterns.
    pub(crate) fn new(patterns: &[String]) -> Result<Self, PatternError> {
        patterns.iter().map(|text| Pattern::new(text)).collect::<Result<_, _>>().map(|patterns| Self { patterns })
    }

    pub(crate) fn keeps(&self, message: &Message, settings: &Settings) -> bool {
        if self.patterns.is_empty() {
            return true;
        }
        // A number or a word alone is valid JSON too, but no format that fields could be looked up in.
        let json = Node::json(message.body.as_bytes()).filter(Node::is_composed);
        let format = if json.is_some() { Shape::Fields } else { Shape::Rules };
        let node = view(message, settings, json.unwrap_or(Node::Text(Cow::Borrowed(&message.body))));
        let fits = |pattern: &&Pattern| pattern.shapes("body").iter().all(|shape| *shape == format);
        self.patterns.iter().filter(fits).any(|pattern| pattern.matches(&node))
    }
}

fn view<'a>(message: &'a Message, settings: &'a Settings, body: Node<'a>) -> Node<'a> {
    let text = |text: &'a str| Node::Text(Cow::Borrowed(text));
    let attributes = message.attributes.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), text(value)));
    let fields = [
        ("messageId", text(&message.message_id)),
        ("receiptHandle", text(&message.receipt_handle)),
        ("body", body),
        ("attributes", Node::Fields(attributes.collect())),
        ("md5OfBody", text(&message.md5_of_body)),
        ("eventSource", text("aws:sqs")),
        ("eventSourceARN", text(&settings.queue_arn)),
        ("awsRegion", text(settings.region())),
    ];
    Node::Fields(fields.into_iter().map(|(name, node)| (Cow::Borrowed(name), node)).collect())
}
