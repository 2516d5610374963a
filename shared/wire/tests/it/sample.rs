//! Facts as the vendor stated them, for the other tests. The values are those of recorded replies.

use jiff::Timestamp;
use market::{
    Bar, Basis, Decimal, Fact, Flag, Freshness, Interval, Observation, Ohlc, Quote, Rate, Subject, VendorBar,
};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn prices(open: &str, high: &str, low: &str, close: &str) -> Ohlc {
    Ohlc::new(open.parse().unwrap(), high.parse().unwrap(), low.parse().unwrap(), close.parse().unwrap()).unwrap()
}

pub(crate) fn seen(fact: Fact, flags: &[Flag]) -> Observation {
    Observation { fact, flags: flags.to_vec() }
}

pub(crate) fn quote() -> Quote {
    Quote {
        symbol: "MSFT".parse().unwrap(),
        trading_day: "2018-10-05".parse().unwrap(),
        prices: prices("112.6300", "113.1700", "110.6400", "112.1300"),
        previous_close: Some("112.7900".parse().unwrap()),
        change: Some(decimal("-0.6600")),
        change_percent: Some(decimal("-0.5852")),
        volume: "29062853".parse().unwrap(),
        freshness: Freshness::Eod,
        is_final: true,
        quoted_at: None,
        extended_hours: None,
    }
}

pub(crate) fn daily_bar() -> VendorBar {
    VendorBar {
        subject: Some(Subject::Equity("IBM".parse().unwrap())),
        basis: Basis::Raw,
        freshness: Freshness::Eod,
        bar: Bar {
            start: at("2026-05-15T13:30:00Z"),
            interval: Interval::Day,
            prices: prices("218.2", "220.91", "217.615", "219.3"),
            volume: Some("6154450".parse().unwrap()),
            is_final: true,
        },
        adjustment: None,
    }
}

pub(crate) fn crypto_bar() -> VendorBar {
    VendorBar {
        subject: Some(Subject::Pair("BTC/EUR".parse().unwrap())),
        basis: Basis::Raw,
        freshness: Freshness::Realtime,
        bar: Bar {
            start: at("2025-08-24T00:00:00Z"),
            interval: Interval::Day,
            prices: prices("97883.18000000", "98040.37000000", "97854.95000000", "97886.73000000"),
            volume: Some("9.35943544".parse().unwrap()),
            is_final: false,
        },
        adjustment: None,
    }
}

pub(crate) fn rate() -> Rate {
    Rate {
        pair: "USD/JPY".parse().unwrap(),
        at: at("2026-05-17T17:12:44Z"),
        rate: "158.73166867".parse().unwrap(),
        bid: Some("158.72838292".parse().unwrap()),
        ask: Some("158.73495442".parse().unwrap()),
        freshness: Freshness::Realtime,
    }
}
