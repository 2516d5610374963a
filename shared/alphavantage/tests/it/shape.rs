//! Requests and replies to build tests from.

use alphavantage::{
    Context, Entitlement, Expected, Horizon, NewsLimit, OutputSize, Reading, Reply, Request, Symbols, read,
};
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

pub(crate) fn bulk_request() -> Request {
    let symbols = ["ACME", "BRK.B", "CELG^"].map(|symbol| symbol.parse().unwrap());
    Request::RealtimeBulkQuotes { symbols: Symbols::new(symbols).unwrap() }
}

pub(crate) fn days_request() -> Request {
    Request::TimeSeriesDaily { symbol: "ACME".parse().unwrap(), output: OutputSize::Compact }
}

pub(crate) fn adjusted_request() -> Request {
    Request::TimeSeriesDailyAdjusted { symbol: "ACME".parse().unwrap(), output: OutputSize::Full }
}

pub(crate) fn crypto_request(interval: Interval) -> Request {
    Request::CryptoIntraday { pair: "ETH/CHF".parse().unwrap(), interval, output: OutputSize::Compact }
}

pub(crate) fn fx_request(interval: Interval) -> Request {
    Request::FxIntraday { pair: "EUR/CHF".parse().unwrap(), interval, output: OutputSize::Compact }
}

pub(crate) fn news_request() -> Request {
    let (tickers, topics, limit) = (vec!["ACME".parse().unwrap()], Vec::new(), NewsLimit::DEFAULT);
    Request::NewsSentiment { tickers, topics, from: None, to: None, sort: None, limit }
}

pub(crate) fn earnings_request(symbol: Option<&str>) -> Request {
    Request::EarningsCalendar { symbol: symbol.map(|symbol| symbol.parse().unwrap()), horizon: Horizon::Month3 }
}

/// A request of each function with a good reply, the word that makes data of it, and its rows.
pub(crate) fn replies() -> Vec<(Request, String, &'static str, usize)> {
    let labels = ["2026-11-19 10:10:00", "2026-11-19 10:05:00", "2026-11-19 10:00:00"];
    let minutes = || intraday_request(Interval::Min5, Hours::Regular);
    vec![
        (quote_request(), QUOTE.to_owned(), "globalquote", 1),
        (bulk_request(), BULK.to_owned(), "data", 3),
        (minutes(), intraday("5min", &labels), "timeseries", 3),
        (days_request(), equity_days(&["2026-11-20", "2026-11-19"], false), "timeseries", 2),
        (adjusted_request(), equity_days(&["2026-11-19", "2026-11-18"], true), "timeseries", 2),
        (rate_request(), RATE.to_owned(), "realtimecurrencyexchangerate", 1),
        (crypto_request(Interval::Min5), crypto_minutes("5min", &labels), "timeseries", 3),
        (fx_request(Interval::Min5), fx_minutes("5min", &labels), "timeseries", 3),
        (daily_request(), days(&["2026-11-20", "2026-11-19"]), "timeseries", 2),
        (news_request(), NEWS.to_owned(), "feed", 2),
        (Request::MarketStatus, MARKETS.to_owned(), "markets", 2),
        (Request::TopGainersLosers, MOVERS.to_owned(), "top", 4),
        (earnings_request(None), EARNINGS.to_owned(), "reportdate", 3),
    ]
}

/// The same in CSV, where there is one.
pub(crate) fn tables() -> Vec<(Request, String, &'static str, usize)> {
    let lines = |days: bool, volume: &str| {
        let labels = ["2026-11-19 10:10:00", "2026-11-19 10:05:00", "2026-11-18 10:05:00"];
        let label = |label: &str| if days { label[..10].to_owned() } else { label.to_owned() };
        let labels = labels.into_iter().skip(usize::from(days));
        labels.map(|at| format!("{},10.00,10.50,9.50,10.25{volume}\r\n", label(at))).collect::<String>()
    };
    let quote = "symbol,open,high,low,price,volume,latestDay,previousClose,change,changePercent\r\n\
                 ACME,50.1000,51.0000,49.5000,50.5000,123456,2026-11-19,50.0000,0.5000,1.0000%\r\n";
    let prices = "timestamp,open,high,low,close";
    let adjusted = "adjusted_close,volume,dividend_amount,split_coefficient";
    let minutes = intraday_request(Interval::Min5, Hours::Regular);
    vec![
        (quote_request(), quote.to_owned(), "latest", 1),
        (minutes, format!("{prices},volume\r\n{}", lines(false, ",700")), "timestamp", 3),
        (days_request(), format!("{prices},volume\r\n{}", lines(true, ",700")), "timestamp", 2),
        (adjusted_request(), format!("{prices},{adjusted}\n{}", lines(true, ",10.25,700,0.25,2.0")), "timestamp", 2),
        (crypto_request(Interval::Min5), format!("{prices},volume\n{}", lines(false, ",7")), "timestamp", 3),
        (fx_request(Interval::Min5), format!("{prices}\n{}", lines(false, "")), "timestamp", 3),
        (daily_request(), format!("{prices},volume\n{}", lines(true, ",7.5")), "timestamp", 2),
    ]
}

/// One of each function.
pub(crate) fn requests() -> Vec<Request> {
    replies().into_iter().map(|(request, ..)| request).collect()
}

pub(crate) fn read_at(
    expected: impl Into<Expected>,
    body: &str,
    now: &str,
    entitlement: Option<Entitlement>,
) -> Reading {
    let reply = Reply { status: 200, content_type: Some("application/json"), body: body.as_bytes() };
    read(expected, &reply, &Context { now: at(now), entitlement })
}

pub(crate) fn read_now(expected: impl Into<Expected>, body: &str) -> Reading {
    read_at(expected, body, NOW, None)
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

/// Minutes of ETH in CHF; the volume is a number.
pub(crate) fn crypto_minutes(interval: &str, labels: &[&str]) -> String {
    let bar = r#"{"1. open":"2400.50","2. high":"2410.0","3. low":"2390.25","4. close":"2401","5. volume":636}"#;
    let bars: Vec<_> = labels.iter().map(|label| format!("\"{label}\":{bar}")).collect();
    format!(
        r#"{{"Meta Data":{{"1. Information":"Crypto Intraday ({interval}) Time Series","2. Digital Currency Code":"ETH",
            "3. Digital Currency Name":"Ethereum","4. Market Code":"CHF","5. Market Name":"Swiss Franc",
            "6. Last Refreshed":"2026-11-19 10:10:00","7. Interval":"{interval}","8. Output Size":"Compact",
            "9. Time Zone":"UTC"}},"Time Series Crypto ({interval})":{{{}}}}}"#,
        bars.join(",")
    )
}

/// Minutes of EUR in CHF, without volume.
pub(crate) fn fx_minutes(interval: &str, labels: &[&str]) -> String {
    let bar = r#"{"1. open":"0.93120","2. high":"0.93150","3. low":"0.93100","4. close":"0.93140"}"#;
    let bars: Vec<_> = labels.iter().map(|label| format!("\"{label}\":{bar}")).collect();
    format!(
        r#"{{"Meta Data":{{"1. Information":"FX Intraday ({interval}) Time Series","2. From Symbol":"EUR",
            "3. To Symbol":"CHF","4. Last Refreshed":"2026-11-19 10:10:00","5. Interval":"{interval}",
            "6. Output Size":"Compact","7. Time Zone":"UTC"}},"Time Series FX ({interval})":{{{}}}}}"#,
        bars.join(",")
    )
}

/// Trading days of ACME, with or without what is adjusted.
pub(crate) fn equity_days(labels: &[&str], is_adjusted: bool) -> String {
    let volume = match is_adjusted {
        true => {
            r#""5. adjusted close":"4.9012","6. volume":"700","7. dividend amount":"0.2500","8. split coefficient":"2.0""#
        }
        false => r#""5. volume":"700""#,
    };
    let day = format!(r#"{{"1. open":"10.00","2. high":"10.50","3. low":"9.50","4. close":"10.25",{volume}}}"#);
    let days: Vec<_> = labels.iter().map(|label| format!("\"{label}\":{day}")).collect();
    format!(
        r#"{{"Meta Data":{{"1. Information":"Daily Prices (open, high, low, close) and Volumes","2. Symbol":"ACME",
            "3. Last Refreshed":"2026-11-20","4. Output Size":"Compact","5. Time Zone":"US/Eastern"}},
            "Time Series (Daily)":{{{}}}}}"#,
        days.join(",")
    )
}

/// Quotes of three symbols, two of them after hours.
pub(crate) const BULK: &str = r#"{"endpoint":"Realtime Bulk Quotes","message":"success","data":[
    {"symbol":"ACME","timestamp":"2026-11-19 19:59:57.644","open":"50.1","high":"51.0","low":"49.5","close":"50.5",
     "volume":"123456","previous_close":"50.0","change":"0.5","change_percent":"1.0000","extended_hours_quote":"52.75",
     "extended_hours_change":"2.25","extended_hours_change_percent":"4.45545"},
    {"symbol":"BRK.B","timestamp":"2026-11-19 16:00:01.000","open":"400","high":"404","low":"399","close":"402",
     "volume":"98765","previous_close":"400","change":"2","change_percent":"0.5","extended_hours_quote":"",
     "extended_hours_change":"","extended_hours_change_percent":""},
    {"symbol":"CELG^","timestamp":"2026-11-19 19:10:00.100","open":"0.17","high":"0.18","low":"0.16","close":"0.1699",
     "volume":"369651","previous_close":"0.1039","change":"0.066","change_percent":"63.5226",
     "extended_hours_quote":"0.15","extended_hours_change":"-0.0199","extended_hours_change_percent":"-11.71277"}]}"#;

/// Two articles, the second with as little as there may be.
pub(crate) const NEWS: &str = r#"{"items":"2","sentiment_score_definition":"x <= -0.35: Bearish",
    "relevance_score_definition":"0 < x <= 1","feed":[
    {"title":"ACME opens a mill","url":"https://news.example/1","time_published":"20261120T101500",
     "authors":["A. Writer","B. Writer"],"summary":"It grinds, finely.","banner_image":"https://news.example/1.png",
     "source":"The Example","category_within_source":"General","source_domain":"news.example",
     "topics":[{"topic":"manufacturing","relevance_score":"0.846949"}],"overall_sentiment_score":0.22902,
     "overall_sentiment_label":"Somewhat-Bullish","ticker_sentiment":[{"ticker":"ACME","relevance_score":"1.000000",
     "ticker_sentiment_score":"0.061509","ticker_sentiment_label":"Neutral"},{"ticker":"CRYPTO:BTC",
     "relevance_score":"0.1","ticker_sentiment_score":"-0.5","ticker_sentiment_label":"Bearish"}]},
    {"title":"Nothing happened","url":"https://news.example/2","time_published":"20261120T0900","authors":[],
     "summary":"","banner_image":null,"source":"The Example","topics":[]}]}"#;

/// Two markets.
pub(crate) const MARKETS: &str = r#"{"endpoint":"Global Market Open & Close Status","markets":[
    {"market_type":"Equity","region":"United States","primary_exchanges":"NASDAQ, NYSE","local_open":"09:30",
     "local_close":"16:15","current_status":"open","notes":""},
    {"market_type":"Forex","region":"Global","primary_exchanges":"Global","local_open":"00:00","local_close":"23:59",
     "current_status":"closed","notes":"Rests on weekends"}]}"#;

/// Two gainers, a loser and one that is traded.
pub(crate) const MOVERS: &str = r#"{"metadata":"Top gainers, losers, and most actively traded US tickers",
    "last_updated":"2026-11-19 16:16:00 US/Eastern",
    "top_gainers":[{"ticker":"DUKRW","price":"1.8","change_amount":"1.79","change_percentage":"17900.0%","volume":"166004"},
     {"ticker":"CELG^","price":"0.1699","change_amount":"0.066","change_percentage":"63.5226%","volume":"369651"}],
    "top_losers":[{"ticker":"OPFI+","price":"0.5","change_amount":"-0.5","change_percentage":"-50.0%","volume":"1"}],
    "most_actively_traded":[{"ticker":"CELG^","price":"0.1699","change_amount":"0.066",
     "change_percentage":"63.5226%","volume":"369651"}]}"#;

/// Three reports, one of a company whose name has a comma and an end of line.
pub(crate) const EARNINGS: &str = "symbol,name,reportDate,fiscalDateEnding,estimate,currency,timeOfTheDay\r\n\
    ACME,Acme Corp,2026-12-03,2026-10-31,1.58,USD,post-market\r\n\
    BRK.B,\"Berk, Shire\nInc\",2027-02-20,2026-12-31,,USD,\r\n\
    ACME,Acme Corp,2027-03-04,2027-01-31,-0.1,USD,pre-market\r\n";

/// A bar in short: its begin and its flags.
pub(crate) fn bar_in_short(observation: &Observation) -> String {
    let Fact::Bar(bar) = &observation.fact else { return "no bar".to_owned() };
    let flags: Vec<_> = observation.flags.iter().map(|flag: &Flag| flag.as_str()).collect();
    format!("{} {}", bar.bar.start, flags.join(" ")).trim_end().to_owned()
}
