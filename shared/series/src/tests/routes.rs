//! From records to the facts of series.

use market::{Adjustment, Bar, Basis, Decimal, Fact, Observation, Ohlc, Price, Subject, VendorBar};
use wire::Decoded;

use super::*;

/// The daily bar of 20 November 2025, taken in an hour later, as it comes off a stream.
fn decoded(basis: Basis, split: Option<i64>) -> Decoded {
    let price = |cents: i64| Price::new(Decimal::new(cents, 2)).unwrap();
    let adjustment =
        |ratio| Adjustment { adjusted_close: price(1), dividend: 0.into(), split_coefficient: Decimal::from(ratio) };
    let fact = Fact::Bar(VendorBar {
        subject: Some(Subject::Equity("MSFT".parse().unwrap())),
        basis,
        freshness: Freshness::Eod,
        bar: Bar {
            start: at(DAY),
            interval: Interval::Day,
            prices: Ohlc::new(price(100), price(120), price(90), price(110)).unwrap(),
            volume: None,
            is_final: true,
        },
        adjustment: split.map(adjustment),
    });
    let record = wire::observation(&Observation { fact, flags: Vec::new() }).to_json(3, at(DAY + 60 * MINUTE));
    wire::decode(record.as_bytes()).unwrap()
}

fn as_of(decoded: &Decoded) -> i64 {
    match route(decoded).unwrap().1.about {
        About::Bar(Part::Vendor(part)) => part.as_of,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_prices_that_are_adjusted_know_when_they_were_fetched() {
    assert_eq!(as_of(&decoded(Basis::Raw, None)), 0);
    for basis in [Basis::SplitAdjusted, Basis::SplitDividendAdjusted] {
        let mut decoded = decoded(basis, None);
        assert_eq!(as_of(&decoded), DAY + 60 * MINUTE);
        decoded.ingested_at = None;
        assert_eq!(as_of(&decoded), DAY, "as the bar was under way");
    }
}

#[test]
fn a_split_is_told_to_the_adjusted_series_of_the_share() {
    let told = splits(&decoded(Basis::Raw, Some(2)));
    let ids: Vec<String> = told.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(
        ids,
        [
            "symbol|MSFT|vendor|split_adjusted|intraday",
            "symbol|MSFT|vendor|split_adjusted|daily",
            "symbol|MSFT|vendor|split_dividend_adjusted|intraday",
            "symbol|MSFT|vendor|split_dividend_adjusted|daily"
        ]
    );
    // From midnight in New York on, before anybody trades: the session begins at 14:30.
    let day = "2025-11-20T05:00:00Z".parse::<Timestamp>().unwrap().as_millisecond();
    for (_, fact) in &told {
        assert_eq!(fact.about, About::Split(Split { day, ratio: 2.0 }));
    }
    for split in [None, Some(1), Some(0), Some(-2)] {
        assert!(splits(&decoded(Basis::Raw, split)).is_empty(), "{split:?}");
    }
    assert_eq!(route(&decoded(Basis::Raw, Some(2))).unwrap().0.to_string(), "symbol|MSFT|vendor|raw|daily");
}
