//! What the pipeline needs from outside, as capabilities. An adapter or a fake stands behind each.

use std::{fmt, future::Future};

use alphavantage::Request;
use dead_letters::{BatchId, Listing, ListingError, Status, StreamRecord};
use failure::{DeadLetter, Kind};
use flow::{QuotaState, QuotaStateError};
use jiff::{SignedDuration, Timestamp};
use planner::{Cursor, CursorError, WatchList};
use series::{Item, SeriesId, StateError};
use wire::{Entry as StreamEntry, Packed, Sent, SentError};

use crate::job::Entry;

/// A call to a service that failed as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// Whether it is worth trying again, and what it was.
    pub kind: Kind,
    /// In plain words, without secrets.
    pub message: String,
}

impl CallError {
    /// The service is busy, out of reach, or answered with an error of its own. The call may have had its effect.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { kind: Kind::Unavailable, message: message.into() }
    }
}

/// Time and chance.
pub trait Runtime: Sync {
    /// The market time.
    fn now(&self) -> Timestamp;
    /// How much time is left, on the wall, until the invocation is cut off.
    fn remaining(&self) -> SignedDuration;
    /// The time that has passed since some moment in this invocation's past, in the same time as
    /// [`sleep`](Self::sleep) waits. It never goes back and knows nothing of other machines' clocks.
    ///
    /// Unless an adapter has a better clock, what is left of the invocation is counted down.
    fn elapsed(&self) -> SignedDuration {
        SignedDuration::ZERO.saturating_sub(self.remaining())
    }
    /// Waits, in market time.
    fn sleep(&self, time: SignedDuration) -> impl Future<Output = ()> + Send;
    /// A random number from 0 to 1.
    fn random(&self) -> f64;
}

/// A reply of the vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// The content type, if there is one.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Asks the vendor.
pub trait Fetch: Sync {
    /// Sends one request, and gives up after that time. An error means that no whole reply came.
    fn fetch(
        &self,
        request: &Request,
        within: SignedDuration,
    ) -> impl Future<Output = Result<Fetched, CallError>> + Send;
    /// Makes a connection before the first request, which must leave as soon as it may. Says nothing of a key.
    fn connect(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
    /// The key was refused: looks for another one, once in a while. Returns whether there is one, with which
    /// the next request is sent.
    fn renew(&self) -> impl Future<Output = bool> + Send {
        std::future::ready(false)
    }
    /// How many other keys were found so far: whatever was sent before the last one had an older key.
    fn renewals(&self) -> u64 {
        0
    }
    /// The text with every key taken out that was ever sent, and whatever stands where a key is expected.
    fn redact(&self, text: &str) -> String;
    /// The text with every key masked that was ever sent, and nothing else changed; `None` if there is none in it.
    fn without_keys(&self, text: &str) -> Option<String>;
}

/// Writes to one Kinesis stream.
pub trait PutRecords: Sync {
    /// One PutRecords call. The answer is positional: `None` where the record was taken, else why not.
    fn put_records(
        &self,
        entries: &[StreamEntry],
    ) -> impl Future<Output = Result<Vec<Option<String>>, CallError>> + Send;
    /// The stream's name, for the dead letters of what it did not take; none if it has none.
    fn name(&self) -> Option<&str> {
        None
    }
}

/// Why the ledger of what was sent could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerError {
    /// The call failed.
    Call(CallError),
    /// What is stored cannot be read.
    State(SentError),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => f.write_str(&error.message),
            Self::State(error) => error.fmt(f),
        }
    }
}

/// Why the cursor of a job could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CursorsError {
    /// The call failed.
    Call(CallError),
    /// What is stored cannot be read.
    State(CursorError),
}

impl fmt::Display for CursorsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => f.write_str(&error.message),
            Self::State(error) => error.fmt(f),
        }
    }
}

/// What was asked when, one item per job of a function.
pub trait Cursors: Sync {
    /// Reads what is known of a list, with its version, 0 if there is nothing.
    fn load_cursor(
        &self,
        name: &str,
        list: &WatchList<Entry>,
    ) -> impl Future<Output = Result<(Cursor, u64), CursorsError>> + Send;
    /// Writes it if its version is still the one that was read. Returns whether it was.
    fn save_cursor(
        &self,
        name: &str,
        version: u64,
        cursor: &Cursor,
    ) -> impl Future<Output = Result<bool, CallError>> + Send;
}

/// The ledger of what was sent, one item per subject and kind of fact.
pub trait Ledger: Sync {
    /// Reads an item with its version, 0 if there is none.
    fn load(&self, name: &str) -> impl Future<Output = Result<(Sent, u64), LedgerError>> + Send;
    /// Writes an item if its version is still the one that was read. Returns whether it was.
    fn save(&self, name: &str, version: u64, sent: &Sent) -> impl Future<Output = Result<bool, LedgerError>> + Send;
}

/// Keeps dead letters.
pub trait KeepDeadLetters: Sync {
    /// Stores all of them, or none as far as the caller may rely on.
    fn keep(&self, letters: &[DeadLetter]) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// An item with the version that its next write must find.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Rises with every write; 0 for an item that was never written.
    pub version: u64,
    /// The item.
    pub item: Item,
}

/// What came of a conditional write.
#[derive(Debug, Clone, PartialEq)]
pub enum Saved {
    /// Written.
    Done,
    /// Another writer was first: this is what stands there now.
    Refused(Stored),
}

/// Why an item could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The call failed; a write may have happened.
    Call(CallError),
    /// What is stored cannot be read.
    State(StateError),
}

/// The items of the series.
pub trait SeriesStore: Sync {
    /// Reads an item, consistently.
    fn load(&self, id: &SeriesId) -> impl Future<Output = Result<Stored, StoreError>> + Send;
    /// Reads several items, consistently; the answers are positional.
    ///
    /// Unless an adapter has a call for many, they are read one by one.
    fn load_many(&self, ids: &[&SeriesId]) -> impl Future<Output = Vec<Result<Stored, StoreError>>> + Send {
        async move {
            let mut items = Vec::with_capacity(ids.len());
            for id in ids {
                items.push(self.load(id).await);
            }
            items
        }
    }
    /// Writes `stored.item` as version `stored.version + 1`, if the stored version is still `stored.version`.
    fn save(
        &self,
        id: &SeriesId,
        stored: &Stored,
        due: Option<Timestamp>,
    ) -> impl Future<Output = Result<Saved, StoreError>> + Send;
    /// Which series want to be looked at by then.
    fn due(&self, now: Timestamp) -> impl Future<Output = Result<Vec<SeriesId>, CallError>> + Send;
}

/// Writes to one Firehose delivery stream.
pub trait Deliver: Sync {
    /// One PutRecordBatch call. The answer is positional: whether each record was taken.
    fn deliver(&self, records: &[Packed]) -> impl Future<Output = Result<Vec<bool>, CallError>> + Send;
}

/// Why the ledger of calls could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaError {
    /// The call failed; a write may have happened.
    Call(CallError),
    /// What is stored cannot be read.
    State(QuotaStateError),
}

impl fmt::Display for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => f.write_str(&error.message),
            Self::State(error) => error.fmt(f),
        }
    }
}

/// What came of a conditional write to the ledger of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaSaved {
    /// Written, as the version after the one that was read.
    Done,
    /// Another writer was first: this is what stands there now, and its version.
    Refused(Box<QuotaState>, u64),
}

/// The ledger of calls of one API key.
pub trait QuotaLedger: Sync {
    /// Reads it with its version, consistently; an empty one of version 0 if there is none.
    fn load(&self) -> impl Future<Output = Result<(QuotaState, u64), QuotaError>> + Send;
    /// Writes it as version `version + 1`, if the stored version is still `version`.
    fn save(&self, version: u64, state: &QuotaState) -> impl Future<Output = Result<QuotaSaved, QuotaError>> + Send;
}

/// The objects of the dead-letter bucket.
pub trait LetterObjects: Sync {
    /// Reads an object; `None` if there is none under that key.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, CallError>> + Send;
    /// Writes an object; one under the same key is overwritten.
    fn write(&self, key: &str, body: Vec<u8>) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// A listing with the version that its next write must find.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredListing {
    /// Rises with every write; 0 for one that was never written.
    pub version: u64,
    /// The listing.
    pub listing: Listing,
}

/// Why a listing could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListingsError {
    /// The call failed; a write may have happened.
    Call(CallError),
    /// What is stored cannot be read.
    State(ListingError),
}

impl fmt::Display for ListingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => f.write_str(&error.message),
            Self::State(error) => error.fmt(f),
        }
    }
}

/// Under what a listing can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shelf {
    /// What is redriven by itself, by the moment of that.
    Due,
    /// What waits for a person, by the moment at which it failed last.
    Waiting,
    /// What is done, by the moment of that; it is forgotten after a while.
    Done,
}

impl Shelf {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Due, Self::Waiting, Self::Done];

    /// Where a listing stands, and at which moment.
    pub fn of(listing: &Listing) -> (Self, Timestamp) {
        if let (Status::Redriving, Some(until)) = (listing.status, listing.claimed_until) {
            // Whoever is at it may die; a batch that a person redrives is then found by the next run.
            return (Self::Due, until);
        }
        match (listing.status.is_done(), listing.next_attempt) {
            (true, _) => (Self::Done, listing.done_at.unwrap_or(listing.last_seen)),
            (false, Some(at)) => (Self::Due, at),
            (false, None) => (Self::Waiting, listing.last_seen),
        }
    }
}

/// The listings of parked dead letters.
pub trait Listings: Sync {
    /// Reads a listing, consistently; `None` if there is none.
    fn load(&self, id: &BatchId) -> impl Future<Output = Result<Option<StoredListing>, ListingsError>> + Send;
    /// Writes `stored.listing` as version `stored.version + 1`, if the stored version is still `stored.version` (there
    /// is none, where that is 0). Returns whether it was. One that is done is forgotten at `expires`.
    fn save(
        &self,
        stored: &StoredListing,
        expires: Option<Timestamp>,
    ) -> impl Future<Output = Result<bool, CallError>> + Send;
    /// The batches on a shelf whose moment is at or before `until`, the oldest first, up to `limit` of them.
    fn shelf(
        &self,
        shelf: Shelf,
        until: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<BatchId>, CallError>> + Send;
}

/// Reads a part of a stream.
pub trait ReadStream: Sync {
    /// What a shard holds from `first` to `last`, both included, in its order. What it no longer holds is left out, and
    /// so is everything if there is no such shard any more: neither is an error.
    fn read_range(
        &self,
        stream: &str,
        shard: &str,
        first: &str,
        last: &str,
    ) -> impl Future<Output = Result<Vec<StreamRecord>, CallError>> + Send;
}

/// What an invocation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invoked {
    /// The function returned this.
    Returned(Vec<u8>),
    /// The function failed, in its own words.
    Failed(String),
}

/// Invokes functions, and waits for their answers.
pub trait InvokeFunction: Sync {
    /// Invokes a function by its name without the environment, once: it is never tried again. An error means that it
    /// was not invoked, or that nobody knows.
    fn invoke(&self, function: &str, event: &[u8]) -> impl Future<Output = Result<Invoked, CallError>> + Send;
}

/// Streams by their names.
pub trait Streams: Sync {
    /// What writes to one of them.
    type Stream: PutRecords;
    /// The stream of that name.
    fn stream(&self, name: &str) -> Self::Stream;
}
