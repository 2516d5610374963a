//! A thousand dead letters against the real consumer: redriven three times over, and a day later once more, each has
//! one effect, and what the stream had forgotten is told by number.

use std::{collections::BTreeSet, sync::Arc};

use dead_letters::StreamRecord;
use pipeline::{Warm, port::Invoked};
use testkit::{MemoryFunctions, record::Arrived};

use super::*;
use crate::consumer::{Consumer, bar, settings_of};

const LETTERS: usize = 1_000;
const BATCH: usize = 100;
const FORGOTTEN: usize = 30;

/// The bars of ten symbols.
fn payloads() -> Vec<Vec<u8>> {
    (0..LETTERS).map(|nth| bar(&format!("S{}", nth % 10), (nth / 10) as i64)).collect()
}

/// The records of an event.
fn arrived(event: &[u8]) -> Vec<Arrived> {
    let batch = wire::KinesisBatch::from_slice(event).unwrap();
    let record = |record: wire::BatchRecord<'_>| Arrived {
        shard: record.shard.unwrap().to_owned(),
        sequence_number: record.sequence_number.to_owned(),
        data: record.data.unwrap().to_vec(),
    };
    batch.records().map(record).collect()
}

/// What a consumer has to show: its archive by distinct id, and the last revision under each key.
fn effect(consumer: &Consumer) -> (BTreeSet<String>, BTreeMap<String, String>) {
    (consumer.archived().into_iter().collect(), consumer.last_readings())
}

#[tokio::test]
async fn a_thousand_letters_redriven_again_and_again_have_one_effect_each() {
    let payloads = payloads();
    let world = World::new();
    // Half of the batches lie in objects; of the others there are only pointers, and of the first of these the
    // stream has forgotten a part.
    let mut keys = Vec::new();
    let mut pointers = Vec::new();
    let mut held = Vec::new();
    for (nth, records) in payloads.chunks(BATCH).enumerate() {
        let first = nth * BATCH;
        let mut told = given_up(records, first, None, "2026-11-20T16:00:00Z");
        if nth % 2 == 0 {
            let key = format!("aws/lambda/m/{SHARD}/{nth}");
            world.objects.put(&key, told.to_string().as_bytes());
            keys.push(key);
            continue;
        }
        told.as_object_mut().unwrap().remove("payload");
        pointers.push((format!("p{nth}"), told.to_string()));
        held.extend(records.iter().enumerate().map(|(at, data)| StreamRecord {
            sequence_number: number(first + at),
            partition_key: "key".to_owned(),
            data: data.clone(),
            arrived_at: None,
        }));
    }
    world.shards.hold("stream", SHARD, held);
    world.shards.forget("stream", SHARD, FORGOTTEN);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut messages = vec![("objects", notification(&keys))];
    messages.extend(pointers.iter().map(|(id, body)| (id.as_str(), body.clone())));
    let mut expired = Vec::new();
    for message in messages {
        let parked = park_all(&world, message).await;
        expired.extend(parked);
    }
    let numbers = [BATCH, BATCH + FORGOTTEN - 1].map(|nth| format!("{SHARD}:{}", number(nth)));
    assert_eq!(expired, numbers, "what has expired is told by number");

    // What a consumer shows that had each record once, in order, and nothing else.
    let sets = "SMA(3),RSI(5)";
    let expected = Consumer::with(settings_of(sets, ""));
    let missing = BATCH..BATCH + FORGOTTEN;
    let once: Vec<Arrived> = (0..LETTERS)
        .filter(|nth| !missing.contains(nth))
        .map(|nth| testkit::record::arrived(0, nth, payloads[nth].clone()))
        .collect();
    for records in once.chunks(BATCH) {
        expected.process(&Warm::default(), records).await;
    }

    let consumer = Arc::new(Consumer::with(settings_of(sets, "")));
    let called = Arc::clone(&consumer);
    let functions = MemoryFunctions::new(move |function, event: Vec<u8>| {
        assert_eq!(function, CONSUMER);
        let consumer = Arc::clone(&called);
        async move {
            let processed = consumer.process(&Warm::default(), &arrived(&event)).await;
            let failures: Vec<Value> =
                processed.retry_from.iter().map(|number| json!({"itemIdentifier": number})).collect();
            Invoked::Returned(json!({"batchItemFailures": failures}).to_string().into_bytes())
        }
    });
    let mut effects = Vec::new();
    for redrive in 0..4 {
        if redrive == 3 {
            for time in [&world.time, &consumer.time] {
                time.advance(SignedDuration::from_hours(25));
            }
        }
        let outcome = world.redrive(&functions, &world.by_hand()).await;
        assert_eq!(outcome.expired, FORGOTTEN as u64, "redrive {redrive}");
        assert_eq!(outcome.expired_ids, numbers[..1]);
        let letters = if redrive == 0 { LETTERS - FORGOTTEN } else { 0 };
        assert_eq!(outcome.redriven, letters as u64, "redrive {redrive}: {outcome:#?}");
        // Whoever forgets that all is done, and does it once more, has no second effect either.
        if redrive > 0 {
            for (_, event) in functions.invoked().iter().take(10) {
                consumer.process(&Warm::default(), &arrived(event)).await;
            }
        }
        effects.push(effect(&consumer));
    }
    consumer.check_same(&expected, "after all redrives");
    let (archived, readings) = effect(&expected);
    assert_eq!(archived.len(), LETTERS - FORGOTTEN);
    assert!(effects.iter().all(|(ids, last)| *ids == archived && *last == readings));
    assert!(consumer.dead_letters.letters().is_empty());
}

/// Parks one message, which tells of several batches at times. Gives the numbers that have expired.
async fn park_all(world: &World, (id, body): (&str, String)) -> Vec<String> {
    let none = BTreeMap::new();
    let message = QueueMessage { id, body: &body, attributes: &none, sent: world.time.now() };
    let settings = ParkSettings { prefix: PREFIX.to_owned(), backoff: BACKOFF, keep_done: KEEP };
    let parked = park((&world.objects, &world.listings, &world.shards, &world.time), &[message], &settings).await;
    assert!(parked.retry.is_empty(), "{parked:#?}");
    parked.outcome.expired_ids
}
