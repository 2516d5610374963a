//! Facts as the vendor stated them, for the other tests. The values are those of recorded replies.

use jiff::Timestamp;
use market::{
    Adjustment, Alert, Article, Bar, Basis, Decimal, EarningsDate, ExtendedHours, Fact, Flag, Freshness, Interval,
    MarketStatus, Mover, MoverList, Observation, Ohlc, Quote, Rate, Subject, TickerSentiment, Topic, VendorBar,
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

pub(crate) fn bulk_quote() -> Quote {
    Quote {
        symbol: "MSTR".parse().unwrap(),
        trading_day: "2024-10-30".parse().unwrap(),
        prices: prices("246.21", "255.8", "239.0", "247.31"),
        previous_close: Some("258.24".parse().unwrap()),
        change: Some(decimal("-10.93")),
        change_percent: Some(decimal("-4.2325")),
        volume: "20592520".parse().unwrap(),
        freshness: Freshness::Realtime,
        is_final: false,
        quoted_at: Some(at("2024-10-30T23:59:57.644Z")),
        extended_hours: Some(ExtendedHours {
            price: "242.9".parse().unwrap(),
            change: Some(decimal("-4.41")),
            change_percent: Some(decimal("-1.78319")),
        }),
    }
}

pub(crate) fn adjusted_bar() -> VendorBar {
    let adjustment = Adjustment {
        adjusted_close: "219.3".parse().unwrap(),
        dividend: decimal("0.0000"),
        split_coefficient: decimal("1.0"),
    };
    VendorBar { adjustment: Some(adjustment), ..daily_bar() }
}

pub(crate) fn article() -> Article {
    Article {
        url: "https://www.benzinga.com/markets/tech/26/05/52624745/tim-cook-finds-purpose".to_owned(),
        title: "Tim Cook Finds Purpose, Intel Strikes Deal: This Week In Appleverse".to_owned(),
        at: at("2026-05-17T11:01:00Z"),
        authors: vec!["Mohd Haider".to_owned()],
        summary: "This article provides a recap of recent news involving Apple.".to_owned(),
        banner_image: None,
        source: "Benzinga".to_owned(),
        source_domain: Some("Benzinga".to_owned()),
        category: Some("General".to_owned()),
        topics: vec![Topic { name: "technology".to_owned(), relevance: decimal("0.846949") }],
        sentiment_score: Some(decimal("0.22902")),
        sentiment_label: Some("Somewhat-Bullish".to_owned()),
        tickers: vec![TickerSentiment {
            ticker: "AAPL".to_owned(),
            relevance: decimal("1.000000"),
            score: decimal("0.061509"),
            label: "Neutral".to_owned(),
        }],
    }
}

pub(crate) fn earnings() -> EarningsDate {
    EarningsDate {
        symbol: "A".parse().unwrap(),
        name: "Agilent Technologies Inc".to_owned(),
        report_date: "2025-11-24".parse().unwrap(),
        fiscal_date_ending: "2025-10-31".parse().unwrap(),
        estimate: Some(decimal("1.58")),
        currency: Some("USD".to_owned()),
        time_of_day: None,
    }
}

pub(crate) fn status() -> MarketStatus {
    MarketStatus {
        market_type: "Equity".to_owned(),
        region: "United States".to_owned(),
        primary_exchanges: "NASDAQ, NYSE, AMEX, BATS".to_owned(),
        local_open: Some("09:30".to_owned()),
        local_close: Some("16:15".to_owned()),
        is_open: false,
        notes: None,
        seen_on: "2026-05-17".parse().unwrap(),
    }
}

pub(crate) fn mover() -> Mover {
    Mover {
        list: MoverList::TopGainers,
        rank: 1,
        symbol: "DUKRW".parse().unwrap(),
        at: at("2026-05-15T20:16:00Z"),
        price: "1.8".parse().unwrap(),
        change: decimal("1.79"),
        change_percent: decimal("17900.0"),
        volume: "166004".parse().unwrap(),
    }
}

pub(crate) fn alert() -> Alert {
    Alert {
        kind: "price_spike",
        severity: "low",
        subject: Subject::Equity("IBM".parse().unwrap()),
        at: at("2026-05-15T15:31:00Z"),
        interval: Some(Interval::Min1),
        rule: None,
        value: 0.0613,
        threshold: 0.05,
        text: "IBM rose by 6.13 % in a minute; usual are up to 5 %".to_owned(),
    }
}

/// An alert of a rule that somebody set.
pub(crate) fn rule_alert() -> Alert {
    Alert {
        kind: "rule",
        subject: Subject::Pair("BTC/EUR".parse().unwrap()),
        at: at("2026-05-15T15:30:00Z"),
        interval: Some(Interval::Min5),
        rule: Some("close crosses above SMA(20) (sampled raw)".to_owned()),
        value: 97_886.73,
        threshold: 97_880.141_25,
        text: "BTC/EUR at 2026-05-15T15:30:00Z, 5min: close crosses above SMA(20), with 97886.73 and 97880.14125"
            .to_owned(),
        ..alert()
    }
}
