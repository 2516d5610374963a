//! Bulk quotes: many symbols, their times, what was traded after hours, who is missing.

use alphavantage::{Expected, Function, Reason, Verdict};
use market::{Fact, Flag, Freshness, Quote};

use crate::shape::{BULK, at, bulk_request, read_at, read_now};

fn quotes(reading: &alphavantage::Reading) -> Vec<&Quote> {
    let quote = |fact: &'_ Fact| matches!(fact, Fact::Quote(_));
    assert!(reading.observations.iter().all(|observation| quote(&observation.fact)));
    reading
        .observations
        .iter()
        .filter_map(|observation| match &observation.fact {
            Fact::Quote(quote) => Some(quote),
            _ => None,
        })
        .collect()
}

#[test]
fn bulk_quotes_say_what_the_vendor_wrote() {
    let reading = read_now(&bulk_request(), BULK);
    assert_eq!((reading.verdict, reading.rejected.len(), reading.unknown_fields.len()), (Verdict::Data, 0, 0));
    let quotes = quotes(&reading);
    assert_eq!(quotes.iter().map(|quote| quote.symbol.as_str()).collect::<Vec<_>>(), ["ACME", "BRK.B", "CELG^"]);
    let quote = quotes[0];
    assert_eq!((quote.trading_day.to_string(), quote.freshness), ("2026-11-19".to_owned(), Freshness::Realtime));
    assert_eq!(quote.quoted_at, Some(at("2026-11-20T00:59:57.644Z")));
    assert_eq!((quote.price().to_string(), quote.previous_close.unwrap().to_string()), ("50.5".into(), "50".into()));
    assert_eq!((quote.change_percent.unwrap().to_string(), quote.volume.to_string()), ("1".into(), "123456".into()));
    // Beyond the high of the day, which is the regular session's.
    let extended = quote.extended_hours.as_ref().unwrap();
    assert_eq!((extended.price.to_string(), extended.change.unwrap().to_string()), ("52.75".into(), "2.25".into()));
    assert_eq!(extended.change_percent.unwrap().to_string(), "4.45545");
    assert_eq!(quotes[1].extended_hours, None);
}

#[test]
fn every_symbol_is_accounted_for() {
    let check = |body: &str, symbols: &[&str], reasons: &[&str]| {
        let reading = read_now(&bulk_request(), body);
        assert_eq!(reading.verdict, Verdict::Data, "{:?}", reading.message);
        assert_eq!(quotes(&reading).iter().map(|quote| quote.symbol.as_str()).collect::<Vec<_>>(), symbols);
        let got: Vec<_> = reading.rejected.iter().map(|rejected| rejected.reason.to_string()).collect();
        assert_eq!(got.len(), reasons.len(), "{got:?}");
        for (got, reason) in got.iter().zip(reasons) {
            assert!(got.contains(reason), "{got}");
        }
    };
    let missing = "symbol `BRK.B` was asked for and is missing in the reply";
    let (first, rest) = BULK.split_once("    {\"symbol\":\"BRK.B\"").unwrap();
    let (second, last) = rest.split_once("    {\"symbol\":\"CELG^\"").unwrap();
    check(&format!("{first}    {{\"symbol\":\"CELG^\"{last}"), &["ACME", "CELG^"], &[missing]);
    let other = BULK.replace("BRK.B", "BRK.A");
    check(&other, &["ACME", "CELG^"], &["asked for `3 symbols`; the reply is about `BRK.A`", missing]);
    // A row that is there and broken is not missing.
    check(&BULK.replace("\"402\"", "\"500\""), &["ACME", "CELG^"], &["close `500` is outside of low `399`"]);
    check(&BULK.replace("\"BRK.B\"", "\"brk.b\""), &["ACME", "BRK.B", "CELG^"], &[]);
    // The first row of a symbol counts.
    let twice = format!("{first}    {{\"symbol\":\"ACME\"{second}    {{\"symbol\":\"CELG^\"{last}");
    check(&twice, &["ACME", "CELG^"], &["`ACME` is there twice", missing]);
    check(
        &BULK.replace("{\"symbol\":\"BRK.B\"", "7, {\"symbol\":\"BRK.B\""),
        &["ACME", "BRK.B", "CELG^"],
        &["not an object"],
    );
    let reading = read_now(&bulk_request(), &format!("{first}{{\"symbol\":\"CELG^\"{last}"));
    assert_eq!(reading.rejected[0].payload, "{\"BRK.B\":null}");
    assert_eq!(reading.rejected[0].reason, Reason::SymbolMissing("BRK.B".parse().unwrap()));
}

#[test]
fn who_was_asked_for_need_not_be_known() {
    let reading = read_now(Expected::of(Function::RealtimeBulkQuotes), BULK);
    assert_eq!((reading.observations.len(), reading.rejected.len()), (3, 0));
    let nothing = r#"{"endpoint":"Realtime Bulk Quotes","message":"success","data":[]}"#;
    assert_eq!(read_now(&bulk_request(), nothing).verdict, Verdict::Empty);
    let refused = nothing.replace("success", "our standard API rate limit is 25 requests per day");
    assert_eq!(read_now(&bulk_request(), &refused).verdict, Verdict::LimitDay);
}

#[test]
fn times_are_new_yorks() {
    for (stamp, reason) in [
        ("2026-11-20 10:32:01", "lies in the future"),
        ("2026-11-21 10:00:00", "lies in the future"),
        ("2026-11-15 10:00:00", "no trading day"),
        ("1999-11-19 10:00:00", "lies before 2000-01-01"),
        ("2026-11-19T10:00:00Z", "is not written as"),
        ("", "`timestamp` is missing"),
    ] {
        let reading = read_now(&bulk_request(), &BULK.replace("2026-11-19 16:00:01.000", stamp));
        let text = reading.rejected[0].reason.to_string();
        assert!(reading.observations.len() == 2 && text.contains(reason), "{stamp}: {text}");
    }
    let early = BULK.replace("2026-11-19 ", "2026-11-17 ");
    let reading = read_now(&bulk_request(), &early);
    assert!(reading.observations.iter().all(|observation| observation.flags == [Flag::Stale]));
    // Until half an hour after the close late prints come in.
    for (now, is_final) in [("2026-11-20T01:00:00Z", true), ("2026-11-19T21:29:59Z", false)] {
        let body = BULK.replace("19:59:57.644", "16:00:00").replace("19:10:00.100", "16:00:00");
        let reading = read_at(&bulk_request(), &body, now, None);
        assert!(quotes(&reading).iter().all(|quote| quote.is_final == is_final), "{now}");
    }
}
