use market::{Flag, Observation};

use super::*;
use crate::{IndicatorBody, indicator, observation};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn prices(open: &str, high: &str, low: &str, close: &str) -> Ohlc {
    Ohlc::new(open.parse().unwrap(), high.parse().unwrap(), low.parse().unwrap(), close.parse().unwrap()).unwrap()
}

fn facts() -> Vec<Fact> {
    let bar = |subject, volume| {
        Fact::Bar(VendorBar {
            subject: Some(subject),
            basis: Basis::Raw,
            freshness: Freshness::Realtime,
            bar: Bar {
                start: at("2026-11-20T15:31:00Z"),
                interval: Interval::Min1,
                prices: prices("97883.18000000", "98040.37", "97854.95", "97886.73"),
                volume,
                is_final: true,
            },
            adjustment: None,
        })
    };
    vec![
        Fact::Quote(Quote {
            symbol: "CELG^".parse().unwrap(),
            trading_day: "2026-11-20".parse().unwrap(),
            prices: prices("112.63", "113.17", "110.64", "112.13"),
            previous_close: Some("112.79".parse().unwrap()),
            change: Some("-0.66".parse().unwrap()),
            change_percent: None,
            volume: "29062853".parse().unwrap(),
            freshness: Freshness::Delayed15,
            is_final: false,
            quoted_at: None,
            extended_hours: None,
        }),
        bulk_quote(None),
        bulk_quote(Some("-1.78319".parse().unwrap())),
        adjusted_bar(),
        bar(Subject::Equity("FRA:IQQE".parse().unwrap()), Some("9.35943544".parse().unwrap())),
        bar(Subject::Equity("BRK/B".parse().unwrap()), None),
        bar(Subject::Pair("BTC/EUR".parse().unwrap()), None),
        Fact::Rate(Rate {
            pair: "SHIB/USD".parse().unwrap(),
            at: at("2026-11-20T15:31:07Z"),
            rate: "1e-8".parse().unwrap(),
            bid: None,
            ask: Some("0.00000002".parse().unwrap()),
            freshness: Freshness::Realtime,
        }),
    ]
}

/// A quote with what only REALTIME_BULK_QUOTES says.
fn bulk_quote(change: Option<Decimal>) -> Fact {
    Fact::Quote(Quote {
        symbol: "MSTR".parse().unwrap(),
        trading_day: "2024-10-30".parse().unwrap(),
        prices: prices("246.21", "255.8", "239.0", "247.31"),
        previous_close: Some("258.24".parse().unwrap()),
        change: Some("-10.93".parse().unwrap()),
        change_percent: Some("-4.2325".parse().unwrap()),
        volume: "20592520".parse().unwrap(),
        freshness: Freshness::Realtime,
        is_final: false,
        quoted_at: Some(at("2024-10-30T23:59:57.644Z")),
        extended_hours: Some(ExtendedHours { price: "1242.9".parse().unwrap(), change, change_percent: change }),
    })
}

/// A bar with what only TIME_SERIES_DAILY_ADJUSTED says.
fn adjusted_bar() -> Fact {
    Fact::Bar(VendorBar {
        subject: Some(Subject::Equity("AAPL".parse().unwrap())),
        basis: Basis::Raw,
        freshness: Freshness::Eod,
        bar: Bar {
            start: at("2020-08-31T13:30:00Z"),
            interval: Interval::Day,
            prices: prices("127.58", "131.0", "126.0", "129.04"),
            volume: Some("223505733".parse().unwrap()),
            is_final: true,
        },
        adjustment: Some(Adjustment {
            adjusted_close: "125.1748".parse().unwrap(),
            dividend: "0.0000".parse().unwrap(),
            split_coefficient: "4.0".parse().unwrap(),
        }),
    })
}

#[test]
fn every_kind_of_fact_survives_the_wire() {
    for fact in facts() {
        let record = observation(&Observation { fact: fact.clone(), flags: vec![Flag::Stale, Flag::Partial] });
        let text = record.to_json(3, at("2026-11-20T15:31:08.1234Z"));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(text.starts_with(r#"{"schema":""#));
        assert_eq!(json["flags"], serde_json::json!(["stale", "partial"]));
        assert_eq!(json["ingested_at"], "2026-11-20T15:31:08.123Z");
        let read = decode(text.as_bytes()).unwrap();
        assert_eq!((read.key, read.rev, read.id, read.fact), (record.key(), 3, record.id(3), Some(fact)));
    }
}

#[test]
fn identity_follows_the_fact_and_its_content() {
    let fact = facts().remove(0);
    let record = |change: &dyn Fn(&mut Quote), flags| {
        let Fact::Quote(mut quote) = fact.clone() else { unreachable!() };
        change(&mut quote);
        observation(&Observation { fact: Fact::Quote(quote), flags })
    };
    let base = record(&|_| (), vec![]);
    let flagged = record(&|_| (), vec![Flag::Stale]);
    assert_eq!((base.key(), base.content(), base.id(0)), (flagged.key(), flagged.content(), flagged.id(0)));
    let corrected = record(&|quote| quote.volume = "1".parse().unwrap(), vec![]);
    assert_eq!(corrected.key(), base.key());
    assert_ne!(corrected.content(), base.content());
    assert_ne!(base.id(0), base.id(1));
    let fresher = record(&|quote| quote.freshness = Freshness::Realtime, vec![]);
    assert_ne!(fresher.key(), base.key());
    // The identity of a fact is a contract with every archive: it never changes within a version.
    assert_eq!(base.key().to_string(), "b52ccb4ba7241f4713f60d319fe3d297");
    assert_eq!(base.id(0).to_string(), "57d4d0cb6228c5634ce81cc6e8d0c454");
}

#[test]
fn what_replaces_the_value_before_it_is_ordered_and_bars_are_not() {
    for fact in facts() {
        let expected = !matches!(fact, Fact::Bar(_));
        let record = observation(&Observation { fact, flags: vec![] });
        assert_eq!(record.is_ordered(), expected, "{record:?}");
    }
}

#[test]
fn indicator_records_hold_what_json_can_hold() {
    let subject = Subject::Pair("BTC/USD".parse().unwrap());
    let reading = |name: &str, value| crate::IndicatorReading {
        name: Box::leak(Box::new(crate::OutputName::new(name))),
        value,
        warm: true,
        bars: 20,
    };
    let record = indicator(&IndicatorBody {
        series: &crate::SeriesText::new(&subject, Interval::Min1, Basis::Raw, market::Origin::Sampled),
        start: at("2026-11-20T15:31:00Z"),
        freshness: Freshness::Realtime,
        bars: 20,
        prices: [0.1, 1e21, 1e-9, 2.0],
        volume: None,
        readings: &[
            reading("SMA(20)", Some(0.1 + 0.2)),
            reading("RSI(14)", None),
            reading("EMA(20)", Some(f64::INFINITY)),
        ],
        flags: &[],
    });
    let json: serde_json::Value = serde_json::from_str(&record.to_json(0, at("2026-11-20T15:33:00Z"))).unwrap();
    assert_eq!(json["values"]["SMA(20)"].as_f64().unwrap().to_bits(), (0.1f64 + 0.2).to_bits());
    assert_eq!(json["values"]["RSI(14)"], serde_json::Value::Null);
    assert_eq!(json["values"]["EMA(20)"], serde_json::Value::Null);
    assert_eq!(
        (&json["volume"], &json["origin"], &json["bars"]),
        (&serde_json::Value::Null, &"sampled".into(), &20.into())
    );
}

#[track_caller]
fn check_fact(fact: Fact, change: &str, with: &str, expected: &str) {
    let good = observation(&Observation { fact, flags: vec![] }).to_json(0, at("2026-11-20T15:32:00Z"));
    assert!(good.contains(change), "{change} is not in {good}");
    let error = decode(good.replace(change, with).as_bytes()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[track_caller]
fn check(change: &str, with: &str, expected: &str) {
    let Some(bar) = facts().into_iter().find(|fact| matches!(fact, Fact::Bar(bar) if bar.adjustment.is_none())) else {
        unreachable!()
    };
    check_fact(bar, change, with, expected);
}

#[test]
fn what_cannot_be_read_says_why() {
    check(r#""schema":"bar.v1""#, r#""schema":"bar.v9""#, "schema `bar.v9` is not read here");
    check(r#""open":97883.18"#, r#""open":-1"#, "field `open` is wrong: price `-1` is not positive");
    check(r#""open":97883.18"#, r#""open":"97883.18""#, "field `open` is wrong");
    check(r#""open":97883.18"#, r#""other":1"#, "`bar.v1` has no field `open`");
    check(r#""high":98040.37"#, r#""high":97860"#, "the bar is impossible: open `97883.18` is outside");
    check(r#""interval":"1min""#, r#""interval":"7min""#, "interval `7min` is not known; allowed: 1min");
    check(r#""final":true"#, r#""final":1"#, "not a JSON object");
    check(r#""rev":0"#, r#""rev":-1"#, "not a JSON object");
    check(r#""id":""#, r#""id":"x"#, "field `id` is wrong");
    check(r#""timestamp":"2026"#, r#""timestamp":"26"#, "field `timestamp` is wrong");
    check(r#""symbol":"FRA:IQQE""#, r#""symbol":"""#, "symbol `` is not valid");
    for (bytes, expected) in
        [(&b"\xff\xfe"[..], "not UTF-8"), (b"", "not a JSON object"), (b"[1]", "not a JSON object")]
    {
        assert!(decode(bytes).unwrap_err().to_string().contains(expected));
    }
}

#[test]
fn what_only_some_replies_say_is_checked_where_it_is_there() {
    let check = |change, with, expected| check_fact(bulk_quote(None), change, with, expected);
    check(r#""quoted_at":"2024"#, r#""quoted_at":"24"#, "field `quoted_at` is wrong");
    check(r#"{"price":1242.9"#, r#"{"price":-1"#, "field `extended_hours.price` is wrong: price `-1` is not positive");
    check(r#"{"price":1242.9,"#, r#"{"#, "`quote.v1` has no field `extended_hours.price`");
    let check = |change, with, expected| check_fact(adjusted_bar(), change, with, expected);
    check(r#","adjusted_close":125.1748"#, "", "`bar.v1` has no field `adjusted_close`");
    check(r#","split_coefficient":4"#, "", "`bar.v1` has no field `split_coefficient`");
    check(r#""dividend_amount":0"#, r#""dividend_amount":"no""#, "field `dividend_amount` is wrong");
    let mut nobody = adjusted_bar();
    if let Fact::Bar(bar) = &mut nobody {
        bar.subject = None;
    }
    check_fact(nobody, r#""symbol":null"#, r#""symbol":null"#, "`bar.v1` has no field `symbol`");
    // Nulls say the same as absence.
    let text = observation(&Observation { fact: adjusted_bar(), flags: vec![] }).to_json(0, at("2026-11-20T15:32:00Z"));
    let (front, _) = text.split_once(r#","adjusted_close""#).unwrap();
    let nulls = format!(r#"{front},"adjusted_close":null,"dividend_amount":null,"split_coefficient":null}}"#);
    assert!(matches!(decode(nulls.as_bytes()).unwrap().fact, Some(Fact::Bar(VendorBar { adjustment: None, .. }))));
}

#[test]
fn of_events_only_the_envelope_is_read() {
    let record = |schema: &str, key: &str, id: &str, timestamp: &str| {
        let body = r#""symbol":7,"price":{"final":[]},"final":"yes","extended_hours":1"#;
        format!(
            r#"{{"schema":"{schema}","key":"{key}","rev":2,"id":"{id}","source":"x","timestamp":"{timestamp}",{body}}}"#
        )
    };
    let (key, id, timestamp) = ("00112233445566778899aabbccddeeff", "f".repeat(32), "2026-11-20T15:31:00.000Z");
    for schema in &SCHEMAS[3..] {
        let read = decode(record(schema, key, &id, timestamp).as_bytes()).unwrap();
        assert_eq!(
            (read.key.to_string().as_str(), read.rev, read.id.to_string(), read.fact),
            (key, 2, id.clone(), None)
        );
        for (bad, field) in [
            (record(schema, "x", &id, timestamp), "`key`"),
            (record(schema, key, "x", timestamp), "`id`"),
            (record(schema, key, &id, "2026-11-20"), "`timestamp`"),
        ] {
            let error = decode(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }
    for schema in &SCHEMAS[..3] {
        assert!(decode(record(schema, key, &id, timestamp).as_bytes()).is_err(), "{schema}");
    }
    let error = decode(record("metric.v1", key, &id, timestamp).as_bytes()).unwrap_err().to_string();
    assert_eq!(error, format!("schema `metric.v1` is not read here; known: {}", SCHEMAS.join(", ")));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), at in 0usize..400, byte: u8) {
        let _ = decode(&bytes);
        let mut good = observation(&Observation { fact: facts().remove(0), flags: vec![] })
            .to_json(0, self::at("2026-11-20T15:32:00Z")).into_bytes();
        let at = at % good.len();
        good[at] = byte;
        let _ = decode(&good);
    }
}
