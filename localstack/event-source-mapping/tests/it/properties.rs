//! Random runs: settings, records, answers, throttles, reshards and refusals all from a seed.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
};

use event_source_mapping::kinesis::{Answer, Destination, Pace, Settings, StartingPosition};
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::rig::{Rig, failed, items, number, numbers, returned, seconds, settings};

/// SplitMix64.
#[derive(Clone)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

fn random_settings(chance: &mut Chance) -> Settings {
    let retries = [None, Some(0), Some(1), Some(3)][chance.below(4) as usize];
    Settings {
        batch_size: 1 + chance.below(20) as usize,
        batching_window: seconds([0, 0, 2][chance.below(3) as usize]),
        parallelization_factor: 1 + chance.below(5) as usize,
        filters: [vec![], vec![], vec![r#"{"partitionKey":[{"anything-but":"key3"}]}"#.to_owned()]]
            [chance.below(3) as usize]
            .clone(),
        reports_batch_item_failures: chance.percent(50),
        bisects: chance.percent(50),
        maximum_retry_attempts: retries,
        maximum_record_age: [None, Some(seconds(60))][chance.below(2) as usize],
        retention: seconds(300),
        starting_position: StartingPosition::TrimHorizon,
        on_failure: [None, Some(Destination::S3 { arn: "arn:aws:s3:::letters".to_owned() })][chance.below(2) as usize]
            .clone(),
        ..settings()
    }
}

/// A function that fails for ever at some records, by chance at others, is throttled, and takes its time.
fn random_rig(seed: u64) -> Rig {
    let mut chance = Chance(seed);
    let settings = random_settings(&mut chance);
    let (poison, failures, throttles) = (chance.below(4), chance.below(3) * 10, chance.below(3) * 10);
    let reports = settings.reports_batch_item_failures;
    let mut answers = chance.clone();
    let mut stores = Chance(chance.next());
    let pace = Pace { initial_backoff: SignedDuration::from_millis(50), ..Pace::default() };
    let rig = Rig::with_pace(settings, pace).timed(move |batch, _| {
        let time = SignedDuration::from_millis(answers.below(1500) as i64);
        let bad = |number: &u64| poison > 0 && number % 13 < poison;
        let answer = if answers.percent(throttles) {
            Answer::NotInvoked
        } else if answers.percent(failures) {
            failed()
        } else {
            let all = numbers(&batch.records);
            let poisoned: Vec<u64> = all.iter().copied().filter(bad).collect();
            match poisoned.first() {
                None => returned("{}"),
                Some(_) if reports && answers.percent(60) => items(&poisoned),
                Some(_) if reports && answers.percent(20) => {
                    returned(r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#)
                }
                Some(_) => failed(),
            }
        };
        (answer, time)
    });
    rig.store(move |_| !stores.percent(20))
}

/// Puts records and reshards while the mapping runs, then lets it finish.
fn drive(rig: &mut Rig, seed: u64) {
    let mut chance = Chance(seed ^ 0xabcd);
    for _ in 0..4 + chance.below(6) {
        for _ in 0..chance.below(40) {
            let key = format!("key{}", chance.below(12));
            rig.put(&key, b"{}");
        }
        rig.run_for(SignedDuration::from_millis(chance.below(5000) as i64));
        let open: Vec<usize> = (0..rig.shards.len()).filter(|index| !rig.shards[*index].is_closed).collect();
        match chance.below(4) {
            0 if open.len() < 6 => rig.split(open[chance.below(open.len() as u64) as usize]),
            1 => {
                let neighbours = open.iter().flat_map(|left| open.iter().map(move |right| (*left, *right)));
                let mut pairs =
                    neighbours.filter(|(left, right)| rig.shards[*left].slots.end == rig.shards[*right].slots.start);
                if let Some((left, right)) = pairs.next() {
                    rig.merge(left, right);
                }
            }
            _ => {}
        }
    }
    rig.run();
}

fn check(seed: u64) {
    let mut rig = random_rig(seed);
    drive(&mut rig, seed);
    let counts = rig.mapping.counts();
    let filtered_key = (!rig.mapping.settings().filters.is_empty()).then_some("key3");
    let lettered: Vec<u64> = rig.letter_numbers().concat();
    let letters: HashSet<u64> = lettered.iter().copied().collect();
    assert_eq!(lettered.len(), letters.len(), "a record is in two letters");
    let (mut dropped, mut filtered) = (0, 0);
    for record in rig.shards.iter().flat_map(|shard| &shard.records) {
        let number = number(record);
        let is_filtered = filtered_key == Some(&record.partition_key);
        let ends = [rig.done.contains(&number), letters.contains(&number), is_filtered];
        match ends.iter().filter(|end| **end).count() {
            1 => filtered += u64::from(is_filtered && rig.given.contains(&number)),
            0 if !rig.given.contains(&number) => {
                assert!(
                    rig.now.duration_since(record.arrived) > rig.mapping.settings().retention,
                    "{number} was not read"
                );
            }
            0 => dropped += 1,
            _ => panic!("{number} ends twice: {ends:?}"),
        }
    }
    assert_eq!(dropped, counts.discarded, "records were lost");
    assert!(dropped == 0 || rig.mapping.settings().on_failure.is_none());
    assert_eq!(filtered, counts.filtered);
    assert_eq!(counts.on_failure_records, letters.len() as u64);
    assert_eq!(counts.records, rig.done.len() as u64);
    assert_eq!(counts.invocations, rig.calls.len() as u64);
    assert_eq!(rig.mapping.outstanding(), 0);
    for (key, numbers) in rig.first_deliveries() {
        assert!(numbers.is_sorted(), "{key} was first given in the order {numbers:?}");
    }
    for shard in &rig.shards {
        // Everything was read, so the checkpoint is the last that was.
        let last = shard.records.iter().map(|record| number(record)).filter(|number| rig.given.contains(number)).max();
        let checkpoint = rig.mapping.checkpoint(&shard.id).map(|number| number.as_str().parse::<u64>().unwrap());
        assert_eq!(checkpoint, last, "{}", shard.id);
    }
}

proptest! {
    // A seed does not get simpler by shrinking.
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn every_record_ends_exactly_once_and_each_key_in_order(seed in any::<u64>()) {
        check(seed);
    }

    #[test]
    fn children_wait_and_keys_never_overlap(seed in any::<u64>()) {
        watch(seed);
    }

    #[test]
    fn one_poison_record_costs_few_failing_invocations(
        batch in 1_usize..300, at in any::<prop::sample::Index>(), retries in 0_u32..4, reports in any::<bool>(),
    ) {
        let poison = at.index(batch) as u64 + 1;
        let settings = Settings {
            batch_size: batch,
            bisects: true,
            reports_batch_item_failures: reports,
            maximum_retry_attempts: Some(retries),
            on_failure: Some(Destination::Sqs { arn: "arn:aws:sqs:us-east-2:123456789012:letters".to_owned() }),
            ..settings()
        };
        let dies = move |batch: &event_source_mapping::kinesis::Batch| {
            if numbers(&batch.records).contains(&poison) { failed() } else { returned("") }
        };
        let mut rig = Rig::new(settings).function(dies);
        rig.put_many(batch);
        rig.run();
        let failing = rig.calls.iter().filter(|call| call.numbers.contains(&poison)).count() as u32;
        let depth = usize::BITS - (batch - 1).leading_zeros();
        prop_assert!(failing <= depth + 1 + retries, "{failing} failing invocations for {batch} records");
        prop_assert_eq!(rig.letter_numbers(), vec![vec![poison]]);
        prop_assert_eq!(rig.done.len(), batch - 1);
    }
}

/// Looks at each moment whether the mapping does what it may not do.
fn watch(seed: u64) {
    let mut rig = random_rig(seed);
    let mut chance = Chance(seed ^ 0xabcd);
    let mut reads_seen = 0;
    let keys: Rc<RefCell<HashMap<Arc<str>, usize>>> = Rc::default();
    for round in 0..40 {
        for _ in 0..chance.below(10) {
            let key = format!("key{}", chance.below(12));
            rig.put(&key, b"{}");
        }
        rig.run_for(SignedDuration::from_millis(chance.below(700) as i64));
        // No key is in two invocations at once.
        keys.borrow_mut().clear();
        for (_, batch) in rig.outstanding_keys() {
            for key in batch {
                *keys.borrow_mut().entry(key).or_default() += 1;
            }
        }
        assert!(keys.borrow().values().all(|count| *count == 1), "a key is in flight twice: {:?}", keys.borrow());
        // What is read has parents that are through.
        let read: HashSet<_> = rig.reads[reads_seen..].iter().map(|(_, shard, ..)| shard.clone()).collect();
        reads_seen = rig.reads.len();
        let counts = rig.mapping.counts();
        let letters: HashSet<u64> = rig.letter_numbers().concat().into_iter().collect();
        let has_drops = counts.discarded > 0;
        for shard in rig.shards.iter().filter(|shard| read.contains(&shard.id)) {
            let parents = rig.shards.iter().filter(|parent| shard.parents.contains(&parent.id));
            for record in parents.flat_map(|parent| &parent.records) {
                let number = number(record);
                let is_filtered = !rig.mapping.settings().filters.is_empty() && &*record.partition_key == "key3";
                let is_through = rig.done.contains(&number) || letters.contains(&number) || is_filtered || has_drops;
                let is_expired = rig.now.duration_since(record.arrived) > rig.mapping.settings().retention;
                assert!(is_through || is_expired, "{} is read before {number} of its parent is through", shard.id);
            }
        }
        // The checkpoint passes nothing that is not through.
        for shard in &rig.shards {
            let checkpoint = rig.mapping.checkpoint(&shard.id).map(|number| number.as_str().parse::<u64>().unwrap());
            for record in &shard.records {
                let number = number(record);
                let is_filtered = !rig.mapping.settings().filters.is_empty() && &*record.partition_key == "key3";
                let is_through = rig.done.contains(&number) || letters.contains(&number) || is_filtered || has_drops;
                assert!(
                    checkpoint.is_none_or(|checkpoint| number > checkpoint)
                        || is_through
                        || !rig.given.contains(&number),
                    "the checkpoint of {} passes {number}",
                    shard.id
                );
            }
        }
        if round % 7 == 3 {
            let open = (0..rig.shards.len()).filter(|index| !rig.shards[*index].is_closed).collect::<Vec<_>>();
            if open.len() < 5 {
                rig.split(open[chance.below(open.len() as u64) as usize]);
            }
        }
    }
}
