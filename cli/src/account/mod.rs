//! The account of one consumer: records of streams, lines of the archive and dead letters enter, in any order; whether
//! what was offered is what was done, is dead or expired leaves.
//!
//! It is kept over sets of identities, and nothing that a function says of itself enters. A record is told from others by its
//! `id` and what it says, since an id with two contents must not hide one of them; a record without an identity is told by
//! its place in the stream. What is kept of a record are hashes, about 300 bytes in all.

mod balance;
mod letter;
mod line;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use wire::{Digest128, Id};

pub(crate) use balance::{Balance, Fates, Row, State, Unsettled};
use letter::{Letter, Span, What};
use line::{Line, hash};

/// Whatever has no schema that is known.
const NO_SCHEMA: u8 = u8::MAX;

/// What is kept of a record of a stream.
#[derive(Debug)]
struct Entry {
    /// Of a record without an identity, the hash of its place.
    id: Id,
    key: Digest128,
    /// What it says; 0 if it has no identity.
    content: u64,
    /// The bar that it is about.
    bar: Option<u64>,
    rev: u32,
    /// Index of its shard.
    shard: u32,
    /// Where its sequence number begins.
    sequence_at: usize,
    sequence_length: u8,
    schema: u8,
}

/// A shard of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shard {
    stream: String,
    shard: String,
}

/// All that was seen.
#[derive(Debug)]
pub(crate) struct Account {
    /// The function whose account it is.
    consumer: &'static str,
    /// From when to when a record must have arrived to be in it; without it, all records are.
    window: Option<(Timestamp, Timestamp)>,
    entries: Vec<Entry>,
    /// Records of the streams, repetitions included.
    records: u64,
    /// From an identity, hashed with its content, to its entry.
    known: HashMap<Digest128, u32>,
    /// From the hash of a place to the entry of the record there.
    places: HashMap<Digest128, u32>,
    shards: Vec<Shard>,
    /// The sequence numbers of the entries, one behind the other.
    sequences: String,
    archive: Lines,
    readings: Lines,
    /// Hashes of the bars of which there are readings.
    bars: HashSet<u64>,
    /// Lines in S3 without an identity.
    unreadable: u64,
    dead: HashSet<Digest128>,
    /// Batches without records.
    spans: Vec<Span>,
    letters: Letters,
}

/// Lines of S3 by their identity.
#[derive(Debug, Default)]
struct Lines {
    /// All of them, repetitions included.
    count: u64,
    /// What the first line of each says.
    first: HashMap<Id, u64>,
    /// What others say, where it differs.
    others: HashMap<Id, HashSet<u64>>,
}

impl Lines {
    fn take(&mut self, id: Id, content: u64) {
        self.count += 1;
        if *self.first.entry(id).or_insert(content) != content {
            self.others.entry(id).or_default().insert(content);
        }
    }

    fn holds(&self, id: Id, content: u64) -> bool {
        self.first.get(&id) == Some(&content) || self.others.get(&id).is_some_and(|others| others.contains(&content))
    }

    /// Whether something else stands there under this identity.
    fn contradicts(&self, id: Id, content: u64) -> bool {
        self.first.get(&id).is_some_and(|first| *first != content) || self.others.contains_key(&id)
    }
}

/// Dead letters by whose they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Letters {
    /// Those of the consumer.
    pub(crate) consumer: u64,
    /// Those of them that it has taken since.
    pub(crate) redriven: u64,
    /// Those of other functions, and of what never reached a stream.
    pub(crate) others: u64,
    /// What is no dead letter.
    pub(crate) unreadable: u64,
}

/// A parked dead letter that stood in a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parked<'a> {
    /// The function that gave up.
    pub(crate) function: &'a str,
    pub(crate) stream: &'a str,
    pub(crate) shard: &'a str,
    pub(crate) sequence_number: &'a str,
    pub(crate) became: Became<'a>,
}

/// What has become of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Became<'a> {
    /// It waits, or was given up: its payload is kept.
    Kept,
    /// Its consumer says that it has taken it; whether that is so, the archive shows.
    Redriven,
    /// It stands for so many records, up to that one, of which nothing is kept.
    Expired { records: u64, last: &'a str, arrived: Option<Timestamp> },
}

impl Account {
    /// An account of what is to come.
    pub(crate) fn new(consumer: &'static str, window: Option<(Timestamp, Timestamp)>) -> Self {
        Self {
            consumer,
            window,
            entries: Vec::new(),
            records: 0,
            known: HashMap::new(),
            places: HashMap::new(),
            shards: Vec::new(),
            sequences: String::new(),
            archive: Lines::default(),
            readings: Lines::default(),
            bars: HashSet::new(),
            unreadable: 0,
            dead: HashSet::new(),
            spans: Vec::new(),
            letters: Letters::default(),
        }
    }

    /// Takes in a record that stands in a stream. Those of one shard come in their order.
    pub(crate) fn record(&mut self, stream: &str, shard: &str, sequence_number: &str, data: &[u8]) {
        self.records += 1;
        let place = place(stream, shard, sequence_number);
        // It is 0 for no record with an identity: their hashes are of something.
        let none = Line { schema: NO_SCHEMA, id: place, key: place, rev: 0, content: 0, bar: None };
        let line = Line::read(data).unwrap_or(none);
        let next = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let identity = Digest128::of(&[&line.id.0, &line.content.to_le_bytes()]);
        let entry = *self.known.entry(identity).or_insert(next);
        if entry == next {
            let shard = self.shard(stream, shard);
            let sequence_at = self.sequences.len();
            self.sequences.push_str(sequence_number);
            self.entries.push(Entry {
                id: line.id,
                key: line.key,
                content: line.content,
                bar: line.bar,
                rev: line.rev,
                shard,
                sequence_at,
                sequence_length: u8::try_from(sequence_number.len()).unwrap_or(u8::MAX),
                schema: line.schema,
            });
        }
        self.places.insert(place, entry);
    }

    fn shard(&mut self, stream: &str, shard: &str) -> u32 {
        // The last one is the one that is being read.
        let known = self.shards.iter().rposition(|known| known.stream == stream && known.shard == shard);
        let index = known.unwrap_or_else(|| {
            self.shards.push(Shard { stream: stream.to_owned(), shard: shard.to_owned() });
            self.shards.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// Takes in a line of S3: a record that was passed on as it was, or a reading. Returns its schema.
    pub(crate) fn archived(&mut self, bytes: &[u8]) -> &'static str {
        let Some(line) = Line::read(bytes) else {
            self.unreadable += 1;
            return line::UNREADABLE;
        };
        if line.is_reading() {
            self.bars.extend(line.bar);
            // Its bytes were fixed when it got its id, with the time that it was computed.
            self.readings.take(line.id, hash(bytes));
        } else {
            self.archive.take(line.id, line.content);
        }
        line::schema_name(line.schema)
    }

    /// Takes in a dead letter: a line of a function, or the object of an event source mapping.
    pub(crate) fn dead_letter(&mut self, text: &[u8]) {
        let Some(letter) = Letter::read(text) else {
            self.letters.unreadable += 1;
            return;
        };
        if !letter::is_of(&letter.function, self.consumer) {
            self.letters.others += 1;
            return;
        }
        match letter.what {
            What::Records(places) => {
                self.letters.consumer += places.len() as u64;
                let hashed = places.iter().map(|at| place(&at.stream, &at.shard, &at.sequence_number));
                self.dead.extend(hashed);
            }
            What::Span(span) => {
                self.letters.consumer += span.records;
                self.spans.push(span);
            }
            What::Unsent => self.letters.others += 1,
        }
    }

    /// Takes in a dead letter that was parked, in place of what it was parked from.
    pub(crate) fn parked(&mut self, letter: Parked<'_>) {
        let Parked { function, stream, shard, sequence_number, became } = letter;
        if !letter::is_of(function, self.consumer) {
            self.letters.others += 1;
            return;
        }
        match became {
            Became::Kept => {
                self.letters.consumer += 1;
                self.dead.insert(place(stream, shard, sequence_number));
            }
            Became::Redriven => {
                self.letters.consumer += 1;
                self.letters.redriven += 1;
            }
            Became::Expired { records, last, arrived } => {
                self.letters.consumer += records;
                self.spans.push(Span {
                    stream: stream.to_owned(),
                    shard: shard.to_owned(),
                    ends: [sequence_number, last].map(str::to_owned),
                    records,
                    arrived,
                });
            }
        }
    }

    /// Records of the streams, repetitions included.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Lines in S3.
    pub(crate) fn lines(&self) -> u64 {
        self.archive.count + self.readings.count + self.unreadable
    }

    /// Lines in S3 beyond the first of each identity.
    pub(crate) fn duplicates(&self) -> u64 {
        let distinct =
            |lines: &Lines| (lines.first.len() + lines.others.values().map(HashSet::len).sum::<usize>()) as u64;
        self.archive.count + self.readings.count - distinct(&self.archive) - distinct(&self.readings)
    }

    /// Distinct readings in S3.
    pub(crate) fn readings(&self) -> u64 {
        self.readings.first.len() as u64
    }

    /// The dead letters by whose they are.
    pub(crate) fn letters(&self) -> Letters {
        self.letters
    }

    /// Whether every record that was offered is done or dead.
    pub(crate) fn is_settled(&self) -> bool {
        let states = self.states();
        states.iter().all(|state| state.done || state.dead)
    }

    fn sequence_number(&self, entry: &Entry) -> &str {
        let end = entry.sequence_at + usize::from(entry.sequence_length);
        self.sequences.get(entry.sequence_at..end).unwrap_or_default()
    }
}

fn place(stream: &str, shard: &str, sequence_number: &str) -> Digest128 {
    Digest128::of(&[stream.as_bytes(), shard.as_bytes(), sequence_number.as_bytes()])
}

#[cfg(test)]
mod tests;
