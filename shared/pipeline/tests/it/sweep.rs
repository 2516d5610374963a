//! Sweeping: bars that the clock closes, readings that were left behind, series that cannot be read.

use std::{collections::BTreeMap, sync::Mutex};

use jiff::SignedDuration;
use pipeline::{
    Warm,
    port::{CallError, Deliver},
    sweep,
};
use testkit::{Fault, record, record::Arrived};
use wire::Packed;

use crate::consumer::{Consumer, bars, minute, sampled_series, settings, vendor_series};

/// Two readings in each of that many minutes.
fn rates(minutes: i64) -> Vec<Arrived> {
    let at = |nth: i64| minute(nth / 2) + SignedDuration::from_secs(10 + nth % 2 * 30);
    (0..2 * minutes)
        .map(|nth| {
            let rate = record::rate("BTC/USD", at(nth), 9_000_000 + nth * 17 % 101);
            record::arrived(0, nth as usize, record::payload(rate, 0))
        })
        .collect()
}

#[tokio::test]
async fn the_clock_closes_sampled_bars_without_any_record() {
    let consumer = Consumer::new();
    consumer.time.set(minute(20));
    let processed = consumer.process(&Warm::default(), &rates(20)).await;
    // Minute 17 ends two minutes before minute 20, which is not yet 125 seconds.
    assert_eq!((processed.outcome.bars, processed.outcome.indicators), (17, 3));
    let next = minute(18) + settings().close_after;
    consumer.time.set(next - SignedDuration::from_secs(1));
    assert_eq!(consumer.sweep().await.due, 0);
    consumer.time.set(next);
    let swept = consumer.sweep().await;
    assert_eq!((swept.due, swept.swept, swept.bars, swept.indicators_delivered), (1, 1, 1, 1));
    consumer.time.set(minute(30));
    assert_eq!(consumer.sweep().await.bars, 2);
    assert_eq!(consumer.last_readings().len(), 6);
    assert_eq!((consumer.sweep().await.due, consumer.store.owed()), (0, 0));
}

#[tokio::test]
async fn only_what_was_left_behind_for_long_enough_is_delivered_again() {
    let consumer = Consumer::new();
    let warm = Warm::default();
    consumer.indicators.deliveries.always(Fault::Before);
    let begin = pipeline::port::Runtime::now(&consumer.time);
    consumer.process(&warm, &bars("ACME", 16, 0)).await;
    consumer.indicators.deliveries.none();
    consumer.time.set(begin + settings().redeliver_after - SignedDuration::from_secs(1));
    assert_eq!(consumer.sweep().await.due, 0, "its own writer may still deliver it");
    // The next batch delivers its own reading and leaves those alone.
    let processed = consumer.process(&warm, &bars("ACME", 17, 0)[16..]).await;
    assert_eq!((processed.outcome.indicators_delivered, consumer.store.owed()), (1, 2));
    consumer.time.set(begin + settings().redeliver_after);
    let swept = consumer.sweep().await;
    assert_eq!((swept.due, swept.indicators_delivered, consumer.store.owed()), (1, 2, 0));
    assert_eq!(consumer.indicators.lines().len(), 3);
}

#[tokio::test]
async fn a_sweep_that_closes_a_bar_leaves_the_readings_of_a_writer_at_work_alone() {
    let consumer = Consumer::new();
    consumer.time.set(minute(20));
    consumer.indicators.deliveries.always(Fault::Before);
    consumer.process(&Warm::default(), &rates(20)).await;
    assert_eq!(consumer.store.owed(), 3);
    consumer.indicators.deliveries.none();
    consumer.time.set(minute(18) + settings().close_after);
    let swept = consumer.sweep().await;
    assert_eq!((swept.bars, swept.indicators_delivered, consumer.store.owed()), (1, 1, 3));
}

#[tokio::test]
async fn what_a_sweep_cannot_deliver_stays_due() {
    let consumer = Consumer::new();
    consumer.indicators.deliveries.always(Fault::Before);
    consumer.process(&Warm::default(), &bars("ACME", 16, 0)).await;
    consumer.time.advance(settings().redeliver_after);
    let swept = consumer.sweep().await;
    assert_eq!((swept.due, swept.swept, swept.indicators_delivered, consumer.store.owed()), (1, 1, 0, 2));
    assert_eq!(swept.failures.len(), 1);
    consumer.indicators.deliveries.none();
    assert_eq!(consumer.sweep().await.indicators_delivered, 2);
}

#[tokio::test]
async fn a_series_that_cannot_be_read_is_counted_and_the_others_go_on() {
    let consumer = Consumer::new();
    consumer.indicators.deliveries.always(Fault::Before);
    for symbol in ["ACME", "OLD", "DOWN"] {
        consumer.process(&Warm::default(), &bars(symbol, 16, 0)).await;
    }
    consumer.process(&Warm::default(), &rates(20)).await;
    consumer.indicators.deliveries.none();
    consumer.store.spoil(&vendor_series("OLD"));
    consumer.store.break_down(&vendor_series("DOWN"));
    consumer.time.advance(settings().redeliver_after);
    let swept = consumer.sweep().await;
    assert_eq!((swept.due, swept.swept, swept.indicators_delivered), (4, 2, 2 + 6));
    let mut failures = swept.failures;
    failures.sort();
    assert!(failures[0].starts_with("symbol|DOWN|vendor|raw|intraday failed at state (unavailable)"), "{failures:?}");
    assert!(failures[1].contains("deploy the version that wrote it"), "{failures:?}");
    assert!(consumer.store.stored(&sampled_series("BTC/USD")).item.owed().is_empty());
}

#[tokio::test]
async fn a_sweep_that_cannot_list_says_so() {
    let consumer = Consumer::new();
    consumer.store.lists.script([Some(Fault::Before)]);
    let swept = consumer.sweep().await;
    assert!(swept.due == 0 && swept.failures[0].contains("cannot be listed"));
}

#[tokio::test]
async fn a_sweep_and_a_batch_at_once_do_not_disturb_each_other() {
    let undisturbed = Consumer::new();
    undisturbed.process(&Warm::default(), &rates(30)).await;
    let consumer = Consumer::new();
    let warm = Warm::default();
    consumer.time.set(minute(20));
    consumer.process(&warm, &rates(20)).await;
    consumer.time.set(minute(40));
    let rates = rates(30);
    let (processed, swept) = tokio::join!(consumer.process(&warm, &rates[40..]), consumer.sweep());
    assert_eq!((processed.retry_from, swept.failures), (None, vec![]));
    consumer.time.advance(settings().redeliver_after);
    consumer.sweep().await;
    consumer.check_same(&undisturbed, "after the sweep");
    assert_eq!(consumer.store.owed(), 0);
}

/// A sink that notes with each call its bytes, and how many readings were still owed.
struct Watched<'a> {
    consumer: &'a Consumer,
    calls: Mutex<Vec<(usize, usize)>>,
}

impl Deliver for Watched<'_> {
    async fn deliver(&self, records: &[Packed]) -> Result<Vec<bool>, CallError> {
        let bytes = records.iter().map(|record| record.data.len()).sum();
        self.calls.lock().unwrap().push((self.consumer.store.owed(), bytes));
        self.consumer.indicators.deliver(records).await
    }
}

#[tokio::test]
async fn what_many_series_owe_after_an_outage_is_delivered_bit_by_bit() {
    const SERIES: usize = 96;
    let consumer = Consumer::new();
    consumer.indicators.deliveries.always(Fault::Before);
    for nth in 0..SERIES {
        consumer.process(&Warm::default(), &bars(&format!("S{nth:02}"), 200, 0)).await;
    }
    consumer.indicators.deliveries.none();
    consumer.time.advance(settings().redeliver_after);
    let owed = consumer.store.owed();
    let watched = Watched { consumer: &consumer, calls: Mutex::default() };
    let swept = sweep((&consumer.store, &watched, &consumer.events, &consumer.time), &settings()).await;
    assert_eq!((swept.swept, swept.indicators_delivered, consumer.store.owed()), (SERIES as u64, owed as u64, 0));
    let mut at_once: BTreeMap<usize, usize> = BTreeMap::new();
    for (owed, bytes) in watched.calls.into_inner().unwrap() {
        *at_once.entry(owed).or_default() += bytes;
    }
    let (most, all) = (at_once.values().max().unwrap(), at_once.values().sum::<usize>());
    assert!(most * 2 < all, "{most} of {all} bytes were held before any of them was acknowledged");
}
