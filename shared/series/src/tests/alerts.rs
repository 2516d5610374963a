//! Rules that fire: at the edge, once, and only on news.

use std::cmp::Ordering;

use super::*;

const BTC: &str = "pair|BTC/USD|vendor|raw|intraday";

/// Prices that go up and down, and stay now and then.
fn closes() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((0u8..12).prop_map(|step| 100.0 + f64::from(step)), 60)
}

/// The value of a text field of a record.
fn field<'a>(record: &'a str, name: &str) -> &'a str {
    let from = record.find(&format!(r#""{name}":"#)).unwrap() + name.len() + 3;
    let rest = record[from..].trim_start_matches('"');
    &rest[..rest.find(['"', ',']).unwrap()]
}

fn ids(writer: &Writer) -> BTreeSet<&str> {
    writer.alerts.iter().map(|alert| field(alert, "id")).collect()
}

/// The begins of the bars at which a close comes to lie otherwise to the mean of the last three, in order.
fn edges(closes: &[f64], fires: impl Fn(Ordering, Ordering) -> bool) -> Vec<i64> {
    let side = |at: usize| closes[at].partial_cmp(&(closes[at - 2..=at].iter().sum::<f64>() / 3.0)).unwrap();
    let edges = (3..closes.len()).filter(|at| fires(side(at - 1), side(*at)));
    edges.map(|at| DAY + at as i64 * MINUTE).collect()
}

fn starts(writer: &Writer, rule: &str) -> Vec<i64> {
    let of = writer.alerts.iter().filter(|alert| alert.contains(&format!(r#""rule":"{rule} ("#)));
    let start = |alert: &String| field(alert, "timestamp").parse::<Timestamp>().unwrap().as_millisecond();
    let mut starts: Vec<i64> = of.map(start).collect();
    starts.sort_unstable();
    starts
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn each_rule_fires_once_at_each_edge_however_bars_come(
        closes in closes(), cuts in prop::collection::vec(1usize..9, 60), corrected: bool,
    ) {
        let id = id(BTC);
        let rules = "close crosses SMA(3); close > SMA(3); close < SMA(3); close >= SMA(3)";
        let mut writer = Writer::new(with("SMA(3)", rules));
        let facts = closing_at(&closes);
        let mut rest = facts.as_slice();
        for size in cuts {
            let (batch, tail) = rest.split_at(size.min(rest.len()));
            let now = batch.last().map_or(DAY, |fact| fact.start) + MINUTE;
            for _ in 0..2 { writer.take(&id, batch, now); }
            rest = tail;
        }
        let fired = writer.alerts.len();
        if corrected {
            // Whatever the corrections say, the bars are not news any more.
            let last = closes.len() as i64;
            for bar in last - 12..last {
                let prices = flat(150.0 - (bar % 3) as f64 * 30.0);
                let fact = vendor(Interval::Min1, DAY + bar * MINUTE, 1, true, prices);
                writer.take(&id, &[fact], DAY + last * MINUTE);
            }
        }
        use Ordering::{Greater, Less};
        prop_assert_eq!(writer.alerts.len(), fired);
        prop_assert_eq!(ids(&writer).len(), fired, "each has an id of its own");
        let crosses = edges(&closes, |was, is| is != Ordering::Equal && was != is);
        prop_assert_eq!(starts(&writer, "close crosses SMA(3)"), crosses);
        prop_assert_eq!(starts(&writer, "close > SMA(3)"), edges(&closes, |was, is| is == Greater && was != Greater));
        prop_assert_eq!(starts(&writer, "close < SMA(3)"), edges(&closes, |was, is| is == Less && was != Less));
        prop_assert_eq!(starts(&writer, "close >= SMA(3)"), edges(&closes, |was, is| is != Less && was == Less));
    }
}

#[test]
fn an_alert_says_what_happened() {
    let id = id(BTC);
    let mut writer = Writer::new(with("SMA(2)", "close crosses above SMA(2); close > 104.5"));
    writer.take(&id, &closing_at(&[104.0, 104.0, 104.0, 106.0]), DAY + 4 * MINUTE);
    assert_eq!((writer.alerts.len(), ids(&writer).len()), (2, 2));
    let alert = &writer.alerts[0];
    for (name, expected) in [
        ("schema", "alert.v1"),
        ("type", "rule"),
        ("symbol", "BTC/USD"),
        ("interval", "1min"),
        ("rule", "close crosses above SMA(2) (vendor raw)"),
        ("value", "106.0"),
        ("threshold", "105.0"),
        ("rev", "0"),
        ("timestamp", "2025-11-20T14:33:00.000Z"),
        ("ingested_at", "2025-11-20T14:34:00.000Z"),
    ] {
        assert_eq!(field(alert, name), expected, "{alert}");
    }
    assert!(wire::decode(alert.as_bytes()).is_ok());
    assert_eq!(field(&writer.alerts[1], "rule"), "close > 104.5 (vendor raw)");
    assert_ne!(field(alert, "key"), field(&writer.alerts[1], "key"));
}

#[test]
fn history_is_no_news() {
    let check = |late: i64, expected: usize| {
        let mut writer = Writer::new(with("SMA(2)", "close > 105"));
        // The third bar begins two minutes later; three bars and an hour after that it is no news any more.
        writer.take(&id(BTC), &closing_at(&[104.0, 104.0, 106.0]), DAY + 2 * MINUTE + late);
        assert_eq!(writer.alerts.len(), expected, "{late}");
        assert!(!writer.lines.is_empty());
    };
    check(63 * MINUTE, 1);
    check(63 * MINUTE + 1, 0);
}

#[test]
fn rules_are_for_built_bars_too() {
    let mut writer = Writer::new(with("none; 5min: SMA(2)", "close crosses SMA(2)"));
    let closes: Vec<f64> =
        (0..20).map(|bar| if bar < 10 { 100.0 - f64::from(bar) } else { 100.0 + f64::from(bar) }).collect();
    for (bar, fact) in (1..).zip(closing_at(&closes)) {
        writer.take(&id(BTC), &[fact], DAY + bar * MINUTE);
    }
    assert_eq!(starts(&writer, "close crosses SMA(2)"), [DAY + 10 * MINUTE]);
    assert_eq!(field(&writer.alerts[0], "interval"), "5min");
}

#[test]
fn a_rule_that_is_added_waits_for_an_edge() {
    let id = id(BTC);
    let mut writer = Writer::new(with("SMA(2)", ""));
    let closes: Vec<f64> = (0..40).map(|bar| [110.0, 110.0, 110.0, 90.0][bar % 4]).collect();
    let facts = closing_at(&closes);
    let take = |writer: &mut Writer, range: std::ops::Range<usize>| {
        for at in range {
            writer.take(&id, &facts[at..=at], facts[at].start + MINUTE);
        }
    };
    take(&mut writer, 0..30);
    writer.deploy(with("SMA(2)", "close > 100"));
    assert!(writer.alerts.is_empty());
    // Bar 30 is above as bar 29 is, bar 31 below, bar 32 above again.
    take(&mut writer, 30..32);
    assert!(writer.alerts.is_empty());
    take(&mut writer, 32..40);
    assert_eq!(starts(&writer, "close > 100"), [32, 36].map(|bar| DAY + bar * MINUTE));
    // Taken out and put back, it is a new one.
    writer.deploy(with("SMA(2)", ""));
    writer.take(&id, &[], DAY + 41 * MINUTE);
    assert_eq!(writer.alerts.len(), 2);
}

#[test]
fn an_alert_that_nobody_took_stays_owed_as_it_was() {
    let (id, settings) = (id(BTC), with("SMA(2)", "close > 105"));
    let mut item = Item::default();
    stepped(&id, &mut item, &mut closing_at(&[104.0, 104.0, 106.0]), at(DAY + 3 * MINUTE), &settings);
    let entries = |item: &Item| item.owed().iter().filter_map(|owed| owed.entry(&id)).collect::<Vec<_>>();
    let first = entries(&item);
    assert_eq!(first.len(), 1);
    let numbers = item.owed().iter().filter(|owed| matches!(owed.what, What::Readings(_))).map(|owed| owed.number);
    item.acknowledge(&numbers.collect::<Vec<_>>());
    let mut later = Item::decode(&item.encode(), &settings.sets).unwrap();
    // Another writer, other rules: what was to be said is said.
    let settings = with("EMA(3)", "");
    stepped(&id, &mut later, &mut closing_at(&[104.0; 5])[3..], at(DAY + 5 * MINUTE), &settings);
    assert_eq!(entries(&later), first);
    assert_eq!(later.deliverable(later.next_number(), at(DAY + 5 * MINUTE), &settings).count(), 1);
}
