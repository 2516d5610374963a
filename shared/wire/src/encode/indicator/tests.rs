//! The writer against a naive formula: every text put together by `format!`, numbers by `serde_json`, digests over
//! one whole string.

use market::{Currency, Pair};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::*;

/// What an [`IndicatorBody`] borrows, and what its [`SeriesText`] is made of.
#[derive(Debug, Clone)]
struct Case {
    subject: Subject,
    interval: Interval,
    basis: Basis,
    origin: Origin,
    start: Timestamp,
    freshness: Freshness,
    bars: u64,
    prices: [f64; 4],
    volume: Option<f64>,
    readings: Vec<(String, Option<f64>, bool, u64)>,
    has_gap: bool,
}

impl Case {
    fn with_body<T>(&self, take: impl FnOnce(&IndicatorBody<'_>) -> T) -> T {
        let names: Vec<OutputName> = self.readings.iter().map(|(name, ..)| OutputName::new(name)).collect();
        let readings: Vec<_> = names
            .iter()
            .zip(&self.readings)
            .map(|(name, &(_, value, warm, bars))| IndicatorReading { name, value, warm, bars })
            .collect();
        take(&IndicatorBody {
            series: &SeriesText::new(&self.subject, self.interval, self.basis, self.origin),
            start: self.start,
            freshness: self.freshness,
            bars: self.bars,
            prices: self.prices,
            volume: self.volume,
            readings: &readings,
            flags: if self.has_gap { &[IndicatorFlag::GapBefore] } else { &[] },
        })
    }

    fn timestamp(&self) -> String {
        format!("{:.3}", self.start)
    }

    /// The fields of the body, as text.
    fn body(&self) -> String {
        // What is not finite is `null` for serde_json, too.
        let number = |value: Option<f64>| Value::from(value).to_string();
        let subject = match &self.subject {
            Subject::Equity(symbol) => format!(r#""symbol":"{symbol}""#),
            Subject::Pair(Pair { base, quote }) => {
                format!(r#""symbol":"{base}/{quote}","base":"{base}","quote":"{quote}""#)
            }
        };
        let [open, high, low, close] = self.prices.map(|price| number(Some(price)));
        let of = |texts: Vec<String>| texts.join(",");
        let values = self.readings.iter().map(|(name, value, ..)| format!(r#""{name}":{}"#, number(*value))).collect();
        let mut warming = Vec::new();
        let mut bars_of = Vec::new();
        for (name, value, warm, bars) in &self.readings {
            if number(*value) != "null" && !warm {
                warming.push(format!(r#""{name}""#));
            }
            if *bars != self.bars {
                bars_of.push(format!(r#""{name}":{bars}"#));
            }
        }
        format!(
            r#"{subject},"interval":"{}","basis":"{}","freshness":"{}","origin":"{}","bars":{},"open":{open},"high":{high},"low":{low},"close":{close},"volume":{},"values":{{{}}},"warming":[{}],"bars_of":{{{}}}"#,
            self.interval,
            self.basis,
            self.freshness,
            self.origin,
            self.bars,
            number(self.volume),
            of(values),
            of(warming),
            of(bars_of),
        )
    }

    fn key(&self) -> String {
        let subject = self.subject.to_string();
        let mut bytes = Vec::new();
        for part in [
            "indicator.v1",
            "alphavantage",
            &subject,
            &self.timestamp(),
            self.interval.as_str(),
            self.basis.as_str(),
            self.freshness.as_str(),
            self.origin.as_str(),
        ] {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part.bytes());
        }
        digest(&bytes)
    }

    fn id(&self, rev: Option<u32>) -> String {
        let rev = rev.map(|rev| format!(r#""rev":{rev},"#)).unwrap_or_default();
        let canonical = format!(
            r#"{{"schema":"indicator.v1","key":"{}",{rev}"source":"alphavantage","timestamp":"{}",{}}}"#,
            self.key(),
            self.timestamp(),
            self.body(),
        );
        digest(canonical.as_bytes())
    }

    fn line(&self, rev: u32, ingested_at: Timestamp) -> String {
        format!(
            r#"{{"schema":"indicator.v1","key":"{}","rev":{rev},"id":"{}","source":"alphavantage","timestamp":"{}","ingested_at":"{ingested_at:.3}","flags":[{}],{}}}"#,
            self.key(),
            self.id(Some(rev)),
            self.timestamp(),
            if self.has_gap { r#""gap_before""# } else { "" },
            self.body(),
        )
    }

    /// The record as a value, field by field.
    fn value(&self, rev: u32, ingested_at: Timestamp) -> Value {
        let numbers: Map<String, Value> =
            self.readings.iter().map(|(name, value, ..)| (name.clone(), Value::from(*value))).collect();
        let of_warming = |(_, value, warm, _): &&(String, Option<f64>, bool, u64)| {
            !warm && value.is_some_and(|value| !value.is_nan() && !value.is_infinite())
        };
        let warming: Vec<&String> = self.readings.iter().filter(of_warming).map(|(name, ..)| name).collect();
        let bars_of: Map<String, Value> = self
            .readings
            .iter()
            .filter(|(.., bars)| *bars != self.bars)
            .map(|(name, .., bars)| (name.clone(), Value::from(*bars)))
            .collect();
        let [open, high, low, close] = self.prices;
        let mut value = json!({
            "schema": "indicator.v1", "key": self.key(), "rev": rev, "id": self.id(Some(rev)),
            "source": "alphavantage", "timestamp": self.timestamp(), "ingested_at": format!("{ingested_at:.3}"),
            "flags": if self.has_gap { vec!["gap_before"] } else { vec![] },
            "symbol": self.subject.to_string(), "interval": self.interval.as_str(), "basis": self.basis.as_str(),
            "freshness": self.freshness.as_str(), "origin": self.origin.as_str(), "bars": self.bars,
            "open": open, "high": high, "low": low, "close": close, "volume": self.volume,
            "values": numbers, "warming": warming, "bars_of": bars_of,
        });
        if let Subject::Pair(Pair { base, quote }) = &self.subject {
            value["base"] = base.as_str().into();
            value["quote"] = quote.as_str().into();
        }
        value
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number() -> impl Strategy<Value = f64> {
    let edges = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e16];
    prop_oneof![
        4 => -1e6..1e6f64,
        2 => any::<u64>().prop_map(f64::from_bits),
        1 => prop::sample::select(edges.to_vec()),
    ]
}

fn subject() -> impl Strategy<Value = Subject> {
    let currency = |text: &str| text.parse::<Currency>().unwrap();
    prop_oneof![
        prop::sample::select(vec!["AAPL", "BRK.B", "FRA:IQQE", "CELG^"])
            .prop_map(|text| Subject::Equity(text.parse().unwrap())),
        prop::sample::select(vec!["BTC", "SHIB"])
            .prop_map(move |base| Subject::Pair(Pair { base: currency(base), quote: currency("EUR") })),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let readings = prop::collection::btree_map(
        "[A-Z]{2,9}\\([0-9]{1,3}(,[0-9]{1,2})?\\)(\\.[a-z]{1,9})?",
        (prop::option::of(number()), any::<bool>(), prop_oneof![2 => Just(None), 1 => any::<u64>().prop_map(Some)]),
        0..16,
    );
    let millis = prop_oneof![
        4 => 0i64..4_000_000_000_000,
        1 => Timestamp::MIN.as_millisecond()..=Timestamp::MAX.as_millisecond(),
    ];
    (
        (subject(), prop::sample::select(Interval::ALL.to_vec()), prop::sample::select(Basis::ALL.to_vec())),
        (prop::sample::select(Origin::ALL.to_vec()), prop::sample::select(Freshness::ALL.to_vec()), millis),
        (any::<u64>(), prop::array::uniform4(number()), prop::option::of(number()), readings, any::<bool>()),
    )
        .prop_map(|((subject, interval, basis), (origin, freshness, millis), rest)| {
            let (bars, prices, volume, readings, has_gap) = rest;
            let start = Timestamp::from_millisecond(millis).unwrap();
            let readings =
                readings.into_iter().map(|(name, (value, warm, of))| (name, value, warm, of.unwrap_or(bars))).collect();
            Case { subject, interval, basis, origin, start, freshness, bars, prices, volume, readings, has_gap }
        })
}

proptest! {
    #[test]
    fn texts_and_digests_are_those_of_the_naive_formula(
        cases in prop::collection::vec((case(), any::<u32>(), any::<u32>()), 1..4),
        ingested in 0i64..4_000_000_000_000,
    ) {
        let ingested_at = Timestamp::from_millisecond(ingested).unwrap();
        // One memory for all of them, and one buffer for the lines.
        let mut writer = IndicatorWriter::default();
        let mut out = Vec::new();
        for (case, rev, other) in &cases {
            let begin = out.len();
            case.with_body(|body| {
                let mut rendered = writer.begin(body);
                prop_assert_eq!(rendered.key().to_string(), case.key());
                prop_assert_eq!(rendered.content().to_string(), case.id(None));
                prop_assert_eq!(rendered.id(*other).to_string(), case.id(Some(*other)));
                let id = rendered.push_line(&mut out, *rev, ingested_at);
                prop_assert_eq!(id.to_string(), case.id(Some(*rev)));
                prop_assert_eq!(rendered.id(*rev), id);
                Ok(())
            })?;
            let line = std::str::from_utf8(&out[begin..]).unwrap();
            prop_assert_eq!(line, case.line(*rev, ingested_at));
            // Through a text on both sides: `serde_json` may read another last bit of a number than was written.
            let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            prop_assert_eq!(read(line), read(&case.value(*rev, ingested_at).to_string()));
            let record = case.with_body(indicator);
            prop_assert_eq!(record.to_json(*rev, ingested_at), line);
            prop_assert_eq!(record.content().to_string(), case.id(None));
            prop_assert_eq!(record.id(*other).to_string(), case.id(Some(*other)));
            prop_assert_eq!(record.partition_key(), &partition::event("indicator", &case.subject.to_string()));
        }
    }
}

fn sample() -> Case {
    Case {
        subject: Subject::Equity("AAPL".parse().unwrap()),
        interval: Interval::Min1,
        basis: Basis::Raw,
        origin: Origin::Vendor,
        start: "2026-11-20T15:31:00Z".parse().unwrap(),
        freshness: Freshness::Realtime,
        bars: 50,
        prices: [1.0, 2.0, 0.5, 1.5],
        volume: None,
        readings: Vec::new(),
        has_gap: false,
    }
}

/// What stands behind `values`, and the values.
#[track_caller]
fn check(readings: &[(&str, Option<f64>, bool, u64)], expected: &str) {
    let readings = readings.iter().map(|&(name, value, warm, bars)| (name.to_owned(), value, warm, bars)).collect();
    let line = Case { readings, ..sample() }.with_body(indicator).to_json(0, Timestamp::UNIX_EPOCH);
    assert_eq!(line[line.find(r#""values""#).unwrap()..], format!("{expected}}}"));
}

#[test]
fn a_reading_says_of_itself_what_is_unusual() {
    check(&[], r#""values":{},"warming":[],"bars_of":{}"#);
    check(&[("RSI(14)", Some(50.0), true, 50)], r#""values":{"RSI(14)":50.0},"warming":[],"bars_of":{}"#);
    check(
        &[
            ("A", Some(1.5), false, 50),
            ("B", None, false, 50),
            ("C", Some(f64::NAN), false, 7),
            ("D", Some(-0.0), false, 0),
        ],
        r#""values":{"A":1.5,"B":null,"C":null,"D":-0.0},"warming":["A","D"],"bars_of":{"C":7,"D":0}"#,
    );
}

#[test]
fn flags_stand_outside_of_the_identity() {
    let plain = sample().with_body(indicator);
    let flagged = Case { has_gap: true, ..sample() }.with_body(indicator);
    assert_eq!((plain.key(), plain.content(), plain.id(3)), (flagged.key(), flagged.content(), flagged.id(3)));
    let text = |record: &Record| record.to_json(3, Timestamp::UNIX_EPOCH);
    assert_eq!(text(&flagged), text(&plain).replace(r#""flags":[]"#, r#""flags":["gap_before"]"#));
    assert_ne!(text(&flagged), text(&plain));
}

#[test]
fn the_lines_of_a_buffer_are_those_of_the_records() {
    let mut writer = IndicatorWriter::default();
    let mut lines = crate::Lines::default();
    let mut expected = String::new();
    for bars in [50, 51, 52] {
        let case = Case { bars, ..sample() };
        let id = case.with_body(|body| lines.push_rendered(&mut writer.begin(body), 2, Timestamp::UNIX_EPOCH));
        assert_eq!(id.to_string(), case.id(Some(2)));
        expected += &(case.line(2, Timestamp::UNIX_EPOCH) + "\n");
    }
    assert_eq!(lines.bytes(), expected.as_bytes());
    assert_eq!(lines.len(), 3);
    assert_eq!(lines.pack()[0][0].data, expected.as_bytes());
}
