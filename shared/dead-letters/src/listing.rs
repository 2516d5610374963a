//! What has become of a batch of dead letters: one item of a table beside one object with the letters.
//!
//! Letters enter with a batch; a listing leaves, and changes as they are redriven or discarded. The letters
//! themselves are not in it, so that an item stays small.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use failure::Kind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Content, Letter, Way, time};

/// How many symbols a listing names at the most.
pub const SYMBOLS_MAX: usize = 32;
/// The version of the format that is written and read.
const FORMAT: u32 = 1;

/// Names a batch: 32 hex digits that follow from what is in it, so that the same one is never listed twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BatchId(String);

/// A text that names no batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no batch of dead letters; a name has 32 hex digits, as `kinetick dead-letters list` shows them")]
pub struct BadBatchId(pub String);

impl BatchId {
    /// The name of what these parts make up.
    pub(crate) fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let hash: [u8; 32] = hash.finalize().into();
        Self(hash[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BatchId {
    type Err = BadBatchId;

    fn from_str(text: &str) -> Result<Self, BadBatchId> {
        let good = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if good { Ok(Self(text.to_owned())) } else { Err(BadBatchId(text.chars().take(64).collect())) }
    }
}

impl TryFrom<String> for BatchId {
    type Error = BadBatchId;

    fn try_from(text: String) -> Result<Self, BadBatchId> {
        text.parse()
    }
}

impl From<BatchId> for String {
    fn from(id: BatchId) -> Self {
        id.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The object that a batch is parked in.
pub fn parked_key(function: &str, id: &BatchId) -> String {
    format!("{}{function}/{id}.ndjson", crate::PARKED_PREFIX)
}

/// Letters that came together, in an order that stays.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Its name.
    pub id: BatchId,
    /// What it was read from: the key of an object or the id of a message.
    pub source: String,
    /// The function that gave up, without its environment.
    pub function: String,
    /// The letters.
    pub letters: Vec<Letter>,
}

/// What has become of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// For a redrive, or for a person.
    Waiting,
    /// Somebody is at it.
    Redriving,
    /// Each of its letters was redriven, or discarded.
    Redriven,
    /// All were discarded.
    Discarded,
    /// Nothing of it could be kept: the stream no longer held it.
    Expired,
}

impl Status {
    /// The word in listings and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Redriving => "redriving",
            Self::Redriven => "redriven",
            Self::Discarded => "discarded",
            Self::Expired => "expired",
        }
    }

    /// Whether nothing is left to do.
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Redriven | Self::Discarded | Self::Expired)
    }
}

/// Letters of a batch by their place, one bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Marks(Vec<u8>);

impl Marks {
    /// Marks a place.
    pub fn set(&mut self, place: usize) {
        if self.0.len() <= place / 8 {
            self.0.resize(place / 8 + 1, 0);
        }
        self.0[place / 8] |= 1 << (place % 8);
    }

    /// Whether a place is marked.
    pub fn has(&self, place: usize) -> bool {
        self.0.get(place / 8).is_some_and(|byte| byte & (1 << (place % 8)) != 0)
    }

    /// How many are.
    pub fn count(&self) -> usize {
        self.0.iter().map(|byte| byte.count_ones() as usize).sum()
    }
}

/// As hex digits: 10,000 letters take 2.5 KB.
impl From<Marks> for String {
    fn from(marks: Marks) -> Self {
        marks.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl From<String> for Marks {
    /// Digits that are none mark nothing: those letters are tried once more, which has no second effect.
    fn from(text: String) -> Self {
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
        Self(text.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |byte, &one| byte << 4 | digit(one))).collect())
    }
}

/// The trace that discarding leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discard {
    /// When.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// Who, in their own words.
    pub by: String,
    /// Why, in their own words.
    pub reason: String,
    /// How many letters.
    pub letters: usize,
}

/// What is known of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    format: u32,
    /// Its name.
    pub id: BatchId,
    /// What has become of it.
    pub status: Status,
    /// The object with the letters.
    pub key: String,
    /// What it was read from.
    pub source: String,
    /// The function that gave up, without its environment.
    pub function: String,
    /// How many letters it has, those included that only say what has expired.
    pub letters: u32,
    /// How many of these say that only.
    pub expired_letters: u32,
    /// How many records have expired.
    pub expired_records: u64,
    /// Letters by kind.
    pub kinds: BTreeMap<Kind, u32>,
    /// Whether all that can be redriven may be without anybody's help.
    pub is_retryable: bool,
    /// Some of the symbols that it is about.
    pub symbols: BTreeSet<String>,
    /// Whether there are more.
    pub has_more_symbols: bool,
    /// When one of them failed first.
    #[serde(with = "time")]
    pub first_seen: Timestamp,
    /// When one of them failed last.
    #[serde(with = "time")]
    pub last_seen: Timestamp,
    /// How often it was redriven and something stayed, or came back.
    pub redrives: u32,
    /// When it is redriven next by itself; none if it waits for a person.
    #[serde(default, with = "time::optional")]
    pub next_attempt: Option<Timestamp>,
    /// Until when whoever redrives it is left alone.
    #[serde(default, with = "time::optional")]
    pub claimed_until: Option<Timestamp>,
    /// The letters that were redriven.
    pub redriven: Marks,
    /// The letters that were discarded.
    pub discarded: Marks,
    /// Who discarded letters and why, once for each time.
    #[serde(default)]
    pub discards: Vec<Discard>,
    /// What went wrong at the last redrive.
    #[serde(default)]
    pub last_problem: Option<String>,
    /// When there was nothing left to do.
    #[serde(default, with = "time::optional")]
    pub done_at: Option<Timestamp>,
}

/// A listing that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// Another version of the program wrote it.
    #[error("the listing has format `{0}`, not {FORMAT}: deploy the version that wrote it")]
    UnknownFormat(u32),
    /// It is damaged.
    #[error("the listing is damaged: {0}")]
    Corrupt(String),
}

/// How many letters of a batch are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// Those that wait.
    pub waiting: usize,
    /// Those that were redriven.
    pub redriven: usize,
    /// Those that were discarded.
    pub discarded: usize,
    /// Those that say only what has expired.
    pub expired: usize,
}

impl Listing {
    /// The listing of a batch that is parked for the first time. `next_attempt` counts only if all may be redriven
    /// without anybody's help.
    pub fn new(batch: &Batch, now: Timestamp, next_attempt: Option<Timestamp>) -> Self {
        let mut kinds = BTreeMap::new();
        let mut symbols = BTreeSet::new();
        let (mut expired_letters, mut expired_records, mut has_more_symbols) = (0, 0, false);
        for letter in &batch.letters {
            *kinds.entry(letter.failure.kind).or_default() += 1;
            if let Content::Expired(expired) = &letter.content {
                expired_letters += 1;
                expired_records += expired.records;
            }
            if let Some(symbol) = letter.about()
                && !symbols.contains(symbol)
            {
                has_more_symbols |= symbols.len() == SYMBOLS_MAX;
                if symbols.len() < SYMBOLS_MAX {
                    symbols.insert(symbol.to_owned());
                }
            }
        }
        let seen = |letter: &Letter| (letter.first_seen, letter.last_seen);
        let first_seen = batch.letters.iter().map(seen).map(|(first, _)| first).min().unwrap_or(now);
        let last_seen = batch.letters.iter().map(seen).map(|(_, last)| last).max().unwrap_or(now);
        let is_retryable = batch.letters.iter().any(is_retryable);
        let mut listing = Self {
            format: FORMAT,
            id: batch.id.clone(),
            status: Status::Waiting,
            key: parked_key(&batch.function, &batch.id),
            source: batch.source.clone(),
            function: batch.function.clone(),
            letters: batch.letters.len() as u32,
            expired_letters,
            expired_records,
            kinds,
            is_retryable,
            symbols,
            has_more_symbols,
            first_seen,
            last_seen,
            redrives: 0,
            next_attempt: next_attempt.filter(|_| is_retryable),
            claimed_until: None,
            redriven: Marks::default(),
            discarded: Marks::default(),
            discards: Vec::new(),
            last_problem: None,
            done_at: None,
        };
        listing.settle(now);
        listing
    }

    /// Whether a letter in this place still waits.
    pub fn waits(&self, place: usize, letter: &Letter) -> bool {
        letter.expired().is_none() && !self.redriven.has(place) && !self.discarded.has(place)
    }

    /// How many letters are where.
    pub fn outlook(&self) -> Outlook {
        let (redriven, discarded) = (self.redriven.count(), self.discarded.count());
        let expired = self.expired_letters as usize;
        Outlook {
            waiting: (self.letters as usize).saturating_sub(redriven + discarded + expired),
            redriven,
            discarded,
            expired,
        }
    }

    /// Nobody is at it any more: it is done if nothing waits, and else waits.
    pub fn settle(&mut self, now: Timestamp) {
        let Outlook { waiting, redriven, discarded, .. } = self.outlook();
        self.claimed_until = None;
        self.status = match (waiting, redriven, discarded) {
            (1.., _, _) => Status::Waiting,
            (0, 1.., _) => Status::Redriven,
            (0, 0, 1..) => Status::Discarded,
            (0, 0, 0) => Status::Expired,
        };
        if self.status.is_done() {
            self.next_attempt = None;
            self.done_at = Some(now);
        } else {
            self.done_at = None;
        }
    }

    /// Whether somebody else is at it.
    pub fn is_claimed(&self, now: Timestamp) -> bool {
        self.status == Status::Redriving && self.claimed_until.is_some_and(|until| now < until)
    }

    /// The same letters failed once more, later than what is known: a redrive did not help. What was tried is kept.
    pub fn reopen(&mut self, last_seen: Timestamp) {
        self.last_seen = last_seen;
        self.redrives += 1;
        self.redriven = Marks::default();
        self.discarded = Marks::default();
        self.next_attempt = None;
        self.last_problem = Some("it was redriven and came back".to_owned());
        self.settle(last_seen);
    }

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        // Strings, numbers and maps of strings always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// As it was stored.
    ///
    /// # Errors
    /// Another version wrote it, or it is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, ListingError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let corrupt = |error: serde_json::Error| ListingError::Corrupt(error.to_string());
        match serde_json::from_slice(bytes).map_err(corrupt)? {
            Format { format: FORMAT } => serde_json::from_slice(bytes).map_err(corrupt),
            Format { format } => Err(ListingError::UnknownFormat(format)),
        }
    }
}

/// Whether a letter may succeed without anybody's help.
fn is_retryable(letter: &Letter) -> bool {
    letter.failure.kind.is_retryable() && matches!(letter.way(), Way::Consumer | Way::Stream)
}
