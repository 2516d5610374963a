//! Bars: labels, sessions, order, finality, currencies.

use alphavantage::{Entitlement, Reason};
use market::{Basis, Fact, Freshness, Interval, Subject, session::Hours};

use crate::shape::{
    NOW, at, bar_in_short, daily, daily_request, days, days_request, equity_days, intraday, intraday_request, read_at,
    read_now,
};

/// Reads a series; says begins and flags of its bars, then the reasons of what was rejected.
fn check(interval: Interval, hours: Hours, labels: &[&str], now: &str, bars: &[&str], reasons: &[&str]) {
    let reading = read_at(&intraday_request(interval, hours), &intraday(interval.as_str(), labels), now, None);
    let got: Vec<_> = reading.observations.iter().map(bar_in_short).collect();
    assert_eq!(got, bars, "{:?}", reading.rejected);
    let got: Vec<_> = reading.rejected.iter().map(|rejected| rejected.reason.to_string()).collect();
    assert_eq!(got.len(), reasons.len(), "{got:?}");
    for (got, reason) in got.iter().zip(reasons) {
        assert!(got.contains(reason), "{got}");
    }
    assert_eq!(reading.observations.len() + reading.rejected.len(), labels.len());
}

#[test]
fn a_bar_says_what_the_vendor_wrote() {
    let request = intraday_request(Interval::Min5, Hours::Regular);
    let reading = read_now(&request, &intraday("5min", &["2026-11-19 15:55:00"]));
    let Fact::Bar(bar) = &reading.observations[0].fact else { panic!("no bar") };
    assert_eq!(bar.subject, Some(Subject::Equity("ACME".parse().unwrap())));
    assert_eq!((bar.basis, bar.freshness), (Basis::Raw, Freshness::Eod));
    assert_eq!((bar.bar.start, bar.bar.interval), (at("2026-11-19T20:55:00Z"), Interval::Min5));
    let prices = bar.bar.prices;
    let texts = [prices.open(), prices.high(), prices.low(), prices.close()].map(|price| price.to_string());
    assert_eq!(texts, ["10", "10.5", "9.5", "10.25"]);
    assert_eq!(bar.bar.volume.unwrap().to_string(), "700");
    assert!(bar.bar.is_final);
    let delayed =
        intraday("5min", &["2026-11-19 15:55:00"]).replace("and volume", "and volume - DATA DELAYED BY 15 MINUTES");
    let reading = read_at(&request, &delayed, NOW, Some(Entitlement::Realtime));
    assert!(matches!(&reading.observations[0].fact, Fact::Bar(bar) if bar.freshness == Freshness::Delayed15));
}

#[test]
fn a_key_may_say_that_its_series_is_delayed() {
    let mark = "Time Series (5min) - DATA DELAYED BY 15 MINUTES";
    let body = intraday("5min", &["2026-11-19 15:55:00"]).replace("Time Series (5min)", mark);
    let mark = "Time Series (Daily) - DATA DELAYED BY 15 MINUTES";
    let days = equity_days(&["2026-11-19"], false).replace("Time Series (Daily)", mark);
    for (request, body) in [(intraday_request(Interval::Min5, Hours::Regular), body), (days_request(), days)] {
        let reading = read_at(&request, &body, NOW, Some(Entitlement::Delayed));
        let [observation] = reading.observations.as_slice() else { panic!("{:?}", reading.rejected) };
        assert!(matches!(&observation.fact, Fact::Bar(bar) if bar.freshness == Freshness::Delayed15), "{request}");
    }
}

#[test]
fn labels_of_begins_and_of_ends_are_told_apart() {
    // Begins: the open is there, or neither open nor close.
    let begins = ["2026-11-19T14:35:00Z", "2026-11-19T14:30:00Z"];
    check(Interval::Min5, Hours::Regular, &["2026-11-19 09:35:00", "2026-11-19 09:30:00"], NOW, &begins, &[]);
    check(Interval::Min5, Hours::Regular, &["2026-11-19 15:55:00"], NOW, &["2026-11-19T20:55:00Z"], &[]);
    // Ends: the close is there and no open. The day before counts too.
    let ends = ["2026-11-19T20:55:00Z end_labelled", "2026-11-19T14:30:00Z end_labelled"];
    check(Interval::Min5, Hours::Regular, &["2026-11-19 16:00:00", "2026-11-19 09:35:00"], NOW, &ends, &[]);
    let ends = ["2026-11-19T09:00:00Z end_labelled", "2026-11-19T00:55:00Z end_labelled"];
    check(Interval::Min5, Hours::Extended, &["2026-11-19 04:05:00", "2026-11-18 20:00:00"], NOW, &ends, &[]);
    // Both: begins, and a bar outside of the session.
    check(
        Interval::Min5,
        Hours::Regular,
        &["2026-11-19 16:00:00", "2026-11-19 09:30:00"],
        NOW,
        &["2026-11-19T14:30:00Z"],
        &["bar `2026-11-19 16:00:00` lies outside of the session of `09:30:00` to `16:00:00`"],
    );
    // 16:00 is nothing special in extended hours.
    check(Interval::Min5, Hours::Extended, &["2026-11-19 16:00:00"], NOW, &["2026-11-19T21:00:00Z"], &[]);
}

#[test]
fn hourly_bars_stand_on_full_or_on_half_hours() {
    let hourly = |labels: &[&str], bars: &[&str]| check(Interval::Min60, Hours::Regular, labels, NOW, bars, &[]);
    // Begins on full hours: the first reaches into the session.
    hourly(&["2026-11-19 15:00:00", "2026-11-19 09:00:00"], &["2026-11-19T20:00:00Z", "2026-11-19T14:00:00Z"]);
    hourly(&["2026-11-19 15:30:00", "2026-11-19 09:30:00"], &["2026-11-19T20:30:00Z", "2026-11-19T14:30:00Z"]);
    // Ends on half hours: the last bar has half an hour only.
    hourly(
        &["2026-11-19 16:00:00", "2026-11-19 15:30:00", "2026-11-19 10:30:00"],
        &[
            "2026-11-19T20:30:00Z end_labelled",
            "2026-11-19T19:30:00Z end_labelled",
            "2026-11-19T14:30:00Z end_labelled",
        ],
    );
    hourly(
        &["2026-11-19 16:00:00", "2026-11-19 10:00:00"],
        &["2026-11-19T20:00:00Z end_labelled", "2026-11-19T14:00:00Z end_labelled"],
    );
    check(Interval::Min60, Hours::Regular, &["2026-11-19 08:00:00"], NOW, &[], &["outside of the session"]);
    check(Interval::Min60, Hours::Regular, &["2026-11-19 10:15:00"], NOW, &[], &["grid of interval `60min`"]);
}

#[test]
fn bars_are_on_the_grid_and_inside_the_session() {
    for (label, reason) in [
        ("2026-11-19 09:25:00", "outside of the session"),
        ("2026-11-19 16:05:00", "outside of the session"),
        ("2026-11-15 10:00:00", "outside of the session"),
        ("2026-11-19", "outside of the session"),
        ("2026-11-19 10:01:00", "grid of interval `5min`"),
        ("2026-11-19 10:00:30", "grid of interval `5min`"),
        ("2026-11-19 10:00:00.001", "grid of interval `5min`"),
        ("2026-11-20 10:35:00", "lies in the future"),
        ("2999-11-19 10:00:00", "lies in the future"),
        ("1999-11-19 10:00:00", "lies before 2000-01-01"),
        ("2026-03-08 02:30:00", "skipped or repeated"),
        ("2026-11-01 01:30:00", "skipped or repeated"),
        ("later", "is not written as"),
        ("", "is not written as"),
    ] {
        check(Interval::Min5, Hours::Regular, &[label], NOW, &[], &[reason]);
    }
    check(
        Interval::Min1,
        Hours::Extended,
        &["2026-11-19 19:59:00", "2026-11-19 04:00:00", "2026-11-19 03:59:00"],
        NOW,
        &["2026-11-20T00:59:00Z", "2026-11-19T09:00:00Z"],
        &["outside of the session of `04:00:00` to `20:00:00`"],
    );
}

#[test]
fn sessions_move_with_the_clocks() {
    // 09:30 in New York on the Fridays and Mondays around both changes.
    for (label, start) in [
        ("2026-03-06 09:30:00", "2026-03-06T14:30:00Z stale"),
        ("2026-03-09 09:30:00", "2026-03-09T13:30:00Z stale"),
        ("2026-10-30 09:30:00", "2026-10-30T13:30:00Z stale"),
        ("2026-11-02 09:30:00", "2026-11-02T14:30:00Z stale"),
    ] {
        check(Interval::Min30, Hours::Regular, &[label], NOW, &[start], &[]);
    }
}

#[test]
fn time_runs_in_one_direction_and_every_bar_is_there_once() {
    let (a, b, c, d) = ("2026-11-19 10:15:00", "2026-11-19 10:10:00", "2026-11-19 10:05:00", "2026-11-19 10:00:00");
    let [sa, sb, sc, sd] =
        ["2026-11-19T15:15:00Z", "2026-11-19T15:10:00Z", "2026-11-19T15:05:00Z", "2026-11-19T15:00:00Z"];
    let five = |labels: &[&str], bars: &[&str], reasons: &[&str]| {
        check(Interval::Min5, Hours::Regular, labels, NOW, bars, reasons);
    };
    five(&[a, b, c, d], &[sa, sb, sc, sd], &[]);
    five(&[d, c, b, a], &[sd, sc, sb, sa], &[]);
    five(&[a, c, c, d], &[sa, sc, sd], &["`2026-11-19 10:05:00` is there twice"]);
    five(&[b, a, c, d], &[sb, sc, sd], &["bar `2026-11-19 10:15:00` breaks the order of time: it follows on"]);
    five(&[a, a], &[sa], &["there twice"]);
    // A row that fails by itself has no say in the order.
    five(&[a, "2999-01-01 10:00:00", b], &[sa, sb], &["future"]);
}

#[test]
fn the_newest_bar_is_partial_until_a_minute_after_its_end() {
    let labels = ["2026-11-20 10:25:00", "2026-11-20 10:20:00"];
    for (now, flags) in
        [("2026-11-20T15:29:00Z", " partial"), ("2026-11-20T15:30:59Z", " partial"), ("2026-11-20T15:31:00Z", "")]
    {
        let newest = format!("2026-11-20T15:25:00Z{flags}");
        check(Interval::Min5, Hours::Regular, &labels, now, &[&newest, "2026-11-20T15:20:00Z"], &[]);
    }
}

#[test]
fn a_reply_whose_newest_bar_is_old_is_stale_as_a_whole() {
    // NOW is Friday after the open: Thursday is one trading day ago, Wednesday two.
    check(Interval::Min5, Hours::Regular, &["2026-11-18 10:00:00"], NOW, &["2026-11-18T15:00:00Z stale"], &[]);
    check(
        Interval::Min5,
        Hours::Regular,
        &["2026-11-19 10:00:00", "2026-10-19 10:00:00"],
        NOW,
        &["2026-11-19T15:00:00Z", "2026-10-19T14:00:00Z"],
        &[],
    );
    check(
        Interval::Min5,
        Hours::Regular,
        &["2026-10-20 16:00:00", "2026-10-19 16:00:00"],
        NOW,
        &["2026-10-20T19:55:00Z stale end_labelled", "2026-10-19T19:55:00Z stale end_labelled"],
        &[],
    );
}

#[test]
fn one_bad_bar_does_not_cost_the_others() {
    let request = intraday_request(Interval::Min5, Hours::Regular);
    let body = intraday("5min", &["2026-11-19 10:10:00", "2026-11-19 10:05:00", "2026-11-19 10:00:00"]);
    for (from, to) in [
        ("\"10.00\"", "\"-10.00\""),
        ("\"10.00\"", "\"11.00\""),
        ("\"10.00\"", "true"),
        ("\"700\"", "\"-7\""),
        ("\"1. open\"", "\"1. start\""),
        (r#"{"1. open":"10.00","2. high":"10.50","3. low":"9.50","4. close":"10.25","5. volume":"700"}"#, "17"),
    ] {
        let reading = read_now(&request, &body.replacen(from, to, 1));
        assert_eq!((reading.observations.len(), reading.rejected.len()), (2, 1), "{to}");
        assert!(reading.rejected[0].payload.starts_with("{\"2026-11-19 10:10:00\":"), "{to}");
    }
    let reading = read_now(&request, &body.replace("\"US/Eastern\"", "\"Mars/Olympus\""));
    assert_eq!((reading.observations.len(), reading.rejected.len()), (0, 3));
    let reading = read_now(&request, &body.replacen("\"700\"", "\"-\"", 1).replacen("\"700\"", "7", 1));
    assert_eq!((reading.observations.len(), reading.rejected.len()), (3, 0));
}

#[test]
fn csv_gives_the_same_bars() {
    let labels = ["2026-11-19 10:05:00", "2026-11-19 10:00:00"];
    let request = intraday_request(Interval::Min5, Hours::Regular);
    let expected = read_now(&request, &intraday("5min", &labels));
    let lines: String = labels.iter().map(|label| format!("{label},10.00,10.50,9.50,10.25,700\r\n")).collect();
    for header in ["timestamp,open,high,low,close,volume\r\n", "timestamp,open,high,low,close,volume\n\n"] {
        assert_eq!(read_now(&request, &format!("{header}{lines}")), expected);
    }
    let cut = format!("timestamp,open,high,low,close,volume\r\n{lines}2026-11-19 09:55:00,10.0");
    let reading = read_now(&request, &cut);
    assert_eq!(reading.observations, expected.observations);
    assert_eq!(reading.rejected[0].reason, Reason::Columns { cells: 2, columns: 6 });
    // Daily bars are no intraday bars, and look like none.
    let reading = read_now(&request, "timestamp,open,high,low,close,volume\n2026-11-19,10,10.5,9.5,10.25,700");
    assert_eq!((reading.observations.len(), reading.rejected.len()), (0, 1));
}

#[test]
fn days_of_a_currency_begin_at_midnight_utc() {
    let reading = read_now(&daily_request(), &days(&["2026-11-20", "2026-11-19"]));
    let got: Vec<_> = reading.observations.iter().map(bar_in_short).collect();
    assert_eq!(got, ["2026-11-20T00:00:00Z partial", "2026-11-19T00:00:00Z"]);
    let Fact::Bar(bar) = &reading.observations[0].fact else { panic!("no bar") };
    assert_eq!(bar.subject, Some(Subject::Pair("BTC/CHF".parse().unwrap())));
    assert_eq!((bar.basis, bar.freshness, bar.bar.interval), (Basis::Raw, Freshness::Realtime, Interval::Day));
    assert_eq!(bar.bar.volume.unwrap().to_string(), "9.35943544");

    for (now, flags) in
        [("2026-11-21T00:00:59Z", " partial"), ("2026-11-21T00:01:00Z", ""), ("2026-11-22T00:00:00Z", " stale")]
    {
        let reading = read_at(&daily_request(), &days(&["2026-11-20"]), now, None);
        assert_eq!(bar_in_short(&reading.observations[0]), format!("2026-11-20T00:00:00Z{flags}"));
    }
    for label in ["2026-11-19 12:00:00", "2026-11-21", "1999-12-31", "x"] {
        assert_eq!(read_now(&daily_request(), &days(&[label])).rejected.len(), 1, "{label}");
    }
    let reading = read_now(&daily_request(), &days(&["2026-11-19"]).replace("\"UTC\"", "\"US/Eastern\""));
    assert!(matches!(reading.rejected[0].reason, Reason::OffGrid { .. }));
}

#[test]
fn of_two_currencies_the_markets_is_taken() {
    let old = |first: &str, second: &str| {
        let day = format!(
            r#""2026-11-19":{{"1a. open ({first})":"100.5","1b. open ({second})":"110.5","2a. high ({first})":"101",
            "2b. high ({second})":"111","3a. low ({first})":"99","3b. low ({second})":"109",
            "4a. close ({first})":"100","4b. close ({second})":"110","5. volume":"3.5","6. market cap (USD)":"3.5"}}"#
        );
        let reading = read_now(&daily_request(), &daily(&day));
        match reading.observations.first().map(|observation| &observation.fact) {
            Some(Fact::Bar(bar)) => bar.bar.prices.open().to_string(),
            _ => reading.rejected[0].reason.to_string(),
        }
    };
    assert_eq!(old("CHF", "USD"), "100.5");
    assert_eq!(old("USD", "CHF"), "110.5");
    assert_eq!(old("EUR", "USD"), "`open` is missing");
    // A market of USD once doubled the column; two values for it are a contradiction.
    assert_eq!(old("CHF", "CHF"), "`open` is given twice, with different values");
}

#[test]
fn on_a_half_day_the_early_close_is_an_end_and_what_comes_after_is_out_of_session() {
    // 2026-11-27 closes at 13:00.
    let now = "2026-11-27T20:00:00Z";
    check(
        Interval::Min5,
        Hours::Regular,
        &["2026-11-27 13:00:00", "2026-11-27 12:55:00"],
        now,
        &["2026-11-27T17:55:00Z end_labelled", "2026-11-27T17:50:00Z end_labelled"],
        &[],
    );
    check(
        Interval::Min5,
        Hours::Regular,
        &["2026-11-27 13:05:00", "2026-11-27 12:55:00"],
        now,
        &["2026-11-27T17:55:00Z"],
        &["`09:30:00` to `13:00:00`"],
    );
}
