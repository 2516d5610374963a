//! Parking: the same thing told of twice, in any order, with faults and crashes in between, is there once.

use dead_letters::{Status, StreamRecord};
use testkit::{Fault, crash_after, for_each_seed};

use super::*;

const KEY: &str = "aws/lambda/m/shardId-000000000000/2026/11/20/2026-11-20T15.00.00-a";

fn payloads(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|nth| format!("{{\"symbol\":\"S{nth}\"}}").into_bytes()).collect()
}

fn pointer(count: usize, at: &str) -> String {
    let mut told = given_up(&payloads(count), 0, None, at);
    told.as_object_mut().unwrap().remove("payload");
    told.to_string()
}

fn held(count: usize) -> Vec<StreamRecord> {
    let record = |(nth, data)| StreamRecord {
        sequence_number: number(nth),
        partition_key: "key".to_owned(),
        data,
        arrived_at: None,
    };
    payloads(count).into_iter().enumerate().map(record).collect()
}

#[tokio::test]
async fn a_batch_is_parked_with_its_payload_and_a_repeated_message_changes_nothing() {
    let world = World::new();
    world.objects.put(KEY, given_up(&payloads(3), 0, None, "2026-11-20T16:00:00.123456Z").to_string().as_bytes());
    let first = world.park(&[("m1", notification(&[KEY]))]).await;
    assert_eq!((first.outcome.parked, first.outcome.letters), (1, 3), "{first:#?}");
    let (objects, rows) = (world.objects.all(), world.listings.rows());
    let listing = world.listing();
    assert_eq!((listing.status, listing.is_retryable, listing.letters), (Status::Waiting, true, 3));
    let next = listing.next_attempt.unwrap().duration_since(world.time.now());
    assert!(next <= SignedDuration::from_mins(1), "{next}");
    let letters = dead_letters::read_parked(&objects[&listing.key], CONSUMER, world.time.now());
    assert_eq!(letters.iter().map(|letter| letter.payload().unwrap().to_vec()).collect::<Vec<_>>(), payloads(3));

    world.time.advance(SignedDuration::from_hours(1));
    let again = world.park(&[("m2", notification(&[KEY])), ("m3", notification(&["parked/x"]))]).await;
    assert_eq!((again.outcome.repeated, again.outcome.parked), (1, 0));
    assert_eq!((world.objects.all(), world.listings.rows()), (objects, rows));
}

#[tokio::test]
async fn a_crash_between_any_two_steps_is_repaired_by_the_message_that_comes_again() {
    let quiet = World::new();
    quiet.shards.hold("stream", SHARD, held(5));
    quiet.park(&[("m1", pointer(5, "2026-11-20T16:00:00Z"))]).await;
    let mut crashes = 0;
    for polls in 0.. {
        let world = World::new();
        world.shards.hold("stream", SHARD, held(5));
        let messages = [("m1", pointer(5, "2026-11-20T16:00:00Z"))];
        if crash_after(polls, world.park(&messages)).await.is_some() {
            break;
        }
        crashes += 1;
        // Before it comes again, the stream has forgotten everything that was read already.
        if !world.objects.all().is_empty() {
            world.shards.forget("stream", SHARD, 5);
        }
        let parked = world.park(&messages).await;
        assert!(parked.retry.is_empty());
        assert_eq!(world.objects.all(), quiet.objects.all(), "after {polls} polls");
        assert_eq!((world.listing().letters, world.listing().expired_records), (5, 0), "after {polls} polls");
    }
    assert!(crashes >= 6, "{crashes}");
}

#[tokio::test]
async fn what_a_stream_has_forgotten_is_expired_by_count_and_by_number_and_stays_so() {
    let world = World::new();
    world.shards.hold("stream", SHARD, held(10));
    world.shards.forget("stream", SHARD, 4);
    let parked = world.park(&[("m1", pointer(10, "2026-11-20T16:00:00Z"))]).await;
    assert_eq!((parked.outcome.expired, parked.outcome.hydrated, parked.outcome.letters), (4, 6, 6));
    assert_eq!(parked.outcome.expired_ids, [0, 3].map(|nth| format!("{SHARD}:{}", number(nth))));
    let rows = world.listings.rows();
    world.shards.forget("stream", SHARD, 6);
    let again = world.park(&[("m2", pointer(10, "2026-11-20T16:00:00Z"))]).await;
    assert_eq!((again.outcome.repeated, world.listings.rows() == rows), (1, true), "what was read once is kept");

    let gone = World::new();
    gone.park(&[("m1", pointer(3, "2026-11-20T16:00:00Z"))]).await;
    assert_eq!((gone.listing().status, gone.listing().expired_records), (Status::Expired, 3));
}

#[tokio::test]
async fn a_message_that_cannot_be_parked_comes_again_and_the_others_are_done() {
    let world = World::new();
    for key in ["dead-letters/f/a.ndjson", "dead-letters/f/b.ndjson"] {
        world.objects.put(key, b"no dead letter\n");
    }
    world.objects.reads.script([Some(Fault::Before)]);
    let messages =
        [("m1", notification(&["dead-letters/f/a.ndjson"])), ("m2", notification(&["dead-letters/f/b.ndjson"]))];
    let parked = world.park(&messages).await;
    assert_eq!((parked.retry, parked.outcome.parked), (vec!["m1".to_owned()], 1));
    assert!(world.park(&messages).await.retry.is_empty());
    assert_eq!(world.listings.all().len(), 2);
    assert_eq!(world.versions(), [1, 1], "a second notification of what cannot be read is no news");
}

#[test]
fn messages_in_any_order_with_faults_lead_to_the_same_listings() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for_each_seed(100, |seed| runtime.block_on(in_any_order(seed)));
}

async fn in_any_order(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = World::new();
    let mut messages: Vec<(String, String)> = Vec::new();
    for batch in 0..4_usize {
        let key = format!("{KEY}{batch}");
        let told = given_up(&payloads(2), batch * 10, None, "2026-11-20T16:00:00Z");
        world.objects.put(&key, told.to_string().as_bytes());
        for copy in 0..rng.usize(1..3) {
            messages.push((format!("m{batch}{copy}"), notification(&[&key])));
        }
    }
    rng.shuffle(&mut messages);
    for faults in [&world.objects.reads, &world.objects.writes, &world.listings.loads, &world.listings.saves] {
        faults.random(rng.u64(..), 0.2);
    }
    let mut left: Vec<(&str, String)> = messages.iter().map(|(id, body)| (id.as_str(), body.clone())).collect();
    for _ in 0..100 {
        let retry = world.park(&left).await.retry;
        left.retain(|(id, _)| retry.iter().any(|failed| failed == id));
    }
    assert!(left.is_empty());
    let listings = world.listings.all();
    assert_eq!(listings.len(), 4);
    assert!(listings.iter().all(|listing| listing.letters == 2 && listing.redrives == 0), "{listings:#?}");
    assert_eq!(world.objects.all().keys().filter(|key| key.starts_with("parked/")).count(), 4);
}
