//! The ledger of what is sent about one subject: per fact its last revision and content.
//!
//! It decides whether a fact is news, and under which revision. The order of a poll is: reserve the
//! revisions, write the ledger, put the records, confirm what was taken, write the ledger. A crash
//! in between sends the same record again, with the same id; if the vendor corrected the value
//! meanwhile, the correction gets the next revision, because the one reserved may be in the stream.
//!
//! Never are two contents sent under one revision, by any number of pollers, as long as
//! - each puts only what stands reserved in the ledger that it wrote *on condition* that nobody
//!   else wrote it since it was read, and asks for [`Sent::news`] again if that was refused;
//! - all that send a key share one ledger: this one knows nothing of the others;
//! - the ledger remembers the key: beyond [`SENT_MAX`] facts the oldest are forgotten.
//!
//! Between two pollers the greater revision goes to who reserved later, which need not be who asked
//! the vendor later; the next poll puts that right. Small blobs of others can ride along in the item.

mod attachment;
mod codec;

use std::collections::BTreeMap;

pub use attachment::{ATTACHMENT_BYTES, ATTACHMENT_NAME_BYTES, ATTACHMENTS_MAX, Attachment, AttachmentError};
pub use codec::SentError;

use crate::identity::{Digest128, Key};

/// Facts that a ledger remembers at the most; beyond that the oldest are forgotten. More than the
/// longest reply has rows, so that no row is ever news twice.
pub const SENT_MAX: usize = 4096;

/// What is known of the last revision of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It was about to be put with this content; it may be in the stream, or not.
    Reserved(Digest128),
    /// The stream took it with this content.
    Confirmed(Digest128),
    /// Two contents were put, or were about to be, so that no content is known to be the current one.
    Disputed,
}

impl Fate {
    /// What both know together. Commutative, associative, idempotent.
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Confirmed(one), Self::Reserved(two) | Self::Confirmed(two))
            | (Self::Reserved(two), Self::Confirmed(one))
                if one == two =>
            {
                Self::Confirmed(one)
            }
            (Self::Reserved(one), Self::Reserved(two)) if one == two => Self::Reserved(one),
            _ => Self::Disputed,
        }
    }
}

/// The last revision of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Last {
    /// Event time in milliseconds since 1970.
    at: i64,
    rev: u32,
    fate: Fate,
}

impl Last {
    /// The greater revision, and of one revision what both know. Commutative, associative, idempotent.
    fn join(self, other: Self) -> Self {
        let (rev, fate) = match self.rev.cmp(&other.rev) {
            std::cmp::Ordering::Less => (other.rev, other.fate),
            std::cmp::Ordering::Equal => (self.rev, self.fate.join(other.fate)),
            std::cmp::Ordering::Greater => (self.rev, self.fate),
        };
        Self { at: self.at.max(other.at), rev, fate }
    }
}

/// What is sent about one subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    facts: BTreeMap<Key, Last>,
    attachments: BTreeMap<String, Attachment>,
}

impl Sent {
    /// The revision under which this content is news; `None` if the stream took it as the last one.
    ///
    /// What was reserved with this content and not confirmed is news under that same revision; after
    /// any other content it is news under the next.
    pub fn news(&self, key: Key, content: Digest128) -> Option<u32> {
        let Some(last) = self.facts.get(&key) else { return Some(0) };
        match last.fate {
            Fate::Confirmed(sent) if sent == content => None,
            Fate::Reserved(reserved) if reserved == content => Some(last.rev),
            // At the last number there is no next one; that many corrections of one fact do not happen.
            _ => Some(last.rev.saturating_add(1)),
        }
    }

    /// Notes that it is about to be put under the revision that [`Sent::news`] gave. `at` is the event
    /// time in milliseconds since 1970. It holds once the ledger is written.
    pub fn reserve(&mut self, key: Key, at: i64, rev: u32, content: Digest128) {
        self.note(key, Last { at, rev, fate: Fate::Reserved(content) });
    }

    /// Notes that Kinesis took it. `at` is the event time in milliseconds since 1970.
    pub fn confirm(&mut self, key: Key, at: i64, rev: u32, content: Digest128) {
        self.note(key, Last { at, rev, fate: Fate::Confirmed(content) });
    }

    /// Takes in what another poller wrote meanwhile. In any order and however often, the result is the same.
    pub fn merge(&mut self, other: &Self) {
        other.facts.iter().for_each(|(key, last)| self.note(*key, *last));
        attachment::merge(&mut self.attachments, &other.attachments);
    }

    /// What rides along under a name.
    pub fn attachment(&self, name: &str) -> Option<&Attachment> {
        self.attachments.get(name)
    }

    /// Lets something ride along, unless what is there has a greater version or the same one. To begin
    /// anew, give a greater version: a merge brings back what is merely left out.
    pub fn attach(&mut self, name: &str, attachment: Attachment) -> Result<(), AttachmentError> {
        attachment::attach(&mut self.attachments, name, attachment)
    }

    fn note(&mut self, key: Key, last: Last) {
        self.facts.entry(key).and_modify(|known| *known = known.join(last)).or_insert(last);
        if self.facts.len() > SENT_MAX
            && let Some(oldest) = self.facts.iter().min_by_key(|(key, last)| (last.at, **key)).map(|(key, _)| *key)
        {
            self.facts.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
