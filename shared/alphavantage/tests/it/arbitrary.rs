//! Whatever the bytes: a reading, and observations only from under the expected key.

use alphavantage::{Context, Entitlement, Reading, Reply, Request, Verdict, read};
use market::{Decimal, Fact, Interval, Price, Timestamp, session::Hours};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::value::RawValue;

use crate::shape::{NOW, RATE, at, intraday, intraday_request, rate_request, read_now, replies, requests, tables};

/// Good replies of all functions, each with the word that makes it data.
fn good() -> Vec<(Request, String, &'static str)> {
    replies().into_iter().chain(tables()).map(|(request, body, key, _)| (request, body, key)).collect()
}

fn reading(request: &Request, status: u16, content_type: Option<&str>, body: &[u8], context: &Context) -> Reading {
    let reading = read(request, &Reply { status, content_type, body }, context);
    assert!(reading.verdict == Verdict::Data || reading.observations.is_empty() && reading.rejected.is_empty());
    assert!(reading.verdict == Verdict::Data || reading.message.is_some());
    for observation in &reading.observations {
        assert!(request.subject().is_none() || observation.fact.subject() == request.subject());
        assert!(observation.flags.is_sorted());
    }
    for rejected in &reading.rejected {
        assert!(serde_json::from_str::<&RawValue>(&rejected.payload).is_ok(), "{}", rejected.payload);
    }
    reading
}

fn context() -> impl Strategy<Value = Context> {
    let now = prop_oneof![
        Just(at(NOW)),
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
        (-60_000_000_000i64..250_000_000_000)
            .prop_map(|second| Timestamp::from_second(second).unwrap_or(Timestamp::MAX)),
    ];
    let entitlement = select(vec![None, Some(Entitlement::Delayed), Some(Entitlement::Realtime)]);
    (now, entitlement).prop_map(|(now, entitlement)| Context { now, entitlement })
}

/// Words of which replies are made, and numbers at the edges.
fn token() -> impl Strategy<Value = String> {
    let words: Vec<String> = [
        "Global Quote",
        "Meta Data",
        "Time Series (5min)",
        "Realtime Currency Exchange Rate",
        "Information",
        "Note",
        "message",
        "data",
        "2. Symbol",
        "6. Time Zone",
        "US/Eastern",
        "ACME",
        "2026-11-19 10:05:00",
        "1. open",
        "-",
        "None",
        "79228162514264337593543950335",
        "-79228162514264337593543950335",
        "1e28",
        "1e-28",
        "1e999",
        "0",
        "%",
        "0.0000000000000000000000000001",
        "9999-12-31 23:59:59",
        "0000-01-01",
        "-9999-01-01",
        "premium endpoint",
    ]
    .map(str::to_owned)
    .into();
    prop_oneof![3 => select(words), 1 => ".{0,8}", 1 => any::<f64>().prop_map(|number| number.to_string())]
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        4 => token().prop_map(Value::String),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 8, |inner| {
        prop_oneof![
            4 => proptest::collection::vec((token(), inner.clone()), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            1 => proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
        ]
    })
}

/// A change of a text: some characters cut out and a token put there.
fn mutation() -> impl Strategy<Value = (prop::sample::Index, usize, String)> {
    (any::<prop::sample::Index>(), 0..12usize, prop_oneof![token(), Just(String::new()), "[\"{}\\[\\],:.\\-0-9]{0,3}"])
}

/// 2,000 of each, or more by `PROPTEST_CASES`.
fn cases() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(2_000), ..config }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn bytes_never_panic(
        body in proptest::collection::vec(any::<u8>(), 0..200), context in context(), status in any::<u16>(),
        content_type in select(vec![None, Some("text/html"), Some("application/json")]),
    ) {
        for request in requests() {
            reading(&request, status, content_type, &body, &context);
        }
    }

    #[test]
    fn json_without_the_key_gives_no_observation(value in json(), context in context()) {
        let body = value.to_string();
        for (request, _, key, _) in replies() {
            let reading = reading(&request, 200, None, body.as_bytes(), &context);
            // The words of the key, whatever is between them: numbers, blanks, underscores.
            let letters = |text: &str| text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
            if !letters(&body).contains(&letters(key)) {
                prop_assert_ne!(reading.verdict, Verdict::Data);
            }
        }
    }

    #[test]
    fn changed_replies_never_panic(
        which in any::<prop::sample::Index>(), changes in proptest::collection::vec(mutation(), 1..4), context in context(),
    ) {
        let (request, mut body, _) = {
            let mut good = good();
            let which = which.index(good.len());
            good.swap_remove(which)
        };
        for (place, cut, token) in changes {
            let from = body.floor_char_boundary(place.index(body.len() + 1));
            let to = body.floor_char_boundary((from + cut).min(body.len())).max(from);
            body.replace_range(from..to, &token);
        }
        reading(&request, 200, None, body.as_bytes(), &context);
    }

    /// What the body holds is observed or rejected, nothing else.
    #[test]
    fn every_bar_is_accounted_for(labels in proptest::collection::vec((0..40u32, 0..24u32, 0..12u32), 1..60)) {
        let start = market::Date::constant(2026, 10, 25);
        let labels: Vec<_> = labels
            .into_iter()
            .map(|(day, hour, step)| {
                let day = start.checked_add(jiff::Span::new().days(day)).unwrap();
                format!("{day} {hour:02}:{:02}:00", step * 5)
            })
            .collect();
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        for hours in [Hours::Regular, Hours::Extended] {
            let reading = read_now(&intraday_request(Interval::Min5, hours), &intraday("5min", &labels));
            prop_assert_eq!(reading.observations.len() + reading.rejected.len(), labels.len());
            let mut starts: Vec<_> = reading.observations.iter().map(|seen| seen.fact.event_time()).collect();
            for start in &starts {
                prop_assert!(market::session::is_open(*start, hours));
            }
            starts.sort_unstable();
            prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1]), "a bar twice");
        }
    }

    /// A price comes out as the decimal that went in, as a string or as a number.
    #[test]
    fn numbers_survive(digits in 1..1_000_000_000_000_000_000i64, scale in 0..18u32, quoted in any::<bool>()) {
        let wanted = Decimal::new(digits, scale);
        let number = if quoted { format!("\"{wanted}\"") } else { wanted.to_string() };
        let body = RATE.replace("\"0.93120000\"", &number).replace("Bid", "x").replace("Ask", "y");
        let reading = read_now(&rate_request(), &body);
        match reading.observations.first().map(|observation| &observation.fact) {
            Some(Fact::Rate(rate)) => prop_assert_eq!(rate.rate, Price::new(wanted).unwrap()),
            _ => prop_assert!(false, "{:?}", reading.rejected),
        }
    }
}
