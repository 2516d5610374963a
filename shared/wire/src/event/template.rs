//! A record that was read becomes the template of the next: all of its text but a few values.
//!
//! The records of a batch come from one shard through one mapping, so their JSON differs in five
//! values only. Where all text between the values is byte for byte that of a record that `serde_json`
//! has read, the parser would go the same way again; what is left to do is to find the ends of the
//! values and to see that they are what JSON allows there. Any surprise is `None`, and the caller asks
//! `serde_json`. No JSON is understood here.

use std::ops::Range;

use super::row::{Row, Text};

/// A record's text and where its values stand, in the order of the text.
#[derive(Clone, Copy)]
pub(super) struct Template<'e> {
    record: &'e [u8],
    holes: [Hole; 5],
    len: usize,
    /// Where all records of this template come from: their shard and stream are no holes.
    pub(super) origin: u32,
}

#[derive(Clone, Copy)]
struct Hole {
    start: usize,
    end: usize,
    value: Value,
}

#[derive(Clone, Copy)]
enum Value {
    Data,
    SequenceNumber,
    PartitionKey,
    Arrived,
    /// A string that nobody asks for.
    Other,
}

/// What a record has in the template's holes. The payload is still base64, if it is that.
#[derive(Default)]
pub(super) struct Found<'e> {
    pub(super) data: &'e [u8],
    pub(super) sequence_number: &'e str,
    pub(super) partition_key: &'e str,
    pub(super) arrived_at: Option<i64>,
}

impl<'e> Template<'e> {
    /// The template that `record` is, which `row` was read from and which comes from `origin`. `None` if
    /// there are escapes in one of its values.
    pub(super) fn of(record: &'e [u8], row: &Row<'e>, origin: u32) -> Option<Self> {
        let mut holes = [Hole { start: 0, end: 0, value: Value::Data }; 5];
        let mut len = 0;
        let mut hole = |place: Range<usize>, value| {
            holes[len] = Hole { start: place.start, end: place.end, value };
            len += 1;
        };
        hole(within_quotes(record, &row.kinesis.data)?, Value::Data);
        hole(within_quotes(record, &row.kinesis.sequence_number)?, Value::SequenceNumber);
        if let Some(Text(key)) = &row.kinesis.partition_key {
            hole(within_quotes(record, key)?, Value::PartitionKey);
        }
        if let Some(Text(id)) = &row.event_id {
            // The shard stays outside of the hole. Without one, the next identifier could name one.
            let place = within_quotes(record, id)?;
            if let Some((shard, _)) = id.split_once(':') {
                hole(place.start + shard.len() + 1..place.end, Value::Other);
            }
        }
        if let Some(arrived) = &row.kinesis.arrived {
            hole(place(record, arrived.token)?, Value::Arrived);
        }
        holes[..len].sort_unstable_by_key(|hole| hole.start);
        Some(Self { record, holes, len, origin })
    }

    /// Reads the record that `rest` begins with, if it is like this one. Answers where it ends.
    #[inline]
    pub(super) fn read(&self, rest: &'e [u8]) -> Option<(Found<'e>, usize)> {
        let mut found = Found::default();
        let mut at = 0;
        let mut same = 0;
        for hole in &self.holes[..self.len] {
            at = self.constant(same..hole.start, rest, at)?;
            same = hole.end;
            let value = &rest[at..];
            match hole.value {
                Value::Data => {
                    // Escapes and control characters are left to base64, which knows neither.
                    let end = memchr::memchr(b'"', value)?;
                    found.data = &value[..end];
                    at += end;
                }
                Value::Arrived => {
                    let (millis, end) = seconds(value)?;
                    found.arrived_at = Some(millis);
                    at += end;
                }
                Value::SequenceNumber => {
                    found.sequence_number = plain(value)?;
                    at += found.sequence_number.len();
                }
                Value::PartitionKey => {
                    found.partition_key = plain(value)?;
                    at += found.partition_key.len();
                }
                Value::Other => at += plain(value)?.len(),
            }
        }
        let end = self.constant(same..self.record.len(), rest, at)?;
        Some((found, end))
    }

    /// Where the text of the template's `part` ends in `rest`, if it stands there at `at`.
    #[inline]
    fn constant(&self, part: Range<usize>, rest: &[u8], at: usize) -> Option<usize> {
        let part = &self.record[part];
        let end = at + part.len();
        (rest.get(at..end)? == part).then_some(end)
    }
}

/// Where a value that was borrowed from its record stands in it.
fn place(record: &[u8], value: &str) -> Option<Range<usize>> {
    let start = value.as_ptr().addr().checked_sub(record.as_ptr().addr())?;
    let place = start..start + value.len();
    (record.get(place.clone())? == value.as_bytes()).then_some(place)
}

/// Where a string's content stands in its record. What was unescaped stands elsewhere.
fn within_quotes(record: &[u8], value: &str) -> Option<Range<usize>> {
    let place = place(record, value)?;
    let quoted = record.get(place.start.checked_sub(1)?)? == &b'"' && record.get(place.end)? == &b'"';
    quoted.then_some(place)
}

/// The string that ends at the next quote, if nothing in it is escaped or forbidden.
#[inline]
fn plain(value: &[u8]) -> Option<&str> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let (words, tail) = value.as_chunks::<8>();
    let mut end = None;
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The lowest byte that has its high bit in the mask is the first that ends plain text: the
        // subtractions carry upwards only (Mycroft).
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = word ^ (ONES * b'"' as u64);
        let quote = quote.wrapping_sub(ONES) & !quote;
        let escape = word ^ (ONES * b'\\' as u64);
        let escape = escape.wrapping_sub(ONES) & !escape;
        let special = (control | quote | escape) & HIGH;
        if special != 0 {
            end = Some(index * 8 + special.trailing_zeros() as usize / 8);
            break;
        }
    }
    let end = match end {
        Some(end) => end,
        None => words.len() * 8 + tail.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'))?,
    };
    if value[end] != b'"' {
        return None;
    }
    std::str::from_utf8(&value[..end]).ok()
}

/// A JSON number of seconds with up to three decimals, in milliseconds, and its length. Within these
/// bounds the way over a float would give the same.
#[inline]
pub(super) fn seconds(value: &[u8]) -> Option<(i64, usize)> {
    let digits = |text: &[u8]| {
        let mut number = 0i64;
        let mut len = 0;
        while let Some(digit @ b'0'..=b'9') = text.get(len) {
            if len == 12 {
                return None;
            }
            number = number * 10 + i64::from(digit - b'0');
            len += 1;
        }
        Some((number, len))
    };
    let (whole, len) = digits(value)?;
    if len == 0 || (len > 1 && value[0] == b'0') {
        return None;
    }
    if value.get(len) != Some(&b'.') {
        return Some((whole * 1000, len));
    }
    let (fraction, decimals) = digits(&value[len + 1..])?;
    let millis = match decimals {
        1 => fraction * 100,
        2 => fraction * 10,
        3 => fraction,
        _ => return None,
    };
    Some((whole * 1000 + millis, len + 1 + decimals))
}
