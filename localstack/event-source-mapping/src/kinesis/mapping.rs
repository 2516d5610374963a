//! The machine: inputs are taken to the shard that they belong to, and what follows from them is collected.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    Action, Counts, Input, InvocationId, LetterId, Pace, Position, SequenceNumber, Settings, Shard, ShardId,
    StartingPosition,
    filter::RecordFilter,
    lane::{Context, Ids, Lane},
    shard::ShardReader,
};

/// An event source mapping of a Kinesis stream.
///
/// Begin with [`Input::Tick`]; carry out each [`Action`] and report what came of it.
#[derive(Debug)]
pub struct Mapping {
    settings: Settings,
    pace: Pace,
    filter: RecordFilter,
    checkpoints: HashMap<ShardId, SequenceNumber>,
    shards: Vec<ShardReader>,
    by_id: HashMap<ShardId, usize>,
    invocations: HashMap<InvocationId, (usize, usize)>,
    letters: HashMap<LetterId, (usize, usize)>,
    ids: Ids,
    counts: Counts,
    listing: Listing,
    /// When the shards were first known.
    since: Option<Timestamp>,
    wake: Option<Timestamp>,
}

#[derive(Debug)]
enum Listing {
    From(Option<Timestamp>),
    Asked,
}

impl Mapping {
    /// A mapping that has read nothing yet. [`Settings::validate`] says whether AWS would take them.
    ///
    /// Here a bound is not asked for, and filters of which one is no pattern keep all records rather than lose any.
    pub fn new(settings: Settings) -> Self {
        Self::with_pace(settings, Pace::default())
    }

    /// The same, at a pace of one's own.
    pub fn with_pace(settings: Settings, pace: Pace) -> Self {
        Self {
            filter: RecordFilter::new(&settings.filters).unwrap_or_default(),
            settings,
            pace,
            checkpoints: HashMap::new(),
            shards: Vec::new(),
            by_id: HashMap::new(),
            invocations: HashMap::new(),
            letters: HashMap::new(),
            ids: Ids::default(),
            counts: Counts::default(),
            listing: Listing::From(None),
            since: None,
            wake: None,
        }
    }

    /// A mapping that was enabled again: goes on behind the checkpoints, as [`Mapping::checkpoints`] told them.
    ///
    /// A window that was open begins again with an empty state. Shards without a checkpoint are read from their
    /// beginning, also where the starting position is the latest.
    pub fn resume(
        settings: Settings,
        pace: Pace,
        checkpoints: impl IntoIterator<Item = (ShardId, SequenceNumber)>,
    ) -> Self {
        Self { checkpoints: checkpoints.into_iter().collect(), ..Self::with_pace(settings, pace) }
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it did so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// For each shard the last record up to which all are done, stored, filtered or dropped.
    pub fn checkpoints(&self) -> impl Iterator<Item = (&ShardId, &SequenceNumber)> {
        self.shards.iter().filter_map(|shard| Some((&shard.id, shard.checkpoint()?)))
    }

    /// The checkpoint of one shard.
    pub fn checkpoint(&self, shard: &ShardId) -> Option<&SequenceNumber> {
        self.shards[*self.by_id.get(shard)?].checkpoint()
    }

    /// Records that were read and are not through yet.
    pub fn outstanding(&self) -> usize {
        self.shards.iter().map(|shard| shard.outstanding).sum()
    }

    /// Invocations under way.
    pub fn in_flight(&self) -> usize {
        self.invocations.len()
    }

    /// Whether all that was in the stream at the last reads is through. A window that is open may still be.
    pub fn is_idle(&self) -> bool {
        self.since.is_some() && self.shards.iter().all(ShardReader::is_idle)
    }

    /// Whether a window waits for its last call.
    pub fn has_open_window(&self) -> bool {
        self.shards.iter().any(|shard| shard.lanes.iter().any(Lane::has_window))
    }

    /// Whether every shard that was ever listed has ended and is through.
    pub fn is_drained(&self) -> bool {
        self.since.is_some() && self.shards.iter().all(|shard| shard.is_drained)
    }

    /// Whether this shard has ended and is through.
    pub fn is_shard_drained(&self, shard: &ShardId) -> bool {
        self.by_id.get(shard).is_some_and(|index| self.shards[*index].is_drained)
    }

    /// Takes in what happened, and tells what is to be done.
    pub fn advance(&mut self, now: Timestamp, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Tick => self.step_all(now, &mut actions),
            Input::Shards(shards) => {
                self.learn(now, shards);
                self.step_all(now, &mut actions);
            }
            Input::Records { shard, records, is_end } => {
                if let Some(index) = self.by_id.get(&shard).copied() {
                    let (shard, filter, mut context) = self.context(index, now, &mut actions);
                    shard.take(&mut context, filter, records, is_end);
                    self.step(index, now, &mut actions);
                }
            }
            Input::ReadFailed { shard, error } => {
                if let Some(index) = self.by_id.get(&shard).copied() {
                    let (shard, _, mut context) = self.context(index, now, &mut actions);
                    shard.failed(&mut context, error);
                    self.step(index, now, &mut actions);
                }
            }
            Input::Answered { invocation, answer } => {
                if let Some((index, lane)) = self.invocations.remove(&invocation) {
                    let (shard, _, mut context) = self.context(index, now, &mut actions);
                    shard.outstanding -= shard.lanes[lane].answered(&mut context, invocation, answer);
                    self.route(index, lane, &actions);
                    self.step(index, now, &mut actions);
                }
            }
            Input::Stored { letter, taken } => {
                if let Some((index, lane)) = self.letters.remove(&letter) {
                    let (shard, _, mut context) = self.context(index, now, &mut actions);
                    shard.outstanding -= shard.lanes[lane].stored(&mut context, letter, taken);
                    self.step(index, now, &mut actions);
                }
            }
        }
        self.list(now, &mut actions);
        self.name_wake(now, &mut actions);
        actions
    }

    /// Adds the shards that are new.
    fn learn(&mut self, now: Timestamp, shards: Vec<Shard>) {
        let next = if shards.is_empty() { self.pace.poll_interval } else { self.pace.list_interval };
        self.listing = Listing::From(Some(now.saturating_add(next).unwrap_or(now)));
        if shards.is_empty() {
            return;
        }
        // One that resumes was there before: a shard without a checkpoint may have taken records since.
        let is_first = self.since.is_none() && self.checkpoints.is_empty();
        let since = *self.since.get_or_insert(now);
        for shard in shards {
            if self.by_id.contains_key(&shard.id) {
                continue;
            }
            let position = match (self.checkpoints.remove(&shard.id), self.settings.starting_position) {
                (Some(number), _) => Position::After(number),
                (None, StartingPosition::AtTimestamp(moment)) => Position::AtTimestamp(moment),
                (None, StartingPosition::Latest) if is_first && shard.parents.is_empty() => Position::Latest,
                // It is read only after its parents, and what arrives until then counts.
                (None, StartingPosition::Latest) if is_first => Position::AtTimestamp(since),
                (None, StartingPosition::Latest | StartingPosition::TrimHorizon) => Position::TrimHorizon,
            };
            self.by_id.insert(shard.id.clone(), self.shards.len());
            self.shards.push(ShardReader::new(shard.id, shard.parents, position, &self.settings));
        }
    }

    /// Asks for the shards when it is time.
    fn list(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if let Listing::From(moment) = self.listing
            && moment.is_none_or(|moment| moment <= now)
        {
            actions.push(Action::ListShards);
            self.listing = Listing::Asked;
        }
    }

    fn step_all(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        for index in 0..self.shards.len() {
            self.step(index, now, actions);
        }
    }

    /// Does what can be done in a shard now, and in its children once it is through.
    fn step(&mut self, index: usize, now: Timestamp, actions: &mut Vec<Action>) {
        if self.shards[index].is_drained {
            return;
        }
        if self.shards[index].is_behind() {
            if !self.shards[index].parents.iter().all(|parent| self.is_past(parent)) {
                return;
            }
            self.shards[index].begin(now);
        }
        for lane in 0..self.shards[index].lanes.len() {
            let before = actions.len();
            let (shard, _, mut context) = self.context(index, now, actions);
            shard.outstanding -= shard.lanes[lane].step(&mut context);
            self.route(index, lane, &actions[before..]);
        }
        let since = self.since.unwrap_or(now);
        let shard = &mut self.shards[index];
        shard.settle();
        shard.read(now, &self.settings, since, actions);
        if shard.is_drained {
            // Its children, if it has any, are known by now or with the next list.
            if let Listing::From(moment) = &mut self.listing {
                *moment = None;
            }
            let id = self.shards[index].id.clone();
            for child in 0..self.shards.len() {
                if self.shards[child].parents.contains(&id) {
                    self.step(child, now, actions);
                }
            }
        }
    }

    /// Whether a shard is through, or gone so long that it is not even listed.
    fn is_past(&self, shard: &ShardId) -> bool {
        self.by_id.get(shard).is_none_or(|index| self.shards[*index].is_drained)
    }

    /// Remembers which lane the new invocations and letters belong to.
    fn route(&mut self, shard: usize, lane: usize, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Invoke { invocation, .. } => {
                    self.invocations.insert(*invocation, (shard, lane));
                }
                Action::Store { letter, .. } => {
                    self.letters.insert(*letter, (shard, lane));
                }
                _ => {}
            }
        }
    }

    fn context<'a>(
        &'a mut self,
        index: usize,
        now: Timestamp,
        actions: &'a mut Vec<Action>,
    ) -> (&'a mut ShardReader, &'a RecordFilter, Context<'a>) {
        let shard = &mut self.shards[index];
        let context = Context {
            now,
            settings: &self.settings,
            pace: &self.pace,
            shard: shard.id.clone(),
            lengths: shard.lengths,
            counts: &mut self.counts,
            ids: &mut self.ids,
            actions,
            is_end: shard.is_end(),
            caught_up: shard.caught_up,
        };
        (shard, &self.filter, context)
    }

    /// Names the next moment at which something is to be done, if it is not the one that was named before.
    fn name_wake(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.wake.is_some_and(|wake| wake <= now) {
            self.wake = None;
        }
        let list = match self.listing {
            Listing::From(moment) => moment,
            Listing::Asked => None,
        };
        let next = self.shards.iter().filter_map(|shard| shard.wake(&self.settings)).chain(list).min();
        if next != self.wake
            && let Some(next) = next
        {
            self.wake = Some(next);
            actions.push(Action::WakeAt(next));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kinesis::{Answer, Record, settings::tests::settings};

    fn record(number: u64) -> Arc<Record> {
        Arc::new(Record {
            sequence_number: number.to_string().parse().unwrap(),
            partition_key: "key".into(),
            data: "data".into(),
            arrived: Timestamp::from_second(1_700_000_000).unwrap(),
        })
    }

    #[test]
    fn a_batch_is_read_given_and_passed() {
        let now = Timestamp::from_second(1_700_000_001).unwrap();
        let id = ShardId("shardId-000000000000".into());
        let mut mapping = Mapping::new(settings());
        assert!(matches!(mapping.advance(now, Input::Tick)[..], [Action::ListShards]));
        let shard = Shard { id: id.clone(), parents: Vec::new(), is_closed: false };
        let actions = mapping.advance(now, Input::Shards(vec![shard]));
        assert!(matches!(&actions[..], [Action::Read { from: Position::TrimHorizon, .. }, Action::WakeAt(_)]));
        let records = vec![record(1), record(2)];
        let actions = mapping.advance(now, Input::Records { shard: id.clone(), records, is_end: false });
        let Some(Action::Invoke { invocation, batch }) = actions.first() else { panic!("{actions:?}") };
        assert_eq!(batch.records.len(), 2);
        assert!(matches!(&actions[1], Action::Read { from: Position::After(number), .. } if number.as_str() == "2"));
        let answer = Answer::Returned(Vec::new());
        mapping.advance(now, Input::Answered { invocation: *invocation, answer });
        assert_eq!(mapping.checkpoint(&id).unwrap().as_str(), "2");
        assert_eq!((mapping.outstanding(), mapping.counts().records), (0, 2));
    }

    #[test]
    fn what_is_reported_twice_counts_once() {
        let now = Timestamp::from_second(1_700_000_001).unwrap();
        let id = ShardId("shardId-000000000000".into());
        let mut mapping = Mapping::new(Settings { batch_size: 2, ..settings() });
        mapping.advance(now, Input::Tick);
        mapping.advance(now, Input::Shards(vec![Shard { id: id.clone(), parents: Vec::new(), is_closed: false }]));
        let read = |numbers: &[u64]| Input::Records {
            shard: id.clone(),
            records: numbers.iter().map(|number| record(*number)).collect(),
            is_end: false,
        };
        mapping.advance(now, read(&[1, 2]));
        mapping.advance(now, read(&[2, 3]));
        assert_eq!(mapping.outstanding(), 3);
        let answered = Input::Answered { invocation: InvocationId(1), answer: Answer::Returned(Vec::new()) };
        mapping.advance(now, answered.clone());
        mapping.advance(now, answered);
        assert_eq!((mapping.outstanding(), mapping.counts().records), (1, 2));
    }
}
