//! The producer over the SDK's own HTTP: every fault that the wire knows, at random, and not one call that the producer
//! does not know of.
#![allow(clippy::unwrap_used, reason = "helpers of tests; clippy's exception covers only functions marked as tests")]

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Mutex,
    time::{Duration, Instant},
};

use aws::Stream;
use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_kinesis::config::{Credentials, SharedCredentialsProvider};
use fastrand::Rng;
use flow::Backoff;
use jiff::{SignedDuration, Timestamp};
use pipeline::{
    Put, PutSettings,
    port::{PutRecords, Runtime},
    put,
};
use testkit::kinesis::{FakeKinesis, Rates, Taken};
use wire::{Entry, Parcel, crypto, event, financial};

/// Longest time for a call here. Loopback answers within one or two milliseconds, unless the machine is busy.
const CALL: Duration = Duration::from_millis(250);

/// The clock on the wall.
struct Wall {
    begun: Instant,
    invocation: SignedDuration,
    rng: Mutex<Rng>,
}

impl Wall {
    fn new() -> Self {
        Self { begun: Instant::now(), invocation: SignedDuration::from_mins(15), rng: Mutex::new(Rng::with_seed(1)) }
    }
}

impl Runtime for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
    fn remaining(&self) -> SignedDuration {
        self.invocation - SignedDuration::try_from(self.begun.elapsed()).unwrap()
    }
    async fn sleep(&self, time: SignedDuration) {
        tokio::time::sleep(Duration::try_from(time).unwrap()).await;
    }
    fn random(&self) -> f64 {
        self.rng.lock().unwrap().f64()
    }
}

/// Knows neither the environment nor a proxy, and has the retries of every other client of the pipeline.
fn config(server: &FakeKinesis) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(server.endpoint())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .build()
}

/// The nth record of a mixture: quotes of few symbols, rates, alerts, bars.
fn parcel(number: usize) -> Parcel {
    let symbol = format!("S{}", number % 97).parse().unwrap();
    let (partition_key, ordered) = match number % 10 {
        0 => (event("alert", &format!("{}", number % 31)), true),
        1..=3 => (crypto(&"BTC".parse().unwrap(), &format!("{}", number % 53)), true),
        4..=6 => (financial(&symbol), true),
        _ => (financial(&symbol), false),
    };
    let data = format!(r#"{{"number":"{number}","text":"{}"}}"#, "é\"".repeat(number % 40)).into_bytes();
    Parcel { entry: Entry { partition_key, data }, ordered }
}

/// In which order the records came first, by their place among the parcels.
fn first_occurrences(parcels: &[Parcel], taken: &[Taken]) -> Vec<usize> {
    let places: HashMap<(&[u8], &str), usize> = parcels
        .iter()
        .enumerate()
        .map(|(at, Parcel { entry, .. })| ((entry.data.as_slice(), entry.partition_key.as_str()), at))
        .collect();
    let mut seen = HashSet::new();
    let places = taken.iter().map(|record| places[&(record.data.as_slice(), record.partition_key.as_str())]);
    places.filter(|place| seen.insert(*place)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_overtakes_and_the_sdk_sends_nothing_by_itself() {
    let rates = Rates {
        refuse: 0.3,
        throttle: 0.03,
        server_error: 0.03,
        reset_before: 0.03,
        reset_after: 0.03,
        silence_after: 0.015,
        slow_body: 0.015,
        slow_for: CALL * 2,
    };
    let server = FakeKinesis::sink(11, rates).await.unwrap();
    let stream = Stream::with_timeout(&config(&server), "stream", CALL);
    let parcels: Vec<Parcel> = (0..4_000).map(parcel).collect();
    let milliseconds = SignedDuration::from_millis;
    let backoff = Backoff { base: milliseconds(2), cap: milliseconds(8), attempts: 1_000 };
    let settings = PutSettings { backoff, ..Default::default() };
    let Put { fates, stats, failed_calls } = put(&stream, &Wall::new(), &settings, parcels.clone()).await;

    let (seen, taken) = (server.seen(), server.taken());
    let first = first_occurrences(&parcels, &taken);
    let mut last = BTreeMap::new();
    let inversions = first
        .iter()
        .filter(|&&at| parcels[at].ordered)
        .filter(|&&at| last.insert(&parcels[at].entry.partition_key, at).is_some_and(|last| last > at))
        .count();
    println!(
        "{} lost, {inversions} inversions, {} twice in the stream\n{stats:?}\n{seen:?}",
        parcels.len() - first.len(),
        taken.len() - first.len(),
    );
    assert!(fates.iter().all(Result::is_ok), "{failed_calls:?}");
    assert_eq!((first.len(), inversions), (parcels.len(), 0));
    // Less only if a call's time was over before it was read, as on a machine that stalls.
    assert!(seen.calls <= stats.batches, "{} calls behind our back", seen.calls - stats.batches);
    assert!(seen.records <= stats.sent + stats.resent);
    assert_eq!(stats.resent, stats.refused + stats.unanswered, "more than what failed was sent again");
    assert_eq!(seen.invalid, 0);
    let kinds =
        [seen.throttled, seen.server_errors, seen.resets_before, seen.resets_after, seen.silences, seen.slow_bodies];
    assert!(kinds.iter().all(|count| *count > 0), "a fault did not occur: {seen:?}");
    assert!(u128::from(stats.latency.percentile(100)) >= CALL.as_millis(), "silences last until the time is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_a_call_is_one_request_and_says_what_it_was() {
    let none = Rates { slow_for: CALL * 4, ..Default::default() };
    for (rates, said) in [
        (Rates { throttle: 1.0, ..none }, "Exceeded"),
        (Rates { server_error: 1.0, ..none }, "injected"),
        (Rates { reset_before: 1.0, ..none }, "cannot be reached"),
        (Rates { reset_after: 1.0, ..none }, "cannot be reached"),
        (Rates { silence_after: 1.0, ..none }, "no answer in time; it may have had its effect"),
        (Rates { slow_body: 1.0, ..none }, "no answer in time; it may have had its effect"),
    ] {
        let server = FakeKinesis::sink(1, rates).await.unwrap();
        let stream = Stream::with_timeout(&config(&server), "stream", CALL);
        let begun = Instant::now();
        let error = stream.put_records(&[parcel(1).entry]).await.unwrap_err();
        assert!(error.message.starts_with("PutRecords to `stream`:") && error.message.contains(said), "{error:?}");
        assert!(error.kind.is_retryable() && begun.elapsed() < CALL * 3, "{said} took {:?}", begun.elapsed());
        assert_eq!(server.seen().calls, 1, "{said}: the SDK tried again");
    }
}

#[tokio::test]
async fn an_answer_through_a_proxy_names_each_record() {
    let upstream = FakeKinesis::sink(1, Rates::default()).await.unwrap();
    let rates = Rates { refuse: 0.5, ..Default::default() };
    let proxy = FakeKinesis::proxy(upstream.address(), 2, rates).await.unwrap();
    let stream = Stream::with_timeout(&config(&proxy), "stream", Duration::from_secs(5));
    let entries: Vec<Entry> = (0..200).map(|at| parcel(at).entry).collect();
    let answers = stream.put_records(&entries).await.unwrap();
    let taken: Vec<Entry> =
        entries.iter().zip(&answers).filter(|(_, why)| why.is_none()).map(|(entry, _)| entry.clone()).collect();
    let kept: Vec<Vec<u8>> = upstream.taken().into_iter().map(|record| record.data).collect();
    assert_eq!(kept, taken.into_iter().map(|entry| entry.data).collect::<Vec<_>>());
    assert!((50..150).contains(&kept.len()));
}
