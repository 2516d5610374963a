use std::future::{Ready, ready};

use jiff::SignedDuration;
use pipeline::{ParkSettings, REDRIVES, RedriveSettings, port::Invoked};
use serde_json::{Value, json};
use testkit::{Fault, ManualTime, MemoryFunctions, MemoryListings, MemoryObjects, MemoryShards, MemoryStreams};

use crate::handler::Handler;

type Function = fn(String, Vec<u8>) -> Ready<Invoked>;

fn handler() -> Handler<MemoryObjects, MemoryListings, MemoryShards, MemoryFunctions<Function>, MemoryStreams> {
    let keep_done = SignedDuration::from_hours(24);
    Handler {
        objects: MemoryObjects::default(),
        listings: MemoryListings::default(),
        source: MemoryShards::default(),
        functions: MemoryFunctions::new(|_, _| ready(Invoked::Returned(b"{}".to_vec()))),
        streams: MemoryStreams::default(),
        park: ParkSettings { prefix: "realtime-financial-dev-".to_owned(), backoff: REDRIVES, keep_done },
        redrive: RedriveSettings {
            event_letters: 500,
            per_second: None,
            backoff: REDRIVES,
            claim: SignedDuration::from_mins(5),
            reserve: SignedDuration::from_secs(67),
            keep_done,
            dry_run: false,
        },
    }
}

fn sample(name: &str) -> Value {
    let path = format!("{}/../../events/handle-dead-letters/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn each_sample_event_is_answered_as_its_caller_reads_it() {
    let (handler, time) = (handler(), ManualTime::at("2026-11-21T09:00:00Z"));
    let answer = async |name| serde_json::to_value(handler.take(sample(name), &time).await.unwrap()).unwrap();
    assert_eq!(answer("failed-call.json").await, json!({"batchItemFailures": []}));
    assert_eq!(answer("pointer.json").await, json!({"batchItemFailures": []}));
    let outcome = answer("redrive.json").await;
    assert_eq!((&outcome["batches"], &outcome["failures"]), (&json!(0), &json!([])));
    let mut listed: Vec<_> = handler.listings.all().into_iter().map(|l| (l.function, l.expired_records)).collect();
    listed.sort();
    let expected = [("compute-indicators", 500), ("poll-equities", 0), ("sweep-series", 0)];
    assert_eq!(listed, expected.map(|(name, expired)| (name.to_owned(), expired)));
}

#[tokio::test]
async fn a_message_that_cannot_be_parked_is_named_by_its_id() {
    let (handler, time) = (handler(), ManualTime::at("2026-11-21T09:00:00Z"));
    handler.listings.loads.script([Some(Fault::Before)]);
    let event = sample("failed-call.json");
    let answer = serde_json::to_value(handler.take(event.clone(), &time).await.unwrap()).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}));
    assert!(handler.take(json!({"Records": [{"body": 3}]}), &time).await.is_err(), "what is no message is no event");
}
