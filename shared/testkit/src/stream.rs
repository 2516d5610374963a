//! A Kinesis stream, in memory.

use std::{collections::BTreeSet, sync::Mutex};

use pipeline::port::{CallError, PutRecords};
use wire::{Entry, Id, limits};

use crate::{
    fault::{Call, Faults, call},
    interleave::give_way,
    lock,
};

/// Keeps what was put, and what every call offered. A call beyond Kinesis' limits stops the test.
#[derive(Debug, Default)]
pub struct MemoryStream {
    taken: Mutex<Vec<Entry>>,
    offered: Mutex<Vec<Vec<Entry>>>,
    /// Faults of PutRecords.
    pub puts: Faults,
}

impl MemoryStream {
    /// Every record in the stream, in the order in which they came, repetitions included.
    pub fn taken(&self) -> Vec<Entry> {
        lock(&self.taken).clone()
    }

    /// The entries of every call, also of those that failed.
    pub fn offered(&self) -> Vec<Vec<Entry>> {
        lock(&self.offered).clone()
    }

    /// The ids in the stream.
    pub fn ids(&self) -> BTreeSet<Id> {
        lock(&self.taken).iter().map(|entry| wire::decode(&entry.data).unwrap().id).collect()
    }
}

impl PutRecords for MemoryStream {
    async fn put_records(&self, entries: &[Entry]) -> Result<Vec<Option<String>>, CallError> {
        give_way().await;
        assert!((1..=limits::PUT_RECORDS_COUNT).contains(&entries.len()), "{} records in a call", entries.len());
        assert!(entries.iter().all(|entry| entry.size() <= limits::KINESIS_RECORD_BYTES));
        assert!(entries.iter().map(Entry::size).sum::<usize>() <= limits::PUT_RECORDS_BYTES);
        lock(&self.offered).push(entries.to_vec());
        let answers = call("PutRecords", self.puts.next(Call::Batch(entries.len())), |refused| {
            let mut taken = lock(&self.taken);
            let mut put = |(at, entry): (usize, &Entry)| {
                if refused(at) {
                    return Some("ProvisionedThroughputExceededException: the shard is busy".to_owned());
                }
                taken.push(entry.clone());
                None
            };
            entries.iter().enumerate().map(&mut put).collect()
        });
        give_way().await;
        answers
    }
}
