//! Packs lines into Firehose records, since each is billed as 5 KB at least, and those into calls.
//!
//! Lines enter, written one behind the other into one buffer; slices of that buffer leave, so what is written once is
//! what is handed to Firehose. Nothing is sent here.

use std::ops::Range;

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    encode::Rendered,
    identity::Id,
    limits::{FIREHOSE_RECORD_BYTES, PUT_RECORD_BATCH_BYTES, PUT_RECORD_BATCH_COUNT},
};

/// One Firehose record: whole lines, each with its newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The lines, a slice of the buffer into which they were written.
    pub data: Bytes,
    /// Which of the lines given to [`pack`] it holds.
    pub lines: Range<usize>,
}

/// Lines one behind the other in one buffer, each with its newline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    data: Vec<u8>,
    /// Where each line ends, its newline included.
    ends: Vec<usize>,
}

impl Lines {
    /// A buffer with room for so many bytes, newlines included, in so many lines. To grow would copy what is there.
    pub fn with_capacity(bytes: usize, lines: usize) -> Self {
        Self { data: Vec::with_capacity(bytes), ends: Vec::with_capacity(lines) }
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The lines, newlines included.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Appends a line that is there already. Newlines inside of it can only stand between the tokens of its JSON, and
    /// become spaces.
    pub fn push(&mut self, line: &[u8]) {
        let start = self.data.len();
        self.data.extend_from_slice(line);
        for at in memchr::memchr2_iter(b'\n', b'\r', line) {
            self.data[start + at] = b' ';
        }
        self.end_line();
    }

    /// Appends the line of readings as this revision. Returns its id.
    pub fn push_rendered(&mut self, readings: &mut Rendered<'_>, rev: u32, ingested_at: Timestamp) -> Id {
        let id = readings.push_line(&mut self.data, rev, ingested_at);
        self.end_line();
        id
    }

    /// Appends the lines of another buffer, all at once.
    pub fn append(&mut self, others: &Self) {
        let start = self.data.len();
        self.data.extend_from_slice(&others.data);
        self.ends.extend(others.ends.iter().map(|end| start + end));
    }

    /// Keeps the first lines, so many of them, and the memory of all.
    pub fn truncate(&mut self, lines: usize) {
        self.ends.truncate(lines);
        self.data.truncate(self.ends.last().copied().unwrap_or_default());
    }

    /// Leaves only the lines whose index is good, in their order.
    pub fn retain(&mut self, mut good: impl FnMut(usize) -> bool) {
        let mut kept = Self { data: Vec::with_capacity(self.data.len()), ends: Vec::with_capacity(self.ends.len()) };
        let mut start = 0;
        for (index, end) in self.ends.iter().enumerate() {
            if good(index) {
                kept.data.extend_from_slice(&self.data[start..*end]);
                kept.ends.push(kept.data.len());
            }
            start = *end;
        }
        *self = kept;
    }

    /// Cuts the lines into records, in their order, and groups the records into PutRecordBatch calls. Nothing is
    /// copied.
    ///
    /// A line that is longer than a Firehose record cannot come from Kinesis, whose records are about as large; it
    /// gets a record of its own for the sink to refuse.
    pub fn pack(self) -> Vec<Vec<Packed>> {
        let data = Bytes::from(self.data);
        let mut calls: Vec<Vec<Packed>> = Vec::new();
        let (mut first, mut start, mut bytes) = (0, 0, 0);
        while let Some(rest) = self.ends.get(first..).filter(|rest| !rest.is_empty()) {
            let lines = rest.partition_point(|end| end - start <= FIREHOSE_RECORD_BYTES).max(1);
            let end = rest[lines - 1];
            let record = Packed { data: data.slice(start..end), lines: first..first + lines };
            match calls.last_mut() {
                Some(call) if call.len() < PUT_RECORD_BATCH_COUNT && bytes + end - start <= PUT_RECORD_BATCH_BYTES => {
                    bytes += end - start;
                    call.push(record);
                }
                _ => {
                    bytes = end - start;
                    calls.push(vec![record]);
                }
            }
            (first, start) = (first + lines, end);
        }
        calls
    }

    fn end_line(&mut self) {
        self.data.push(b'\n');
        self.ends.push(self.data.len());
    }
}

/// Packs lines that are there already; see [`Lines::push`] and [`Lines::pack`].
pub fn pack<'a>(lines: impl IntoIterator<Item = &'a [u8], IntoIter: Clone>) -> Vec<Vec<Packed>> {
    let lines = lines.into_iter();
    // All of the memory at once: to grow would copy what is there already.
    let (count, bytes) = lines.clone().fold((0, 0), |(count, bytes), line| (count + 1, bytes + line.len() + 1));
    let mut packed = Lines::with_capacity(bytes, count);
    lines.for_each(|line| packed.push(line));
    packed.pack()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_that_are_not_kept_leave_no_trace() {
        let mut lines = Lines::default();
        [&b"a"[..], b"bb", b"", b"ccc"].into_iter().for_each(|line| lines.push(line));
        lines.retain(|index| index != 1);
        assert_eq!((lines.len(), lines.bytes()), (3, &b"a\n\nccc\n"[..]));
        lines.push(b"d");
        assert_eq!(lines.pack()[0][0].lines, 0..4);
    }

    /// The obviously right formula: byte by byte, line by line.
    fn naive(lines: &[Vec<u8>]) -> Vec<Vec<Packed>> {
        let mut records: Vec<(Vec<u8>, Range<usize>)> = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let mut line: Vec<u8> =
                line.iter().map(|&byte| if b"\r\n".contains(&byte) { b' ' } else { byte }).collect();
            line.push(b'\n');
            match records.last_mut() {
                Some((data, lines)) if data.len() + line.len() <= FIREHOSE_RECORD_BYTES => {
                    data.extend(line);
                    lines.end = index + 1;
                }
                _ => records.push((line, index..index + 1)),
            }
        }
        let mut calls: Vec<Vec<Packed>> = Vec::new();
        for (data, lines) in records {
            let packed = Packed { data: data.into(), lines };
            let size = |call: &Vec<Packed>| call.iter().map(|record| record.data.len()).sum::<usize>();
            match calls.last_mut() {
                Some(call) if call.len() < 500 && size(call) + packed.data.len() <= PUT_RECORD_BATCH_BYTES => {
                    call.push(packed);
                }
                _ => calls.push(vec![packed]),
            }
        }
        calls
    }

    #[track_caller]
    fn check(lines: &[Vec<u8>]) {
        let expected = naive(lines);
        assert!(pack(lines.iter().map(Vec::as_slice)) == expected);
    }

    #[test]
    fn lines_stay_lines() {
        let calls = pack([&b"{\"a\":\n1}"[..], b"{}"]);
        assert_eq!(calls[0][0].data, b"{\"a\": 1}\n{}\n"[..]);
        assert_eq!(calls[0][0].lines, 0..2);
        assert!(pack([]).is_empty());
    }

    #[test]
    fn records_and_calls_are_as_full_as_they_may_be() {
        let line = |size: usize| vec![b'x'; size];
        for short in [0, 1, 2] {
            // Two lines that fill a record but for some bytes, or are a byte too long for it.
            check(&[line(FIREHOSE_RECORD_BYTES - 1001 - short), line(1000), line(5)]);
            check(&[line(FIREHOSE_RECORD_BYTES - short), line(5), line(FIREHOSE_RECORD_BYTES - short)]);
        }
        // Full records, four to a call, and what is too long for any.
        check(&vec![line(FIREHOSE_RECORD_BYTES - 1); 9]);
        check(&[line(3), line(2 * FIREHOSE_RECORD_BYTES), line(3)]);
        let records = pack(vec![&line(FIREHOSE_RECORD_BYTES - 1)[..]; 9]);
        assert_eq!(records.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 1]);
    }

    #[test]
    fn nothing_is_copied_when_lines_are_packed() {
        let mut lines = Lines::default();
        (0..5000).for_each(|_| lines.push(&[b'x'; 1000]));
        let begin = lines.bytes().as_ptr();
        let calls = lines.pack();
        let mut at = 0;
        for record in calls.iter().flatten() {
            assert_eq!(record.data.as_ptr(), begin.wrapping_add(at));
            at += record.data.len();
        }
        assert_eq!(at, 5000 * 1001);
    }

    fn line() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(&b"ab\n\r \xff"[..]), 0..200)
    }

    proptest! {
        #[test]
        fn buffers_are_joined_and_cut_back(texts in prop::collection::vec(line(), 0..20), cut in 0usize..20, keep in 0usize..25) {
            let of = |texts: &[Vec<u8>]| {
                let mut lines = Lines::default();
                texts.iter().for_each(|line| lines.push(line));
                lines
            };
            let (front, back) = texts.split_at(cut.min(texts.len()));
            let mut joined = of(front);
            joined.append(&of(back));
            prop_assert_eq!(&joined, &of(&texts));
            joined.truncate(keep);
            prop_assert_eq!(&joined, &of(&texts[..keep.min(texts.len())]));
            prop_assert_eq!(joined.len(), joined.bytes().iter().filter(|&&byte| byte == b'\n').count());
            prop_assert_eq!(joined.is_empty(), joined.bytes().is_empty());
            prop_assert!(pack(texts.iter().map(Vec::as_slice)) == naive(&texts));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn long_lines_are_packed_as_by_the_naive_formula(
            sizes in prop::collection::vec((0usize..FIREHOSE_RECORD_BYTES + 100, any::<prop::sample::Index>()), 0..40),
        ) {
            let line = |(size, at): &(usize, prop::sample::Index)| {
                let mut line = vec![b'x'; *size];
                if *size > 0 {
                    line[at.index(*size)] = b'\n';
                }
                line
            };
            let lines: Vec<Vec<u8>> = sizes.iter().map(line).collect();
            prop_assert!(pack(lines.iter().map(Vec::as_slice)) == naive(&lines));
        }
    }
}
