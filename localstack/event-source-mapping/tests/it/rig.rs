//! A stream, a function and a destination that are made up, and the driver between them and a mapping.
//!
//! Time goes forward only when nothing is left to do at the moment. What the function and the destination answer, and
//! how long it takes, the test says. The rig keeps an account of its own of what became of each record.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use event_source_mapping::kinesis::{
    Action, Answer, Batch, Input, InvocationId, Letter, Mapping, Pace, Position, ReadError, Record, Settings, Shard,
    ShardId, StartingPosition,
};
use jiff::{SignedDuration, Timestamp};

/// The slots that keys fall into; shards divide them.
pub(crate) const SLOTS: u32 = 256;

pub(crate) fn settings() -> Settings {
    Settings {
        uuid: "2b733gdc-8ac3-cdf5-af3a-1827b3b11284".to_owned(),
        function_arn: "arn:aws:lambda:us-east-2:123456789012:function:my-function".to_owned(),
        stream_arn: "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream".to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/lambda-role".to_owned(),
        batch_size: 100,
        batching_window: SignedDuration::ZERO,
        starting_position: StartingPosition::TrimHorizon,
        parallelization_factor: 1,
        filters: Vec::new(),
        reports_batch_item_failures: false,
        bisects: false,
        maximum_retry_attempts: None,
        maximum_record_age: None,
        retention: SignedDuration::from_hours(24),
        on_failure: None,
        tumbling_window: None,
    }
}

#[derive(Debug)]
pub(crate) struct FakeShard {
    pub(crate) id: ShardId,
    pub(crate) parents: Vec<ShardId>,
    pub(crate) slots: std::ops::Range<u32>,
    pub(crate) records: Vec<Arc<Record>>,
    pub(crate) is_closed: bool,
}

/// An invocation as the function saw it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) at: Timestamp,
    pub(crate) numbers: Vec<u64>,
    pub(crate) batch: Batch,
}

type Function = Box<dyn FnMut(&Batch, Timestamp) -> (Answer, SignedDuration)>;
type Store = Box<dyn FnMut(&Letter) -> bool>;

pub(crate) struct Rig {
    pub(crate) mapping: Mapping,
    pub(crate) now: Timestamp,
    pub(crate) shards: Vec<FakeShard>,
    pub(crate) calls: Vec<Call>,
    pub(crate) letters: Vec<Letter>,
    pub(crate) reads: Vec<(Timestamp, ShardId, Position, usize)>,
    pub(crate) stores: usize,
    /// Records that the function was done with, by number.
    pub(crate) done: HashSet<u64>,
    /// Records that a read gave.
    pub(crate) given: HashSet<u64>,
    /// The next reads that fail.
    pub(crate) read_errors: Vec<ReadError>,
    in_flight: HashMap<InvocationId, Batch>,
    function: Function,
    store: Store,
    due: Vec<(Timestamp, u64, Input)>,
    wake: Option<Timestamp>,
    order: u64,
    next_number: u64,
}

pub(crate) fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

pub(crate) fn number(record: &Record) -> u64 {
    record.sequence_number.as_str().parse().unwrap()
}

pub(crate) fn numbers(records: &[Arc<Record>]) -> Vec<u64> {
    records.iter().map(|record| number(record)).collect()
}

pub(crate) fn failed() -> Answer {
    Answer::Failed { function_error: "Unhandled".to_owned() }
}

pub(crate) fn returned(response: &str) -> Answer {
    Answer::Returned(response.as_bytes().to_vec())
}

/// A response that names these records.
pub(crate) fn items(numbers: &[u64]) -> Answer {
    let items: Vec<_> = numbers.iter().map(|number| format!(r#"{{"itemIdentifier":"{number}"}}"#)).collect();
    returned(&format!(r#"{{"batchItemFailures":[{}]}}"#, items.join(",")))
}

/// The slot of a key: the keys of the tests are spread by their sum.
pub(crate) fn slot(key: &str) -> u32 {
    key.bytes().map(u32::from).sum::<u32>().wrapping_mul(37) % SLOTS
}

impl Rig {
    /// One shard, a function that is done with everything at once, a destination that takes everything.
    pub(crate) fn new(settings: Settings) -> Self {
        Self::with_pace(settings, Pace::default())
    }

    pub(crate) fn with_pace(settings: Settings, pace: Pace) -> Self {
        let mut rig = Self {
            mapping: Mapping::with_pace(settings, pace),
            now: Timestamp::from_second(1_700_000_000).unwrap(),
            shards: Vec::new(),
            calls: Vec::new(),
            letters: Vec::new(),
            reads: Vec::new(),
            stores: 0,
            done: HashSet::new(),
            given: HashSet::new(),
            read_errors: Vec::new(),
            in_flight: HashMap::new(),
            function: Box::new(|_, _| (returned(""), SignedDuration::ZERO)),
            store: Box::new(|_| true),
            due: Vec::new(),
            wake: None,
            order: 0,
            next_number: 0,
        };
        rig.add_shard(Vec::new(), 0..SLOTS);
        rig
    }

    pub(crate) fn function(mut self, mut function: impl FnMut(&Batch) -> Answer + 'static) -> Self {
        self.function = Box::new(move |batch, _| (function(batch), SignedDuration::ZERO));
        self
    }

    pub(crate) fn timed(
        mut self,
        function: impl FnMut(&Batch, Timestamp) -> (Answer, SignedDuration) + 'static,
    ) -> Self {
        self.function = Box::new(function);
        self
    }

    pub(crate) fn store(mut self, store: impl FnMut(&Letter) -> bool + 'static) -> Self {
        self.store = Box::new(store);
        self
    }

    pub(crate) fn add_shard(&mut self, parents: Vec<ShardId>, slots: std::ops::Range<u32>) -> ShardId {
        let id = ShardId(format!("shardId-{:012}", self.shards.len()).into());
        self.shards.push(FakeShard { id: id.clone(), parents, slots, records: Vec::new(), is_closed: false });
        id
    }

    /// Splits an open shard in two.
    pub(crate) fn split(&mut self, index: usize) {
        let shard = &mut self.shards[index];
        shard.is_closed = true;
        let (id, slots) = (shard.id.clone(), shard.slots.clone());
        let middle = (slots.start + slots.end) / 2;
        self.add_shard(vec![id.clone()], slots.start..middle);
        self.add_shard(vec![id], middle..slots.end);
    }

    /// Merges two open shards that are neighbours.
    pub(crate) fn merge(&mut self, left: usize, right: usize) {
        let slots = self.shards[left].slots.start..self.shards[right].slots.end;
        let parents = [left, right].map(|index| {
            self.shards[index].is_closed = true;
            self.shards[index].id.clone()
        });
        self.add_shard(parents.to_vec(), slots);
    }

    /// Puts a record now. Returns its number.
    pub(crate) fn put(&mut self, key: &str, data: &[u8]) -> u64 {
        self.next_number += 1;
        let record = Record {
            sequence_number: self.next_number.to_string().parse().unwrap(),
            partition_key: key.into(),
            data: data.to_vec().into(),
            arrived: self.now,
        };
        let slot = slot(key);
        let shard = self.shards.iter_mut().find(|shard| !shard.is_closed && shard.slots.contains(&slot)).unwrap();
        shard.records.push(Arc::new(record));
        self.next_number
    }

    pub(crate) fn put_many(&mut self, count: usize) {
        for _ in 0..count {
            self.put("key", b"data");
        }
    }

    pub(crate) fn record(&self, wanted: u64) -> Arc<Record> {
        let mut records = self.shards.iter().flat_map(|shard| &shard.records);
        Arc::clone(records.find(|record| number(record) == wanted).unwrap())
    }

    /// Numbers of the records of each invocation, in order.
    pub(crate) fn given_numbers(&self) -> Vec<Vec<u64>> {
        self.calls.iter().map(|call| call.numbers.clone()).collect()
    }

    pub(crate) fn letter_numbers(&self) -> Vec<Vec<u64>> {
        self.letters.iter().map(|letter| numbers(&letter.batch.records)).collect()
    }

    pub(crate) fn outstanding_keys(&self) -> Vec<(ShardId, HashSet<Arc<str>>)> {
        let keys = |batch: &Batch| batch.records.iter().map(|record| Arc::clone(&record.partition_key)).collect();
        self.in_flight.values().map(|batch| (batch.shard.clone(), keys(batch))).collect()
    }

    /// Records that no read gave and that the stream still holds.
    fn unread(&self) -> usize {
        let horizon = self.now - self.mapping.settings().retention;
        let records = self.shards.iter().flat_map(|shard| &shard.records);
        records.filter(|record| record.arrived >= horizon && !self.given.contains(&number(record))).count()
    }

    /// Runs for a time.
    pub(crate) fn run_for(&mut self, time: SignedDuration) {
        let until = self.now + time;
        self.run_until(|_| false, until);
    }

    /// Runs until everything is through.
    pub(crate) fn run(&mut self) {
        let until = self.now + SignedDuration::from_hours(24 * 9);
        self.run_until(|rig| rig.due.is_empty() && rig.mapping.is_idle() && rig.unread() == 0, until);
        assert!(self.now < until, "not through after 9 days");
    }

    /// Runs until all is through and all windows had their last call.
    pub(crate) fn run_windows(&mut self) {
        let until = self.now + SignedDuration::from_hours(24 * 9);
        self.run_until(
            |rig| rig.due.is_empty() && rig.mapping.is_idle() && rig.unread() == 0 && !rig.mapping.has_open_window(),
            until,
        );
    }

    fn run_until(&mut self, mut enough: impl FnMut(&Self) -> bool, until: Timestamp) {
        self.due(self.now, Input::Tick);
        for _ in 0..2_000_000 {
            if enough(self) {
                return;
            }
            let next = self.due.iter().enumerate().min_by_key(|(_, (at, order, _))| (*at, *order));
            let next = next.map(|(index, (at, ..))| (index, *at));
            let wake = self.wake.filter(|wake| next.is_none_or(|(_, at)| *wake < at));
            let (at, input) = match (wake, next) {
                (Some(wake), _) => {
                    if wake > until {
                        self.now = until;
                        return;
                    }
                    self.wake = None;
                    (wake, Input::Tick)
                }
                (None, Some((index, at))) => {
                    if at > until {
                        self.now = until;
                        return;
                    }
                    (at, self.due.swap_remove(index).2)
                }
                (None, None) => panic!("nothing is due and nobody waits"),
            };
            self.now = self.now.max(at);
            self.account(&input);
            let actions = self.mapping.advance(self.now, input);
            for action in actions {
                self.carry_out(action);
            }
        }
        panic!("no end after 2,000,000 steps");
    }

    fn due(&mut self, at: Timestamp, input: Input) {
        self.order += 1;
        self.due.push((at, self.order, input));
    }

    /// What an answer means for records, recomputed from AWS's words.
    fn account(&mut self, input: &Input) {
        let Input::Answered { invocation, answer } = input else { return };
        let batch = self.in_flight.remove(invocation).unwrap();
        let Answer::Returned(response) = answer else { return };
        let response: serde_json::Value = serde_json::from_slice(response).unwrap_or_default();
        let reports = self.mapping.settings().reports_batch_item_failures;
        let failures = response["batchItemFailures"].as_array().filter(|_| reports);
        let ids =
            failures.into_iter().flatten().map(|item| item["itemIdentifier"].as_str().and_then(|id| id.parse().ok()));
        let all = numbers(&batch.records);
        // An id that is none fails all.
        let first = ids.map(|id: Option<u64>| id.filter(|id| all.contains(id)).unwrap_or(0)).min();
        self.done.extend(all.iter().filter(|number| first.is_none_or(|first| **number < first)));
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::WakeAt(at) => self.wake = Some(at),
            Action::ListShards => {
                let shard = |shard: &FakeShard| Shard {
                    id: shard.id.clone(),
                    parents: shard.parents.clone(),
                    is_closed: shard.is_closed,
                };
                let shards = self.shards.iter().map(shard).collect();
                self.due(self.now, Input::Shards(shards));
            }
            Action::Read { shard, from, limit } => {
                self.reads.push((self.now, shard.clone(), from.clone(), limit));
                let input = match self.read_errors.pop() {
                    Some(error) => Input::ReadFailed { shard, error },
                    None => self.read(shard, &from, limit),
                };
                self.due(self.now, input);
            }
            Action::Invoke { invocation, batch } => {
                let call = Call { at: self.now, numbers: numbers(&batch.records), batch: batch.clone() };
                self.calls.push(call);
                let (answer, time) = (self.function)(&batch, self.now);
                self.in_flight.insert(invocation, batch);
                self.due(self.now + time, Input::Answered { invocation, answer });
            }
            Action::Store { letter, content } => {
                self.stores += 1;
                let taken = (self.store)(&content);
                if taken {
                    self.letters.push(*content);
                }
                self.due(self.now, Input::Stored { letter, taken });
            }
        }
    }

    fn read(&mut self, shard: ShardId, from: &Position, limit: usize) -> Input {
        let horizon = self.now - self.mapping.settings().retention;
        let fake = self.shards.iter().find(|fake| fake.id == shard).unwrap();
        let first = |is_past: &dyn Fn(&Arc<Record>) -> bool| fake.records.partition_point(|record| !is_past(record));
        let kept = first(&|record| record.arrived >= horizon);
        let start = match from {
            Position::TrimHorizon => kept,
            Position::Latest => fake.records.len(),
            Position::AtTimestamp(moment) => first(&|record| record.arrived >= *moment),
            Position::After(number) => first(&|record| record.sequence_number > *number),
        };
        if start < kept && matches!(from, Position::After(_)) {
            return Input::ReadFailed { shard, error: ReadError::Trimmed };
        }
        let start = start.max(kept);
        let records: Vec<_> = fake.records[start..].iter().take(limit).cloned().collect();
        let is_end = fake.is_closed && start + records.len() == fake.records.len();
        self.given.extend(numbers(&records));
        Input::Records { shard, records, is_end }
    }

    /// For each key the numbers of its records in the order of their first delivery.
    pub(crate) fn first_deliveries(&self) -> BTreeMap<Arc<str>, Vec<u64>> {
        let mut seen = HashSet::new();
        let mut keys: BTreeMap<Arc<str>, Vec<u64>> = BTreeMap::new();
        for record in self.calls.iter().flat_map(|call| &call.batch.records) {
            if seen.insert(number(record)) {
                keys.entry(Arc::clone(&record.partition_key)).or_default().push(number(record));
            }
        }
        keys
    }
}
