//! One dead letter: a line of `dead_letter.v1` as functions store it, and with more fields once it is parked.
//!
//! A line enters, a [`Letter`] leaves, and the other way round. Fields that are not known are ignored; a line that is
//! none becomes a letter of its own, so that reading loses nothing.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use failure::{Failure, Kind, Place, Stage};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::time;

const SCHEMA: &str = "dead_letter.v1";

/// One thing that somebody gave up on.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Where and why.
    pub failure: Failure,
    /// Where it stood. `function` is the one that gave up, without its environment.
    pub place: Place,
    /// How often it was tried before it was parked, about.
    pub attempts: u32,
    /// When it failed first, as far as is known.
    pub first_seen: Timestamp,
    /// When it failed last.
    pub last_seen: Timestamp,
    /// When the stream took it, about.
    pub arrived_at: Option<Timestamp>,
    /// The ARN of the stream.
    pub stream_arn: Option<String>,
    /// The role that the mapping invoked the function with.
    pub invoke_identity_arn: Option<String>,
    /// The record's `id`.
    pub id: Option<String>,
    /// The record's `symbol`.
    pub symbol: Option<String>,
    /// What it is about.
    pub content: Content,
}

/// What a letter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The record as it came, a vendor's row or reply, or (at stage `invoke`) what the function was called with.
    Payload(Vec<u8>),
    /// Nothing: it was gone before anybody could keep it.
    Expired(Expired),
}

/// Records that a stream no longer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    /// How many.
    pub records: u64,
    /// The last of them; the first is the letter's own sequence number.
    pub last_sequence_number: String,
}

/// How a letter can be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// In an event to the consumer that gave up.
    Consumer,
    /// Into the stream that it never reached.
    Stream,
    /// The call is made once more.
    Call,
    /// Not at all, and why: it can be shown and discarded.
    None(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    schema: Cow<'a, str>,
    stage: Stage,
    kind: Kind,
    #[serde(default)]
    retryable: bool,
    reason: String,
    #[serde(default)]
    subject: String,
    attempts: u32,
    #[serde(with = "time")]
    first_seen: Timestamp,
    #[serde(with = "time")]
    last_seen: Timestamp,
    #[serde(flatten)]
    place: Place,
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    arrived_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stream_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invoke_identity_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    symbol: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expired: Option<Expired>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

/// What a record says of itself, if it is one of ours.
#[derive(Default, Deserialize)]
struct Names<'a> {
    #[serde(default, borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    symbol: Option<Cow<'a, str>>,
}

impl Letter {
    /// A letter that holds something, with what the payload says of itself.
    pub fn holding(failure: Failure, place: Place, attempts: u32, seen: Timestamp, payload: Vec<u8>) -> Self {
        let names: Names<'_> = serde_json::from_slice(&payload).unwrap_or_default();
        let (id, symbol) = (names.id.map(Cow::into_owned), names.symbol.map(Cow::into_owned));
        let seen = time::to_millis(seen);
        Self {
            failure,
            place,
            attempts,
            first_seen: seen,
            last_seen: seen,
            arrived_at: None,
            stream_arn: None,
            invoke_identity_arn: None,
            id,
            symbol,
            content: Content::Payload(payload),
        }
    }

    /// One line of JSON, without its newline.
    pub fn to_line(&self) -> String {
        let payload = match &self.content {
            Content::Payload(payload) => Some(payload),
            Content::Expired(_) => None,
        };
        // Control characters are no text: JSON writes each as six characters.
        let is_text = |byte: u8| byte >= b' ' || byte.is_ascii_whitespace();
        let text = payload.and_then(|payload| std::str::from_utf8(payload).ok());
        let text = text.filter(|text| text.bytes().all(is_text));
        let line = Line {
            schema: SCHEMA.into(),
            stage: self.failure.stage,
            kind: self.failure.kind,
            retryable: self.failure.kind.is_retryable(),
            reason: self.failure.reason.clone(),
            subject: self.failure.subject.clone(),
            attempts: self.attempts,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            place: self.place.clone(),
            arrived_at: self.arrived_at,
            stream_arn: self.stream_arn.clone(),
            invoke_identity_arn: self.invoke_identity_arn.clone(),
            id: self.id.clone(),
            symbol: self.symbol.clone(),
            expired: match &self.content {
                Content::Expired(expired) => Some(expired.clone()),
                Content::Payload(_) => None,
            },
            payload: text.map(Cow::Borrowed),
            payload_base64: payload.filter(|_| text.is_none()).map(|payload| STANDARD.encode(payload)),
        };
        // Strings and numbers always serialise.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Reads a line. One that is no dead letter of this version is a letter itself.
    pub fn read_line(line: &[u8], function: &str, seen: Timestamp) -> Self {
        Self::parse(line).unwrap_or_else(|problem| {
            let place = Place { function: function.to_owned(), ..Default::default() };
            let reason = format!("the dead letter cannot be read: {problem}; it is kept as it came");
            let failure = Failure::new(Stage::Decode, Kind::Unreadable, "dead letter", reason);
            Self::holding(failure, place, 1, seen, line.to_vec())
        })
    }

    fn parse(line: &[u8]) -> Result<Self, String> {
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if line.schema != SCHEMA {
            return Err(format!("its schema is not `{SCHEMA}`"));
        }
        let content = match (line.expired, line.payload, line.payload_base64) {
            (Some(expired), None, None) => Content::Expired(expired),
            (None, Some(text), None) => Content::Payload(text.into_owned().into_bytes()),
            (None, None, Some(base64)) => {
                Content::Payload(STANDARD.decode(base64).map_err(|error| format!("`payload_base64`: {error}"))?)
            }
            _ => return Err("it has not exactly one of `payload`, `payload_base64` and `expired`".to_owned()),
        };
        let mut letter = Self::holding(
            Failure::new(line.stage, line.kind, line.subject, line.reason),
            line.place,
            line.attempts,
            line.first_seen,
            Vec::new(),
        );
        letter.last_seen = time::to_millis(line.last_seen);
        letter.arrived_at = line.arrived_at;
        letter.stream_arn = line.stream_arn;
        letter.invoke_identity_arn = line.invoke_identity_arn;
        let names = match &content {
            Content::Payload(payload) => serde_json::from_slice(payload).unwrap_or_default(),
            Content::Expired(_) => Names::default(),
        };
        letter.id = line.id.or(names.id.map(Cow::into_owned));
        letter.symbol = line.symbol.or(names.symbol.map(Cow::into_owned));
        letter.content = content;
        Ok(letter)
    }

    /// The payload; none of what has expired.
    pub fn payload(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Payload(payload) => Some(payload),
            Content::Expired(_) => None,
        }
    }

    /// What has expired.
    pub fn expired(&self) -> Option<&Expired> {
        match &self.content {
            Content::Payload(_) => None,
            Content::Expired(expired) => Some(expired),
        }
    }

    /// How it can be tried again.
    pub fn way(&self) -> Way {
        let Place { stream, shard, sequence_number, partition_key, .. } = &self.place;
        if self.expired().is_some() {
            return Way::None("the stream no longer holds it");
        }
        match (self.failure.stage, self.failure.kind) {
            (_, Kind::Unreadable) => Way::None("it is not known what it is"),
            // What a mapping gave up has a place in a stream; a call has none.
            (Stage::Invoke, _) if sequence_number.is_none() => Way::Call,
            (Stage::Produce, Kind::Oversized) => Way::None("it is larger than its stream takes"),
            (Stage::Produce, _) if stream.is_some() && partition_key.is_some() && sequence_number.is_none() => {
                Way::Stream
            }
            (Stage::Produce, _) if sequence_number.is_none() => {
                Way::None("it does not say into which stream it belongs")
            }
            (Stage::Fetch | Stage::Classify, _) => {
                Way::None("it is a reply of the vendor, which the next poll asks for anew")
            }
            (Stage::Validate, _) => Way::None("it is a row that breaks a rule; the next poll takes a corrected one"),
            _ if stream.is_some() && shard.is_some() && sequence_number.is_some() => Way::Consumer,
            _ => Way::None("it does not say where in which stream it stood"),
        }
    }

    /// The symbol that it is about: the record's own, or the one that the vendor was asked about.
    pub fn about(&self) -> Option<&str> {
        let asked = || match self.failure.stage {
            // The subject is a request, such as `GLOBAL_QUOTE MSFT`.
            Stage::Fetch | Stage::Classify | Stage::Validate | Stage::Produce => {
                self.failure.subject.split_whitespace().nth(1)
            }
            _ => None,
        };
        self.symbol.as_deref().or_else(asked)
    }

    /// Its name in reports: `SHARD:SEQUENCE NUMBER` of what stood in a stream, else its subject.
    pub fn name(&self) -> String {
        match (&self.place.shard, &self.place.sequence_number) {
            (Some(shard), Some(number)) => format!("{shard}:{number}"),
            _ => self.failure.subject.clone(),
        }
    }
}

/// The lines of a parked object.
pub fn parked_body(letters: &[Letter]) -> Vec<u8> {
    let mut body = Vec::new();
    for letter in letters {
        body.extend_from_slice(letter.to_line().as_bytes());
        body.push(b'\n');
    }
    body
}

/// The letters of a parked object, in their order.
pub fn read_parked(body: &[u8], function: &str, seen: Timestamp) -> Vec<Letter> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| Letter::read_line(line, function, seen)).collect()
}
