//! Processing a batch: what is archived, computed, kept as a dead letter, and asked for again.

use std::collections::BTreeSet;

use failure::{Kind, Stage};
use jiff::SignedDuration;
use market::Interval;
use pipeline::Warm;
use testkit::{Fault, crash_after, record, record::Arrived};

use crate::consumer::{Consumer, NOW, bar, bars, identity, minute, sampled_series, settings, vendor_series};

fn payloads(batch: &[Arrived]) -> Vec<String> {
    batch.iter().map(|record| String::from_utf8(record.data.clone()).unwrap()).collect()
}

/// A good bar with one part of its text replaced.
fn broken(from: &str, to: &str) -> Vec<u8> {
    let good = String::from_utf8(bar("ACME", 7)).unwrap();
    let broken = good.replacen(from, to, 1);
    assert_ne!(good, broken);
    broken.into_bytes()
}

#[tokio::test]
async fn a_good_batch_is_archived_in_order_and_its_readings_are_delivered() {
    let consumer = Consumer::new();
    let batch = bars("ACME", 40, 0);
    let processed = consumer.process(&Warm::default(), &batch).await;
    let outcome = processed.outcome;
    assert_eq!((processed.retry_from, outcome.delivered, outcome.bars), (None, 40, 40));
    assert_eq!(consumer.archive.lines(), payloads(&batch));
    // RSI and ATR read from the bar with index 14 on.
    assert_eq!((outcome.indicators, outcome.indicators_delivered), (26, 26));
    let readings = consumer.indicators.lines();
    assert_eq!(consumer.last_readings().len(), 26);
    assert!(readings[0].contains(r#""rev":0"#) && readings[0].contains(r#""timestamp":"2026-11-20T14:44:00.000Z""#));
    assert_eq!(consumer.store.owed(), 0);
    assert!(outcome.failures.is_empty(), "{outcome:#?}");

    // The same batch again: archived again under its own ids, and no reading more.
    let again = consumer.process(&Warm::default(), &batch).await;
    assert_eq!((again.outcome.delivered, again.outcome.indicators), (40, 0));
    assert_eq!(consumer.indicators.lines(), readings);
}

#[tokio::test]
async fn what_can_never_succeed_is_kept_with_its_payload_and_the_rest_goes_on() {
    let spoilt = |consumer: &Consumer| consumer.store.spoil(&vendor_series("OLD"));
    for (payload, kind, reason) in [
        (vec![b'{', 0xff, 0xfe], Kind::NotJson, "send JSON in UTF-8"),
        (b"{\"schema\":\"bar.v1\",".to_vec(), Kind::NotJson, "not a JSON object with an envelope"),
        (b"[1, 2]".to_vec(), Kind::NotJson, "not a JSON object with an envelope"),
        (broken("bar.v1", "bar.v9"), Kind::UnknownSchema, "known: quote.v1, bar.v1, rate.v1"),
        (broken("\"open\":", "\"open\":-"), Kind::InvalidRecord, "`open` is wrong: price `-"),
        (broken("\"close\"", "\"clothes\""), Kind::InvalidRecord, "no field `close`"),
        (broken("1min", "7min"), Kind::InvalidRecord, "allowed: 1min, 5min"),
        (bar("OLD", 3), Kind::UnknownState, "deploy the version that wrote it, then redrive"),
    ] {
        let consumer = Consumer::new();
        spoilt(&consumer);
        let mut batch = bars("ACME", 20, 0);
        batch.insert(10, record::arrived(0, 500, payload.clone()));
        let processed = consumer.process(&Warm::default(), &batch).await;
        assert_eq!(processed.retry_from, None, "{reason}");
        assert_eq!((processed.outcome.delivered, processed.outcome.dead_lettered), (20, 1));
        assert_eq!((consumer.archive.lines().len(), consumer.last_readings().len()), (20, 6));
        let letters = consumer.dead_letters.letters();
        let letter = &letters[0];
        assert_eq!((letters.len(), &letter.payload, letter.failure.kind), (1, &payload, kind));
        assert!(letter.failure.reason.contains(reason), "{}", letter.failure.reason);
        let place = &letter.place;
        assert_eq!((&*place.function, place.stream.as_deref()), ("compute-indicators", Some("stream")));
        assert_eq!(place.shard.as_deref(), Some(&*batch[10].shard));
        assert_eq!(place.sequence_number.as_deref(), Some(&*batch[10].sequence_number));
        assert_eq!(batch[10].sequence_number.len(), 56);
        assert_eq!(letter.id.is_some(), kind == Kind::UnknownState);
        assert_eq!(processed.outcome.failures[0].kind, kind);
    }
}

#[tokio::test]
async fn a_record_too_large_for_the_archive_is_kept_and_does_not_hold_up_the_shard() {
    let consumer = Consumer::new();
    let padding = "x".repeat(wire::limits::FIREHOSE_RECORD_BYTES - 300);
    let large = broken("\"flags\"", &format!("\"padding\":\"{padding}\",\"flags\""));
    assert!(large.len() < wire::limits::KINESIS_RECORD_BYTES, "a stream takes it");
    let mut batch = bars("ACME", 3, 0);
    batch.insert(1, record::arrived(0, 500, large.clone()));
    let processed = consumer.process(&Warm::default(), &batch).await;
    assert_eq!((processed.retry_from, processed.outcome.dead_lettered, processed.outcome.delivered), (None, 1, 3));
    let letter = &consumer.dead_letters.letters()[0];
    assert_eq!((&letter.payload, letter.failure.kind), (&large, Kind::Oversized));
    assert_eq!(consumer.store.stored(&vendor_series("ACME")).version, 1, "its fact was not taken either");
}

#[tokio::test]
async fn from_the_first_record_that_may_succeed_later_everything_comes_again() {
    let consumer = Consumer::new();
    let data = [
        bar("ACME", 0),
        b"poison one".to_vec(),
        bar("BRAV", 0),
        bar("DOWN", 0),
        bar("ACME", 1),
        b"poison two".to_vec(),
        bar("DOWN", 1),
    ];
    let batch: Vec<Arrived> = (98..).zip(data).map(|(nth, data)| record::arrived(0, nth, data)).collect();
    consumer.store.break_down(&vendor_series("DOWN"));
    let processed = consumer.process(&Warm::default(), &batch).await;
    assert_eq!(processed.retry_from.as_deref(), Some("49590338271490256608559692538361571095920000000000000101"));
    assert_eq!(processed.outcome.settled, 3);
    assert_eq!(processed.outcome.failures[0].kind, Kind::Unavailable);
    assert_eq!(consumer.archived(), [identity(&batch[0].data), identity(&batch[2].data)]);
    let letters = || consumer.dead_letters.letters().into_iter().map(|letter| letter.payload).collect::<Vec<_>>();
    assert_eq!(letters(), [b"poison one"]);

    consumer.store.mend(&vendor_series("DOWN"));
    let processed = consumer.process(&Warm::default(), &batch[3..]).await;
    assert_eq!((processed.retry_from, processed.outcome.settled), (None, 4));
    assert_eq!(consumer.archived().len(), 5);
    assert_eq!(letters(), [b"poison one", b"poison two"]);
}

#[tokio::test]
async fn the_same_record_twice_in_a_batch_is_archived_once() {
    let consumer = Consumer::new();
    let mut batch = bars("ACME", 3, 0);
    batch.extend(bars("ACME", 2, 3));
    let processed = consumer.process(&Warm::default(), &batch).await;
    let outcome = processed.outcome;
    assert_eq!((outcome.records, outcome.settled, outcome.delivered, outcome.duplicates), (5, 5, 3, 2));
    assert_eq!(consumer.archive.lines(), payloads(&batch[..3]));
}

#[tokio::test]
async fn where_dead_letters_cannot_be_kept_the_first_of_them_comes_again() {
    let consumer = Consumer::new();
    let mut batch = bars("ACME", 4, 0);
    batch[2].data = b"poison".to_vec();
    consumer.dead_letters.keeps.script([Some(Fault::Before)]);
    let processed = consumer.process(&Warm::default(), &batch).await;
    assert_eq!(processed.retry_from, Some(batch[2].sequence_number.clone()));
    assert_eq!((processed.outcome.delivered, processed.outcome.dead_lettered), (2, 0));
    assert_eq!(consumer.archive.lines(), payloads(&batch[..2]));
    let processed = consumer.process(&Warm::default(), &batch[2..]).await;
    assert_eq!((processed.outcome.delivered, processed.outcome.dead_lettered), (1, 1));
}

#[tokio::test]
async fn what_the_archive_does_not_take_comes_again() {
    // Three to a Firehose record, so that the sink can refuse one record of the call.
    let large = |nth| {
        let padding = " ".repeat(300_000);
        let text = String::from_utf8(bar("ACME", nth)).unwrap().replacen('{', &format!("{{{padding}"), 1);
        record::arrived(0, nth as usize, text.into_bytes())
    };
    let consumer = Consumer::new();
    let batch: Vec<Arrived> = (0..9).map(large).collect();
    consumer.archive.deliveries.script([Some(Fault::Refuse(vec![1])), Some(Fault::Refuse(vec![0]))]);
    let processed = consumer.process(&Warm::default(), &batch).await;
    assert_eq!((processed.retry_from, processed.outcome.delivered), (None, 9), "refused twice, then taken");
    assert_eq!((consumer.archive.deliveries.calls(), consumer.archive.lines().len()), (3, 9));

    let consumer = Consumer::new();
    let refused = std::iter::once(vec![1]).chain(std::iter::repeat_n(vec![0], 3));
    consumer.archive.deliveries.script(refused.map(|places| Some(Fault::Refuse(places))));
    let mut batch = batch;
    batch[5].data = b"poison".to_vec();
    let processed = consumer.process(&Warm::default(), &batch).await;
    assert_eq!(processed.retry_from, Some(batch[3].sequence_number.clone()));
    assert_eq!((processed.outcome.delivered, processed.outcome.dead_lettered), (3, 0));
    assert!(processed.outcome.failures.iter().any(|failure| failure.stage == Stage::Deliver));

    // An archive that is down, and one whose answer is lost.
    for (fault, lines) in [(Fault::Before, 0), (Fault::After, 4 * 5)] {
        let consumer = Consumer::new();
        consumer.archive.deliveries.always(fault);
        let batch = bars("ACME", 5, 0);
        let processed = consumer.process(&Warm::default(), &batch).await;
        assert_eq!((processed.retry_from, processed.outcome.settled), (Some(batch[0].sequence_number.clone()), 0));
        assert_eq!(consumer.archive.lines().len(), lines);
    }
}

#[tokio::test]
async fn readings_that_the_sink_does_not_take_stay_owed_until_the_sweep_delivers_the_same_bytes() {
    for fault in [Fault::Before, Fault::After] {
        let consumer = Consumer::new();
        let id = vendor_series("ACME");
        consumer.indicators.deliveries.always(fault);
        let processed = consumer.process(&Warm::default(), &bars("ACME", 20, 0)).await;
        assert_eq!((processed.retry_from, processed.outcome.delivered), (None, 20), "the batch is done");
        assert_eq!((processed.outcome.indicators, processed.outcome.indicators_delivered), (6, 0));
        assert_eq!(processed.outcome.failures[0].stage, Stage::Deliver);
        let item = consumer.store.stored(&id).item;
        let mut owed = wire::Lines::default();
        item.owed().iter().for_each(|one| assert!(one.push_line(&id, &mut owed)));
        let owed: Vec<String> = std::str::from_utf8(owed.bytes()).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(owed.len(), 6);

        consumer.indicators.deliveries.none();
        let before = consumer.indicators.lines().len();
        consumer.time.advance(settings().redeliver_after);
        let swept = consumer.sweep().await;
        assert_eq!((swept.due, swept.swept, swept.indicators, swept.indicators_delivered), (1, 1, 0, 6));
        assert_eq!(consumer.indicators.lines()[before..], owed);
        assert_eq!((consumer.store.owed(), consumer.last_readings().len()), (0, 6));
    }
}

#[tokio::test]
async fn a_series_that_owes_too_much_asks_for_its_records_again() {
    let consumer = Consumer::new();
    consumer.indicators.deliveries.always(Fault::Before);
    let warm = Warm::default();
    let all = bars("ACME", 600, 0);
    let mut from = 0;
    let owing = loop {
        let processed = consumer.process(&warm, &all[from..from + 50]).await;
        from += processed.outcome.settled as usize;
        if processed.retry_from.is_some() {
            break processed;
        }
    };
    assert!((100..600).contains(&from), "{from}");
    let failure = owing.outcome.failures.iter().find(|failure| failure.kind == Kind::Owing).unwrap();
    assert!(failure.kind.is_retryable() && failure.reason.contains("see why deliveries fail"));
    assert_eq!(owing.outcome.settled, 0, "no record of that series is settled");

    consumer.indicators.deliveries.none();
    consumer.time.advance(settings().redeliver_after);
    while from < all.len() {
        let processed = consumer.process(&warm, &all[from..(from + 50).min(all.len())]).await;
        assert_eq!(processed.retry_from, None, "{processed:#?}");
        from += processed.outcome.settled as usize;
    }
    let undisturbed = Consumer::new();
    undisturbed.process(&Warm::default(), &all).await;
    consumer.check_same(&undisturbed, "in the end");
    assert_eq!((consumer.store.owed(), consumer.last_readings().len()), (0, 600 - 14));
}

#[tokio::test]
async fn writers_of_the_same_series_at_once_lose_nothing() {
    // Half of the bars come first: no bar of the other half is too far behind then, whoever is late.
    let all = bars("ACME", 24, 0);
    let undisturbed = Consumer::new();
    undisturbed.process(&Warm::default(), &all).await;
    let thirds: [Vec<Arrived>; 3] = std::array::from_fn(|part| all[12 + part..].iter().step_by(3).cloned().collect());
    let consumer = Consumer::new();
    let warm = [Warm::default(), Warm::default(), Warm::default()];
    consumer.process(&warm[0], &all[..12]).await;
    for round in 0..2 {
        let (one, two, three) = tokio::join!(
            consumer.process(&warm[0], &thirds[0]),
            consumer.process(&warm[1], &thirds[1]),
            consumer.process(&warm[2], &thirds[2]),
        );
        assert!([one, two, three].iter().all(|processed| processed.retry_from.is_none()), "round {round}");
    }
    assert!(consumer.store.saves.calls() > 8, "some writes were refused");
    let lines = consumer.indicators.lines();
    assert_eq!(lines.iter().collect::<BTreeSet<_>>().len(), lines.len(), "each delivers its own readings alone");
    assert_eq!(consumer.store.owed(), 0);
    consumer.check_same(&undisturbed, "in the end");
}

#[tokio::test]
async fn refused_and_unknown_writes_converge() {
    use Fault::*;
    let undisturbed = Consumer::new();
    undisturbed.process(&Warm::default(), &bars("ACME", 20, 0)).await;
    let all = bars("ACME", 20, 0);
    for faults in [
        vec![Overtaken],
        vec![Before],
        vec![After],
        vec![After, Overtaken],
        vec![Overtaken, After, Before, Overtaken, After],
    ] {
        // The faults hit the writing of the facts, then that of the acknowledgement.
        for clean in 0..2 {
            let consumer = Consumer::new();
            let clean = std::iter::repeat_n(None, clean);
            consumer.store.saves.script(clean.chain(faults.iter().cloned().map(Some)));
            let processed = consumer.process(&Warm::default(), &all).await;
            assert_eq!((processed.retry_from, processed.outcome.delivered), (None, 20), "{faults:?}");
            if !faults.contains(&Overtaken) {
                // Its own readings, though it could not know at once that it had written them.
                assert_eq!(processed.outcome.indicators_delivered, 6, "{faults:?}");
            }
            consumer.time.advance(settings().redeliver_after);
            consumer.sweep().await;
            consumer.check_same(&undisturbed, "{faults:?}");
            assert_eq!(consumer.store.owed(), 0, "{faults:?}");
        }
    }
}

#[tokio::test]
async fn a_series_whose_writes_never_succeed_is_given_up_in_time() {
    let consumer = Consumer::new();
    consumer.store.saves.always(Fault::Overtaken);
    let batch = bars("ACME", 2, 0);
    let processed = consumer.process(&Warm::default(), &batch).await;
    assert_eq!(processed.retry_from, Some(batch[0].sequence_number.clone()));
    assert_eq!(processed.outcome.failures[0].kind, Kind::Contended);
    assert!(consumer.time.sleeps().iter().sum::<SignedDuration>() < SignedDuration::from_secs(10));
    // With little time left it does not even begin to wait.
    let waits = consumer.time.sleeps().len();
    consumer.time.begin_invocation(SignedDuration::from_secs(4));
    consumer.process(&Warm::default(), &batch).await;
    assert_eq!(consumer.time.sleeps().len(), waits);
}

#[tokio::test]
async fn wherever_a_consumer_is_killed_the_batch_comes_again_and_nothing_is_lost() {
    let mut batch = bars("ACME", 18, 0);
    batch.extend((0..3).map(|nth| {
        let rate = record::rate("BTC/USD", minute(nth), 9_000 + nth);
        record::arrived(0, 50 + nth as usize, record::payload(rate, 0))
    }));
    batch.push(record::arrived(0, 99, b"poison".to_vec()));
    let undisturbed = Consumer::new();
    undisturbed.process(&Warm::default(), &batch).await;
    for polls in 0.. {
        let consumer = Consumer::new();
        let ended = crash_after(polls, consumer.process(&Warm::default(), &batch)).await.is_some();
        let processed = consumer.process(&Warm::default(), &batch).await;
        assert_eq!((processed.retry_from, processed.outcome.settled), (None, 22), "killed at {polls}");
        consumer.time.advance(settings().redeliver_after);
        consumer.sweep().await;
        consumer.check_same(&undisturbed, &format!("killed at {polls}"));
        assert_eq!(consumer.store.owed(), 0, "killed at {polls}");
        assert!(consumer.archived().len() >= 21 && !consumer.dead_letters.letters().is_empty());
        if ended {
            assert!(polls > 8, "{polls} moments are too few");
            return;
        }
    }
}

#[tokio::test]
async fn rates_quotes_and_bars_find_their_series() {
    let consumer = Consumer::new();
    let day = "2026-11-19".parse().unwrap();
    let facts = [
        record::quote("ACME", day, 5_000, true),
        record::bar("ACME", Interval::Min5, minute(0), 5_100, true),
        record::bar("ACME", Interval::Min1, minute(0), 5_100, false),
        record::rate("BTC/USD", minute(1), 9_000_000),
    ];
    let batch: Vec<Arrived> =
        (0..).zip(facts).map(|(nth, fact)| record::arrived(0, nth, record::payload(fact, 0))).collect();
    let processed = consumer.process(&Warm::default(), &batch).await;
    // The partial bar stays open; the rate's minute has been over for long.
    assert_eq!((processed.outcome.delivered, processed.outcome.bars), (4, 3), "{NOW}");
    for id in [vendor_series("ACME"), sampled_series("BTC/USD"), "symbol|ACME|vendor|raw|daily".parse().unwrap()] {
        assert_eq!(consumer.store.stored(&id).version, 1, "{id}");
    }
}
