//! One batch at a time: records of some keys of a shard are gathered, given, retried, split and given up.
//!
//! A shard has as many lanes as its parallelization factor. Records come in, invocations and letters go out, answers
//! come back. A lane knows neither how a shard is read nor the other lanes.

use std::{collections::VecDeque, mem, sync::Arc};

use jiff::Timestamp;

use super::{
    Action, Answer, Batch, Counts, InvocationId, Letter, LetterId, Pace, Record, SequenceNumber, Settings, ShardId,
    event::{Lengths, MAXIMUM_STATE_BYTES},
    response::{self, Verdict},
    window::Tumbling,
};

/// The retries are used up.
const RETRIES_EXHAUSTED: &str = "RetryAttemptsExhausted";
/// The records are older than the mapping or the stream's retention allows.
const TOO_OLD: &str = "RecordAgeExceeded";
/// One record alone makes an event beyond Lambda's payload bound. The name is an assumption.
const TOO_LARGE: &str = "RequestEntityTooLarge";

/// What a lane needs to act.
pub(crate) struct Context<'a> {
    pub(crate) now: Timestamp,
    pub(crate) settings: &'a Settings,
    pub(crate) pace: &'a Pace,
    pub(crate) shard: ShardId,
    pub(crate) lengths: Lengths,
    pub(crate) counts: &'a mut Counts,
    pub(crate) ids: &'a mut Ids,
    pub(crate) actions: &'a mut Vec<Action>,
    /// Whether the shard ends behind what was read.
    pub(crate) is_end: bool,
    /// From when the shard's end was known to be reached, if the last read gave nothing.
    pub(crate) caught_up: Option<Timestamp>,
}

/// Numbers for invocations and letters.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    last: u64,
}

impl Ids {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

/// A record that waits for its batch.
#[derive(Debug)]
struct Queued {
    record: Arc<Record>,
    bytes: usize,
    read_at: Timestamp,
}

/// Records that are given together.
#[derive(Debug)]
struct Work {
    records: Vec<Arc<Record>>,
    /// How often they were given, in whatever company.
    attempts: u32,
    /// How much of the retry quota is used.
    retries: u32,
    function_error: Option<String>,
    /// Whether this is the last call of a window, which has no records.
    is_final: bool,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Ready,
    Waiting(Timestamp),
    Invoked(InvocationId),
    Storing(LetterId, Box<Letter>),
    StoreWaiting(Timestamp, Box<Letter>),
}

#[derive(Debug, Default)]
pub(crate) struct Lane {
    queue: VecDeque<Queued>,
    queued_bytes: usize,
    /// What is tried, its parts in order. Only the first is ever in flight.
    works: VecDeque<Work>,
    phase: Phase,
    /// Failures in a row, for the backoff.
    failures: u32,
    tumbling: Tumbling,
    /// The last record that this lane is through with.
    pub(crate) done: Option<SequenceNumber>,
}

impl Lane {
    pub(crate) fn push(&mut self, record: Arc<Record>, bytes: usize, read_at: Timestamp) {
        self.queued_bytes += bytes;
        self.queue.push_back(Queued { record, bytes, read_at });
    }

    /// Bytes of events that wait here.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// The oldest record that is not through yet.
    pub(crate) fn oldest(&self) -> Option<&Arc<Record>> {
        match &self.phase {
            Phase::Storing(_, letter) | Phase::StoreWaiting(_, letter) => letter.batch.records.first(),
            _ => None,
        }
        .or_else(|| self.works.front().and_then(|work| work.records.first()))
        .or_else(|| self.queue.front().map(|queued| &queued.record))
    }

    /// Whether nothing waits and nothing is under way; an open window may be.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
            && self.works.is_empty()
            && !matches!(self.phase, Phase::Invoked(_) | Phase::Storing(..) | Phase::StoreWaiting(..))
    }

    /// Whether a window waits for its last call.
    pub(crate) fn has_window(&self) -> bool {
        self.tumbling.is_open()
    }

    /// When to look at this lane again, if nothing comes before.
    pub(crate) fn wake(&self, settings: &Settings) -> Option<Timestamp> {
        match &self.phase {
            Phase::Waiting(until) | Phase::StoreWaiting(until, _) => Some(*until),
            Phase::Ready => self
                .queue
                .front()
                .map(|first| first.read_at.saturating_add(settings.batching_window).unwrap_or(first.read_at)),
            Phase::Invoked(_) | Phase::Storing(..) => None,
        }
    }

    /// Does what can be done now: gathers, gives up what is too old, invokes. Returns how many records are through.
    pub(crate) fn step(&mut self, context: &mut Context<'_>) -> usize {
        let mut through = 0;
        loop {
            match mem::take(&mut self.phase) {
                Phase::Ready => {}
                Phase::Waiting(until) if until <= context.now => {}
                Phase::StoreWaiting(until, letter) if until <= context.now => {
                    self.store(context, letter);
                    return through;
                }
                other => {
                    self.phase = other;
                    return through;
                }
            }
            self.turn_window(context);
            if self.works.is_empty() && !self.gather(context, &mut through) {
                return through;
            }
            if matches!(self.phase, Phase::Ready) {
                match self.give_up_aged(context) {
                    Some(aged) => through += aged,
                    None => self.invoke(context),
                }
            }
        }
    }

    /// Calls for the last call of a window that is over, or opens the window of the next record.
    fn turn_window(&mut self, context: &Context<'_>) {
        let Some(length) = context.settings.tumbling_window else { return };
        let (next, is_over) = match self.works.front() {
            Some(work) if work.is_final => return,
            // What is still to be tried belongs to the open window, unless that ended early.
            Some(work) => (work.records.first(), self.tumbling.is_terminated_early()),
            None => {
                let next = self.queue.front().map(|queued| &queued.record);
                let arrived = next.map(|record| record.arrived);
                (next, self.tumbling.is_over(arrived, context.is_end, context.caught_up))
            }
        };
        match next.map(|record| record.arrived) {
            _ if is_over => self.works.push_front(Work::final_call()),
            Some(arrived) => self.tumbling.open(arrived, length),
            None => {}
        }
    }

    /// Takes the next batch from the queue, if it is due. Returns whether there is something to do.
    fn gather(&mut self, context: &mut Context<'_>, through: &mut usize) -> bool {
        let Some(first) = self.queue.front() else { return false };
        let bound = context.lengths.bound();
        if first.bytes > bound {
            let work = Work::new(self.take(1));
            *through += self.give_up(context, work, TOO_LARGE);
            return true;
        }
        let ends_window = self.queue.back().is_some_and(|last| !self.tumbling.holds(last.record.arrived));
        let is_full = self.queue.len() >= context.settings.batch_size || self.queued_bytes >= bound || ends_window;
        let due = first.read_at.saturating_add(context.settings.batching_window).unwrap_or(first.read_at);
        if !is_full && !context.is_end && context.now < due {
            return false;
        }
        let (mut count, mut bytes) = (0, 0);
        for queued in self.queue.iter().take(context.settings.batch_size) {
            bytes += queued.bytes;
            if bytes > bound || !self.tumbling.holds(queued.record.arrived) {
                break;
            }
            count += 1;
        }
        let records = self.take(count);
        self.works.push_back(Work::new(records));
        true
    }

    fn take(&mut self, count: usize) -> Vec<Arc<Record>> {
        let mut bytes = 0;
        let records = self.queue.drain(..count).map(|queued| {
            bytes += queued.bytes;
            queued.record
        });
        let records = records.collect();
        self.queued_bytes -= bytes;
        records
    }

    /// Gives up the leading records that are too old. Nothing if there are none.
    fn give_up_aged(&mut self, context: &mut Context<'_>) -> Option<usize> {
        let limit = context.settings.age_limit();
        let work = self.works.front_mut()?;
        let too_old = |record: &&Arc<Record>| context.now.duration_since(record.arrived) > limit;
        let aged = work.records.iter().take_while(too_old).count();
        if aged == 0 {
            return None;
        }
        let rest = work.records.split_off(aged);
        let aged = mem::replace(&mut work.records, rest);
        let aged = work.part(aged);
        if work.records.is_empty() {
            self.works.pop_front();
        }
        Some(self.give_up(context, aged, TOO_OLD))
    }

    fn invoke(&mut self, context: &mut Context<'_>) {
        let Some(work) = self.works.front() else { return };
        let invocation = InvocationId(context.ids.next());
        context.counts.invocations += 1;
        context.counts.retries += u64::from(work.attempts > 0);
        let batch = Batch {
            shard: context.shard.clone(),
            records: work.records.clone(),
            window: self.tumbling.window(work.is_final),
            attempts: work.attempts,
        };
        context.actions.push(Action::Invoke { invocation, batch });
        self.phase = Phase::Invoked(invocation);
    }

    /// Takes in what came of an invocation. Returns how many records are through.
    pub(crate) fn answered(&mut self, context: &mut Context<'_>, invocation: InvocationId, answer: Answer) -> usize {
        if !matches!(self.phase, Phase::Invoked(current) if current == invocation) {
            return 0;
        }
        self.phase = Phase::Ready;
        let Some(mut work) = self.works.pop_front() else { return 0 };
        if matches!(answer, Answer::NotInvoked) {
            context.counts.not_invoked += 1;
            self.works.push_front(work);
            self.wait(context);
            return 0;
        }
        work.attempts += 1;
        if let Some(last) = work.records.last() {
            let age = context.now.duration_since(last.arrived);
            context.counts.iterator_age_max = context.counts.iterator_age_max.max(age);
        }
        let verdict = match answer {
            Answer::Returned(response) => {
                let settings = context.settings;
                let (reports, has_window) = (settings.reports_batch_item_failures, settings.tumbling_window.is_some());
                let (verdict, state) = response::read(&response, &work.records, reports, has_window);
                work.function_error = None;
                if let (Some(state), Verdict::Done | Verdict::FailedFrom(_)) = (state, &verdict) {
                    self.tumbling.take_state(state, MAXIMUM_STATE_BYTES);
                }
                verdict
            }
            Answer::Failed { function_error } => {
                work.function_error = Some(function_error);
                Verdict::Failed
            }
            Answer::NotInvoked => Verdict::Failed,
        };
        if verdict != Verdict::Done {
            context.counts.failures += 1;
        }
        match verdict {
            Verdict::Done => {
                self.failures = 0;
                if work.is_final {
                    self.tumbling.close();
                }
                self.finish(context, &work.records)
            }
            Verdict::FailedFrom(index) => {
                self.failures = 0;
                let rest = work.records.split_off(index);
                let through = self.finish(context, &work.records);
                work.records = rest;
                if context.settings.bisects {
                    context.counts.splits += 1;
                    self.works.push_front(work);
                    return through;
                }
                through + self.retry(context, work)
            }
            Verdict::Failed | Verdict::FailedAtHead if context.settings.bisects && work.records.len() > 1 => {
                self.failures = 0;
                context.counts.splits += 1;
                let second = work.records.split_off(work.records.len().div_ceil(2));
                let second = work.part(second);
                self.works.push_front(second);
                self.works.push_front(work);
                0
            }
            Verdict::Failed | Verdict::FailedAtHead => self.retry(context, work),
        }
    }

    fn retry(&mut self, context: &mut Context<'_>, mut work: Work) -> usize {
        // Without records there is nothing to give up: a window's last call suspends the shard until it succeeds.
        let is_exhausted = context.settings.maximum_retry_attempts.is_some_and(|maximum| work.retries >= maximum);
        if is_exhausted && !work.is_final {
            return self.give_up(context, work, RETRIES_EXHAUSTED);
        }
        work.retries = work.retries.saturating_add(1);
        self.works.push_front(work);
        self.wait(context);
        0
    }

    fn wait(&mut self, context: &Context<'_>) {
        self.failures = self.failures.saturating_add(1);
        let wait = context.pace.backoff(self.failures);
        self.phase = Phase::Waiting(context.now.saturating_add(wait).unwrap_or(context.now));
    }

    fn finish(&mut self, context: &mut Context<'_>, records: &[Arc<Record>]) -> usize {
        context.counts.records += records.len() as u64;
        self.passed(records)
    }

    fn passed(&mut self, records: &[Arc<Record>]) -> usize {
        if let Some(last) = records.last() {
            self.done = Some(last.sequence_number.clone());
        }
        records.len()
    }

    fn give_up(&mut self, context: &mut Context<'_>, work: Work, condition: &'static str) -> usize {
        self.failures = 0;
        let Some(destination) = context.settings.on_failure.clone() else {
            context.counts.discarded += work.records.len() as u64;
            return self.passed(&work.records);
        };
        let letter = Letter {
            destination,
            condition,
            approximate_invoke_count: work.attempts,
            function_error: work.function_error,
            batch: Batch {
                shard: context.shard.clone(),
                records: work.records,
                window: self.tumbling.window(false),
                attempts: work.attempts,
            },
            at: context.now,
        };
        self.store(context, Box::new(letter));
        0
    }

    fn store(&mut self, context: &mut Context<'_>, letter: Box<Letter>) {
        let id = LetterId(context.ids.next());
        context.actions.push(Action::Store { letter: id, content: letter.clone() });
        self.phase = Phase::Storing(id, letter);
    }

    /// Takes in whether the destination took a letter. Returns how many records are through.
    pub(crate) fn stored(&mut self, context: &mut Context<'_>, letter: LetterId, taken: bool) -> usize {
        match mem::take(&mut self.phase) {
            Phase::Storing(current, content) if current == letter => {
                if taken {
                    self.failures = 0;
                    context.counts.on_failure += 1;
                    context.counts.on_failure_records += content.batch.records.len() as u64;
                    return self.passed(&content.batch.records);
                }
                self.wait(context);
                if let Phase::Waiting(until) = self.phase {
                    self.phase = Phase::StoreWaiting(until, content);
                }
                0
            }
            other => {
                self.phase = other;
                0
            }
        }
    }
}

impl Work {
    fn new(records: Vec<Arc<Record>>) -> Self {
        Self { records, attempts: 0, retries: 0, function_error: None, is_final: false }
    }

    fn final_call() -> Self {
        Self { is_final: true, ..Self::new(Vec::new()) }
    }

    /// The same history for some of the records.
    fn part(&self, records: Vec<Arc<Record>>) -> Self {
        let function_error = self.function_error.clone();
        Self { records, attempts: self.attempts, retries: self.retries, function_error, is_final: self.is_final }
    }
}
