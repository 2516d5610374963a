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
fn indicator_records_hold_what_json_can_hold() {
    let subject = Subject::Pair("BTC/USD".parse().unwrap());
    let record = indicator(&IndicatorBody {
        subject: &subject,
        interval: Interval::Min1,
        start: at("2026-11-20T15:31:00Z"),
        basis: Basis::Raw,
        freshness: Freshness::Realtime,
        origin: market::Origin::Sampled,
        bars: 20,
        prices: [0.1, 1e21, 1e-9, 2.0],
        volume: None,
        values: &[("SMA(20)", Some(0.1 + 0.2)), ("RSI(14)", None), ("EMA(20)", Some(f64::INFINITY))],
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
fn check(change: &str, with: &str, expected: &str) {
    let good =
        observation(&Observation { fact: facts().remove(1), flags: vec![] }).to_json(0, at("2026-11-20T15:32:00Z"));
    assert!(good.contains(change), "{change} is not in {good}");
    let error = decode(good.replace(change, with).as_bytes()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
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
    check(r#""symbol":"FRA:IQQE""#, r#""symbol":"""#, "symbol `` is not valid");
    for (bytes, expected) in
        [(&b"\xff\xfe"[..], "not UTF-8"), (b"", "not a JSON object"), (b"[1]", "not a JSON object")]
    {
        assert!(decode(bytes).unwrap_err().to_string().contains(expected));
    }
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
