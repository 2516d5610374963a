//! The ledger of what was sent about one subject: per fact its last revision and content.
//!
//! It decides whether a fact is news. It is written after Kinesis took the record, never before: a
//! crash in between sends the same record again, with the same id.

use std::collections::BTreeMap;

use crate::identity::{Digest128, Key};

/// Facts that a ledger remembers at the most; beyond that the oldest are forgotten. More than the
/// longest reply has rows, so that no row is ever news twice.
pub const SENT_MAX: usize = 4096;

/// The format that is written.
const FORMAT: u8 = 1;
const ENTRY_BYTES: usize = 16 + 8 + 4 + 16;

/// The bytes are no ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SentError {
    /// Written by a version of kinetick with another format.
    #[error(
        "the ledger of what was sent has format `{0}`, this version reads `{FORMAT}`: deploy the version that wrote it, or delete the item"
    )]
    UnknownFormat(u8),
    /// Cut off.
    #[error("the ledger of what was sent is damaged: delete the item; facts of the last days are then sent once more")]
    Corrupt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Last {
    at: i64,
    rev: u32,
    content: Digest128,
}

/// What was sent about one subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent(BTreeMap<Key, Last>);

impl Sent {
    /// The revision under which this content is news; `None` if it was the last that was sent.
    pub fn news(&self, key: Key, content: Digest128) -> Option<u32> {
        match self.0.get(&key) {
            None => Some(0),
            Some(last) if last.content == content => None,
            Some(last) => Some(last.rev + 1),
        }
    }

    /// Notes that Kinesis took it. `at` is the event time in milliseconds since 1970.
    pub fn confirm(&mut self, key: Key, at: i64, rev: u32, content: Digest128) {
        let last = Last { at, rev, content };
        let kept = self.0.entry(key).or_insert(last);
        // Two pollers at once: the greater revision stays, and between equal ones the greater content.
        if (kept.rev, kept.content) < (rev, content) {
            *kept = last;
        }
        if self.0.len() > SENT_MAX
            && let Some(oldest) = self.0.iter().min_by_key(|(key, last)| (last.at, **key)).map(|(key, _)| *key)
        {
            self.0.remove(&oldest);
        }
    }

    /// Takes in what another poller confirmed meanwhile.
    pub fn merge(&mut self, other: &Self) {
        for (key, last) in &other.0 {
            self.confirm(*key, last.at, last.rev, last.content);
        }
    }

    /// Writes the ledger.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.0.len() * ENTRY_BYTES);
        out.push(FORMAT);
        for (key, last) in &self.0 {
            out.extend_from_slice(&key.0);
            out.extend_from_slice(&last.at.to_le_bytes());
            out.extend_from_slice(&last.rev.to_le_bytes());
            out.extend_from_slice(&last.content.0);
        }
        out
    }

    /// Reads a ledger.
    pub fn decode(bytes: &[u8]) -> Result<Self, SentError> {
        let (&format, mut rest) = bytes.split_first().ok_or(SentError::Corrupt)?;
        if format != FORMAT {
            return Err(SentError::UnknownFormat(format));
        }
        let mut sent = BTreeMap::new();
        while !rest.is_empty() {
            let (key, tail) = rest.split_first_chunk().ok_or(SentError::Corrupt)?;
            let (at, tail) = tail.split_first_chunk().ok_or(SentError::Corrupt)?;
            let (rev, tail) = tail.split_first_chunk().ok_or(SentError::Corrupt)?;
            let (content, tail) = tail.split_first_chunk().ok_or(SentError::Corrupt)?;
            let last =
                Last { at: i64::from_le_bytes(*at), rev: u32::from_le_bytes(*rev), content: Digest128(*content) };
            sent.insert(Digest128(*key), last);
            rest = tail;
        }
        Ok(Self(sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u64) -> Digest128 {
        Digest128::of(&[&n.to_le_bytes()])
    }

    #[test]
    fn only_other_content_is_news_and_gets_the_next_revision() {
        let mut sent = Sent::default();
        assert_eq!(sent.news(digest(1), digest(10)), Some(0));
        sent.confirm(digest(1), 5, 0, digest(10));
        assert_eq!(sent.news(digest(1), digest(10)), None);
        assert_eq!(sent.news(digest(1), digest(11)), Some(1));
        sent.confirm(digest(1), 5, 1, digest(11));
        assert_eq!(sent.news(digest(1), digest(10)), Some(2), "back to an old value is news again");
        assert_eq!(Sent::decode(&sent.encode()).unwrap(), sent);
    }

    #[test]
    fn the_oldest_are_forgotten_first_and_damage_is_told() {
        let mut sent = Sent::default();
        for n in 0..=SENT_MAX as u64 {
            sent.confirm(digest(n), n as i64, 0, digest(n));
        }
        assert_eq!(sent.news(digest(0), digest(0)), Some(0));
        assert_eq!(sent.news(digest(1), digest(1)), None);
        let mut bytes = sent.encode();
        bytes.pop();
        assert_eq!(Sent::decode(&bytes), Err(SentError::Corrupt));
        assert_eq!(Sent::decode(&[]), Err(SentError::Corrupt));
        assert_eq!(Sent::decode(&[7]), Err(SentError::UnknownFormat(7)));
    }

    #[test]
    fn two_pollers_end_with_the_same_ledger() {
        let (mut one, mut two) = (Sent::default(), Sent::default());
        one.confirm(digest(1), 5, 1, digest(10));
        two.confirm(digest(1), 5, 1, digest(11));
        two.confirm(digest(2), 6, 0, digest(12));
        let (before_one, before_two) = (one.clone(), two.clone());
        one.merge(&before_two);
        two.merge(&before_one);
        assert_eq!(one, two);
    }
}
