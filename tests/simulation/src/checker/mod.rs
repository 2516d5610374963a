//! The checker: what came to whom, and whether it is what had to come. It shares no code with what it judges.
//!
//! Every record that a stream took and every line that a sink took enters; [`Finding`]s leave. It knows nothing of
//! batches, retries and items. Three accounts: of what pollers were given (it is in a stream, as the latest revision), of
//! what is in the streams (archived, or a dead letter, or given up by the mapping: exactly one of them, and the one that
//! it has to be), and of the last revision of every reading (bit for bit what [`truth`] says).

mod finding;
mod line;
pub mod truth;

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use foldhash::fast::FixedState;

pub use finding::{Finding, Findings};
use truth::{Place, Said, Sets, Truth};

type Map<K, V> = HashMap<K, V, FixedState>;

/// What has to become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It goes to the archive.
    Good,
    /// It goes to the archive, and comes too late for its bar.
    Late,
    /// Nobody can read it: a dead letter of the function.
    Poison,
    /// It ends whoever takes it: a letter of the mapping.
    Deadly,
}

/// A record in the streams.
#[derive(Debug, Clone, Copy)]
struct Offered {
    kind: Kind,
    epoch: u32,
    archived: bool,
    dead: bool,
    given_up: bool,
}

/// The last revision of a reading.
#[derive(Debug)]
struct Last {
    rank: (u32, u128),
    said: Said,
}

/// What came of a fact in the streams.
#[derive(Debug, Clone, Copy)]
struct Newest {
    rank: (u32, u128),
    content: u64,
}

/// Who judges.
#[derive(Debug, Default)]
pub struct Checker {
    /// What is found.
    pub findings: Findings,
    /// Payloads that are no good, by their hash.
    odd: Map<u64, Kind>,
    offered: Map<u128, Offered>,
    /// How many records of each epoch are not done with.
    open: BTreeMap<u32, u64>,
    /// The content of each id, of records and of readings. Of ids half of the bits are enough to tell them apart.
    contents: Map<u64, u64>,
    /// The id of each revision.
    revisions: Map<u64, u64>,
    /// The newest revision of each fact in the streams.
    newest: Map<u128, Newest>,
    /// Facts of which a poller gave a record up for a while.
    set_aside: HashSet<u128, FixedState>,
    /// What pollers were given: for each fact the last content.
    given: BTreeMap<Place, (u64, bool)>,
    truth: Truth,
    last: Map<Place, Last>,
    /// The facts of places, as they are in the streams.
    streamed: Map<Place, u64>,
    /// Lines and letters that came, repetitions included.
    pub lines: u64,
    done: u64,
}

/// A number for some bytes.
pub fn hash(bytes: &[u8]) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = FixedState::with_seed(7).build_hasher();
    hasher.write(bytes);
    hasher.finish()
}

fn hash_two(one: &[u8], other: &[u8]) -> u64 {
    hash(one) ^ hash(other).rotate_left(17)
}

impl Checker {
    /// A payload that is put although it is no good, or too late.
    pub fn expect(&mut self, payload: &[u8], kind: Kind) {
        self.odd.insert(hash(payload), kind);
    }

    /// Rows are given to a poller, by the place and content of each, in the order in which they count.
    pub fn given(&mut self, rows: impl IntoIterator<Item = (String, u8, i64, u64)>) {
        for (subject, interval, start, content) in rows {
            let place = (self.truth.subject(subject.as_bytes()), interval, start);
            self.given.insert(place, (content, false));
        }
    }

    /// What tells a payload from others, and what has to become of it.
    fn identity(&self, payload: &[u8]) -> (u128, Kind) {
        let hash = hash(payload);
        match self.odd.get(&hash) {
            Some(Kind::Late) | None => {}
            Some(kind) => return (u128::from(hash), *kind),
        }
        let kind = self.odd.get(&hash).copied().unwrap_or(Kind::Good);
        line::read(payload).map_or((u128::from(hash), kind), |line| (line.id, kind))
    }

    /// A stream took a record.
    pub fn streamed(&mut self, payload: &[u8], epoch: u32) {
        let (id, kind) = self.identity(payload);
        let is_new = !self.offered.contains_key(&id);
        if let Entry::Vacant(new) = self.offered.entry(id) {
            new.insert(Offered { kind, epoch, archived: false, dead: false, given_up: false });
            *self.open.entry(epoch).or_default() += 1;
        }
        if matches!(kind, Kind::Poison | Kind::Deadly) {
            return;
        }
        let Some(line) = line::read(payload) else {
            return self.findings.add(Finding::Unreadable { what: "a record in a stream", line: show(payload) });
        };
        self.check_content(&line, hash_two(line.head, line.body), "record");
        if kind == Kind::Late {
            return;
        }
        if self.truth.take(&line).is_none() {
            self.findings.add(Finding::Unreadable { what: "a record in a stream", line: show(payload) });
        }
        let newest = Newest { rank: (line.rev, line.id), content: content_of(&line) };
        let kept = self.newest.entry(line.key).or_insert(newest);
        // Quotes are put in order, unless a poller gave one up and went on with the next.
        if is_new && line.schema == "quote.v1" && line.rev < kept.rank.0 && !self.set_aside.contains(&line.key) {
            self.findings.add(Finding::OutOfOrder { key: line.key, rev: line.rev });
        }
        if kept.rank <= newest.rank {
            *kept = newest;
        }
        let content = kept.content;
        if let Some(place) = self.place_of(&line) {
            self.streamed.insert(place, content);
        }
    }

    /// The place of a record that pollers are given rows of.
    fn place_of(&mut self, line: &line::Line<'_>) -> Option<Place> {
        let mut rest = line.body;
        let subject = |truth: &mut Truth, rest: &mut &[u8]| Some(truth.subject(line::text(rest, b"\"symbol\":\"")?));
        Some(match line.schema {
            "bar.v1" => {
                let number = subject(&mut self.truth, &mut rest)?;
                (number, truth::place_of(line::text(&mut rest, b"\"interval\":\"")?)?, line.at)
            }
            "quote.v1" => (subject(&mut self.truth, &mut rest)?, truth::DAY, line.at),
            "rate.v1" => (subject(&mut self.truth, &mut rest)?, RATE, line.at),
            "mover.v1" => (subject(&mut self.truth, &mut rest)?, MOVER, line.at),
            _ => return None,
        })
    }

    /// One id has one content, and one revision one id.
    fn check_content(&mut self, line: &line::Line<'_>, content: u64, what: &'static str) {
        if *self.contents.entry(line.id as u64).or_insert(content) != content {
            self.findings.add(Finding::IdTwice { what, id: line.id });
        }
        let (revision, id) = ((line.key as u64).wrapping_add(u64::from(line.rev) << 40), line.id as u64);
        if *self.revisions.entry(revision).or_insert(id) != id {
            self.findings.add(Finding::RevisionTwice { what, key: line.key, rev: line.rev });
        }
    }

    /// The archive took a line. Returns a number for it.
    pub fn archived(&mut self, text: &[u8]) -> u64 {
        self.lines += 1;
        let Some(line) = line::read(text) else {
            self.findings.add(Finding::Unreadable { what: "a line in the archive", line: show(text) });
            return 0;
        };
        let content = hash_two(line.head, line.body);
        if self.contents.get(&(line.id as u64)).is_some_and(|known| *known != content) {
            self.findings.add(Finding::IdTwice { what: "line", id: line.id });
        }
        self.settle(line.id, text, |offered| std::mem::replace(&mut offered.archived, true));
        content
    }

    /// The function keeps a dead letter.
    pub fn dead_letter(&mut self, payload: &[u8]) {
        self.lines += 1;
        let (id, _) = self.identity(payload);
        self.settle(id, payload, |offered| std::mem::replace(&mut offered.dead, true));
    }

    /// The mapping gives a record up.
    pub fn given_up(&mut self, payload: &[u8]) {
        self.lines += 1;
        let (id, _) = self.identity(payload);
        self.settle(id, payload, |offered| std::mem::replace(&mut offered.given_up, true));
    }

    /// A poller keeps a dead letter: of a record that it will put all the same when it comes again.
    pub fn poller_letter(&mut self, payload: &[u8]) {
        self.lines += 1;
        match line::read(payload) {
            Some(line) => drop(self.set_aside.insert(line.key)),
            None => {
                self.findings.add(Finding::Unreadable { what: "a dead letter of a poller", line: show(payload) });
            }
        }
    }

    fn settle(&mut self, id: u128, text: &[u8], note: impl FnOnce(&mut Offered) -> bool) {
        let Some(offered) = self.offered.get_mut(&id) else {
            return self.findings.add(Finding::NeverOffered { line: show(text) });
        };
        let was_open = !(offered.archived || offered.dead || offered.given_up);
        note(offered);
        if was_open {
            self.done += 1;
            if let Some(open) = self.open.get_mut(&offered.epoch) {
                *open -= 1;
            }
        }
    }

    /// An alert is no longer owed: the events stream has to have it. `payload` is what was owed.
    pub fn settled(&mut self, series: &str, number: u64, payload: &[u8]) {
        let has = line::read(payload).is_some_and(|line| self.offered.contains_key(&line.id));
        if !has {
            self.findings.add(Finding::Unacknowledged { series: series.to_owned(), number });
        }
    }

    /// The archive took a line of readings. Returns a number for it.
    pub fn reading(&mut self, text: &[u8]) -> u64 {
        self.lines += 1;
        let content = hash(text);
        let read = line::read(text).and_then(|line| Some((line, truth::read_said(&line)?)));
        let Some((line, (subject, interval, said))) = read else {
            self.findings.add(Finding::Unreadable { what: "a line of readings", line: show(text) });
            return 0;
        };
        self.check_content(&line, content, "reading");
        let place = (self.truth.subject(subject), interval, line.at);
        let rank = (line.rev, line.id);
        match self.last.entry(place) {
            Entry::Vacant(new) => drop(new.insert(Last { rank, said })),
            Entry::Occupied(mut kept) if kept.get().rank < rank => drop(kept.insert(Last { rank, said })),
            Entry::Occupied(_) => {}
        }
        content
    }

    /// How many records of epochs up to that one are not done with.
    pub fn open_until(&self, epoch: u32) -> u64 {
        self.open.range(..=epoch).map(|(_, open)| open).sum()
    }

    /// How many records are done with.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// How many records, each counted once, are in the streams.
    pub fn offered(&self) -> u64 {
        self.offered.len() as u64
    }

    /// How many readings there are, each place counted once.
    pub fn readings(&self) -> u64 {
        self.last.len() as u64
    }

    /// Series with at least so many closed minutes of the vendor, with the begin of the first one.
    pub fn long_series(&self, bars: usize) -> Vec<(String, i64)> {
        self.truth.long_series(bars)
    }

    /// Judges what is there when nothing is under way any more.
    pub fn judge(&mut self, sets: &Sets) {
        let Self { findings, offered, given, streamed, truth, last, .. } = self;
        for ((subject, interval, start), (content, _)) in given.iter() {
            let place = (*subject, *interval, *start);
            let (name, at) = (truth.name(*subject).to_owned(), *start);
            match streamed.get(&place) {
                None => findings.add(Finding::NotPut { subject: name, interval: *interval, at }),
                Some(found) if found != content => {
                    findings.add(Finding::OldPut { subject: name, interval: *interval, at });
                }
                Some(_) => {}
            }
        }
        let mut ids: Vec<_> = offered.iter().collect();
        ids.sort_unstable_by_key(|(id, _)| **id);
        for (id, Offered { kind, epoch, archived, dead, given_up }) in ids {
            let ways = [*archived, *dead, *given_up];
            let expected = match kind {
                Kind::Good | Kind::Late => [true, false, false],
                Kind::Poison => [false, true, false],
                Kind::Deadly => [false, false, true],
            };
            if ways == [false; 3] {
                findings.add(Finding::Lost { kind: *kind, id: *id, epoch: *epoch });
            } else if ways != expected {
                let (kind, id) = (*kind, *id);
                let (archived, dead, given_up) = (*archived, *dead, *given_up);
                findings.add(Finding::WrongWay { kind, id, archived, dead, given_up });
            }
        }
        let expected = truth.expected(sets);
        for (place, said) in &expected {
            let (subject, interval, at) = (truth.name(place.0).to_owned(), place.1, place.2);
            match last.get(place) {
                None => findings.add(Finding::NoReading { subject, interval, at }),
                Some(found) if found.said != *said => {
                    let (found, expected) = (found.said.clone(), said.clone());
                    findings.add(Finding::Differs { subject, interval, at, found, expected });
                }
                Some(_) => {}
            }
        }
        let mut places: Vec<_> = last.keys().filter(|place| !expected.contains_key(place)).collect();
        places.sort_unstable();
        for place in places {
            let (subject, interval, at) = (truth.name(place.0).to_owned(), place.1, place.2);
            findings.add(Finding::Unexpected { subject, interval, at });
        }
    }
}

/// The place of rates and of movers, which are no bars.
pub const RATE: u8 = 6;
/// The place of movers.
pub const MOVER: u8 = 7;

/// What a record says of a fact, as pollers were given it: the price that it opens with, and whether it is final.
fn content_of(line: &line::Line<'_>) -> u64 {
    let mut rest = line.body;
    let name: &[u8] = match line.schema {
        "rate.v1" => b"\"rate\":",
        "mover.v1" => b"\"price\":",
        _ => b"\"open\":",
    };
    let price = line::bits(&mut rest, name).flatten().unwrap_or(0);
    let is_final = line::number(&mut rest, b"\"final\":") == Some("true");
    content(f64::from_bits(price), is_final)
}

/// The content of a row: its price and whether it is final.
pub fn content(price: f64, is_final: bool) -> u64 {
    price.to_bits().rotate_left(1) ^ u64::from(is_final)
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
}
