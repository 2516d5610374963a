//! What was asked when, per entry of a watch list: moments enter, bytes leave, and the other way round.
//!
//! An attempt is noted before it is sent, so that a crash in between skips entries and repeats none.
//! Which entries are next is decided in `pick`.

use std::{collections::HashMap, fmt};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::WatchList;

/// The format that is written. Another one is refused, never guessed at.
const FORMAT: u8 = 1;
/// Format, turn.
const HEAD: usize = 2;
/// A hash of 8 bytes, two moments of 6.
const ENTRY: usize = 20;
/// How many bytes hold a moment in milliseconds since 1970: enough until the year 10889.
const MOMENT: usize = 6;
/// The turns of `Cursor::turn`.
pub(crate) const TURNS: usize = 10;

/// The bytes are no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Written by a version of kinetick with another format.
    #[error(
        "the cursor has format `{0}`, this version reads `{FORMAT}`: deploy the version that wrote it, or delete it, then all is asked anew"
    )]
    UnknownFormat(u8),
    /// Cut off.
    #[error("the cursor is damaged: {0} bytes are no whole number of entries; delete it, then all is asked anew")]
    Damaged(usize),
}

/// When the entries of a watch list were asked, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) entries: Vec<Moments>,
    /// How many were asked, modulo [`TURNS`]: whose turn is next, a hot entry's or another's.
    pub(crate) turn: u8,
}

/// Of one entry; in milliseconds since 1970, 0 for never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moments {
    hash: u64,
    pub(crate) attempted_at: u64,
    pub(crate) succeeded_at: u64,
}

/// First 64 bits of SHA-256 over an entry's name.
fn hash64(name: &impl fmt::Display) -> u64 {
    let hash: [u8; 32] = Sha256::digest(name.to_string()).into();
    hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

pub(crate) fn millis(at: Timestamp) -> u64 {
    // Moments before 1970 are never, those after 10889 do not occur.
    u64::try_from(at.as_millisecond()).unwrap_or(0).min((1 << (8 * MOMENT)) - 1)
}

fn moment(millis: u64) -> Option<Timestamp> {
    (millis > 0).then(|| Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()).flatten()
}

impl Cursor {
    /// Of a list of which nothing was asked yet.
    pub fn new<T: fmt::Display>(list: &WatchList<T>) -> Self {
        let never = |name| Moments { hash: hash64(name), attempted_at: 0, succeeded_at: 0 };
        Self { entries: list.entries().iter().map(|entry| never(&entry.what)).collect(), turn: 0 }
    }

    /// Reads what is known of a list. Entries that are no longer on it are dropped, new ones were never asked.
    pub fn decode<T: fmt::Display>(bytes: &[u8], list: &WatchList<T>) -> Result<Self, CursorError> {
        let damaged = || CursorError::Damaged(bytes.len());
        let (&[format, turn], rest) = bytes.split_first_chunk::<HEAD>().ok_or_else(damaged)?;
        if format != FORMAT {
            return Err(CursorError::UnknownFormat(format));
        }
        let entries = rest.chunks_exact(ENTRY);
        if !entries.remainder().is_empty() {
            return Err(damaged());
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        let known: HashMap<u64, &[u8]> = entries.map(|entry| (number(&entry[..8]), &entry[8..])).collect();
        let mut cursor = Self::new(list);
        cursor.turn = turn % TURNS as u8;
        for entry in &mut cursor.entries {
            if let Some((attempted, succeeded)) = known.get(&entry.hash).map(|moments| moments.split_at(MOMENT)) {
                entry.attempted_at = number(attempted);
                entry.succeeded_at = number(succeeded);
            }
        }
        Ok(cursor)
    }

    /// Writes it: 20 bytes per entry and 2 more.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + ENTRY * self.entries.len());
        bytes.extend([FORMAT, self.turn]);
        for entry in &self.entries {
            bytes.extend(entry.hash.to_be_bytes());
            for moment in [entry.attempted_at, entry.succeeded_at] {
                bytes.extend(&moment.to_be_bytes()[8 - MOMENT..]);
            }
        }
        bytes
    }

    /// When the entry was last asked, whatever came of it.
    pub fn attempted_at(&self, index: usize) -> Option<Timestamp> {
        moment(self.entries.get(index)?.attempted_at)
    }

    /// When asking for the entry last succeeded.
    pub fn succeeded_at(&self, index: usize) -> Option<Timestamp> {
        moment(self.entries.get(index)?.succeeded_at)
    }

    /// Notes that these entries are about to be asked. To be stored before the first of them is sent.
    ///
    /// They are noted a millisecond apart: the last of a round and the first of the next, asked together,
    /// keep their order.
    pub fn attempted(&mut self, indices: &[usize], now: Timestamp) {
        for (&index, at) in indices.iter().zip(millis(now)..) {
            if let Some(entry) = self.entries.get_mut(index) {
                entry.attempted_at = at;
            }
        }
        self.turn = ((usize::from(self.turn) + indices.len()) % TURNS) as u8;
    }

    /// Takes back that these entries were about to be asked: they were not, and are as they were before.
    pub fn give_back(&mut self, indices: &[usize], before: &Self) {
        for &index in indices {
            if let (Some(entry), Some(old)) = (self.entries.get_mut(index), before.entries.get(index)) {
                entry.attempted_at = old.attempted_at;
            }
        }
        let given_back = indices.len() % TURNS;
        self.turn = ((usize::from(self.turn) + TURNS - given_back) % TURNS) as u8;
    }

    /// Notes that asking for the entry succeeded.
    pub fn succeeded(&mut self, index: usize, now: Timestamp) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.succeeded_at = millis(now);
        }
    }
}
