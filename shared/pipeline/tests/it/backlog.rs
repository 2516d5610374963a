//! A backlog: what the sinks acknowledged is written together with the series' next facts.

use jiff::SignedDuration;
use pipeline::Warm;
use testkit::{Fault, record, record::Arrived};

use crate::consumer::{Consumer, bar, vendor_series};

/// Batches of this many bars of one series; a full one is of a backlog.
const FULL: usize = 20;

/// The bars of `ACME` that are in the nth full batch.
fn full(nth: usize) -> Vec<Arrived> {
    (nth * FULL..(nth + 1) * FULL).map(|at| record::arrived(0, at, bar("ACME", at as i64))).collect()
}

/// A batch that is not full.
fn last() -> Vec<Arrived> {
    vec![record::arrived(0, 10 * FULL, bar("BRAV", 0))]
}

fn consumer() -> Consumer {
    Consumer { backlog_records: FULL, ..Consumer::new() }
}

#[tokio::test]
async fn a_series_costs_one_write_per_batch_of_a_backlog_and_owes_nothing_in_the_end() {
    let (consumer, warm) = (consumer(), Warm::default());
    for batch in 0..3 {
        consumer.process(&warm, &full(batch)).await;
        assert_eq!(consumer.store.saves.calls(), batch as u64 + 1);
    }
    assert!(consumer.store.owed() > 0, "the store does not know yet what was acknowledged");
    // A batch that is not full ends it, of whichever series it is.
    consumer.process(&warm, &last()).await;
    assert_eq!(consumer.store.owed(), 0);
    let delivered = consumer.indicators.lines();
    assert_eq!(delivered.len(), consumer.last_readings().len());

    consumer.time.advance(SignedDuration::from_mins(10));
    consumer.sweep().await;
    assert_eq!(consumer.indicators.lines(), delivered, "nothing was left behind");
}

#[tokio::test]
async fn a_process_that_dies_within_a_backlog_costs_a_repetition_and_no_reading() {
    let (consumer, warm) = (consumer(), Warm::default());
    consumer.process(&warm, &full(0)).await;
    consumer.process(&warm, &full(1)).await;
    let delivered = consumer.indicators.lines();
    drop(warm);
    consumer.time.advance(SignedDuration::from_mins(10));
    consumer.sweep().await;
    assert_eq!(consumer.store.owed(), 0);
    // The second batch wrote what was acknowledged of the first; only its own is told again, in the same bytes.
    let repeated = &consumer.indicators.lines()[delivered.len()..];
    assert_eq!(repeated.len(), FULL);
    assert!(repeated.iter().all(|line| delivered.contains(line)));
}

#[tokio::test]
async fn what_waits_survives_other_writers_and_writes_of_unknown_outcome() {
    for fault in [Fault::Overtaken, Fault::Before, Fault::After] {
        let (consumer, warm) = (consumer(), Warm::default());
        consumer.process(&warm, &full(0)).await;
        consumer.store.saves.script([Some(fault.clone())]);
        consumer.process(&warm, &full(1)).await;
        consumer.store.saves.script([Some(fault.clone())]);
        consumer.process(&warm, &last()).await;
        assert_eq!(consumer.store.owed(), 0, "{fault:?}");
        assert_eq!(consumer.indicators.lines().len(), consumer.last_readings().len(), "{fault:?}");
        assert!(warm_is_current(&consumer, &warm).await, "{fault:?}");
    }
}

/// Whether the next batch finds its item without a refusal.
async fn warm_is_current(consumer: &Consumer, warm: &Warm) -> bool {
    let (loads, version) = (consumer.store.loads.calls(), consumer.store.stored(&vendor_series("ACME")).version);
    consumer.process(warm, &full(2)).await;
    consumer.store.loads.calls() == loads && consumer.store.stored(&vendor_series("ACME")).version == version + 1
}
