//! The dead letter: everything that is needed to understand a failure and to send the record again.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Failure, Kind, Stage};

/// Where a record stood when it failed; empty for what failed before it reached a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The function that gave up.
    pub function: String,
    /// The stream's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The shard's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// The sequence number, as text: it has more digits than a number holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
    /// The partition key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_key: Option<String>,
}

/// A record that could not be processed, with its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What went wrong.
    pub failure: Failure,
    /// Where.
    pub place: Place,
    /// The record's `id`, if it has one that could be read.
    pub id: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When the failure was seen.
    pub seen: Timestamp,
    /// The record as it came, with secrets redacted.
    pub payload: Vec<u8>,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    stage: Stage,
    kind: Kind,
    retryable: bool,
    reason: &'a str,
    subject: &'a str,
    attempts: u32,
    first_seen: String,
    last_seen: String,
    #[serde(flatten)]
    place: &'a Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

impl DeadLetter {
    /// One line of JSON, without its newline: `payload` if it is text, `payload_base64` if not.
    ///
    /// Control characters are no text: JSON writes each as six characters, which would make 30 MB of
    /// the largest batch.
    pub fn to_line(&self) -> String {
        let is_text = |byte: u8| byte >= b' ' || byte.is_ascii_whitespace();
        let text = std::str::from_utf8(&self.payload).ok().filter(|text| text.bytes().all(is_text));
        let line = Line {
            schema: "dead_letter.v1",
            stage: self.failure.stage,
            kind: self.failure.kind,
            retryable: self.failure.kind.is_retryable(),
            reason: &self.failure.reason,
            subject: &self.failure.subject,
            attempts: self.attempts,
            first_seen: format!("{:.3}", self.seen),
            last_seen: format!("{:.3}", self.seen),
            place: &self.place,
            id: self.id.as_deref(),
            payload: text,
            payload_base64: text.is_none().then(|| STANDARD.encode(&self.payload)),
        };
        // Strings and numbers always serialise; a map with keys other than strings does not occur.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// What tells this dead letter from others: a retry of the same record gives the same.
    fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [
            self.place.function.as_bytes(),
            self.place.stream.as_deref().unwrap_or_default().as_bytes(),
            self.place.shard.as_deref().unwrap_or_default().as_bytes(),
            self.place.sequence_number.as_deref().unwrap_or_default().as_bytes(),
            self.failure.subject.as_bytes(),
            &self.payload,
        ] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// The object that keeps these dead letters, one line each: `dead-letters/FUNCTION/YYYY/MM/DD/HASH.ndjson`.
///
/// The name follows from the records alone and the day of the first one, so that a batch which is
/// tried again overwrites its own object and adds none.
pub fn object_key(letters: &[DeadLetter]) -> Option<String> {
    let first = letters.first()?;
    let mut hash = Sha256::new();
    for letter in letters {
        hash.update(letter.fingerprint());
    }
    let hash: [u8; 32] = hash.finalize().into();
    let name: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let day = first.seen.strftime("%Y/%m/%d");
    Some(format!("dead-letters/{}/{day}/{name}.ndjson", first.place.function))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(payload: &[u8]) -> DeadLetter {
        DeadLetter {
            failure: Failure::new(Stage::Decode, Kind::NotJson, "record", "not JSON"),
            place: Place {
                function: "compute-indicators".into(),
                sequence_number: Some("49".repeat(28)),
                ..Default::default()
            },
            id: None,
            attempts: 1,
            seen: "2026-11-20T15:00:00Z".parse().unwrap(),
            payload: payload.to_vec(),
        }
    }

    #[test]
    fn the_payload_is_kept_whether_it_is_text_or_not() {
        let line: serde_json::Value = serde_json::from_str(&letter(b"{\"a\":\"\n").to_line()).unwrap();
        assert_eq!(line["payload"], "{\"a\":\"\n");
        for (payload, expected) in [(&[0xff, b'a'][..], "/2E="), (&[0x01, b'a'], "AWE=")] {
            let line: serde_json::Value = serde_json::from_str(&letter(payload).to_line()).unwrap();
            assert_eq!((&line["payload_base64"], line.get("payload")), (&expected.into(), None));
        }
        assert_eq!(line["sequence_number"].as_str().unwrap().len(), 56);
        assert_eq!(line["retryable"], false);
    }

    #[test]
    fn a_retried_batch_overwrites_its_own_object() {
        let mut later = letter(b"x");
        later.seen = "2026-11-20T16:00:00Z".parse().unwrap();
        let key = object_key(&[letter(b"x")]);
        assert_eq!(object_key(&[later]), key);
        assert_ne!(object_key(&[letter(b"y")]), key);
        assert!(key.unwrap().starts_with("dead-letters/compute-indicators/2026/11/20/"));
        assert_eq!(object_key(&[]), None);
    }
}
