//! Requests and replies to build tests from.

use alphavantage::{Context, Entitlement, OutputSize, Reading, Reply, Request, read};
use market::{Fact, Flag, Interval, Observation, Timestamp, session::Hours};

/// A Friday: 10:30 in New York.
pub(crate) const NOW: &str = "2026-11-20T15:30:00Z";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn quote_request() -> Request {
    Request::GlobalQuote { symbol: "ACME".parse().unwrap() }
}

pub(crate) fn intraday_request(interval: Interval, hours: Hours) -> Request {
    Request::TimeSeriesIntraday {
        symbol: "ACME".parse().unwrap(),
        interval,
        hours,
        month: None,
        output: OutputSize::Compact,
    }
}

pub(crate) fn rate_request() -> Request {
    Request::CurrencyExchangeRate { pair: "EUR/CHF".parse().unwrap() }
}

pub(crate) fn daily_request() -> Request {
    Request::DigitalCurrencyDaily { pair: "BTC/CHF".parse().unwrap() }
}

/// One of each function.
pub(crate) fn requests() -> [Request; 4] {
    [quote_request(), intraday_request(Interval::Min5, Hours::Regular), rate_request(), daily_request()]
}

pub(crate) fn read_at(request: &Request, body: &str, now: &str, entitlement: Option<Entitlement>) -> Reading {
    let reply = Reply { status: 200, content_type: Some("application/json"), body: body.as_bytes() };
    read(request, &reply, &Context { now: at(now), entitlement })
}

pub(crate) fn read_now(request: &Request, body: &str) -> Reading {
    read_at(request, body, NOW, None)
}

/// A good quote of the day before [`NOW`].
pub(crate) const QUOTE: &str = r#"{
    "Global Quote": {
        "01. symbol": "ACME",
        "02. open": "50.1000",
        "03. high": "51.0000",
        "04. low": "49.5000",
        "05. price": "50.5000",
        "06. volume": "123456",
        "07. latest trading day": "2026-11-19",
        "08. previous close": "50.0000",
        "09. change": "0.5000",
        "10. change percent": "1.0000%"
    }
}"#;

/// A good rate of a few minutes before [`NOW`].
pub(crate) const RATE: &str = r#"{
    "Realtime Currency Exchange Rate": {
        "1. From_Currency Code": "EUR",
        "2. From_Currency Name": "Euro",
        "3. To_Currency Code": "CHF",
        "4. To_Currency Name": "Swiss Franc",
        "5. Exchange Rate": "0.93120000",
        "6. Last Refreshed": "2026-11-20 15:25:01",
        "7. Time Zone": "UTC",
        "8. Bid Price": "0.93110000",
        "9. Ask Price": "0.93130000"
    }
}"#;

/// An intraday series with one bar under each label.
pub(crate) fn intraday(interval: &str, labels: &[&str]) -> String {
    let bar = r#"{"1. open":"10.00","2. high":"10.50","3. low":"9.50","4. close":"10.25","5. volume":"700"}"#;
    let bars: Vec<_> = labels.iter().map(|label| format!("\"{label}\":{bar}")).collect();
    format!(
        r#"{{"Meta Data":{{"1. Information":"Intraday ({interval}) open, high, low, close prices and volume",
            "2. Symbol":"ACME","3. Last Refreshed":"2026-11-19 19:55:00","4. Interval":"{interval}",
            "5. Output Size":"Compact","6. Time Zone":"US/Eastern"}},"Time Series ({interval})":{{{}}}}}"#,
        bars.join(",")
    )
}

/// A series of days of BTC in CHF, with these rows as `"label": {…}`.
pub(crate) fn daily(rows: &str) -> String {
    format!(
        r#"{{"Meta Data":{{"1. Information":"Daily Prices and Volumes for Digital Currency",
            "2. Digital Currency Code":"BTC","3. Digital Currency Name":"Bitcoin","4. Market Code":"CHF",
            "5. Market Name":"Swiss Franc","6. Last Refreshed":"2026-11-20 00:00:00","7. Time Zone":"UTC"}},
            "Time Series (Digital Currency Daily)":{{{rows}}}}}"#
    )
}

/// Days with prices around 100.
pub(crate) fn days(labels: &[&str]) -> String {
    let day =
        r#"{"1. open":"100.00000000","2. high":"105.5","3. low":"99.0","4. close":"101.25","5. volume":"9.35943544"}"#;
    let rows: Vec<_> = labels.iter().map(|label| format!("\"{label}\":{day}")).collect();
    daily(&rows.join(","))
}

/// A bar in short: its begin and its flags.
pub(crate) fn bar_in_short(observation: &Observation) -> String {
    let Fact::Bar(bar) = &observation.fact else { return "no bar".to_owned() };
    let flags: Vec<_> = observation.flags.iter().map(|flag: &Flag| flag.as_str()).collect();
    format!("{} {}", bar.bar.start, flags.join(" ")).trim_end().to_owned()
}
