//! The outbox against a stream that refuses, fails before and after its effect, and writes late.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Why a parcel was not taken. Nothing but its identity matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    Oversized(usize),
    Refused,
    Failed,
}

impl From<Oversized> for Why {
    fn from(oversized: Oversized) -> Self {
        Self::Oversized(oversized.size)
    }
}

fn key(number: u8) -> PartitionKey {
    crate::event("key", &format!("{number}"))
}

/// A parcel of that size, or of the least that there is room for, which begins with its number.
fn parcel(number: usize, entity: u8, ordered: bool, size: usize) -> Parcel {
    let partition_key = key(entity);
    let mut data = (number as u32).to_le_bytes().to_vec();
    data.resize(size.saturating_sub(partition_key.as_str().len()).max(4), b'x');
    Parcel { entry: Entry { partition_key, data }, ordered }
}

fn number(entry: &Entry) -> usize {
    u32::from_le_bytes(entry.data[..4].try_into().unwrap()) as usize
}

fn calls(parcels: Vec<Parcel>) -> Vec<Vec<usize>> {
    let mut outbox: Outbox<Why> = Outbox::new(parcels, usize::MAX);
    std::iter::from_fn(|| outbox.next_call()).map(|call| call.parcels).collect()
}

#[test]
fn calls_are_filled_to_the_limits() {
    let many = |count, size| (0..count).map(|at| parcel(at, 1, false, size)).collect::<Vec<_>>();
    assert!(calls(vec![]).is_empty());
    assert_eq!(calls(many(501, 100)), [(0..500).collect::<Vec<_>>(), vec![500]]);
    assert_eq!(calls(many(6, KINESIS_RECORD_BYTES)), [vec![0, 1, 2, 3, 4], vec![5]]);
    let mut nothing = many(1, 0);
    nothing[0].entry.data.clear();
    assert_eq!(calls(nothing), [vec![0]], "a record without data is one");
}

#[test]
fn what_no_call_can_carry_is_left_without_a_call() {
    let parcels = vec![
        parcel(0, 1, true, KINESIS_RECORD_BYTES),
        parcel(1, 1, true, KINESIS_RECORD_BYTES + 1),
        parcel(2, 1, true, 10),
    ];
    let mut outbox: Outbox<Why> = Outbox::new(parcels.clone(), 4);
    for expected in [0, 2] {
        let call = outbox.next_call().unwrap();
        assert_eq!(call.parcels(), [expected]);
        assert!(outbox.next_call().is_none(), "the key is on its way");
        assert!(outbox.answered(call, &[None]).is_empty());
    }
    let fates = outbox.finish();
    let reason = Some(Why::Oversized(KINESIS_RECORD_BYTES + 1));
    let left = Left { entry: parcels[1].entry.clone(), attempts: 0, reason };
    assert_eq!(fates, [Ok(()), Err(left), Ok(())]);
}

#[test]
fn the_next_of_an_ordered_key_waits_for_the_answer_also_between_attempts() {
    let parcels = (0..3).map(|at| parcel(at, 1, true, 40)).chain([parcel(3, 1, false, 40)]).collect();
    let mut outbox: Outbox<Why> = Outbox::new(parcels, 4);
    let call = outbox.next_call().unwrap();
    assert_eq!(call.parcels(), [0, 3], "what has no order goes along under the same key");
    let waits = outbox.answered(call, &[Some(Why::Refused), Some(Why::Refused)]);
    let [again] = <[Again; 1]>::try_from(waits).unwrap();
    assert_eq!((again.attempts(), again.parcels()), (1, &[0, 3][..]));
    assert!(outbox.next_call().is_none(), "0 is waiting, and 1 behind it");
    outbox.due(again);
    let call = outbox.next_call().unwrap();
    assert_eq!(call.parcels(), [0, 3]);
    let again = outbox.answered(call, &[Some(Why::Refused), None]).remove(0);
    assert_eq!((again.attempts(), again.parcels()), (2, &[0][..]));
    outbox.give_up(again);
    let call = outbox.next_call().unwrap();
    assert_eq!(call.parcels(), [1], "what was given up lets the next one pass");
    // An answer that is too short takes nothing that it does not name.
    let again = outbox.answered(call, &[]).remove(0);
    outbox.due(again);
    let call = outbox.next_call().unwrap();
    outbox.answered(call, &[None]);
    outbox.give_up_rest();
    assert!(outbox.next_call().is_none());
    let attempts: Vec<_> = outbox.finish().into_iter().map(|fate| fate.err().map(|left| left.attempts)).collect();
    assert_eq!(attempts, [Some(2), None, Some(0), None]);
}

/// What happens next, with a number that picks on whom.
#[derive(Debug, Clone)]
enum Step {
    Call,
    /// Entries whose bit is set are refused, repeatedly over the call.
    Answer(usize, u64),
    FailBefore(usize),
    FailAfter(usize),
    /// It fails, and is written some time later.
    FailLate(usize),
    Land(usize),
    Due(usize),
    GiveUp(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Call),
        6 => (any::<usize>(), any::<u64>()).prop_map(|(at, bits)| Step::Answer(at, bits)),
        1 => any::<usize>().prop_map(Step::FailBefore),
        1 => any::<usize>().prop_map(Step::FailAfter),
        1 => any::<usize>().prop_map(Step::FailLate),
        2 => any::<usize>().prop_map(Step::Land),
        5 => any::<usize>().prop_map(Step::Due),
        1 => any::<usize>().prop_map(Step::GiveUp),
    ]
}

/// All that is outside of the outbox, kept in the plainest way.
struct World {
    outbox: Outbox<Why>,
    parcels: Vec<Parcel>,
    under_way: Vec<Call>,
    waiting: Vec<Again>,
    late: Vec<Vec<Entry>>,
    stream: Vec<usize>,
    given_up: BTreeSet<usize>,
    sendings: usize,
    refused: usize,
    in_flight: usize,
}

impl World {
    fn write<'a>(stream: &mut Vec<usize>, entries: impl IntoIterator<Item = &'a Entry>) {
        stream.extend(entries.into_iter().map(number));
    }

    fn call(&mut self) -> bool {
        let Some(call) = self.outbox.next_call() else { return false };
        self.sendings += call.parcels().len();
        self.under_way.push(call);
        self.check();
        true
    }

    /// What must hold of every call and of everything on its way.
    fn check(&self) {
        assert!(self.under_way.len() <= self.in_flight);
        let Some(call) = self.under_way.last() else { return };
        assert!((1..=PUT_RECORDS_COUNT).contains(&call.entries().len()));
        let bytes: usize =
            call.entries().iter().map(|entry| entry.data.len() + entry.partition_key.as_str().len()).sum();
        assert!(bytes == call.bytes() && bytes <= PUT_RECORDS_BYTES, "{bytes} bytes, said to be {}", call.bytes());
        for (&at, entry) in call.parcels().iter().zip(call.entries()) {
            assert_eq!(*entry, self.parcels[at].entry, "not the bytes that were handed in");
        }
        let away = self.under_way.iter().flat_map(Call::parcels);
        let away = away.chain(self.waiting.iter().flat_map(Again::parcels)).map(|&at| &self.parcels[at]);
        let mut keys = BTreeSet::new();
        for parcel in away.filter(|parcel| parcel.ordered) {
            assert!(keys.insert(&parcel.entry.partition_key), "two of {} at once", parcel.entry.partition_key);
        }
    }

    fn fail(&mut self, pick: usize, effect: impl FnOnce(&mut Self, Vec<Entry>)) {
        if self.under_way.is_empty() {
            return;
        }
        let call = self.under_way.swap_remove(pick % self.under_way.len());
        self.refused += call.entries().len();
        effect(self, call.entries().to_vec());
        self.waiting.extend(self.outbox.failed(call, &Why::Failed));
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Call => {
                self.call();
            }
            Step::Answer(pick, bits) if !self.under_way.is_empty() => {
                let call = self.under_way.swap_remove(pick % self.under_way.len());
                let refused = |at: usize| bits >> (at % 64) & 1 == 1;
                let answers: Vec<_> = (0..call.entries().len()).map(|at| refused(at).then_some(Why::Refused)).collect();
                let taken = call.entries().iter().enumerate().filter(|(at, _)| !refused(*at)).map(|(_, entry)| entry);
                Self::write(&mut self.stream, taken);
                self.refused += answers.iter().flatten().count();
                self.waiting.extend(self.outbox.answered(call, &answers));
            }
            Step::FailBefore(pick) => self.fail(pick, |_, _| {}),
            Step::FailAfter(pick) => self.fail(pick, |world, entries| Self::write(&mut world.stream, &entries)),
            Step::FailLate(pick) => self.fail(pick, |world, entries| world.late.push(entries)),
            Step::Land(pick) if !self.late.is_empty() => {
                let entries = self.late.swap_remove(pick % self.late.len());
                Self::write(&mut self.stream, &entries);
            }
            Step::Due(pick) if !self.waiting.is_empty() => {
                let again = self.waiting.swap_remove(pick % self.waiting.len());
                self.outbox.due(again);
            }
            Step::GiveUp(pick) if !self.waiting.is_empty() => {
                let again = self.waiting.swap_remove(pick % self.waiting.len());
                self.given_up.extend(again.parcels());
                self.outbox.give_up(again);
            }
            _ => {}
        }
    }

    /// Lets everything come to its end without further faults.
    fn settle(&mut self) {
        loop {
            while let Some(again) = self.waiting.pop() {
                self.outbox.due(again);
            }
            while self.call() {}
            if self.under_way.is_empty() {
                break;
            }
            while !self.under_way.is_empty() {
                self.take(Step::Answer(0, 0));
            }
        }
        while !self.late.is_empty() {
            self.take(Step::Land(0));
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_no_key_loses_its_order_and_only_what_failed_goes_again(
        drawn in prop::collection::vec((0u8..6, any::<bool>(), prop_oneof![
            8 => 20usize..200, 1 => 900_000usize..1_100_000,
        ]), 0..60),
        in_flight in 0usize..6,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let parcels: Vec<Parcel> =
            drawn.iter().enumerate().map(|(at, &(entity, ordered, size))| parcel(at, entity, ordered, size)).collect();
        let mut world = World {
            outbox: Outbox::new(parcels.clone(), in_flight),
            parcels,
            under_way: Vec::new(),
            waiting: Vec::new(),
            late: Vec::new(),
            stream: Vec::new(),
            given_up: BTreeSet::new(),
            sendings: 0,
            refused: 0,
            in_flight: in_flight.max(1),
        };
        steps.into_iter().for_each(|step| world.take(step));
        world.settle();

        let World { outbox, parcels, stream, given_up, sendings, refused, .. } = world;
        let mut first = BTreeMap::new();
        stream.iter().enumerate().for_each(|(at, &number)| { first.entry(number).or_insert(at); });
        let mut last: BTreeMap<&PartitionKey, usize> = BTreeMap::new();
        let (mut sendable, mut left) = (0, 0);
        for (at, (fate, parcel)) in outbox.finish().into_iter().zip(&parcels).enumerate() {
            let is_oversized = parcel.entry.size() > KINESIS_RECORD_BYTES;
            sendable += usize::from(!is_oversized);
            match fate {
                Ok(()) => prop_assert!(!is_oversized && !given_up.contains(&at) && first.contains_key(&at)),
                Err(kept) => {
                    prop_assert_eq!(&kept.entry, &parcel.entry);
                    prop_assert!(is_oversized == (kept.attempts == 0) && is_oversized != given_up.contains(&at));
                    left += usize::from(!is_oversized);
                    continue;
                }
            }
            if parcel.ordered {
                let before = last.insert(&parcel.entry.partition_key, first[&at]);
                prop_assert!(before < Some(first[&at]), "{at} overtook another one of {}", parcel.entry.partition_key);
            }
        }
        // Each failure costs one sending, but for the last one of what is given up.
        prop_assert_eq!(sendings, sendable + refused - left);
    }
}
