//! Pollers that share a ledger and die at any point, against a stream that remembers everything.
//!
//! The rule that they follow is the contract of [`wire::Sent`] with whoever puts records.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use wire::{Digest128, Sent};

const FACTS: usize = 2;
const POLLERS: usize = 3;

/// What can happen next.
#[derive(Debug, Clone)]
enum Next {
    /// The vendor corrects a fact.
    Correct { fact: usize, value: u8 },
    /// A poller goes on to its next step. The fates are those of the records, if it is the put.
    Go { poller: usize, fates: [Put; FACTS] },
    /// A poller dies, and begins anew with its next step.
    Crash { poller: usize },
}

/// What becomes of a record that is put.
#[derive(Debug, Clone, Copy)]
enum Put {
    Taken,
    /// Taken, and the answer is lost.
    Unanswered,
    Refused,
}

#[derive(Debug, Clone, Copy)]
struct Outgoing {
    fact: usize,
    rev: u32,
    value: u8,
}

/// How far a poller has come.
#[derive(Debug, Clone, Default)]
enum Poller {
    #[default]
    Idle,
    /// It has the vendor's reply.
    Asked([u8; FACTS]),
    /// It has the ledger.
    Loaded([u8; FACTS], Sent, u64),
    /// The ledger with its reservations is written.
    Reserved(Vec<Outgoing>, Sent, u64),
    /// It knows what was taken.
    Answered(Vec<Outgoing>, Sent, u64),
}

fn key(fact: usize) -> Digest128 {
    Digest128::of(&[b"fact", &[fact as u8]])
}

fn content(value: u8) -> Digest128 {
    Digest128::of(&[b"value", &[value]])
}

#[derive(Default)]
struct World {
    vendor: [u8; FACTS],
    /// The ledger's bytes and version.
    item: (Vec<u8>, u64),
    /// What each revision in the stream says.
    stream: BTreeMap<(usize, u32), u8>,
    /// The last reservation that was written, per fact.
    reserved: [Option<(u32, u8)>; FACTS],
    pollers: [Poller; POLLERS],
}

impl World {
    fn load(&self) -> (Sent, u64) {
        let sent = if self.item.1 == 0 { Sent::default() } else { Sent::decode(&self.item.0).unwrap() };
        (sent, self.item.1)
    }

    /// Writes if nobody else wrote since that version.
    fn save(&mut self, sent: &Sent, version: u64) -> bool {
        let unchanged = self.item.1 == version;
        if unchanged {
            self.item = (sent.encode(), version + 1);
        }
        unchanged
    }

    fn current(&self, fact: usize) -> Option<u8> {
        self.stream.range((fact, 0)..=(fact, u32::MAX)).next_back().map(|(_, value)| *value)
    }

    fn go(&mut self, poller: usize, fates: [Put; FACTS]) {
        self.pollers[poller] = match std::mem::take(&mut self.pollers[poller]) {
            Poller::Idle => Poller::Asked(self.vendor),
            Poller::Asked(values) => {
                let (sent, version) = self.load();
                Poller::Loaded(values, sent, version)
            }
            Poller::Loaded(values, sent, version) => self.reserve(values, sent, version),
            Poller::Reserved(outgoing, sent, version) => {
                let answered = outgoing.into_iter().filter(|record| self.put(*record, fates[record.fact])).collect();
                Poller::Answered(answered, sent, version)
            }
            Poller::Answered(taken, mut sent, version) => {
                for Outgoing { fact, rev, value } in taken {
                    sent.confirm(key(fact), 0, rev, content(value));
                }
                if !self.save(&sent, version) {
                    let (theirs, version) = self.load();
                    sent.merge(&theirs);
                    assert!(self.save(&sent, version));
                }
                Poller::Idle
            }
        };
    }

    fn reserve(&mut self, values: [u8; FACTS], mut sent: Sent, version: u64) -> Poller {
        let mut outgoing = Vec::new();
        for (fact, value) in values.into_iter().enumerate() {
            match sent.news(key(fact), content(value)) {
                None => assert!(
                    self.stream.iter().any(|((of, _), there)| (*of, *there) == (fact, value)),
                    "{value} of {fact} counts as sent and never was"
                ),
                Some(rev) => {
                    sent.reserve(key(fact), 0, rev, content(value));
                    outgoing.push(Outgoing { fact, rev, value });
                }
            }
        }
        if outgoing.is_empty() {
            return Poller::Idle;
        }
        if !self.save(&sent, version) {
            return Poller::Asked(values);
        }
        for &Outgoing { fact, rev, value } in &outgoing {
            if let Some((before, same)) = self.reserved[fact].replace((rev, value)) {
                assert_eq!(rev == before, same == value, "the same content keeps its id, another one gets another");
            }
        }
        Poller::Reserved(outgoing, sent, version + 1)
    }

    /// Returns whether the poller learns that it was taken.
    fn put(&mut self, Outgoing { fact, rev, value }: Outgoing, fate: Put) -> bool {
        if !matches!(fate, Put::Refused) {
            let there = *self.stream.entry((fact, rev)).or_insert(value);
            assert_eq!(there, value, "two contents under revision {rev} of {fact}");
        }
        matches!(fate, Put::Taken)
    }

    /// Lets one poller finish alone, and says how many revisions are new.
    fn poll_to_the_end(&mut self) -> usize {
        let before = self.stream.len();
        self.pollers = Default::default();
        for _ in 0..5 {
            self.go(0, [Put::Taken; FACTS]);
        }
        self.stream.len() - before
    }
}

fn next() -> impl Strategy<Value = Next> {
    let put = || prop_oneof![3 => Just(Put::Taken), 1 => Just(Put::Unanswered), 1 => Just(Put::Refused)];
    prop_oneof![
        3 => (0..FACTS, 0u8..3).prop_map(|(fact, value)| Next::Correct { fact, value }),
        12 => (0..POLLERS, [put(), put()]).prop_map(|(poller, fates)| Next::Go { poller, fates }),
        2 => (0..POLLERS).prop_map(|poller| Next::Crash { poller }),
    ]
}

fn run(steps: Vec<Next>, pollers: usize) {
    let mut world = World::default();
    for step in steps {
        match step {
            Next::Correct { fact, value } => world.vendor[fact] = value,
            Next::Go { poller, fates } => world.go(poller % pollers, fates),
            Next::Crash { poller } => world.pollers[poller % pollers] = Poller::Idle,
        }
    }
    world.poll_to_the_end();
    for fact in 0..FACTS {
        assert_eq!(world.current(fact), Some(world.vendor[fact]), "the greatest revision of {fact} is not current");
    }
    let item = world.item.clone();
    assert_eq!((world.poll_to_the_end(), world.item), (0, item), "without news nothing is put and nothing is written");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn one_poller_that_dies_anywhere_never_says_two_things_under_one_revision(steps in vec(next(), 0..80)) {
        run(steps, 1);
    }

    #[test]
    fn nor_do_several_at_once(steps in vec(next(), 0..120)) {
        run(steps, POLLERS);
    }
}
