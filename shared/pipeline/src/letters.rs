//! Dead letters for a person: what there is, what is in a batch, and away with it.
//!
//! A filter or a name enters, listings and letters leave. Redriving is not here.

use dead_letters::{BatchId, Discard, Filter, Letter, Listing, Status, read_parked};
use failure::{Failure, Kind, Stage};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::port::{CallError, LetterObjects, Listings, ListingsError, Shelf, StoredListing};

/// How often a listing is read and written anew since somebody else was first.
pub(crate) const LISTING_ATTEMPTS: u32 = 5;

/// Why something was not done with a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LettersError {
    /// There is no such batch.
    #[error("there is no batch `{0}`: `kinetick dead-letters list` shows those that there are")]
    NoSuchBatch(BatchId),
    /// Its letters are gone.
    #[error("the object `{0}` with the letters is gone; the bucket keeps them for as many days as it was told")]
    NoObject(String),
    /// Somebody redrives it.
    #[error("the batch is being redriven until {0:.0} at the latest: try again then")]
    Claimed(Timestamp),
    /// A listing could not be read or written.
    #[error("{0}")]
    Listing(Failure),
    /// A call failed.
    #[error("{0}")]
    Call(Failure),
}

impl LettersError {
    pub(crate) fn call(id: &BatchId, error: CallError) -> Self {
        Self::Call(Failure::new(Stage::State, error.kind, id.as_str(), error.message))
    }

    pub(crate) fn listing(id: &BatchId, error: &ListingsError) -> Self {
        let kind = match error {
            ListingsError::Call(error) => error.kind,
            ListingsError::State(dead_letters::ListingError::UnknownFormat(_)) => Kind::UnknownState,
            ListingsError::State(dead_letters::ListingError::Corrupt(_)) => Kind::CorruptState,
        };
        Self::Listing(Failure::new(Stage::State, kind, id.as_str(), error.to_string()))
    }

    /// What went wrong, for an outcome.
    pub(crate) fn into_failure(self, id: &BatchId) -> Failure {
        match self {
            Self::Listing(failure) | Self::Call(failure) => failure,
            other => Failure::new(Stage::State, Kind::Unavailable, id.as_str(), other.to_string()),
        }
    }
}

/// The batches that somebody asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListedBatches {
    /// Those that may have letters for the filter: due ones first, then what waits, then what is done.
    pub batches: Vec<Listing>,
    /// Those whose listing cannot be read.
    pub unreadable: Vec<Failure>,
    /// Whether there may be more than were asked for.
    pub has_more: bool,
}

/// Lists batches from these shelves, up to `limit` from each.
///
/// # Errors
/// The index cannot be read.
pub async fn list(
    listings: &impl Listings,
    shelves: &[Shelf],
    filter: &Filter,
    limit: usize,
) -> Result<ListedBatches, CallError> {
    let mut listed = ListedBatches::default();
    for shelf in shelves {
        let ids = listings.shelf(*shelf, Timestamp::MAX, limit).await?;
        listed.has_more |= ids.len() == limit;
        for id in ids {
            match listings.load(&id).await {
                Ok(Some(stored)) if filter.may_take(&stored.listing) => listed.batches.push(stored.listing),
                // The index may lag behind.
                Ok(_) => {}
                Err(error) => listed.unreadable.push(LettersError::listing(&id, &error).into_failure(&id)),
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    listed.batches.retain(|listing| seen.insert(listing.id.clone()));
    Ok(listed)
}

/// A batch with its letters.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// What has become of it.
    pub listing: Listing,
    /// Its letters in their order, each with what has become of it.
    pub letters: Vec<(Letter, Status)>,
}

/// Reads a batch with its letters.
///
/// # Errors
/// There is none, or it cannot be read.
pub async fn show(
    (objects, listings): (&impl LetterObjects, &impl Listings),
    id: &BatchId,
) -> Result<Shown, LettersError> {
    let (StoredListing { listing, .. }, letters) = load(objects, listings, id).await?;
    let became = |(place, letter): (usize, Letter)| {
        let status = match () {
            () if letter.expired().is_some() => Status::Expired,
            () if listing.discarded.has(place) => Status::Discarded,
            () if listing.redriven.has(place) => Status::Redriven,
            () if listing.status == Status::Redriving => Status::Redriving,
            () => Status::Waiting,
        };
        (letter, status)
    };
    let letters = letters.into_iter().enumerate().map(became).collect();
    Ok(Shown { listing, letters })
}

/// What was discarded, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Discarded {
    /// Letters that were waiting and are no more.
    pub letters: usize,
    /// Letters of the batch that still wait.
    pub waiting: usize,
}

/// How to discard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discarding<'a> {
    /// When.
    pub now: Timestamp,
    /// How long the listing of a batch is kept once nothing is left to do.
    pub keep_done: SignedDuration,
    /// Who does it: it stays in the listing.
    pub by: &'a str,
    /// Why: it stays in the listing.
    pub reason: &'a str,
    /// Says what would be done, and changes nothing.
    pub dry_run: bool,
}

/// Discards the letters of a batch that the filter asks for. They stay in their object until it expires.
///
/// # Errors
/// There is none, it is being redriven, or it cannot be read or written.
pub async fn discard(
    (objects, listings): (&impl LetterObjects, &impl Listings),
    id: &BatchId,
    filter: &Filter,
    how: &Discarding<'_>,
) -> Result<Discarded, LettersError> {
    for _ in 0..LISTING_ATTEMPTS {
        let (mut stored, letters) = load(objects, listings, id).await?;
        let listing = &mut stored.listing;
        if let (true, Some(until)) = (listing.is_claimed(how.now), listing.claimed_until) {
            return Err(LettersError::Claimed(until));
        }
        let waiting = letters.iter().enumerate().filter(|(place, letter)| listing.waits(*place, letter));
        let places: Vec<usize> = waiting.filter(|(_, letter)| filter.takes(letter)).map(|(place, _)| place).collect();
        places.iter().for_each(|place| listing.discarded.set(*place));
        let Discarding { now, by, reason, .. } = *how;
        listing.discards.push(Discard { at: now, by: by.to_owned(), reason: reason.to_owned(), letters: places.len() });
        listing.settle(now);
        let discarded = Discarded { letters: places.len(), waiting: listing.outlook().waiting };
        if how.dry_run || places.is_empty() || save(listings, &stored, how.keep_done).await? {
            return Ok(discarded);
        }
    }
    Err(contended(id))
}

/// A batch with its letters, as many as its listing says.
pub(crate) async fn load(
    objects: &impl LetterObjects,
    listings: &impl Listings,
    id: &BatchId,
) -> Result<(StoredListing, Vec<Letter>), LettersError> {
    let stored = listings.load(id).await.map_err(|error| LettersError::listing(id, &error))?;
    let stored = stored.ok_or_else(|| LettersError::NoSuchBatch(id.clone()))?;
    let listing = &stored.listing;
    let body = objects.read(&listing.key).await.map_err(|error| LettersError::call(id, error))?;
    let body = body.ok_or_else(|| LettersError::NoObject(listing.key.clone()))?;
    let letters = read_parked(&body, &listing.function, listing.last_seen);
    Ok((stored, letters))
}

/// Writes a listing; one that is done is kept for so long.
pub(crate) async fn save(
    listings: &impl Listings,
    stored: &StoredListing,
    keep_done: SignedDuration,
) -> Result<bool, LettersError> {
    let expires = stored.listing.done_at.map(|at| at.saturating_add(keep_done).unwrap_or(Timestamp::MAX));
    listings.save(stored, expires).await.map_err(|error| LettersError::call(&stored.listing.id, error))
}

pub(crate) fn contended(id: &BatchId) -> LettersError {
    let reason = "others changed the listing again and again: try again";
    LettersError::Call(Failure::new(Stage::State, Kind::Contended, id.as_str(), reason))
}
