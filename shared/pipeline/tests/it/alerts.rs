//! Alerts on their way to the events stream: once for a bar and rule, and never lost.

use std::collections::BTreeSet;

use market::Interval;
use pipeline::Warm;
use testkit::{Fault, record, record::Arrived};

use crate::consumer::{Consumer, minute, settings_of, vendor_series};

/// Bars at which the close crosses the mean of three at each second one, with a built one of five minutes among them.
fn batch(count: i64) -> Vec<Arrived> {
    let cents = |nth: i64| if nth % 4 < 2 { 10_000 } else { 10_500 };
    let bar = |nth| record::payload(record::bar("ACME", Interval::Min1, minute(nth), cents(nth), true), 0);
    (0..count).map(|nth| record::arrived(0, nth as usize, bar(nth))).collect()
}

fn consumer() -> Consumer {
    let consumer = Consumer::with(settings_of("SMA(3); 5min: SMA(2)", "close crosses SMA(3); 5min: close > 0"));
    consumer.time.set(minute(12));
    consumer
}

#[tokio::test]
async fn alerts_go_to_the_events_stream_once_and_are_acknowledged() {
    let consumer = consumer();
    let warm = Warm::default();
    let batch = batch(12);
    for part in [&batch[..5], &batch[..9], &batch[3..], &batch[..]] {
        consumer.process(&warm, part).await;
        consumer.process(&Warm::default(), part).await;
    }
    let taken = consumer.events.taken();
    assert_eq!(taken.len(), consumer.alerts().len(), "none came twice");
    let bars: BTreeSet<String> =
        consumer.alerts().values().map(|alert| alert["timestamp"].as_str().unwrap().to_owned()).collect();
    let expected = [4, 6, 8, 10].map(|nth| format!("{:.3}", minute(nth)));
    assert_eq!(bars.into_iter().collect::<Vec<_>>(), expected);
    assert!(taken.iter().all(|entry| entry.partition_key.as_str().starts_with("event_")), "{taken:#?}");
    assert_eq!(consumer.store.owed(), 0);
    let lines = consumer.indicators.lines();
    assert!(lines.iter().all(|line| line.starts_with(r#"{"schema":"indicator.v1""#)), "alerts are no readings");
}

#[tokio::test]
async fn with_the_events_stream_down_alerts_stay_owed_and_a_sweep_sends_the_same_bytes() {
    let consumer = consumer();
    consumer.events.puts.always(Fault::Before);
    let processed = consumer.process(&Warm::default(), &batch(12)).await;
    // The batch goes on: what is owed is committed, and nobody has to send it again.
    assert_eq!((processed.retry_from, processed.outcome.alerts_delivered), (None, 0));
    assert_eq!(processed.outcome.indicators_delivered, processed.outcome.indicators);
    let owed = consumer.store.stored(&vendor_series("ACME")).item.owed().len() as u64;
    assert!(owed > 0 && owed == processed.outcome.alerts);
    assert!(processed.outcome.failures.iter().all(|failure| failure.subject == "alert.v1"));
    assert!(!processed.outcome.failures.is_empty());
    let offered = |consumer: &Consumer| -> BTreeSet<Vec<u8>> {
        consumer.events.offered().into_iter().flatten().map(|entry| entry.data).collect()
    };
    let first = offered(&consumer);
    assert_eq!(first.len() as u64, owed);
    // Before it counts as left behind nobody touches it, then every sweep tries it.
    assert_eq!(consumer.sweep().await.due, 0);
    consumer.time.advance(consumer.settings.redeliver_after);
    let swept = consumer.sweep().await;
    assert_eq!((swept.due, swept.alerts_delivered, swept.failures.is_empty()), (1, 0, false));
    consumer.events.puts.none();
    let swept = consumer.sweep().await;
    assert_eq!((swept.alerts_delivered, consumer.store.owed()), (owed, 0));
    let taken: BTreeSet<Vec<u8>> = consumer.events.taken().into_iter().map(|entry| entry.data).collect();
    assert_eq!((&taken, offered(&consumer)), (&first, first.clone()));
    assert_eq!(consumer.sweep().await.due, 0);
}

#[tokio::test]
async fn a_record_of_the_stream_that_is_refused_comes_again_alone() {
    let consumer = consumer();
    consumer.events.puts.script([Some(Fault::Refuse(vec![1]))]);
    let processed = consumer.process(&Warm::default(), &batch(12)).await;
    assert_eq!((processed.outcome.alerts_delivered, consumer.store.owed()), (processed.outcome.alerts, 0));
    let calls: Vec<usize> = consumer.events.offered().iter().map(Vec::len).collect();
    assert_eq!(calls, [processed.outcome.alerts as usize, 1]);
}

#[tokio::test]
async fn a_split_reaches_the_adjusted_series_and_leaves_the_raw_one_alone() {
    use market::{Adjustment, Basis, Decimal, Fact};
    let consumer = Consumer::with(settings_of("SMA(2)", ""));
    let adjusted = |nth: i64, cents: i64| {
        let Fact::Bar(mut bar) = record::bar("ACME", Interval::Min1, minute(nth), cents, true) else { unreachable!() };
        bar.basis = Basis::SplitAdjusted;
        record::payload(Fact::Bar(bar), 0)
    };
    let day = |from: i64, split: i64| {
        let Fact::Bar(mut bar) = record::bar("ACME", Interval::Day, minute(from), 10_000, true) else { unreachable!() };
        let close = bar.bar.prices.close();
        bar.adjustment =
            Some(Adjustment { adjusted_close: close, dividend: 0.into(), split_coefficient: Decimal::from(split) });
        record::payload(Fact::Bar(bar), 0)
    };
    const NEXT_MONDAY: i64 = 3 * 24 * 60;
    let payloads = [
        adjusted(0, 10_000),
        adjusted(1, 10_000),
        super::consumer::bar("ACME", 0),
        super::consumer::bar("ACME", 1),
        day(NEXT_MONDAY, 2),
        day(NEXT_MONDAY, 2),
        adjusted(NEXT_MONDAY, 5_000),
    ];
    let raw = |consumer: &Consumer| consumer.store.stored(&vendor_series("ACME"));
    let mut before = None;
    for (nth, data) in payloads.into_iter().enumerate() {
        if nth == 4 {
            before = Some(raw(&consumer));
        }
        let processed = consumer.process(&Warm::default(), &[record::arrived(0, nth, data)]).await;
        assert_eq!((processed.retry_from, processed.outcome.late), (None, 0));
    }
    assert_eq!(Some(raw(&consumer)), before, "not even written");
    let last = consumer.indicators.lines().pop().unwrap();
    // Each close is three cents above its open.
    assert!(last.contains(r#""close":50.03"#) && last.contains(r#""SMA(2)":50.0225"#), "{last}");
}
