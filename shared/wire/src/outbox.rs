//! The outbox: parcels enter, PutRecords calls within the limits leave, and each answer decides what goes again.
//!
//! The rules:
//! - Only what was not taken goes again, and always as the very same bytes: entries move into a call and back out.
//! - Of an ordered key one record at the most is on its way, from its first call to its answer, waits between
//!   attempts included. PutRecords promises no order within a call, and one refused record does not stop the next;
//!   so the next record of the key sets out only when the one before it is known to be in the stream.
//! - A record that is given up lets the next one of its key pass. They are different facts: the one given up is kept
//!   with the dead letters, and holding back good news for the sake of it would lose more than its place in the order.
//! - What has no order is batched freely.
//!
//! Nothing here sends, waits or knows what a reason means: the caller makes the calls, and decides how long a
//! refused record waits and when it is given up.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    iter::repeat_with,
};

use crate::{
    entry::{Entry, Oversized},
    limits::{KINESIS_RECORD_BYTES, PUT_RECORDS_BYTES, PUT_RECORDS_COUNT},
    partition::PartitionKey,
};

/// A record to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Its bytes and its partition key.
    pub entry: Entry,
    /// Whether it must not overtake another ordered parcel of its partition key.
    pub ordered: bool,
}

/// One PutRecords call. It owns its entries until it is handed back with its answer.
#[derive(Debug)]
pub struct Call {
    parcels: Vec<usize>,
    entries: Vec<Entry>,
    bytes: usize,
}

impl Call {
    /// The entries, in the order of the call.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// For each entry its place among the parcels.
    pub fn parcels(&self) -> &[usize] {
        &self.parcels
    }

    /// Data and partition keys of all entries, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Parcels of one call that were not taken, all after the same number of attempts. They wait until they are handed
/// back, to go again or to be given up.
#[derive(Debug)]
pub struct Again {
    parcels: Vec<usize>,
    attempts: u32,
}

impl Again {
    /// How often each of them was sent.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Their places among the parcels.
    pub fn parcels(&self) -> &[usize] {
        &self.parcels
    }
}

/// A parcel that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left<Reason> {
    /// Its record, unchanged.
    pub entry: Entry,
    /// How often it was sent; it may be in the stream all the same if an answer was lost.
    pub attempts: u32,
    /// Why it was not taken the last time; none if it was never sent.
    pub reason: Option<Reason>,
}

#[derive(Debug)]
struct Slot<Reason> {
    /// `None` while a call owns it, and once it was taken.
    entry: Option<Entry>,
    attempts: u32,
    reason: Option<Reason>,
    /// Its ordered key, as an index of `lanes`.
    lane: Option<usize>,
    is_taken: bool,
}

/// What is to be sent to one stream.
#[derive(Debug)]
pub struct Outbox<Reason> {
    slots: Vec<Slot<Reason>>,
    /// What may go into the next call: parcels without order, and the first of each lane that is not on its way.
    ready: VecDeque<usize>,
    /// For each ordered key the parcels behind its first one.
    lanes: Vec<VecDeque<usize>>,
    /// Calls under way, and how many there may be.
    under_way: usize,
    in_flight: usize,
}

impl<Reason: Clone + From<Oversized>> Outbox<Reason> {
    /// Takes parcels in, of which up to `in_flight` calls may be under way at once; none is taken for one. What no
    /// call can carry is left from the start, for that reason.
    pub fn new(parcels: Vec<Parcel>, in_flight: usize) -> Self {
        let mut outbox = Self {
            slots: Vec::with_capacity(parcels.len()),
            ready: VecDeque::new(),
            lanes: Vec::new(),
            under_way: 0,
            in_flight: in_flight.max(1),
        };
        let mut keys: HashMap<PartitionKey, usize> = HashMap::new();
        for (index, Parcel { entry, ordered }) in parcels.into_iter().enumerate() {
            let size = entry.size();
            let mut slot = Slot { entry: None, attempts: 0, reason: None, lane: None, is_taken: false };
            if size > KINESIS_RECORD_BYTES {
                slot.reason = Some(Oversized { index, size }.into());
            } else if ordered {
                match keys.get(&entry.partition_key) {
                    Some(&lane) => {
                        slot.lane = Some(lane);
                        outbox.lanes[lane].push_back(index);
                    }
                    None => {
                        slot.lane = Some(outbox.lanes.len());
                        keys.insert(entry.partition_key.clone(), outbox.lanes.len());
                        outbox.lanes.push(VecDeque::new());
                        outbox.ready.push_back(index);
                    }
                }
            } else {
                outbox.ready.push_back(index);
            }
            slot.entry = Some(entry);
            outbox.slots.push(slot);
        }
        outbox
    }

    /// The next call, if one may be made: as much as is ready and fits, oldest first.
    pub fn next_call(&mut self) -> Option<Call> {
        if self.under_way >= self.in_flight {
            return None;
        }
        let mut call = Call { parcels: Vec::new(), entries: Vec::new(), bytes: 0 };
        while let Some(&index) = self.ready.front() {
            let slot = &mut self.slots[index];
            let size = slot.entry.as_ref().map_or(0, Entry::size);
            if call.parcels.len() == PUT_RECORDS_COUNT || call.bytes + size > PUT_RECORDS_BYTES {
                break;
            }
            self.ready.pop_front();
            if let Some(entry) = slot.entry.take() {
                slot.attempts = slot.attempts.saturating_add(1);
                call.bytes += size;
                call.parcels.push(index);
                call.entries.push(entry);
            }
        }
        if call.parcels.is_empty() {
            return None;
        }
        self.under_way += 1;
        Some(call)
    }

    /// A call was answered: for each entry the reason why it was not taken, or `None`. What has no answer counts as
    /// not taken. Returns what has to wait, by attempts.
    pub fn answered(&mut self, call: Call, answers: &[Option<Reason>]) -> Vec<Again> {
        let answers = answers.iter().map(|answer| match answer {
            None => Answer::Taken,
            Some(reason) => Answer::Refused(Some(reason)),
        });
        self.settle(call, answers.chain(repeat_with(|| Answer::Refused(None))))
    }

    /// A call failed as a whole, or has no answer. Whether it had its effect is unknown: all of it goes again.
    pub fn failed(&mut self, call: Call, reason: &Reason) -> Vec<Again> {
        self.settle(call, repeat_with(|| Answer::Refused(Some(reason))))
    }

    /// These have waited long enough.
    pub fn due(&mut self, again: Again) {
        self.ready.extend(again.parcels);
    }

    /// These are not sent again.
    pub fn give_up(&mut self, again: Again) {
        for index in again.parcels {
            self.pass_on(index);
        }
    }

    /// Nothing that is not on its way or waiting is sent any more.
    pub fn give_up_rest(&mut self) {
        self.ready.clear();
        self.lanes.iter_mut().for_each(VecDeque::clear);
    }

    /// What became of each parcel. Call it when no call is under way: what a call took along is not given back.
    pub fn finish(self) -> Vec<Result<(), Left<Reason>>> {
        let fate = |slot: Slot<Reason>| match slot.entry {
            Some(entry) => Err(Left { entry, attempts: slot.attempts, reason: slot.reason }),
            None => {
                debug_assert!(slot.is_taken, "a call is under way");
                Ok(())
            }
        };
        self.slots.into_iter().map(fate).collect()
    }

    fn settle<'a>(&mut self, call: Call, answers: impl Iterator<Item = Answer<'a, Reason>>) -> Vec<Again>
    where
        Reason: 'a,
    {
        self.under_way = self.under_way.saturating_sub(1);
        let mut again: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for ((index, entry), answer) in call.parcels.into_iter().zip(call.entries).zip(answers) {
            let slot = &mut self.slots[index];
            match answer {
                Answer::Taken => {
                    slot.is_taken = true;
                    self.pass_on(index);
                }
                Answer::Refused(reason) => {
                    slot.entry = Some(entry);
                    slot.reason = reason.cloned();
                    again.entry(slot.attempts).or_default().push(index);
                }
            }
        }
        again.into_iter().map(|(attempts, parcels)| Again { parcels, attempts }).collect()
    }

    /// A parcel is done with, one way or the other: the next one of its ordered key may go.
    fn pass_on(&mut self, index: usize) {
        if let Some(lane) = self.slots[index].lane {
            self.ready.extend(self.lanes[lane].pop_front());
        }
    }
}

enum Answer<'a, Reason> {
    Taken,
    Refused(Option<&'a Reason>),
}

#[cfg(test)]
mod tests;
