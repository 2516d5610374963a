//! The event of a Kinesis event source mapping becomes one batch: payloads decoded, names kept.
//!
//! The JSON of an event enters, records that borrow from a [`KinesisBatch`] leave. All payloads lie in
//! one buffer and all texts in another, so a record costs no allocation. A payload that is not base64
//! is kept as it came and fails nobody else. Payloads are not looked into here.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use self::{
    row::Row,
    template::{Found, Template},
};

mod row;
mod template;

/// The records of one invocation.
///
/// Deserialising looks at the text as a whole ([`RawValue`]), so the input is a slice or a string of
/// JSON, which is what `lambda_runtime` has; a reader or a `serde_json::Value` is refused.
#[derive(Clone, Default)]
pub struct KinesisBatch {
    bytes: Vec<u8>,
    text: String,
    origins: Vec<Origin>,
    entries: Vec<Entry>,
}

/// One record of a [`KinesisBatch`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchRecord<'a> {
    /// What the producer put, or the text that stood there instead of base64.
    pub data: Result<&'a [u8], NotBase64<'a>>,
    /// Its place in the shard.
    pub sequence_number: &'a str,
    /// What its producer chose the shard by; empty if the event names none.
    pub partition_key: &'a str,
    /// The shard, such as `shardId-000000000006`.
    pub shard: Option<&'a str>,
    /// The name of the stream, without the rest of its ARN.
    pub stream: Option<&'a str>,
    /// When Kinesis took it, about, in milliseconds since 1970.
    pub arrived_at: Option<i64>,
}

/// A payload that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payload is not base64: {}; Kinesis encodes what a producer puts, so look at who made this event", problem(.text))]
pub struct NotBase64<'a> {
    /// What stands in its place.
    pub text: &'a str,
}

/// A part of one of the two buffers. No event of Lambda comes near 4 GiB, and
/// [`KinesisBatch::from_slice`] refuses what does.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    start: u32,
    len: u32,
}

/// Where records come from: in practice the same for a whole batch.
#[derive(Debug, Clone, Copy)]
struct Origin {
    shard: Option<Span>,
    stream: Option<Span>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    data: Payload,
    sequence_number: Span,
    partition_key: Span,
    origin: u32,
    arrived_at: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
enum Payload {
    /// In the buffer of bytes.
    Decoded(Span),
    /// In the buffer of texts.
    NotBase64(Span),
}

impl KinesisBatch {
    /// Reads an event. The same as deserialising it, without the pass by which `serde` finds its end,
    /// and without looking at the encoding of what is skipped.
    ///
    /// # Errors
    /// It is not JSON, or not an event of Kinesis: a record without `data` or `sequenceNumber`, or a
    /// field of another type.
    pub fn from_slice(event: &[u8]) -> Result<Self, serde_json::Error> {
        if u32::try_from(event.len()).is_err() {
            return Err(serde_json::Error::custom("the event has more than 4 GiB; make its batches smaller"));
        }
        match Self::along_templates(event) {
            Some(batch) => Ok(batch),
            None => Self::by_serde(event),
        }
    }

    /// How many records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// No record at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All records in the order of the event.
    pub fn records(&self) -> impl ExactSizeIterator<Item = BatchRecord<'_>> + DoubleEndedIterator {
        self.entries.iter().map(|entry| self.record(entry))
    }

    /// The record at `index` of the event.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<BatchRecord<'_>> {
        self.entries.get(index).map(|entry| self.record(entry))
    }

    fn record(&self, entry: &Entry) -> BatchRecord<'_> {
        let origin = &self.origins[entry.origin as usize];
        BatchRecord {
            data: match entry.data {
                Payload::Decoded(span) => Ok(&self.bytes[span.range()]),
                Payload::NotBase64(span) => Err(NotBase64 { text: self.text(span) }),
            },
            sequence_number: self.text(entry.sequence_number),
            partition_key: self.text(entry.partition_key),
            shard: origin.shard.map(|span| self.text(span)),
            stream: origin.stream.map(|span| self.text(span)),
            arrived_at: entry.arrived_at,
        }
    }

    fn text(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    /// The usual event: nothing but `Records`, whose elements are the same text but for a few values.
    /// `None` leaves the judgement to [`Self::by_serde`], which sees everything again from the start.
    fn along_templates(event: &[u8]) -> Option<Self> {
        let mut batch = Self::default();
        let mut template: Option<Template<'_>> = None;
        let mut rest = event;
        for expected in ["{", "\"Records\"", ":", "["] {
            rest = blank(rest).strip_prefix(expected.as_bytes())?;
        }
        rest = blank(rest);
        if rest.first() != Some(&b']') {
            loop {
                let end = match template.as_ref().and_then(|like| batch.take(rest, like)) {
                    Some(end) => end,
                    None => {
                        let mut rows = serde_json::Deserializer::from_slice(rest).into_iter::<Row<'_>>();
                        let row = rows.next()?.ok()?;
                        let end = rows.byte_offset();
                        if batch.is_empty() {
                            batch.reserve(&row, rest.len() / end + 1);
                        }
                        let origin = batch.push(&row);
                        template = Template::of(&rest[..end], &row, origin);
                        end
                    }
                };
                rest = blank(&rest[end..]);
                match rest.first()? {
                    b',' => rest = blank(&rest[1..]),
                    _ => break,
                }
            }
        }
        for expected in ["]", "}"] {
            rest = blank(rest.strip_prefix(expected.as_bytes())?);
        }
        rest.is_empty().then_some(batch)
    }

    /// Any event, and the word on what is one.
    fn by_serde(event: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Event {
            #[serde(rename = "Records")]
            records: Streamed,
        }
        serde_json::from_slice(event).map(|Event { records: Streamed(batch) }| batch)
    }

    /// Takes a record that is like the ones before. Answers where it ends.
    #[inline]
    fn take<'e>(&mut self, rest: &'e [u8], like: &Template<'e>) -> Option<usize> {
        let (Found { data, sequence_number, partition_key, arrived_at }, end) = like.read(rest)?;
        let data = Payload::Decoded(self.decode(data)?);
        let sequence_number = self.keep(sequence_number);
        let partition_key = self.keep(partition_key);
        self.entries.push(Entry { data, sequence_number, partition_key, origin: like.origin, arrived_at });
        Some(end)
    }

    /// Takes a record that `serde` read. Answers where it comes from.
    fn push(&mut self, row: &Row<'_>) -> u32 {
        let data = match self.decode(row.kinesis.data.as_bytes()) {
            Some(span) => Payload::Decoded(span),
            None => Payload::NotBase64(self.keep(&row.kinesis.data)),
        };
        let origin = self.origin(row.shard(), row.stream());
        let sequence_number = self.keep(&row.kinesis.sequence_number);
        let partition_key = self.keep(row.partition_key().unwrap_or_default());
        let arrived_at = row.arrived_at();
        self.entries.push(Entry { data, sequence_number, partition_key, origin, arrived_at });
        origin
    }

    /// Room for `records` like the first one. They come from the length of the event, so this is
    /// never more than its own size, and pages that stay empty are never touched.
    fn reserve(&mut self, first: &Row<'_>, records: usize) {
        let texts = first.kinesis.sequence_number.len() + first.partition_key().unwrap_or_default().len();
        self.bytes.reserve(records * decoded_len(&first.kinesis.data));
        self.text.reserve(records * texts);
        self.entries.reserve(records);
    }

    #[inline]
    fn decode(&mut self, data: &[u8]) -> Option<Span> {
        let start = self.bytes.len();
        // `decode_append` grows by what it needs and no more, which would copy everything for each record.
        self.bytes.reserve(data.len() / 4 * 3 + 3);
        base64_simd::STANDARD.decode_append(data, &mut self.bytes).ok()?;
        Some(Span::new(start, self.bytes.len()))
    }

    #[inline]
    fn keep(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span::new(start, self.text.len())
    }

    fn origin(&mut self, shard: Option<&str>, stream: Option<&str>) -> u32 {
        let same = self.origins.last().is_some_and(|last| {
            last.shard.map(|span| self.text(span)) == shard && last.stream.map(|span| self.text(span)) == stream
        });
        if !same {
            let origin =
                Origin { shard: shard.map(|text| self.keep(text)), stream: stream.map(|text| self.keep(text)) };
            self.origins.push(origin);
        }
        self.origins.len() as u32 - 1
    }
}

impl Span {
    // An event has less than 4 GiB, and nothing that is kept is longer than where it stood.
    #[inline]
    fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: (end - start) as u32 }
    }

    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

/// Payloads do not belong into logs.
impl fmt::Debug for KinesisBatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KinesisBatch").field("records", &self.len()).field("bytes", &self.bytes.len()).finish()
    }
}

/// The text is taken in one piece, for `lambda_runtime` tracks the path of every key and every element
/// of what it deserialises, and allocates for each.
impl<'de> Deserialize<'de> for KinesisBatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = <&RawValue>::deserialize(deserializer)?;
        Self::from_slice(event.get().as_bytes()).map_err(D::Error::custom)
    }
}

/// The array of records, each gone into the batch before the next is read.
struct Streamed(KinesisBatch);

impl<'de> Deserialize<'de> for Streamed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Records;
        impl<'de> Visitor<'de> for Records {
            type Value = Streamed;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an array of Kinesis records")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Streamed, A::Error> {
                let mut batch = KinesisBatch::default();
                loop {
                    match rows.next_element::<Row<'de>>() {
                        Ok(Some(row)) => {
                            batch.push(&row);
                        }
                        Ok(None) => return Ok(Streamed(batch)),
                        Err(error) => {
                            return Err(A::Error::custom(format_args!("`Records[{}]`: {error}", batch.len())));
                        }
                    }
                }
            }
        }
        deserializer.deserialize_seq(Records)
    }
}

/// What follows the whitespace of JSON.
#[inline]
fn blank(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r')).unwrap_or(text.len());
    &text[start..]
}

fn decoded_len(base64: &str) -> usize {
    base64.len() / 4 * 3
}

fn problem(text: &str) -> String {
    let unpadded = text.trim_end_matches('=');
    match unpadded.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')) {
        Some(at) => format!("byte {at} is not of its alphabet"),
        None if !text.len().is_multiple_of(4) => format!("{} characters are not a multiple of 4", text.len()),
        None => "its padding is wrong".to_owned(),
    }
}

#[cfg(test)]
mod tests;
