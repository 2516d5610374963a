//! Records of readings, `indicator.v1`: the one schema of which a consumer writes many, so its text is rendered once
//! into memory that is used again, and from it come the ids of all revisions and the line.
//!
//! A bar and the readings after it enter, ids and lines leave. Which readings there are, and which revision they
//! make, is the caller's to know.

use jiff::Timestamp;
use market::{Basis, Freshness, Interval, Origin, Subject};

use super::{
    Record, Source,
    canonical::Canonical,
    subject_fields,
    text::{Millis, push_all, push_float, push_float_field},
};
use crate::{
    identity::{Digest128, Id, Key, push_part},
    partition,
};

const SCHEMA: &str = "indicator.v1";
const SOURCE: Source = Source::AlphaVantage;

/// What all records of the readings of one series have in common, rendered once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesText {
    /// What the partition key is made of.
    subject: String,
    /// The parts of the key before the timestamp.
    key_before: Vec<u8>,
    /// The parts of the key between timestamp and freshness.
    key_between: Vec<u8>,
    /// The part of the key behind the freshness.
    key_after: Vec<u8>,
    /// The fields before the freshness, up to its quotation mark.
    fields_before: String,
    /// The fields behind it, from its quotation mark to the colon of `bars`.
    fields_after: String,
}

impl SeriesText {
    /// Of the bars of that subject with that length, corrected for what `basis` says and made by `origin`.
    pub fn new(subject: &Subject, interval: Interval, basis: Basis, origin: Origin) -> Self {
        let name = subject.to_string();
        let parts = |parts: &[&str]| {
            let mut bytes = Vec::new();
            parts.iter().for_each(|part| push_part(&mut bytes, part.as_bytes()));
            bytes
        };
        Self {
            key_before: parts(&[SCHEMA, SOURCE.as_str(), &name]),
            key_between: parts(&[interval.as_str(), basis.as_str()]),
            key_after: parts(&[origin.as_str()]),
            fields_before: format!(
                r#"{},"interval":"{interval}","basis":"{basis}","freshness":""#,
                subject_fields(Some(subject))
            ),
            fields_after: format!(r#"","origin":"{origin}","bars":"#),
            subject: name,
        }
    }
}

/// What an `indicator.v1` record says: the readings after one bar, with that bar.
#[derive(Debug, Clone, Copy)]
pub struct IndicatorBody<'a> {
    /// Whose bar.
    pub series: &'a SeriesText,
    /// Its begin.
    pub start: Timestamp,
    /// How old it was when published.
    pub freshness: Freshness,
    /// How many bars of the series the indicators have seen, this one included.
    pub bars: u64,
    /// Open, high, low, close.
    pub prices: [f64; 4],
    /// Its volume, where there is one.
    pub volume: Option<f64>,
    /// One for each output, in the order of the record.
    pub readings: &'a [IndicatorReading<'a>],
    /// Remarks, each at most once; not part of the identity.
    pub flags: &'a [IndicatorFlag],
}

/// The name of an output, such as `MACD(12,26,9).signal`, as records have it: rendered once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputName {
    /// With a comma before it, in quotation marks, with a colon behind it.
    field: String,
}

impl OutputName {
    /// Of a name without any character that JSON escapes.
    pub fn new(name: &str) -> Self {
        Self { field: format!(",\"{name}\":") }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.field[2..self.field.len() - 2]
    }

    /// The name as a field, the first of an object or not.
    fn field(&self, is_first: bool) -> &str {
        if is_first { &self.field[1..] } else { &self.field }
    }
}

/// One output after a bar, and what it says of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndicatorReading<'a> {
    /// The output.
    pub name: &'a OutputName,
    /// `None` while the indicator has none yet.
    pub value: Option<f64>,
    /// Whether nothing of the value comes from where the series happens to begin any more.
    pub warm: bool,
    /// How many bars this indicator has seen: fewer than the series if it was added later or had no use for some.
    pub bars: u64,
}

/// A remark on readings that are good but not as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IndicatorFlag {
    /// The calendar expected a bar directly before this one, and there is none.
    GapBefore,
}

impl IndicatorFlag {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::GapBefore];

    /// The word in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GapBefore => "gap_before",
        }
    }
}

/// The memory in which readings are rendered, one record after the other.
#[derive(Debug, Clone, Default)]
pub struct IndicatorWriter {
    canonical: Canonical,
    key_parts: Vec<u8>,
    flags: String,
}

impl IndicatorWriter {
    /// Renders the readings after one bar.
    pub fn begin(&mut self, body: &IndicatorBody<'_>) -> Rendered<'_> {
        let timestamp = Millis::new(body.start);
        let timestamp = timestamp.as_str();
        push_body(self.canonical.begin(SOURCE, timestamp), body);
        let key = self.key(body, timestamp);
        self.canonical.end(SCHEMA, key);
        self.flags.clear();
        push_list(&mut self.flags, body.flags.iter().map(|flag| flag.as_str()));
        Rendered { writer: self, key, named: None }
    }

    fn key(&mut self, body: &IndicatorBody<'_>, timestamp: &str) -> Key {
        let SeriesText { key_before, key_between, key_after, .. } = body.series;
        let parts = &mut self.key_parts;
        parts.clear();
        parts.extend_from_slice(key_before);
        push_part(parts, timestamp.as_bytes());
        parts.extend_from_slice(key_between);
        push_part(parts, body.freshness.as_str().as_bytes());
        parts.extend_from_slice(key_after);
        Digest128::of_pieces([parts])
    }
}

/// The readings after one bar as text, from which the ids of its revisions and its line are made.
#[derive(Debug)]
pub struct Rendered<'a> {
    writer: &'a mut IndicatorWriter,
    key: Key,
    /// The revision that was asked for last, with its id.
    named: Option<(u32, Id)>,
}

impl Rendered<'_> {
    /// Which fact it states.
    pub fn key(&self) -> Key {
        self.key
    }

    /// The digest of what it says, whatever the revision.
    pub fn content(&self) -> Digest128 {
        self.writer.canonical.digest(None)
    }

    /// The id that it has as this revision. Asked again for the same one, it is not computed again.
    pub fn id(&mut self, rev: u32) -> Id {
        match self.named {
            Some((named, id)) if named == rev => id,
            _ => {
                let id = self.writer.canonical.digest(Some(rev));
                self.named = Some((rev, id));
                id
            }
        }
    }

    /// Appends the record's text as this revision, without a newline. Returns its id.
    pub fn push_line(&mut self, out: &mut Vec<u8>, rev: u32, ingested_at: Timestamp) -> Id {
        let id = self.id(rev);
        self.writer.canonical.with_line((rev, id), ingested_at, &self.writer.flags, |pieces| {
            // One more for the newline that most callers append.
            out.reserve(1 + pieces.iter().map(|piece| piece.len()).sum::<usize>());
            pieces.iter().for_each(|piece| out.extend_from_slice(piece.as_bytes()));
        });
        id
    }
}

/// The record of the readings after one bar: `indicator.v1`.
pub fn indicator(body: &IndicatorBody<'_>) -> Record {
    let mut writer = IndicatorWriter::default();
    let key = writer.begin(body).key;
    Record {
        schema: SCHEMA,
        key,
        canonical: writer.canonical,
        flags: writer.flags,
        partition_key: partition::event("indicator", &body.series.subject),
    }
}

fn push_body(text: &mut String, body: &IndicatorBody<'_>) {
    let SeriesText { fields_before, fields_after, .. } = body.series;
    let mut digits = itoa::Buffer::new();
    push_all(text, &[fields_before, body.freshness.as_str(), fields_after, digits.format(body.bars)]);
    let [open, high, low, close] = body.prices.map(Some);
    for (name, value) in [("open", open), ("high", high), ("low", low), ("close", close), ("volume", body.volume)] {
        push_float_field(text, name, value);
    }
    text.push_str(r#","values":{"#);
    // Most names and numbers are shorter; a longer one only makes room for itself.
    text.reserve(48 * body.readings.len());
    for (at, reading) in body.readings.iter().enumerate() {
        text.push_str(reading.name.field(at == 0));
        push_float(text, reading.value);
    }
    text.push_str(r#"},"warming":["#);
    let has_value = |reading: &&IndicatorReading<'_>| reading.value.is_some_and(f64::is_finite);
    push_list(text, body.readings.iter().filter(|one| !one.warm).filter(has_value).map(|one| one.name.as_str()));
    text.push_str(r#"],"bars_of":{"#);
    let others = body.readings.iter().filter(|reading| reading.bars != body.bars);
    for (at, reading) in others.enumerate() {
        push_all(text, &[reading.name.field(at == 0), digits.format(reading.bars)]);
    }
    text.push('}');
}

/// Appends words in quotation marks, with commas between them.
fn push_list<'a>(text: &mut String, words: impl Iterator<Item = &'a str>) {
    let mut comma = "\"";
    for word in words {
        push_all(text, &[comma, word, "\""]);
        comma = ",\"";
    }
}

#[cfg(test)]
mod tests;
