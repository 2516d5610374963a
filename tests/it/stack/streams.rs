//! What lies in a stream reaches S3 or the dead letters: each record once, and nothing besides.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use market::{Fact, Interval, Timestamp};
use serde_json::Value;
use series::{Item, Sets};
use testkit::record::bar;

use super::deployed::{Payload, Stack, payload};

const STREAM: &str = "FinancialStreamName";

/// Final one-minute bars of a session's morning, with closes that rise and fall.
fn bars(symbol: &str, count: u32) -> Vec<Payload> {
    let open: Timestamp = "2026-01-15T14:30:00Z".parse().unwrap();
    let fact = |minute: u32| -> Fact {
        let cents = 20_000 + i64::from(minute * 37 % 29);
        bar(symbol, Interval::Min1, open + Duration::from_secs(60) * minute, cents, true)
    };
    (0..count).map(|minute| payload(fact(minute))).collect()
}

fn sorted(payloads: &[Payload]) -> Vec<Vec<u8>> {
    let mut data: Vec<_> = payloads.iter().map(|payload| payload.data.clone()).collect();
    data.sort();
    data
}

fn texts(lines: &[Vec<u8>]) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

/// Whether each of these has an id of its own.
fn distinct(records: &[Value]) -> bool {
    let ids: BTreeSet<&str> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
    ids.len() == records.len()
}

#[tokio::test]
async fn what_lies_in_the_stream_reaches_s3_each_record_once() {
    let stack = Stack::start(&[]).await;
    let offered = [bars("ALFA", 40), bars("BRA.VO", 40)].concat();
    let (first, rest) = offered.split_at(50);
    stack.put(STREAM, first).await;
    stack.put(STREAM, rest).await;
    stack.processed(80).await;

    // Lines of the archive are the records, byte for byte.
    assert_eq!(texts(&stack.archive().await), texts(&sorted(&offered)));
    let readings = stack.readings().await;
    assert_eq!(readings.len(), 2 * 40, "volumes are read from the first bar on");
    assert!(distinct(&readings));
    for symbol in ["ALFA", "BRA.VO"] {
        let of_symbol: Vec<&Value> = readings.iter().filter(|reading| reading["symbol"] == symbol).collect();
        let counts: Vec<_> = of_symbol.iter().map(|reading| reading["bars"].as_u64().unwrap()).collect();
        assert_eq!(counts, (1..=40).collect::<Vec<u64>>());
        let last = of_symbol.last().unwrap();
        assert_eq!((&last["schema"], &last["timestamp"]), (&"indicator.v1".into(), &"2026-01-15T15:09:00.000Z".into()));
        let closes = (20..40).map(|minute: u32| 200.03 + f64::from(minute * 37 % 29) / 100.0);
        let (sma, naive) = (last["values"]["SMA(20)"].as_f64().unwrap(), closes.sum::<f64>() / 20.0);
        assert!((sma - naive).abs() < 1e-9 * naive, "{sma} is not {naive}");
    }
    assert_eq!(stack.dead_letters().await, Vec::<Value>::new());

    // The series know that nothing is owed, and so nobody has to look at them again.
    for symbol in ["ALFA", "BRA.VO"] {
        let item = stack.item(&format!("series#symbol|{symbol}|vendor|raw|intraday")).await.unwrap();
        let state = Item::decode(item["state"].as_b().unwrap().as_ref(), &Sets::default()).unwrap();
        assert_eq!((state.owed(), state.next_number()), (&[][..], 40));
        assert!(!item.contains_key("due_at") && !item.contains_key("due_bucket"), "{item:?}");
    }
}

/// A good record spoiled: the text `from` becomes `to`.
fn spoiled(good: &Payload, from: &str, to: &[u8]) -> Payload {
    let at = good.data.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    let data = [&good.data[..at], to, &good.data[at + from.len()..]].concat();
    Payload { data, ..good.clone() }
}

/// The payload that a dead letter keeps.
fn kept(letter: &Value) -> Vec<u8> {
    match letter["payload"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => BASE64.decode(letter["payload_base64"].as_str().unwrap()).unwrap(),
    }
}

#[tokio::test]
async fn bad_records_become_dead_letters_and_the_good_ones_among_them_go_on() {
    let stack = Stack::start(&[]).await;
    let good = bars("CHAR-LIE", 20);
    let bad = [
        (spoiled(&good[1], "CHAR-LIE", b"CHAR-L\xefE"), "not_json", "is not UTF-8: byte ", "send JSON in UTF-8"),
        (
            Payload { data: good[2].data[..90].to_vec(), ..good[2].clone() },
            "not_json",
            "is not a JSON object",
            "send one with schema",
        ),
        (
            spoiled(&good[3], "bar.v1", b"bar.v9"),
            "unknown_schema",
            "schema `bar.v9` is not read here",
            "known: quote.v1",
        ),
        (
            spoiled(&good[4], "\"close\":", b"\"close\":-"),
            "invalid_record",
            "field `close` is wrong: price `-",
            "correct it and send the record again",
        ),
        (
            spoiled(&good[5], "\"high\":2", b"\"high\":1"),
            "invalid_record",
            "the bar is impossible: high `1",
            "correct it and send the record again",
        ),
    ];
    // One bad record after every third good one.
    let mut offered = Vec::new();
    let mut spoils = bad.iter().map(|(payload, ..)| payload);
    for three in good.chunks(3) {
        offered.extend_from_slice(three);
        offered.extend(spoils.next().cloned());
    }
    assert_eq!(offered.len(), 25);
    stack.put(STREAM, &offered).await;
    let outcomes = stack.processed(25).await;

    let letters = stack.dead_letters().await;
    assert_eq!(letters.len(), bad.len(), "{letters:#?}");
    let records = stack.records(STREAM).await;
    for (payload, kind, problem, advice) in &bad {
        let letter = letters.iter().find(|letter| kept(letter) == payload.data);
        let letter = letter.unwrap_or_else(|| panic!("no dead letter keeps {payload:?}: {letters:#?}"));
        let record = records.iter().find(|record| record.data == payload.data).unwrap();
        let reason = letter["reason"].as_str().unwrap();
        assert!(reason.contains(problem) && reason.contains(advice), "{reason}");
        for (field, expected) in [
            ("schema", "dead_letter.v1"),
            ("stage", "decode"),
            ("kind", *kind),
            ("function", "compute-indicators"),
            ("stream", stack.output(STREAM)),
            ("shard", record.shard.as_str()),
            ("sequence_number", record.sequence_number.as_str()),
            ("partition_key", record.partition_key.as_str()),
        ] {
            assert_eq!(letter[field], expected, "{field} of {letter:#}");
        }
        assert_eq!(letter["retryable"], false);
        assert_eq!(letter.get("payload").is_some(), std::str::from_utf8(&payload.data).is_ok());
    }

    // Offered is what is done and what is dead, and no record is both.
    let archived: BTreeSet<_> = stack.archive().await.into_iter().collect();
    let dead: BTreeSet<_> = letters.iter().map(kept).collect();
    assert!(archived.is_disjoint(&dead));
    let union: Vec<_> = archived.union(&dead).cloned().collect();
    assert_eq!(texts(&union), texts(&sorted(&offered)));
    assert_eq!(texts(&stack.archive().await), texts(&sorted(&good)));
    assert_eq!(stack.readings().await.len(), 20, "the series of the good records has no gap");
    assert!(outcomes.iter().any(|outcome| outcome["dead_lettered"] != 0 && outcome["delivered"] != 0), "{outcomes:#?}");
}

#[tokio::test]
async fn the_state_of_another_version_stops_its_own_series_only() {
    let stack = Stack::start(&[]).await;
    let unknown = "series#symbol|DELTA|vendor|raw|intraday";
    stack.put_item(unknown, 1, &[200], false).await;
    let (theirs, mut ours) = (bars("DELTA", 3), bars("ECHO", 20));
    // The same shard, and so the same batch.
    ours.iter_mut().for_each(|payload| payload.partition_key.clone_from(&theirs[0].partition_key));
    stack.put(STREAM, &[&theirs[..1], &ours, &theirs[1..]].concat()).await;
    let outcomes = stack.processed(23).await;
    assert!(outcomes.iter().any(|outcome| outcome["dead_lettered"] != 0 && outcome["delivered"] != 0), "{outcomes:#?}");

    let letters = stack.dead_letters().await;
    let mut dead: Vec<_> = letters.iter().map(kept).collect();
    dead.sort();
    assert_eq!(texts(&dead), texts(&sorted(&theirs)));
    for letter in &letters {
        assert_eq!((&letter["stage"], &letter["kind"]), (&"state".into(), &"unknown_state".into()));
        assert_eq!(letter["subject"], "symbol|DELTA|vendor|raw|intraday");
        let reason = letter["reason"].as_str().unwrap();
        assert!(reason.contains("has format `200`"), "{reason}");
        assert!(reason.contains("deploy the version that wrote it, then redrive"), "{reason}");
        let payload: Value = serde_json::from_slice(&kept(letter)).unwrap();
        assert_eq!(letter["id"], payload["id"], "it could be read, so it is named");
    }
    assert_eq!(texts(&stack.archive().await), texts(&sorted(&ours)));
    assert_eq!(stack.readings().await.len(), 20);
    let left = stack.item(unknown).await.unwrap();
    assert_eq!(left["state"].as_b().unwrap().as_ref(), [200], "nobody overwrites what he cannot read");
}
