//! Whether a window is closed, and what the account of one with something wrong says.

use serde_json::{Value, json};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn found() -> Found {
    let window = Window { from: at("2026-11-20T15:00:00Z"), to: at("2026-11-20T16:00:00Z") };
    let mut account = Account::new(CONSUMER, Some((window.from, window.to)));
    let record = |digit: char| {
        let id = String::from(digit).repeat(32);
        json!({"schema": "news.v1", "key": id, "rev": 0, "id": id}).to_string()
    };
    for (number, digit) in ["8", "9"].into_iter().zip(['a', 'b']) {
        account.record("events", "shard", number, record(digit).as_bytes());
        account.archived(record(digit).as_bytes());
    }
    Found {
        window,
        streams: vec![StreamRead { stream: "events".to_owned(), shards: 1, newest: None, holds_from: None }],
        account,
        objects: [2, 0],
        owed: Owed::default(),
        now: at("2026-11-20T16:00:00Z"),
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Found), closed: bool, expected: &str) {
    let mut found = found();
    change(&mut found);
    let verdict = found.verdict(10);
    assert_eq!((verdict.open.is_empty(), verdict.is_balanced()), (closed, expected.is_empty()), "{verdict:#?}");
    let text = show::text(&found, &verdict);
    assert!(text.contains(if expected.is_empty() { "\nbalanced: " } else { expected }), "{text}");
    let json: Value = serde_json::from_str(&show::json(&found, &verdict)).unwrap();
    assert_eq!((&json["balanced"], &json["closed"]), (&json!(expected.is_empty()), &json!(closed)), "{json:#}");
}

#[test]
fn a_window_is_closed_where_nothing_can_come_any_more() {
    check(|_| (), true, "");
    check(|found| found.now = at("2026-11-20T15:59:59Z"), false, "which is still to come");
    let horizon = |text| move |found: &mut Found| found.streams[0].holds_from = Some(at(text));
    check(horizon("2026-11-20T15:00:00Z"), true, "");
    check(horizon("2026-11-20T15:00:00.001Z"), false, "what it lost of the window cannot be known");
    let next = |found: &mut Found| found.account.record("events", "shard", "10", b"junk");
    check(next, false, "1 records stand behind the last one of their shard");
    check(next, false, "pending       (no id that can be read)         unreadable    events:shard:10");
    let owed = |found: &mut Found| {
        found.owed = Owed { series: 1, entries: 3, unreadable: 0, named: vec!["symbol|IBM".to_owned()] }
    };
    check(owed, false, "1 series owe 3 readings or alerts, among them symbol|IBM");
}

#[test]
fn what_does_not_add_up_is_told() {
    let letter = |number: &str| {
        json!({"function": CONSUMER, "stream": "events", "shard": "shard", "sequence_number": number}).to_string()
    };
    check(|found| found.account.dead_letter(letter("9").as_bytes()), true, "1 records are both in S3 and");
    let missing = |found: &mut Found| {
        found.account.record("events", "shard", "10", b"junk");
        found.account.record("events", "shard", "11", b"dead");
        found.account.dead_letter(letter("11").as_bytes());
    };
    check(missing, true, "1 records are neither in S3 nor in the dead letters, and later ones are");
    let cut = |found: &mut Found| {
        found.account.archived(b"cut off");
    };
    check(cut, true, "1 lines in S3 cannot be read");
    check(|found| found.account.dead_letter(b"cut off"), true, "1 dead letters cannot be read");
    check(|found| found.owed.unreadable = 1, true, "1 items of series cannot be read");
}
