//! How a shard is read: from where, when, how far ahead; and what of it is through.
//!
//! Records that were read are filtered and dealt to lanes by their partition key, so that one key is always in the
//! same lane. The checkpoint is what all lanes together are through with, without a gap.

use std::{collections::VecDeque, sync::Arc};

use jiff::Timestamp;

use super::{
    Action, Position, ReadError, Record, SequenceNumber, Settings, ShardId,
    event::{Lengths, MAXIMUM_EVENT_BYTES},
    filter::RecordFilter,
    lane::{Context, Lane},
};

/// GetRecords gives no more at once.
const MAXIMUM_READ: usize = 10_000;
/// Reading ahead at least so far keeps small batches from costing a read each.
const MINIMUM_AHEAD: usize = 500;
/// While one lane stands still the others go on this many times as far as is read ahead anyway.
const BEYOND_A_STALL: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Its parents are not through.
    Behind,
    /// It may be read, from this moment on.
    From(Timestamp),
    /// A read is under way, since this moment.
    Asked(Timestamp),
    /// All of it was read.
    Ended,
}

#[derive(Debug)]
pub(crate) struct ShardReader {
    pub(crate) id: ShardId,
    pub(crate) parents: Vec<ShardId>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) lengths: Lengths,
    position: Position,
    reading: Reading,
    failures: u32,
    /// When the last read began, if it gave nothing.
    pub(crate) caught_up: Option<Timestamp>,
    last_read: Option<SequenceNumber>,
    /// Read and not through, in the order of the shard; those that a lane or the filter is through with linger until
    /// all before them are.
    unfinished: VecDeque<SequenceNumber>,
    /// Records in the lanes.
    pub(crate) outstanding: usize,
    checkpoint: Option<SequenceNumber>,
    pub(crate) is_drained: bool,
}

impl ShardReader {
    pub(crate) fn new(id: ShardId, parents: Vec<ShardId>, position: Position, settings: &Settings) -> Self {
        let lanes = settings.parallelization_factor.max(1);
        let lengths = Lengths::new(settings, &id);
        let checkpoint = match &position {
            Position::After(number) => Some(number.clone()),
            _ => None,
        };
        Self {
            id,
            parents,
            lanes: (0..lanes).map(|_| Lane::default()).collect(),
            lengths,
            position,
            reading: Reading::Behind,
            failures: 0,
            caught_up: None,
            last_read: None,
            unfinished: VecDeque::new(),
            outstanding: 0,
            checkpoint,
            is_drained: false,
        }
    }

    pub(crate) fn is_behind(&self) -> bool {
        self.reading == Reading::Behind
    }

    /// Its parents are through: it may be read.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.reading = Reading::From(now);
    }

    pub(crate) fn is_end(&self) -> bool {
        self.reading == Reading::Ended
    }

    /// Whether there is nothing to do before something new arrives.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_drained || (self.outstanding == 0 && self.caught_up.is_some() && self.lanes.iter().all(Lane::is_empty))
    }

    /// The last record before which all are through.
    pub(crate) fn checkpoint(&self) -> Option<&SequenceNumber> {
        self.checkpoint.as_ref()
    }

    /// Takes in what a read gave.
    pub(crate) fn take(
        &mut self,
        context: &mut Context<'_>,
        filter: &RecordFilter,
        records: Vec<Arc<Record>>,
        is_end: bool,
    ) {
        let Reading::Asked(asked) = self.reading else { return };
        self.failures = 0;
        self.caught_up = records.is_empty().then_some(asked);
        let next = if records.is_empty() { context.pace.poll_interval } else { jiff::SignedDuration::ZERO };
        self.reading = match is_end {
            true => Reading::Ended,
            false => Reading::From(context.now.saturating_add(next).unwrap_or(context.now)),
        };
        for record in records {
            // A driver may give a record again, a stream does not.
            if self.last_read.as_ref().is_some_and(|last| record.sequence_number <= *last) {
                continue;
            }
            self.last_read = Some(record.sequence_number.clone());
            self.unfinished.push_back(record.sequence_number.clone());
            if !filter.keeps(&record, &self.id, context.settings) {
                context.counts.filtered += 1;
                continue;
            }
            let lane = lane_of(&record.partition_key, self.lanes.len());
            let bytes = self.lengths.of(&record);
            self.outstanding += 1;
            self.lanes[lane].push(record, bytes, context.now);
        }
        if let Some(last) = &self.last_read {
            self.position = Position::After(last.clone());
        }
    }

    /// Takes in that a read failed.
    pub(crate) fn failed(&mut self, context: &mut Context<'_>, error: ReadError) {
        if !matches!(self.reading, Reading::Asked(_)) {
            return;
        }
        self.reading = match error {
            ReadError::Unavailable => {
                self.failures = self.failures.saturating_add(1);
                let wait = context.pace.backoff(self.failures);
                Reading::From(context.now.saturating_add(wait).unwrap_or(context.now))
            }
            ReadError::Trimmed => {
                context.counts.trims += 1;
                self.position = Position::TrimHorizon;
                Reading::From(context.now)
            }
            ReadError::NoSuchShard => Reading::Ended,
        };
    }

    /// Asks for more where there is room for it.
    pub(crate) fn read(
        &mut self,
        now: Timestamp,
        settings: &Settings,
        latest_since: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let Reading::From(moment) = self.reading else { return };
        if moment > now || !self.has_room(settings) {
            return;
        }
        let ahead = read_ahead(settings);
        let limit = (2 * ahead - self.outstanding).min(MAXIMUM_READ);
        actions.push(Action::Read { shard: self.id.clone(), from: self.position.clone(), limit });
        // Asking for the latest once more would pass over what arrived in between.
        if self.position == Position::Latest {
            self.position = Position::AtTimestamp(latest_since);
        }
        self.reading = Reading::Asked(now);
    }

    fn has_room(&self, settings: &Settings) -> bool {
        let bytes: usize = self.lanes.iter().map(Lane::queued_bytes).sum();
        let ahead = read_ahead(settings);
        self.outstanding < ahead
            && self.unfinished.len() < BEYOND_A_STALL * ahead
            && bytes < 2 * MAXIMUM_EVENT_BYTES * self.lanes.len()
    }

    /// When to look at this shard again, if nothing comes before.
    pub(crate) fn wake(&self, settings: &Settings) -> Option<Timestamp> {
        if self.is_drained {
            return None;
        }
        let read = match self.reading {
            Reading::From(moment) if self.has_room(settings) => Some(moment),
            _ => None,
        };
        self.lanes.iter().filter_map(|lane| lane.wake(settings)).chain(read).min()
    }

    /// Moves the checkpoint up to the oldest record that is not through.
    pub(crate) fn settle(&mut self) {
        // What a window has gathered is through with its last call.
        if self.lanes.iter().any(Lane::has_window) {
            return;
        }
        let oldest = self.lanes.iter().filter_map(Lane::oldest).map(|record| &record.sequence_number).min();
        let mut passed = None;
        while let Some(first) = self.unfinished.front() {
            if oldest.is_some_and(|oldest| first >= oldest) {
                break;
            }
            passed = self.unfinished.pop_front();
        }
        if passed.is_some() {
            self.checkpoint = passed;
        }
        if self.reading == Reading::Ended
            && self.outstanding == 0
            && self.lanes.iter().all(Lane::is_empty)
            && !self.is_drained
        {
            self.is_drained = true;
        }
    }
}

/// How many records may wait before reading stops.
fn read_ahead(settings: &Settings) -> usize {
    settings.batch_size.saturating_mul(settings.parallelization_factor).max(MINIMUM_AHEAD)
}

/// The lane of a key. Which one is AWS's secret; that it is always the same one is what counts.
fn lane_of(key: &str, lanes: usize) -> usize {
    if lanes < 2 {
        return 0;
    }
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // The high bits depend on all of the key.
    ((hash >> 32) as usize) % lanes
}
