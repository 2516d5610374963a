//! Quotes: fields, numbers, validation, freshness, finality.

use alphavantage::{Entitlement, Reading, Reason, Verdict};
use market::{Fact, Flag, Freshness, Quote};

use crate::shape::{NOW, QUOTE, quote_request, read_at, read_now};

fn only(reading: &Reading) -> (&Quote, &[Flag]) {
    assert_eq!((reading.verdict, reading.rejected.as_slice()), (Verdict::Data, [].as_slice()));
    match &reading.observations[..] {
        [observation] => match &observation.fact {
            Fact::Quote(quote) => (quote, &observation.flags),
            fact => panic!("no quote: {fact:?}"),
        },
        other => panic!("not one observation: {other:?}"),
    }
}

#[test]
fn a_quote_says_what_the_vendor_wrote() {
    let reading = read_now(&quote_request(), QUOTE);
    let (quote, flags) = only(&reading);
    let texts = [
        quote.symbol.to_string(),
        quote.trading_day.to_string(),
        quote.prices.open().to_string(),
        quote.prices.high().to_string(),
        quote.prices.low().to_string(),
        quote.price().to_string(),
        quote.previous_close.unwrap().to_string(),
        quote.change.unwrap().to_string(),
        quote.change_percent.unwrap().to_string(),
        quote.volume.to_string(),
    ];
    assert_eq!(texts, ["ACME", "2026-11-19", "50.1", "51", "49.5", "50.5", "50", "0.5", "1", "123456"]);
    assert_eq!((quote.freshness, quote.is_final, flags), (Freshness::Eod, true, [].as_slice()));
}

#[test]
fn shapes_of_other_years_give_the_same_quote() {
    let expected = read_now(&quote_request(), QUOTE);
    let csv = "symbol,open,high,low,price,volume,latestDay,previousClose,change,changePercent\r\n\
               ACME,50.1,51,49.5,50.5,123456,2026-11-19,50,0.5,1.0000%\r\n";
    for body in [
        QUOTE.replace("\"01. ", "\"1. ").replace("\"10. ", "\"20. "),
        QUOTE.replace("01. symbol", "symbol").replace("05. price", "Price").replace("06. volume", "6a. VOLUME"),
        QUOTE.replace("\"50.5000\"", "50.5").replace("\"123456\"", "123456").replace("\"0.5000\"", "5e-1"),
        QUOTE.replace("1.0000%", "1.0000"),
        csv.to_owned(),
    ] {
        assert_eq!(read_now(&quote_request(), &body), expected, "{body}");
    }
    let body = QUOTE.replace("\"05. price\"", "\"11. news\": [1, {\"a\": 2}], \"05. price\"");
    let reading = read_now(&quote_request(), &body);
    assert_eq!((reading.observations, reading.unknown_fields), (expected.observations, vec!["11. news".to_owned()]));
}

#[test]
fn what_is_missing_is_missing() {
    for blank in ["\"-\"", "\"--\"", "\"None\"", "\"null\"", "\"\"", "null", "\" \""] {
        let body = QUOTE.replace("\"50.0000\"", blank).replace("\"0.5000\"", blank).replace("\"1.0000%\"", blank);
        let reading = read_now(&quote_request(), &body);
        let (quote, _) = only(&reading);
        assert_eq!((quote.previous_close, quote.change, quote.change_percent), (None, None, None));
    }
    // A first trading day: no previous close, so no percentage of it.
    for percent in ["0%", "None%", "inf%", "NaN"] {
        let body = QUOTE.replace("\"50.0000\"", "\"0.0000\"").replace("1.0000%", percent);
        let reading = read_now(&quote_request(), &body);
        let (quote, _) = only(&reading);
        assert_eq!((quote.previous_close, quote.change_percent), (None, None));
    }
}

#[test]
fn broken_rules_are_named() {
    for (from, to, reason) in [
        ("\"50.5000\"", "\"-50.5000\"", "`price`: price `-50.5` is not positive"),
        ("\"50.1000\"", "\"0.0000\"", "`open`: price `0` is not positive"),
        ("\"50.1000\"", "\"None\"", "`open` is missing"),
        ("\"50.1000\"", "\"1,5\"", "`open` is `1,5`, which is not a decimal number of at most 28 digits"),
        ("\"50.1000\"", "1e999", "`open` is `1e999`, which is not a decimal number of at most 28 digits"),
        ("\"50.1000\"", "[50]", "`open` is `[50]`, which is neither a text nor a number"),
        ("\"50.1000\"", "\"9e27\"", "beyond what any market trades at"),
        ("\"51.0000\"", "\"50.4000\"", "close `50.5` is outside of low `49.5` and high `50.4`"),
        ("\"51.0000\"", "\"49.0000\"", "high `49` is below low `49.5`"),
        ("\"123456\"", "\"-1\"", "`volume`: volume `-1` is negative"),
        ("\"123456\"", "\"-\"", "`volume` is missing"),
        ("\"0.5000\"", "\"0.5002\"", "change `0.5002` is not price `50.5` less previous close `50`"),
        ("\"1.0000%\"", "\"1.0011%\"", "change percent `1.0011` does not follow"),
        ("2026-11-19", "2026-11-21", "lies in the future of `2026-11-20` in New York"),
        ("2026-11-19", "2026-11-15", "day `2026-11-15` is no trading day in New York"),
        ("2026-11-19", "1999-12-31", "lies before 2000-01-01"),
        ("2026-11-19", "2026-11-31", "is not written as"),
        ("2026-11-19", "19/11/2026", "is not written as"),
        ("\"02. open\"", "\"open\": \"50.2\", \"02. open\"", "`open` is given twice"),
    ] {
        let reading = read_now(&quote_request(), &QUOTE.replacen(from, to, 1));
        assert_eq!(
            (reading.verdict, reading.observations.len(), reading.rejected.len()),
            (Verdict::Data, 0, 1),
            "{to}"
        );
        let text = reading.rejected[0].reason.to_string();
        assert!(text.contains(reason), "{to}: {text}");
        assert!(reading.rejected[0].payload.starts_with("{\"Global Quote\":{"));
    }
}

#[test]
fn tolerances_are_the_vendors_rounding() {
    for (from, to) in [("\"0.5000\"", "\"0.5001\""), ("\"1.0000%\"", "\"1.0010%\""), ("\"1.0000%\"", "\"0.9990%\"")] {
        only(&read_now(&quote_request(), &QUOTE.replace(from, to)));
    }
    let reading = read_now(&quote_request(), &QUOTE.replace("\"51.0000\"", "\"50.4960\""));
    assert_eq!(only(&reading).1, [Flag::Rounded]);
    // A percentage of nearly nothing cannot be checked with decimals, so it is not believed.
    let body = QUOTE.replace("\"50.0000\"", "\"0.0000000000000000000000000001\"").replace("\"0.5000\"", "\"50.5\"");
    assert!(matches!(read_now(&quote_request(), &body).rejected[0].reason, Reason::Percent { .. }));
}

#[test]
fn finality_depends_on_the_close_and_on_the_freshness() {
    use Entitlement::{Delayed, Realtime};
    // 2026-11-20 closes at 21:00 UTC.
    for (now, entitlement, is_final) in [
        ("2026-11-20T20:59:59Z", None, false),
        ("2026-11-20T21:00:00Z", None, true),
        ("2026-11-20T21:29:59Z", Some(Delayed), false),
        ("2026-11-20T21:30:00Z", Some(Delayed), true),
        ("2026-11-20T21:29:59Z", Some(Realtime), false),
        ("2026-11-20T21:30:00Z", Some(Realtime), true),
    ] {
        let reading = read_at(&quote_request(), &QUOTE.replace("2026-11-19", "2026-11-20"), now, entitlement);
        assert_eq!(only(&reading).0.is_final, is_final, "{now} {entitlement:?}");
    }
}

#[test]
fn freshness_is_read_from_the_key() {
    let marked = QUOTE.replace("\"Global Quote\"", "\"Global Quote - DATA DELAYED BY 15 MINUTES\"");
    for (body, entitlement, expected) in [
        (QUOTE, None, Freshness::Eod),
        (QUOTE, Some(Entitlement::Delayed), Freshness::Delayed15),
        (QUOTE, Some(Entitlement::Realtime), Freshness::Realtime),
        (&marked, Some(Entitlement::Realtime), Freshness::Delayed15),
        (&marked, None, Freshness::Delayed15),
    ] {
        assert_eq!(only(&read_at(&quote_request(), body, NOW, entitlement)).0.freshness, expected);
    }
}

#[test]
fn age_is_a_flag_and_never_a_refusal() {
    // Friday morning, after the open: Thursday's quote is one trading day old, Wednesday's two.
    for (day, now, stale) in [
        ("2026-11-19", "2026-11-20T15:30:00Z", false),
        ("2026-11-18", "2026-11-20T15:30:00Z", true),
        ("2026-11-18", "2026-11-20T14:00:00Z", false),
        ("2026-11-19", "2026-11-23T14:00:00Z", false),
        ("2026-11-19", "2026-11-23T15:00:00Z", true),
        ("2001-09-10", "2026-11-20T15:30:00Z", true),
    ] {
        let reading = read_at(&quote_request(), &QUOTE.replace("2026-11-19", day), now, None);
        assert_eq!(only(&reading).1.contains(&Flag::Stale), stale, "{day} at {now}");
    }
}

#[test]
fn today_is_new_yorks() {
    // 23:30 in New York is the next day in UTC.
    let friday = QUOTE.replace("2026-11-19", "2026-11-20");
    let late = read_at(&quote_request(), &friday, "2026-11-20T04:30:00Z", None);
    assert!(matches!(late.rejected[0].reason, Reason::FutureDay { .. }));
    // Two minutes before midnight the vendor's clock may be over it.
    only(&read_at(&quote_request(), &friday, "2026-11-20T04:58:00Z", None));
}
