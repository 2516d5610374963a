//! Whether a mapping keeps its promise of order: of a partition key no record is given before an older one was.
//!
//! That holds over splits and merges, for what is given for the first time. The pipeline does without this order; who
//! reads the mapping as documentation of AWS does not.

use std::{cmp::Ordering, collections::HashMap, sync::Arc};

use event_source_mapping::kinesis::{Batch, ShardId};
use foldhash::fast::FixedState;

/// The latest record of each key that a function was given: in each shard, and in all.
#[derive(Debug, Default)]
pub(crate) struct Order {
    in_shard: HashMap<(ShardId, Arc<str>), Arc<str>, FixedState>,
    latest: HashMap<Arc<str>, Arc<str>, FixedState>,
}

/// The order of numbers written without leading zeros.
pub(crate) fn by_number(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

impl Order {
    /// A batch is given. Returns the key of a record that overtakes an older one.
    pub(crate) fn give(&mut self, batch: &Batch) -> Option<Arc<str>> {
        let mut overtaken = None;
        for record in &batch.records {
            let key = &record.partition_key;
            let number: Arc<str> = record.sequence_number.as_str().into();
            let is_later = |known: Option<&Arc<str>>| known.is_none_or(|known| by_number(&number, known).is_gt());
            let place = (batch.shard.clone(), key.clone());
            if !is_later(self.in_shard.get(&place)) {
                continue;
            }
            if is_later(self.latest.get(key)) {
                self.latest.insert(key.clone(), number.clone());
            } else {
                overtaken = Some(key.clone());
            }
            self.in_shard.insert(place, number);
        }
        overtaken
    }
}
