//! Accounts of a few records, each with something wrong, and what the conclusion says of it.

use super::*;

const FROM: &str = "2026-11-20T15:00:00Z";
const TO: &str = "2026-11-20T16:00:00Z";

/// A bar of a symbol at that minute, as the pollers write it.
fn bar(symbol: &str, minute: u32, rev: u32, close: u32) -> String {
    let id = Digest128::of_text(&format!("{symbol} {minute} {rev} {close}"));
    record(symbol, minute, rev, close, &id.to_string())
}

fn record(symbol: &str, minute: u32, rev: u32, close: u32, id: &str) -> String {
    let key = Digest128::of_text(&format!("{symbol} {minute}"));
    format!(
        r#"{{"schema":"bar.v1","key":"{key}","rev":{rev},"id":"{id}","source":"alphavantage","timestamp":"2026-11-20T15:{minute:02}:00.000Z","ingested_at":"2026-11-20T15:59:00.000Z","flags":[],"symbol":"{symbol}","interval":"1min","basis":"raw","freshness":"realtime","origin":"vendor","close":{close}}}"#
    )
}

fn reading(symbol: &str, minute: u32, value: u32) -> String {
    let id = Digest128::of_text(&format!("reading {symbol} {minute}"));
    record(symbol, minute, 0, value, &id.to_string()).replace("bar.v1", "indicator.v1")
}

fn news(text: &str) -> String {
    let id = Digest128::of_text(text);
    format!(r#"{{"schema":"news.v1","key":"{id}","rev":0,"id":"{id}","symbol":null,"title":"{text}"}}"#)
}

fn dead(sequence_number: u32) -> String {
    format!(
        r#"{{"schema":"dead_letter.v1","function":"compute-indicators","stream":"s","shard":"a","sequence_number":"{sequence_number}","payload":"x"}}"#
    )
}

/// What a mapping says of a batch that it gave up on, without its records.
fn span(first: u32, last: u32, records: u32, arrived: &str) -> String {
    format!(
        r#"{{"requestContext":{{"functionArn":"arn:aws:lambda:r:1:function:p-compute-indicators"}},"KinesisBatchInfo":{{"shardId":"a","startSequenceNumber":"{first}","endSequenceNumber":"{last}","approximateArrivalOfLastRecord":"{arrived}","batchSize":{records},"streamArn":"arn:aws:kinesis:r:1:stream/s"}}}}"#
    )
}

/// Ten bars of a shard, all archived.
fn account() -> Account {
    let window = (FROM.parse().unwrap(), TO.parse().unwrap());
    let mut account = Account::new("compute-indicators", Some(window));
    for minute in 0..10 {
        offer(&mut account, minute, &bar("IBM", minute, 0, 100));
        account.archived(bar("IBM", minute, 0, 100).as_bytes());
    }
    account
}

fn offer(account: &mut Account, sequence_number: u32, data: &str) {
    account.record("s", "a", &sequence_number.to_string(), data.as_bytes());
}

/// What is compared of a conclusion: offered, done, dead, expired, missing, pending, done and dead, two contents.
#[track_caller]
fn check(change: impl FnOnce(&mut Account), expected: [u64; 8]) -> Balance {
    let mut account = account();
    change(&mut account);
    let balance = account.balance(100);
    let Balance { total: Row { offered, done, dead, missing, pending }, .. } = balance;
    let Balance { expired, done_and_dead, two_contents, .. } = balance;
    assert_eq!([offered, done, dead, expired, missing, pending, done_and_dead, two_contents], expected, "{balance:#?}");
    assert_eq!(account.is_settled(), missing + pending == 0);
    balance
}

#[test]
fn whatever_is_offered_is_done_dead_expired_or_told() {
    let balance = check(|_| (), [10, 10, 0, 0, 0, 0, 0, 0]);
    assert_eq!((balance.unsettled, balance.strangers, balance.repeated), (Vec::new(), 0, 0));
    // Lost, with one behind it in its shard that is done; and at the end, where nothing tells loss from lag.
    let next = |account: &mut Account| offer(account, 10, &bar("IBM", 10, 0, 100));
    let balance = check(next, [11, 10, 0, 0, 0, 1, 0, 0]);
    assert_eq!(balance.unsettled[0].sequence_number.as_deref(), Some("10"));
    let lost = |account: &mut Account| {
        next(account);
        offer(account, 11, &bar("IBM", 11, 0, 100));
        account.archived(bar("IBM", 11, 0, 100).as_bytes());
    };
    let balance = check(lost, [12, 11, 0, 0, 1, 0, 0, 0]);
    assert_eq!(
        balance.unsettled,
        [Unsettled {
            state: State::Missing,
            id: Some(Digest128::of_text("IBM 10 0 100").to_string()),
            schema: "bar.v1",
            stream: Some("s".to_owned()),
            shard: Some("a".to_owned()),
            sequence_number: Some("10".to_owned()),
        }]
    );
    // A dead one behind it settles as much as a done one.
    let dead_behind = |account: &mut Account| {
        next(account);
        offer(account, 11, "\u{1}");
        account.dead_letter(dead(11).as_bytes());
    };
    check(dead_behind, [12, 10, 1, 0, 1, 0, 0, 0]);
    // Another shard has an order of its own.
    let elsewhere = |account: &mut Account| {
        account.record("s", "b", "0", bar("A", 0, 0, 1).as_bytes());
        offer(account, 10, &bar("IBM", 3, 0, 100));
        offer(account, 11, "no JSON");
        account.dead_letter(dead(11).as_bytes());
    };
    check(elsewhere, [12, 10, 1, 0, 0, 1, 0, 0]);
}

#[test]
fn the_same_record_twice_is_one_and_an_id_with_two_contents_is_told() {
    let again = |account: &mut Account| {
        // Sent again after a crash: taken in later, with another remark.
        let again = bar("IBM", 3, 0, 100).replace("15:59:00", "16:30:00").replace("[]", "[\"stale\"]");
        offer(account, 10, &again);
        account.archived(bar("IBM", 3, 0, 100).as_bytes());
    };
    assert_eq!(check(again, [10, 10, 0, 0, 0, 0, 0, 0]).repeated, 1);
    let same_id = |account: &mut Account| {
        let id = Digest128::of_text("IBM 3 0 100").to_string();
        let corrected = record("IBM", 3, 1, 101, &id);
        offer(account, 10, &corrected);
        account.archived(corrected.as_bytes());
    };
    let balance = check(same_id, [11, 11, 0, 0, 0, 0, 0, 1]);
    assert_eq!(balance.unsettled[0].state, State::TwoContents);
    // Archived as something that was never offered, beside the right one, and in its place.
    let altered = |account: &mut Account| {
        let id = Digest128::of_text("IBM 3 0 100").to_string();
        account.archived(record("IBM", 3, 0, 99, &id).as_bytes());
    };
    check(altered, [10, 10, 0, 0, 0, 0, 0, 1]);
    let replaced = |account: &mut Account| {
        offer(account, 10, &bar("IBM", 10, 0, 100));
        let id = Digest128::of_text("IBM 10 0 100").to_string();
        account.archived(record("IBM", 10, 0, 99, &id).as_bytes());
    };
    check(replaced, [11, 10, 0, 0, 0, 1, 0, 1]);
    // A reading has one byte string, with the time that it was computed.
    let readings = |account: &mut Account| {
        account.archived(reading("IBM", 3, 50).as_bytes());
        account.archived(reading("IBM", 3, 50).as_bytes());
        account.archived(reading("IBM", 3, 50).replace("15:59:00", "15:59:01").as_bytes());
    };
    let balance = check(readings, [10, 10, 0, 0, 0, 0, 0, 1]);
    assert_eq!((balance.unsettled[0].schema, balance.unsettled[0].shard.as_deref()), ("indicator.v1", None));
}

#[test]
fn what_the_consumer_refused_is_dead_and_a_false_id_harms_nobody() {
    let refused = |account: &mut Account| {
        // It claims the id of a good one, and cannot be.
        let id = Digest128::of_text("IBM 3 0 100").to_string();
        offer(account, 10, &record("IBM", 3, 0, 0, &id));
        offer(account, 11, "no JSON");
        account.dead_letter(dead(10).as_bytes());
        account.dead_letter(dead(11).as_bytes());
    };
    let balance = check(refused, [12, 10, 2, 0, 0, 0, 0, 0]);
    assert_eq!(balance.rows[&("s".to_owned(), "unreadable")].dead, 1);
    let both = |account: &mut Account| account.dead_letter(dead(3).as_bytes());
    assert_eq!(check(both, [10, 10, 0, 0, 0, 0, 1, 0]).unsettled[0].state, State::DoneAndDead);
    // Another function's dead letter settles nothing here.
    let another = |account: &mut Account| {
        offer(account, 10, "no JSON");
        account.dead_letter(dead(10).replace("compute-indicators", "bridge-nats").as_bytes());
        account.dead_letter(dead(10).replace("compute", "other-compute").replace("\"s\"", "\"other\"").as_bytes());
        account.dead_letter(b"{}");
    };
    check(another, [11, 10, 0, 0, 0, 1, 0, 0]);
    let mut account = account();
    another(&mut account);
    assert_eq!(account.letters, Letters { consumer: 1, redriven: 0, others: 1, unreadable: 1 });
}

#[test]
fn what_only_a_dead_letter_knows_of_has_expired() {
    let arrived = "2026-11-20T15:30:00Z";
    let held = |account: &mut Account| {
        offer(account, 10, "no JSON");
        offer(account, 11, &bar("IBM", 11, 0, 100));
        account.dead_letter(span(10, 11, 2, arrived).as_bytes());
    };
    check(held, [12, 10, 2, 0, 0, 0, 0, 0]);
    // Numbers are compared as numbers: nine comes before ten.
    let lost = |account: &mut Account| account.dead_letter(span(99, 101, 3, arrived).as_bytes());
    check(lost, [10, 10, 0, 3, 0, 0, 0, 0]);
    let earlier = |account: &mut Account| account.dead_letter(span(99, 101, 3, "2026-11-20T14:59:59Z").as_bytes());
    check(earlier, [10, 10, 0, 0, 0, 0, 0, 0]);
    let half = |account: &mut Account| account.dead_letter(span(9, 11, 3, arrived).as_bytes());
    check(half, [10, 10, 0, 2, 0, 0, 1, 0]);
}

#[test]
fn what_was_redriven_is_done_if_the_archive_has_it() {
    let parked = |account: &mut Account, number: &str, became: Became<'_>| {
        let function = "compute-indicators";
        account.parked(Parked { function, stream: "s", shard: "a", sequence_number: number, became });
    };
    let given_up = |account: &mut Account| {
        for at in 10..12 {
            offer(account, at, &bar("IBM", at, 0, 100));
        }
        parked(account, "11", Became::Kept);
    };
    let kept = |account: &mut Account| {
        given_up(account);
        parked(account, "10", Became::Kept);
    };
    check(kept, [12, 10, 2, 0, 0, 0, 0, 0]);
    let redriven = |account: &mut Account| {
        given_up(account);
        parked(account, "10", Became::Redriven);
        account.archived(bar("IBM", 10, 0, 100).as_bytes());
        assert_eq!(account.letters, Letters { consumer: 2, redriven: 1, others: 0, unreadable: 0 });
    };
    check(redriven, [12, 11, 1, 0, 0, 0, 0, 0]);
    // The consumer said that it was done with it, and it is not there.
    let lost = |account: &mut Account| {
        given_up(account);
        parked(account, "10", Became::Redriven);
    };
    check(lost, [12, 10, 1, 0, 1, 0, 0, 0]);
    // It refused the record itself, which makes another dead letter.
    let refused = |account: &mut Account| {
        lost(account);
        account.dead_letter(dead(10).as_bytes());
    };
    check(refused, [12, 10, 2, 0, 0, 0, 0, 0]);
    let arrived = "2026-11-20T15:30:00Z".parse().ok();
    let expired = |account: &mut Account| {
        parked(account, "99", Became::Expired { records: 2, last: "100", arrived });
        parked(account, "101", Became::Kept);
    };
    check(expired, [10, 10, 0, 2, 0, 0, 0, 0]);
}

#[test]
fn what_was_done_is_told_as_far_as_it_shows() {
    let balance = check(
        |account| {
            // Of ten bars one has a reading, and one was corrected; news are archived as they are.
            account.archived(reading("IBM", 3, 50).as_bytes());
            for (at, data) in [(10, bar("IBM", 4, 1, 101)), (11, news("A"))] {
                offer(account, at, &data);
                account.archived(data.as_bytes());
            }
            account.archived(bar("IBM", 59, 0, 1).as_bytes());
            account.archived(b"cut");
        },
        [12, 12, 0, 0, 0, 0, 0, 0],
    );
    assert_eq!(balance.fates, Fates { emitted: 1, merged: 1, as_it_is: 1, not_told: 9 });
    assert_eq!((balance.strangers, balance.unreadable), (1, 1));
}

#[test]
fn the_order_in_which_things_are_seen_does_not_matter() {
    let things: [&dyn Fn(&mut Account); 5] = [
        &|account| offer(account, 10, &bar("IBM", 10, 0, 100)),
        &|account| offer(account, 11, "no JSON"),
        &|account| {
            account.archived(bar("IBM", 10, 0, 100).as_bytes());
        },
        &|account| account.dead_letter(dead(11).as_bytes()),
        &|account| account.dead_letter(dead(10).as_bytes()),
    ];
    let conclude = |order: &[usize]| {
        let mut account = Account::new("compute-indicators", None);
        order.iter().for_each(|at| things[*at](&mut account));
        account.balance(10)
    };
    let expected = conclude(&[0, 1, 2, 3, 4]);
    assert_eq!((expected.total.done, expected.total.dead, expected.done_and_dead), (1, 1, 1));
    for order in [[4, 3, 2, 0, 1], [2, 0, 4, 1, 3], [3, 4, 0, 1, 2]] {
        assert_eq!(conclude(&order), expected, "{order:?}");
    }
}

#[test]
fn named_are_only_so_many_and_the_worst_first() {
    let mut account = account();
    for at in 10..30 {
        offer(&mut account, at, &bar("IBM", at, 0, 100));
    }
    account.dead_letter(dead(5).as_bytes());
    let named = account.balance(3).unsettled;
    assert_eq!(
        named.iter().map(|it| it.state).collect::<Vec<_>>(),
        [State::DoneAndDead, State::Pending, State::Pending]
    );
    assert_eq!(named[1].sequence_number.as_deref(), Some("10"));
}
