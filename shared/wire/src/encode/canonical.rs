//! The canonical text of a record: what it says, whatever its revision, written once. Digests are taken of its pieces
//! where they stand, and a line is those pieces with `id`, `ingested_at` and `flags` between them.

use jiff::Timestamp;

use super::{
    Source,
    text::{Millis, push_all},
};
use crate::identity::{Digest128, Id, Key};

/// What a record says whatever its revision. Its memory can be used for one record after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Canonical {
    /// What stands before the revision: `{"schema":"bar.v1","key":"…"`.
    head: String,
    /// What stands behind it, from the comma to the last brace: source, timestamp and body.
    text: String,
    /// Where the body begins in it, by its comma.
    body_at: usize,
}

impl Canonical {
    /// Begins a record. The fields of the body are to be appended, from the first name to the last value.
    pub(super) fn begin(&mut self, source: Source, timestamp: &str) -> &mut String {
        self.text.clear();
        // All of a price's record and most of the others.
        self.text.reserve(512);
        push_all(&mut self.text, &[r#","source":""#, source.as_str(), r#"","timestamp":""#, timestamp, "\""]);
        self.body_at = self.text.len();
        self.text.push(',');
        &mut self.text
    }

    /// Ends it.
    pub(super) fn end(&mut self, schema: &str, key: Key) {
        self.text.push('}');
        self.head.clear();
        push_all(&mut self.head, &[r#"{"schema":""#, schema, r#"","key":""#, key.hex().as_str(), "\""]);
    }

    /// The digest of the text as that revision, or as none.
    pub(super) fn digest(&self, rev: Option<u32>) -> Digest128 {
        let (head, text) = (self.head.as_bytes(), self.text.as_bytes());
        match rev {
            Some(rev) => {
                let mut digits = itoa::Buffer::new();
                Digest128::of_pieces([head, br#","rev":"#, digits.format(rev).as_bytes(), text])
            }
            None => Digest128::of_pieces([head, text]),
        }
    }

    /// Hands out the pieces of the line, which has no newline.
    pub(super) fn with_line<T>(
        &self,
        (rev, id): (u32, Id),
        ingested_at: Timestamp,
        flags: &str,
        take: impl FnOnce([&str; 13]) -> T,
    ) -> T {
        let (stamp, body) = self.text.split_at(self.body_at);
        take([
            &self.head,
            r#","rev":"#,
            itoa::Buffer::new().format(rev),
            r#","id":""#,
            id.hex().as_str(),
            "\"",
            stamp,
            r#","ingested_at":""#,
            Millis::new(ingested_at).as_str(),
            r#"","flags":["#,
            flags,
            "]",
            body,
        ])
    }
}
