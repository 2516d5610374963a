//! Packs lines into Firehose records, since each is billed as 5 KB at least, and those into calls.

use crate::limits::{FIREHOSE_RECORD_BYTES, PUT_RECORD_BATCH_BYTES, PUT_RECORD_BATCH_COUNT};

/// One Firehose record: whole lines, each with its newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The lines.
    pub data: Vec<u8>,
    /// Which of the lines given to [`pack`] it holds.
    pub lines: std::ops::Range<usize>,
}

/// Packs lines in their order, and groups the records into PutRecordBatch calls.
///
/// Newlines inside a line can only stand between the tokens of its JSON, and become spaces. A line
/// that is longer than a Firehose record cannot come from Kinesis, whose records are about as large;
/// it gets a record of its own for the sink to refuse.
pub fn pack<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<Packed>> {
    let mut records: Vec<Packed> = Vec::new();
    for (index, line) in lines.into_iter().enumerate() {
        let fits = records.last().is_some_and(|record| record.data.len() + line.len() < FIREHOSE_RECORD_BYTES);
        if !fits {
            records.push(Packed { data: Vec::new(), lines: index..index });
        }
        if let Some(record) = records.last_mut() {
            record.data.extend(line.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
            record.data.push(b'\n');
            record.lines.end = index + 1;
        }
    }
    let mut calls: Vec<Vec<Packed>> = Vec::new();
    let mut bytes = 0;
    for record in records {
        let size = record.data.len();
        match calls.last_mut() {
            Some(call) if call.len() < PUT_RECORD_BATCH_COUNT && bytes + size <= PUT_RECORD_BATCH_BYTES => {
                bytes += size;
                call.push(record);
            }
            _ => {
                bytes = size;
                calls.push(vec![record]);
            }
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_stay_lines() {
        let calls = pack([&b"{\"a\":\n1}"[..], b"{}"]);
        assert_eq!(calls[0][0].data, b"{\"a\": 1}\n{}\n");
        assert_eq!(calls[0][0].lines, 0..2);
        assert!(pack([]).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_line_is_packed_once_within_the_limits(sizes in prop::collection::vec(0usize..FIREHOSE_RECORD_BYTES, 0..40)) {
            let lines: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![b'x'; size]).collect();
            let calls = pack(lines.iter().map(Vec::as_slice));
            let mut next = 0;
            for call in &calls {
                prop_assert!(call.len() <= PUT_RECORD_BATCH_COUNT);
                prop_assert!(call.iter().map(|record| record.data.len()).sum::<usize>() <= PUT_RECORD_BATCH_BYTES);
                for record in call {
                    prop_assert_eq!(record.lines.start, next);
                    next = record.lines.end;
                    prop_assert!(record.data.len() <= FIREHOSE_RECORD_BYTES);
                    let expected: usize = sizes[record.lines.clone()].iter().map(|size| size + 1).sum();
                    prop_assert_eq!(record.data.len(), expected);
                }
            }
            prop_assert_eq!(next, lines.len());
        }
    }
}
