//! Park: messages of the two queues to batches of dead letters, each kept with its payload and listed.
//!
//! The object with the letters is written before its listing, and both have names that follow from what is in them:
//! a message that comes again, a crash in between, or another order of messages gives the same. What only a pointer
//! tells of is read from its stream first; what the stream no longer holds is listed as expired.

use dead_letters::{
    Batch, Listing, Message, Pointer, QueueMessage, Reading, parked_body, parked_key, read_message, read_object,
    read_parked,
};
use failure::{Failure, Kind, Stage};
use flow::Backoff;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    letters::{LISTING_ATTEMPTS, LettersError, contended, save},
    outcome::note,
    port::{LetterObjects, Listings, ReadStream, Runtime, StoredListing},
};

/// How dead letters are parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkSettings {
    /// Begins the names of functions, such as `realtime-financial-dev-`.
    pub prefix: String,
    /// When what may be redriven by itself is; the wait before the first time counts as that after one failure.
    pub backoff: Backoff,
    /// How long the listing of a batch is kept once nothing is left to do.
    pub keep_done: SignedDuration,
}

/// What became of messages: `messages = parked + repeated + reopened + ignored + failed`, if each tells of one batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ParkOutcome {
    /// Messages.
    pub messages: u64,
    /// Batches that are new.
    pub parked: u64,
    /// Batches that were parked already.
    pub repeated: u64,
    /// Batches that failed once more after a redrive.
    pub reopened: u64,
    /// Messages and objects that hold no dead letter.
    pub ignored: u64,
    /// Messages that come again.
    pub failed: u64,
    /// Letters in the batches that are new, those that have expired left out.
    pub letters: u64,
    /// Letters whose payload was read from a stream.
    pub hydrated: u64,
    /// Records that were gone before anybody could keep them.
    pub expired: u64,
    /// The first and last of these, as `SHARD:SEQUENCE NUMBER`.
    pub expired_ids: Vec<String>,
    /// What failed.
    pub failures: Vec<Failure>,
}

/// What became of messages, and which are to come again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parked {
    /// The account.
    pub outcome: ParkOutcome,
    /// The ids of the messages that are to come again.
    pub retry: Vec<String>,
}

struct Parking<'a, Objects, Lists, Source, Time> {
    objects: &'a Objects,
    listings: &'a Lists,
    source: &'a Source,
    runtime: &'a Time,
    settings: &'a ParkSettings,
}

/// Parks what messages tell of. One that cannot be done now is named, and the others go on.
pub async fn park<Objects, Lists, Source, Time>(
    (objects, listings, source, runtime): (&Objects, &Lists, &Source, &Time),
    messages: &[QueueMessage<'_>],
    settings: &ParkSettings,
) -> Parked
where
    Objects: LetterObjects,
    Lists: Listings,
    Source: ReadStream,
    Time: Runtime,
{
    let parking = Parking { objects, listings, source, runtime, settings };
    let mut parked = Parked::default();
    parked.outcome.messages = messages.len() as u64;
    for message in messages {
        if let Err(failure) = parking.take(*message, &mut parked.outcome).await {
            parked.outcome.failed += 1;
            note(&mut parked.outcome.failures, failure);
            parked.retry.push(message.id.to_owned());
        }
    }
    parked
}

impl<Objects: LetterObjects, Lists: Listings, Source: ReadStream, Time: Runtime>
    Parking<'_, Objects, Lists, Source, Time>
{
    async fn take(&self, message: QueueMessage<'_>, outcome: &mut ParkOutcome) -> Result<(), Failure> {
        let prefix = &self.settings.prefix;
        match read_message(message, prefix) {
            Message::Test => outcome.ignored += 1,
            Message::Call(batch) => self.keep(batch, outcome).await?,
            Message::Pointer(pointer) => self.hydrate(*pointer, outcome).await?,
            Message::Objects(keys) => {
                for key in keys {
                    self.object(&key, message.sent, outcome).await?;
                }
            }
        }
        Ok(())
    }

    async fn object(&self, key: &str, sent: Timestamp, outcome: &mut ParkOutcome) -> Result<(), Failure> {
        // Its own objects tell of nothing new, whatever a notification says.
        if key.starts_with(dead_letters::PARKED_PREFIX) {
            outcome.ignored += 1;
            return Ok(());
        }
        let read = self.objects.read(key).await;
        let read = read.map_err(|error| Failure::new(Stage::State, error.kind, key, error.message))?;
        let Some(bytes) = read else {
            // It was deleted since, by a person or by its age.
            outcome.ignored += 1;
            return Ok(());
        };
        match read_object(key, &bytes, sent, &self.settings.prefix) {
            Reading::Batch(batch) => self.keep(batch, outcome).await,
            Reading::Pointer(pointer) => self.hydrate(*pointer, outcome).await,
            Reading::NotOurs => {
                outcome.ignored += 1;
                Ok(())
            }
        }
    }

    /// Reads what a pointer points to. What was read once is never asked for again: by then the stream may have
    /// forgotten it.
    async fn hydrate(&self, pointer: Pointer, outcome: &mut ParkOutcome) -> Result<(), Failure> {
        let id = pointer.id();
        let failed = |error: LettersError| error.into_failure(&id);
        let key = parked_key(&pointer.function, &id);
        let kept = self.objects.read(&key).await.map_err(|error| failed(LettersError::call(&id, error)))?;
        let batch = match kept {
            // An earlier attempt came as far as this.
            Some(body) => Batch {
                letters: read_parked(&body, &pointer.function, pointer.at),
                id: id.clone(),
                source: pointer.source.clone(),
                function: pointer.function.clone(),
            },
            None => {
                let range = (pointer.stream(), &*pointer.shard, &*pointer.first, &*pointer.last);
                let found = self.source.read_range(range.0, range.1, range.2, range.3).await;
                let found = found.map_err(|error| failed(LettersError::call(&id, error)))?;
                let records = found.len() as u64;
                let batch = pointer.hydrated(found);
                outcome.hydrated += records;
                batch
            }
        };
        self.keep(batch, outcome).await
    }

    /// Writes the object, then the listing.
    async fn keep(&self, batch: Batch, outcome: &mut ParkOutcome) -> Result<(), Failure> {
        let failed = |error: LettersError| error.into_failure(&batch.id);
        // What cannot be read does not say when it failed, so that it is never news.
        let dated = batch.letters.iter().filter(|letter| letter.failure.kind != Kind::Unreadable);
        let last_seen = dated.map(|letter| letter.last_seen).max();
        for _ in 0..LISTING_ATTEMPTS {
            let known = self.listings.load(&batch.id).await;
            let known = known.map_err(|error| failed(LettersError::listing(&batch.id, &error)))?;
            let now = self.runtime.now();
            if let Some(mut stored) = known {
                // The same message again, or an older one.
                let Some(seen) = last_seen.filter(|seen| *seen > stored.listing.last_seen) else {
                    outcome.repeated += 1;
                    return Ok(());
                };
                stored.listing.reopen(seen);
                if save(self.listings, &stored, self.settings.keep_done).await.map_err(failed)? {
                    outcome.reopened += 1;
                    return Ok(());
                }
                continue;
            }
            let key = parked_key(&batch.function, &batch.id);
            let written = self.objects.write(&key, parked_body(&batch.letters)).await;
            written.map_err(|error| failed(LettersError::call(&batch.id, error)))?;
            let wait = self.settings.backoff.wait(1, self.runtime.random());
            let next_attempt = wait.and_then(|wait| now.checked_add(wait).ok());
            let stored = StoredListing { version: 0, listing: Listing::new(&batch, now, next_attempt) };
            if save(self.listings, &stored, self.settings.keep_done).await.map_err(failed)? {
                outcome.parked += 1;
                outcome.letters += u64::from(stored.listing.letters - stored.listing.expired_letters);
                outcome.expired += stored.listing.expired_records;
                for (letter, expired) in batch.letters.iter().filter_map(|letter| Some((letter, letter.expired()?))) {
                    let shard = letter.place.shard.as_deref().unwrap_or_default();
                    note(&mut outcome.expired_ids, letter.name());
                    note(&mut outcome.expired_ids, format!("{shard}:{}", expired.last_sequence_number));
                }
                return Ok(());
            }
        }
        Err(failed(contended(&batch.id)))
    }
}
