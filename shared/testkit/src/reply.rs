//! Replies in the vendor's shapes, with invented numbers.

use pipeline::port::Fetched;

/// A reply of status 200 with a body of JSON.
pub fn json(body: impl Into<String>) -> Fetched {
    Fetched { status: 200, content_type: Some("application/json".to_owned()), body: body.into().into_bytes() }
}

/// A page of HTML with that status.
pub fn html(status: u16) -> Fetched {
    let body = b"<html><body>Service unavailable</body></html>".to_vec();
    Fetched { status, content_type: Some("text/html".to_owned()), body }
}

/// A refusal in the vendor's words.
pub fn refusal(words: &str) -> Fetched {
    json(format!(r#"{{"Information": "Thank you for using Alpha Vantage! {words}"}}"#))
}

/// A GLOBAL_QUOTE of a trading day.
pub fn quote(symbol: &str, trading_day: &str, price: &str) -> Fetched {
    json(format!(
        r#"{{"Global Quote": {{"01. symbol": "{symbol}", "02. open": "{price}", "03. high": "{price}",
            "04. low": "{price}", "05. price": "{price}", "06. volume": "1234",
            "07. latest trading day": "{trading_day}"}}}}"#
    ))
}

/// A TIME_SERIES_INTRADAY with one bar per label in New York, `YYYY-MM-DD HH:MM:SS`, and its price.
pub fn intraday(symbol: &str, interval: &str, bars: &[(String, String)]) -> Fetched {
    let bar = |(label, price): &(String, String)| {
        format!(
            r#""{label}": {{"1. open": "{price}", "2. high": "{price}", "3. low": "{price}", "4. close": "{price}",
                "5. volume": "100"}}"#
        )
    };
    let bars: Vec<String> = bars.iter().map(bar).collect();
    json(format!(
        r#"{{"Meta Data": {{"1. Information": "Intraday ({interval}) prices", "2. Symbol": "{symbol}",
            "4. Interval": "{interval}", "6. Time Zone": "US/Eastern"}}, "Time Series ({interval})": {{{}}}}}"#,
        bars.join(",")
    ))
}

/// A CURRENCY_EXCHANGE_RATE refreshed at `YYYY-MM-DD HH:MM:SS` in UTC.
pub fn rate(base: &str, quote: &str, refreshed: &str, rate: &str) -> Fetched {
    json(format!(
        r#"{{"Realtime Currency Exchange Rate": {{"1. From_Currency Code": "{base}", "3. To_Currency Code": "{quote}",
            "5. Exchange Rate": "{rate}", "6. Last Refreshed": "{refreshed}", "7. Time Zone": "UTC",
            "8. Bid Price": "{rate}", "9. Ask Price": "{rate}"}}}}"#
    ))
}
