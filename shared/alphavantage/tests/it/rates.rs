//! Rates: fields, validation, age.

use alphavantage::{Reading, Reason, Verdict};
use market::{Fact, Flag, Freshness, Rate};

use crate::shape::{RATE, at, rate_request, read_at, read_now};

fn only(reading: &Reading) -> (&Rate, &[Flag]) {
    assert_eq!((reading.verdict, reading.rejected.as_slice()), (Verdict::Data, [].as_slice()));
    match &reading.observations[..] {
        [observation] => match &observation.fact {
            Fact::Rate(rate) => (rate, &observation.flags),
            fact => panic!("no rate: {fact:?}"),
        },
        other => panic!("not one observation: {other:?}"),
    }
}

#[test]
fn a_rate_says_what_the_vendor_wrote() {
    let reading = read_now(&rate_request(), RATE);
    let (rate, flags) = only(&reading);
    assert_eq!(rate.at, at("2026-11-20T15:25:01Z"));
    assert_eq!((rate.rate.to_string(), rate.freshness), ("0.9312".to_owned(), Freshness::Realtime));
    assert_eq!(rate.bid.unwrap().to_string(), "0.9311");
    assert_eq!(rate.ask.unwrap().to_string(), "0.9313");
    assert!(flags.is_empty());
}

#[test]
fn bid_and_ask_may_be_missing() {
    for body in [
        RATE.replace("\"0.93110000\"", "\"-\"").replace("\"0.93130000\"", "\"-\""),
        RATE.replace("8. Bid Price", "8. Something").replace("9. Ask Price", "9. Else"),
    ] {
        let reading = read_now(&rate_request(), &body);
        let (rate, _) = only(&reading);
        assert_eq!((rate.bid, rate.ask), (None, None));
    }
}

#[test]
fn broken_rules_are_named() {
    for (from, to, reason) in [
        ("0.93110000", "0.9314", "bid `0.9314` is above ask `0.9313`"),
        ("\"0.93120000\"", "\"-\"", "`exchange rate` is missing"),
        ("0.93120000", "0", "`exchange rate`: price `0` is not positive"),
        ("0.93110000", "n", "`bid price` is `n`"),
        ("2026-11-20 15:25:01", "2026-11-20 15:32:01", "lies in the future"),
        ("2026-11-20 15:25:01", "1970-01-01 00:00:00", "lies before 2000-01-01"),
        ("2026-11-20 15:25:01", "yesterday", "is not written as"),
        ("\"UTC\"", "\"Mars/Olympus\"", "time zone `Mars/Olympus` is not in the tz database"),
        ("\"UTC\"", "\"\"", "`time zone` is missing"),
    ] {
        let reading = read_now(&rate_request(), &RATE.replacen(from, to, 1));
        assert_eq!(
            (reading.verdict, reading.observations.len(), reading.rejected.len()),
            (Verdict::Data, 0, 1),
            "{to}"
        );
        let text = reading.rejected[0].reason.to_string();
        assert!(text.contains(reason), "{to}: {text}");
    }
    // Two minutes ahead is the clocks' difference.
    only(&read_now(&rate_request(), &RATE.replace("15:25:01", "15:32:00")));
}

#[test]
fn the_zone_is_the_replys_and_both_edges_of_daylight_saving_are_refused() {
    let read_local = |local: &str| {
        let body = RATE.replace("\"UTC\"", "\"US/Eastern\"").replace("2026-11-20 15:25:01", local);
        read_at(&rate_request(), &body, "2026-11-20T15:30:00Z", None)
    };
    for (local, expected) in [
        ("2026-03-08 01:59:59", Some("2026-03-08T06:59:59Z")),
        ("2026-03-08 02:30:00", None),
        ("2026-03-08 03:00:00", Some("2026-03-08T07:00:00Z")),
        ("2026-11-01 00:59:59", Some("2026-11-01T04:59:59Z")),
        ("2026-11-01 01:30:00", None),
        ("2026-11-01 02:00:00", Some("2026-11-01T07:00:00Z")),
    ] {
        let reading = read_local(local);
        match expected {
            Some(moment) => assert_eq!(only(&reading).0.at, at(moment), "{local}"),
            None => assert!(matches!(reading.rejected[0].reason, Reason::LocalTime(_)), "{local}"),
        }
    }
}

#[test]
fn age_is_a_flag() {
    for (now, stale) in [("2026-11-24T15:25:01Z", false), ("2026-11-24T15:25:02Z", true)] {
        assert_eq!(only(&read_at(&rate_request(), RATE, now, None)).1.contains(&Flag::Stale), stale);
    }
}
