//! Whatever fails, whoever is killed and whatever comes again: in the end all is as if nothing had been.

use std::{
    cell::Cell,
    collections::{BTreeSet, VecDeque},
};

use fastrand::Rng;
use jiff::SignedDuration;
use market::{Fact, Interval};
use pipeline::Warm;
use series::Settings;
use testkit::{Fault, crash_after, for_each_seed, record, record::Arrived};

use crate::consumer::{Consumer, identities, minute, settings, settings_of};

/// Facts of one epoch come in any order; the next epoch's come after them. So no bar is further behind
/// than the series can revise, and nothing is ever too late.
const EPOCHS: i64 = 3;
const BARS: i64 = 8;
const SHARDS: usize = 2;

/// Most seeds build longer bars and raise alerts; some take what a function does without being told.
fn configured(rng: &mut Rng) -> Settings {
    let rules = "close crosses SMA(3); 5min: SMA(3) > 100; 15min: close crosses EMA(3)";
    match rng.u8(0..8) {
        0 => settings(),
        1 => settings_of("1min: none; 5min: SMA(3)", "5min: close crosses SMA(3)"),
        _ => settings_of("SMA(3),RSI(5),EMA(4),VWMA(3); 5min: SMA(3); 15min: EMA(3)", rules),
    }
}

/// The versions of one vendor's bar: maybe a partial one, the final one, maybe corrections of it.
fn versions(rng: &mut Rng, symbol: &str, interval: Interval, nth: i64) -> Vec<(Fact, u32)> {
    let partial = rng.bool();
    let finals = if rng.u8(0..4) == 0 { rng.u32(2..4) } else { 1 };
    let start = minute(nth * interval.duration().as_mins());
    let mut version =
        |rev: u32, is_final| (record::bar(symbol, interval, start, rng.i64(9_000..11_000), is_final), rev);
    let first = u32::from(partial);
    let mut all: Vec<_> = partial.then(|| version(0, false)).into_iter().collect();
    all.extend((first..first + finals).map(|rev| version(rev, true)));
    all
}

/// The payloads of an epoch in a random order, some of them twice, with poison among them.
fn epoch(rng: &mut Rng, epoch: i64) -> Vec<Vec<u8>> {
    let mut facts = Vec::new();
    for nth in epoch * BARS..(epoch + 1) * BARS {
        // Of BRAV some minutes have no trade.
        let brav = (rng.u8(0..8) > 0).then_some(("BRAV", Interval::Min1));
        for (symbol, interval) in [("ACME", Interval::Min1)].into_iter().chain(brav) {
            facts.extend(versions(rng, symbol, interval, nth));
        }
        // The vendor's own longer bars, of some stretches of time.
        for (interval, minutes) in [(Interval::Min5, 5), (Interval::Min15, 15)] {
            if nth % minutes == minutes - 1 && rng.bool() {
                facts.extend(versions(rng, "ACME", interval, nth / minutes));
            }
        }
        let seconds: Vec<i64> = (0..60).step_by(20).filter(|_| rng.u8(0..4) > 0).collect();
        for second in seconds {
            let at = minute(nth) + SignedDuration::from_secs(second);
            facts.push((record::rate("BTC/USD", at, rng.i64(9_000..11_000)), 0));
        }
    }
    let mut payloads: Vec<Vec<u8>> = facts.into_iter().map(|(fact, rev)| record::payload(fact, rev)).collect();
    for nth in 0..rng.usize(0..4) {
        payloads.push(format!("poison {epoch} {nth}").into_bytes());
    }
    for _ in 0..rng.usize(0..10) {
        payloads.push(rng.choice(&payloads).unwrap().clone());
    }
    rng.shuffle(&mut payloads);
    payloads
}

/// The event source mapping: batches in the order of each shard, and again from where it is told.
struct Run<'a> {
    rng: Rng,
    consumer: &'a Consumer,
    /// Records in the largest batch.
    largest: usize,
    /// One for each process; a process that is killed loses it.
    warm: [Warm; SHARDS],
    shards: [VecDeque<Arrived>; SHARDS],
    late: u64,
}

impl Run<'_> {
    fn batch(&mut self, shard: usize) -> Vec<Arrived> {
        let size = self.rng.usize(0..=self.largest);
        self.shards[shard].iter().take(size).cloned().collect()
    }

    fn settle(&mut self, shard: usize, processed: &pipeline::Processed) {
        self.late += processed.outcome.late;
        let queue = &mut self.shards[shard];
        match &processed.retry_from {
            Some(from) => {
                let at = queue.iter().position(|record| record.sequence_number == *from).unwrap();
                queue.drain(..at);
            }
            None => drop(queue.drain(..processed.outcome.records as usize)),
        }
    }

    /// One event: a batch, two at once, a sweep, a kill, or time that passes.
    async fn event(&mut self) {
        let consumer = self.consumer;
        consumer.time.begin_invocation(SignedDuration::from_secs(60));
        let shard = self.rng.usize(0..SHARDS);
        match self.rng.u8(0..20) {
            0..8 => {
                let (batch, process) = (self.batch(shard), self.rng.usize(0..SHARDS));
                let processed = consumer.process(&self.warm[process], &batch).await;
                self.settle(shard, &processed);
            }
            8..13 => {
                let (one, two) = (self.batch(0), self.batch(1));
                let (first, second) = (&self.warm[shard], &self.warm[1 - shard]);
                let (one, two) = tokio::join!(consumer.process(first, &one), consumer.process(second, &two));
                self.settle(0, &one);
                self.settle(1, &two);
            }
            13..15 => drop(consumer.sweep().await),
            15..18 => {
                let (batch, polls) = (self.batch(shard), self.rng.usize(0..40));
                match crash_after(polls, consumer.process(&self.warm[shard], &batch)).await {
                    Some(processed) => self.settle(shard, &processed),
                    None => self.warm[shard] = Warm::default(),
                }
            }
            _ => consumer.time.advance(SignedDuration::from_secs(self.rng.i64(0..90))),
        }
    }

    fn faults(&mut self, share: f64, outage: bool) {
        let Consumer { store, dead_letters, archive, indicators, events, .. } = self.consumer;
        let state = [&store.loads, &store.saves, &store.lists];
        let sinks = [&dead_letters.keeps, &archive.deliveries, &indicators.deliveries, &events.puts];
        for faults in state.into_iter().chain(sinks) {
            faults.random(self.rng.u64(..), share);
        }
        if outage {
            indicators.deliveries.always(Fault::Before);
            events.puts.always(Fault::Before);
        }
    }
}

/// By then the clock has closed all, and nothing is under way any more.
const AN_HOUR: SignedDuration = SignedDuration::from_mins(62);

/// Bars behind all others, for engines that have to stand at the same place to read them alike.
async fn go_on(consumer: &Consumer) {
    let mut facts = Vec::new();
    for nth in EPOCHS * BARS..EPOCHS * BARS + 6 {
        for symbol in ["ACME", "BRAV"] {
            facts.push(record::bar(symbol, Interval::Min1, minute(nth), 9_000 + nth * 7919 % 997, true));
        }
        facts.push(record::rate("BTC/USD", minute(nth), 9_000 + nth * 104_729 % 997));
    }
    let records = (1_000_000..).zip(facts).map(|(nth, fact)| record::arrived(0, nth, record::payload(fact, 0)));
    let processed = consumer.process(&Warm::default(), &records.collect::<Vec<_>>()).await;
    assert_eq!((processed.retry_from, processed.outcome.late), (None, 0));
    consumer.time.advance(AN_HOUR);
    consumer.sweep().await;
}

/// Each rule fired once for a bar at the most.
fn check_alerts(consumer: &Consumer) {
    let alerts = consumer.alerts();
    let place = |alert: &serde_json::Value| {
        ["symbol", "interval", "timestamp", "rule"].map(|name| alert[name].as_str().unwrap().to_owned())
    };
    let places: BTreeSet<_> = alerts.values().map(place).collect();
    assert_eq!(places.len(), alerts.len(), "{alerts:#?}");
}

/// How much a seed had to tell.
struct Seen {
    readings: usize,
    alerts: usize,
}

async fn check(seed: u64) -> Seen {
    let mut rng = Rng::with_seed(seed);
    let payloads: Vec<Vec<Vec<u8>>> = (0..EPOCHS).map(|nth| epoch(&mut rng, nth)).collect();
    let share = rng.choice([0.0, 0.1, 0.3, 0.6]).unwrap();
    let outage = rng.u8(0..4) == 0;
    let largest = rng.choice([4, 12, 40]).unwrap();

    let configured = configured(&mut rng);

    let mut consumer = Consumer::with(configured.clone());
    // Some batches count as a backlog: what they acknowledge waits in the warm process, which may be killed.
    consumer.backlog_records = *rng.choice(&[usize::MAX, 1, 10]).unwrap();
    consumer.time.set(minute(0));
    let warm = [Warm::default(), Warm::default()];
    let mut run = Run { rng, consumer: &consumer, largest, warm, shards: Default::default(), late: 0 };
    let mut sequence = 0;
    for (nth, payloads) in (1..).zip(&payloads) {
        consumer.time.set(pipeline::port::Runtime::now(&consumer.time).max(minute(nth * BARS)));
        for payload in payloads {
            sequence += 1;
            let shard = run.rng.usize(0..SHARDS);
            run.shards[shard].push_back(record::arrived(shard, sequence, payload.clone()));
        }
        run.faults(share, outage);
        let mut events = 0;
        while run.shards.iter().any(|queue| !queue.is_empty()) {
            run.event().await;
            events += 1;
            // An outage ends at some time, or what is owed would hold up the shards for ever.
            if outage && events == 200 {
                run.faults(share, false);
            }
            assert!(events < 5_000, "no end in sight");
        }
    }
    run.faults(0.0, false);
    for _ in 0..2 {
        consumer.time.advance(AN_HOUR);
        consumer.sweep().await;
    }
    assert_eq!((run.late, consumer.store.owed()), (0, 0));
    assert_eq!(consumer.sweep().await.due, 0, "nothing is due for ever");

    // offered = archived ∪ dead, and nothing in both.
    let offered = identities(payloads.iter().flatten().map(Vec::as_slice));
    let archived: BTreeSet<String> = consumer.archived().into_iter().collect();
    let letters = consumer.dead_letters.letters();
    let dead = identities(letters.iter().map(|letter| letter.payload.as_slice()));
    assert!(archived.is_disjoint(&dead));
    assert_eq!(offered, archived.union(&dead).cloned().collect());

    // A serial run: one record after the other in the order of their events, without any fault.
    let serial = Consumer::with(configured);
    serial.time.set(minute(0));
    let mut records: Vec<Vec<u8>> = payloads.concat();
    records.retain(|payload| wire::decode(payload).is_ok());
    records.sort_by_cached_key(|payload| wire::decode(payload).unwrap().fact.unwrap().event_time());
    let warm = Warm::default();
    for (nth, payload) in records.into_iter().enumerate() {
        serial.time.set(wire::decode(&payload).unwrap().fact.unwrap().event_time());
        let processed = serial.process(&warm, &[record::arrived(0, nth, payload)]).await;
        assert_eq!((processed.retry_from, processed.outcome.late), (None, 0));
    }
    for consumer in [&consumer, &serial] {
        consumer.time.advance(AN_HOUR);
        consumer.sweep().await;
    }
    let readings = serial.last_readings().len();
    assert!(readings > 5, "{readings} readings are too few to tell anything");
    consumer.check_same(&serial, "at the end");
    go_on(&consumer).await;
    go_on(&serial).await;
    consumer.check_same(&serial, "later on");
    check_alerts(&consumer);
    Seen { readings, alerts: consumer.alerts().len() }
}

#[test]
fn faults_kills_and_repetitions_leave_no_trace() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (readings, alerts) = (Cell::new(0), Cell::new(0));
    for_each_seed(1_000, |seed| {
        let seen = runtime.block_on(check(seed));
        readings.set(readings.get() + seen.readings);
        alerts.set(alerts.get() + seen.alerts);
    });
    assert!(readings.get() > 0 && (alerts.get() > 0 || std::env::var_os("SEED").is_some()));
}
