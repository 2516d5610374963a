//! Putting: records that fail at random, calls that overtake each other, and a clock that moves when all wait.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use failure::Kind;
use fastrand::Rng;
use flow::Backoff;
use jiff::{SignedDuration, Timestamp};
use pipeline::{
    Put, PutSettings,
    port::{CallError, PutRecords, Runtime},
    put,
};
use testkit::{Fault, MemoryStream, for_each_seed};
use tokio::time::{Instant, sleep};
use wire::{Entry, Parcel, PartitionKey, crypto, event, financial};

/// Tokio's clock, stopped: it jumps to the next moment at which something happens.
struct Stopped {
    begun: Instant,
    invocation: SignedDuration,
    /// `None` for the longest waits.
    rng: Option<Mutex<Rng>>,
}

impl Stopped {
    fn new(invocation: SignedDuration, seed: Option<u64>) -> Self {
        Self { begun: Instant::now(), invocation, rng: seed.map(|seed| Mutex::new(Rng::with_seed(seed))) }
    }

    fn elapsed(&self) -> SignedDuration {
        SignedDuration::try_from(self.begun.elapsed()).unwrap()
    }
}

impl Runtime for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.elapsed()
    }
    fn remaining(&self) -> SignedDuration {
        self.invocation - self.elapsed()
    }
    async fn sleep(&self, time: SignedDuration) {
        sleep(Duration::try_from(time).unwrap()).await;
    }
    fn random(&self) -> f64 {
        self.rng.as_ref().map_or(1.0, |rng| rng.lock().unwrap().f64())
    }
}

/// A stream whose answers take their time, and which counts what the caller is told.
struct Distant {
    stream: MemoryStream,
    /// Milliseconds of each call in turn, from the first one again after the last.
    latencies: Vec<u64>,
    calls: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    refused: AtomicUsize,
    unanswered: AtomicUsize,
}

impl Distant {
    fn new(latencies: Vec<u64>) -> Self {
        let [calls, under_way, most_under_way, refused, unanswered] = Default::default();
        let stream = MemoryStream::default();
        Self { stream, latencies, calls, under_way, most_under_way, refused, unanswered }
    }

    fn told(counter: &AtomicUsize) -> usize {
        counter.load(Ordering::Relaxed)
    }
}

impl PutRecords for Distant {
    async fn put_records(&self, entries: &[Entry]) -> Result<Vec<Option<String>>, CallError> {
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::Relaxed);
        let latency = self.latencies[self.calls.fetch_add(1, Ordering::Relaxed) % self.latencies.len()];
        sleep(Duration::from_millis(latency / 2)).await;
        let answer = self.stream.put_records(entries).await;
        sleep(Duration::from_millis(latency - latency / 2)).await;
        match &answer {
            Ok(answers) => self.refused.fetch_add(answers.iter().flatten().count(), Ordering::Relaxed),
            Err(_) => self.unanswered.fetch_add(entries.len(), Ordering::Relaxed),
        };
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        answer
    }
}

/// The nth record of a mixture of quotes, rates, alerts and bars; its number is all that it says.
fn parcel(number: u32) -> Parcel {
    let subject = (number / 20) % 400;
    let symbol = format!("S{subject}").parse().unwrap();
    let (partition_key, ordered) = match number % 20 {
        0 => (event("alert", &format!("{subject}")), true),
        1..=5 => (crypto(&"BTC".parse().unwrap(), &format!("{}", number % 7_919)), true),
        6..=12 => (financial(&symbol), true),
        _ => (financial(&symbol), false),
    };
    Parcel { entry: Entry { partition_key, data: number.to_le_bytes().to_vec() }, ordered }
}

fn number(entry: &Entry) -> usize {
    u32::from_le_bytes(entry.data.as_slice().try_into().unwrap()) as usize
}

/// How often a record stands in the stream behind a later one of its key, repetitions left out.
fn inversions(parcels: &[Parcel], taken: &[Entry]) -> usize {
    let mut seen = vec![false; parcels.len()];
    let mut last: HashMap<&PartitionKey, usize> = HashMap::new();
    let mut inversions = 0;
    for number in taken.iter().map(number) {
        if !std::mem::replace(&mut seen[number], true) && parcels[number].ordered {
            let last = last.entry(&parcels[number].entry.partition_key).or_insert(number);
            inversions += usize::from(*last > number);
            *last = number;
        }
    }
    inversions
}

/// `RECORDS=1000000` sends that many.
fn records() -> u32 {
    std::env::var("RECORDS").map_or(50_000, |text| text.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn with_three_of_ten_failing_none_is_lost_none_overtakes_and_only_failures_go_again() {
    let parcels: Vec<Parcel> = (0..records()).map(parcel).collect();
    let mut rng = Rng::with_seed(7);
    let distant = Distant::new((0..997).map(|_| rng.u64(2..60)).collect());
    distant.stream.puts.records(7, 0.3);
    let time = Stopped::new(SignedDuration::from_hours(240), Some(7));
    // So many attempts that nothing is given up.
    let settings = PutSettings::default();
    let settings = PutSettings { backoff: Backoff { attempts: 1_000, ..settings.backoff }, ..settings };
    let Put { fates, stats, .. } = put(&distant, &time, &settings, parcels.clone()).await;

    let taken = distant.stream.taken();
    let mut times = vec![0; parcels.len()];
    taken.iter().for_each(|entry| times[number(entry)] += 1);
    let lost = times.iter().filter(|times| **times == 0).count();
    let inversions = inversions(&parcels, &taken);
    let (refused, unanswered) = (Distant::told(&distant.refused), Distant::told(&distant.unanswered));
    println!(
        "{} records in {} calls: {lost} lost, {inversions} inversions, {refused} refused, {unanswered} in failed \
         calls, {} sent again, {} twice in the stream; {:.0} s by the stopped clock",
        parcels.len(),
        stats.batches,
        stats.resent,
        taken.len() - (parcels.len() - lost),
        time.elapsed().as_secs_f64(),
    );
    assert!(fates.iter().all(Result::is_ok));
    assert_eq!((lost, inversions), (0, 0));
    let offered: usize = distant.stream.offered().iter().map(Vec::len).sum();
    assert_eq!(offered as u64, stats.sent + stats.resent);
    assert_eq!(stats.resent as usize, refused + unanswered, "each failure costs one sending, and nothing else does");
    assert_eq!((stats.sent as usize, stats.failed), (parcels.len(), 0));
    assert_eq!((stats.refused as usize, stats.unanswered as usize), (refused, unanswered));
    assert!(refused * 4 > parcels.len() && unanswered > 0, "not three of ten");
    assert_eq!(Distant::told(&distant.most_under_way), settings.in_flight);
    assert_eq!(stats.batches, stats.latency.count());
}

#[test]
fn whatever_fails_each_record_has_one_fate_and_no_key_loses_its_order() {
    let clock = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    for_each_seed(60, |seed| {
        let mut rng = Rng::with_seed(seed);
        let parcels: Vec<Parcel> = (0..rng.u32(0..900)).map(parcel).collect();
        let distant = Distant::new((0..13).map(|_| rng.u64(0..900)).collect());
        match rng.u8(0..3) {
            0 => distant.stream.puts.records(seed, rng.f64()),
            1 => distant.stream.puts.random(seed, rng.f64()),
            _ => distant.stream.puts.none(),
        }
        clock().block_on(async {
            let time = Stopped::new(SignedDuration::from_secs(rng.i64(0..60)), Some(seed));
            let settings = PutSettings { in_flight: rng.usize(0..6), ..Default::default() };
            let Put { fates, stats, .. } = put(&distant, &time, &settings, parcels.clone()).await;
            assert_eq!(fates.len(), parcels.len());
            let taken = distant.stream.taken();
            let in_stream: std::collections::BTreeSet<usize> = taken.iter().map(number).collect();
            let mut kept = taken.clone();
            for (at, (fate, parcel)) in fates.iter().zip(&parcels).enumerate() {
                match fate {
                    Ok(()) => assert!(in_stream.contains(&at), "{at} is lost"),
                    Err(refused) => {
                        assert!(refused.entry == parcel.entry && refused.kind == Kind::Unavailable);
                        // It may be in the stream by a call whose answer was lost, anywhere.
                        kept.retain(|entry| number(entry) != at);
                    }
                }
            }
            assert_eq!(inversions(&parcels, &kept), 0);
            let failures = Distant::told(&distant.refused) + Distant::told(&distant.unanswered);
            assert!(stats.resent as usize <= failures, "{} sent again after {failures} failures", stats.resent);
            let offered: usize = distant.stream.offered().iter().map(Vec::len).sum();
            let never_sent = fates.iter().flat_map(|fate| fate.as_ref().err());
            let never_sent = never_sent.filter(|refused| refused.reason.starts_with("the invocation's time")).count();
            assert_eq!(offered as u64 + never_sent as u64, stats.sent + stats.failed + stats.resent);
            // The last call is begun before the reserve, and may take its time.
            assert!(time.remaining() >= (settings.reserve - SignedDuration::from_millis(900)).min(time.invocation));
        });
    });
}

#[tokio::test(start_paused = true)]
async fn a_record_that_waits_holds_back_its_key_and_nothing_else() {
    let key = |symbol: &str| financial(&symbol.parse().unwrap());
    let of = |symbol, number: u32| Parcel {
        entry: Entry { partition_key: key(symbol), data: number.to_le_bytes().to_vec() },
        ordered: true,
    };
    let parcels = vec![of("SLOW", 0), of("SLOW", 1), of("FAST", 2), of("FAST", 3), of("FAST", 4)];
    let distant = Distant::new(vec![10]);
    distant.stream.puts.script([Some(Fault::Refuse(vec![0]))]);
    let time = Stopped::new(SignedDuration::from_mins(15), None);
    let Put { fates, .. } = put(&distant, &time, &PutSettings::default(), parcels).await;
    assert!(fates.iter().all(Result::is_ok));
    let offered = distant.stream.offered();
    let calls: Vec<Vec<usize>> = offered.iter().map(|call| call.iter().map(number).collect()).collect();
    assert_eq!(calls, [vec![0, 2], vec![3], vec![4], vec![0], vec![1]]);
    // The first call, the wait of a second, and two calls.
    assert_eq!(time.elapsed().as_millis(), 10 + 1_000 + 20);
}

#[tokio::test(start_paused = true)]
async fn waits_double_and_the_end_of_the_invocation_leaves_time_to_file_what_is_left() {
    for (seconds, calls) in [(15 * 60, 4u64), (14, 4), (13, 3), (9, 2), (7, 1), (6, 0)] {
        let distant = Distant::new(vec![0]);
        distant.stream.puts.always(Fault::Before);
        let time = Stopped::new(SignedDuration::from_secs(seconds), None);
        let settings = PutSettings::default();
        let Put { fates, stats, failed_calls } = put(&distant, &time, &settings, vec![parcel(0), parcel(1)]).await;
        assert_eq!((stats.batches, stats.failed, stats.resent), (calls, 2, 2 * calls.saturating_sub(1)), "{seconds} s");
        assert!(time.remaining() >= settings.reserve, "{seconds} s");
        assert_eq!(failed_calls.len() as u64, calls);
        let reason = &fates[1].as_ref().unwrap_err().reason;
        let expected = if calls == 0 { "nearly over before it could be sent" } else { "the connection was refused" };
        assert!(reason.contains(expected), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn latencies_are_those_of_the_calls() {
    let distant = Distant::new([vec![20; 99], vec![420]].concat());
    let time = Stopped::new(SignedDuration::from_mins(15), Some(1));
    let parcels = (0..100).map(|_| parcel(0)).collect();
    let Put { stats, .. } = put(&distant, &time, &PutSettings::default(), parcels).await;
    assert_eq!(stats.batches, 100, "one key, one record on its way");
    assert_eq!((stats.latency.mean(), stats.latency.percentile(99), stats.latency.percentile(100)), (24.0, 20, 420));
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_wrong_length_takes_nothing_that_it_does_not_name() {
    /// Answers for one record more or less than it was asked.
    struct Odd(Mutex<BTreeMap<usize, usize>>, bool);
    impl PutRecords for Odd {
        async fn put_records(&self, entries: &[Entry]) -> Result<Vec<Option<String>>, CallError> {
            entries.iter().for_each(|entry| *self.0.lock().unwrap().entry(number(entry)).or_default() += 1);
            Ok(vec![None; if self.1 { entries.len() + 1 } else { entries.len() - 1 }])
        }
    }
    let bars = || vec![parcel(19), parcel(39)];
    let time = Stopped::new(SignedDuration::from_mins(15), Some(1));
    let more = put(&Odd(Mutex::default(), true), &time, &PutSettings::default(), bars()).await;
    assert!(more.fates.iter().all(Result::is_ok));
    let odd = Odd(Mutex::default(), false);
    let less = put(&odd, &time, &PutSettings::default(), bars()).await;
    assert_eq!(*odd.0.lock().unwrap(), BTreeMap::from([(19, 1), (39, 4)]));
    assert_eq!(less.fates[1].as_ref().unwrap_err().reason, "the answer did not name it");
}
