//! Producing: what is sent, what is sent again, and what the ledger remembers.

use std::collections::{BTreeMap, BTreeSet};

use alphavantage::Request;
use failure::{Kind, Stage};
use jiff::SignedDuration;
use pipeline::port::Fetched;
use testkit::{Fault, crash_after, reply};
use wire::{Entry, Id, PartitionKey};

use crate::poller::{Poller, bars, bars_of, job, quote_of};

fn decoded(entry: &Entry) -> wire::Decoded {
    wire::decode(&entry.data).unwrap()
}

/// The ids that a poll sends when nothing fails.
async fn expected(prices: &[&str]) -> BTreeSet<Id> {
    let poller = Poller::new();
    poller.answers(&bars_of("ACME"), [Ok(bars("ACME", prices))]);
    poller.poll(&[bars_of("ACME")]).await;
    poller.stream.ids()
}

#[tokio::test]
async fn only_what_kinesis_did_not_take_is_sent_again() {
    let poller = Poller::new();
    poller.answers(&bars_of("ACME"), [Ok(bars("ACME", &["10", "11", "12", "13", "14"]))]);
    poller.stream.puts.script([Some(Fault::Refuse(vec![1, 3])), Some(Fault::Refuse(vec![0]))]);
    let outcome = poller.poll(&[bars_of("ACME")]).await;
    assert_eq!((outcome.records, outcome.put), (5, 5));
    let offered = poller.stream.offered();
    let all = &offered[0];
    assert_eq!(offered[1], [all[1].clone(), all[3].clone()]);
    assert_eq!(offered[2], [all[1].clone()]);
    assert_eq!(offered.len(), 3);
    assert_eq!(poller.stream.taken().len(), 5);
    let waits = poller.time.sleeps();
    assert!(waits[0] <= SignedDuration::from_secs(1) && waits[1] <= SignedDuration::from_secs(2), "{waits:?}");
}

#[tokio::test]
async fn a_call_that_failed_after_its_effect_sends_the_same_records_again() {
    let poller = Poller::new();
    poller.answers(&bars_of("ACME"), [Ok(bars("ACME", &["10", "11", "12"]))]);
    poller.stream.puts.script([Some(Fault::After)]);
    let outcome = poller.poll(&[bars_of("ACME")]).await;
    assert_eq!((outcome.put, outcome.dead_lettered, outcome.failures.len()), (3, 0, 1));
    let offered = poller.stream.offered();
    assert_eq!(offered[0], offered[1]);
    assert_eq!((poller.stream.taken().len(), poller.stream.ids().len()), (6, 3));
}

#[tokio::test]
async fn what_is_no_news_is_not_sent_and_a_correction_gets_the_next_revision() {
    let poller = Poller::new();
    let request = [bars_of("ACME")];
    poller.answers(
        &request[0],
        [
            Ok(bars("ACME", &["10", "11"])),
            Ok(bars("ACME", &["10", "11"])),
            Ok(bars("ACME", &["10", "12"])),
            Ok(bars("ACME", &["10", "11", "13"])),
        ],
    );
    assert_eq!(poller.poll(&request).await.put, 2);
    let again = poller.poll(&request).await;
    assert_eq!((again.records, again.deduplicated, again.put), (2, 2, 0));
    assert_eq!(poller.stream.offered().len(), 1, "nothing to send, no call");
    let corrected = poller.poll(&request).await;
    assert_eq!((corrected.deduplicated, corrected.put), (1, 1));
    let back = poller.poll(&request).await;
    assert_eq!((back.deduplicated, back.put), (1, 2));
    let taken: Vec<_> = poller.stream.taken().iter().map(decoded).collect();
    assert_eq!(taken.iter().map(|record| record.rev).collect::<Vec<_>>(), [0, 0, 1, 2, 0]);
    assert!(taken[1].key == taken[2].key && taken[2].key == taken[3].key);
    assert!(taken[1].id != taken[3].id, "back to an old value is a revision of its own");
}

#[tokio::test]
async fn a_fact_that_stands_twice_in_a_reply_is_sent_once_and_the_others_are_kept() {
    let poller = Poller::new();
    let line = |price| format!("ACME,{price},{price},{price},{price},7,2026-11-19\n");
    let csv = ["symbol,open,high,low,price,volume,latestDay\n".to_owned(), line(10), line(10), line(11)].concat();
    let fetched = Fetched { status: 200, content_type: Some("application/x-download".to_owned()), body: csv.into() };
    poller.answers(&quote_of("ACME"), [Ok(fetched)]);
    let outcome = poller.poll(&[quote_of("ACME")]).await;
    assert_eq!((outcome.records, outcome.put, outcome.deduplicated + outcome.dead_lettered), (3, 1, 2));
    assert_eq!(decoded(&poller.stream.taken()[0]).rev, 0);
}

/// For each partition key the ids under it, in the order in which they came first.
fn order(poller: &Poller) -> BTreeMap<PartitionKey, Vec<Id>> {
    let mut order: BTreeMap<PartitionKey, Vec<Id>> = BTreeMap::new();
    for entry in poller.stream.taken() {
        let (id, ids) = (decoded(&entry).id, order.entry(entry.partition_key).or_default());
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    order
}

#[tokio::test]
async fn whatever_fails_the_states_of_markets_keep_the_order_of_their_key() {
    let market = |at: usize| {
        format!(
            r#"{{"market_type":"Equity","region":"R{at}","primary_exchanges":"X","local_open":"09:30","local_close":"16:00","current_status":"open","notes":""}}"#
        )
    };
    let markets: Vec<String> = (0..60).map(market).collect();
    let body = format!(r#"{{"endpoint":"Global Market Open & Close Status","markets":[{}]}}"#, markets.join(","));
    let run = async |share: f64| {
        let poller = Poller::new();
        poller.answers(&Request::MarketStatus, [Ok(reply::json(body.clone()))]);
        poller.stream.puts.records(1, share);
        let outcome = poller.poll(&[Request::MarketStatus]).await;
        assert_eq!((outcome.put, outcome.producer.sent, outcome.producer.failed), (60, 60, 0), "{outcome:#?}");
        assert_eq!(outcome.producer.resent, outcome.producer.refused + outcome.producer.unanswered);
        (order(&poller), outcome.producer.resent)
    };
    let (expected, nothing) = run(0.0).await;
    assert!(nothing == 0 && expected.values().any(|ids| ids.len() > 5));
    let (order, resent) = run(0.2).await;
    assert!(resent > 0);
    assert_eq!(order, expected);
}

#[tokio::test]
async fn wherever_a_poller_is_killed_the_next_one_sends_the_same_ids() {
    let prices = ["10", "11", "12"];
    let expected = expected(&prices).await;
    for polls in 0.. {
        let poller = Poller::new();
        poller.answers(&bars_of("ACME"), [Ok(bars("ACME", &prices))]);
        let request = [bars_of("ACME")];
        let ended = crash_after(polls, poller.poll(&request)).await.is_some();
        poller.poll(&request).await;
        assert_eq!(poller.stream.ids(), expected, "killed at {polls}");
        assert_eq!(poller.poll(&request).await.deduplicated, 3);
        if ended {
            assert!(polls > 8, "{polls} moments are too few");
            return;
        }
    }
}

#[tokio::test]
async fn what_kinesis_never_takes_is_kept_with_its_payload_and_sent_again_by_the_next_poll() {
    let prices = ["10", "11"];
    let poller = Poller::new();
    poller.answers(&bars_of("ACME"), [Ok(bars("ACME", &prices))]);
    poller.stream.puts.always(Fault::Before);
    let outcome = poller.poll(&[bars_of("ACME")]).await;
    assert_eq!((outcome.put, outcome.dead_lettered, poller.stream.offered().len()), (0, 2, 4));
    assert!(poller.time.sleeps().iter().sum::<SignedDuration>() <= SignedDuration::from_secs(7));
    for (letter, entry) in poller.dead_letters.letters().iter().zip(&poller.stream.offered()[0]) {
        assert_eq!(letter.payload, entry.data);
        assert_eq!(letter.place.partition_key.as_deref(), Some(entry.partition_key.as_str()));
        assert_eq!((letter.failure.stage, letter.failure.kind), (Stage::Produce, Kind::Unavailable));
    }
    poller.stream.puts.none();
    assert_eq!(poller.poll(&[bars_of("ACME")]).await.put, 2);
    assert_eq!(poller.stream.ids(), expected(&prices).await);
}

#[tokio::test]
async fn one_record_that_is_always_refused_does_not_take_the_others_with_it() {
    let poller = Poller::new();
    poller.answers(&bars_of("ACME"), [Ok(bars("ACME", &["10", "11", "12"]))]);
    let refuse = |at| Some(Fault::Refuse(vec![at]));
    poller.stream.puts.script([refuse(1), refuse(0), refuse(0), refuse(0)]);
    poller.dead_letters.keeps.script([Some(Fault::Before)]);
    let outcome = poller.poll(&[bars_of("ACME")]).await;
    assert_eq!((outcome.put, outcome.dead_lettered, outcome.in_flight), (2, 0, 1), "not even the letter was kept");
    let outcome = poller.poll(&[bars_of("ACME")]).await;
    assert_eq!((outcome.deduplicated, outcome.put), (2, 1));
}

#[tokio::test]
async fn near_the_deadline_what_is_left_is_filed_instead_of_tried_again() {
    let poller = Poller::new();
    poller.time.begin_invocation(SignedDuration::from_secs(11));
    poller.answers(&bars_of("ACME"), [Ok(bars("ACME", &["10"]))]);
    poller.stream.puts.always(Fault::Before);
    let outcome = poller.poll(&[bars_of("ACME")]).await;
    assert_eq!(outcome.dead_lettered, 1);
    assert!(poller.time.sleeps().iter().sum::<SignedDuration>() <= SignedDuration::from_secs(5));
}

#[tokio::test]
async fn two_pollers_at_once_end_with_one_ledger() {
    let poller = Poller::new();
    let request = [bars_of("ACME")];
    let bar = |at| (format!("2026-11-20 10:0{at}:00"), "10".to_owned());
    let series = |range: std::ops::Range<u8>| Ok(reply::intraday("ACME", "1min", &range.map(bar).collect::<Vec<_>>()));
    poller.answers(&request[0], [series(0..3), series(2..4), series(0..4)]);
    let (quotes, mut other) = (job(&request), job(&request));
    other.name = "another";
    let (one, two) = tokio::join!(poller.run(&quotes), poller.run(&other));
    assert_eq!((one.put + two.put, one.deduplicated + two.deduplicated), (5, 0), "neither knew of the other: {one:#?}");
    assert!(poller.ledger.saves.calls() > 4, "one of them had to look again");
    assert_eq!((poller.stream.taken().len(), poller.stream.ids().len()), (5, 4));
    assert_eq!(poller.poll(&request).await.deduplicated, 4);
}

#[tokio::test]
async fn two_runs_of_one_job_at_once_ask_once() {
    let poller = Poller::new();
    let request = [bars_of("ACME")];
    poller.answers(&request[0], [Ok(bars("ACME", &["10", "11"]))]);
    let (one, two) = tokio::join!(poller.poll(&request), poller.poll(&request));
    assert_eq!((one.calls + two.calls, one.put + two.put, one.not_asked + two.not_asked), (1, 2, 1));
    let reason = one.stopped.or(two.stopped).unwrap();
    assert!(reason.contains("another run of this job is under way"), "{reason}");
}

#[tokio::test]
async fn a_ledger_that_others_write_again_and_again_delays_and_loses_nothing() {
    let poller = Poller::new();
    let request = [bars_of("ACME")];
    poller.answers(&request[0], [Ok(bars("ACME", &["10", "11"]))]);
    poller.ledger.saves.always(Fault::Overtaken);
    let outcome = poller.poll(&request).await;
    assert_eq!((outcome.put, outcome.in_flight, outcome.failures[0].kind), (0, 2, Kind::Contended));
    assert!(poller.stream.offered().is_empty(), "without its revisions written down nothing is sent");
    // Written ahead at the second try, and noted as sent although the answer did not come.
    poller.ledger.saves.script([Some(Fault::Overtaken), None, Some(Fault::After)]);
    assert_eq!(poller.poll(&request).await.put, 2);
    assert_eq!(poller.stream.ids().len(), 2);
    assert_eq!(poller.poll(&request).await.deduplicated, 2, "the write had its effect");
}

#[tokio::test]
async fn without_its_ledger_a_poll_sends_nothing_and_says_why() {
    let poller = Poller::new();
    let request = [bars_of("ACME")];
    poller.answers(&request[0], [Ok(bars("ACME", &["10", "-11"]))]);
    poller.ledger.loads.script([Some(Fault::Before), Some(Fault::Before)]);
    let outcome = poller.poll(&request).await;
    assert_eq!((outcome.in_flight, outcome.failures[0].kind), (2, Kind::Unavailable));
    poller.ledger.spoil("bar|ACME|1min");
    poller.ledger.spoil("rejected|TIME_SERIES_INTRADAY ACME 1min");
    let outcome = poller.poll(&request).await;
    assert_eq!((outcome.in_flight, outcome.failures[0].kind), (2, Kind::UnknownState));
    assert!(outcome.failures[0].reason.contains("deploy the version that wrote it, or delete the item"));
    assert!(poller.stream.offered().is_empty() && poller.dead_letters.letters().is_empty());
}

#[tokio::test]
async fn a_row_that_breaks_a_rule_is_kept_once() {
    let poller = Poller::new();
    let request = [bars_of("ACME")];
    poller.answers(&request[0], [Ok(bars("ACME", &["10", "-11", "12"]))]);
    poller.dead_letters.keeps.script([Some(Fault::Before)]);
    let outcome = poller.poll(&request).await;
    assert_eq!((outcome.put, outcome.dead_lettered, outcome.in_flight), (2, 0, 1));
    let outcome = poller.poll(&request).await;
    assert_eq!((outcome.deduplicated, outcome.dead_lettered), (2, 1));
    let letter = &poller.dead_letters.letters()[0];
    assert_eq!((letter.failure.stage, letter.failure.kind), (Stage::Validate, Kind::InvalidRow));
    assert!(letter.failure.reason.contains("`-11`"), "{}", letter.failure.reason);
    assert!(String::from_utf8_lossy(&letter.payload).contains("2026-11-20 10:01:00"));
    assert_eq!(poller.poll(&request).await.deduplicated, 3);
    assert_eq!(poller.dead_letters.letters().len(), 1);
}

/// The ids and the contents that a key has under one revision.
fn contents(poller: &Poller) -> BTreeSet<(wire::Key, u32)> {
    let ids: BTreeSet<_> = poller.stream.taken().iter().map(|entry| decoded(entry).id).collect();
    let revisions: BTreeSet<_> =
        poller.stream.taken().iter().map(decoded).map(|record| (record.key, record.rev)).collect();
    assert_eq!(ids.len(), revisions.len(), "one revision of one key has two contents");
    revisions
}

#[tokio::test]
async fn a_correction_after_a_crash_anywhere_never_shares_a_revision_with_what_it_corrects() {
    for polls in 0.. {
        let poller = Poller::new();
        let request = [bars_of("ACME")];
        poller.answers(&request[0], [Ok(bars("ACME", &["10", "11"]))]);
        let ended = crash_after(polls, poller.poll(&request)).await.is_some();
        poller.answers(&request[0], [Ok(bars("ACME", &["10", "12"]))]);
        poller.poll(&request).await;
        contents(&poller);
        // The current value is the greatest revision, and that is the correction.
        let latest = poller
            .stream
            .taken()
            .iter()
            .map(decoded)
            .max_by_key(|record| (record.fact.as_ref().unwrap().event_time(), record.rev));
        let market::Fact::Bar(bar) = latest.unwrap().fact.unwrap() else { panic!("no bar") };
        assert_eq!(bar.bar.prices.close().to_string(), "12", "killed at {polls}");
        assert_eq!(poller.poll(&request).await.deduplicated, 2);
        if ended {
            assert!(polls > 12, "{polls} moments are too few");
            return;
        }
    }
}

#[tokio::test]
async fn what_is_unusual_is_flagged_and_told_once_and_goes_out_all_the_same() {
    let poller = Poller::new();
    let request = [bars_of("ACME")];
    let calm: Vec<String> = (0..40).map(|nth| format!("{}", 100 + nth % 2)).collect();
    let mut prices: Vec<&str> = calm.iter().map(String::as_str).collect();
    prices.push("150");
    poller.answers(&request[0], [Ok(bars("ACME", &prices))]);
    let outcome = poller.poll(&request).await;
    assert_eq!((outcome.put, outcome.alerts), (41, 1));
    let text = |entry: &Entry| String::from_utf8(entry.data.clone()).unwrap();
    let flagged: Vec<_> = poller.stream.taken().iter().map(text).filter(|line| line.contains("price_spike")).collect();
    assert_eq!(flagged.len(), 1);
    assert!(flagged[0].contains(r#""close":150"#), "{flagged:?}");
    let alert = text(&poller.alerts.taken()[0]);
    assert!(alert.starts_with(r#"{"schema":"alert.v1""#) && alert.contains(r#""type":"price_spike""#), "{alert}");
    assert!(poller.alerts.taken()[0].partition_key.as_str().starts_with("event_price_spike_"));
    // Nothing is news the second time, neither the bar nor the alert.
    let again = poller.poll(&request).await;
    assert_eq!((again.deduplicated, again.put, again.alerts), (41, 0, 0));
    assert_eq!(poller.alerts.taken().len(), 1);
    // An id has nothing to do with flags.
    assert!(poller.stream.ids().is_superset(&expected(&prices[..40]).await));
}

#[tokio::test]
async fn a_crash_before_the_alert_is_told_loses_neither_flag_nor_alert() {
    let prices: Vec<String> = (0..40).map(|nth| format!("{}", 100 + nth % 2)).chain(["150".to_owned()]).collect();
    let prices: Vec<&str> = prices.iter().map(String::as_str).collect();
    for polls in 0.. {
        let poller = Poller::new();
        let request = [bars_of("ACME")];
        poller.answers(&request[0], [Ok(bars("ACME", &prices))]);
        let ended = crash_after(polls, poller.poll(&request)).await.is_some();
        poller.poll(&request).await;
        let alerts: BTreeSet<_> = poller.alerts.ids();
        assert_eq!(alerts.len(), 1, "killed at {polls}");
        if ended {
            return;
        }
    }
}

#[tokio::test]
async fn a_poll_whose_rows_could_not_be_settled_is_no_success() {
    let mut poller = Poller::new();
    poller.settings.hours = pipeline::MarketHours::Respected;
    let request = [bars_of("ACME")];
    poller.answers(&request[0], [Ok(bars("ACME", &["10"]))]);
    poller.ledger.loads.script([Some(Fault::Before)]);
    let job = job(&request);
    assert_eq!(poller.run(&job).await.in_flight, 1);
    let cursor = poller.ledger.cursor("poll-equities|quotes", &job.entries).unwrap();
    assert_eq!((cursor.attempted_at(0).is_some(), cursor.succeeded_at(0)), (true, None));
    assert_eq!(poller.run(&job).await.put, 1);
    let cursor = poller.ledger.cursor("poll-equities|quotes", &job.entries).unwrap();
    assert!(cursor.succeeded_at(0).is_some());
}
