//! Trading days: adjustments, sessions, finality.

use alphavantage::{Entitlement, Expected, Function, Reason, Verdict};
use market::{Basis, Fact, Freshness, Interval, Subject, VendorBar};

use crate::shape::{NOW, QUOTE, adjusted_request, at, bar_in_short, days_request, equity_days, read_at, read_now};

fn bars(reading: &alphavantage::Reading) -> Vec<&VendorBar> {
    let bar = |fact: &'static str| panic!("no bar: {fact}");
    let bars = reading.observations.iter().map(|observation| match &observation.fact {
        Fact::Bar(bar) => bar,
        Fact::Quote(_) => bar("quote"),
        Fact::Rate(_) => bar("rate"),
        Fact::Event(_) => bar("event"),
    });
    bars.collect()
}

#[test]
fn a_day_says_what_the_vendor_wrote() {
    let reading = read_now(&days_request(), &equity_days(&["2026-11-19", "2026-11-18"], false));
    assert_eq!((reading.verdict, reading.rejected.len(), reading.unknown_fields.len()), (Verdict::Data, 0, 0));
    let bar = bars(&reading)[0];
    assert_eq!(bar.subject, Some(Subject::Equity("ACME".parse().unwrap())));
    assert_eq!((bar.basis, bar.freshness, bar.bar.interval), (Basis::Raw, Freshness::Eod, Interval::Day));
    assert_eq!((bar.bar.start, bar.bar.is_final), (at("2026-11-19T14:30:00Z"), true));
    assert_eq!(
        (bar.bar.prices.close().to_string(), bar.bar.volume.unwrap().to_string()),
        ("10.25".into(), "700".into())
    );
    assert_eq!(bar.adjustment, None);
}

#[test]
fn holidays_are_new_yorks_and_count_for_its_listings() {
    // Labor Day, and a Saturday.
    let days = ["2026-09-08", "2026-09-07", "2026-09-05"];
    for (symbol, expected) in [("ACME", 1), ("BRK.B", 1), ("AZN.LON", 2), ("600104.SHH", 2), ("FRA:IQQE", 2)] {
        let body = equity_days(&days, false).replace("ACME", symbol);
        let reading = read_now(Expected::of(Function::TimeSeriesDaily), &body);
        assert_eq!((reading.observations.len(), reading.rejected.len()), (expected, 3 - expected), "{symbol}");
        let body = QUOTE.replace("ACME", symbol).replace("2026-11-19", "2026-09-07");
        let reading = read_now(Expected::of(Function::GlobalQuote), &body);
        assert_eq!(reading.observations.len(), expected - 1, "{symbol}");
    }
    // New York closes at 13:00 on that day, Toronto does not.
    let finals = |symbol: &str, now: &str| {
        let body = equity_days(&["2026-11-27"], false).replace("ACME", symbol);
        bars(&read_at(Expected::of(Function::TimeSeriesDaily), &body, now, None))[0].bar.is_final
    };
    let (early, late) = ("2026-11-27T20:59:00Z", "2026-11-27T21:01:00Z");
    assert!(finals("SHOP", early) && !finals("SHOP.TRT", early) && finals("SHOP.TRT", late));
}

#[test]
fn what_is_adjusted_goes_along_and_the_price_stays_as_traded() {
    let body = equity_days(&["2026-11-19"], true);
    let reading = read_now(&adjusted_request(), &body);
    assert_eq!((reading.verdict, reading.unknown_fields.len()), (Verdict::Data, 0));
    let bar = bars(&reading)[0];
    // The volume has moved from the fifth to the sixth field.
    assert_eq!(
        (bar.bar.prices.close().to_string(), bar.bar.volume.unwrap().to_string()),
        ("10.25".into(), "700".into())
    );
    let adjustment = bar.adjustment.as_ref().unwrap();
    assert_eq!(
        (adjustment.adjusted_close.to_string(), adjustment.dividend.to_string()),
        ("4.9012".into(), "0.25".into())
    );
    assert_eq!((adjustment.split_coefficient.to_string(), bar.basis), ("2".into(), Basis::Raw));

    for (from, to, reason) in [
        ("\"5. adjusted close\":\"4.9012\"", "\"x\":\"y\"", "`adjusted close` is missing"),
        ("\"4.9012\"", "\"0\"", "`adjusted close`: price `0` is not positive"),
        ("\"0.2500\"", "\"-0.25\"", "`dividend amount`: volume `-0.25` is negative"),
        ("\"2.0\"", "\"0\"", "`split coefficient`: price `0` is not positive"),
        ("\"2.0\"", "null", "`split coefficient` is missing"),
    ] {
        let reading = read_now(&adjusted_request(), &body.replace(from, to));
        assert_eq!((reading.observations.len(), reading.rejected.len()), (0, 1), "{to}");
        let text = reading.rejected[0].reason.to_string();
        assert!(text.contains(reason), "{text}");
    }
    // Who asked for days as traded gets them, and learns that there was more.
    let reading = read_now(&days_request(), &body);
    assert_eq!((bars(&reading)[0].adjustment.as_ref(), reading.unknown_fields.len()), (None, 3));
}

#[test]
fn csv_gives_the_same_days() {
    let labels = ["2026-11-19", "2026-11-18"];
    let expected = read_now(&adjusted_request(), &equity_days(&labels, true));
    for header in [
        "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient",
        "timestamp,open,high,low,close,adjusted close,volume,dividend amount,split coefficient",
    ] {
        let lines: String =
            labels.iter().map(|label| format!("{label},10,10.5,9.5,10.25,4.9012,700,0.25,2.0\r\n")).collect();
        assert_eq!(read_now(&adjusted_request(), &format!("\u{feff}{header}\r\n{lines}")), expected);
    }
    let reordered = "split_coefficient,volume,timestamp,close,\"low\",high,open,dividend_amount,adjusted_close\n\
                     2.0,700,2026-11-19,10.25,9.5,10.5,10,0.25,4.9012\n2,7e2,\"2026-11-18\",10.250,9.5,10.5,10,.25,4.9012\n";
    assert_eq!(read_now(&adjusted_request(), reordered), expected);
    let plain = "timestamp,open,high,low,close,volume\n2026-11-19,10,10.5,9.5,10.25,700\n";
    assert_eq!(read_now(&days_request(), plain), read_now(&days_request(), &equity_days(&["2026-11-19"], false)));
    assert_eq!(read_now(&adjusted_request(), plain).verdict, Verdict::UnknownShape);
}

#[test]
fn days_are_trading_days_that_have_begun() {
    for (label, reason) in [
        ("2026-11-15", "day `2026-11-15` is no trading day in New York"),
        ("2026-11-21", "lies in the future"),
        ("2999-11-19", "lies in the future"),
        ("1999-11-19", "lies before 2000-01-01"),
        ("2026-11-19 16:00:00", "is not written as"),
        ("later", "is not written as"),
    ] {
        let reading = read_now(&days_request(), &equity_days(&[label], false));
        let text = reading.rejected[0].reason.to_string();
        assert!(reading.observations.is_empty() && text.contains(reason), "{label}: {text}");
    }
    // Before the open there is no day yet.
    let early = read_at(&days_request(), &equity_days(&["2026-11-20"], false), "2026-11-20T14:00:00Z", None);
    assert!(matches!(early.rejected[0].reason, Reason::Future { .. }));
    let body = equity_days(&["2026-11-19", "2026-11-19", "2026-11-18"], false);
    let reading = read_now(&days_request(), &body);
    assert_eq!((reading.observations.len(), reading.rejected.len()), (2, 1));
    assert_eq!(reading.rejected[0].reason.to_string(), "`2026-11-19` is there twice");
}

#[test]
fn today_is_partial_until_it_has_settled() {
    use Entitlement::{Delayed, Realtime};
    // 2026-11-20 closes at 21:00 UTC.
    for (now, entitlement, flags) in [
        (NOW, None, " partial"),
        ("2026-11-20T20:59:59Z", None, " partial"),
        ("2026-11-20T21:00:00Z", None, ""),
        ("2026-11-20T21:29:59Z", Some(Delayed), " partial"),
        ("2026-11-20T21:29:59Z", Some(Realtime), " partial"),
        ("2026-11-20T21:30:00Z", Some(Realtime), ""),
        ("2026-11-24T21:30:00Z", Some(Realtime), " stale"),
    ] {
        let reading = read_at(&days_request(), &equity_days(&["2026-11-20"], false), now, entitlement);
        assert_eq!(bar_in_short(&reading.observations[0]), format!("2026-11-20T14:30:00Z{flags}"), "{now}");
    }
}
