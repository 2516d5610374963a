//! What the machine takes and gives.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Answer, InvocationId};

/// A message as ReceiveMessage gives it, in an event's words.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its id; what a response names as `itemIdentifier`.
    pub message_id: Arc<str>,
    /// What deletes it, as of this receive.
    pub receipt_handle: Arc<str>,
    /// Its text.
    pub body: Arc<str>,
    /// `ApproximateReceiveCount` and what else the queue knows, in the order in which an event has it.
    pub attributes: Vec<(String, String)>,
    /// The sender's attributes, in the shape of an event; an empty object if there are none.
    pub message_attributes: Value,
    /// The body's MD5 in hexadecimal digits.
    pub md5_of_body: Arc<str>,
}

impl Message {
    /// How often it was received, this time included; 1 if the queue does not say.
    pub fn receive_count(&self) -> u64 {
        let count = self.attributes.iter().find(|(name, _)| name == "ApproximateReceiveCount");
        count.and_then(|(_, count)| count.parse().ok()).unwrap_or(1)
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// What [`Action::Receive`] gave, perhaps nothing.
    Messages(Vec<Arc<Message>>),
    /// [`Action::Receive`] failed.
    ReceiveFailed,
    /// What came of [`Action::Invoke`].
    Answered {
        /// Which invocation.
        invocation: InvocationId,
        /// What it came to.
        answer: Answer,
    },
    /// Time has passed: a moment came that [`Action::WakeAt`] named.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Action {
    /// Receive messages, waiting for some if there are none, and give [`Input::Messages`] or
    /// [`Input::ReceiveFailed`]. One at a time.
    Receive {
        /// Messages at most, 1 to 10.
        limit: usize,
    },
    /// Invoke the function, and give [`Input::Answered`].
    Invoke {
        /// Names it.
        invocation: InvocationId,
        /// With what; [`Batch::event`] renders it.
        batch: Batch,
    },
    /// Delete messages. If that fails they come again, as on AWS.
    Delete(Vec<Arc<Message>>),
    /// Give [`Input::Tick`] at this moment, unless a later call of `advance` names another one.
    WakeAt(Timestamp),
}

/// What one invocation gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The messages in the order in which they were received.
    pub messages: Vec<Arc<Message>>,
}

/// Sums since the mapping began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Invocations asked for.
    pub invocations: u64,
    /// Invocations that failed as a whole or in part; those that did not run are not among them.
    pub failures: u64,
    /// Invocations with a message that was received before.
    pub retries: u64,
    /// Invocations that did not run, because of a throttle or an error of the service.
    pub not_invoked: u64,
    /// Messages deleted because the function was done with them.
    pub messages: u64,
    /// Messages deleted because no filter matched.
    pub filtered: u64,
    /// Messages left to the queue, which shows them again or moves them to its dead-letter queue.
    pub left: u64,
}
