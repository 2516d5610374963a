//! A Kinesis stream: shards by ranges of hashed partition keys, split and merged while it runs.
//!
//! Sequence numbers have 55 digits at first and 56 soon after, so that neither a number of any language nor the order
//! of texts holds them. Records stay for a while after they were read, for whoever reads again.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use event_source_mapping::kinesis::{Position, ReadError, Record, Shard, ShardId};
use fastrand::Rng;
use pipeline::port::{CallError, PutRecords};
use wire::Entry;

use crate::{
    checker::Checker,
    order::by_number,
    process::Process,
    trouble::{Call, Fault, Site},
    world::{World, lock},
};

/// How many records a shard keeps, far more than can wait for their turn.
const RETAINED: usize = 20_000;

/// A stream.
#[derive(Debug)]
pub(crate) struct Kinesis {
    world: World,
    checker: Arc<Mutex<Checker>>,
    shards: Mutex<Shards>,
    /// The epoch of what is put now.
    pub(crate) epoch: AtomicU32,
}

#[derive(Debug)]
struct Shards {
    all: Vec<Row>,
    /// The next sequence number: high digits, and 38 low ones.
    next: (u64, u128),
    rng: Rng,
}

#[derive(Debug)]
struct Row {
    shard: Shard,
    /// Hashes from the first up to the second.
    range: (u64, u64),
    records: VecDeque<Arc<Record>>,
    is_trimmed: bool,
}

const LOW_DIGITS: u128 = 10_u128.pow(38);

impl Shards {
    fn number(&mut self) -> String {
        let (high, low) = &mut self.next;
        *low += self.rng.u128(1..20);
        if *low >= LOW_DIGITS {
            (*high, *low) = (*high + 1, *low - LOW_DIGITS);
        }
        format!("{high}{low:038}")
    }

    fn add(&mut self, range: (u64, u64), parents: Vec<ShardId>) {
        let id = ShardId(format!("shardId-{:012}", self.all.len()).into());
        let shard = Shard { id, parents, is_closed: false };
        self.all.push(Row { shard, range, records: VecDeque::new(), is_trimmed: false });
    }

    fn open(&self) -> Vec<usize> {
        (0..self.all.len()).filter(|at| !self.all[*at].shard.is_closed).collect()
    }
}

/// FNV-1a, spread over all bits.
fn hash(key: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

impl Kinesis {
    /// A stream of so many shards.
    pub(crate) fn new(world: &World, checker: &Arc<Mutex<Checker>>, shards: u64) -> Self {
        let mut rng = world.chance();
        // Somewhere in the first thousands 999…9 becomes 1000…0.
        let next = (99_999_999_999_999_999, LOW_DIGITS - rng.u128(1..20_000));
        let mut rows = Shards { all: Vec::new(), next, rng };
        let width = u64::MAX / shards;
        for nth in 0..shards {
            let end = if nth + 1 == shards { u64::MAX } else { (nth + 1) * width };
            rows.add((nth * width, end), Vec::new());
        }
        let (world, checker) = (world.clone(), checker.clone());
        Self { world, checker, shards: Mutex::new(rows), epoch: AtomicU32::new(0) }
    }

    /// Takes a record.
    fn put(&self, entry: &Entry) {
        let mut shards = lock(&self.shards);
        let key = entry.partition_key.as_str();
        let hash = hash(key);
        let number = shards.number();
        let holds = |row: &&mut Row| !row.shard.is_closed && (row.range.0..row.range.1).contains(&hash);
        let row = shards.all.iter_mut().find(holds);
        // The ranges of open shards cover all hashes but the last one.
        let (Some(row), Ok(sequence_number)) = (row, number.parse()) else { return };
        let data = Bytes::copy_from_slice(&entry.data);
        let record = Record { sequence_number, partition_key: key.into(), data, arrived: self.world.now() };
        row.records.push_back(Arc::new(record));
        if row.records.len() > RETAINED {
            row.records.pop_front();
            row.is_trimmed = true;
        }
        drop(shards);
        self.world.note(hash);
        lock(&self.checker).streamed(&entry.data, self.epoch.load(Relaxed));
    }

    /// The shards, as they are listed.
    pub(crate) fn list(&self) -> Vec<Shard> {
        lock(&self.shards).all.iter().map(|row| row.shard.clone()).collect()
    }

    /// Records of a shard, and whether it ends behind them.
    pub(crate) fn read(
        &self,
        shard: &ShardId,
        from: &Position,
        limit: usize,
    ) -> Result<(Vec<Arc<Record>>, bool), ReadError> {
        let shards = lock(&self.shards);
        let row = shards.all.iter().find(|row| row.shard.id == *shard).ok_or(ReadError::NoSuchShard)?;
        let begin = match from {
            Position::TrimHorizon => 0,
            Position::Latest => row.records.len(),
            Position::AtTimestamp(at) => row.records.partition_point(|record| record.arrived < *at),
            Position::After(number) => row
                .records
                .partition_point(|record| by_number(record.sequence_number.as_str(), number.as_str()).is_le()),
        };
        if begin == 0 && row.is_trimmed && matches!(from, Position::After(_)) {
            return Err(ReadError::Trimmed);
        }
        let records: Vec<Arc<Record>> = row.records.range(begin..).take(limit).cloned().collect();
        let is_end = row.shard.is_closed && begin + records.len() == row.records.len();
        Ok((records, is_end))
    }

    /// Splits a shard or merges two.
    pub(crate) fn reshard(&self) {
        let mut shards = lock(&self.shards);
        let open = shards.open();
        let at = open[shards.rng.usize(0..open.len())];
        let (range, id) = (shards.all[at].range, shards.all[at].shard.id.clone());
        let neighbour = open.iter().copied().find(|other| shards.all[*other].range.0 == range.1);
        match neighbour.filter(|_| open.len() > 2 && shards.rng.bool()) {
            Some(other) => {
                let (end, second) = (shards.all[other].range.1, shards.all[other].shard.id.clone());
                shards.all[at].shard.is_closed = true;
                shards.all[other].shard.is_closed = true;
                shards.add((range.0, end), vec![id, second]);
            }
            None if open.len() < 12 && range.1 - range.0 > 1_000_000 => {
                let middle = range.0 + (range.1 - range.0) / 2;
                shards.all[at].shard.is_closed = true;
                shards.add((range.0, middle), vec![id.clone()]);
                shards.add((middle, range.1), vec![id]);
            }
            None => {}
        }
    }
}

/// A stream as a process puts to it.
#[derive(Debug)]
pub(crate) struct StreamPort {
    /// The stream.
    pub(crate) stream: Arc<Kinesis>,
    /// [`Site::Put`] or [`Site::Alerts`].
    pub(crate) site: Site,
    /// Who calls.
    pub(crate) process: Arc<Process>,
}

impl PutRecords for StreamPort {
    async fn put_records(&self, entries: &[Entry]) -> Result<Vec<Option<String>>, CallError> {
        let fault = self.process.begin(self.site, Call::Batch(entries.len())).await?;
        let refused = |at: usize| matches!(&fault, Some(Fault::Refuse(refused)) if refused[at]);
        let mut answers = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let refused = refused(at);
            if !refused {
                self.stream.put(entry);
            }
            answers.push(refused.then(|| "ProvisionedThroughputExceededException: the shard is busy".to_owned()));
        }
        self.process.end(self.site, fault).await?;
        Ok(answers)
    }
}
