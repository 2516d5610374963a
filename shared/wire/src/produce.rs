//! Cuts records into PutRecords calls within the limits, and refuses before the call what no call takes.

use std::ops::Range;

use crate::{
    limits::{KINESIS_RECORD_BYTES, PUT_RECORDS_BYTES, PUT_RECORDS_COUNT},
    partition::PartitionKey,
};

/// One record for a stream, with its measured size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Decides on the shard.
    pub partition_key: PartitionKey,
    /// The payload.
    pub data: Vec<u8>,
}

impl Entry {
    /// What counts against the limits: payload and partition key, in bytes.
    pub fn size(&self) -> usize {
        self.data.len() + self.partition_key.as_str().len()
    }
}

/// A record larger than a stream takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the record has {size} bytes with its partition key; a stream takes {KINESIS_RECORD_BYTES}: send less per record"
)]
pub struct Oversized {
    /// Its place among the entries.
    pub index: usize,
    /// Its size in bytes.
    pub size: usize,
}

/// How to send some entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batches {
    /// One call each, in order; the ranges index the entries and leave out what is oversized.
    pub calls: Vec<Range<usize>>,
    /// What cannot be sent.
    pub oversized: Vec<Oversized>,
}

/// Cuts entries, in their order, into as few calls as a greedy pass needs.
pub fn batches(entries: &[Entry]) -> Batches {
    let mut plan = Batches::default();
    let (mut start, mut bytes) = (0, 0);
    let close = |calls: &mut Vec<Range<usize>>, start, end| {
        if start < end {
            calls.push(start..end);
        }
    };
    for (index, entry) in entries.iter().enumerate() {
        let size = entry.size();
        if size > KINESIS_RECORD_BYTES {
            close(&mut plan.calls, start, index);
            plan.oversized.push(Oversized { index, size });
            (start, bytes) = (index + 1, 0);
            continue;
        }
        if index - start == PUT_RECORDS_COUNT || bytes + size > PUT_RECORDS_BYTES {
            close(&mut plan.calls, start, index);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    close(&mut plan.calls, start, entries.len());
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(size: usize) -> Entry {
        let partition_key = crate::financial(&"AAPL".parse().unwrap());
        Entry { data: vec![b'x'; size.saturating_sub(partition_key.as_str().len())], partition_key }
    }

    #[test]
    fn edges_of_the_limits() {
        assert_eq!(batches(&[]), Batches::default());
        assert_eq!(batches(&vec![entry(100); 501]).calls, vec![0..500, 500..501]);
        assert_eq!(batches(&vec![entry(KINESIS_RECORD_BYTES); 6]).calls, vec![0..5, 5..6]);
        let plan = batches(&[entry(10), entry(KINESIS_RECORD_BYTES + 1), entry(10)]);
        assert_eq!((plan.calls, plan.oversized[0].index), (vec![0..1, 2..3], 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_entry_is_sent_once_or_refused(sizes in prop::collection::vec(20usize..1_200_000, 0..60)) {
            let entries: Vec<_> = sizes.iter().copied().map(entry).collect();
            let plan = batches(&entries);
            let mut seen: Vec<usize> = plan.calls.iter().cloned().flatten().collect();
            seen.extend(plan.oversized.iter().map(|oversized| oversized.index));
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..entries.len()).collect::<Vec<_>>());
            for call in &plan.calls {
                prop_assert!(call.len() <= PUT_RECORDS_COUNT);
                prop_assert!(entries[call.clone()].iter().map(Entry::size).sum::<usize>() <= PUT_RECORDS_BYTES);
            }
        }
    }
}
