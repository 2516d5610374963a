//! Parked dead letters, their listings, and those that are called about them, in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use dead_letters::{BatchId, Listing, StreamRecord};
use jiff::Timestamp;
use pipeline::port::{
    CallError, InvokeFunction, Invoked, LetterObjects, Listings, ListingsError, PutRecords, ReadStream, Shelf,
    StoredListing, Streams,
};
use wire::Entry;

use crate::{
    MemoryStream,
    fault::{Call, Fault, Faults, call},
    interleave::give_way,
    lock,
};

/// A bucket.
#[derive(Debug, Default)]
pub struct MemoryObjects {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Faults of reading.
    pub reads: Faults,
    /// Faults of writing.
    pub writes: Faults,
}

impl MemoryObjects {
    /// Everything in it, by key.
    pub fn all(&self) -> BTreeMap<String, Vec<u8>> {
        lock(&self.objects).clone()
    }

    /// Puts an object there, as somebody else does.
    pub fn put(&self, key: &str, body: &[u8]) {
        lock(&self.objects).insert(key.to_owned(), body.to_vec());
    }
}

impl LetterObjects for MemoryObjects {
    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, CallError> {
        give_way().await;
        let read = call("GetObject", self.reads.next(Call::Read), |_| lock(&self.objects).get(key).cloned());
        give_way().await;
        read
    }

    async fn write(&self, key: &str, body: Vec<u8>) -> Result<(), CallError> {
        give_way().await;
        let written = call("PutObject", self.writes.next(Call::Write), |_| {
            lock(&self.objects).insert(key.to_owned(), body);
        });
        give_way().await;
        written
    }
}

/// The listings, as the bytes that a table would hold.
#[derive(Debug, Default)]
pub struct MemoryListings {
    rows: Mutex<BTreeMap<BatchId, (u64, Vec<u8>)>>,
    /// Faults of reading.
    pub loads: Faults,
    /// Faults of conditional writing.
    pub saves: Faults,
}

impl MemoryListings {
    /// Every listing.
    pub fn all(&self) -> Vec<Listing> {
        lock(&self.rows).values().map(|(_, bytes)| Listing::decode(bytes).unwrap()).collect()
    }

    /// The bytes of every listing, with its version.
    pub fn rows(&self) -> BTreeMap<BatchId, (u64, Vec<u8>)> {
        lock(&self.rows).clone()
    }
}

impl Listings for MemoryListings {
    async fn load(&self, id: &BatchId) -> Result<Option<StoredListing>, ListingsError> {
        give_way().await;
        let row = call("GetItem", self.loads.next(Call::Read), |_| lock(&self.rows).get(id).cloned());
        give_way().await;
        let Some((version, bytes)) = row.map_err(ListingsError::Call)? else { return Ok(None) };
        let listing = Listing::decode(&bytes).map_err(ListingsError::State)?;
        Ok(Some(StoredListing { version, listing }))
    }

    async fn save(&self, stored: &StoredListing, _: Option<Timestamp>) -> Result<bool, CallError> {
        give_way().await;
        let id = stored.listing.id.clone();
        let mut fault = self.saves.next(Call::Conditional);
        if fault == Some(Fault::Overtaken) {
            if let Some((version, _)) = lock(&self.rows).get_mut(&id) {
                *version += 1;
            }
            fault = None;
        }
        let saved = call("UpdateItem", fault, |_| {
            let mut rows = lock(&self.rows);
            let current = rows.get(&id).map_or(0, |(version, _)| *version);
            if current == stored.version {
                rows.insert(id.clone(), (current + 1, stored.listing.encode()));
            }
            current == stored.version
        });
        give_way().await;
        saved
    }

    async fn shelf(&self, shelf: Shelf, until: Timestamp, limit: usize) -> Result<Vec<BatchId>, CallError> {
        give_way().await;
        let found = call("Query", self.loads.next(Call::Read), |_| {
            let mut found: Vec<_> = self.all().iter().map(|listing| (Shelf::of(listing), listing.id.clone())).collect();
            found.retain(|((on, at), _)| *on == shelf && *at <= until);
            found.sort();
            found.into_iter().take(limit).map(|(_, id)| id).collect()
        });
        give_way().await;
        found
    }
}

/// The shards of streams, which forget on demand.
#[derive(Debug, Default)]
pub struct MemoryShards {
    records: Mutex<BTreeMap<(String, String), Vec<StreamRecord>>>,
    /// Faults of reading.
    pub reads: Faults,
}

impl MemoryShards {
    /// What a shard holds from now on.
    pub fn hold(&self, stream: &str, shard: &str, records: Vec<StreamRecord>) {
        lock(&self.records).insert((stream.to_owned(), shard.to_owned()), records);
    }

    /// A shard forgets its oldest records.
    pub fn forget(&self, stream: &str, shard: &str, records: usize) {
        if let Some(held) = lock(&self.records).get_mut(&(stream.to_owned(), shard.to_owned())) {
            held.drain(..records.min(held.len()));
        }
    }
}

impl ReadStream for MemoryShards {
    async fn read_range(
        &self,
        stream: &str,
        shard: &str,
        first: &str,
        last: &str,
    ) -> Result<Vec<StreamRecord>, CallError> {
        give_way().await;
        let read = call("GetRecords", self.reads.next(Call::Read), |_| {
            let records = lock(&self.records);
            let held = records.get(&(stream.to_owned(), shard.to_owned())).cloned().unwrap_or_default();
            let number = |text: &str| (text.len(), text.to_owned());
            let within =
                |record: &StreamRecord| (number(first)..=number(last)).contains(&number(&record.sequence_number));
            held.into_iter().filter(within).collect()
        });
        give_way().await;
        read
    }
}

/// Functions that do what a test says, one invocation after the other.
pub struct MemoryFunctions<F> {
    behaviour: F,
    /// The name and the event of every invocation.
    invoked: Mutex<Vec<(String, Vec<u8>)>>,
    /// Faults of invoking.
    pub invocations: Faults,
}

impl<F> std::fmt::Debug for MemoryFunctions<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryFunctions").field("invoked", &lock(&self.invoked).len()).finish()
    }
}

impl<F> MemoryFunctions<F> {
    /// Functions that act like this on a name and an event.
    pub fn new(behaviour: F) -> Self {
        Self { behaviour, invoked: Mutex::default(), invocations: Faults::default() }
    }

    /// Every invocation so far: the function, and its event.
    pub fn invoked(&self) -> Vec<(String, Vec<u8>)> {
        lock(&self.invoked).clone()
    }
}

impl<F, Future> InvokeFunction for MemoryFunctions<F>
where
    F: Fn(String, Vec<u8>) -> Future + Sync,
    Future: std::future::Future<Output = Invoked> + Send,
{
    async fn invoke(&self, function: &str, event: &[u8]) -> Result<Invoked, CallError> {
        give_way().await;
        lock(&self.invoked).push((function.to_owned(), event.to_vec()));
        let fault = self.invocations.next(Call::Write);
        if fault == Some(Fault::Before) {
            return call("Invoke", fault, |_| Invoked::Returned(Vec::new()));
        }
        let invoked = (self.behaviour)(function.to_owned(), event.to_vec()).await;
        give_way().await;
        call("Invoke", fault, |_| invoked)
    }
}

/// Streams in memory by their names.
#[derive(Debug, Default)]
pub struct MemoryStreams(Mutex<BTreeMap<String, Arc<MemoryStream>>>);

/// One of them.
#[derive(Debug, Clone)]
pub struct SharedStream(Arc<MemoryStream>);

impl MemoryStreams {
    /// The stream of that name, which is made if there is none.
    pub fn of(&self, name: &str) -> Arc<MemoryStream> {
        Arc::clone(lock(&self.0).entry(name.to_owned()).or_default())
    }

    /// The names that were asked for.
    pub fn names(&self) -> BTreeSet<String> {
        lock(&self.0).keys().cloned().collect()
    }
}

impl Streams for MemoryStreams {
    type Stream = SharedStream;

    fn stream(&self, name: &str) -> SharedStream {
        SharedStream(self.of(name))
    }
}

impl PutRecords for SharedStream {
    async fn put_records(&self, entries: &[Entry]) -> Result<Vec<Option<String>>, CallError> {
        self.0.put_records(entries).await
    }
}
