//! Dead letters: parked from whatever tells of them, and redriven to whoever gave up.

mod parking;
mod redriving;
mod whole;

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use dead_letters::{BatchId, Filter, Listing, QueueMessage};
use flow::Backoff;
use jiff::SignedDuration;
use pipeline::{
    ParkSettings, Parked, RedriveOutcome, RedrivePorts, RedriveSettings, Scope, park,
    port::{InvokeFunction, Runtime},
    redrive,
};
use serde_json::{Value, json};
use testkit::{ManualTime, MemoryListings, MemoryObjects, MemoryShards, MemoryStreams};

const PREFIX: &str = "realtime-financial-dev-";
const CONSUMER: &str = "compute-indicators";
const SHARD: &str = "shardId-000000000000";
const NOW: &str = "2026-11-20T17:00:00Z";
const BACKOFF: Backoff =
    Backoff { base: SignedDuration::from_mins(1), cap: SignedDuration::from_hours(1), attempts: 4 };
const KEEP: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Everything that dead letters meet.
struct World {
    objects: MemoryObjects,
    listings: MemoryListings,
    shards: MemoryShards,
    streams: MemoryStreams,
    time: ManualTime,
}

impl World {
    fn new() -> Self {
        Self {
            objects: MemoryObjects::default(),
            listings: MemoryListings::default(),
            shards: MemoryShards::default(),
            streams: MemoryStreams::default(),
            time: ManualTime::at(NOW),
        }
    }

    /// Messages with these ids and bodies.
    async fn park(&self, messages: &[(&str, String)]) -> Parked {
        let none = BTreeMap::new();
        let messages: Vec<QueueMessage<'_>> = messages
            .iter()
            .map(|(id, body)| QueueMessage { id, body, attributes: &none, sent: self.time.now() })
            .collect();
        let settings = ParkSettings { prefix: PREFIX.to_owned(), backoff: BACKOFF, keep_done: KEEP };
        let parked = park((&self.objects, &self.listings, &self.shards, &self.time), &messages, &settings).await;
        let account = &parked.outcome;
        assert_eq!(account.failed as usize, parked.retry.len());
        assert_eq!(
            account.messages,
            account.parked + account.repeated + account.reopened + account.ignored + account.failed,
            "{account:#?}"
        );
        parked
    }

    async fn redrive(&self, functions: &impl InvokeFunction, scope: &Scope) -> RedriveOutcome {
        self.redrive_with(functions, scope, &Filter::default(), settings()).await
    }

    async fn redrive_with(
        &self,
        functions: &impl InvokeFunction,
        scope: &Scope,
        filter: &Filter,
        settings: RedriveSettings,
    ) -> RedriveOutcome {
        let ports = RedrivePorts {
            objects: &self.objects,
            listings: &self.listings,
            functions,
            streams: &self.streams,
            runtime: &self.time,
        };
        let outcome = redrive(&ports, scope, filter, &settings).await;
        let RedriveOutcome { letters, redriven, put, stayed, untouched, .. } = outcome;
        assert_eq!(letters, redriven + put + stayed + untouched, "{outcome:#?}");
        outcome
    }

    fn listing(&self) -> Listing {
        let mut all = self.listings.all();
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    fn versions(&self) -> Vec<u64> {
        self.listings.rows().values().map(|(version, _)| *version).collect()
    }

    fn ids(&self) -> Vec<BatchId> {
        self.listings.all().into_iter().map(|listing| listing.id).collect()
    }

    fn by_hand(&self) -> Scope {
        Scope::Batches(self.ids())
    }
}

fn settings() -> RedriveSettings {
    RedriveSettings {
        event_letters: 500,
        per_second: None,
        backoff: BACKOFF,
        claim: SignedDuration::from_mins(5),
        reserve: SignedDuration::from_secs(70),
        keep_done: KEEP,
        dry_run: false,
    }
}

fn number(nth: usize) -> String {
    format!("4959033827149025660855969253836157109592{nth:016}")
}

/// A notification of objects.
fn notification(keys: &[&str]) -> String {
    let record = |key: &&str| json!({"eventSource": "aws:s3", "s3": {"object": {"key": key}}});
    json!({"Records": keys.iter().map(record).collect::<Vec<_>>()}).to_string()
}

/// What a mapping writes of records from `first` on that it gave up at this moment.
fn given_up(payloads: &[Vec<u8>], first: usize, function_error: Option<&str>, at: &str) -> Value {
    let stream = "arn:aws:kinesis:us-east-1:123456789012:stream/stream";
    let record = |(nth, data): (usize, &Vec<u8>)| {
        let number = number(first + nth);
        json!({
            "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "key", "sequenceNumber": number, "data": STANDARD.encode(data)},
            "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": format!("{SHARD}:{number}"),
            "eventName": "aws:kinesis:record", "awsRegion": "us-east-1", "eventSourceARN": stream,
        })
    };
    let event = json!({"Records": payloads.iter().enumerate().map(record).collect::<Vec<_>>()});
    json!({
        "requestContext": {
            "functionArn": format!("arn:aws:lambda:us-east-1:123456789012:function:{PREFIX}{CONSUMER}"),
            "condition": "RecordAgeExceeded", "approximateInvokeCount": 7,
        },
        "responseContext": {"functionError": function_error},
        "timestamp": at,
        "KinesisBatchInfo": {
            "shardId": SHARD, "startSequenceNumber": number(first),
            "endSequenceNumber": number(first + payloads.len() - 1), "batchSize": payloads.len(), "streamArn": stream,
        },
        "payload": event.to_string(),
    })
}

/// The sequence numbers of an event, by the place that [`number`] gave them.
fn places(event: &[u8]) -> Vec<usize> {
    let event: Value = serde_json::from_slice(event).unwrap();
    let records = event["Records"].as_array().unwrap();
    records.iter().map(|record| record["kinesis"]["sequenceNumber"].as_str().unwrap()[40..].parse().unwrap()).collect()
}
