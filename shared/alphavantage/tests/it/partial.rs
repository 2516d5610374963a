//! Recorded replies, of whose requests little is known: what is missing comes from the reply, or is missing.

use alphavantage::{Expected, Function, Reading, Reason, Verdict};
use market::{Fact, Flag, Interval, Subject, session::Hours};

use crate::shape::{
    NOW, QUOTE, RATE, bar_in_short, crypto_minutes, daily, days, equity_days, fx_minutes, intraday, read_at, read_now,
    replies, tables,
};

fn subject(reading: &Reading) -> Option<String> {
    assert_eq!((reading.verdict, reading.rejected.as_slice()), (Verdict::Data, [].as_slice()));
    let subjects: Vec<_> = reading.observations.iter().map(|observation| observation.fact.subject()).collect();
    assert!(subjects.windows(2).all(|pair| pair[0] == pair[1]));
    subjects[0].as_ref().map(Subject::to_string)
}

fn of(function: Function) -> Expected {
    Expected::of(function)
}

#[test]
fn the_reply_says_what_it_is_about() {
    let label = ["2026-11-19 10:00:00"];
    for (function, body, expected) in [
        (Function::GlobalQuote, QUOTE.to_owned(), "ACME"),
        (Function::CurrencyExchangeRate, RATE.to_owned(), "EUR/CHF"),
        (Function::TimeSeriesIntraday, intraday("5min", &label), "ACME"),
        (Function::TimeSeriesDaily, equity_days(&["2026-11-19"], false), "ACME"),
        (Function::TimeSeriesDailyAdjusted, equity_days(&["2026-11-19"], true), "ACME"),
        (Function::CryptoIntraday, crypto_minutes("5min", &label), "ETH/CHF"),
        (Function::FxIntraday, fx_minutes("5min", &label), "EUR/CHF"),
        (Function::DigitalCurrencyDaily, days(&["2026-11-19"]), "BTC/CHF"),
    ] {
        assert_eq!(subject(&read_now(of(function), &body)).as_deref(), Some(expected), "{function}");
        // What is known is checked.
        let half = expected.split('/').next().unwrap();
        assert_eq!(subject(&read_now(of(function).about(half).unwrap(), &body)).as_deref(), Some(expected));
        assert_eq!(subject(&read_now(of(function).about(expected).unwrap(), &body)).as_deref(), Some(expected));
        let reading = read_now(of(function).about("OTHER").unwrap(), &body);
        assert!(reading.verdict == Verdict::Data && reading.observations.is_empty(), "{function}");
        assert!(matches!(reading.rejected[0].reason, Reason::WrongSubject { .. }));
        // A name that is none is nobody's.
        let name = format!("\"{half}\"");
        let reading = read_now(of(function), &body.replace(&name, "\"A*\""));
        assert!(matches!(reading.rejected[0].reason, Reason::NotAnInstrument(_)), "{function}");
    }
}

#[test]
fn a_series_in_csv_does_not_say_it() {
    for (request, body, _, rows) in tables() {
        let function = request.function();
        let whole = read_now(&request, &body);
        let reading = read_now(of(function), &body);
        assert_eq!(
            (reading.observations.len(), reading.rejected.len()),
            (rows, 0),
            "{function}: {:?}",
            reading.rejected
        );
        if function == Function::GlobalQuote {
            assert_eq!(reading, whole);
            continue;
        }
        for (got, expected) in reading.observations.iter().zip(&whole.observations) {
            let (Fact::Bar(got_bar), Fact::Bar(bar)) = (&got.fact, &expected.fact) else { panic!("no bar") };
            assert_eq!((&got_bar.bar, got_bar.subject.as_ref()), (&bar.bar, None), "{function}");
            assert!(got.flags.contains(&Flag::SymbolUnknown) && got.flags.is_sorted());
            assert!(!expected.flags.contains(&Flag::SymbolUnknown));
        }
    }
    // Half a pair is none.
    let csv = "timestamp,open,high,low,close\n2026-11-20 15:20:00,1,1,1,1\n2026-11-20 15:19:00,1,1,1,1\n";
    assert_eq!(subject(&read_now(of(Function::FxIntraday).about("EUR").unwrap(), csv)), None);
    let known = of(Function::FxIntraday).about("EUR/CHF").unwrap();
    assert_eq!(subject(&read_now(known, csv)).as_deref(), Some("EUR/CHF"));
}

#[test]
fn the_interval_follows_from_the_key_or_from_the_spacing() {
    let named = |body: &str| {
        let reading = read_now(of(Function::TimeSeriesIntraday), body);
        reading.observations.first().and_then(|observation| observation.fact.interval())
    };
    let body = intraday("15min", &["2026-11-19 10:00:00"]);
    assert_eq!(named(&body), Some(Interval::Min15));
    assert_eq!(named(&body.replace("Series (15min)", "Series")), Some(Interval::Min15));
    assert_eq!(named(&body.replace("\"4. Interval\":\"15min\",", "")), Some(Interval::Min15));
    // Neither a day nor two that differ.
    assert_eq!(named(&body.replace("15min", "Daily")), None);
    assert_eq!(named(&body.replace("Series (15min)", "Series (5min)")), None);

    let csv = |labels: &[&str]| {
        let lines: String = labels.iter().map(|label| format!("2026-11-{label}:00,10,10.5,9.5,10.25,700\n")).collect();
        let reading =
            read_now(of(Function::TimeSeriesIntraday), &format!("timestamp,open,high,low,close,volume\n{lines}"));
        assert_eq!(reading.observations.len() + reading.rejected.len(), labels.len());
        match (reading.observations.first(), reading.rejected.first()) {
            (Some(observation), None) => observation.fact.interval().unwrap().to_string(),
            (_, Some(rejected)) => rejected.reason.to_string(),
            (None, None) => panic!("no row"),
        }
    };
    assert_eq!(csv(&["19 10:02", "19 10:01"]), "1min");
    assert_eq!(csv(&["19 10:45", "19 10:15", "19 10:00", "18 15:45"]), "15min");
    assert_eq!(csv(&["19 11:00", "19 10:30", "19 10:00"]), "30min");
    assert_eq!(csv(&["19 15:30", "19 14:30", "18 15:30"]), "60min");
    // Ends of hours that count from 09:30: the last one is short.
    assert_eq!(csv(&["19 16:00", "19 15:30", "19 14:30", "18 16:00", "18 15:30"]), "60min");
    let unknown =
        "neither request nor reply name the interval, and it does not follow from the stamps: say which it is";
    assert_eq!(csv(&["19 10:00"]), unknown);
    assert_eq!(csv(&["19 10:00", "18 10:00"]), unknown);
    assert!(csv(&["19 10:00", "19 10:00"]).contains("does not follow"));
}

#[test]
fn extended_hours_are_accepted_if_nobody_says_which() {
    let read = |hours: Option<Hours>, labels: &[&str]| {
        let expected = Expected { hours, ..of(Function::TimeSeriesIntraday) };
        let reading = read_now(&expected, &intraday("5min", labels));
        (reading.observations.iter().map(bar_in_short).collect::<Vec<_>>(), reading.rejected.len())
    };
    let early = ["2026-11-19 10:00:00", "2026-11-19 04:00:00"];
    assert_eq!(read(None, &early), (vec!["2026-11-19T15:00:00Z".into(), "2026-11-19T09:00:00Z".into()], 0));
    assert_eq!(read(Some(Hours::Regular), &early).1, 1);
    let ends = ["2026-11-19 20:00:00", "2026-11-19 04:05:00"];
    let expected = ["2026-11-20T00:55:00Z end_labelled".to_owned(), "2026-11-19T09:00:00Z end_labelled".to_owned()];
    assert_eq!(read(None, &ends), (expected.into(), 0));
    // All of them in the regular session: then its close is an end.
    let ends = read(None, &["2026-11-19 16:00:00", "2026-11-19 15:55:00"]);
    assert_eq!(ends.0[0], "2026-11-19T20:55:00Z end_labelled");
    assert_eq!(read(None, &["2026-11-19 03:55:00"]).1, 1);
    // Begins from the open on, and one on the close: nothing but extended hours has both.
    let thin = ["2026-11-19 16:00:00", "2026-11-19 15:55:00", "2026-11-19 09:30:00"];
    let begins = ["2026-11-19T21:00:00Z", "2026-11-19T20:55:00Z", "2026-11-19T14:30:00Z"].map(str::to_owned);
    assert_eq!(read(None, &thin), (begins.into(), 0));
    assert_eq!(read(Some(Hours::Regular), &thin).1, 1);
}

#[test]
fn a_month_may_be_as_old_as_it_likes() {
    let body = intraday("5min", &["2009-01-30 10:00:00"]);
    let flags = |expected: &Expected| read_now(expected, &body).observations[0].flags.clone();
    assert_eq!(flags(&of(Function::TimeSeriesIntraday)), [Flag::Stale]);
    let month = Some("2009-01".parse().unwrap());
    assert_eq!(flags(&Expected { month, ..of(Function::TimeSeriesIntraday) }), []);
}

#[test]
fn both_forms_of_crypto_days_need_no_market() {
    let old = r#""2026-11-19":{"1a. open (CHF)":"100.5","1b. open (USD)":"110.5","2a. high (CHF)":"101",
        "2b. high (USD)":"111","3a. low (CHF)":"99","3b. low (USD)":"109","4a. close (CHF)":"100",
        "4b. close (USD)":"110","5. volume":"3.5","6. market cap (USD)":"3.5"}"#;
    let reading = read_now(of(Function::DigitalCurrencyDaily), &daily(old));
    assert_eq!(subject(&reading).as_deref(), Some("BTC/CHF"));
    assert!(reading.unknown_fields.is_empty());
    // A CSV with two currencies and no word of which was asked for cannot be read.
    let csv = "timestamp,open (CHF),high (CHF),low (CHF),close (CHF),open (USD),high (USD),low (USD),close (USD),volume\n\
               2026-11-19,100,101,99,100,110,111,109,110,3.5\n";
    let reading = read_now(of(Function::DigitalCurrencyDaily), csv);
    assert_eq!(reading.rejected[0].reason, Reason::Contradiction("open"));
    let reading = read_now(of(Function::DigitalCurrencyDaily).about("BTC/USD").unwrap(), csv);
    let Fact::Bar(bar) = &reading.observations[0].fact else { panic!("no bar") };
    assert_eq!(bar.bar.prices.open().to_string(), "110");
}

#[test]
fn without_a_function_refusals_are_still_told_apart() {
    let any = Expected::default();
    for (body, verdict) in [
        (
            r#"{"Note":"Our standard API call frequency is 5 calls per minute and 500 calls per day."}"#,
            Verdict::LimitMinute,
        ),
        (r#"{"Information":"The **demo** API key is for demo purposes only."}"#, Verdict::DemoKey),
        (r#"{"endpoint":"x","message":"buy it","data":[{}]}"#, Verdict::Artificial),
        ("{}", Verdict::UnknownSymbol),
        (QUOTE, Verdict::UnknownShape),
        ("<html></html>", Verdict::Transient),
        ("symbol,open\nA,1\n", Verdict::UnknownShape),
    ] {
        assert_eq!(read_now(&any, body).verdict, verdict, "{body}");
    }
}

/// What the body holds is observed or rejected, for every function, with its request and without.
#[test]
fn nothing_is_withheld() {
    for (request, body, _, rows) in replies().into_iter().chain(tables()) {
        for expected in [Expected::from(&request), of(request.function())] {
            for now in [NOW, "2026-11-20T15:29:00Z", "2031-01-02T00:00:00Z", "2001-01-02T00:00:00Z"] {
                let reading = read_at(&expected, &body, now, None);
                let seen = reading.observations.len() + reading.rejected.len();
                assert_eq!((reading.verdict, seen), (Verdict::Data, rows), "{request} {now}");
            }
            let reading = read_at(&expected, &body, NOW, None);
            assert_eq!((reading.rejected.as_slice(), reading.unknown_fields.len()), ([].as_slice(), 0), "{request}");
        }
    }
}
