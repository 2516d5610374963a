//! The conclusion: what was seen is compared, counts and names of what is wrong leave.
//!
//! Offered = done, dead or expired, and nothing of it twice. What was done of a fact can be told in part only: that its
//! bar has a reading, or that a greater revision under its key has taken its place. Whether the others were merged
//! into a bar that has no reading yet, changed nothing or came too late, only the state of the series knows.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
};

use serde::Serialize;

use super::{
    Account, Entry, NO_SCHEMA,
    letter::Span,
    line::{READINGS, schema_name},
};

/// Schemas that state a fact about a bar.
const FACTS: [&str; 3] = ["quote.v1", "bar.v1", "rate.v1"];

/// What became of a record.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settled {
    pub(super) done: bool,
    pub(super) dead: bool,
}

/// Counts of one schema of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    /// Distinct identities that the stream offered.
    pub(crate) offered: u64,
    /// Archived.
    pub(crate) done: u64,
    /// Kept with the dead letters.
    pub(crate) dead: u64,
    /// Neither, although one behind it in its shard is.
    pub(crate) missing: u64,
    /// Neither, and behind the last one in its shard that is: the consumer lags, or lost the end.
    pub(crate) pending: u64,
}

impl Row {
    /// Adds what became of others.
    fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.done += other.done;
        self.dead += other.dead;
        self.missing += other.missing;
        self.pending += other.pending;
    }
}

/// What was done of what was done, as far as it can be told from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Fates {
    /// Facts whose bar has a reading in S3.
    pub(crate) emitted: u64,
    /// Facts of which a greater revision stands under the same key.
    pub(crate) merged: u64,
    /// What belongs to no series and is archived as it is.
    pub(crate) as_it_is: u64,
    /// Facts that were merged into a bar without a reading, changed nothing or came late.
    pub(crate) not_told: u64,
}

/// Why a record is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// See [`Row::missing`].
    Missing,
    /// It stands in S3 and in the dead letters.
    DoneAndDead,
    /// Its id names something else, too.
    TwoContents,
    /// See [`Row::pending`].
    Pending,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::DoneAndDead => "done and dead",
            Self::TwoContents => "two contents",
            Self::Pending => "pending",
        }
    }
}

/// A record that the account does not settle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Unsettled {
    pub(crate) state: State,
    /// Absent if the record has none that can be read.
    pub(crate) id: Option<String>,
    pub(crate) schema: &'static str,
    /// Absent for a reading, which stands in no stream.
    pub(crate) stream: Option<String>,
    pub(crate) shard: Option<String>,
    pub(crate) sequence_number: Option<String>,
}

/// The conclusion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balance {
    /// By stream and schema.
    pub(crate) rows: BTreeMap<(String, &'static str), Row>,
    /// All of them.
    pub(crate) total: Row,
    /// Records of the streams beyond the first of each identity.
    pub(crate) repeated: u64,
    /// Records that only a dead letter without payload knows of: the stream has lost them.
    pub(crate) expired: u64,
    pub(crate) fates: Fates,
    pub(crate) done_and_dead: u64,
    /// Ids with two contents.
    pub(crate) two_contents: u64,
    /// Lines of S3 that no record of the streams stands behind.
    pub(crate) strangers: u64,
    /// Lines of S3 without an identity.
    pub(crate) unreadable: u64,
    /// The first of those that are not settled, worst first.
    pub(crate) unsettled: Vec<Unsettled>,
}

impl Account {
    /// What became of each entry.
    pub(super) fn states(&self) -> Vec<Settled> {
        let done = |entry: &Entry| entry.schema != NO_SCHEMA && self.archive.holds(entry.id, entry.content);
        let mut states: Vec<_> = self.entries.iter().map(|entry| Settled { done: done(entry), dead: false }).collect();
        for dead in self.dead.iter().filter_map(|place| self.places.get(place)) {
            if let Some(state) = states.get_mut(*dead as usize) {
                state.dead = true;
            }
        }
        for span in &self.spans {
            for at in self.within(span) {
                states[at].dead = true;
            }
        }
        states
    }

    /// The entries that a batch without records stands for.
    fn within(&self, span: &Span) -> Vec<usize> {
        let shard = self.shards.iter().position(|it| it.stream == span.stream && it.shard == span.shard);
        let between = |entry: &Entry| {
            let number = self.sequence_number(entry);
            numeric(&span.ends[0], number).is_le() && numeric(number, &span.ends[1]).is_le()
        };
        let of_shard = |entry: &Entry| shard == Some(entry.shard as usize);
        (0..self.entries.len()).filter(|at| of_shard(&self.entries[*at]) && between(&self.entries[*at])).collect()
    }

    /// Compares what was seen, and names so many of those that are not settled.
    pub(crate) fn balance(&self, named: usize) -> Balance {
        let states = self.states();
        let mut last_settled: HashMap<u32, usize> = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate().filter(|(at, _)| states[*at].done || states[*at].dead) {
            last_settled.insert(entry.shard, at);
        }
        let two = self.two_contents(&states);
        let mut by_shard: HashMap<(u32, u8), Row> = HashMap::new();
        let (mut wrong, mut done_and_dead) = (Vec::new(), 0);
        for (at, entry) in self.entries.iter().enumerate() {
            let Settled { done, dead } = states[at];
            let is_behind = last_settled.get(&entry.shard).is_none_or(|last| *last < at);
            let row = by_shard.entry((entry.shard, entry.schema)).or_default();
            row.offered += 1;
            match (done, dead) {
                (true, _) => row.done += 1,
                (false, true) => row.dead += 1,
                (false, false) if is_behind => row.pending += 1,
                (false, false) => row.missing += 1,
            }
            done_and_dead += u64::from(done && dead);
            let state = match (done, dead) {
                (true, true) => Some(State::DoneAndDead),
                (false, false) if is_behind => Some(State::Pending),
                (false, false) => Some(State::Missing),
                _ => None,
            };
            wrong.extend(state.map(|state| (state, at)));
        }
        let (mut rows, mut total) = (BTreeMap::new(), Row::default());
        for ((shard, schema), row) in by_shard {
            let stream = self.shards[shard as usize].stream.clone();
            total.add(&row);
            rows.entry((stream, schema_name(schema))).or_insert_with(Row::default).add(&row);
        }
        wrong.extend(two.iter().map(|at| (State::TwoContents, *at)));
        wrong.sort_unstable();
        let readings: Vec<_> = self.readings.others.keys().collect();
        let mut unsettled: Vec<_> = wrong.iter().take(named).map(|(state, at)| self.named(*state, *at)).collect();
        let more = readings.iter().take(named.saturating_sub(unsettled.len()));
        unsettled.extend(more.map(|id| Unsettled {
            state: State::TwoContents,
            id: Some(id.to_string()),
            schema: READINGS,
            stream: None,
            shard: None,
            sequence_number: None,
        }));
        Balance {
            rows,
            repeated: self.records - self.entries.len() as u64,
            expired: self.spans.iter().map(|span| self.expired(span)).sum(),
            fates: self.fates(&states),
            done_and_dead,
            two_contents: (two.len() + readings.len()) as u64,
            strangers: self.strangers(),
            unreadable: self.unreadable,
            unsettled,
            total,
        }
    }

    fn named(&self, state: State, at: usize) -> Unsettled {
        let entry = &self.entries[at];
        let shard = &self.shards[entry.shard as usize];
        Unsettled {
            state,
            id: (entry.schema != NO_SCHEMA).then(|| entry.id.to_string()),
            schema: schema_name(entry.schema),
            stream: Some(shard.stream.clone()),
            shard: Some(shard.shard.clone()),
            sequence_number: Some(self.sequence_number(entry).to_owned()),
        }
    }

    /// How many of a batch's records the stream has lost, if they were of the window.
    fn expired(&self, span: &Span) -> u64 {
        let is_within = match (self.window, span.arrived) {
            (Some((from, to)), Some(arrived)) => from <= arrived && arrived < to,
            _ => true,
        };
        let found = self.within(span).len() as u64;
        if is_within { span.records.saturating_sub(found) } else { 0 }
    }

    /// One entry of each id that names more than one content. What the consumer refused does not count: a record
    /// may claim an id that is not its own.
    fn two_contents(&self, states: &[Settled]) -> Vec<usize> {
        let is_taken = |at: &usize| self.entries[*at].schema != NO_SCHEMA && (states[*at].done || !states[*at].dead);
        let mut by_id: Vec<usize> = (0..self.entries.len()).filter(is_taken).collect();
        by_id.sort_unstable_by_key(|at| (self.entries[*at].id, *at));
        let mut two: Vec<usize> = Vec::new();
        for pair in by_id.windows(2) {
            let is_known = two.last().is_some_and(|last| self.entries[*last].id == self.entries[pair[0]].id);
            if self.entries[pair[0]].id == self.entries[pair[1]].id && !is_known {
                two.push(pair[1]);
            }
        }
        let altered =
            by_id.iter().filter(|at| self.archive.contradicts(self.entries[**at].id, self.entries[**at].content));
        two.extend(altered);
        two.sort_unstable_by_key(|at| self.entries[*at].id);
        two.dedup_by_key(|at| self.entries[*at].id);
        two
    }

    fn strangers(&self) -> u64 {
        let mut ids: Vec<_> =
            self.entries.iter().filter(|entry| entry.schema != NO_SCHEMA).map(|entry| entry.id).collect();
        ids.sort_unstable();
        self.archive.first.keys().filter(|id| ids.binary_search(id).is_err()).count() as u64
    }

    fn fates(&self, states: &[Settled]) -> Fates {
        let mut fates = Fates::default();
        let done: Vec<&Entry> =
            self.entries.iter().zip(states).filter(|(_, state)| state.done).map(|(entry, _)| entry).collect();
        let mut greatest = HashMap::with_capacity(done.len());
        for entry in &done {
            let at = greatest.entry(entry.key).or_insert((entry.rev, entry.id));
            *at = (*at).max((entry.rev, entry.id));
        }
        for entry in done {
            let is_last = greatest.get(&entry.key) == Some(&(entry.rev, entry.id));
            let fate = match entry.bar {
                _ if !FACTS.contains(&schema_name(entry.schema)) => &mut fates.as_it_is,
                _ if !is_last => &mut fates.merged,
                Some(bar) if self.bars.contains(&bar) => &mut fates.emitted,
                _ => &mut fates.not_told,
            };
            *fate += 1;
        }
        fates
    }
}

impl Balance {
    /// Records that are neither done nor dead.
    pub(crate) fn lost(&self) -> u64 {
        self.total.missing + self.total.pending
    }
}

/// Sequence numbers have more digits than a number holds.
fn numeric(a: &str, b: &str) -> Ordering {
    let digits = |text: &str| text.trim_start_matches('0').len();
    digits(a).cmp(&digits(b)).then_with(|| a.trim_start_matches('0').cmp(b.trim_start_matches('0')))
}
