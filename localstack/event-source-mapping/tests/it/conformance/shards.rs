//! Shards that split, merge, end and lose their oldest records.

use event_source_mapping::kinesis::{Mapping, Pace, Position, ReadError, Settings, StartingPosition};
use jiff::SignedDuration;

use super::{Case, RESHARDING};
use crate::rig::{Rig, failed, returned, seconds, settings};

/// Keys that fall all over the slots.
fn put_spread(rig: &mut Rig, count: usize) {
    for index in 0..count {
        rig.put(&format!("key{index}"), b"x");
    }
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a parent's records are read after a reshard",
        says: "any data records that were in the parent shards before the reshard remain in those shards",
        source: RESHARDING,
        run: || {
            let mut rig = Rig::new(settings());
            put_spread(&mut rig, 50);
            rig.split(0);
            put_spread(&mut rig, 50);
            rig.run();
            assert_eq!(rig.done.len(), 100);
        },
    },
    Case {
        name: "parents do not disappear",
        says: "the parent shards do not disappear when the reshard occurs; they persist along with the data",
        source: RESHARDING,
        run: || {
            let mut rig = Rig::new(settings());
            put_spread(&mut rig, 20);
            rig.run();
            rig.split(0);
            let (left, right) = (1, 2);
            put_spread(&mut rig, 20);
            rig.merge(left, right);
            put_spread(&mut rig, 20);
            rig.run_for(seconds(90));
            assert_eq!(rig.done.len(), 60);
            let drained: Vec<bool> = rig.shards.iter().map(|shard| rig.mapping.is_shard_drained(&shard.id)).collect();
            assert_eq!(drained, [true, true, true, false]);
        },
    },
    Case {
        name: "a key keeps its order over a reshard",
        says: "data records that were flowing to the parent shards are re-routed to flow to the child shards based on the hash key values that the data-record partition keys map to",
        source: RESHARDING,
        run: || {
            let mut tries = 0;
            let mut rig = Rig::new(Settings { batch_size: 5, ..settings() }).timed(move |_, _| {
                tries += 1;
                (if tries % 4 == 0 { failed() } else { returned("") }, SignedDuration::from_millis(300))
            });
            put_spread(&mut rig, 30);
            rig.split(0);
            put_spread(&mut rig, 30);
            rig.split(1);
            put_spread(&mut rig, 30);
            rig.run();
            rig.run_for(seconds(90));
            assert_eq!(rig.done.len(), 90);
            assert!(rig.first_deliveries().values().all(|numbers| numbers.is_sorted()));
        },
    },
];

// What follows AWS does not write down for mappings; the README lists it.

#[test]
fn a_child_waits_until_both_parents_are_through() {
    let mut rig = Rig::new(Settings { batch_size: 1, ..settings() });
    rig.split(0);
    rig = rig.timed(|batch, now| {
        let slow = &*batch.shard.0 == "shardId-000000000002";
        let _ = now;
        (returned(""), seconds(if slow { 20 } else { 0 }))
    });
    put_spread(&mut rig, 10);
    rig.merge(1, 2);
    put_spread(&mut rig, 10);
    rig.run();
    let child = &rig.shards[3].id;
    let first = rig.reads.iter().find(|(_, shard, ..)| shard == child).unwrap().0;
    let parents = rig.calls.iter().filter(|call| call.batch.shard != *child);
    assert!(parents.clone().count() == 10 && parents.into_iter().all(|call| call.at + seconds(0) <= first));
    let slow = rig.calls.iter().filter(|call| call.batch.shard == rig.shards[2].id).map(|call| call.at).max().unwrap();
    assert!(first >= slow + seconds(20), "read before the last answer");
}

#[test]
fn a_child_waits_for_a_batch_that_fails() {
    let mut rig = Rig::new(Settings { maximum_retry_attempts: Some(3), ..settings() });
    rig = rig.function(|batch| if &*batch.shard.0 == "shardId-000000000000" { failed() } else { returned("") });
    put_spread(&mut rig, 5);
    rig.split(0);
    put_spread(&mut rig, 5);
    rig.run();
    let last = rig.calls.iter().rposition(|call| call.batch.shard == rig.shards[0].id).unwrap();
    let first = rig.calls.iter().position(|call| call.batch.shard != rig.shards[0].id).unwrap();
    assert!(last < first && rig.mapping.counts().discarded == 5 && rig.done.len() == 5);
}

#[test]
fn later_shards_of_a_latest_mapping_are_read_from_their_beginning() {
    let mut rig = Rig::new(Settings { starting_position: StartingPosition::Latest, ..settings() });
    put_spread(&mut rig, 5);
    rig.now += seconds(1);
    rig.run_for(seconds(5));
    rig.split(0);
    put_spread(&mut rig, 5);
    rig.run_for(seconds(90));
    assert_eq!(rig.done.len(), 5);
    let from = rig.reads.iter().find(|(_, shard, ..)| *shard == rig.shards[1].id).unwrap();
    assert_eq!(from.2, Position::TrimHorizon);
}

#[test]
fn a_mapping_that_resumes_reads_shards_that_it_does_not_know_from_their_beginning() {
    let latest = Settings { starting_position: StartingPosition::Latest, ..settings() };
    let mut rig = Rig::new(latest.clone());
    rig.run_for(seconds(2));
    put_spread(&mut rig, 5);
    rig.run();
    let checkpoints: Vec<_> = rig.mapping.checkpoints().map(|(id, number)| (id.clone(), number.clone())).collect();
    put_spread(&mut rig, 5);
    rig.split(0);
    put_spread(&mut rig, 5);
    rig.now += seconds(60);
    rig.mapping = Mapping::resume(latest, Pace::default(), checkpoints);
    rig.run();
    assert_eq!(rig.given_numbers().concat().len(), 15);
}

#[test]
fn latest_is_asked_for_once() {
    let mut rig = Rig::new(Settings { starting_position: StartingPosition::Latest, ..settings() });
    rig.run_for(seconds(5));
    let latest = rig.reads.iter().filter(|(_, _, from, _)| *from == Position::Latest).count();
    assert!(latest == 1 && rig.reads.len() > 3, "what arrives between two reads of the latest would be passed over");
}

#[test]
fn a_trimmed_position_goes_on_from_the_oldest_record() {
    let mut rig = Rig::new(settings());
    rig.put_many(3);
    rig.run();
    rig.read_errors.push(ReadError::Trimmed);
    rig.put_many(2);
    rig.run();
    assert_eq!((rig.done.len(), rig.mapping.counts().trims), (5, 1));
    assert!(rig.reads.iter().filter(|(_, _, from, _)| *from == Position::TrimHorizon).count() == 2);
}

#[test]
fn a_read_that_fails_is_repeated_later() {
    let mut rig = Rig::new(settings());
    rig.read_errors = vec![ReadError::Unavailable; 4];
    rig.put_many(3);
    rig.run();
    let waits: Vec<_> = rig.reads.windows(2).map(|pair| pair[1].0.duration_since(pair[0].0).as_millis()).collect();
    assert_eq!(waits[..4], [200, 400, 800, 1600]);
    assert_eq!(rig.done.len(), 3);
}

#[test]
fn a_shard_that_is_gone_lets_its_children_begin() {
    let mut rig = Rig::new(settings());
    rig.split(0);
    put_spread(&mut rig, 4);
    rig.read_errors.push(ReadError::NoSuchShard);
    rig.run();
    assert_eq!(rig.done.len(), 4);
}

#[test]
fn without_a_destination_records_are_dropped_and_counted() {
    let mut rig = Rig::new(Settings { maximum_retry_attempts: Some(0), ..settings() }).function(|_| failed());
    rig.put_many(4);
    rig.run();
    assert_eq!((rig.mapping.counts().discarded, rig.stores), (4, 0));
}

#[test]
fn a_letter_is_offered_until_it_is_taken_and_the_shard_waits() {
    use event_source_mapping::kinesis::Destination;
    let mut refusals = 5;
    let queue = Destination::Sqs { arn: "arn:aws:sqs:us-east-2:123456789012:letters".to_owned() };
    let settings = Settings { maximum_retry_attempts: Some(0), batch_size: 2, on_failure: Some(queue), ..settings() };
    let mut rig = Rig::new(settings)
        .function(|batch| if crate::rig::number(&batch.records[0]) == 1 { failed() } else { returned("") })
        .store(move |_| {
            refusals -= 1;
            refusals < 0
        });
    rig.put_many(4);
    let put = rig.now;
    rig.run();
    assert_eq!((rig.stores, rig.letter_numbers(), rig.done.len()), (6, vec![vec![1, 2]], 2));
    assert!(rig.calls[1].at.duration_since(put) >= SignedDuration::from_millis(200 + 400 + 800 + 1600 + 3200));
}

#[test]
fn a_record_too_large_for_any_event_is_given_up_without_an_invocation() {
    let mut rig = Rig::new(settings());
    rig.put_many(1);
    rig.put("key", &vec![0; 4_800_000]);
    rig.put_many(1);
    rig.run();
    assert_eq!(rig.given_numbers(), [vec![1], vec![3]]);
    assert_eq!(rig.mapping.counts().discarded, 1);
}

#[test]
fn a_report_at_the_head_with_bisect_splits_in_halves() {
    let settings =
        Settings { bisects: true, reports_batch_item_failures: true, maximum_retry_attempts: Some(1), ..settings() };
    let mut rig = Rig::new(settings).function(|batch| {
        let has = batch.records.iter().any(|record| crate::rig::number(record) == 1);
        if has { crate::rig::items(&[1]) } else { returned("") }
    });
    rig.put_many(4);
    rig.run();
    assert_eq!(rig.given_numbers(), [vec![1, 2, 3, 4], vec![1, 2], vec![1], vec![1], vec![2], vec![3, 4]]);
    assert_eq!((rig.mapping.counts().discarded, rig.done.len()), (1, 3));
}
