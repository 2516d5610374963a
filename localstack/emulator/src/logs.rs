//! What functions log: names of functions come in, their new lines leave, each exactly once.
//!
//! The lines of the platform (START, END, REPORT) and empty ones are left out. Nothing is interpreted beyond
//! whether a line is a JSON object.

use std::collections::{BTreeMap, HashMap, HashSet};

use aws_sdk_cloudwatchlogs::{Client, types::FilteredLogEvent};
use serde_json::{Map, Value};

use crate::client::said;

/// How far back of the newest line is read again, in milliseconds. A line is visible a little after
/// the time that it carries; one that takes longer than this is lost to the reader.
const OVERLAP_MS: i64 = 10_000;
/// Most events in one answer.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
const EVENTS_MAX: usize = 10_000;

/// One line that a function wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When it was stored, in milliseconds since 1970. In the emulator all lines of an invocation
    /// carry the time of its end.
    pub at_ms: i64,
    /// What it says.
    pub content: Content,
}

/// The content of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A structured log line.
    Json(Map<String, Value>),
    /// Anything else: a panic, the output of a crash.
    Text(String),
}

/// Why logs were not read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The call failed.
    #[error("cannot read the log group `{group}`: {reason}")]
    Call {
        /// Which group.
        group: String,
        /// What the service says.
        reason: String,
    },
    /// The emulator answers with the first 10,000 only, and there is no later time to go on from.
    #[error(
        "the log group `{group}` holds {EVENTS_MAX} lines of one millisecond, and the rest cannot be read; log less"
    )]
    TooDense {
        /// Which group.
        group: String,
    },
}

/// Reads the logs of functions bit by bit.
#[derive(Debug)]
pub struct LogTail {
    client: Client,
    groups: BTreeMap<String, Group>,
}

/// How far one function's log was read.
#[derive(Debug, Default)]
struct Group {
    newest_ms: i64,
    /// The events of the last [`OVERLAP_MS`] that were handed out.
    seen: HashSet<Identity>,
}

/// Tells one event from another. The emulator gives its events no id, so equal lines of one stream
/// and millisecond are told apart by counting them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    at_ms: i64,
    stream: String,
    message: String,
    nth: usize,
}

impl LogTail {
    /// Begins at the beginning of the logs of these functions.
    pub fn new<S: Into<String>>(client: Client, functions: impl IntoIterator<Item = S>) -> Self {
        let groups = functions.into_iter().map(|function| (function.into(), Group::default())).collect();
        Self { client, groups }
    }

    /// The lines of each function since the last call, in the order of their time; functions
    /// without new lines are left out, as are those that have no log group yet. After an error,
    /// what the call had read already is read again by the next one.
    pub async fn read(&mut self) -> Result<BTreeMap<String, Vec<Line>>, LogError> {
        let mut events = BTreeMap::new();
        for (function, group) in &self.groups {
            events.insert(function.clone(), self.fetch(function, group.newest_ms - OVERLAP_MS).await?);
        }
        let mut fresh = BTreeMap::new();
        for (function, group) in &mut self.groups {
            let lines = group.take(events.remove(function).unwrap_or_default());
            if !lines.is_empty() {
                fresh.insert(function.clone(), lines);
            }
        }
        Ok(fresh)
    }

    /// All events of a function's log from this time on.
    async fn fetch(&self, function: &str, from_ms: i64) -> Result<Vec<FilteredLogEvent>, LogError> {
        let name = format!("/aws/lambda/{function}");
        let (mut from, mut token, mut events) = (from_ms.max(0), None::<String>, Vec::new());
        loop {
            let request = self.client.filter_log_events().log_group_name(&name).start_time(from);
            let reply = match request.set_next_token(token.take()).limit(EVENTS_MAX as i32).send().await {
                Ok(reply) => reply,
                Err(error) if error.as_service_error().is_some_and(|it| it.is_resource_not_found_exception()) => {
                    return Ok(events);
                }
                Err(error) => return Err(LogError::Call { group: name, reason: said(&error) }),
            };
            let page = reply.events.unwrap_or_default();
            let full = page.len() >= EVENTS_MAX;
            let last = page.last().and_then(|event| event.timestamp).unwrap_or(from);
            events.extend(page);
            token = reply.next_token;
            if token.is_none() {
                if !full {
                    return Ok(events);
                }
                // The emulator cuts the answer off and gives no token, so the next question begins
                // with the last millisecond, of which this answer may hold a part only.
                if last <= from {
                    return Err(LogError::TooDense { group: name });
                }
                events.retain(|event| event.timestamp.is_some_and(|at| at < last));
                from = last;
            }
        }
    }
}

impl Group {
    /// Those events that are new, as lines.
    fn take(&mut self, events: Vec<FilteredLogEvent>) -> Vec<Line> {
        let mut counts = HashMap::new();
        let mut lines = Vec::new();
        for event in events {
            let at_ms = event.timestamp.unwrap_or_default();
            let stream = event.log_stream_name.unwrap_or_default();
            let message = event.message.unwrap_or_default();
            let nth = counts.entry((at_ms, stream.clone(), message.clone())).or_insert(0_usize);
            *nth += 1;
            let identity = Identity { at_ms, stream, message: message.clone(), nth: *nth };
            self.newest_ms = self.newest_ms.max(at_ms);
            if self.seen.insert(identity) && !says_nothing(&message) {
                lines.push(Line { at_ms, content: content(message) });
            }
        }
        let oldest = self.newest_ms - OVERLAP_MS;
        self.seen.retain(|identity| identity.at_ms >= oldest);
        lines
    }
}

/// Whether a line is empty or one of the platform.
fn says_nothing(message: &str) -> bool {
    message.trim().is_empty()
        || ["START RequestId: ", "END RequestId: ", "REPORT RequestId: "].iter().any(|start| message.starts_with(start))
        || is_of_the_platform(message)
}

/// Whether a line is what Lambda itself logs where the format is JSON.
fn is_of_the_platform(message: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "type")]
        kind: std::borrow::Cow<'a, str>,
    }
    message.contains("\"platform.")
        && serde_json::from_str::<Typed<'_>>(message).is_ok_and(|line| line.kind.starts_with("platform."))
}

fn content(message: String) -> Content {
    match serde_json::from_str(&message) {
        Ok(object) => Content::Json(object),
        Err(_) => Content::Text(message),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(at_ms: i64, stream: &str, message: &str) -> FilteredLogEvent {
        FilteredLogEvent::builder().timestamp(at_ms).log_stream_name(stream).message(message).build()
    }

    proptest! {
        /// However the events are cut into calls, and however late within the overlap one appears,
        /// each is handed out once; equal ones as often as they are.
        #[test]
        fn nothing_is_lost_or_doubled(
            events in prop::collection::vec((0_i64..30, 0_u8..2, 0_u8..2, 0_i64..OVERLAP_MS), 0..60),
            step in 1_000_i64..9_000,
        ) {
            // (second, stream, message, visible how long after that second)
            let store = |&(second, stream, message, late)| (second * 1000, stream, message, second * 1000 + late);
            let mut stored: Vec<_> = events.iter().map(store).collect();
            stored.sort_unstable();
            let mut group = Group::default();
            let mut read = Vec::new();
            let mut now = 0;
            while now <= 40_000 + step {
                let from = group.newest_ms - OVERLAP_MS;
                let visible = stored.iter().filter(|&&(at, _, _, from_when)| from_when <= now && at >= from);
                let page = visible.map(|&(at, stream, message, _)| event(at, &stream.to_string(), &message.to_string()));
                read.extend(group.take(page.collect()).into_iter().map(|line| (line.at_ms, line.content)));
                now += step;
            }
            let mut expected: Vec<_> = stored.iter().map(|&(at, _, message, _)| (at, message.to_string())).collect();
            let mut read: Vec<_> = read.into_iter().map(|(at, content)| (at, match content {
                Content::Text(text) => text,
                Content::Json(object) => Value::from(object).to_string(),
            })).collect();
            expected.sort();
            read.sort();
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn lines_of_the_platform_are_left_out_and_json_is_recognised() {
        let mut group = Group::default();
        let lines = group.take(vec![
            event(1, "s", "START RequestId: 1 Version: $LATEST"),
            event(1, "s", r#"{"message":"polled","calls":2}"#),
            event(1, "s", "thread 'main' panicked at src/main.rs:1:1:"),
            event(1, "s", "REPORT RequestId: 1\tDuration: 2 ms"),
            event(1, "s", r#"{"time":"t","type":"platform.report","record":{"requestId":"1"}}"#),
        ]);
        assert_eq!(lines.len(), 2);
        assert!(matches!(&lines[0].content, Content::Json(object) if object["calls"] == 2));
        assert!(matches!(&lines[1].content, Content::Text(text) if text.starts_with("thread")));
    }
}
