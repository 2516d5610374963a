//! The machine: receive, filter, gather, invoke, delete.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    Action, Answer, Batch, Counts, Input, InvocationId, Message, Pace, Settings, event::length, filter::MessageFilter,
};
use crate::{kinesis::MAXIMUM_EVENT_BYTES, response};

/// ReceiveMessage gives no more at once.
const MAXIMUM_RECEIVE: usize = 10;
/// How many batches are under way at first, how many more each minute that does not empty the queue, and at most.
const INITIAL_CONCURRENCY: usize = 5;
const MORE_PER_MINUTE: usize = 300;
const MAXIMUM_CONCURRENCY: usize = 1_000;

/// An event source mapping of a queue.
///
/// Begin with [`Input::Tick`]; carry out each [`Action`] and report what came of it.
#[derive(Debug)]
pub struct Mapping {
    settings: Settings,
    pace: Pace,
    filter: MessageFilter,
    gathered: VecDeque<Gathered>,
    gathered_bytes: usize,
    in_flight: HashMap<InvocationId, Work>,
    /// Batches that were throttled, and when to try them again.
    throttled: Vec<(Timestamp, Work)>,
    last_invocation: u64,
    counts: Counts,
    receiving: Receiving,
    receive_failures: u32,
    /// Since when each receive has given something.
    busy_since: Option<Timestamp>,
    is_empty: bool,
    wake: Option<Timestamp>,
}

#[derive(Debug)]
struct Gathered {
    message: Arc<Message>,
    bytes: usize,
    received: Timestamp,
}

#[derive(Debug)]
struct Work {
    messages: Vec<Arc<Message>>,
    /// When the first of them was received.
    received: Timestamp,
    throttles: u32,
}

#[derive(Debug)]
enum Receiving {
    From(Option<Timestamp>),
    Asked,
}

impl Mapping {
    /// A mapping that has received nothing yet. [`Settings::validate`] says whether AWS would take the settings.
    pub fn new(settings: Settings) -> Self {
        Self::with_pace(settings, Pace::default())
    }

    /// The same, at a pace of one's own.
    pub fn with_pace(settings: Settings, pace: Pace) -> Self {
        Self {
            filter: MessageFilter::new(&settings.filters).unwrap_or_default(),
            settings,
            pace,
            gathered: VecDeque::new(),
            gathered_bytes: 0,
            in_flight: HashMap::new(),
            throttled: Vec::new(),
            last_invocation: 0,
            counts: Counts::default(),
            receiving: Receiving::From(None),
            receive_failures: 0,
            busy_since: None,
            is_empty: false,
            wake: None,
        }
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it did so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Invocations under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether nothing is under way and the last receive gave nothing. Hidden messages may still come back.
    pub fn is_idle(&self) -> bool {
        self.is_empty && self.gathered.is_empty() && self.in_flight.is_empty() && self.throttled.is_empty()
    }

    /// Takes in what happened, and tells what is to be done.
    pub fn advance(&mut self, now: Timestamp, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Tick => {}
            Input::Messages(messages) => self.take(now, messages, &mut actions),
            Input::ReceiveFailed => {
                self.receive_failures = self.receive_failures.saturating_add(1);
                self.receiving = Receiving::From(after(now, self.pace.backoff(self.receive_failures)));
            }
            Input::Answered { invocation, answer } => self.answered(now, invocation, &answer, &mut actions),
        }
        self.retry_throttled(now, &mut actions);
        while let Some(work) = self.gather(now) {
            self.invoke(work, &mut actions);
        }
        self.receive(now, &mut actions);
        self.name_wake(now, &mut actions);
        actions
    }

    /// How many batches may be under way now.
    fn concurrency(&self, now: Timestamp) -> usize {
        let minutes = self.busy_since.map_or(0, |since| now.duration_since(since).as_mins().max(0));
        let more = usize::try_from(minutes).unwrap_or(usize::MAX).saturating_mul(MORE_PER_MINUTE);
        let bound = self.settings.maximum_concurrency.unwrap_or(MAXIMUM_CONCURRENCY);
        INITIAL_CONCURRENCY.saturating_add(more).min(bound).min(MAXIMUM_CONCURRENCY)
    }

    /// Batches that take a place: under way, or throttled and to be tried again.
    fn busy(&self) -> usize {
        self.in_flight.len() + self.throttled.len()
    }

    fn take(&mut self, now: Timestamp, messages: Vec<Arc<Message>>, actions: &mut Vec<Action>) {
        if !matches!(self.receiving, Receiving::Asked) {
            return;
        }
        self.receive_failures = 0;
        self.is_empty = messages.is_empty();
        self.busy_since = if self.is_empty { None } else { self.busy_since.or(Some(now)) };
        self.receiving = match self.is_empty {
            true => Receiving::From(after(now, self.pace.poll_interval)),
            false => Receiving::From(None),
        };
        let (kept, filtered): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| self.filter.keeps(message, &self.settings));
        self.counts.filtered += filtered.len() as u64;
        if !filtered.is_empty() {
            actions.push(Action::Delete(filtered));
        }
        for message in kept {
            let bytes = length(&message, &self.settings);
            self.gathered_bytes += bytes;
            self.gathered.push_back(Gathered { message, bytes, received: now });
        }
    }

    /// Takes the next batch from what is gathered, if it is due and there is a place for it.
    fn gather(&mut self, now: Timestamp) -> Option<Work> {
        let bound = MAXIMUM_EVENT_BYTES - r#"{"Records":[]}"#.len();
        let first = self.gathered.front()?;
        let is_full = self.gathered.len() >= self.settings.batch_size || self.gathered_bytes >= bound;
        let is_due = after(first.received, self.settings.batching_window).is_none_or(|due| due <= now);
        if !(is_full || is_due) || self.busy() >= self.concurrency(now) {
            return None;
        }
        let received = first.received;
        let (mut count, mut bytes) = (0, 0);
        for gathered in self.gathered.iter().take(self.settings.batch_size) {
            // SQS takes no message that alone is too large for an event.
            if count > 0 && bytes + gathered.bytes > bound {
                break;
            }
            bytes += gathered.bytes;
            count += 1;
        }
        self.gathered_bytes -= bytes;
        let messages: Vec<_> = self.gathered.drain(..count).map(|gathered| gathered.message).collect();
        Some(Work { messages, received, throttles: 0 })
    }

    fn invoke(&mut self, work: Work, actions: &mut Vec<Action>) {
        self.last_invocation += 1;
        let invocation = InvocationId(self.last_invocation);
        self.counts.invocations += 1;
        self.counts.retries += u64::from(work.messages.iter().any(|message| message.receive_count() > 1));
        actions.push(Action::Invoke { invocation, batch: Batch { messages: work.messages.clone() } });
        self.in_flight.insert(invocation, work);
    }

    fn answered(&mut self, now: Timestamp, invocation: InvocationId, answer: &Answer, actions: &mut Vec<Action>) {
        let Some(mut work) = self.in_flight.remove(&invocation) else { return };
        let response = match answer {
            Answer::Returned(response) => response,
            Answer::Failed { .. } => return self.leave(&work.messages),
            Answer::NotInvoked => {
                self.counts.not_invoked += 1;
                work.throttles = work.throttles.saturating_add(1);
                let again = after(now, self.pace.backoff(work.throttles));
                // Behind the visibility timeout the queue gives the messages to someone else.
                let hidden = after(work.received, self.settings.visibility_timeout);
                match again.filter(|again| hidden.is_some_and(|hidden| *again < hidden)) {
                    Some(again) => self.throttled.push((again, work)),
                    None => self.counts.left += work.messages.len() as u64,
                }
                return;
            }
        };
        let failed = match self.settings.reports_batch_item_failures {
            true => failed_ids(response, &work.messages),
            false => Some(HashSet::new()),
        };
        let Some(failed) = failed else { return self.leave(&work.messages) };
        let (left, done): (Vec<_>, Vec<_>) =
            work.messages.into_iter().partition(|message| failed.contains(&*message.message_id));
        if !left.is_empty() {
            self.leave(&left);
        }
        self.counts.messages += done.len() as u64;
        if !done.is_empty() {
            actions.push(Action::Delete(done));
        }
    }

    /// Leaves messages of a failed invocation to the queue.
    fn leave(&mut self, messages: &[Arc<Message>]) {
        self.counts.failures += 1;
        self.counts.left += messages.len() as u64;
    }

    fn retry_throttled(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let (due, later) = std::mem::take(&mut self.throttled).into_iter().partition(|(again, _)| *again <= now);
        self.throttled = later;
        for (_, work) in due {
            self.invoke(work, actions);
        }
    }

    /// Receives while there is a place for another batch: what is received is hidden from everybody else.
    fn receive(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let Receiving::From(moment) = self.receiving else { return };
        if moment.is_some_and(|moment| moment > now) || !self.has_room(now) {
            return;
        }
        let limit = self.settings.batch_size.saturating_sub(self.gathered.len()).clamp(1, MAXIMUM_RECEIVE);
        actions.push(Action::Receive { limit });
        self.receiving = Receiving::Asked;
    }

    fn has_room(&self, now: Timestamp) -> bool {
        self.busy() < self.concurrency(now) && self.gathered.len() < self.settings.batch_size
    }

    fn name_wake(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.wake.is_some_and(|wake| wake <= now) {
            self.wake = None;
        }
        let receive = match self.receiving {
            Receiving::From(moment) if self.has_room(now) => moment,
            _ => None,
        };
        let has_place = self.busy() < self.concurrency(now);
        let batch = self.gathered.front().filter(|_| has_place);
        let batch = batch.and_then(|first| after(first.received, self.settings.batching_window));
        let throttled = self.throttled.iter().map(|(again, _)| *again).min();
        // More places come with the next minute.
        let scale = self.busy_since.filter(|_| !has_place).and_then(|since| {
            let minutes = now.duration_since(since).as_mins() + 1;
            after(since, SignedDuration::from_mins(minutes))
        });
        let next = [receive, batch, throttled, scale].into_iter().flatten().min();
        if next != self.wake
            && let Some(next) = next
        {
            self.wake = Some(next);
            actions.push(Action::WakeAt(next));
        }
    }
}

fn after(moment: Timestamp, wait: SignedDuration) -> Option<Timestamp> {
    moment.checked_add(wait).ok()
}

/// The messages that a response names as failed. None if all of them did.
fn failed_ids(response: &[u8], messages: &[Arc<Message>]) -> Option<HashSet<String>> {
    let response = response::parse(response)?;
    let failed = response::failures(&response)?;
    let ids: HashSet<&str> = messages.iter().map(|message| &*message.message_id).collect();
    failed.into_iter().map(|id| ids.contains(id).then(|| id.to_owned())).collect()
}
