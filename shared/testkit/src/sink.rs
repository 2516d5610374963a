//! A Firehose delivery stream, in memory.

use std::sync::Mutex;

use pipeline::port::{CallError, Deliver};
use wire::{Packed, limits};

use crate::{
    fault::{Call, Faults, call},
    interleave::give_way,
    lock,
};

/// Keeps the lines that were delivered. A call beyond Firehose's limits stops the test.
#[derive(Debug, Default)]
pub struct MemorySink {
    lines: Mutex<Vec<String>>,
    /// Faults of PutRecordBatch.
    pub deliveries: Faults,
}

impl MemorySink {
    /// Every line in the order in which they came, repetitions included.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.lines).clone()
    }
}

impl Deliver for MemorySink {
    async fn deliver(&self, records: &[Packed]) -> Result<Vec<bool>, CallError> {
        give_way().await;
        assert!((1..=limits::PUT_RECORD_BATCH_COUNT).contains(&records.len()), "{} records in a call", records.len());
        assert!(records.iter().all(|record| record.data.len() <= limits::FIREHOSE_RECORD_BYTES));
        assert!(records.iter().map(|record| record.data.len()).sum::<usize>() <= limits::PUT_RECORD_BATCH_BYTES);
        let answers = call("PutRecordBatch", self.deliveries.next(Call::Batch(records.len())), |refused| {
            let mut lines = lock(&self.lines);
            let mut put = |(at, record): (usize, &Packed)| {
                let taken = !refused(at);
                if taken {
                    let text = std::str::from_utf8(&record.data).unwrap();
                    lines.extend(text.strip_suffix('\n').unwrap().split('\n').map(str::to_owned));
                }
                taken
            };
            records.iter().enumerate().map(&mut put).collect()
        });
        give_way().await;
        answers
    }
}
